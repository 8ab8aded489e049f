// How does a node stop leading that cannot go on? It hands over, and waits no longer than that may take.

import { Effect } from "effect"
import type { NodeId } from "../consensus/types.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Hands } from "./Hands.ts"

/** `to`: null for whoever is furthest. Nothing is to be done where this node does not lead. */
export const handOver = (
  life: { readonly group: Group; readonly today: Hands },
  to: NodeId | null,
): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const { group } = life
    if (group.node.role.kind !== "leader") return resume(Effect.void)
    const deadline = nowOf(group.clock) + 2 * group.options.limits.electionTimeoutMaxMillis
    life.today.operations.transfer({ to, deadline, answer: () => resume(Effect.void) }, true)
  })
