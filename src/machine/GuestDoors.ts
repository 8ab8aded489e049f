// Where does uploaded code run that is asked before the log, or beside it: trials, queries, plans? Each actor in a place
// of its own, a few at a time, and what takes long is not to take much of the machine.

import { Clock, Effect, Semaphore } from "effect"
import type { Call, Reply } from "./Executor.ts"
import type { Quarters } from "./inside/Quarters.ts"

interface Room {
  readonly quarters: Quarters
  /** One batch at a time, so that what was computed meanwhile was computed for it. */
  readonly turn: Semaphore.Semaphore
  users: number
}

export class GuestDoors {
  readonly #open: () => Quarters
  /** By actor, latest used last. */
  readonly #rooms = new Map<string, Room>()
  readonly #turn = Semaphore.makeUnsafe(atOnceMax)
  /** When all that was computed will have been paid for by waiting. */
  #debtUntil = Number.NEGATIVE_INFINITY
  /** Who waits for it just now. */
  #paying = 0
  /** What the log has computed for actors that have not paid for it yet. */
  readonly #owed = new Map<string, number>()
  #isEnded = false

  /** `open`: a place for one actor; nothing runs in it yet. */
  constructor(open: () => Quarters) {
    this.#open = open
  }

  /**
   * As `Quarters.run`. What calls compute beyond what most need is paid for by waiting, so that all actors together get a
   * fifth of the time for it. It is the CPU's time that counts: that a machine is busy is not their doing.
   */
  readonly run = Effect.fnUntraced(function* (
    this: GuestDoors,
    actor: string,
    calls: ReadonlyArray<Call>,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const room = this.#enter(actor)
    const working = Effect.gen(function* () {
      const before = room.quarters.spentMillis
      const replies = yield* room.quarters.run(calls, false)
      return { replies, spentMillis: room.quarters.spentMillis - before }
    })
    const { replies, spentMillis } = yield* working.pipe(
      this.#turn.withPermit,
      room.turn.withPermit,
      Effect.ensuring(Effect.sync(() => this.#leave(room))),
    )
    yield* this.#pay(beyondFree(spentMillis, calls) + this.#takeOwed(actor))
    return replies
  }).bind(this)

  /** What the log has computed for them is paid for as well, by whoever of their actors comes next. */
  noteLog(calls: ReadonlyArray<Call>, spentMillis: number): void {
    const millis = beyondFree(spentMillis, calls)
    if (millis === 0) return
    const actors = new Set(calls.map(({ actor }) => actor))
    for (const actor of actors) {
      const owed = (this.#owed.get(actor) ?? 0) + millis / actors.size
      this.#owed.set(actor, Math.min(owed, owedMillisMax))
    }
  }

  /** No code runs any more, and none will. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return Effect.forEach(this.#rooms.values(), ({ quarters }) => quarters.end, { discard: true })
  })

  #enter(actor: string): Room {
    const room = this.#rooms.get(actor) ?? this.#furnish()
    this.#rooms.delete(actor)
    this.#rooms.set(actor, room)
    room.users++
    return room
  }

  #furnish(): Room {
    const quarters = this.#open()
    if (this.#isEnded) Effect.runFork(quarters.end)
    return { quarters, turn: Semaphore.makeUnsafe(1), users: 0 }
  }

  /** Rooms that have been used least are given up when there are too many, but none while somebody is in it. */
  #leave(room: Room): void {
    room.users--
    for (const [actor, { quarters, users }] of this.#rooms) {
      if (this.#rooms.size <= roomsMax) return
      if (users > 0) continue
      this.#rooms.delete(actor)
      Effect.runFork(quarters.end)
    }
  }

  /** Nobody waits for more than what was computed for it, times those who wait: others may have run up the debt. */
  readonly #pay = Effect.fnUntraced(function* (this: GuestDoors, millis: number): Effect.fn.Return<void> {
    if (millis === 0) return
    const now = yield* Clock.currentTimeMillis
    this.#debtUntil = Math.max(this.#debtUntil, now) + millis * shares
    this.#paying++
    const wait = Math.min(this.#debtUntil - now - creditMillis * shares, millis * (shares - 1) * this.#paying)
    yield* Effect.ensuring(
      Effect.sleep(Math.max(0, wait)),
      Effect.sync(() => {
        this.#paying--
      }),
    )
  }).bind(this)

  #takeOwed(actor: string): number {
    const owed = this.#owed.get(actor) ?? 0
    this.#owed.delete(actor)
    return owed
  }
}

const beyondFree = (spentMillis: number, calls: ReadonlyArray<Call>): number =>
  Math.max(0, spentMillis - calls.length * freeMillisPerCall)

/** Processes that compute at one time. */
export const atOnceMax = 4
/** Processes that are kept, one for each actor. */
export const roomsMax = 8
/** Of a call. Most take less than one. */
export const freeMillisPerCall = 5
/** One of them is computed in, in the others it is waited. */
export const shares = 5
/** What may be computed before anybody waits. */
export const creditMillis = 1_000
/** Of what the log has computed for one actor: a node that does not lead collects, and never pays. */
const owedMillisMax = 1_000
