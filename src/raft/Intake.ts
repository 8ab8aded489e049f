// How much of what waits at the door is taken in at once? All of it; but while other groups of the node have work as well, a
// portion, and the next when that has its answers.

import { Effect } from "effect"
import { type Group, nowOf } from "./Group.ts"
import type { Inbox } from "./Inbox.ts"
import { Signal } from "./Signal.ts"
import type { Unit, Waiter } from "./waiters.ts"

/** Commands that are admitted, or forwarded, at once; a unit is never divided, so it may be more. */
export const COMMANDS_MAX = 1024
/** The same, while other groups have work. */
export const CROWDED_MAX = 64
/** What is under way is waited for no longer: peers may be far away. A group has 3,200 commands in a second then. */
const PATIENCE_MILLIS = 20

/** A portion of what has come, and whoever waits for it. */
export interface Portion {
  readonly units: ReadonlyArray<Unit>
  /** Null: the next one need not wait for it. */
  readonly awaited: ReadonlyArray<Waiter> | null
}

export class Intake {
  readonly #group: Group
  readonly #inbox: Pick<Inbox<Unit>, "takeAll">
  /** Taken out of the inbox, and not taken in. */
  #waiting: ReadonlyArray<Unit> = []
  readonly #progress = new Signal()

  constructor(group: Group, inbox: Pick<Inbox<Unit>, "takeAll">) {
    this.#group = group
    this.#inbox = inbox
  }

  /** In the order in which they came; null: nothing waits. */
  next(): Portion | null {
    const { clock, node, options } = this.#group
    const arrived = this.#inbox.takeAll()
    const waiting = this.#waiting.length === 0 ? arrived : [...this.#waiting, ...arrived]
    if (waiting.length === 0) return null
    const now = nowOf(clock)
    options.crowd?.note(node.group, now)
    const isCrowded = options.crowd?.isAround(node.group, now) === true
    const units = firstOf(waiting, isCrowded ? CROWDED_MAX : COMMANDS_MAX)
    this.#waiting = waiting.slice(units.length)
    // Whoever leads elsewhere bounds what is handed on to it.
    if (!isCrowded || node.role.kind !== "leader") return { units, awaited: null }
    const waiters = units.flatMap<Waiter>((unit) => unit.waiters)
    return { units, awaited: waiters.length < CROWDED_MAX ? null : waiters }
  }

  /**
   * Until the next portion may follow on this one. Otherwise all that a flood has would go from thread to thread as one, and
   * whoever comes in between would wait for it everywhere.
   */
  passed({ awaited }: Portion): Effect.Effect<void> {
    if (awaited === null) return Effect.void
    const answered = Effect.gen({ self: this }, function* () {
      while (!awaited.every(({ isSettled }) => isSettled)) {
        yield* this.#progress.raised
        this.#progress.lower()
      }
    })
    return Effect.asVoid(Effect.timeoutOption(answered, PATIENCE_MILLIS))
  }

  /** Some may have been answered. */
  advanced(): void {
    this.#progress.raise()
  }
}

/** Whole units, as many as come to about so many commands. */
const firstOf = (units: ReadonlyArray<Unit>, commandsMax: number): ReadonlyArray<Unit> => {
  let count = 0
  for (const [at, { waiters }] of units.entries()) {
    count += waiters.length
    if (count >= commandsMax) return units.slice(0, at + 1)
  }
  return units
}
