// How does a call become counted once, and only once, over a cluster whose nodes come and go?

import { Effect, Schema } from "effect"
import { client, Failure } from "../client/index.ts"
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

const readsMax = 8

/** A cluster's metering actor, as seen by whoever imports. */
export const makeMeterClient = ({ urls, patienceMillis }: MeterOptions) => {
  const raftlet = client(urls, { timeoutMillis: patienceMillis })

  /** Each with its request id as key: what is sent again is counted once. */
  const record = (calls: ReadonlyArray<ApiCall>): Effect.Effect<BatchResult> =>
    Effect.promise(async (signal) => {
      const outcomes = await raftlet.proposeMany(calls.map(proposalOf), { signal })
      const failures = outcomes.flatMap((outcome, at) =>
        outcome instanceof Failure ? [{ failure: outcome, id: calls[at]!.requestId }] : [],
      )
      const known = outcomes.filter((outcome) => !(outcome instanceof Failure) && outcome.replayed).length
      return {
        recorded: outcomes.length - failures.length - known,
        known,
        refused: failures
          .filter(({ failure }) => !failure.retryable)
          .map(({ failure, id }) => `${id}: ${failure.message}`),
        unanswered: failures
          .filter(({ failure }) => failure.retryable)
          .map(({ failure, id }) => `${id}: ${failure.detail}`),
      }
    })

  /** Everything metered so far, by tenant, in the order of their names. */
  const readAll = Effect.gen(function* () {
    const keys = yield* answered(async (signal) => {
      const found: Array<string> = []
      for await (const { key } of raftlet.instances({ actor: "metering", signal })) found.push(key)
      return found
    })
    return yield* Effect.forEach(
      keys,
      (key) =>
        answered((signal) => raftlet.state({ actor: "metering", key, signal })).pipe(
          Effect.flatMap(({ state }) => decodeState(state)),
          Effect.mapError((error) => (error._tag === "CliFailure" ? error : notOurs(error))),
          Effect.map((state) => ({ tenant: key, state })),
        ),
      { concurrency: readsMax },
    )
  })

  return { record, readAll }
}

const proposalOf = ({ tenant, ...call }: ApiCall) => ({
  actor: "metering",
  key: tenant,
  command: "record",
  input: call,
  idempotencyKey: call.requestId,
})

const answered = <A>(ask: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, CliFailure> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) => {
      if (!(cause instanceof Failure)) throw cause
      return failed(cause.message)
    },
  })

const decodeState = Schema.decodeUnknownEffect(State)

const notOurs = (error: Schema.SchemaError): CliFailure =>
  failed(`an answer that is none of the metering actor's: ${error.message}`)
