// What was an API called for within a window, and how does that stand in a file?

import { endOf } from "./calendar.ts"
import type { Call, WaitingFile } from "./shapes.ts"
import { atMost, microsOf } from "./totals.ts"

interface Row {
  readonly calls: number
  /** Status 400 and above. */
  readonly errors: number
  /** Of these, status 500 and above. */
  readonly serverErrors: number
  readonly bytes: number
  readonly latencyMicros: number
  readonly latencyMicrosMax: number
  /** Calls by latency, by `bucketNames`; what is missing is 0. */
  readonly histogram: Readonly<Record<string, number>>
}

/** By method and route, as `GET /v2/{tenant}/servers`; what is too much is counted under `other`. */
type Rows = Readonly<Record<string, Row>>

/** Upper bounds of the latency histogram, included; what took longer than the last one is in one more place behind it. */
const boundsMillis = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]
/** In one window. */
const apisMax = 50

/** With one call more. */
export const countRow = (text: string, call: Call): string => {
  const rows = JSON.parse(text) as Rows
  const api = apiOf(rows, `${call.method} ${call.route}`)
  return JSON.stringify({ ...rows, [api]: add(rows[api] ?? empty, call) })
}

/** What a file of a window holds, one API a line, in the order of their names: it follows from the state alone. */
export const textsOf = (
  tenant: string,
  file: WaitingFile,
): { readonly jsonl: string; readonly csv: string } => {
  const rows = JSON.parse(file.rows) as Rows
  const lines = Object.entries(rows)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([api, row]) => lineOf(tenant, file, api, row))
  const csv = [
    columns.join(","),
    ...lines.map((line) =>
      Object.values(line)
        .map((value) => (typeof value === "number" ? value : quoted(value)))
        .join(","),
    ),
  ]
  return { jsonl: textOf(lines.map((line) => JSON.stringify(line))), csv: textOf(csv) }
}

const add = (row: Row, call: Call): Row => {
  const micros = microsOf(call.latencyMillis)
  const at = boundsMillis.findIndex((bound) => micros <= bound * 1000)
  const bucket = bucketNames[at === -1 ? boundsMillis.length : at] ?? ""
  return {
    calls: row.calls + 1,
    errors: row.errors + (call.status >= 400 ? 1 : 0),
    serverErrors: row.serverErrors + (call.status >= 500 ? 1 : 0),
    bytes: atMost(row.bytes + call.bytes),
    latencyMicros: atMost(row.latencyMicros + micros),
    latencyMicrosMax: Math.max(row.latencyMicrosMax, micros),
    histogram: { ...row.histogram, [bucket]: (row.histogram[bucket] ?? 0) + 1 },
  }
}

/** Names that take more room than they have characters would make the state larger than it may be. */
const apiOf = (rows: Rows, api: string): string => {
  const isPlain = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(api)
  const isKnown = Object.hasOwn(rows, api) || Object.keys(rows).length < apisMax
  return isPlain && isKnown ? api : "other"
}

const empty: Row = {
  calls: 0,
  errors: 0,
  serverErrors: 0,
  bytes: 0,
  latencyMicros: 0,
  latencyMicrosMax: 0,
  histogram: {},
}

/** The same names in both kinds of files, in the order of `columns`. */
const lineOf = (
  tenant: string,
  { name, kind, from }: WaitingFile,
  api: string,
  row: Row,
): Readonly<Record<string, string | number>> => ({
  tenant,
  file: name,
  kind,
  from: from === null ? "" : new Date(from).toISOString(),
  to: from === null ? "" : new Date(endOf(kind, from)).toISOString(),
  api,
  calls: row.calls,
  errors: row.errors,
  serverErrors: row.serverErrors,
  bytes: row.bytes,
  latencyMicros: row.latencyMicros,
  latencyMicrosMax: row.latencyMicrosMax,
  ...Object.fromEntries(bucketNames.map((bucket) => [bucket, row.histogram[bucket] ?? 0])),
})

const bucketNames = [...boundsMillis.map((bound) => `upTo${bound}Ms`), `above${boundsMillis.at(-1)}Ms`]
const columns = [
  ...["tenant", "file", "kind", "from", "to", "api", "calls", "errors", "serverErrors", "bytes"],
  ...["latencyMicros", "latencyMicrosMax", ...bucketNames],
]

const textOf = (lines: ReadonlyArray<string>): string => lines.map((line) => `${line}\n`).join("")

/** RFC 4180. */
const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
