// How does the cluster know in which zone a node is? The node says so itself, whenever `main` has it otherwise.

import { Effect } from "effect"
import { members } from "../consensus/configuration.ts"
import type { NodeId } from "../consensus/types.ts"
import { encodeSystem } from "../machine/system/commands.ts"
import { sleepTogether } from "../transport/together.ts"
import type { RunningGroup } from "./Groups.ts"
import { proposed } from "./proposing.ts"

const LOOK_MILLIS = 1_000
const ANSWER_MILLIS = 5_000

/** `zone`: null: in none. */
export const zoneTeller = Effect.fnUntraced(function* (
  { raft }: RunningGroup,
  zone: string | null,
  zones: () => Readonly<Record<NodeId, string>>,
) {
  const { id } = raft.status()
  while (true) {
    yield* sleepTogether(LOOK_MILLIS)
    if ((zones()[id] ?? null) === zone) continue
    const { ready, committed } = raft.status()
    // What it has of main may be older than what it has said.
    if (!ready || !members(committed).includes(id) || (zones()[id] ?? null) === zone) continue
    yield* proposed(raft, ANSWER_MILLIS, (name) =>
      encodeSystem("$node/zone", { key: id, input: { zone }, id: name, door: id }),
    )
  }
})
