// How does the node's Effect world reach log.db: in a thread of its own, or, for tools and tests, in this one?

import { Effect, Layer } from "effect"
import { BrokenCode } from "./assert.ts"
import type { DataDirectory } from "./DataDirectory.ts"
import { LogFile } from "./LogFile.ts"
import { LogStore } from "./LogStore.ts"
import { openLogThread } from "./LogThread.ts"
import { openLogDirectory } from "./logDirectory.ts"
import {
  type LogCall,
  type LogCore,
  type LogOperation,
  type LogOperations,
  runOperation,
} from "./logProtocol.ts"
import { answerOf, makeLogStore } from "./logService.ts"

/**
 * Log and hard state in `log.db`, in a storage thread. The directory must be held: {@link DataDirectory}.
 * `reserveBytes` are kept for when the disk is full; null: as much as is usual.
 */
export const layerSqlite = (directory: DataDirectory, reserveBytes: number | null = null) =>
  Layer.effect(
    LogStore,
    Effect.flatMap(openLogThread(), (core) => makeLogStore({ ...directory, reserveBytes }, core)),
  )

/** The same on the caller's thread: a slow disk holds up everything. For tools and tests. */
export const layerSqliteInThread = (directory: DataDirectory) =>
  Layer.effect(
    LogStore,
    Effect.suspend(() => makeLogStore({ ...directory, reserveBytes: null }, coreInThread())),
  )

const coreInThread = (): LogCore => {
  let store: LogFile | null = null
  const run = (operation: LogOperation, values: ReadonlyArray<unknown>): unknown => {
    if (operation === "open") {
      store = LogFile.open(openLogDirectory(...(values as Parameters<LogOperations["open"]>)))
      return undefined
    }
    if (store === null) throw new BrokenCode(`${operation} before open`)
    const result = runOperation(store, operation, values)
    if (operation === "write") store.relieve()
    return result
  }
  return {
    call: ((operation, ...values) => Effect.suspend(() => answerOf(() => run(operation, values)))) as LogCall,
    isShort: () => store?.isShort === true,
    sequence: () => store?.sequence ?? 0,
  }
}
