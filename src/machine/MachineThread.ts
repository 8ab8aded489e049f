// How does the consensus thread ask a thread of machines for something, and what becomes of who waits when that ends?

import { Effect, type Scope } from "effect"
import type { GroupId } from "../consensus/types.ts"
import { type FailureReason, MachineFailed } from "./MachineHost.ts"
import type { Operation, Operations, Reply, Request } from "./threadProtocol.ts"

/** Asks the thread for something, and waits for its answer. */
export type Call = <Name extends Operation>(
  operation: Name,
  given: Operations[Name]["given"],
) => Effect.Effect<Operations[Name]["gives"], MachineFailed>

type Resume = (effect: Effect.Effect<unknown, MachineFailed>) => void

/**
 * A thread with the machines of groups. It keeps the process alive only while somebody waits for it.
 * A thread that dies fails everything under way and everything after.
 */
export class MachineThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { readonly operation: Operation; readonly resume: Resume }>()
  #nextId = 1
  #death: string | null = null

  constructor(module: URL) {
    this.#worker = new Worker(module, { name: "raftlet machine" })
    this.#worker.unref()
    this.#worker.onmessage = (event: MessageEvent<Reply>) => this.#settle(event.data)
    this.#worker.onerror = (event) => {
      event.preventDefault()
      this.#die(`the machine's thread failed: ${event.message}`)
    }
    this.#worker.addEventListener("close", () => this.#die("the machine's thread ended"))
  }

  request(group: GroupId | null, operation: Operation, given: unknown, resume: Resume): void {
    if (this.#death !== null) return resume(fail(operation, this.#death))
    if (this.#waiting.size === 0) this.#worker.ref()
    const id = this.#nextId++
    this.#waiting.set(id, { operation, resume })
    const transferred = given instanceof Uint8Array ? [given.buffer as ArrayBuffer] : []
    this.#worker.postMessage({ id, group, operation, given } as Request, transferred)
  }

  terminate(): void {
    this.#die("the machine is closed")
    this.#worker.terminate()
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (waiting === undefined) return
    waiting.resume(
      reply.failure === null
        ? Effect.succeed(reply.gives)
        : fail(waiting.operation, reply.failure, reply.reason),
    )
  }

  #die(message: string): void {
    this.#death ??= message
    for (const { operation, resume } of this.#waiting.values()) resume(fail(operation, this.#death))
    this.#waiting.clear()
  }
}

/** Ends with the scope, also when it hangs. */
export const openThread = (
  module = new URL("./worker.ts", import.meta.url),
): Effect.Effect<MachineThread, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new MachineThread(module)),
    (thread) =>
      callOn(thread, null)("end", null).pipe(
        Effect.timeout(closeMillisMax),
        Effect.ignore,
        Effect.andThen(Effect.sync(() => thread.terminate())),
      ),
  )

/** What is asked for a group; null: for the node. */
export function callOn(thread: MachineThread, group: GroupId | null): Call {
  return ((operation, given) =>
    Effect.callback((resume: Resume) => thread.request(group, operation, given, resume))) as Call
}

const fail = (
  operation: string,
  message: string,
  reason: FailureReason = "failed",
): Effect.Effect<never, MachineFailed> => Effect.fail(new MachineFailed({ operation, message, reason }))

/** Closing waits no longer. */
export const closeMillisMax = 1_000
