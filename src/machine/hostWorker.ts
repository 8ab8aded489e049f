// The machine in a thread of its own: how a node runs it. A loop in a reducer costs no heartbeat, and the
// answers of a batch cross in one message.

import { Effect, Layer, type Scope } from "effect"
import type { Configuration, Entry } from "../consensus/types.ts"
import { SnapshotStore } from "../storage/SnapshotStore.ts"
import { archiveModules } from "./archive.ts"
import { bundleActors } from "./bundle.ts"
import { messageOf } from "./Coder.ts"
import { InstallGate } from "./InstallGate.ts"
import type { MachineLimits } from "./limits.ts"
import { type FailureReason, MachineFailed, MachineHost, reasonOf } from "./MachineHost.ts"
import type { Outcome } from "./outcome.ts"
import { packBytes, packEntries, unpackBytes } from "./packing.ts"
import { ActorsRefused } from "./Registry.ts"
import {
  type Operation,
  type Operations,
  type Reply,
  type Request,
  unpackAdmissions,
  unpackOutcomes,
} from "./threadProtocol.ts"

/**
 * Bundles the actors, keeps their code in `archiveDirectory`, and starts the thread that owns `statePath`. Ends
 * with the scope, without a flush. The process may end while nobody waits for the thread.
 */
export const layerWorker = (options: {
  readonly actorsDirectory: string
  readonly archiveDirectory: string
  readonly statePath: string
  /** Configuration of a state that does not exist yet. */
  readonly initial: Configuration
  readonly limits?: Partial<MachineLimits>
}): Layer.Layer<MachineHost, MachineFailed | ActorsRefused, SnapshotStore> =>
  Layer.effect(
    MachineHost,
    Effect.gen(function* () {
      const snapshots = yield* SnapshotStore
      const modules = yield* bundleActors(options.actorsDirectory)
      const earlier = yield* Effect.try({
        try: () => archiveModules(options.archiveDirectory, modules),
        catch: (error) => machineFailed("archive", error),
      })
      const call = yield* openThread
      const problems = yield* call("load", { modules, earlier }).pipe(
        Effect.timeoutOrElse({
          duration: loadMillisMax,
          orElse: () => Effect.fail(tooSlow(modules.map(({ name }) => name))),
        }),
      )
      if (problems.length > 0) return yield* ActorsRefused.of(problems)
      const { initial, limits = {}, statePath } = options
      const open = call("open", { statePath, initial, limits })
      // A state that is corrupt is given up by who opens it: the second time there is an empty one.
      yield* Effect.retry(open, { times: 1, while: ({ reason }) => reason === "corrupt" })
      return makeHost(call, open, (id) =>
        Effect.mapError(snapshots.install(id), (error) => machineFailed("install", error)),
      )
    }),
  )

const makeHost = (
  callNow: Call,
  open: Effect.Effect<Operations["open"]["gives"], MachineFailed>,
  replaceFile: (snapshotId: string) => Effect.Effect<void, MachineFailed>,
): MachineHost["Service"] => {
  const gate = new InstallGate()
  const call: Call = (operation, given) => gate.pass(callNow(operation, given))
  const applyChunk = (entries: ReadonlyArray<Entry>) =>
    Effect.suspend(() => {
      const isWaitedFor = entries.map(({ origin }) => origin !== null)
      return Effect.map(call("apply", packEntries(entries)), (text) =>
        unpackOutcomes(text, entries, isWaitedFor),
      )
    })
  const apply = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
    if (entries.length <= chunkEntriesMax) return yield* applyChunk(entries)
    const outcomes: Array<Outcome | null> = []
    for (let at = 0; at < entries.length; at += chunkEntriesMax) {
      outcomes.push(...(yield* applyChunk(entries.slice(at, at + chunkEntriesMax))))
    }
    return outcomes
  })
  return MachineHost.of({
    position: call("position", null),
    admit: (commands) =>
      Effect.map(
        Effect.suspend(() => call("admit", packBytes(commands))),
        unpackAdmissions,
      ),
    apply,
    query: (queries) => call("query", queries),
    flush: call("flush", null),
    nextTimer: call("nextTimer", null),
    due: (now, max) => Effect.map(call("due", { now, max }), unpackBytes),
    stateHash: call("stateHash", null),
    checkpoints: call("checkpoints", null),
    install: (snapshotId) =>
      gate.install(
        callNow("close", null).pipe(Effect.andThen(replaceFile(snapshotId)), Effect.andThen(open)),
      ),
    giveUp: gate.install(Effect.andThen(callNow("giveUp", null), open)),
    status: call("status", null),
  })
}

type Call = <Name extends Operation>(
  operation: Name,
  given: Operations[Name]["given"],
) => Effect.Effect<Operations[Name]["gives"], MachineFailed>

type Resume = (effect: Effect.Effect<unknown, MachineFailed>) => void

/**
 * The thread answers in the order of the requests. It keeps the process alive only while somebody waits for it.
 * A thread that dies fails everything under way and everything after.
 */
class MachineThread {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { name: "raftlet machine" })
  readonly #waiting = new Map<number, { readonly operation: Operation; readonly resume: Resume }>()
  #nextId = 1
  #death: string | null = null

  constructor() {
    this.#worker.unref()
    this.#worker.onmessage = (event: MessageEvent<Reply>) => this.#settle(event.data)
    this.#worker.onerror = (event) => {
      event.preventDefault()
      this.#die(`the machine's thread failed: ${event.message}`)
    }
    this.#worker.addEventListener("close", () => this.#die("the machine's thread ended"))
  }

  request(operation: Operation, given: unknown, resume: Resume): void {
    if (this.#death !== null) return resume(fail(operation, this.#death))
    if (this.#waiting.size === 0) this.#worker.ref()
    const id = this.#nextId++
    this.#waiting.set(id, { operation, resume })
    const transferred = given instanceof Uint8Array ? [given.buffer as ArrayBuffer] : []
    this.#worker.postMessage({ id, operation, given } as Request, transferred)
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

/** Ends with the scope: first the file is closed, then the thread, also one that hangs in a reducer's loop. */
const openThread: Effect.Effect<Call, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new MachineThread()),
  (thread) =>
    callOn(thread)("close", null).pipe(
      Effect.timeout(closeMillisMax),
      Effect.ignore,
      Effect.andThen(Effect.sync(() => thread.terminate())),
    ),
).pipe(Effect.map(callOn))

function callOn(thread: MachineThread): Call {
  return ((operation, given) =>
    Effect.callback((resume: Resume) => thread.request(operation, given, resume))) as Call
}

const fail = (
  operation: string,
  message: string,
  reason: FailureReason = "failed",
): Effect.Effect<never, MachineFailed> => Effect.fail(new MachineFailed({ operation, message, reason }))

const machineFailed = (operation: string, error: unknown): MachineFailed =>
  new MachineFailed({ operation, message: messageOf(error), reason: reasonOf(error) })

const tooSlow = (names: ReadonlyArray<string>): ActorsRefused =>
  ActorsRefused.of(
    names.map((file) => ({ file, reason: `the actors have not finished loading after ${loadMillisMax} ms` })),
  )

/** Requests that came meanwhile go in between two chunks: an admission does not wait for a whole replay. */
const chunkEntriesMax = 256
const loadMillisMax = 30_000
const closeMillisMax = 1_000
