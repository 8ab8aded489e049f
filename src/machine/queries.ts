// What does the state say? Answers to reads, as the whole JSON text of their HTTP body.

// The global of this name is closed to reducers, among whom this runs.
import { Buffer } from "node:buffer"
import { Result } from "effect"
import type { Index } from "../consensus/types.ts"
import type { QueryContext } from "./actor.ts"
import { messageOf } from "./Coder.ts"
import { decodeInput, incompatible, isKey, type MachineState, parseInput } from "./execution.ts"
import type { Query } from "./MachineHost.ts"
import type { Answered, QueryOutcome, Refused } from "./outcome.ts"
import type { LoadedActor } from "./Registry.ts"
import { asynchronous, isThenable } from "./reduce.ts"
import * as refusals from "./refusals.ts"
import { viewState } from "./views.ts"

/** Answers as of `index`, at log time `now`. */
export const answer = (state: MachineState, query: Query, index: Index, now: number): QueryOutcome => {
  const actor = state.registry.current.get(query.actor)
  if (actor === undefined) return refusals.unknownActor(query.actor)
  if (query.type === "list") return list(state, query, index)
  if (!isKey(query.key)) return refusals.invalidInput("A key is UTF-8 of 1 to 512 bytes without NUL.", [])
  const instance = state.instances.get(query.actor, query.key)
  const revision = instance?.revision ?? 0
  if (query.type === "state") {
    return answered(
      `{"state":${instance?.text ?? actor.initialText},"revision":${revision},"index":${index}}`,
      index,
    )
  }
  const view = viewState(actor, instance)
  if (Result.isFailure(view)) return incompatible(view.failure)
  const result = read(state, actor, query, view.success, { key: query.key, revision, now })
  if (Result.isFailure(result)) return result.failure
  return answered(`{"result":${result.success},"revision":${revision},"index":${index}}`, index)
}

const read = (
  state: MachineState,
  actor: LoadedActor,
  query: Extract<Query, { readonly type: "query" }>,
  view: unknown,
  context: QueryContext,
): Result.Result<string, Refused> => {
  const definition = actor.queries.get(query.query)
  if (definition === undefined) return Result.fail(refusals.unknownQuery(query.actor, query.query))
  const json = parseInput(query.input)
  if (Result.isFailure(json)) return Result.fail(json.failure)
  const input = decodeInput(definition, json.success)
  if (Result.isFailure(input)) return Result.fail(input.failure)
  let value: unknown
  try {
    value = (definition.read as Run)(view, input.success, Object.freeze(context))
    if (isThenable(value)) return Result.fail(refusals.rejected(asynchronous(value, "query")))
  } catch (error) {
    // Nothing follows from a query, so that a stack that ran over is only this caller's bad luck.
    return Result.fail(refusals.rejected({ code: "query-threw", message: messageOf(error), data: null }))
  }
  const encoded = definition.output.encode(value)
  if (Result.isFailure(encoded)) {
    const issues = encoded.failure.map((issue) => ({ ...issue }))
    return Result.fail(
      refusals.rejected({ code: "invalid-result", message: "The result is not valid.", data: { issues } }),
    )
  }
  const text = JSON.stringify(encoded.success.json)
  const bytes = Buffer.byteLength(text)
  if (bytes <= state.limits.resultBytesMax) return Result.succeed(text)
  const message = `The result has ${bytes} bytes; ${state.limits.resultBytesMax} are allowed.`
  return Result.fail(refusals.rejected({ code: "result-too-large", message, data: null }))
}

/** A page of keys. One more than asked for is looked at, to know whether there is a next page. */
const list = (
  state: MachineState,
  query: Extract<Query, { readonly type: "list" }>,
  index: Index,
): QueryOutcome => {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), listMax)
  const rows = state.instances.list({ ...query, limit: limit + 1 })
  const page = rows.slice(0, limit)
  const next = rows.length > limit ? page[page.length - 1]!.key : null
  return answered(JSON.stringify({ instances: page, next }), index)
}

const answered = (body: string, index: Index): Answered => ({ _tag: "Answered", body, index })

type Run = (state: unknown, input: unknown, ctx: QueryContext) => unknown

/** Keys on one page at the most. */
const listMax = 1000
