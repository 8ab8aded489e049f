// What does the state say? Answers to reads, as the whole JSON text of their HTTP body.

// The global of this name is closed to reducers, among whom this runs.
import { Result } from "effect"
import type { Index } from "../consensus/types.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import type { Call, Reply, Work } from "./Executor.ts"
import { isKey, type MachineState, parseInput } from "./execution.ts"
import { deed } from "./fault.ts"
import type { Query } from "./MachineHost.ts"
import type { Answered, QueryOutcome } from "./outcome.ts"
import * as refusals from "./refusals.ts"
import { isWithin } from "./slots.ts"

/** Answers as of one position. */
export function* answerAll(
  state: MachineState,
  queries: ReadonlyArray<Query>,
  { index, time }: Pick<StatePosition, "index" | "time">,
): Work<ReadonlyArray<QueryOutcome>> {
  const weighed = queries.map((query) => weigh(state, query, index, time))
  const calls = weighed.flatMap((one) => ("call" in one ? [one.call] : []))
  const replies = calls.length === 0 ? [] : yield calls
  let called = 0
  return weighed.map((one) => ("call" in one ? one.answer(replies[called++]) : one))
}

type Candidate =
  | QueryOutcome
  | { readonly call: Call; readonly answer: (reply: Reply | undefined) => QueryOutcome }

const weigh = (state: MachineState, query: Query, index: Index, now: number): Candidate => {
  if (!has(state, query)) return refusals.elsewhere(query.actor)
  const actor = state.catalogue.active(query.actor)
  if (actor === undefined) return refusals.unknownActor(query.actor)
  if (query.type === "list") return list(state, query, index)
  const { key } = query
  if (!isKey(key)) return refusals.invalidInput("A key is UTF-8 of 1 to 512 bytes without NUL.", [])
  // What was voided may have been acknowledged: a state without it would be a wrong answer, also before the entry is
  // applied that puts the instance into quarantine.
  const voided = state.quarantines.voiding(query.actor, key, index)
  if (voided !== null) return refusals.voided(voided)
  const held = state.quarantines.of(query.actor, key)
  if (held?.isVoid === true) return refusals.quarantined(held)
  const instance = state.instances.get(query.actor, key)
  const revision = instance?.revision ?? 0
  const code = { actor: actor.name, version: actor.version, instance, key }
  const answer = (what: string) => (reply: Reply | undefined) =>
    answerOf(reply, (text) => answered(`{"${what}":${text},"revision":${revision},"index":${index}}`, index))
  if (query.type === "state") {
    const isOurs = instance === undefined || isOfShape(state, actor, instance.version)
    return isOurs
      ? answer("state")({ type: "answered", text: instance?.text ?? actor.initialText })
      : { call: { type: "show", ...code }, answer: answer("state") }
  }
  if (!actor.queries.has(query.query)) return refusals.unknownQuery(query.actor, query.query)
  const input = parseInput(query.input)
  if (Result.isFailure(input)) return input.failure
  return {
    call: { type: "ask", ...code, query: query.query, input: input.success, now },
    answer: answer("result"),
  }
}

/** Also of an actor that is not known here: it may well be known where it lives. A list is of what this group has. */
const has = ({ whereabouts }: MachineState, query: Query): boolean =>
  query.type === "list"
    ? query.slots === undefined
      ? whereabouts.ownsSome(query.actor)
      : isWithin(query.slots, whereabouts.owned(query.actor))
    : !isKey(query.key) || whereabouts.owns(query.actor, query.key)

/** What is stored is what this version would show: another with the same number wrote the same shape. */
const isOfShape = (
  state: MachineState,
  actor: { readonly name: string; readonly version: string; readonly declared: number },
  writer: string,
): boolean =>
  writer === actor.version ||
  (state.catalogue.declaredBy(actor.name, writer) ?? actor.declared) === actor.declared

const answerOf = (reply: Reply | undefined, body: (text: string) => QueryOutcome): QueryOutcome => {
  switch (reply?.type) {
    case "answered":
      return body(reply.text)
    case "rejected":
      return refusals.rejected(reply.reason)
    case "refused":
      return reply.refused
    case "faulted": {
      const { kind, detail } = reply.fault
      const message = `The query ${deed[kind]}.`
      return refusals.rejected({ code: "query-faulted", message, data: { fault: kind, detail } })
    }
    default:
      return refusals.overloaded("The query could not be run just now.")
  }
}

/** A page of keys. One more than asked for is looked at, to know whether there is a next page. */
const list = (
  state: MachineState,
  query: Extract<Query, { readonly type: "list" }>,
  index: Index,
): QueryOutcome => {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), listMax)
  const { rows, next: unlooked } = ownedRows(state, query, limit + 1)
  const page = rows.slice(0, limit)
  const next = rows.length > limit ? page[page.length - 1]!.key : unlooked
  return answered(JSON.stringify({ instances: page, next }), index)
}

/** What has been let go of, or is not all here yet, is nobody's to see. `next`: how far it was looked, when not to the end. */
const ownedRows = (
  { instances, whereabouts }: MachineState,
  { actor, prefix, after: begin }: Extract<Query, { readonly type: "list" }>,
  limit: number,
) => {
  const rows: Array<{ readonly key: string; readonly revision: number }> = []
  let after = begin
  for (let looks = 0; looks < looksMax; looks++) {
    const page = instances.list({ actor, prefix, after, limit })
    rows.push(...page.filter(({ key }) => whereabouts.owns(actor, key)))
    if (page.length < limit || rows.length >= limit) return { rows, next: null }
    after = page.at(-1)!.key
  }
  return { rows, next: after }
}

const answered = (body: string, index: Index): Answered => ({ _tag: "Answered", body, index })

/** Pages that are looked through for one: where most of it is another group's, one may hold less than it could. */
const looksMax = 5
/** Keys on one page at the most. */
const listMax = 1000
