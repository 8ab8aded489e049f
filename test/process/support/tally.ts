// What is switched while clients count on it: an actor in two versions, and clients that know what each has told them.

import { sleep, until } from "./wait.ts"

/** Both count; the second one in tenths. Each says which it is. */
export const tally = {
  1: (note: string) => source(1, "n", "n + 1", note),
  2: (note: string) => source(2, "tenths", "tenths + 10", note),
}

const source = (version: 1 | 2, field: string, next: string, note: string): string => `
// ${note}
import { Schema } from "effect"
import { actor } from "raftlet"
export default actor({
  version: ${version},
  state: Schema.Struct({ ${field}: Schema.Int }),
  initial: { ${field}: 0 },
  commands: {
    count: {
      output: Schema.Struct({ by: Schema.String, n: Schema.Int }),
      reduce: ({ ${field} }: any) => ({
        state: { ${field}: ${next} },
        result: { by: ${JSON.stringify(note)}, n: ${version === 1 ? next : `(${next}) / 10`} },
      }),
    },
  },
  queries: {},
  ${version === 1 ? "" : migrate}
})
`

const migrate = `migrate: {
    2: {
      up: (one: { n: number }) => ({ tenths: 10 * one.n }),
      down: (two: { tenths: number }) => ({ n: two.tenths / 10 }),
    },
  },`

/** What a client was told, once it was told. */
export interface Count {
  readonly actor: string
  readonly key: string
  readonly idempotencyKey: string
  readonly by: string
  readonly n: number
  readonly revision: number
  readonly index: number
}

/** Clients that count on many instances of some actors at all nodes, and ask until they know. */
export class Counting {
  readonly counts: Array<Count> = []
  /** Answers that no retry with the same key is for. */
  readonly failures: Array<string> = []
  /** What was answered instead of a count, however often. */
  readonly tally: Record<string, number> = {}
  /** How long the slowest answer took. */
  longestMillis = 0
  readonly #urls: ReadonlyArray<string>
  readonly #actors: ReadonlyArray<string>
  readonly #clients: ReadonlyArray<Promise<void>>
  readonly #errors: Array<unknown> = []
  #isOver = false
  #isAbandoned = false

  constructor(urls: ReadonlyArray<string>, actors: ReadonlyArray<string>) {
    this.#urls = urls
    this.#actors = actors
    this.#clients = Array.from({ length: clients }, (_, at) =>
      this.#live(at).catch((error: unknown) => void this.#errors.push(error)),
    )
  }

  /** Waits until a few more commands of an actor have been accepted. */
  async more(actor: string): Promise<void> {
    const counted = () => this.counts.filter((count) => count.actor === actor).length
    const goal = counted() + 3
    await until(`three more counts of ${actor}`, () => counted() >= goal || null, 60_000)
  }

  /** When each has its last answer. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
    if (this.#errors.length > 0) throw this.#errors[0]
  }

  /** Nobody waits for answers any more. */
  async abandon(): Promise<void> {
    this.#isOver = true
    this.#isAbandoned = true
    await Promise.all(this.#clients)
  }

  async #live(client: number): Promise<void> {
    let at = client
    for (let round = 0; !this.#isOver; round++) {
      const actor = this.#actors[round % this.#actors.length]!
      const key = `i${Math.floor(Math.random() * instances)}`
      const idempotencyKey = `${client}-${round}`
      await until(
        `an answer to ${idempotencyKey}`,
        async () => {
          const url = this.#urls[at % this.#urls.length]!
          const began = performance.now()
          const count = await this.#attempt(url, actor, key, idempotencyKey)
          this.longestMillis = Math.max(this.longestMillis, performance.now() - began)
          if (count === null) at++
          else this.counts.push(count)
          return count ?? (this.#isAbandoned || null)
        },
        120_000,
      )
      await sleep(10)
    }
  }

  async #attempt(url: string, actor: string, key: string, idempotencyKey: string): Promise<Count | null> {
    const response = await fetch(`${url}/propose/${actor}/${key}/count`, {
      method: "POST",
      // On a busy machine the first call of another version may take seconds, until a process for it is open.
      headers: { "Idempotency-Key": idempotencyKey, "Raftlet-Timeout-Ms": "30000" },
      signal: AbortSignal.timeout(40_000),
    }).catch(() => null)
    if (response === null) return this.#note("no answer")
    // It may die while it answers.
    const text = await response.text().catch(() => null)
    if (text === null) return this.#note("no answer")
    const body = JSON.parse(text)
    if (response.status === 200) return { actor, key, idempotencyKey, ...body, ...body.result }
    if (body.retryable !== true) this.failures.push(text)
    return this.#note(`${response.status} ${body.code}`)
  }

  #note(what: string): null {
    this.tally[what] = (this.tally[what] ?? 0) + 1
    return null
  }
}

const clients = 9
const instances = 20
