// Who stands between the node's fibers and the storage thread?

import { Effect, type Scope } from "effect"
import { BrokenCode } from "./assert.ts"
import { unpackEntries } from "./entryCodec.ts"
import { type GroupWrite, StorageFailed } from "./LogStore.ts"
import {
  type LogCall,
  type LogCore,
  type LogError,
  type LogReply,
  type LogRequest,
  packBatch,
  unpackError,
} from "./logProtocol.ts"

type Resume = (effect: Effect.Effect<unknown, LogError>) => void

/**
 * The thread answers in the order of the requests, so several may be under way. It keeps the process alive
 * only while somebody waits for it. A thread that dies fails everything under way and everything after.
 */
class LogThread {
  private readonly worker: Worker
  private readonly waiting = new Map<number, Resume>()
  private nextId = 1
  private death: StorageFailed | null = null
  isShort = false
  sequence = 0

  constructor(module: URL) {
    this.worker = new Worker(module, { name: "raftlet log" })
    this.worker.unref()
    this.worker.onmessage = (event: MessageEvent<LogReply>) => this.settle(event.data)
    this.worker.onerror = (event) => this.die(event.message)
    this.worker.addEventListener("close", () => this.die("the storage thread ended"))
  }

  request(operation: LogRequest["operation"], values: ReadonlyArray<unknown>, resume: Resume): void {
    if (this.death !== null) return resume(Effect.fail(this.death))
    if (this.waiting.size === 0) this.worker.ref()
    const id = this.nextId++
    this.waiting.set(id, resume)
    if (operation === "write") {
      const { counted, entries } = packBatch(values[0] as ReadonlyArray<GroupWrite>)
      const request: LogRequest = { id, operation, arguments: [counted], entries }
      this.worker.postMessage(request, [entries.buffer])
    } else {
      const request: LogRequest = { id, operation, arguments: values, entries: null }
      this.worker.postMessage(request)
    }
  }

  terminate(): void {
    this.die("the storage thread was closed")
    this.worker.terminate()
  }

  private settle({ id, result, entries, error, isShort, sequence }: LogReply): void {
    this.isShort = isShort
    this.sequence = sequence
    const resume = this.waiting.get(id)
    this.waiting.delete(id)
    if (this.waiting.size === 0) this.worker.unref()
    resume?.(outcomeOf(entries === null ? result : unpackEntries(entries), error))
  }

  private die(message: string): void {
    this.death ??= new StorageFailed({ operation: "thread", message, cause: message })
    for (const resume of this.waiting.values()) resume(Effect.fail(this.death))
    this.waiting.clear()
  }
}

/** Ends with the scope. What was asked before the end is done first. */
export const openLogThread = (
  module = new URL("./logWorker.ts", import.meta.url),
): Effect.Effect<LogCore, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new LogThread(module)),
    (thread) => Effect.sync(() => thread.terminate()),
  ).pipe(
    Effect.map((thread) => ({
      call: ((operation, ...values) =>
        Effect.callback((resume: Resume) => thread.request(operation, values, resume))) as LogCall,
      isShort: () => thread.isShort,
      sequence: () => thread.sequence,
    })),
  )

const outcomeOf = (result: unknown, error: LogReply["error"]): Effect.Effect<unknown, LogError> => {
  if (error === null) return Effect.succeed(result)
  const unpacked = unpackError(error)
  return unpacked instanceof BrokenCode ? Effect.die(unpacked) : Effect.fail(unpacked)
}
