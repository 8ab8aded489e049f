// What does an OpenStack API log say about each call?

import { basename } from "node:path"

/** One call, as the metering actor records it. */
export interface ApiCall {
  /** The idempotency key: the service's own request id, or the file and line where there is none. */
  readonly requestId: string
  /** `-` for calls without one. */
  readonly tenant: string
  /** ms since 1970; the log's clock is taken as UTC. */
  readonly time: number
  readonly method: string
  /** The path with its ids folded into a template, and the names of its query string. */
  readonly route: string
  readonly status: number
  readonly bytes: number
  readonly latencyMillis: number
}

export type ParsedLine =
  | { readonly _tag: "Call"; readonly call: ApiCall }
  /** A line of the service about something else. */
  | { readonly _tag: "Other" }
  /** It wants to be a call, and is none. */
  | { readonly _tag: "Malformed" }

export const noTenant = "-"

/** `line` counts from 1. The name of the file stands for it wherever it lies. */
export const parseLine = (text: string, file: string, line: number): ParsedLine => {
  if (!/"[A-Z]+ \S+ HTTP\//.test(text)) return looksCut.test(text) ? malformed : other
  const parts = callLine.exec(text)?.groups
  if (parts === undefined) return malformed
  const { context = "", date, clock, method = "", target = "", status, bytes, seconds } = parts
  const time = Date.parse(`${date}T${clock}Z`)
  if (Number.isNaN(time)) return malformed
  const [id = "", , tenant = noTenant] = context.split(" ")
  return {
    _tag: "Call",
    call: {
      requestId: id.startsWith("req-") ? id : `${nameOf(file)}:${line}`,
      tenant: id.startsWith("req-") ? tenant : noTenant,
      time,
      method,
      route: routeOf(target),
      status: Number(status),
      bytes: Number(bytes),
      // A tenth of a microsecond is what the log has; more digits would be an artefact of the arithmetic.
      latencyMillis: Math.round(Number(seconds) * 1e7) / 1e4,
    },
  }
}

/**
 * `/v2/54fa…/servers/1a2b…?limit=5` → `/v2/{tenant}/servers/{id}?limit`. Of a query string the names stay, for
 * they are part of what was asked, and the values go, for they differ from call to call.
 */
export const routeOf = (target: string): string => {
  const [path = "", query = ""] = target.split("?", 2)
  const route = path
    .split("/")
    .map((segment, at, segments) => {
      if (at === 2 && hex32.test(segment) && /^v\d+(?:\.\d+)?$/.test(segments[1] ?? "")) return "{tenant}"
      return hex32.test(segment) || uuid.test(segment) || /^\d+$/.test(segment) ? "{id}" : segment
    })
    .join("/")
  const names = query.split("&").map((parameter) => parameter.split("=")[0] ?? "")
  const asked = names.filter((name) => name !== "").join("&")
  return (asked === "" ? route : `${route}?${asked}`).slice(0, routeCharactersMax)
}

/** An idempotency key is short and printable; a file's name need not be. */
const nameOf = (file: string): string => {
  const name = basename(file)
  if (/^[\x21-\x7e]{1,100}$/.test(name)) return name
  return new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 32)
}

/** What the metering actor takes. */
const routeCharactersMax = 256
const callLine = new RegExp(
  [
    /(?<date>\d{4}-\d{2}-\d{2}) (?<clock>\d{2}:\d{2}:\d{2}(?:\.\d+)?) /,
    /.*?\[(?<context>[^\]]*)\] .*?/,
    /"(?<method>[A-Z]{1,16}) (?<target>\S+) HTTP\/[\d.]+" /,
    /status: (?<status>[1-5]\d{2}) len: (?<bytes>\d{1,15}) time: (?<seconds>\d{1,9}(?:\.\d{1,12})?)\s*$/,
  ]
    .map(({ source }) => source)
    .join(""),
)
const looksCut = /" status: \d|"(?:GET|HEAD|POST|PUT|PATCH|DELETE) \//
const hex32 = /^[0-9a-f]{32}$/i
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const malformed = { _tag: "Malformed" } as const
const other = { _tag: "Other" } as const
