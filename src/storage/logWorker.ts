// The storage thread: owns log.db, so that a slow sync never holds up a heartbeat (HAZARDS S13).

import type { Entry, Write } from "../consensus/types.ts"
import { packEntries } from "./entryCodec.ts"
import { LogFile } from "./LogFile.ts"
import type { Identity } from "./LogStore.ts"
import { openLogDirectory } from "./logDirectory.ts"
import { type LogReply, type LogRequest, packError, runOperation, unpackBatch } from "./logProtocol.ts"

declare const self: Worker

let store: LogFile | null = null

const run = (request: LogRequest): Pick<LogReply, "result" | "entries"> => {
  if (request.operation === "open") {
    const [directory, identity, reserveBytes] = request.arguments as [string, Identity, number | null]
    store = LogFile.open(openLogDirectory(directory, identity, reserveBytes))
    return { result: null, entries: null }
  }
  if (store === null) throw new Error(`${request.operation} before open`)
  if (request.operation === "write") {
    const [counted] = request.arguments as [ReadonlyArray<{ group: string; write: Write; count: number }>]
    store.write(unpackBatch(counted, request.entries!))
    return { result: null, entries: null }
  }
  const result = runOperation(store, request.operation, request.arguments)
  return request.operation === "read"
    ? { result: null, entries: packEntries(result as ReadonlyArray<Entry>) }
    : { result, entries: null }
}

const reply = (request: LogRequest): LogReply => {
  const { id } = request
  try {
    const answer = run(request)
    return { id, ...answer, error: null, ...standing() }
  } catch (error) {
    return { id, result: null, entries: null, error: packError(error), ...standing() }
  }
}

const standing = () => ({ isShort: store?.isShort === true, sequence: store?.sequence ?? 0 })

self.onmessage = (event: MessageEvent<LogRequest>) => {
  const answer = reply(event.data)
  self.postMessage(answer, answer.entries === null ? [] : [answer.entries.buffer])
  // After the reply: nobody waits for it but the next batch. A failure tells itself with that batch.
  if (event.data.operation === "write" && answer.error === null) relieve()
}

const relieve = (): void => {
  try {
    store?.relieve()
  } catch {
    // The store has stopped and says so to every later call.
  }
}
