// How do many clients keep a cluster busy, and remember everything that they were told?

import type { Operation } from "./history.ts"
import { sleep, until } from "./wait.ts"

export interface LoadOptions {
  readonly clients?: number
  readonly instances?: number
  /** How long an unknown outcome is asked for after the load has been told to stop. */
  readonly resolveMillisMax?: number
}

/** What a problem document or a broken connection said, however often. */
export type Tally = Readonly<Record<string, number>>

interface MutableOperation extends Operation {
  endedAt: number
  outcome: Operation["outcome"]
  revision: number
  value: number
  index: number
}

type Answer =
  | { readonly _tag: "Done"; readonly value: number; readonly revision: number; readonly index: number }
  | { readonly _tag: "Failed"; readonly outcome: "rejected" | "unknown" }

/** Longer than the node's own deadline for it, so that the node's word is heard when there is one. */
const attemptMillisMax = 2500
const timeoutHeader = { "Raftlet-Timeout-Ms": "1500" }
const pauseMillis = 25
/** Not one of those in the loops. */
const lookingClient = -1

/** Clients in closed loops, three additions to one read, over all nodes, until they are stopped. */
export class Load {
  readonly operations: Array<MutableOperation> = []
  /** Answers that the contract does not call retryable: there must be none. */
  readonly unexpected: Array<string> = []
  readonly #tally: Record<string, number> = {}
  #urls: ReadonlyArray<string>
  /** Nobody else writes to these. */
  readonly instances: ReadonlyArray<string>
  readonly #resolveMillisMax: number
  readonly #run = crypto.randomUUID().slice(0, 8)
  readonly #clients: ReadonlyArray<Promise<void>>
  #acknowledged = 0
  #stopsAt = Number.POSITIVE_INFINITY
  #nextKey = 0

  constructor(urls: ReadonlyArray<string>, options: LoadOptions = {}) {
    this.#urls = urls
    this.#resolveMillisMax = options.resolveMillisMax ?? 20_000
    this.instances = Array.from({ length: options.instances ?? 12 }, (_, at) => `c${at}-${this.#run}`)
    this.#clients = Array.from({ length: options.clients ?? 32 }, (_, client) => this.#live(client))
  }

  /** Additions that were acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** This node has left: nobody asks it any more. */
  avoid(url: string): void {
    this.#urls = this.#urls.filter((other) => other !== url)
  }

  /** The longest time in which no addition was acknowledged, from then on, in milliseconds. */
  longestPause(since: number): number {
    const ends = this.operations
      .filter(
        ({ kind, outcome, endedAt }) => kind === "add" && outcome === "acknowledged" && endedAt >= since,
      )
      .map(({ endedAt }) => endedAt)
      .sort((left, right) => left - right)
    return Math.max(0, ...ends.map((end, at) => end - (ends[at - 1] ?? since)))
  }

  get tally(): Tally {
    return this.#tally
  }

  /** Waits until so many more additions have been acknowledged. */
  async goOn(count: number, millisMax = 20_000): Promise<void> {
    const goal = this.#acknowledged + count
    await until(`${count} more acknowledgements`, () => this.#acknowledged >= goal || null, millisMax)
  }

  /** Strong reads of every instance at this very node, each tried once. They are part of the history. */
  async look(url: string): Promise<void> {
    const reads = this.instances.flatMap((instance) => [
      this.#begin(lookingClient, "read", instance),
      this.#begin(lookingClient, "read", instance),
    ])
    await Promise.all(
      reads.map((read) =>
        this.#perform(
          read,
          () => url,
          () => {},
        ),
      ),
    )
  }

  /** Begins nothing new, asks for what is unknown, and gives back everything that was seen. */
  async stop(): Promise<ReadonlyArray<Operation>> {
    this.#stopsAt = Math.min(this.#stopsAt, performance.now())
    await Promise.all(this.#clients)
    return this.operations
  }

  async #live(client: number): Promise<void> {
    // Who meets a node that fails goes to the next one, and stays there.
    let at = client % this.#urls.length
    const moveOn = (): void => {
      at = (at + 1) % this.#urls.length
    }
    while (performance.now() < this.#stopsAt) {
      const kind = Math.random() < 0.75 ? "add" : "read"
      const instance = this.instances[Math.floor(Math.random() * this.instances.length)]!
      const operation = this.#begin(client, kind, instance)
      await this.#perform(operation, () => this.#urls[at % this.#urls.length]!, moveOn)
    }
  }

  #begin(client: number, kind: Operation["kind"], instance: string): MutableOperation {
    const operation: MutableOperation = {
      client,
      instance,
      kind,
      by: kind === "add" ? 1 + Math.floor(Math.random() * 9) : 0,
      startedAt: performance.now(),
      endedAt: Number.POSITIVE_INFINITY,
      outcome: "unknown",
      revision: 0,
      value: 0,
      index: 0,
    }
    this.operations.push(operation)
    return operation
  }

  /**
   * What was rejected is not tried again: whether it really never happens is what the history shows. What is
   * unknown is asked for, with the same key, until somebody knows.
   */
  async #perform(operation: MutableOperation, url: () => string, moveOn: () => void): Promise<void> {
    const key = `${this.#run}-${this.#nextKey++}`
    let mayHaveHappened = false
    for (;;) {
      const answer =
        operation.kind === "add"
          ? await this.#attempt(`${url()}/propose/counter/${operation.instance}/add`, {
              method: "POST",
              headers: { ...timeoutHeader, "Content-Type": "application/json", "Idempotency-Key": key },
              body: JSON.stringify({ by: operation.by }),
            })
          : await this.#attempt(`${url()}/read/counter/${operation.instance}?consistency=${strong()}`, {
              headers: timeoutHeader,
            })
      if (answer._tag === "Done") {
        const { value, revision, index } = answer
        Object.assign(operation, { value, revision, index, outcome: "acknowledged" })
        operation.endedAt = performance.now()
        if (operation.kind === "add") this.#acknowledged++
        return
      }
      moveOn()
      await sleep(pauseMillis)
      mayHaveHappened ||= answer.outcome === "unknown"
      if (!mayHaveHappened || operation.kind === "read") {
        operation.outcome = "rejected"
        operation.endedAt = performance.now()
        return
      }
      if (performance.now() > this.#stopsAt + this.#resolveMillisMax) return
    }
  }

  async #attempt(url: string, init: RequestInit): Promise<Answer> {
    let response: Response
    let text: string
    try {
      response = await fetch(url, { ...init, signal: AbortSignal.timeout(attemptMillisMax) })
      text = await response.text()
    } catch (error) {
      this.#count(`no answer: ${error instanceof Error ? codeOf(error) : error}`)
      return { _tag: "Failed", outcome: "unknown" }
    }
    const body = JSON.parse(text) as AnswerBody
    if (response.status === 200) {
      const { result = body.state?.value ?? Number.NaN, revision, index } = body
      return { _tag: "Done", value: result, revision, index }
    }
    this.#count(`${response.status} ${body.code} ${body.outcome}`)
    if (!body.retryable || body.code === "internal")
      this.unexpected.push(`${init.method ?? "GET"} ${url}: ${text}`)
    return { _tag: "Failed", outcome: body.outcome }
  }

  #count(what: string): void {
    this.#tally[what] = (this.#tally[what] ?? 0) + 1
  }
}

interface AnswerBody {
  readonly result?: number
  readonly state?: { readonly value: number }
  readonly revision: number
  readonly index: number
  readonly code: string
  readonly outcome: "rejected" | "unknown"
  readonly retryable: boolean
}

/** Both promise the same; the second one by the leader's clock. */
const strong = (): string => (Math.random() < 0.5 ? "linearizable" : "lease")

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : error.name
