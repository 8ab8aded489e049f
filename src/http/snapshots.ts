// How long may a copy of the state take, and what does a client learn when there is none?

import { Effect } from "effect"
import type { CopyFailed } from "../raft/Raft.ts"
import { Problem } from "./problem.ts"

/** The copy, or the problem to answer with. */
export const orProblem = <A, R>(
  copy: Effect.Effect<A, CopyFailed, R>,
): Effect.Effect<A | Problem, never, R> =>
  copy.pipe(
    Effect.catchTags({
      StorageFull: () => Effect.succeed(new Problem("storage-full", "There is no room for a snapshot.")),
      StateInRepair: () =>
        Effect.succeed(
          new Problem("not-ready", "This node's state is not what the others have: it is in repair."),
        ),
      StateEmpty: () =>
        Effect.succeed(new Problem("not-ready", "Nothing has come into this node's state yet.")),
      // A node whose disk or machine has failed is on its way out (HAZARDS S2).
      StorageFailed: (failed) => Effect.succeed(new Problem("shutting-down", failed.message)),
      MachineFailed: (failed) => Effect.succeed(new Problem("shutting-down", failed.message)),
    }),
  )

/** The answer, or `late` when it has not come in time. What is asked for goes on. */
export const within = async <A, B>(millis: number, answer: Promise<A>, late: B): Promise<A | B> => {
  const { promise, resolve } = Promise.withResolvers<B>()
  const timer = setTimeout(() => resolve(late), millis)
  try {
    return await Promise.race([answer, promise])
  } finally {
    clearTimeout(timer)
  }
}
