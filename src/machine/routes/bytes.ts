// What of a request and of an answer can go from one thread to another?

import { Effect } from "effect"
import { messageOf } from "../thrown.ts"
import { headersLengthMax, headersMax } from "./limits.ts"
import type { Asked } from "./words.ts"

/** Alone in their buffer: of a part of one, all of it would be copied. */
export const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()

/** With its whole body. Fails when that does not come. */
export const askedOf = Effect.fnUntraced(function* (request: Request): Effect.fn.Return<Asked, Error> {
  const { method, url } = request
  const headers = yield* pairsOf(request.headers)
  const bytes = request.body === null ? null : yield* attempt(() => request.bytes())
  return { method, url, headers, body: bytes === null ? null : alone(bytes) }
})

export const requestOf = ({ method, url, headers, body }: Asked, signal: AbortSignal): Request =>
  new Request(url, {
    method,
    headers: headersOf(headers),
    signal,
    ...(body === null || method === "GET" || method === "HEAD"
      ? {}
      : { body: body as Uint8Array<ArrayBuffer> }),
  })

/** What may stand twice does. Throws what is no header. */
export const headersOf = (pairs: ReadonlyArray<readonly [string, string]>): Headers => {
  const headers = new Headers()
  for (const [name, value] of pairs) headers.append(name, value)
  return headers
}

/** As they follow each other. Fails where they are too many, or too long. */
export const pairsOf = (headers: Headers): Effect.Effect<ReadonlyArray<readonly [string, string]>, Error> => {
  const pairs = [...headers]
  const length = pairs.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  return pairs.length > headersMax || length > headersLengthMax
    ? Effect.fail(new Error(`at most ${headersMax} headers, and ${headersLengthMax} characters in them`))
    : Effect.succeed(pairs)
}

/** Whether such an answer has no body, whatever comes with it. */
export const isBodiless = (method: string, status: number): boolean =>
  method === "HEAD" || status === 204 || status === 205 || status === 304

export const attempt = <Value>(work: () => PromiseLike<Value>): Effect.Effect<Value, Error> =>
  Effect.tryPromise({ try: work, catch: errorOf })

export const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(messageOf(thrown))
