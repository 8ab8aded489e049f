// What did the clients see, and could a single machine that never fails have shown it to them?

/** An addition to a counter, or a look at one. Times are of the test's own clock, in ms. */
export interface Operation {
  readonly client: number
  readonly instance: string
  readonly kind: "add" | "read"
  /** 0 for a read. */
  readonly by: number
  /** Before the first attempt. */
  readonly startedAt: number
  /** When the outcome was known; Infinity while it is unknown. */
  readonly endedAt: number
  readonly outcome: "acknowledged" | "rejected" | "unknown"
  /** Of the acknowledgement; 0 without one. */
  readonly revision: number
  readonly value: number
  readonly index: number
}

export interface Final {
  readonly revision: number
  readonly value: number
}

/**
 * Every way in which the history cannot be: an acknowledged command lost, one executed twice, a rejected one
 * executed all the same, a revision missing or given twice, a result that does not fit its revision, an
 * answer older than what somebody had been told before the question (HAZARDS R16, C1, C2, C9, L1 to L4).
 * All outcomes must be known: clients ask until they are.
 */
export const violations = (
  operations: ReadonlyArray<Operation>,
  finals: ReadonlyMap<string, Final>,
  /** Whose log an instance is in. */
  groupOf: (instance: string) => string = () => "main",
): ReadonlyArray<string> => {
  const instances = Map.groupBy(operations, ({ instance }) => instance)
  const ofInstances = [...instances].flatMap(([instance, ofInstance]) =>
    [
      ...executions(ofInstance, finals.get(instance) ?? { revision: 0, value: 0 }),
      ...timeTravels(ofInstance),
    ].map((what) => `${instance}: ${what}`),
  )
  const strangers = [...finals.keys()].filter((instance) => !instances.has(instance))
  return [
    ...ofInstances,
    ...Map.groupBy(operations, ({ instance }) => groupOf(instance))
      .values()
      .flatMap(sharedIndexes),
    ...strangers.map((key) => `${key}: nobody wrote it`),
  ]
}

const executions = (operations: ReadonlyArray<Operation>, final: Final): ReadonlyArray<string> => {
  const found: Array<string> = []
  const unknown = operations.filter(({ kind, outcome }) => kind === "add" && outcome === "unknown")
  if (unknown.length > 0) found.push(`${unknown.length} additions stayed unknown`)
  const additions = operations
    .filter(({ kind, outcome }) => kind === "add" && outcome === "acknowledged")
    .sort((left, right) => left.revision - right.revision)
  const values = [0]
  let index = 0
  for (const addition of additions) {
    const revision = values.length
    const value = values[revision - 1]! + addition.by
    if (addition.revision !== revision) {
      return [...found, `revision ${revision} is missing or doubled: the next one is ${describe(addition)}`]
    }
    if (addition.value !== value) found.push(`${describe(addition)} should have made ${value}`)
    if (addition.index <= index) found.push(`${describe(addition)} stands before the revision before it`)
    index = addition.index
    values.push(value)
  }
  if (final.revision !== additions.length) {
    found.push(`${additions.length} additions were acknowledged, its last revision is ${final.revision}`)
  }
  if (final.value !== values.at(-1)) found.push(`it ends at ${final.value} instead of ${values.at(-1)}`)
  for (const read of operations) {
    if (read.kind !== "read" || read.outcome !== "acknowledged") continue
    if (read.value !== values[read.revision]) {
      found.push(`${describe(read)} should have shown ${values[read.revision]}`)
    }
  }
  return found
}

/** With revisions in hand linearizability is simple: nobody is answered with less than was known before. */
const timeTravels = (operations: ReadonlyArray<Operation>): ReadonlyArray<string> => {
  const acknowledged = operations.filter(({ outcome }) => outcome === "acknowledged")
  const byEnd = [...acknowledged].sort((left, right) => left.endedAt - right.endedAt)
  const byStart = [...acknowledged].sort((left, right) => left.startedAt - right.startedAt)
  const found: Array<string> = []
  let newest: Operation | null = null
  let ended = 0
  for (const operation of byStart) {
    for (; ended < byEnd.length && byEnd[ended]!.endedAt < operation.startedAt; ended++) {
      if (newest === null || byEnd[ended]!.revision > newest.revision) newest = byEnd[ended]!
    }
    if (newest === null) continue
    const isStale =
      operation.kind === "add" ? operation.revision <= newest.revision : operation.revision < newest.revision
    if (isStale) found.push(`${describe(operation)} began after ${describe(newest)} was answered`)
  }
  return found
}

const sharedIndexes = (operations: ReadonlyArray<Operation>): ReadonlyArray<string> => {
  const seen = new Map<number, Operation>()
  const found: Array<string> = []
  for (const operation of operations) {
    if (operation.kind !== "add" || operation.outcome !== "acknowledged") continue
    const other = seen.get(operation.index)
    if (other !== undefined) found.push(`one log entry for ${describe(operation)} and ${describe(other)}`)
    seen.set(operation.index, operation)
  }
  return found
}

/** The longest time in which no addition was acknowledged, between two that were. */
export const longestPauseMillis = (operations: ReadonlyArray<Operation>): number => {
  const times = operations
    .filter(({ kind, outcome }) => kind === "add" && outcome === "acknowledged")
    .map(({ endedAt }) => endedAt)
    .sort((left, right) => left - right)
  return times.reduce((longest, time, at) => Math.max(longest, time - (times[at - 1] ?? time)), 0)
}

const describe = ({ kind, client, instance, by, revision, value, index, startedAt, endedAt }: Operation) =>
  `client ${client}'s ${kind}${kind === "add" ? ` of ${by}` : ""} on ${instance} (revision ${revision}, ` +
  `value ${value}, index ${index}, ${Math.round(startedAt)}–${Math.round(endedAt)} ms)`
