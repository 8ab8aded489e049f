// How many groups of a node do at the same time what is too much for it when all do?

import { Clock, Effect, Semaphore } from "effect"
import type { Limits } from "../consensus/node.ts"
import type { Millis } from "../consensus/types.ts"
import { Signal } from "./Signal.ts"

/**
 * Of one node. What a thousand groups do together takes each of them longer than anybody waits for it, and all begin anew, for
 * ever. Who waits here for a place may well find that there is nothing to be done any more.
 */
export class Places {
  readonly #places: number
  readonly #heldMillisMax: Millis
  /** Since when each has its place; who entered first comes first. */
  readonly #held = new Map<string, Millis>()
  readonly #left = new Signal()
  /** One after the other looks for a place. */
  readonly #line = Semaphore.makeUnsafe(1)

  /** Who has had its place for `heldMillisMax` keeps nobody else from one: what it waits for may never come. */
  constructor(places: number, heldMillisMax: Millis) {
    this.#places = places
    this.#heldMillisMax = heldMillisMax
  }

  /** Succeeds when there is a place for who goes by that name, and has none yet, or has left it. */
  enter(name: string): Effect.Effect<void> {
    return this.#line.withPermit(this.#find(name))
  }

  /** It needs none any more, if it had one. */
  leave(name: string): void {
    if (this.#held.delete(name)) this.#left.raise()
  }

  readonly #find = Effect.fnUntraced(function* (this: Places, name: string) {
    const clock = yield* Clock.Clock
    while (this.#held.size >= this.#places) {
      const [longest, since] = this.#held.entries().next().value!
      const remaining = since + this.#heldMillisMax - millisOf(clock)
      if (remaining <= 0) this.#held.delete(longest)
      else {
        this.#left.lower()
        yield* Effect.timeoutOption(this.#left.raised, remaining)
      }
    }
    this.#held.set(name, millisOf(clock))
  }).bind(this)
}

const millisOf = (clock: Clock.Clock): Millis => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/**
 * For standing for election: more elections at once take a slow machine longer than anybody waits for one. `main` does not
 * wait: what is known of all others is there.
 */
export const makePolls = ({ electionTimeoutMaxMillis }: Pick<Limits, "electionTimeoutMaxMillis">): Places =>
  new Places(STANDING_MAX, electionTimeoutMaxMillis)

/**
 * For waking because a peer's process fell silent, or is another one: it may have stood still for a moment only, and is heard
 * again before most have woken. Nobody leaves a place here: so many wake in that time.
 */
export const makeWakes = ({ electionTimeoutMaxMillis }: Pick<Limits, "electionTimeoutMaxMillis">): Places =>
  new Places(WAKING_MAX, electionTimeoutMaxMillis)

const STANDING_MAX = 16
const WAKING_MAX = 64
