// How do the operations of the core become the promises of LogStore, wherever the core runs?

import { Deferred, Effect } from "effect"
import { BrokenCode } from "./assert.ts"
import type { DataDirectory } from "./DataDirectory.ts"
import { Gathering } from "./Gathering.ts"
import { LogStore, StorageFailed, type StorageFull } from "./LogStore.ts"
import { type LogCore, type LogError, packError, unpackError } from "./logProtocol.ts"
import { fullMillis, untilRoom } from "./untilRoom.ts"

const idleMillis = 1_000

/** Opened with the scope, and closed with it. */
export const makeLogStore = Effect.fnUntraced(function* (
  options: Pick<DataDirectory, "directory" | "identity"> & { readonly reserveBytes: number | null },
  { call, isShort, sequence }: LogCore,
) {
  yield* call("open", options.directory, options.identity, options.reserveBytes).pipe(
    Effect.mapError((error) => (error._tag === "DataDirectoryRefused" ? error : stopped(error))),
  )
  yield* Effect.addFinalizer(() => Effect.ignore(call("close")))
  const failure = yield* Deferred.make<never, StorageFailed>()
  yield* Effect.suspend(() => Effect.sleep(isShort() ? fullMillis : idleMillis)).pipe(
    Effect.andThen(call("idle")),
    Effect.forever,
    // Whatever failed before, in a call or between two of them, fails here as well.
    Effect.catch((error) => Deferred.fail(failure, stopped(error))),
    Effect.forkScoped,
  )
  const sweep = Effect.fnUntraced(function* (group: string) {
    // A request of its own for every piece: writes that wait go in between.
    while (yield* call("sweep", group)) yield* Effect.yieldNow
  })
  const gathering = new Gathering(call)
  const sweepForgotten = Effect.gen(function* () {
    while (yield* call("sweepForgotten")) yield* Effect.yieldNow
  })
  let outran = 0
  return LogStore.of({
    identity: options.identity,
    failed: Deferred.await(failure),
    rememberIncarnation: (peer, incarnation) =>
      Effect.mapError(call("rememberIncarnation", peer, incarnation), stopped),
    incarnations: Effect.mapError(call("incarnations"), stopped),
    load: (options) => Effect.mapError(call("load", options), stopped),
    write: (batch) => Effect.mapError(gathering.write(batch), stoppedOrFull),
    read: (options) =>
      Effect.mapError(call("read", options), (error) =>
        error._tag === "Compacted" ? error : stopped(error),
      ),
    compact: (options) =>
      call("moveBase", options).pipe(Effect.andThen(sweep(options.group)), Effect.mapError(stoppedOrFull)),
    installed: (group) =>
      // The state rests on it already: there is no way back, and no way on without the note.
      untilRoom(Effect.andThen(call("installed", group), sweep(group))).pipe(Effect.mapError(stopped)),
    forget: (group) =>
      untilRoom(call("forget", group)).pipe(
        // On a disk without room what is left stays: the group is gone without that (HAZARDS S7).
        Effect.andThen(Effect.catchTag(sweepForgotten, "StorageFull", () => Effect.void)),
        Effect.mapError(stopped),
      ),
    isShort,
    sequence,
    outrun: (sequence) =>
      Effect.suspend(() => {
        outran = Math.max(outran, sequence)
        return untilRoom(call("outrun", sequence)).pipe(Effect.mapError(stopped))
      }),
    outran: () => outran,
    giveRoom: Effect.mapError(call("giveRoom"), stopped),
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
        message: error._tag === "StorageFull" ? "no room on the disk" : error._tag,
        cause: error,
      })

const stoppedOrFull = (error: LogError): StorageFailed | StorageFull =>
  error._tag === "StorageFull" ? error : stopped(error)
