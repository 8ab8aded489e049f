// How does the node's Effect world reach log.db: in a thread of its own, or, for tools and tests, in this one?

import { Effect, Layer } from "effect"
import { BrokenCode } from "./assert.ts"
import type { DataDirectory } from "./DataDirectory.ts"
import { LogFile } from "./LogFile.ts"
import { LogStore } from "./LogStore.ts"
import { openLogThread } from "./LogThread.ts"
import { openLogDirectory } from "./logDirectory.ts"
import { type LogCall, type LogOperation, type LogOperations, runOperation } from "./logProtocol.ts"
import { answerOf, makeLogStore } from "./logService.ts"

/** Log and hard state in `log.db`, in a storage thread. The directory must be held: {@link DataDirectory}. */
export const layerSqlite = (directory: DataDirectory) =>
  Layer.effect(
    LogStore,
    Effect.flatMap(openLogThread(), (call) => makeLogStore(directory, call)),
  )

/** The same on the caller's thread: a slow disk holds up everything. For tools and tests. */
export const layerSqliteInThread = (directory: DataDirectory) =>
  Layer.effect(
    LogStore,
    Effect.suspend(() => makeLogStore(directory, callInThread())),
  )

const callInThread = (): LogCall => {
  let store: LogFile | null = null
  const run = (operation: LogOperation, values: ReadonlyArray<unknown>): unknown => {
    if (operation === "open") {
      const [directory, identity] = values as Parameters<LogOperations["open"]>
      store = LogFile.open(openLogDirectory(directory, identity))
      return undefined
    }
    if (store === null) throw new BrokenCode(`${operation} before open`)
    const result = runOperation(store, operation, values)
    if (operation === "write") store.relieve()
    return result
  }
  return ((operation, ...values) => Effect.suspend(() => answerOf(() => run(operation, values)))) as LogCall
}
