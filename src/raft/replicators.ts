// Who lives beside a leader? One replicator for each member that receives the log, as members come and go.

import { Effect, Exit, Scope } from "effect"
import type { Leader } from "../consensus/node.ts"
import type { Progress } from "../consensus/Progress.ts"
import type { NodeId } from "../consensus/types.ts"
import { Errand } from "./Errand.ts"
import type { Group } from "./Group.ts"
import { replicate } from "./replicator.ts"
import type { Run } from "./run.ts"

/** Every progress of the leader has its replicator, and no other one lives. */
export const areReplicating = ({ replicators }: Group, { progress }: Leader): boolean => {
  if (replicators.size !== progress.size) return false
  for (const [peer, own] of progress) if (replicators.get(peer)?.progress !== own) return false
  return true
}

/** Makes {@link areReplicating} true; the lives end with the scope at the latest. */
export const replicateToMembers = Effect.fnUntraced(function* (
  group: Group,
  { progress }: Leader,
  run: Run,
  scope: Scope.Scope,
) {
  const { replicators } = group
  for (const [peer, replicating] of [...replicators]) {
    if (progress.get(peer) === replicating.progress) continue
    replicators.delete(peer)
    yield* Scope.close(replicating.scope, Exit.void)
  }
  for (const [peer, own] of progress) if (!replicators.has(peer)) yield* begin(group, peer, own, run, scope)
})

const begin = Effect.fnUntraced(function* (
  group: Group,
  peer: NodeId,
  progress: Progress,
  run: Run,
  scope: Scope.Scope,
) {
  const own = yield* Scope.fork(scope)
  const errand = new Errand(
    (life) => run(life, own),
    () => replicate(group, peer, progress, errand),
  )
  group.replicators.set(peer, { progress, errand, scope: own })
  errand.raise()
})
