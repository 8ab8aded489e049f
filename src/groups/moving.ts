// What is to be done next for keys that are on their way from one group to another? Told from what `main` and the two groups
// say, whoever drove it before, and however far that one came.

import type { Index } from "../consensus/types.ts"
import type { Giving, Move, Owned, Taking } from "../machine/system/Whereabouts.ts"

export type MoveStep =
  /** The first group lets go of them. */
  | { readonly type: "release" }
  /** It has refused that. */
  | { readonly type: "abandon"; readonly reason: string }
  /** The other one takes in what belongs to them, from there on; when it is all there it has them. */
  | { readonly type: "handOver"; readonly portion: number; readonly cursor: string; readonly time: number }
  /** It has them: `main` says so. */
  | { readonly type: "assign" }
  /** The first group forgets them. */
  | { readonly type: "drop" }
  | { readonly type: "finish" }
  /** The answers do not fit together: one of them was older than the others, or something is broken. */
  | { readonly type: "unclear" }

/** `giver`, `taker`: what each of the two groups has said last, asked after `main`; null: it has nothing of the actor. */
export const nextStep = (
  { id, phase }: Pick<Move, "id" | "phase">,
  giver: Owned | null,
  taker: Owned | null,
): MoveStep => {
  if (phase === "moved") {
    // It was released, or nobody could have taken it: what was asked is older, or a decree has taken the group back.
    if ((giver?.lastMove ?? 0) < id) return { type: "release" }
    return givingOf(giver, id) === null ? { type: "finish" } : { type: "drop" }
  }
  const taking = takingOf(taker, id)
  if (taking === null && (taker?.lastMove ?? 0) >= id) return { type: "assign" }
  if ((giver?.lastMove ?? 0) < id) return { type: "release" }
  if (giver?.refused?.move === id) return { type: "abandon", reason: giver.refused.reason }
  const giving = givingOf(giver, id)
  if (giving === null || giving.isDropping) return { type: "unclear" }
  const { portions: portion, cursor } = taking ?? { portions: 0, cursor: "" }
  return { type: "handOver", portion, cursor, time: giving.time }
}

const givingOf = (owned: Owned | null, move: Index): Giving | null =>
  owned?.underWay?.role === "gives" && owned.underWay.move === move ? owned.underWay : null

const takingOf = (owned: Owned | null, move: Index): Taking | null =>
  owned?.underWay?.role === "takes" && owned.underWay.move === move ? owned.underWay : null
