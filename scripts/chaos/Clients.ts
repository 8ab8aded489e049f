// How do many clients keep the cluster busy through everything, and remember all that they were told?

import type { Json } from "../../src/machine/actor.ts"
import type { Operation } from "../../src/simulation/history.ts"
import { Random } from "../../test/consensus/Random.ts"
import { type Ask, drawAsk, drawRead, nodeMillisMax, read } from "./asks.ts"
import type { History } from "./History.ts"
import { type Actor, Instances } from "./Instances.ts"
import { type Answer, headerOf, Line, NoAnswer } from "./Line.ts"
import { Pace } from "./Pace.ts"

export interface ClientsOptions {
  /** `HOST:PORT` of each node by its id. */
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly address: string }>
  readonly history: History
  readonly count: number
  /** Operations that they begin, on average, at the most. */
  readonly perSecondMax: number
  readonly seed: number
}

/** Closed loops over all nodes: the next operation begins when the last one's outcome is known, or given up. */
export class Clients {
  readonly instances = new Instances()
  /** What the contract does not call retryable, and no refusal either: there must be none. */
  readonly unexpected: Array<string> = []
  /** Attempts without a result, by what was said. */
  readonly setbacks: Record<string, number> = {}
  /** Operations with an answer so far. */
  answered = 0
  #longestPauseMillis = 0
  #answeredAt = performance.now()
  #onAnswer: (() => void) | null = null
  /** Whoever leads by the newest word of any node. */
  leader: string | null = null
  #term = 0
  readonly #options: ClientsOptions
  readonly #pace: Pace
  readonly #loops: ReadonlyArray<Promise<void>>
  #isStopping = false
  #nextNumber = 1

  constructor(options: ClientsOptions) {
    this.#options = options
    this.#pace = new Pace(options.perSecondMax)
    this.#pace.start()
    this.#loops = Array.from({ length: options.count }, (_, number) => this.#live(number))
  }

  /** The longest time without an answer, until now. */
  get longestPauseMillis(): number {
    return Math.max(this.#longestPauseMillis, performance.now() - this.#answeredAt)
  }

  /** The next answer, or the end of the time: right after the first the nodes are in the middle of their work. */
  async nextAnswer(millisMax: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onAnswer = resolve
    await Promise.race([promise, Bun.sleep(millisMax)])
    this.#onAnswer = null
  }

  /** Begins nothing new; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#pace.stop()
    await Promise.all(this.#loops)
  }

  /** One strong read of every instance, as part of the history: what it is in the end. Alarms change by themselves. */
  async lastLook(): Promise<void> {
    const left = this.instances.all.filter(({ actor }) => actor !== "alarm")
    const looker = async (number: number): Promise<void> => {
      const client = new Client(`last-${number + 1}`, number, false, this.#options)
      for (let instance = left.pop(); instance !== undefined; instance = left.pop()) {
        const ask = read(instance, queryOf[instance.actor], "linearizable")
        const until = performance.now() + resolveMillisMax
        while ((await this.#perform(client, ask)) !== "ok" && performance.now() < until);
      }
      client.line.close()
    }
    await Promise.all(Array.from({ length: 8 }, (_, number) => looker(number)))
  }

  /**
   * Every fourth client reads alone, and stays with its node whatever becomes of that. A client that writes too is
   * soon stuck at a leader that has lost the others, and would not be there to see it answer from what is old.
   */
  async #live(number: number): Promise<void> {
    const isReader = number % 4 === 3
    const at = isReader ? Math.floor(number / 4) : number
    const client = new Client(`${isReader ? "r" : "c"}${number + 1}`, at, isReader, this.#options)
    while (true) {
      const turn = this.#pace.take()
      if (turn !== null) await turn
      if (this.#isStopping) break
      const ask = isReader
        ? drawRead(client.random, this.instances)
        : drawAsk(client.random, this.instances, this.#nextNumber++)
      await this.#perform(client, ask)
    }
    client.line.close()
  }

  /**
   * What was rejected is not tried again: whether it really never happens is what the history shows. What is
   * unknown is asked for with the same key at one node after the other, until somebody knows. A read is never
   * tried again: an answer to the second attempt that is too old for it may be new enough for the first.
   */
  async #perform(client: Client, ask: Ask): Promise<Operation["outcome"]> {
    const start = performance.now()
    let mayHaveHappened = false
    for (let attempts = 1; ; attempts++) {
      const said = await this.#attempt(client, ask)
      const end = performance.now()
      mayHaveHappened ||= said.outcome === "unknown"
      const isLast = ask.consistency !== null || end > start + resolveMillisMax
      const outcome = outcomeOf(said, mayHaveHappened, isLast)
      // Of a read that reached nobody there is nothing to tell.
      const isTold = outcome !== null && (ask.consistency === null || said.outcome !== "unsent")
      if (isTold) {
        const observed = { attempts, consistency: ask.consistency, node: client.node.id, index: said.index }
        this.#options.history.add({
          client: client.name,
          op: ask.op,
          instance: `${ask.instance.actor}/${ask.instance.key}`,
          input: ask.input,
          output: outcome === "ok" || outcome === "refused" ? said.output : null,
          start,
          end: outcome === "unknown" ? null : end,
          outcome,
          ...observed,
        })
      }
      if (outcome === "ok" || outcome === "refused") {
        this.answered += 1
        this.#longestPauseMillis = this.longestPauseMillis
        this.#answeredAt = end
        this.#onAnswer?.()
        return outcome
      }
      client.moveOn()
      await Bun.sleep(client.random.between(pauseMillisMin, pauseMillisMax))
      if (outcome !== null) return outcome
    }
  }

  async #attempt({ node, line }: Client, ask: Ask): Promise<Said> {
    try {
      const answer = await line.ask(node.address, ask.request, nodeMillisMax + graceMillis)
      this.#hearOfLeader(answer.head)
      return this.#said(ask, answer)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      this.#count(`no answer: ${error.message}`)
      return { outcome: error.sent ? "unknown" : "unsent", output: null, index: 0 }
    }
  }

  #said(ask: Ask, { status, body }: Answer): Said {
    const answer = parse(body)
    if (answer === null) {
      this.unexpected.push(`${ask.op} on ${ask.instance.key}: ${status} ${JSON.stringify(body)}`)
      return { outcome: "unknown", output: null, index: 0 }
    }
    if (status === 200) {
      const { result, revision, index } = answer
      ask.instance.revision = Math.max(ask.instance.revision, revision)
      return { outcome: "ok", output: { result, revision }, index }
    }
    const { code, outcome, retryable, reason } = answer
    this.#count(`${status} ${code}`)
    if (code === "revision-mismatch") return { outcome: "refused", output: code, index: 0 }
    if (code === "rejected") return { outcome: "refused", output: reason.code, index: 0 }
    if (!retryable || code === "internal")
      this.unexpected.push(`${ask.op} on ${ask.instance.key}: ${status} ${body}`)
    return { outcome, output: null, index: 0 }
  }

  #hearOfLeader(head: string): void {
    const term = Number(headerOf(head, "raftlet-term"))
    const leader = headerOf(head, "raftlet-leader")?.split(";")[0] ?? ""
    if (!(term >= this.#term) || (leader === "" && term === this.#term)) return
    this.#term = term
    this.leader = leader === "" ? null : leader
  }

  #count(what: string): void {
    this.setbacks[what] = (this.setbacks[what] ?? 0) + 1
  }
}

/** One loop: it stays with a node until that fails it. */
class Client {
  readonly name: string
  readonly line = new Line()
  readonly random: Random
  readonly #nodes: ClientsOptions["nodes"]
  readonly #stays: boolean
  #at: number

  constructor(name: string, at: number, stays: boolean, { nodes, seed }: ClientsOptions) {
    this.name = name
    this.random = new Random(Bun.hash.crc32(name) + seed)
    this.#nodes = nodes
    this.#stays = stays
    this.#at = at % nodes.length
  }

  get node(): ClientsOptions["nodes"][number] {
    return this.#nodes[this.#at]!
  }

  moveOn(): void {
    if (!this.#stays) this.#at = (this.#at + 1) % this.#nodes.length
  }
}

/** What one attempt came to. `unsent`: the node was not there to be asked. */
interface Said {
  readonly outcome: Operation["outcome"] | "unsent"
  readonly output: Json
  readonly index: number
}

/** Null: it must be asked again. */
const outcomeOf = (
  { outcome }: Said,
  mayHaveHappened: boolean,
  isLast: boolean,
): Operation["outcome"] | null => {
  if (outcome === "ok" || outcome === "refused") return outcome
  if (outcome === "rejected" && !mayHaveHappened) return "rejected"
  if (!isLast) return null
  return mayHaveHappened ? "unknown" : "rejected"
}

interface AnswerBody {
  readonly result: Json
  readonly revision: number
  readonly index: number
  readonly code: string
  readonly outcome: "rejected" | "unknown"
  readonly retryable: boolean
  /** Of code `rejected`: in the reducer's own words. */
  readonly reason: { readonly code: string }
}

const parse = (body: string): AnswerBody | null => {
  try {
    return JSON.parse(body) as AnswerBody
  } catch {
    return null
  }
}

const queryOf: Readonly<Record<Actor, string>> = {
  register: "value",
  counter: "value",
  list: "items",
  alarm: "rung",
}

/** Well within what the nodes remember of outcomes: after that a retry could be taken for something new. */
const resolveMillisMax = 15_000
const graceMillis = 1000
const pauseMillisMin = 10
const pauseMillisMax = 40
