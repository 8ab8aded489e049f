// What does an answer come to as a Response?

import { headersOf } from "./bytes.ts"
import type { Answer } from "./Caller.ts"

/** Throws when HTTP cannot carry it. */
export const responseOf = ({ status, headers, body }: Answer): Response =>
  new Response(body as Uint8Array<ArrayBuffer> | ReadableStream | null, {
    status,
    headers: headersOf(headers),
  })
