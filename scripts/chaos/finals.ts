// When all is well again: does every node have the same, and is it what the clients were told? Each command that was
// acknowledged is there once, each that was rejected is not, and nothing else is.

import { isDeepStrictEqual } from "node:util"
import type { InstanceContent, NodeContent } from "../../test/process/support/Cluster.ts"
import type { Observed } from "./History.ts"

type Instances = NodeContent["instances"]

/** Contents of one actor, as each node has them for itself. */
export const differences = (actor: string, contents: ReadonlyArray<NodeContent>): ReadonlyArray<string> => {
  const [first, ...others] = contents
  if (first === undefined) return [`${actor}: no node has anything to show`]
  return others.flatMap((other) => {
    const keys = new Set([...Object.keys(first.instances), ...Object.keys(other.instances)])
    const differing = [...keys].filter(
      (key) => !isDeepStrictEqual(first.instances[key] ?? null, other.instances[key] ?? null),
    )
    const show = ({ node, instances }: NodeContent, key: string): string =>
      `${node} has ${shorten(JSON.stringify(instances[key] ?? null))}`
    return [
      ...differing.map((key) => `${actor}/${key}: ${show(first, key)}, ${show(other, key)}`),
      // A checkpoint may have come to one of them since: it changes nothing but how far it is.
      ...(first.position.digest === other.position.digest
        ? []
        : [
            `${actor}: the state of ${first.node} is ${JSON.stringify(first.position)}, ` +
              `of ${other.node} ${JSON.stringify(other.position)}`,
          ]),
    ]
  })
}

/** What the clients were told about one actor, against what is there. */
export const broken = (
  actor: string,
  operations: ReadonlyArray<Observed>,
  instances: Instances,
): ReadonlyArray<string> => {
  const commands = operations.filter(({ op }) => op.startsWith(`${actor}.`))
  const byInstance = Map.groupBy(commands, ({ instance }) => instance.slice(actor.length + 1))
  const strangers = Object.keys(instances).filter((key) => !byInstance.has(key))
  return [
    ...strangers.map((key) => `${actor}/${key}: nobody wrote it`),
    ...[...byInstance].flatMap(([key, ofInstance]) =>
      brokenInstance(actor, ofInstance, instances[key] ?? null).map((what) => `${actor}/${key}: ${what}`),
    ),
  ]
}

/** Two commands that were answered with the same entry of the log. */
export const sharedEntries = (operations: ReadonlyArray<Observed>): ReadonlyArray<string> => {
  const seen = new Map<number, Observed>()
  const found: Array<string> = []
  for (const operation of operations) {
    if (operation.outcome !== "ok" || operation.consistency !== null) continue
    const other = seen.get(operation.index)
    if (other !== undefined) {
      found.push(`entry ${operation.index} is said to be ${describe(other)} and ${describe(operation)}`)
    }
    seen.set(operation.index, operation)
  }
  return found
}

/** Alarms that were set and have not rung: their time has come, but they may be a little late. */
export const silentAlarms = (operations: ReadonlyArray<Observed>, instances: Instances): number =>
  operations.filter(({ op, outcome, instance, input }) => {
    if (op !== "alarm.arm" || outcome !== "ok") return false
    const { rung } = (instances[instance.slice("alarm/".length)]?.state ?? { rung: [] }) as AlarmState
    return !rung.some(({ item }) => item === itemOf(input))
  }).length

const brokenInstance = (
  actor: string,
  commands: ReadonlyArray<Observed>,
  content: InstanceContent | null,
): ReadonlyArray<string> => {
  const executed = commands.filter(({ outcome }) => outcome === "ok")
  const unknown = commands.filter(({ outcome }) => outcome === "unknown")
  const revision = content?.revision ?? 0
  const ofClients = actor === "alarm" ? revision - rungOf(content).length : revision
  const known: Known = { executed, unknown, resolved: ofClients - executed.length, content }
  if (known.resolved < 0 || known.resolved > unknown.length) {
    return [
      `${executed.length} commands were acknowledged and ${unknown.length} are unknown, ` +
        `but ${ofClients} were executed`,
    ]
  }
  return content === null ? [] : checks[actor]!(known)
}

interface Known {
  readonly executed: ReadonlyArray<Observed>
  readonly unknown: ReadonlyArray<Observed>
  /** How many of the unknown ones were executed. */
  readonly resolved: number
  readonly content: InstanceContent | null
}

const checks: Readonly<Record<string, (known: Known) => ReadonlyArray<string>>> = {
  register: ({ executed, unknown, content }) => {
    const { value } = content!.state as { readonly value: number }
    const isKnown = [...executed, ...unknown].some(
      ({ input }) => (input as { value: number }).value === value,
    )
    return isKnown ? [] : [`it holds ${value}, which nobody set`]
  },
  counter: ({ executed, unknown, resolved, content }) => {
    const { value } = content!.state as { readonly value: number }
    const left = value - sum(executed.map(by))
    return sumsOf(unknown.map(by), resolved).has(left)
      ? []
      : [`it is ${value}: beside what was acknowledged, ${resolved} unknown additions cannot make ${left}`]
  },
  list: (known) => {
    const { items } = known.content!.state as { readonly items: ReadonlyArray<string> }
    return brokenItems(known, items, "it holds")
  },
  alarm: (known) => {
    const rung = rungOf(known.content)
    const early = rung.filter(({ dueAt, rangAt }) => rangAt < dueAt)
    return [
      ...brokenItems(
        known,
        rung.map(({ item }) => item),
        "it rang for",
      ),
      ...early.map(({ item, dueAt, rangAt }) => `${item} was due at ${dueAt} and rang at ${rangAt}`),
    ]
  },
}

const brokenItems = (
  { executed, unknown }: Known,
  items: ReadonlyArray<string>,
  says: string,
): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  const known = new Set([...executed, ...unknown].map(({ input }) => itemOf(input)))
  return [
    ...[...counts].filter(([, count]) => count > 1).map(([item, count]) => `${says} ${item} ${count} times`),
    ...[...counts.keys()]
      .filter((item) => !known.has(item))
      .map((item) => `${says} ${item}, which must not be`),
    ...executed
      .filter(({ input }) => !counts.has(itemOf(input)))
      .map((operation) => `lost: ${describe(operation)}`),
  ]
}

/** All sums of `count` of the values. Unknown outcomes are few, and additions small. */
const sumsOf = (values: ReadonlyArray<number>, count: number): ReadonlySet<number> => {
  const sums: ReadonlyArray<Set<number>> = Array.from({ length: count + 1 }, () => new Set())
  sums[0]!.add(0)
  for (const value of values) {
    for (let taken = count - 1; taken >= 0; taken--)
      for (const sum of sums[taken]!) sums[taken + 1]!.add(sum + value)
  }
  return sums[count]!
}

interface AlarmState {
  readonly rung: ReadonlyArray<{ readonly item: string; readonly dueAt: number; readonly rangAt: number }>
}

const rungOf = (content: InstanceContent | null): AlarmState["rung"] =>
  content === null ? [] : (content.state as AlarmState).rung

const itemOf = (input: Observed["input"]): string => (input as { readonly item: string }).item

const by = ({ input }: Observed): number => (input as { readonly by: number }).by

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

const describe = ({ client, op, input, start, end }: Observed): string =>
  `${client}'s ${op} of ${JSON.stringify(input)} (${Math.round(start)}–${end === null ? "?" : Math.round(end)} ms)`

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)
