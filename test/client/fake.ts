// Nodes that answer what a test says, and a client whose time is the test's.

import { clientAt } from "../../src/client/clientAt.ts"
import type { Actors, Client, ClientOptions } from "../../src/client/shapes.ts"
import { VirtualClock } from "./VirtualClock.ts"

/** "cut": the connection breaks. "hang": nothing comes, ever. */
export type Reply = Response | "cut" | "hang"

export interface Seen {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  /** JSON; null when there is none. */
  readonly body: unknown
  readonly at: number
}

export interface World<All extends Actors> {
  readonly clock: VirtualClock
  readonly raftlet: Client<All>
  /** Every request, in order. */
  readonly seen: Array<Seen>
  /** Which nodes were asked, by their last digit. */
  readonly asked: () => string
}

export const urls = ["http://127.0.0.1:4001", "http://127.0.0.1:4002", "http://127.0.0.1:4003"]

/** Asked in the order of their ports. `reply` is told which request it is, from 1. */
export const world = <All extends Actors = Actors>(
  reply: (request: Seen, count: number) => Reply | Promise<Reply>,
  { nodes = urls, ...options }: ClientOptions & { readonly nodes?: ReadonlyArray<string> } = {},
): World<All> => {
  const clock = new VirtualClock(() => 0)
  const seen: Array<Seen> = []
  const fetch = async (request: Request): Promise<Response> => {
    const text = await request.text()
    const one = {
      url: request.url,
      method: request.method,
      headers: request.headers,
      body: text === "" ? null : JSON.parse(text),
      at: clock.now(),
    }
    seen.push(one)
    const answer = await reply(one, seen.length)
    if (answer === "cut") throw Object.assign(new TypeError("secret words"), { code: "ECONNRESET" })
    if (answer !== "hang") return answer
    const { promise, reject } = Promise.withResolvers<Response>()
    request.signal.addEventListener("abort", () => reject(request.signal.reason))
    return promise
  }
  const raftlet = clientAt<All>(clock, nodes, { discover: false, fetch, ...options })
  return { clock, raftlet, seen, asked: () => seen.map(({ url }) => new URL(url).port.at(-1)).join("") }
}

export const executed = { result: 3, revision: 1, index: 7, term: 2, replayed: false }

/** As a node answers, with the leader that it names. */
export const told = (value: unknown, leader = "", init: ResponseInit = {}): Response =>
  Response.json(value, { ...init, headers: { "Raftlet-Leader": leader, ...init.headers } })

const statuses: Readonly<Record<string, number>> = {
  "invalid-input": 400,
  unauthorized: 401,
  "unknown-actor": 404,
  "revision-mismatch": 412,
  "too-large": 413,
  rejected: 422,
  internal: 500,
  timeout: 504,
}
const unknownCodes = new Set(["timeout", "leadership-lost", "internal"])

/** A problem document, of the error table. */
export const problem = (code: string, more: object = {}) => ({
  type: `urn:raftlet:problem:${code}`,
  title: code,
  status: statuses[code] ?? 503,
  detail: `${code}!`,
  code,
  outcome: unknownCodes.has(code) ? "unknown" : "rejected",
  retryable: (statuses[code] ?? 503) >= 500,
  ...more,
})

export const refusal = (code: string, more: object = {}, headers: Record<string, string> = {}): Response => {
  const document = problem(code, more)
  return Response.json(document, {
    status: document.status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  })
}

/** What it throws. */
export const failureOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return await promise.then((value) => {
      throw new Error(`it succeeded with ${JSON.stringify(value)}`)
    })
  } catch (cause) {
    return cause
  }
}
