// Who holds the ends of a child's pipes, and finds out how it ended?

import { closeSync } from "node:fs"
import { type Cause, Effect, Latch, Queue } from "effect"
import { AnswerReader } from "./AnswerReader.ts"
import { type CompartmentFault, type CompartmentLimits, fault } from "./Compartment.ts"
import { childCommand, lifelineDescriptor } from "./childCommand.ts"
import { type Answer, type Request, requestHeadBytes } from "./protocol.ts"
import type { Wall } from "./Wall.ts"

type Answers = Queue.Queue<Answer, CompartmentFault>

/** A child, and the shell that watches it. */
export class Child implements Wall {
  /** The child's. Known from its greeting on. */
  pid: number | null = null
  readonly receive: Wall["receive"]
  readonly #shell: Bun.Subprocess<"pipe", "pipe", "pipe">
  readonly #answers: Answers
  readonly #reader: AnswerReader
  /** At first for its greeting. */
  #isAsked = true
  #isEnding = false
  /** What it is ended for; null while it goes on. */
  #why: Cause.Cause<CompartmentFault> | null = null
  /** The newest of what was printed. */
  #print = Buffer.alloc(0)
  /** Open when nothing more will be printed. */
  readonly #silence = Latch.makeUnsafe()

  private constructor(entry: URL, limits: CompartmentLimits, answers: Answers) {
    const { cmd, env } = childCommand(entry, limits)
    // The fourth is the lifeline. Bun closes it should this thread be ended without a word.
    this.#shell = Bun.spawn(cmd, { env, cwd: "/", stdio: ["pipe", "pipe", "pipe", "pipe"] })
    this.#shell.unref()
    this.#reader = new AnswerReader(limits.frameBytesMax)
    this.#answers = answers
    this.receive = Queue.take(answers)
  }

  static readonly start = Effect.fnUntraced(function* (entry: URL, limits: CompartmentLimits) {
    const answers = yield* Queue.unbounded<Answer, CompartmentFault>()
    return yield* Effect.try({
      try: () => new Child(entry, limits, answers),
      catch: (error) => fault("crash", `no process could be started: ${error}`),
    })
  })

  readonly send = (request: Request): Effect.Effect<void, CompartmentFault> =>
    Effect.suspend(() => {
      this.#isAsked = true
      const { stdin } = this.#shell
      const written: unknown = stdin.write(frameOf(request))
      const flushed: unknown = stdin.flush()
      const pending = isPromise(written) ? written : flushed
      return isPromise(pending) ? Effect.promise(() => pending) : Effect.void
    }).pipe(
      // Nobody is there to read it.
      Effect.catchCause(() => this.#fate),
      Effect.asVoid,
    )

  /**
   * Until it has ended. Also while nobody waits for an answer: that it ends is to be known at once, for its process
   * number is free then, and its shell would end whoever gets it.
   */
  readonly hear: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const answers = this.#shell.stdout.getReader()
    while (true) {
      const { done, value } = yield* Effect.promise(() => answers.read())
      if (done) return yield* this.#fate
      // Nothing of it is kept: who may say anything at any time fills our memory.
      if (!this.#isAsked) return yield* fault("crash", "it spoke without being asked")
      const answer = yield* this.#reader.push(value)
      if (answer === null) continue
      this.#isAsked = false
      Queue.offerUnsafe(this.#answers, answer)
    }
  }).pipe(
    Effect.catchCause((why) => {
      // It is ended for that; who finds it gone before everybody has been told is to hear why.
      this.#why ??= why
      return Effect.andThen(this.end, Queue.failCause(this.#answers, why))
    }),
    Effect.asVoid,
  )

  /** Takes what is printed, so that nobody waits for room to print, and keeps the end of it. */
  readonly read: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const prints = this.#shell.stderr.getReader()
    while (true) {
      const { done, value } = yield* Effect.promise(() => prints.read())
      if (done) return yield* Effect.asVoid(this.#silence.open)
      this.#print = Buffer.concat([this.#print, value.subarray(-printBytesMax)]).subarray(-printBytesMax)
    }
  })

  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#isEnding) this.#letGo()
    return Effect.promise(() => this.#shell.exited).pipe(
      Effect.timeoutOrElse({ duration: endMillisMax, orElse: () => Effect.sync(() => this.#kill()) }),
      Effect.asVoid,
    )
  })

  /** The shell does the rest, and ends behind its child. */
  #letGo(): void {
    this.#isEnding = true
    const isWatched = this.#shell.exitCode === null && this.#shell.signalCode === null
    closeSync(this.#shell.stdio[lifelineDescriptor]!)
    if (!isWatched) this.#kill()
  }

  /** For a child that has lost its shell, or whose shell does not do its work. */
  #kill(): void {
    this.#shell.kill("SIGKILL")
    try {
      if (this.pid !== null) process.kill(this.pid, "SIGKILL")
    } catch {
      // It has ended.
    }
  }

  /** What it died of, for whoever waits for an answer. */
  readonly #fate: Effect.Effect<never, CompartmentFault> = Effect.gen({ self: this }, function* () {
    if (this.#why !== null) return yield* Effect.failCause(this.#why)
    yield* this.end
    yield* Effect.timeoutOption(this.#silence.await, endMillisMax)
    const print = this.#print.toString().trim()
    const code = this.#shell.exitCode ?? this.#shell.signalCode
    return yield* fault("crash", `the process ended (${code})${print === "" ? "" : `: ${print}`}`)
  })
}

const frameOf = ({ number, bytes }: Request): Uint8Array => {
  const frame = new Uint8Array(requestHeadBytes + bytes.length)
  const head = new DataView(frame.buffer)
  head.setUint32(0, bytes.length, true)
  head.setUint32(4, number, true)
  frame.set(bytes, requestHeadBytes)
  return frame
}

const isPromise = (value: unknown): value is PromiseLike<unknown> => value instanceof Promise

/** SIGKILL takes milliseconds. */
const endMillisMax = 1_000
const printBytesMax = 2_000
