// How much of a steady load does a cluster serve while something else goes on?

import { sleep } from "./wait.ts"

export interface SteadyLoadOptions {
  /** Has a command of which each execution adds one. */
  readonly actor: string
  readonly input: unknown
  readonly clients: number
  /** From one addition to the next, unless its answer takes longer. */
  readonly periodMillis: number
}

/**
 * Clients that each add to a counter of their own at a steady pace, over all nodes. Whoever has had no answer in time
 * asks again under the same key, at the next node.
 */
export class SteadyLoad {
  /** Additions that were acknowledged. */
  count = 0
  /** What was answered instead, however often. */
  readonly tally: Record<string, number> = {}
  readonly #urls: ReadonlyArray<string>
  readonly #options: SteadyLoadOptions
  readonly #clients: ReadonlyArray<Promise<number>>
  #isOver = false

  constructor(urls: ReadonlyArray<string>, options: SteadyLoadOptions) {
    this.#urls = urls
    this.#options = options
    this.#clients = Array.from({ length: options.clients }, (_, at) => this.#live(at, options.periodMillis))
  }

  /** How much each client has counted: as much as its counter must show. */
  async stop(): Promise<ReadonlyArray<{ readonly key: string; readonly value: number }>> {
    this.#isOver = true
    const values = await Promise.all(this.#clients)
    return values.map((value, at) => ({ key: keyOf(at), value }))
  }

  async #live(client: number, periodMillis: number): Promise<number> {
    let at = client
    await sleep(Math.random() * periodMillis)
    for (let round = 1; ; round++) {
      const began = performance.now()
      while (!(await this.#attempt(this.#urls[at % this.#urls.length]!, client, round))) at++
      this.count++
      if (this.#isOver) return round
      await sleep(Math.max(0, began + periodMillis - performance.now()))
    }
  }

  async #attempt(url: string, client: number, round: number): Promise<boolean> {
    try {
      const { actor, input } = this.#options
      const response = await fetch(`${url}/propose/${actor}/${keyOf(client)}/add`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": `${client}-${round}` },
        body: JSON.stringify(input),
        signal: AbortSignal.timeout(attemptMillisMax),
      })
      const { code } = (await response.json()) as { readonly code?: string }
      if (response.status !== 200) this.#count(`${response.status} ${code}`)
      return response.status === 200
    } catch (error) {
      this.#count(`no answer: ${error instanceof Error ? error.name : error}`)
      return false
    }
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1
  }
}

const keyOf = (client: number): string => `steady-${client}`
const attemptMillisMax = 10_000
