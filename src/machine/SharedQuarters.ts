// Where do the calls of many groups run, when none of them may keep the others for long? In one place, a batch of each
// group in turn; and beside it, while one batch keeps that place.

import { Clock, Effect, Semaphore } from "effect"
import type { Call, Reply } from "./Executor.ts"
import type { Lodger, Quarters } from "./inside/Quarters.ts"

/** How a group has behaved here. */
interface Manners {
  /** One batch of it at a time: then who waits longest is who is next, however much one group asks. */
  readonly turn: Semaphore.Semaphore
  /** Its last batch kept a place for long. */
  isSlow: boolean
}

interface Running {
  /** In ms. */
  readonly began: number
  /** What the place had computed when somebody who waits looked at it first; null: nobody can tell, or nobody has looked. */
  computed: number | null
}

export class SharedQuarters {
  readonly #open: () => Quarters
  /** As many as there are places. */
  readonly #turns = Semaphore.makeUnsafe(1)
  /** Of all places one is left to those who are quick. */
  readonly #slowTurns = Semaphore.makeUnsafe(placesMax - 1)
  /** Where nothing runs, the latest used last. */
  readonly #free: Array<Quarters>
  /** What runs there. */
  readonly #busy = new Map<Quarters, Running>()
  /** Of who has a place, and who waits for one. */
  #claims = 0
  readonly #manners = new WeakMap<Lodger, Manners>()
  #isEnded = false

  /** `open`: a place; nothing runs in it yet. */
  constructor(open: () => Quarters) {
    this.#open = open
    this.#free = [open()]
  }

  /** As `Quarters.run`, and what was computed for it. */
  readonly run = Effect.fnUntraced(function* (
    this: SharedQuarters,
    lodger: Lodger,
    calls: ReadonlyArray<Call>,
    lasts: boolean,
  ): Effect.fn.Return<{ readonly replies: ReadonlyArray<Reply>; readonly spentMillis: number }> {
    const manners = this.#mannersOf(lodger)
    const working = this.#inPlace((quarters) => {
      const before = quarters.spentMillis
      return Effect.map(quarters.run(lodger, calls, lasts), (replies) => ({
        replies,
        spentMillis: quarters.spentMillis - before,
      }))
    }, manners)
    return yield* manners.turn.withPermit(
      Effect.suspend(() => (manners.isSlow ? this.#slowTurns.withPermit(working) : working)),
    )
  }).bind(this)

  readonly inspect = (actor: string, version: string, code: string): ReturnType<Quarters["inspect"]> =>
    this.#inPlace((quarters) => quarters.inspect(actor, version, code), null)

  /** Opens ahead of need. */
  readonly warm: Effect.Effect<void> = Effect.suspend(() => this.#free.at(-1)?.warm() ?? Effect.void)

  /** No code runs any more, and none will. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return Effect.forEach([...this.#free, ...this.#busy.keys()], ({ end }) => end, { discard: true })
  })

  get placesCount(): number {
    return this.#free.length + this.#busy.size
  }

  #inPlace<A, E>(
    use: (quarters: Quarters) => Effect.Effect<A, E>,
    manners: Manners | null,
  ): Effect.Effect<A, E> {
    let isWaiting = true
    const working = this.#turns.withPermit(
      Effect.suspend(() => {
        isWaiting = false
        const quarters = this.#free.pop()!
        return Effect.ensuring(this.#timed(quarters, use(quarters), manners), this.#leave(quarters))
      }),
    )
    const watching = Effect.gen({ self: this }, function* () {
      while (isWaiting) {
        yield* Effect.sleep(lateMillis / 5)
        if (isWaiting) yield* this.#growWhenLate
      }
      return yield* Effect.never
    })
    return Effect.suspend(() =>
      this.#claims++ < this.placesCount ? working : Effect.raceFirst(working, watching),
    ).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.#claims--
        }),
      ),
    )
  }

  readonly #timed = Effect.fnUntraced(function* <A, E>(
    this: SharedQuarters,
    quarters: Quarters,
    working: Effect.Effect<A, E>,
    manners: Manners | null,
  ) {
    const began = yield* Clock.currentTimeMillis
    this.#busy.set(quarters, { began, computed: null })
    const value = yield* working
    if (manners !== null) manners.isSlow = (yield* Clock.currentTimeMillis) - began >= lateMillis
    return value
  }).bind(this) as <A, E>(
    quarters: Quarters,
    working: Effect.Effect<A, E>,
    manners: Manners | null,
  ) => Effect.Effect<A, E>

  /** Somebody waits: when all places have been kept for long there is another one. */
  readonly #growWhenLate = Effect.gen({ self: this }, function* () {
    const now = yield* Clock.currentTimeMillis
    let isLate = true
    for (const [{ cpuMillis }, running] of this.#busy) {
      const computed = yield* cpuMillis
      // One that was opened anew meanwhile has computed less.
      if (computed !== null) running.computed = Math.min(running.computed ?? computed, computed)
      isLate &&= isLateBy(running, now, computed)
    }
    if (!isLate || this.#free.length > 0 || this.placesCount >= placesMax) return
    this.#free.push(this.#furnish())
    yield* this.#turns.resize(this.placesCount)
  })

  #furnish(): Quarters {
    const quarters = this.#open()
    if (this.#isEnded) Effect.runFork(quarters.end)
    return quarters
  }

  /** When nobody else is there, and nobody waits, one place is enough, best one that is open. */
  #leave(quarters: Quarters): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#busy.delete(quarters)
      this.#free.push(quarters)
      if (this.#claims > 1 || this.placesCount === 1) return Effect.void
      const kept = this.#free.findLast(({ isOpen }) => isOpen) ?? quarters
      for (const other of this.#free.splice(0)) if (other !== kept) Effect.runFork(other.end)
      this.#free.push(kept)
      return this.#turns.resize(1)
    })
  }

  #mannersOf(lodger: Lodger): Manners {
    const known = this.#manners.get(lodger)
    if (known !== undefined) return known
    const manners: Manners = { turn: Semaphore.makeUnsafe(1), isSlow: false }
    this.#manners.set(lodger, manners)
    return manners
  }
}

/**
 * What has hardly computed meanwhile waits for a core: another thread would only take more of what is short. Not for ever:
 * what cannot go on at all computes nothing either.
 */
const isLateBy = ({ began, computed }: Running, now: number, computedNow: number | null): boolean => {
  const passed = now - began
  const isWorking = computed === null || computedNow === null || computedNow - computed >= workingMillis
  return passed >= (isWorking ? lateMillis : lateMillis * waitingFactor)
}

/** Threads, or processes, of one kind. */
export const placesMax = 3
/** Who keeps a place for longer is not waited for. */
export const lateMillis = 250
/** Of the processor, since somebody looked: less is no work that is under way. */
const workingMillis = 50
const waitingFactor = 10
