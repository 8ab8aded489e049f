// How does a client follow an instance across nodes that come and go? As its contract says: with its cursor, anywhere.

import { EventStream } from "../../support/EventStream.ts"
import { sleep, until } from "./wait.ts"

interface Seen {
  /** The number that the event has in its data, or the state in place of events that are gone. */
  readonly at: number
  readonly isReset: boolean
  readonly text: string
}

/** Follows one ticker over these nodes, one after the other, until it is stopped. */
export class Follower {
  readonly seen: Array<Seen> = []
  /** What was answered in place of a stream. */
  readonly refusals: Record<string, number> = {}
  cursor: string | null
  /** Streams that have begun. */
  streams = 0
  readonly #urls: ReadonlyArray<string>
  readonly #path: string
  readonly #life: Promise<void>
  readonly #controller = new AbortController()

  constructor(urls: ReadonlyArray<string>, key: string, cursor: string | null = "0") {
    this.#urls = urls
    this.#path = `/watch/ticker/${key}`
    this.cursor = cursor
    this.#life = this.#live()
  }

  get last(): number {
    return this.seen.at(-1)?.at ?? 0
  }

  get resets(): number {
    return this.seen.filter(({ isReset }) => isReset).length
  }

  async reach(number: number): Promise<void> {
    await until(`a follower to see ${number}`, () => this.last >= number || null, 30_000)
  }

  async stop(): Promise<void> {
    this.#controller.abort()
    await this.#life
  }

  async #live(): Promise<void> {
    const { signal } = this.#controller
    for (let turn = 0; !signal.aborted; turn++) {
      await this.#follow(this.#urls[turn % this.#urls.length]!).catch(() => {})
      await sleep(10)
    }
  }

  async #follow(url: string): Promise<void> {
    const { signal } = this.#controller
    const response = await fetch(`${url}${this.#path}`, {
      signal,
      headers: this.cursor === null ? {} : { "Last-Event-ID": this.cursor },
    })
    if (response.status !== 200) {
      const { code } = (await response.json()) as { readonly code: string }
      this.refusals[code] = (this.refusals[code] ?? 0) + 1
      return
    }
    this.streams++
    const stream = new EventStream(response, this.cursor ?? "")
    try {
      for (let event = await stream.next(); event !== null; event = await stream.next()) {
        const isReset = event.event === "reset"
        const data = JSON.parse(event.data) as { at: number; state?: { ticks: number } }
        this.seen.push({ at: data.state?.ticks ?? data.at, isReset, text: event.data })
        this.cursor = event.id
      }
    } finally {
      // Also where it ended in the middle: what it was told of, without an event, counts.
      if (stream.lastEventId !== "") this.cursor = stream.lastEventId
    }
  }
}

/** What a list of numbers is that it must not be: every number once, in order, but for those a state stands for. */
export const gapsOf = ({ seen }: Pick<Follower, "seen">): ReadonlyArray<string> =>
  seen.flatMap(({ at, isReset }, position) => {
    const before = seen[position - 1]?.at ?? 0
    const isRight = isReset ? at >= before : at === before + 1
    return isRight ? [] : [`${at} behind ${before}`]
  })

/** Moves tickers, each attempt under the same key until one node has said yes. */
export class Ticking {
  readonly ticks: Record<string, number> = {}
  readonly #urls: ReadonlyArray<string>
  readonly #keys: ReadonlyArray<string>
  readonly #run = crypto.randomUUID().slice(0, 8)
  #isOver = false
  readonly #lives: ReadonlyArray<Promise<void>>

  constructor(urls: ReadonlyArray<string>, keys: ReadonlyArray<string>) {
    this.#urls = urls
    this.#keys = keys
    this.#lives = keys.map((key) => this.#live(key))
  }

  /** Waits until each has ticked so many times more. */
  async goOn(count: number): Promise<void> {
    const goals = this.#keys.map((key) => (this.ticks[key] ?? 0) + count)
    const isThere = () => this.#keys.every((key, at) => (this.ticks[key] ?? 0) >= goals[at]!)
    await until(`${count} more ticks`, () => isThere() || null, 30_000)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#lives)
  }

  async #live(key: string): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      this.ticks[key] = await tick(this.#urls, key, 1 + (round % 3), `${this.#run}-${key}-${round}`)
      await sleep(2)
    }
  }
}

/** Gives the number of the last tick. */
export const tick = async (
  urls: ReadonlyArray<string>,
  key: string,
  times: number,
  idempotencyKey: string = crypto.randomUUID(),
): Promise<number> => {
  let turn = 0
  return until(`a tick of ${key}`, async () => {
    const response = await fetch(`${urls[turn++ % urls.length]}/propose/ticker/${key}/tick`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": idempotencyKey,
        "Raftlet-Timeout-Ms": "2000",
      },
      body: JSON.stringify({ times }),
      signal: AbortSignal.timeout(3000),
    })
    const body = (await response.json()) as { readonly result: number }
    return response.status === 200 ? body.result : null
  })
}
