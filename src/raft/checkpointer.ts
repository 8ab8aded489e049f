// When does a leader put a checkpoint in the log? After so many entries, and after so long when there were any.

import { Effect } from "effect"
import { isServing } from "../consensus/node.ts"
import { takesCommands } from "../consensus/room.ts"
import type { Index } from "../consensus/types.ts"
import { checkpointCommand } from "../machine/system/checkpoint.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { ProposalOrigin } from "./origins.ts"

const LOOK_MILLIS = 100
/** While there is nothing to put one behind. */
const IDLE_LOOK_MILLIS = 250

/**
 * What a leader does while the group is awake. One at a time: a slow disk must not fill the log with them. Where the group may
 * rest the first comes with the leader's first entry (`isFirst`): no group is to stay awake for it alone.
 */
export const checkpointer = (
  group: Group,
  checkpoints: Checkpoints,
  isFirst: boolean,
): (() => Effect.Effect<void>) => {
  const { clock, node, options, rest } = group
  /** Behind which checkpoint the next one is on its way; null: none is. */
  let underWay: number | null = null
  const origin: ProposalOrigin = {
    applied: () => {},
    dismissed: () => {
      underWay = null
    },
  }
  const isPossible = () => takesCommands(node) && group.partings.current === null
  const propose = (last: Index): void => {
    underWay = last
    const time = clock.currentTimeMillisUnsafe()
    const proposal = { kind: "command" as const, data: checkpointCommand, origin }
    post(group, { type: "Proposed", time, proposals: [proposal] })
  }
  if (isFirst && options.rests && isPossible()) propose(checkpoints.newest?.index ?? 0)
  return Effect.fnUntraced(function* () {
    while (!rest.isResting) {
      const isIdle = node.appliedIndex <= (checkpoints.newest?.index ?? 0)
      yield* Effect.sleep(Math.min(options.checkpointMillis, isIdle ? IDLE_LOOK_MILLIS : LOOK_MILLIS))
      const last = checkpoints.newest?.index ?? 0
      if (underWay !== null && underWay === last) continue
      underWay = null
      if (!isServing(node) || !isPossible()) continue
      const applied = node.appliedIndex - last
      const isDue = nowOf(clock) - checkpoints.notedAt >= options.checkpointMillis
      if ((applied <= 0 && !checkpoints.isUnheard) || (applied < options.checkpointEntries && !isDue))
        continue
      propose(last)
    }
  })
}
