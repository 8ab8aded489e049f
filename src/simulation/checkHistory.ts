// Could what all clients saw together have been one machine's doing? (HAZARDS C9)

import type { Json } from "../machine/actor.ts"
import type { Operation } from "./history.ts"
import { deadEndsMax, linearize } from "./linearizability.ts"
import { isQuery, type Model } from "./Model.ts"
import { modelOf, models } from "./models.ts"
import type { Furthest } from "./Search.ts"

export interface Violation {
  readonly instance: string
  /** `undecided`: the search gave up at its limit. It counts as a failure: nothing was proved. */
  readonly kind: "violation" | "undecided"
  /** One line. */
  readonly message: string
  /** Several lines: the end of the order that explains most, and what does not fit behind it. */
  readonly evidence: string
}

/**
 * One for each instance whose operations no single machine could have answered so. Instances of actors that have no
 * model are left out.
 */
export const checkHistory = (
  operations: ReadonlyArray<Operation>,
  options: {
    /** By the actor's name; without it those of the simulation's own actors. */
    readonly models?: Readonly<Record<string, Model<unknown>>>
    /** Per instance. */
    readonly deadEndsMax?: number
  } = {},
): ReadonlyArray<Violation> =>
  [...Map.groupBy(operations, ({ instance }) => instance)].flatMap(([instance, ofInstance]) => {
    const model = modelOf(instance, options.models ?? models)
    if (model === null) return []
    const verdict = linearize(model, ofInstance, options.deadEndsMax ?? deadEndsMax)
    if (verdict.kind === "linearizable") return []
    const { kind, deadEnds, furthest } = verdict
    const undecided = kind === "undecided" ? `undecided after ${deadEnds} dead ends: so far ` : ""
    const message = `${instance}: ${undecided}${messageOf(furthest)}`
    return [{ instance, kind, message, evidence: evidenceOf(furthest, ofInstance) }]
  })

const messageOf = ({ order, misfit }: Furthest): string =>
  order.length === 0
    ? `${describe(misfit)} does not fit at the beginning`
    : `${describe(misfit)} does not fit behind ${describe(order.at(-1)!)}`

const evidenceOf = ({ order, state, misfit }: Furthest, operations: ReadonlyArray<Operation>): string => {
  const placed = new Set([...order, misfit])
  // What was rejected stands here as well: perhaps it happened all the same. What started after the misfit had ended
  // comes behind it in any case, and a query that nobody answered tells nothing.
  const besides = operations
    .filter((one) => !placed.has(one) && one.start <= misfit.end! && !(isQuery(one) && one.output === null))
    .sort((one, other) => other.start - one.start)
  return [
    `${order.length} of ${operations.length} operations fit in this order:`,
    ...(order.length > linesMax ? [more(order)] : []),
    ...order.slice(-linesMax).map(line),
    `  which leaves ${clip(state)}`,
    "behind them does not fit:",
    line(misfit),
    ...(besides.length > 0 ? ["without a place are besides, the latest first:"] : []),
    ...besides.slice(0, linesMax).map(line),
    ...(besides.length > linesMax ? [more(besides)] : []),
  ].join("\n")
}

const more = ({ length }: ReadonlyArray<Operation>): string => `  … ${length - linesMax} more`

const linesMax = 12

const line = (operation: Operation): string => `  ${describe(operation)}`

const describe = ({ client, op, input, start, end, outcome, output }: Operation): string => {
  const asked = input === null ? op : `${op} ${textOf(input)}`
  const answered =
    outcome === "ok" ? `→ ${textOf(output)}` : outcome === "refused" ? `refused: ${textOf(output)}` : outcome
  return `${client}: ${asked} ${answered} (${start}–${end ?? "?"})`
}

const textOf = (json: Json): string => clip(JSON.stringify(json))

/** Both ends of a long text say more than its beginning. */
const clip = (text: string): string =>
  text.length <= textMax ? text : `${text.slice(0, textMax / 2)} … ${text.slice(-textMax / 2)}`

const textMax = 160
