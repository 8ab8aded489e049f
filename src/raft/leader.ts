// What lives while a node leads? A heartbeat, and a replicator for each peer.

import { Effect, Scope } from "effect"
import type { Leader } from "../consensus/node.ts"
import { type Group, post } from "./Group.ts"
import { replicator } from "./replicator.ts"
import { Signal } from "./Signal.ts"
import type { Run } from "./turns.ts"

/** Begins all of them; they end with the scope. */
export const leaderLife = Effect.fnUntraced(function* (
  group: Group,
  role: Leader,
  run: Run,
  scope: Scope.Scope,
) {
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => group.replicators.clear()),
  )
  for (const [peer, progress] of role.progress) {
    const signal = new Signal()
    signal.raise()
    group.replicators.set(peer, signal)
    yield* run(replicator(group, peer, progress, signal), scope)
  }
  yield* run(heartbeat(group), scope)
})

const heartbeat = Effect.fnUntraced(function* (group: Group) {
  while (true) {
    yield* Effect.sleep(group.options.limits.heartbeatMillis)
    post(group, { type: "HeartbeatDue" })
  }
})
