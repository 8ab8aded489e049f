// What happens to messages between two nodes, in one direction?

import type { Chance } from "./Chance.ts"
import type { World } from "./World.ts"

export interface LinkWeather {
  readonly latencyMinMillis: number
  readonly latencyMaxMillis: number
  /** How many of the messages never arrive, 0 to 1. */
  readonly loss: number
  /** How many arrive twice, 0 to 1. */
  readonly duplicate: number
  /** How many are overtaken by others of their lane, 0 to 1. */
  readonly reorder: number
  /** 0: as much as there is. */
  readonly bytesPerMilli: number
}

export const calmLink: LinkWeather = {
  latencyMinMillis: 1,
  latencyMaxMillis: 1,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  bytesPerMilli: 0,
}

const BACKLOG_MILLIS_MAX = 300

type Lane = "control" | "bulk"

interface UnderWay {
  readonly bytes: number
  readonly arrive: () => void
}

export class Link {
  weather: LinkWeather
  /** Nothing passes; nobody is told. */
  isCut = false
  /** How often it was cut. */
  cuts = 0
  /** Under way on it now. */
  bytes = 0
  readonly #world: World
  readonly #chance: Chance
  readonly #lanes: Readonly<Record<Lane, Array<UnderWay>>> = { control: [], bulk: [] }
  /** To come: each can be called off. */
  readonly #arrivals: Readonly<Record<Lane, Set<() => void>>> = { control: new Set(), bulk: new Set() }
  #isHeld = false
  /** Arrivals that came due while it was held. */
  #due: Array<Lane> = []
  #lastArrival: Record<Lane, number> = { control: 0, bulk: 0 }
  /** When the line has carried all that was sent so far. */
  #busyUntil = 0

  constructor(world: World, chance: Chance, weather: LinkWeather) {
    this.#world = world
    this.#chance = chance
    this.weather = weather
  }

  /**
   * False when it will never arrive. `arrive` is called for each copy that does; `mayRepeat`: there may be two.
   */
  send(frame: Uint8Array, lane: Lane, mayRepeat: boolean, arrive: () => void): boolean {
    const { loss, duplicate } = this.weather
    if (this.isCut || this.#isCrowded || this.#chance.happens(loss)) return false
    this.#carry({ bytes: frame.length, arrive }, lane)
    if (mayRepeat && this.#chance.happens(duplicate)) this.#carry({ bytes: frame.length, arrive }, lane)
    return true
  }

  /** A narrow line keeps no more than it carries in a short time: what comes on top is lost. */
  get #isCrowded(): boolean {
    return this.#busyUntil - this.#world.nowMillis > BACKLOG_MILLIS_MAX
  }

  /** Whether what is sent now arrives before long, as far as no chance is in it. */
  get isClear(): boolean {
    return !this.isCut && !this.#isHeld && !this.#isCrowded
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** What is under way stays under way, and what is sent from now on as well. */
  hold(): void {
    this.#isHeld = true
  }

  /** All that was held arrives within a short time, in its order as far as the weather keeps it. */
  release(): void {
    this.#isHeld = false
    for (const lane of this.#due.splice(0))
      this.#world.after(this.#chance.between(0, 3), () => this.#deliver(lane))
  }

  /** The same, but in any order: a connection that has ended may be read after the one that took its place. */
  releaseMixed(): void {
    for (const queue of Object.values(this.#lanes)) {
      for (let at = queue.length - 1; at > 0; at--) {
        const other = this.#chance.below(at + 1)
        const message = queue[at]!
        queue[at] = queue[other]!
        queue[other] = message
      }
    }
    this.release()
  }

  /** The line has room for all that waits for it: that arrives within a short time, too. */
  hurry(): void {
    const now = this.#world.nowMillis
    if (this.#busyUntil <= now) return
    this.#busyUntil = now
    for (const [lane, arrivals] of Object.entries(this.#arrivals) as ReadonlyArray<[Lane, Set<() => void>]>) {
      this.#lastArrival[lane] = now
      for (const cancel of arrivals) {
        cancel()
        this.#world.after(this.#chance.between(0, 3), () => this.#deliver(lane))
      }
      arrivals.clear()
    }
  }

  #carry(message: UnderWay, lane: Lane): void {
    const { latencyMinMillis, latencyMaxMillis, bytesPerMilli } = this.weather
    const now = this.#world.nowMillis
    this.bytes += message.bytes
    this.#lanes[lane].push(message)
    const carryMillis = bytesPerMilli === 0 ? 0 : message.bytes / bytesPerMilli
    this.#busyUntil = Math.max(this.#busyUntil, now) + carryMillis
    const at = Math.ceil(this.#busyUntil) + this.#chance.between(latencyMinMillis, latencyMaxMillis)
    this.#lastArrival[lane] = Math.max(this.#lastArrival[lane], at)
    const arrivals = this.#arrivals[lane]
    const cancel = this.#world.after(this.#lastArrival[lane] - now, () => {
      arrivals.delete(cancel)
      this.#deliver(lane)
    })
    arrivals.add(cancel)
  }

  /** One arrival: the oldest of the lane, or, in bad weather, any of it. */
  #deliver(lane: Lane): void {
    if (this.#isHeld) return void this.#due.push(lane)
    const queue = this.#lanes[lane]
    const isOrderly = !this.#chance.happens(this.weather.reorder)
    const [message] = queue.splice(isOrderly ? 0 : this.#chance.below(queue.length), 1)
    if (message === undefined) throw new Error("an arrival without a message")
    this.bytes -= message.bytes
    message.arrive()
  }
}
