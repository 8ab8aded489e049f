// How does the `leading` of one actor live through one leadership? It is begun, and begun again when it has failed,
// each time after a longer pause.

import { Clock, Effect } from "effect"
import { again } from "../beside/again.ts"
import type { LedActor } from "../MachineHost.ts"
import type { LeadingDoor } from "./door.ts"
import type { LeadingFault, LeadingStatus } from "./Leading.ts"
import { endMillisMax } from "./limits.ts"
import type { OpenStint, Stint } from "./Stint.ts"

export interface PostOptions {
  readonly open: OpenStint
  readonly door: LeadingDoor
  readonly print: (line: string) => void
  /** It has failed, and is begun again after so long. */
  readonly failed: (fault: LeadingFault, pauseMillis: number) => void
  readonly became: (state: LeadingStatus["state"]) => void
}

export class Post {
  readonly led: LedActor
  readonly #options: PostOptions
  #status: LeadingStatus
  #stint: Stint | null = null
  #isEnding = false

  constructor(led: LedActor, options: PostOptions) {
    this.led = led
    this.#options = options
    const { term } = options.door.about
    this.#status = { ...led, term, state: "starting", since: 0, restarts: 0, lastFailure: null }
  }

  get status(): LeadingStatus {
    return this.#status
  }

  /** Until it has come to its end by itself. */
  readonly life: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    yield* again(Effect.andThen(this.#become("starting"), Effect.scoped(this.#run)), {
      isEnding: () => this.#isEnding,
      failed: Effect.fnUntraced(function* (this: Post, lastFailure, pauseMillis) {
        this.#status = { ...this.#status, lastFailure, restarts: this.#status.restarts + 1 }
        yield* this.#become("pausing")
        this.#options.failed(lastFailure, pauseMillis)
      }).bind(this),
    })
    if (!this.#isEnding) yield* this.#become("ended")
  })

  /** In good order, as far as it does not take too long. Whoever closes its scope ends what is left. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnding = true
    const stint = this.#stint
    return stint === null ? Effect.void : Effect.asVoid(Effect.timeoutOption(stint.end, endMillisMax))
  })

  readonly #run = Effect.gen({ self: this }, function* () {
    const { open, door, print } = this.#options
    this.#stint = yield* open({ ...this.led, door, print })
    yield* this.#become("running")
    yield* this.#stint.over
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        this.#stint = null
      }),
    ),
  )

  readonly #become = Effect.fnUntraced(function* (this: Post, state: LeadingStatus["state"]) {
    this.#status = { ...this.#status, state, since: yield* Clock.currentTimeMillis }
    this.#options.became(state)
  }).bind(this)
}
