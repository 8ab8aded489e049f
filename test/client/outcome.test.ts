// Whatever nodes and connections do: is a caller ever told something of a proposal that is not so? Random weather on
// virtual time, against a model that remembers by idempotency key as a cluster does. (C1, C2)

import { expect, test } from "bun:test"
import fc from "fast-check"
import { Failure } from "raftlet/client"
import { clientAt } from "../../src/client/clientAt.ts"
import { problem, refusal, told, urls } from "./fake.ts"
import { VirtualClock } from "./VirtualClock.ts"

/** What happens to one request. */
type Weather =
  /** It is answered. */
  | "answers"
  /** The connection breaks before, or after, it was handed over. */
  | "lost"
  | "cut"
  /** It is handed over, and nothing is said. */
  | "hangs"
  /** The node says that it does not know. */
  | "unknown"
  /** It is refused at the door, and never handed over. */
  | "no-leader"
  | "invalid-input"
  | "proxy"

const weathers = fc.constantFrom<Weather>(
  "answers",
  "lost",
  "cut",
  "hangs",
  "unknown",
  "no-leader",
  "invalid-input",
  "proxy",
)

interface Turn {
  readonly weather: Weather
  /** How long what was handed over lies somewhere before the cluster looks at it. */
  readonly delayMillis: number
}

const turns = fc.array(
  fc.record({
    weather: weathers,
    delayMillis: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4000 })),
  }),
  { minLength: 1, maxLength: 12 },
)

interface Proposed {
  readonly key: string
  readonly input: number
  readonly idempotencyKey: string
  readonly ifRevision?: number
}

/** One machine behind all doors. */
class Model {
  readonly executed = new Map<string, number>()
  readonly #outcomes = new Map<string, object>()
  readonly #clock: VirtualClock
  readonly #refuses: (input: number) => boolean
  #revision = 0

  constructor(clock: VirtualClock, refuses: (input: number) => boolean) {
    this.#clock = clock
    this.#refuses = refuses
  }

  async execute({ idempotencyKey, input, ifRevision }: Proposed, delayMillis: number): Promise<object> {
    if (delayMillis > 0) await this.#clock.sleep(delayMillis, new AbortController().signal)
    const known = this.#outcomes.get(idempotencyKey)
    if (known !== undefined) return { ...known, replayed: true }
    const outcome = this.#outcomeOf(input, ifRevision)
    if ("result" in outcome) this.executed.set(idempotencyKey, (this.executed.get(idempotencyKey) ?? 0) + 1)
    this.#outcomes.set(idempotencyKey, outcome)
    return { ...outcome, replayed: false }
  }

  #outcomeOf(input: number, ifRevision: number | undefined): object {
    if (ifRevision !== undefined && ifRevision !== this.#revision) {
      return problem("revision-mismatch", { revision: this.#revision })
    }
    if (this.#refuses(input)) return problem("rejected")
    this.#revision++
    return { result: input, revision: this.#revision, index: this.#revision, term: 1 }
  }
}

const doorOf = (model: Model, script: ReadonlyArray<Turn>) => {
  let count = 0
  return async (request: Request): Promise<Response> => {
    const text = await request.text()
    const { weather, delayMillis } = script[count++] ?? { weather: "answers", delayMillis: 0 }
    const isBatch = new URL(request.url).pathname === "/propose"
    const revision = request.headers.get("if-revision")
    const proposed: ReadonlyArray<Proposed> = isBatch
      ? JSON.parse(text).proposals
      : [
          {
            key: "a",
            input: JSON.parse(text),
            idempotencyKey: request.headers.get("idempotency-key")!,
            ...(revision === null ? {} : { ifRevision: Number(revision) }),
          },
        ]
    const answer = (each: ReadonlyArray<object>): Response => {
      if (isBatch) return told({ outcomes: each })
      const [only] = each as [object]
      return "status" in only ? Response.json(only, { status: Number(only.status) }) : told(only)
    }
    const handOver = () => Promise.all(proposed.map((one) => model.execute(one, delayMillis)))
    switch (weather) {
      case "lost":
        throw new TypeError("lost")
      case "no-leader":
        return refusal("no-leader")
      case "invalid-input":
        return answer(proposed.map(() => problem("invalid-input")))
      case "unknown":
        void handOver()
        return answer(proposed.map(() => problem("leadership-lost")))
      case "proxy":
        void handOver()
        return new Response("Bad Gateway", { status: 502 })
      case "cut":
        await handOver()
        throw new TypeError("cut")
      case "hangs":
        void handOver()
        return new Promise(() => {})
      case "answers":
        return answer(await handOver())
    }
  }
}

/** Everything that is still on its way has come. */
const settle = (clock: VirtualClock) => clock.run(clock.sleep(10_000, new AbortController().signal))

const judge = (model: Model, key: string, outcome: unknown): void => {
  const times = model.executed.get(key) ?? 0
  expect(times).toBeLessThanOrEqual(1)
  if (!(outcome instanceof Failure)) expect(times).toBe(1)
  else if (outcome.outcome === "rejected") expect(times).toBe(0)
}

const runs = { numRuns: 300 }

test("a proposal is never executed twice, never told as executed when it was not, never as rejected when it was", () =>
  fc.assert(
    fc.asyncProperty(
      turns,
      fc.boolean(),
      fc.option(fc.constantFrom(0, 1), { nil: undefined }),
      fc.integer({ min: 300, max: 9000 }),
      async (script, refuses, ifRevision, timeoutMillis) => {
        const clock = new VirtualClock()
        const model = new Model(clock, () => refuses)
        const raftlet = clientAt(clock, urls, {
          discover: false,
          fetch: doorOf(model, script),
          timeoutMillis,
        })
        const proposal = { actor: "log", key: "a", command: "append", input: 1, idempotencyKey: "k" }
        const asked = raftlet.propose({ ...proposal, ...(ifRevision === undefined ? {} : { ifRevision }) })
        const outcome = await clock.run(asked.catch((cause: unknown) => cause))
        expect(clock.now()).toBeLessThanOrEqual(timeoutMillis)
        await settle(clock)
        judge(model, "k", outcome)
      },
    ),
    runs,
  ))

test("and so with each of a batch", () =>
  fc.assert(
    fc.asyncProperty(
      turns,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      async (script, refused) => {
        const clock = new VirtualClock()
        const model = new Model(clock, (input) => refused[input]!)
        const raftlet = clientAt(clock, urls, { discover: false, fetch: doorOf(model, script) })
        const proposals = refused.map((_, at) => ({
          actor: "log",
          key: "a",
          command: "append",
          input: at,
          idempotencyKey: `k${at}`,
        }))
        const outcomes = await clock.run(raftlet.proposeMany(proposals, { timeoutMillis: 5000 }))
        await settle(clock)
        for (const [at, outcome] of outcomes.entries()) judge(model, `k${at}`, outcome)
      },
    ),
    runs,
  ))
