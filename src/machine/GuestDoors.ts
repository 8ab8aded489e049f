// Where does uploaded code run that is asked before the log, or beside it: trials, queries, plans? Each actor of each group
// in a place of its own, a few at a time, and what takes long is not to take much of the machine.

import { Clock, Effect, PartitionedSemaphore, Semaphore } from "effect"
import type { Call, Reply } from "./Executor.ts"
import type { Lodger, Quarters } from "./inside/Quarters.ts"

interface Room {
  readonly quarters: Quarters
  readonly space: number
  /** One batch at a time, so that what was computed meanwhile was computed for it. */
  readonly turn: Semaphore.Semaphore
  users: number
}

export class GuestDoors {
  readonly #open: () => Quarters
  /** By group and actor, latest used last. */
  readonly #rooms = new Map<string, Room>()
  /** Of those who wait, one of each group in turn. */
  readonly #turn = PartitionedSemaphore.makeUnsafe<number>({ permits: atOnceMax })
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
    lodger: Lodger,
    actor: string,
    calls: ReadonlyArray<Call>,
  ): Effect.fn.Return<ReadonlyArray<Reply>> {
    const { space } = lodger
    const room = this.#enter(space, actor)
    const working = Effect.gen(function* () {
      const before = room.quarters.spentMillis
      const replies = yield* room.quarters.run(lodger, calls, false)
      return { replies, spentMillis: room.quarters.spentMillis - before }
    })
    const { replies, spentMillis } = yield* working.pipe(
      this.#turn.withPermit(space),
      room.turn.withPermit,
      Effect.ensuring(Effect.sync(() => this.#leave(room))),
    )
    yield* this.#pay(beyondFree(spentMillis, calls) + this.#takeOwed(placeOf(space, actor)))
    return replies
  }).bind(this)

  /** What the log has computed for them is paid for as well, by whoever of their actors comes next. */
  noteLog({ space }: Lodger, calls: ReadonlyArray<Call>, spentMillis: number): void {
    const millis = beyondFree(spentMillis, calls)
    if (millis === 0) return
    const places = new Set(calls.map(({ actor }) => placeOf(space, actor)))
    for (const place of places) {
      const owed = (this.#owed.get(place) ?? 0) + millis / places.size
      this.#owed.set(place, Math.min(owed, owedMillisMax))
    }
  }

  /** A group has gone: nothing of it is asked any more. */
  vacate({ space }: Lodger): void {
    for (const [place, room] of this.#rooms) if (room.space === space) this.#giveUp(place, room)
    for (const place of this.#owed.keys()) if (place.startsWith(placeOf(space, ""))) this.#owed.delete(place)
  }

  /** No code runs any more, and none will. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return Effect.forEach(this.#rooms.values(), ({ quarters }) => quarters.end, { discard: true })
  })

  #enter(space: number, actor: string): Room {
    const place = placeOf(space, actor)
    const room = this.#rooms.get(place) ?? this.#furnish(space)
    this.#rooms.delete(place)
    this.#rooms.set(place, room)
    room.users++
    return room
  }

  #furnish(space: number): Room {
    const quarters = this.#open()
    if (this.#isEnded) Effect.runFork(quarters.end)
    return { quarters, space, turn: Semaphore.makeUnsafe(1), users: 0 }
  }

  /** Rooms are given up when there are too many, but none while somebody is in it. */
  #leave(room: Room): void {
    room.users--
    while (this.#rooms.size > roomsMax) {
      const leaving = this.#leastUsed()
      if (leaving === null) return
      this.#giveUp(...leaving)
    }
  }

  /** Of the group that has most: who asks many actors is not to drive the others out. */
  #leastUsed(): readonly [place: string, room: Room] | null {
    const counts = new Map<number, number>()
    for (const { space } of this.#rooms.values()) counts.set(space, (counts.get(space) ?? 0) + 1)
    const idle = [...this.#rooms].filter(([, { users }]) => users === 0)
    const most = Math.max(...idle.map(([, { space }]) => counts.get(space)!))
    return idle.find(([, { space }]) => counts.get(space) === most) ?? null
  }

  #giveUp(place: string, { quarters }: Room): void {
    this.#rooms.delete(place)
    Effect.runFork(quarters.end)
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

  #takeOwed(place: string): number {
    const owed = this.#owed.get(place) ?? 0
    this.#owed.delete(place)
    return owed
  }
}

const placeOf = (space: number, actor: string): string => `${space}/${actor}`

const beyondFree = (spentMillis: number, calls: ReadonlyArray<Call>): number =>
  Math.max(0, spentMillis - calls.length * freeMillisPerCall)

/** Processes that compute at one time. */
export const atOnceMax = 4
/** Processes that are kept, one for each actor of a group. */
export const roomsMax = 8
/** Of a call. Most take less than one. */
export const freeMillisPerCall = 5
/** One of them is computed in, in the others it is waited. */
export const shares = 5
/** What may be computed before anybody waits. */
export const creditMillis = 1_000
/** Of what the log has computed for one actor: a node that does not lead collects, and never pays. */
const owedMillisMax = 1_000
