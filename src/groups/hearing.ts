// What has `main` decided up to now? Whoever acts on its members asks first: a replica may lag.

import { Effect } from "effect"
import { isSettled } from "../consensus/configuration.ts"
import type { Configuration, Millis, NodeId } from "../consensus/types.ts"
import type { QueryOutcome } from "../machine/outcome.ts"
import type { Failure, Raft } from "../raft/Raft.ts"
import { foundingOf } from "./founding.ts"

type Asked = Pick<Raft["Service"], "read" | "now">

/** True: all that `main` had committed before now is applied here. False: nobody has said so before `deadline`. */
export const heardMain = (raft: Asked, deadline: Millis): Effect.Effect<boolean> =>
  Effect.map(
    Effect.callback<QueryOutcome | Failure>((resume) =>
      raft.read({
        query: { type: "list", actor: "", prefix: "", after: "", limit: 1 },
        consistency: "linearizable",
        minIndex: 0,
        maxStalenessMillis: Number.POSITIVE_INFINITY,
        deadline,
        answer: (given) => resume(Effect.succeed(given)),
      }),
    ),
    ({ _tag }) => _tag !== "Failure",
  )

/**
 * With whom a group begins that this node opens now; a text: why nobody can say by `deadline`. `main`'s leader refuses any
 * others than those whom it has when it comes to that. `incarnations`: as for `foundingOf`.
 */
export const foundingNow = (
  raft: Asked & Pick<Raft["Service"], "status">,
  incarnations: ReadonlyMap<NodeId, string>,
  deadline: Millis,
): Effect.Effect<Configuration | string> =>
  Effect.map(heardMain(raft, deadline), (isHeard) => {
    if (!isHeard) return "This node does not hear the leader of main."
    const { committed, configuration } = raft.status()
    // What is appended here and not committed yet may well come to be.
    return foundingOf(isSettled(configuration) ? committed : configuration, incarnations)
  })
