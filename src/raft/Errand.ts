// What is a life that has nothing to do? None: it begins when there is work, and ends when nothing is left of it. A group
// has a dozen of them, and a node a thousand groups; a fiber that waits costs memory for as long as it does.

import { Effect } from "effect"

/** Begins a life from anywhere, at once. */
export type Begin = (life: Effect.Effect<void, unknown>) => void

/** "There may be work": raised often, heard once. One life at a time looks for it. */
export class Errand {
  readonly #begin: Begin
  readonly #work: (errand: Errand) => Effect.Effect<void, unknown>
  #isRaised = false
  #isUnderWay = false
  /** Who does the work waits for more of it. */
  #hear: (() => void) | null = null

  constructor(begin: Begin, work: (errand: Errand) => Effect.Effect<void, unknown>) {
    this.#begin = begin
    this.#work = work
  }

  /** The work is begun, or looked for once more when it has ended. */
  raise(): void {
    this.#isRaised = true
    this.#hear?.()
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    this.#begin(this.#life())
  }

  /** For who does the work: succeeds when it was raised since that began, or since the last `lower`. */
  get raised(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.#isRaised) return resume(Effect.void)
      this.#hear = () => resume(Effect.void)
      return Effect.sync(() => {
        this.#hear = null
      })
    })
  }

  /** For who does the work: call before looking for more, so that what comes meanwhile raises it again. */
  lower(): void {
    this.#isRaised = false
    this.#hear = null
  }

  /** What fails ends all that it belongs to: it is never begun again. */
  #life(): Effect.Effect<void, unknown> {
    return Effect.gen({ self: this }, function* () {
      while (this.#isRaised) {
        this.lower()
        yield* this.#work(this)
      }
      this.#isUnderWay = false
    })
  }
}
