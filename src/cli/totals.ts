// What does the meter stand at? The figures of all tenants, as tables.

import type { MeterState } from "./meterClient.ts"
import { table, thousands } from "./tables.ts"

const rowsMax = 20

export const totalsText = (
  tenants: ReadonlyArray<{ readonly tenant: string; readonly state: MeterState }>,
): string => {
  const states = tenants.map(({ state }) => state)
  const calls = states.reduce((sum, { total }) => sum + total.calls, 0)
  return [
    `Read back from the cluster: ${thousands(calls)} calls`,
    section("status", summed(states.map(({ byStatus }) => byStatus)), byName),
    section(
      "tenant",
      new Map(tenants.map(({ tenant, state }) => [tenant === "-" ? "- (none)" : tenant, state.total])),
      byCalls,
    ),
    section("route", summed(states.map(({ byRoute }) => byRoute)), byCalls),
  ].join("\n\n")
}

type Totals = MeterState["total"]
type Row = readonly [string, Totals]

const summed = (records: ReadonlyArray<Readonly<Record<string, Totals>>>): ReadonlyMap<string, Totals> => {
  const sums = new Map<string, Totals>()
  for (const [name, totals] of records.flatMap((record) => Object.entries(record))) {
    const sum = sums.get(name)
    sums.set(name, {
      calls: (sum?.calls ?? 0) + totals.calls,
      bytes: (sum?.bytes ?? 0) + totals.bytes,
      latencyMillis: (sum?.latencyMillis ?? 0) + totals.latencyMillis,
    })
  }
  return sums
}

const section = (
  what: string,
  totals: ReadonlyMap<string, Totals>,
  order: (left: Row, right: Row) => number,
): string => {
  const rows = [...totals].sort(order)
  const shown = rows
    .slice(0, rowsMax)
    .map(([name, { calls, bytes, latencyMillis }]) => [
      name,
      calls,
      bytes,
      Math.round(latencyMillis / Math.max(calls, 1)),
    ])
  const more = rows.length > rowsMax ? `\n… and ${thousands(rows.length - rowsMax)} more` : ""
  return table([what, "calls", "bytes", "mean ms"], shown) + more
}

const byName = ([left]: Row, [right]: Row): number => (left < right ? -1 : 1)
const byCalls = (left: Row, right: Row): number => right[1].calls - left[1].calls || byName(left, right)
