// What must hold in a run of the decisions alone? The promises that every simulation keeps, and what is said to
// those who wait for a proposal or a read.

import { assert } from "../../src/consensus/assert.ts"
import type { Node, Turn } from "../../src/consensus/node.ts"
import type { Index, Millis, NodeId, Origin } from "../../src/consensus/types.ts"
import { Invariants } from "../../src/simulation/Invariants.ts"
import type { Disk } from "./Disk.ts"

/** Who waits for a proposal or a read of a run. */
export class Waiting implements Origin {
  readonly kind: "proposal" | "read"
  /** Everything up to here was committed when the read was requested. */
  readonly floor: Index
  /** It is in a log: from now on nobody can say that it will not happen. */
  isLogged = false
  answer: "applied" | "served" | "not-leader" | "lost" | null = null

  constructor(kind: "proposal" | "read", floor: Index) {
    this.kind = kind
    this.floor = floor
  }

  answered(answer: NonNullable<Waiting["answer"]>): void {
    assert(this.answer === null, "who waits is answered once", this.answer, answer)
    assert(
      answer !== "not-leader" || !this.isLogged,
      "what may still happen is not rejected (C2, R12)",
      answer,
    )
    this.answer = answer
  }
}

export class Checker extends Invariants {
  /** After every turn, before its messages leave. */
  turn(node: Node, turn: Turn, disks: ReadonlyMap<NodeId, Disk>, now: Millis): void {
    this.turned(node, turn, (id) => disks.get(id) ?? null, now)
    for (const { to, message } of turn.messages) this.said(node.id, to, message, disks.get(node.id)!)
    for (const { origin, index } of turn.reads) {
      const { floor } = origin as Waiting
      assert(
        index >= floor,
        `a read sees all that was committed before it (L1–L5) at ${node.id}`,
        index,
        floor,
      )
    }
    for (const { origin } of turn.write?.entries ?? [])
      if (origin !== null) (origin as Waiting).isLogged = true
    for (const { origin, reason } of turn.dismissed)
      (origin as Waiting).answered(reason === "members-changed" ? "not-leader" : reason)
  }
}
