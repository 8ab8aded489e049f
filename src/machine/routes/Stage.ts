// How do the routes of one version of an actor live on a node? They begin when they are first asked, and begin again when
// their thread has ended.

import { Clock, Effect, Latch } from "effect"
import { again } from "../beside/again.ts"
import type { ThreadFault } from "../beside/fault.ts"
import type { LedActor } from "../MachineHost.ts"
import type { Answer, Caller } from "./Caller.ts"
import type { OpenRoutes, ThreadAsked } from "./openThread.ts"
import type { RoutesStatus, Unserved } from "./Routes.ts"
import type { Asked } from "./words.ts"

export interface StageOptions extends Pick<ThreadAsked, "node" | "print" | "serve"> {
  readonly open: OpenRoutes
  /** Of the version; fails with a reason. */
  readonly code: Effect.Effect<string, ThreadFault>
  /** It has ended, and is begun again after so long. */
  readonly failed: (fault: ThreadFault, pauseMillis: number) => void
}

export class Stage {
  readonly version: string
  readonly #routed: LedActor
  readonly #options: StageOptions
  #status: RoutesStatus
  #caller: Caller | null = null
  #waiting = 0
  /** Open while it is known whether requests are taken: it runs, or has failed. */
  readonly #isSettled = Latch.makeUnsafe()

  constructor(routed: LedActor, options: StageOptions) {
    this.version = routed.version
    this.#routed = routed
    this.#options = options
    this.#status = { ...routed, state: "starting", since: 0, restarts: 0, lastFailure: null, underWay: 0 }
  }

  /** Requests that wait, and those whose answer is still being read among the rest. */
  get underWay(): number {
    return this.#waiting + (this.#caller?.underWay ?? 0)
  }

  get status(): RoutesStatus {
    return { ...this.#status, underWay: this.underWay }
  }

  /** Until it is interrupted. */
  readonly life: Effect.Effect<void> = Effect.suspend(() =>
    again(Effect.andThen(this.#become("starting"), Effect.scoped(this.#run)), {
      isEnding: () => false,
      failed: Effect.fnUntraced(function* (this: Stage, lastFailure, pauseMillis) {
        this.#status = { ...this.#status, lastFailure, restarts: this.#status.restarts + 1 }
        yield* this.#become("pausing")
        this.#options.failed(lastFailure, pauseMillis)
      }).bind(this),
    }),
  )

  readonly call = Effect.fnUntraced(function* (
    this: Stage,
    asked: Asked,
    handedOver: () => void,
  ): Effect.fn.Return<Answer, Unserved> {
    this.#waiting++
    yield* Effect.ensuring(
      this.#isSettled.await,
      Effect.sync(() => {
        this.#waiting--
      }),
    )
    const caller = this.#caller
    if (caller === null) return yield* Effect.fail(unavailable(this.#status.lastFailure, false))
    handedOver()
    return yield* Effect.mapError(caller.call(asked), ({ reason, detail }) =>
      reason === "lost"
        ? unavailable(this.#status.lastFailure, true)
        : ({ _tag: "Unserved", reason, detail, isHandedOver: true } as const),
    )
  }).bind(this)

  readonly #run = Effect.gen({ self: this }, function* () {
    const { open, code, node, print, serve } = this.#options
    const text = yield* code
    const { caller, begun, over } = yield* open({ ...this.#routed, code: text, node, print, serve })
    yield* Effect.raceFirst(begun, over)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        this.#caller = null
        caller.lose("the thread of the routes has ended")
      }),
    )
    this.#caller = caller
    yield* this.#become("running")
    yield* over
    yield* Effect.fail<ThreadFault>({ kind: "crash", detail: "it says that it is over" })
  })

  readonly #become = Effect.fnUntraced(function* (this: Stage, state: RoutesStatus["state"]) {
    this.#status = { ...this.#status, state, since: yield* Clock.currentTimeMillis }
    if (state === "starting") this.#isSettled.closeUnsafe()
    else this.#isSettled.openUnsafe()
  }).bind(this)
}

/** Whatever has ended them is for operators to read: it may say what is in users' code. */
const unavailable = (failure: ThreadFault | null, isHandedOver: boolean): Unserved => ({
  _tag: "Unserved",
  reason: "unavailable",
  detail: isHandedOver
    ? "What answers this actor's requests has ended while it had this one."
    : `What answers this actor's requests has ended (${failure?.kind ?? "crash"}), and begins again soon.`,
  isHandedOver,
})
