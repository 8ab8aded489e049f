// Where does uploaded code run that is asked before the log, or beside it: trials, queries, plans? Each actor in a place
// of its own, a few at a time, and what takes long is not to take much of the machine.

import { Clock, Duration, Effect, Semaphore } from "effect"
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
  #isEnded = false

  /** `open`: a place for one actor; nothing runs in it yet. */
  constructor(open: () => Quarters) {
    this.#open = open
  }

  /**
   * As `Quarters.run`. What a call computes beyond what most need is paid for by waiting, and so is what the log has
   * waited for such calls: of each second, all actors together get a fifth.
   */
  readonly run = Effect.fnUntraced(function* (
    this: GuestDoors,
    actor: string,
    calls: ReadonlyArray<Call>,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const room = this.#enter(actor)
    const working = Effect.gen(function* () {
      const before = room.quarters.spentMillis
      const [took, replies] = yield* Effect.timed(room.quarters.run(calls, false))
      return { replies, tookMillis: Duration.toMillis(took), spentMillis: room.quarters.spentMillis - before }
    })
    const { replies, tookMillis, spentMillis } = yield* working.pipe(
      this.#turn.withPermit,
      room.turn.withPermit,
      Effect.ensuring(Effect.sync(() => this.#leave(room))),
    )
    // On a busy machine most take longer, and compute no more.
    const freeMillis = calls.length * freeMillisPerCall
    if (spentMillis > freeMillis) yield* this.#pay(Math.max(spentMillis, tookMillis) - freeMillis)
    return replies
  }).bind(this)

  /** What the log has waited for uploaded code counts as well: those that come next wait for it. */
  readonly noteWait = Effect.fnUntraced(function* (
    this: GuestDoors,
    millis: number,
    calls: number,
  ): Effect.fn.Return<void> {
    this.#owe(millis - calls * freeMillisPerCall, yield* Clock.currentTimeMillis)
  }).bind(this)

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

  readonly #pay = Effect.fnUntraced(function* (this: GuestDoors, millis: number): Effect.fn.Return<void> {
    const now = yield* Clock.currentTimeMillis
    this.#owe(millis, now)
    const wait = this.#debtUntil - now - onCreditMillis
    if (wait > 0) yield* Effect.sleep(wait)
  }).bind(this)

  #owe(millis: number, now: number): void {
    if (millis > 0) this.#debtUntil = Math.max(this.#debtUntil, now) + millis * waitFactor
  }
}

/** Processes that compute at one time. */
export const atOnceMax = 4
/** Processes that are kept, one for each actor. */
export const roomsMax = 8
/** Of a call. Most take less than one. */
export const freeMillisPerCall = 5
const waitFactor = 4
/** What may be owed: a second of computing. */
const onCreditMillis = 4_000
