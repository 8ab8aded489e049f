// Who called which API how often? One instance per tenant; every call is counted once, whatever fails on the way.
//
// Propose each call with its request id as idempotency key: a retry then counts nothing twice. The state holds
// totals and no calls, and every total is bounded: routes and hours beyond their number are counted together
// under "other" and "earlier", so that a client with endless routes cannot grow it without end.

import { Schema } from "effect"
import { actor } from "raftlet"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** What is known of a set of calls. */
const Totals = Schema.Struct({
  calls: Count,
  bytes: Count,
  /** Sum over all calls; divide by `calls` for the mean. */
  latencyMillis: Schema.Finite,
  latencyMillisMax: Schema.Finite,
})
type Totals = typeof Totals.Type

const State = Schema.Struct({
  total: Totals,
  /** By method and route, as `GET /v2/{tenant}/servers`. */
  byRoute: Schema.Record(Schema.String, Totals),
  byStatus: Schema.Record(Schema.String, Totals),
  /** By hour in UTC, as `2017-05-16T00Z`. */
  byHour: Schema.Record(Schema.String, Totals),
})

/** One API call, as an access log knows it. */
const Call = Schema.Struct({
  /** When it was answered, ms since 1970. */
  time: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 })),
  method: Schema.String.check(Schema.isPattern(/^[A-Z]{1,16}$/)),
  /** A template, with its ids folded: else every id is a route of its own. */
  route: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256)),
  status: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 599 })),
  bytes: Count,
  latencyMillis: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  requestId: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128)),
})
type Call = typeof Call.Type

const nothing: Totals = { calls: 0, bytes: 0, latencyMillis: 0, latencyMillisMax: 0 }

const routesMax = 200
/** A week. */
const hoursMax = 24 * 7

export default actor({
  version: 1,
  state: State,
  initial: { total: nothing, byRoute: {}, byStatus: {}, byHour: {} },
  commands: {
    record: {
      input: Call,
      /** The tenant's calls so far. */
      output: Count,
      reduce: (state, call) => {
        const route = `${call.method} ${call.route}`
        const isKnownRoute = route in state.byRoute || Object.keys(state.byRoute).length < routesMax
        const total = add(state.total, call)
        return {
          state: {
            total,
            byRoute: addTo(state.byRoute, isKnownRoute ? route : "other", call),
            byStatus: addTo(state.byStatus, String(call.status), call),
            byHour: foldHours(addTo(state.byHour, hourOf(call.time), call)),
          },
          result: total.calls,
        }
      },
    },
  },
  queries: {
    total: { output: Totals, read: (state) => state.total },
    byRoute: {
      output: Schema.Array(Schema.Struct({ route: Schema.String, ...Totals.fields })),
      read: (state) => busiestFirst(state.byRoute).map(([route, totals]) => ({ route, ...totals })),
    },
    byStatus: {
      output: Schema.Array(Schema.Struct({ status: Schema.Int, ...Totals.fields })),
      read: (state) =>
        busiestFirst(state.byStatus).map(([status, totals]) => ({ status: Number(status), ...totals })),
    },
    byHour: {
      output: Schema.Array(Schema.Struct({ hour: Schema.String, ...Totals.fields })),
      read: (state) =>
        Object.keys(state.byHour)
          .sort()
          .map((hour) => ({ hour, ...(state.byHour[hour] ?? nothing) })),
    },
  },
})

const add = (totals: Totals, call: Pick<Call, "bytes" | "latencyMillis">): Totals => ({
  calls: totals.calls + 1,
  bytes: totals.bytes + call.bytes,
  latencyMillis: totals.latencyMillis + call.latencyMillis,
  latencyMillisMax: Math.max(totals.latencyMillisMax, call.latencyMillis),
})

const addTo = (totals: Readonly<Record<string, Totals>>, name: string, call: Call) => ({
  ...totals,
  [name]: add(totals[name] ?? nothing, call),
})

const merge = (left: Totals, right: Totals): Totals => ({
  calls: left.calls + right.calls,
  bytes: left.bytes + right.bytes,
  latencyMillis: left.latencyMillis + right.latencyMillis,
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

const busiestFirst = (totals: Readonly<Record<string, Totals>>): ReadonlyArray<[string, Totals]> =>
  Object.entries(totals).sort(
    ([leftName, left], [rightName, right]) => right.calls - left.calls || (leftName < rightName ? -1 : 1),
  )

/** As `2017-05-16T00Z`. */
const hourOf = (time: number): string => `${new Date(time).toISOString().slice(0, 13)}Z`
