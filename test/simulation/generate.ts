// How is a history made that one machine could have made? By letting one make it. And how is it spoilt?

import type { Json } from "../../src/machine/actor.ts"
import type { Operation } from "../../src/simulation/history.ts"
import { Random } from "../consensus/Random.ts"
import { SingleMachine } from "./SingleMachine.ts"

export interface Weather {
  readonly seed: number
  readonly actor: "register" | "counter" | "list"
  readonly operations: number
  readonly clients: number
  /** Shares of all operations: queries, outcomes that nobody heard of, commands that compare the revision. */
  readonly queries: number
  readonly unknown: number
  readonly conditional: number
  /** Share of the unknown ones that are never executed; the others may come so much later. */
  readonly never: number
  readonly lateMillis: number
  /** Values, summands and items are of so many. */
  readonly values: number
  /** Waits are up to so long. */
  readonly waitMillis: number
  /** Every so often nobody hears anything for a while, and each gives its operations up after some patience. */
  readonly cut: {
    readonly everyMillis: number
    readonly forMillis: number
    readonly patienceMillis: number
  } | null
}

/** One instance's history. */
export const generate = (weather: Weather): ReadonlyArray<Operation> => {
  const random = new Random(weather.seed)
  const drafts = draftsOf(weather, random)
  const machine = new SingleMachine(weather.actor)
  return drafts
    .sort((one, other) => (one.executedAt ?? endOfTime) - (other.executedAt ?? endOfTime))
    .map(({ operation, executedAt, isConditional }) => {
      const ifRevision = machine.revision + (random.chance(0.7) ? 0 : random.between(-1, 1))
      const asked = isConditional
        ? { ...operation, input: { ...(operation.input as { readonly [key: string]: Json }), ifRevision } }
        : operation
      if (executedAt === null) return asked
      const answer = machine.execute(asked)
      return asked.end === null ? asked : { ...asked, ...answer }
    })
}

interface Draft {
  /** Without its answer. */
  readonly operation: Operation
  /** Null: never. */
  readonly executedAt: number | null
  readonly isConditional: boolean
}

const endOfTime = Number.MAX_SAFE_INTEGER

const draftsOf = (weather: Weather, random: Random): Array<Draft> => {
  const { actor, waitMillis } = weather
  const wait = () => random.between(0, waitMillis)
  const freeAt = new Array<number>(weather.clients).fill(0)
  return Array.from({ length: weather.operations }, () => {
    const client = freeAt.indexOf(Math.min(...freeAt))
    const start = freeAt[client]! + wait()
    const healedAt = cutUntil(weather, start)
    const at = (healedAt ?? start) + wait()
    const end = at + wait()
    const isUnknown = healedAt !== null || random.chance(weather.unknown)
    freeAt[client] = healedAt === null ? end : start + weather.cut!.patienceMillis
    const isQuery = random.chance(weather.queries)
    const late = at + random.between(0, weather.lateMillis)
    const isNever = random.chance(weather.never)
    return {
      operation: {
        client: `c${client}`,
        op: `${actor}${isQuery ? queries[actor] : commands[actor]}`,
        instance: `${actor}/${weather.seed}`,
        input: isQuery ? null : inputOf(weather, random),
        output: null,
        start,
        end: isUnknown ? null : end,
        outcome: "unknown",
      },
      executedAt: !isUnknown ? at : isNever ? null : late,
      isConditional: !isQuery && random.chance(weather.conditional),
    }
  })
}

const commands = { register: ".set", counter: ".add", list: ".append" }
const queries = { register: "?value", counter: "?value", list: "?items" }

const inputOf = ({ actor, values }: Weather, random: Random): Json => {
  const value = random.between(1, values)
  if (actor === "register") return { value }
  return actor === "counter" ? { by: random.chance(0.02) ? 101 : value } : { item: `item ${value}` }
}

/** When the cut ends that is on at this time; null without one. */
const cutUntil = ({ cut }: Weather, time: number): number | null => {
  if (cut === null || time < cut.everyMillis) return null
  const since = time % cut.everyMillis
  return since < cut.forMillis ? time - since + cut.forMillis : null
}

/** Changes one thing that clients saw: mostly it is a lie then. */
export const spoil = (operations: ReadonlyArray<Operation>, random: Random): ReadonlyArray<Operation> => {
  const victim = random.pick(operations)
  const other = random.pick(operations)
  const { start, end, ...spoilt } = random.pick(lies)(victim, other, random)
  const lie = { ...spoilt, start, end: spoilt.outcome === "unknown" ? null : Math.max(start, end ?? start) }
  return operations.map((one) => (one === victim ? lie : one))
}

type Lie = (victim: Operation, other: Operation, random: Random) => Operation

const lies: ReadonlyArray<Lie> = [
  (victim) => ({ ...victim, outcome: "rejected", output: null }),
  (victim) => ({ ...victim, outcome: "unknown", output: null }),
  (victim) => ({ ...victim, outcome: "refused", output: "revision-mismatch" }),
  (victim, { op, output, outcome }) => (op === victim.op ? { ...victim, output, outcome } : victim),
  (victim, _, random) => withRevision(victim, random.between(-1, 1)),
  (victim) => ({ ...victim, end: victim.start }),
  (victim, { end }, random) => ({ ...victim, start: (end ?? victim.start) + random.between(0, 1) }),
  (victim, { start }, random) => ({ ...victim, start: Math.min(start, victim.start) - random.between(0, 1) }),
  (victim, { start }, random) => ({
    ...victim,
    start: Math.min(start, victim.start),
    end: start - random.between(0, 1),
  }),
]

const withRevision = (operation: Operation, more: number): Operation => {
  const { output } = operation
  if (
    operation.outcome !== "ok" ||
    output === null ||
    typeof output !== "object" ||
    !("revision" in output)
  ) {
    return operation
  }
  return { ...operation, output: { ...output, revision: (output.revision as number) + more } }
}
