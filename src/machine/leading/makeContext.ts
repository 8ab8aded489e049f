// How does what a `leading` asks become words of the door, and the answer what its types say?

import { Effect, Result, Semaphore } from "effect"
import type { Coder } from "../Coder.ts"
import { canonicalise } from "../json.ts"
import type { Outcome, QueryOutcome } from "../outcome.ts"
import type { LoadedActor } from "../Registry.ts"
import { messageOf } from "../thrown.ts"
import type { Json } from "../values.ts"
import type {
  Answer,
  Executed,
  HowToPropose,
  HowToRead,
  InstanceList,
  LeadingContext,
  ListQuestion,
} from "./context.ts"
import type { LeadingDoor, ProposeCall, ReadCall } from "./door.ts"
import { ProposeFailed, ReadFailed } from "./failures.ts"
import type { Unanswered } from "./Leading.ts"
import { answerMillisDefault, askingMax } from "./limits.ts"

/** For code of this very actor; others it asks in JSON. */
export const makeContext = (actor: LoadedActor, door: LeadingDoor): LeadingContext => {
  // Who asks for more at once waits here, where it costs nobody else anything.
  const asking = Semaphore.makeUnsafe(askingMax)
  const propose = Effect.fnUntraced(function* (
    asked: Command,
  ): Effect.fn.Return<Executed<unknown>, ProposeFailed> {
    const coders = codersOf(asked.actor, actor.commands, asked.command)
    if (coders === undefined) {
      return yield* new ProposeFailed(
        refusedHere("unknown-command", `there is no command "${asked.command}"`),
      )
    }
    const input = encode(coders, asked.input)
    if (Result.isFailure(input)) return yield* new ProposeFailed(refusedHere("invalid-input", input.failure))
    const call: ProposeCall = {
      type: "propose",
      actor: asked.actor ?? actor.name,
      key: asked.key,
      command: asked.command,
      input: input.success,
      idempotencyKey: asked.idempotencyKey ?? null,
      ifRevision: asked.ifRevision ?? null,
      millis: asked.timeoutMillis ?? answerMillisDefault,
    }
    const answer = (yield* asking.withPermit(door.ask(call))) as Outcome | Unanswered
    if (answer._tag !== "Accepted") {
      const outcome = answer._tag === "Failure" ? answer.outcome : "rejected"
      return yield* new ProposeFailed({ ...wordsOf(answer), outcome })
    }
    const { revision, index, term, replayed } = answer
    const result = decode(coders, JSON.parse(answer.result))
    if (Result.isSuccess(result)) return { result: result.success, revision, index, term, replayed }
    const message = `it was executed, and its result is none of this version's: ${result.failure}`
    return yield* new ProposeFailed({ code: "invalid-result", outcome: "unknown", message, reason: null })
  })
  const read = Effect.fnUntraced(function* (asked: Question): Effect.fn.Return<Answer<unknown>, ReadFailed> {
    const coders = codersOf(asked.actor, actor.queries, asked.query)
    if (coders === undefined) {
      return yield* new ReadFailed(refusedHere("unknown-query", `there is no query "${asked.query}"`))
    }
    const input = encode(coders, asked.input)
    if (Result.isFailure(input)) return yield* new ReadFailed(refusedHere("invalid-input", input.failure))
    const { key, query } = asked
    const said = yield* ask(asked, {
      type: "query",
      actor: asked.actor ?? actor.name,
      key,
      query,
      input: input.success,
    })
    const { result: json, revision, index } = said as unknown as Answer<Json>
    const result = decode(coders, json)
    if (Result.isSuccess(result)) return { result: result.success, revision, index }
    const message = `the answer is none of this version's: ${result.failure}`
    return yield* new ReadFailed({ code: "invalid-result", message, reason: null })
  })
  const list = Effect.fnUntraced(function* (
    asked: ListQuestion = {},
  ): Effect.fn.Return<InstanceList, ReadFailed> {
    const { prefix = "", after = "", limit = 100 } = asked
    const said = yield* ask(asked, { type: "list", actor: asked.actor ?? actor.name, prefix, after, limit })
    return said as InstanceList
  })
  const ask = Effect.fnUntraced(function* (
    { consistency = "linearizable", timeoutMillis = answerMillisDefault }: HowToRead,
    query: ReadCall["query"],
  ): Effect.fn.Return<unknown, ReadFailed> {
    const call: ReadCall = { type: "read", query, consistency, millis: timeoutMillis }
    const answer = (yield* asking.withPermit(door.ask(call))) as QueryOutcome | Unanswered
    return answer._tag === "Answered" ? JSON.parse(answer.body) : yield* new ReadFailed(wordsOf(answer))
  })
  return { ...door.about, actor: actor.name, propose, read, list } as unknown as LeadingContext
}

interface Command extends HowToPropose {
  readonly actor?: string
  readonly key: string
  readonly command: string
  readonly input?: unknown
}

interface Question extends HowToRead {
  readonly actor?: string
  readonly key: string
  readonly query: string
  readonly input?: unknown
}

interface Coders {
  readonly input: Coder
  readonly output: Coder
}

/** Null: what stands in JSON crosses as it is. */
const codersOf = (
  other: string | undefined,
  own: ReadonlyMap<string, Coders>,
  name: string,
): Coders | null | undefined => (other === undefined ? own.get(name) : null)

/** JSON text, or what is wrong. */
const encode = (coders: Coders | null, input: unknown = null): Result.Result<string, string> => {
  if (coders !== null) {
    const encoded = coders.input.encode(input)
    if (Result.isSuccess(encoded)) return Result.succeed(JSON.stringify(encoded.success.json))
    const { path, message } = encoded.failure[0]!
    return Result.fail(`${path === "" ? "" : `at ${path}: `}${message}`)
  }
  try {
    return Result.succeed(JSON.stringify(canonicalise(input).json))
  } catch (error) {
    return Result.fail(messageOf(error))
  }
}

const decode = (coders: Coders | null, json: Json): Result.Result<unknown, string> =>
  coders === null
    ? Result.succeed(json)
    : Result.mapError(coders.output.decode(json), ([issue]) => issue!.message)

const wordsOf = (answer: Exclude<Outcome | QueryOutcome | Unanswered, { _tag: "Accepted" | "Answered" }>) => {
  const { code, detail: message } = answer
  if (answer._tag === "Failure") return { code, message, reason: null }
  const { reason = null } = JSON.parse(answer.extra) as { readonly reason?: ProposeFailed["reason"] }
  return { code, message, reason }
}

const refusedHere = (code: string, message: string) =>
  ({ code, outcome: "rejected", message, reason: null }) as const
