// How does a call become counted once, and only once, over a cluster whose nodes come and go?

import { Clock, Effect, Schedule, Schema } from "effect"
import type { ApiCall } from "./accessLog.ts"
import { type CliFailure, failed } from "./CliFailure.ts"

export interface MeterOptions {
  readonly urls: ReadonlyArray<string>
  /** How long one batch, or one read, is tried before it is given up. */
  readonly patienceMillis: number
}

/** What became of a batch. Every call of it is in one of the four. */
export interface BatchResult {
  readonly recorded: number
  /** Counted by an earlier attempt or import. */
  readonly known: number
  /** Refused for good, with the reason. */
  readonly refused: ReadonlyArray<string>
  /** Still without a certain answer when patience ended. */
  readonly unanswered: ReadonlyArray<string>
}

const Totals = Schema.Struct({ calls: Schema.Int, bytes: Schema.Int, latencyMillis: Schema.Finite })
const State = Schema.Struct({
  total: Totals,
  byRoute: Schema.Record(Schema.String, Totals),
  byStatus: Schema.Record(Schema.String, Totals),
})
export type MeterState = typeof State.Type

const StateAnswer = Schema.Struct({ state: State, index: Schema.Int })
const ListAnswer = Schema.Struct({
  instances: Schema.Array(Schema.Struct({ key: Schema.String })),
  next: Schema.NullOr(Schema.String),
})
const Outcome = Schema.Union([
  Schema.Struct({ replayed: Schema.Boolean, index: Schema.Int }),
  Schema.Struct({ code: Schema.String, detail: Schema.String, retryable: Schema.Boolean }),
])
const BatchAnswer = Schema.Struct({ outcomes: Schema.Array(Outcome) })
const ProblemAnswer = Schema.Struct({ detail: Schema.String, retryable: Schema.Boolean })

const requestMillis = 5000
const pauseMillis = 100
const pauseMillisMax = 1000
const readsMax = 8

/** A cluster's metering actor, as seen by whoever imports. */
export const makeMeterClient = (options: MeterOptions) => {
  // The node that answered last is asked first: after a failure, all batches move on together.
  let preferred = 0
  let lastReason = ""

  /** One request to one node. Fails with why it may be tried again. */
  const request = <A>(
    schema: Schema.Decoder<A>,
    path: string,
    init: RequestInit,
  ): Effect.Effect<A, Transient | CliFailure> => {
    const at = preferred
    return Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${options.urls[at]}${path}`, { ...init, signal })
        return { ok: response.ok, body: (await response.json()) as unknown }
      },
      catch: (cause) => new Transient({ reason: cause instanceof Error ? cause.message : String(cause) }),
    }).pipe(
      Effect.timeoutOrElse({
        duration: requestMillis + 1000,
        orElse: () => Effect.fail(new Transient({ reason: "no answer" })),
      }),
      Effect.flatMap(({ ok, body }) => (ok ? decoded(schema, body) : refusal(body))),
      Effect.tapError((error) =>
        Effect.sync(() => {
          lastReason = error._tag === "Transient" ? error.reason : error.message
          if (preferred === at) preferred = (at + 1) % options.urls.length
        }),
      ),
    )
  }

  const record = Effect.fnUntraced(function* (calls: ReadonlyArray<ApiCall>) {
    const until = (yield* Clock.currentTimeMillis) + options.patienceMillis
    const refusedCalls: Array<string> = []
    let recorded = 0
    let known = 0
    let pending = calls
    let pause = pauseMillis
    for (;;) {
      const asked = pending
      const outcomes = yield* request(BatchAnswer, "/propose", postOf(asked)).pipe(
        Effect.map(({ outcomes }) => (outcomes.length === asked.length ? outcomes : [])),
        Effect.catchTag("Transient", () => Effect.succeed([])),
      )
      if (outcomes.length > 0) {
        // Unknown outcomes stay as well: the same key tells later whether it was executed.
        pending = asked.filter((call, at) => {
          const outcome = outcomes[at]!
          if ("index" in outcome) outcome.replayed ? known++ : recorded++
          else if (!outcome.retryable)
            refusedCalls.push(`${call.requestId}: ${outcome.code}: ${outcome.detail}`)
          else return true
          return false
        })
      }
      if (pending.length < asked.length) pause = pauseMillis
      if (pending.length === 0 || (yield* Clock.currentTimeMillis) >= until) break
      yield* Effect.sleep(pause)
      pause = Math.min(pause * 2, pauseMillisMax)
    }
    const unanswered = pending.map(({ requestId }) => `${requestId}: ${lastReason}`)
    const result: BatchResult = { recorded, known, refused: refusedCalls, unanswered }
    return result
  })

  const read = <A>(schema: Schema.Decoder<A>, path: string): Effect.Effect<A, CliFailure> =>
    request(schema, path, { headers: timeoutHeader }).pipe(
      Effect.retry({ while: (error) => error._tag === "Transient", schedule: Schedule.spaced(pauseMillis) }),
      Effect.catchTag("Transient", ({ reason }) => failed(reason)),
      Effect.timeoutOrElse({
        duration: options.patienceMillis,
        orElse: () => failed(`no answer to ${path} from ${options.urls.join(", ")}: ${lastReason}`),
      }),
    )

  /** Everything metered so far, by tenant, in the order of their names. */
  const readAll = Effect.gen(function* () {
    const keys: Array<string> = []
    for (let after = ""; ; ) {
      const page = yield* read(ListAnswer, `/read/metering?limit=1000&after=${encodeURIComponent(after)}`)
      keys.push(...page.instances.map(({ key }) => key))
      if (page.next === null) break
      after = page.next
    }
    return yield* Effect.forEach(
      keys,
      (key) =>
        Effect.map(read(StateAnswer, `/read/metering/${encodeURIComponent(key)}`), ({ state }) => ({
          tenant: key,
          state,
        })),
      { concurrency: readsMax },
    )
  })

  return { record, readAll }
}

/** Another node, or the same one a little later, may do better. */
class Transient extends Schema.TaggedError<Transient>()("Transient", { reason: Schema.String }) {}

const decoded = <A>(schema: Schema.Decoder<A>, body: unknown): Effect.Effect<A, Transient> =>
  Effect.mapError(
    Schema.decodeUnknownEffect(schema)(body),
    (error) => new Transient({ reason: `an answer that is none of Raftlet's: ${error.message}` }),
  )

/** The whole request was refused: for now, or because it is wrong. */
const refusal = (body: unknown): Effect.Effect<never, Transient | CliFailure> =>
  Effect.flatMap(decoded(ProblemAnswer, body), ({ detail, retryable }) =>
    Effect.fail(retryable ? new Transient({ reason: detail }) : failed(detail)),
  )

const timeoutHeader = { "Raftlet-Timeout-Ms": String(requestMillis) }

const postOf = (calls: ReadonlyArray<ApiCall>): RequestInit => ({
  method: "POST",
  headers: { ...timeoutHeader, "Content-Type": "application/json" },
  body: JSON.stringify({
    proposals: calls.map(({ tenant, ...call }) => ({
      actor: "metering",
      key: tenant,
      command: "record",
      input: call,
      idempotencyKey: call.requestId,
    })),
  }),
})
