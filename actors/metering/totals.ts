// What was ever counted, whatever its window? Bounded: routes and hours beyond their number are counted together under
// "other" and "earlier", so that a client with endless routes cannot grow the state without end.

import { labelOf } from "./calendar.ts"
import type { Call, Meter, Totals } from "./shapes.ts"

export const nothing: Totals = { calls: 0, bytes: 0, latencyMillis: 0, latencyMillisMax: 0 }

const routesMax = 200
/** A week. */
const hoursMax = 24 * 7

/** With one call more. */
export const countTotals = (meter: Meter, call: Call): Meter => {
  const route = `${call.method} ${call.route}`
  const isKnownRoute = route in meter.byRoute || Object.keys(meter.byRoute).length < routesMax
  return {
    ...meter,
    total: add(meter.total, call),
    byRoute: addTo(meter.byRoute, isKnownRoute ? route : "other", call),
    byStatus: addTo(meter.byStatus, String(call.status), call),
    byHour: foldHours(addTo(meter.byHour, labelOf("hour", call.time), call)),
  }
}

export const busiestFirst = (totals: Readonly<Record<string, Totals>>): ReadonlyArray<[string, Totals]> =>
  Object.entries(totals).sort(
    ([leftName, left], [rightName, right]) => right.calls - left.calls || (leftName < rightName ? -1 : 1),
  )

export const microsOf = (millis: number): number => Math.round(millis * 1000)

/** A sum that has come to the end of exact numbers stays there: nobody's calls are refused for what they add up to. */
export const atMost = (sum: number): number => Math.min(sum, Number.MAX_SAFE_INTEGER)

/** In thousandths, which are exact up to 10^12. */
const millisOf = (micros: number): number => Math.min(micros, 1e15) / 1000

const add = (totals: Totals, call: Pick<Call, "bytes" | "latencyMillis">): Totals => {
  const micros = microsOf(call.latencyMillis)
  return {
    calls: totals.calls + 1,
    bytes: atMost(totals.bytes + call.bytes),
    // Added as whole numbers: so the sum is exact, in whatever order the calls come.
    latencyMillis: millisOf(microsOf(totals.latencyMillis) + micros),
    latencyMillisMax: Math.max(totals.latencyMillisMax, call.latencyMillis),
  }
}

const addTo = (totals: Readonly<Record<string, Totals>>, name: string, call: Call) => ({
  ...totals,
  [name]: add(totals[name] ?? nothing, call),
})

const merge = (left: Totals, right: Totals): Totals => ({
  calls: left.calls + right.calls,
  bytes: atMost(left.bytes + right.bytes),
  latencyMillis: millisOf(microsOf(left.latencyMillis) + microsOf(right.latencyMillis)),
  latencyMillisMax: Math.max(left.latencyMillisMax, right.latencyMillisMax),
})

/** The oldest hours become one. Names of hours sort by time, and "earlier" behind all of them. */
const foldHours = (byHour: Readonly<Record<string, Totals>>): Readonly<Record<string, Totals>> => {
  const hours = Object.keys(byHour).filter((hour) => hour !== "earlier")
  if (hours.length <= hoursMax) return byHour
  const oldest = hours.sort()[0] ?? ""
  const { [oldest]: folded = nothing, earlier = nothing, ...kept } = byHour
  return { ...kept, earlier: merge(earlier, folded) }
}
