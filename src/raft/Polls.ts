// How many groups of a node stand for election at the same time?

import { Clock, Effect, Semaphore } from "effect"
import type { Limits } from "../consensus/node.ts"
import type { GroupId, Millis } from "../consensus/types.ts"
import { Signal } from "./Signal.ts"

/**
 * Of one node. When a thousand groups lose their leader together and all stand at once, each election takes longer than anybody
 * waits for it, and all begin anew, for ever. Who waits here may well hear of a leader meanwhile. `main` does not wait: what is
 * known of all others is there.
 */
export class Polls {
  readonly #places: number
  readonly #heldMillisMax: Millis
  /** Since when each stands; who entered first comes first. */
  readonly #standing = new Map<GroupId, Millis>()
  readonly #left = new Signal()
  /** One after the other looks for a place. */
  readonly #line = Semaphore.makeUnsafe(1)

  /** Who has stood for `heldMillisMax` keeps nobody else from standing: no majority may be there. */
  constructor(places: number, heldMillisMax: Millis) {
    this.#places = places
    this.#heldMillisMax = heldMillisMax
  }

  /** Succeeds when the group may stand, which has not entered yet, or left. */
  enter(group: GroupId): Effect.Effect<void> {
    return this.#line.withPermit(this.#find(group))
  }

  /** It stands no more, if it did. */
  leave(group: GroupId): void {
    if (this.#standing.delete(group)) this.#left.raise()
  }

  readonly #find = Effect.fnUntraced(function* (this: Polls, group: GroupId) {
    const clock = yield* Clock.Clock
    while (this.#standing.size >= this.#places) {
      const [longest, since] = this.#standing.entries().next().value!
      const remaining = since + this.#heldMillisMax - millisOf(clock)
      if (remaining <= 0) this.#standing.delete(longest)
      else {
        this.#left.lower()
        yield* Effect.timeoutOption(this.#left.raised, remaining)
      }
    }
    this.#standing.set(group, millisOf(clock))
  }).bind(this)
}

const millisOf = (clock: Clock.Clock): Millis => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** Those of a node: more elections at once take a slow machine longer than anybody waits for one. */
export const makePolls = ({ electionTimeoutMaxMillis }: Pick<Limits, "electionTimeoutMaxMillis">): Polls =>
  new Polls(STANDING_MAX, electionTimeoutMaxMillis)

const STANDING_MAX = 16
