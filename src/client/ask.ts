// What does one node say to one request?

import type { Clock } from "./Clock.ts"
import type { Said } from "./Fate.ts"
import { Link } from "./Link.ts"
import { late, within } from "./within.ts"

/** How nodes are reached. */
export interface Line {
  readonly fetch: (request: Request) => Response | Promise<Response>
  readonly token: () => Promise<string | null>
  readonly clock: Clock
  /** Whether one of the nodes is at this origin. */
  readonly isNode: (origin: string) => boolean
}

export interface Asked {
  readonly method: string
  /** With its query string. */
  readonly path: string
  /** JSON, when the headers do not say otherwise. */
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
}

export type Answer = Said & {
  /** `http://host:port` of the node that leads the group; null: it is not said, or not for this request. */
  readonly leader: string | null
  /** How long the node asks not to be asked again; 0: it does not. */
  readonly retryAfterMillis: number
}

/** Takes no longer than `millis`; throws when the signal is given. */
export const ask = async (
  line: Line,
  url: string,
  asked: Asked,
  millis: number,
  signal: AbortSignal,
): Promise<Answer> => {
  const answer = await within(line.clock, millis, signal, async (signal) => {
    const token = await line.token()
    try {
      const response = await send(line, url, asked, token, millis, signal)
      return typeof response === "string" ? silence(response) : await answerIn(url, response)
    } catch (cause) {
      return silence(`${url}: ${reasonOf(cause)}`)
    }
  })
  return answer === late ? silence(`${url} did not answer within ${Math.ceil(millis)} ms`) : answer
}

/** The same, where the answer is anything that HTTP can carry: whole, with its bytes. */
export const exchange = async (
  line: Line,
  url: string,
  asked: Asked,
  millis: number,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly response: Response | null }> => {
  const done = await within(line.clock, millis, signal, async (signal) => {
    const token = await line.token()
    try {
      const response = await send(line, url, asked, token, millis, signal)
      if (typeof response === "string") return { answer: silence(response), response: null }
      const { status, statusText, headers } = response
      const bytes = await response.arrayBuffer()
      const isEmpty = status === 204 || status === 205 || status === 304
      const whole = () => new Response(isEmpty ? null : bytes, { status, statusText, headers })
      return { answer: await answerIn(url, whole()), response: whole() }
    } catch (cause) {
      return { answer: silence(`${url}: ${reasonOf(cause)}`), response: null }
    }
  })
  const tooLate = `${url} did not answer within ${Math.ceil(millis)} ms`
  return done === late ? { answer: silence(tooLate), response: null } : done
}

/** A stream that has begun. Released, it is cut off. */
export interface Opened {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
  readonly link: Link
}

/** The same, for an answer that has no end: its beginning is there within `millis`. */
export const open = async (
  line: Line,
  url: string,
  asked: Asked,
  millis: number,
  signal: AbortSignal,
): Promise<Opened | Answer> => {
  const link = new Link(signal)
  let opened: Opened | null = null
  try {
    const answer = await within(line.clock, millis, signal, async () => {
      const token = await line.token()
      try {
        const response = await send(line, url, asked, token, millis, link.signal)
        if (typeof response === "string") return silence(response)
        if (response.status !== 200 || response.body === null) return await answerIn(url, response)
        return { body: response.body, link }
      } catch (cause) {
        return silence(`${url}: ${reasonOf(cause)}`)
      }
    })
    if (answer === late) return silence(`${url} did not answer within ${Math.ceil(millis)} ms`)
    if ("link" in answer) opened = answer
    return answer
  } finally {
    if (opened === null) link.release()
  }
}

/**
 * Follows redirects from node to node itself: `fetch` would drop the token on the way. One that leads elsewhere is the
 * answer: whatever is asked for, and whoever asks, is nothing to others. Text: why there is no answer.
 */
const send = async (
  line: Line,
  url: string,
  { method, path, body, headers }: Asked,
  token: string | null,
  millis: number,
  signal: AbortSignal,
): Promise<Response | string> => {
  // A node's own word, that there is no leader, is worth more than silence: so it gives up a little earlier.
  const nodeMillis = Math.floor(millis - Math.min(wayMillis, millis / 5))
  let target = `${url}${path}`
  for (let hop = 0; hop <= hopsMax; hop++) {
    const request = new Request(target, {
      method,
      redirect: "manual",
      signal,
      headers: {
        "Raftlet-Timeout-Ms": `${Math.max(1, Math.min(nodeMillis, nodeMillisMax))}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
    const response = await line.fetch(request)
    if (response.status !== 307 && response.status !== 308) return response
    const next = urlOf(response.headers.get("location") ?? "", target)
    if (next !== null && !isSameHost(next, new URL(target)) && !line.isNode(next.origin)) return response
    await response.body?.cancel()
    if (next === null) return `${url} sends us on to nowhere`
    // What was meant for an encrypted connection does not go out in the clear.
    if (target.startsWith("https:") && next.protocol !== "https:") {
      return `${url} sends us on to a place that is not encrypted`
    }
    target = next.href
  }
  return `${url} sends us in circles`
}

const answerIn = async (url: string, response: Response): Promise<Answer> => {
  const text = await response.text()
  const seconds = Number(response.headers.get("retry-after") ?? 0)
  const said = saidIn(text, `${url}: an answer that is none of Raftlet's (HTTP ${response.status})`)
  return {
    ...said,
    // What else than a result is answered says who leads the group `main`.
    leader: response.ok ? (response.headers.get("raftlet-leader")?.split(";")[1] ?? null) : null,
    retryAfterMillis: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0,
  }
}

/** What is no JSON is a proxy's word, or another program's: nobody knows what it did with the request. */
const saidIn = (text: string, reason: string): Said => {
  try {
    return { type: "told", value: JSON.parse(text) }
  } catch {
    return { type: "silent", reason }
  }
}

const silence = (reason: string): Answer => ({ type: "silent", reason, leader: null, retryAfterMillis: 0 })

/** Its name alone: what a `fetch` says in its message, and in the cause of it, may hold the whole URL. */
const reasonOf = (cause: unknown): string => {
  const codes = [cause, cause instanceof Error ? cause.cause : null].map((error) =>
    error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null,
  )
  return codes.find((code) => code !== null) ?? (cause instanceof Error ? cause.name : "it broke off")
}

const urlOf = (text: string, base: string): URL | null => {
  try {
    const url = new URL(text, base)
    return /^https?:$/.test(url.protocol) ? url : null
  } catch {
    return null
  }
}

/** Also where it begins to encrypt, or ceases to. */
const isSameHost = (next: URL, from: URL): boolean =>
  next.origin === from.origin || (next.hostname === from.hostname && next.protocol !== from.protocol)

const hopsMax = 4
/** For the way there and back. */
const wayMillis = 200
/** As a node bounds it. */
const nodeMillisMax = 60_000
