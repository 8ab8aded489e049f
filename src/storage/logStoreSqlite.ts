// How does the node's Effect world reach log.db: in a thread of its own, or, for tools and tests, in this one?

import { Effect, Layer } from "effect"
import { BrokenCode } from "./assert.ts"
import type { DataDirectory } from "./DataDirectory.ts"
import { LogFile } from "./LogFile.ts"
import { LogStore, StorageFailed, type StorageFull } from "./LogStore.ts"
import { openLogThread } from "./LogThread.ts"
import { openLogDirectory } from "./logDirectory.ts"
import {
  type LogCall,
  type LogError,
  type LogOperation,
  type LogOperations,
  packError,
  runOperation,
  unpackError,
} from "./logProtocol.ts"

/** Log and hard state in `log.db`, in a storage thread. The directory must be held: {@link DataDirectory}. */
export const layerSqlite = (directory: DataDirectory) =>
  Layer.effect(
    LogStore,
    Effect.flatMap(openLogThread(), (call) => makeStore(directory, call)),
  )

/** The same on the caller's thread: a slow disk holds up everything. For tools and tests. */
export const layerSqliteInThread = (directory: DataDirectory) =>
  Layer.effect(
    LogStore,
    Effect.suspend(() => makeStore(directory, callInThread())),
  )

const idleMillis = 1_000

const makeStore = Effect.fnUntraced(function* (directory: DataDirectory, call: LogCall) {
  yield* call("open", directory.directory, directory.identity).pipe(
    Effect.mapError((error) => (error._tag === "DataDirectoryRefused" ? error : stopped(error))),
  )
  yield* Effect.addFinalizer(() => Effect.ignore(call("close")))
  yield* call("idle").pipe(
    Effect.delay(idleMillis),
    Effect.forever,
    // The store has stopped; the next write says so to somebody who can act on it.
    Effect.ignore,
    Effect.forkScoped,
  )
  const sweep = Effect.fnUntraced(function* (group: string) {
    // A request of its own for every piece: writes that wait go in between.
    while (yield* call("sweep", group)) yield* Effect.yieldNow
  })
  return LogStore.of({
    identity: directory.identity,
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

const callInThread = (): LogCall => {
  let store: LogFile | null = null
  const run = (operation: LogOperation, values: ReadonlyArray<unknown>): unknown => {
    if (operation === "open") {
      const [directory, identity] = values as Parameters<LogOperations["open"]>
      store = LogFile.open(openLogDirectory(directory, identity))
      return undefined
    }
    if (store === null) throw new BrokenCode(`${operation} before open`)
    return runOperation(store, operation, values)
  }
  return ((operation, ...values) =>
    Effect.suspend(() => {
      try {
        const result = run(operation, values)
        if (operation === "write") store?.relieve()
        return Effect.succeed(result)
      } catch (error) {
        const unpacked = unpackError(packError(error))
        return unpacked instanceof BrokenCode ? Effect.die(unpacked) : Effect.fail(unpacked)
      }
    })) as LogCall
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
