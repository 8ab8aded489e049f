// How do the operations of the core become the promises of LogStore, wherever the core runs?

import { Deferred, Effect } from "effect"
import { BrokenCode } from "./assert.ts"
import type { DataDirectory } from "./DataDirectory.ts"
import { LogStore, StorageFailed, type StorageFull } from "./LogStore.ts"
import { type LogCall, type LogError, packError, unpackError } from "./logProtocol.ts"

const idleMillis = 1_000

/** Opened with the scope, and closed with it. */
export const makeLogStore = Effect.fnUntraced(function* (
  directory: Pick<DataDirectory, "directory" | "identity">,
  call: LogCall,
) {
  yield* call("open", directory.directory, directory.identity).pipe(
    Effect.mapError((error) => (error._tag === "DataDirectoryRefused" ? error : stopped(error))),
  )
  yield* Effect.addFinalizer(() => Effect.ignore(call("close")))
  const failure = yield* Deferred.make<never, StorageFailed>()
  yield* call("idle").pipe(
    Effect.delay(idleMillis),
    Effect.forever,
    // Whatever failed before, in a call or between two of them, fails here as well.
    Effect.catch((error) => Deferred.fail(failure, stopped(error))),
    Effect.forkScoped,
  )
  const sweep = Effect.fnUntraced(function* (group: string) {
    // A request of its own for every piece: writes that wait go in between.
    while (yield* call("sweep", group)) yield* Effect.yieldNow
  })
  return LogStore.of({
    identity: directory.identity,
    failed: Deferred.await(failure),
    rememberIncarnation: (peer, incarnation) =>
      Effect.mapError(call("rememberIncarnation", peer, incarnation), stopped),
    load: (options) => Effect.mapError(call("load", options), stopped),
    write: (batch) => Effect.mapError(call("write", batch), stoppedOrFull),
    read: (options) =>
      Effect.mapError(call("read", options), (error) =>
        error._tag === "Compacted" ? error : stopped(error),
      ),
    compact: (options) =>
      call("moveBase", options).pipe(Effect.andThen(sweep(options.group)), Effect.mapError(stoppedOrFull)),
    installed: (group) =>
      call("installed", group).pipe(Effect.andThen(sweep(group)), Effect.mapError(stopped)),
  })
})

/** What a core that runs on this thread answers, as the storage thread would. */
export const answerOf = <A>(body: () => A): Effect.Effect<A, LogError> => {
  try {
    return Effect.succeed(body())
  } catch (error) {
    const unpacked = unpackError(packError(error))
    return unpacked instanceof BrokenCode ? Effect.die(unpacked) : Effect.fail(unpacked)
  }
}

const stopped = (error: LogError): StorageFailed =>
  error._tag === "StorageFailed"
    ? error
    : new StorageFailed({
        operation: "operation" in error ? error.operation : "",
        message: error._tag,
        cause: error,
      })

const stoppedOrFull = (error: LogError): StorageFailed | StorageFull =>
  error._tag === "StorageFull" ? error : stopped(error)
