// How is the model of an actor made from what its commands and queries do?

import { isDeepStrictEqual } from "node:util"
import type { Json } from "../machine/actor.ts"
import type { Executed, Operation } from "./history.ts"
import { isQuery, keyOf, type Model, show } from "./Model.ts"

/** An instance's state and how many commands it has accepted. */
export interface Revised<State> {
  readonly state: State
  readonly revision: number
}

/** What a command does: as a reducer, or the code that it is refused with. */
export type Reply<State> = { readonly state: State; readonly result: Json } | { readonly refused: string }

/**
 * The model of an actor from what its commands and queries do. It adds what holds for every actor: answers carry
 * a revision, and `ifRevision` in an input is looked at first.
 *
 * ```ts
 * const gate = actorModel<number>({
 *   initial: () => 0,
 *   commands: {
 *     enter: (inside, { people }: { people: number }) =>
 *       inside + people > 10 ? { refused: "full" } : { state: inside + people, result: null },
 *   },
 *   queries: { inside: (inside) => inside },
 * })
 * const violations = checkHistory(operations, { models: { ...models, gate } })
 * ```
 */
export const actorModel = <State>(definition: {
  readonly initial: () => State
  readonly commands: Readonly<Record<string, (state: State, input: never) => Reply<State>>>
  readonly queries: Readonly<Record<string, (state: State, input: never) => Json>>
  /** As in {@link Model}. */
  readonly key?: (state: State) => string | number
  readonly show?: (state: State) => string
  /** The same, by what the query of that name answered. */
  readonly mayLeadTo?: (state: State, result: Json, query: string) => boolean
}): Model<Revised<State>> => {
  const { initial, commands, queries, mayLeadTo, ...words } = definition
  const inner: Model<State> = { initial, step: () => null, ...words }
  return {
    initial: () => ({ state: initial(), revision: 0 }),
    step: (before, operation) => {
      const name = nameOf(operation)
      const input = operation.input as never
      if (isQuery(operation)) {
        const query = Object.hasOwn(queries, name) ? queries[name] : undefined
        return query !== undefined && isAnswer(operation, before.revision, () => query(before.state, input))
          ? before
          : null
      }
      const command = Object.hasOwn(commands, name) ? commands[name] : undefined
      return command === undefined
        ? null
        : afterCommand(before, operation, () => command(before.state, input))
    },
    key: ({ state, revision }) => `${revision} ${keyOf(inner, state)}`,
    show: ({ state, revision }) => `${show(inner, state)}, revision ${revision}`,
    revisions: {
      of: ({ revision }) => revision,
      seenBy: (operation) => {
        const answer = executedOf(operation)
        if (answer === null) return null
        return isQuery(operation) ? answer.revision : answer.revision - 1
      },
      mayLeadTo: ({ state }, operation) => {
        const answer = executedOf(operation)
        if (mayLeadTo === undefined || answer === null) return true
        return mayLeadTo(state, answer.result, nameOf(operation))
      },
    },
  }
}

const nameOf = ({ op }: Operation): string => op.slice(op.search(/[.?]/) + 1)

const afterCommand = <State>(
  before: Revised<State>,
  operation: Operation,
  execute: () => Reply<State>,
): Revised<State> | null => {
  const { outcome, output } = operation
  const refused = (code: string) => (outcome === "refused" && output === code ? before : null)
  const expected = ifRevisionOf(operation)
  // The number that the server reports beside it proves nothing more.
  if (expected !== undefined && expected !== before.revision) return refused("revision-mismatch")
  const reply = execute()
  // A refusal that the actor does not know has no excuse: it is wrong, or the model is.
  if ("refused" in reply) return refused(reply.refused)
  const revision = before.revision + 1
  return outcome === "unknown" || isAnswer(operation, revision, () => reply.result)
    ? { state: reply.state, revision }
    : null
}

const isAnswer = (operation: Operation, revision: number, result: () => Json): boolean => {
  const answer = executedOf(operation)
  // The revision is quickly compared, and mostly the wrong one.
  return answer !== null && answer.revision === revision && isSame(answer.result, result())
}

/** The answer of an `ok`, when it has the form of one: else nothing explains it. */
const executedOf = ({ outcome, output }: Operation): Executed | null =>
  outcome === "ok" &&
  typeof output === "object" &&
  output !== null &&
  "revision" in output &&
  typeof output.revision === "number"
    ? (output as unknown as Executed)
    : null

const ifRevisionOf = ({ input }: Operation): Json | undefined =>
  typeof input === "object" && input !== null && "ifRevision" in input ? input.ifRevision : undefined

const isSame = (one: Json, other: Json): boolean => one === other || isDeepStrictEqual(one, other)
