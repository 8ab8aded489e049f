// How does a stream become a file that is whole or not there at all?

import { createHash } from "node:crypto"
import { type FileHandle, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect } from "effect"
import { type CliFailure, failed, unreachable } from "../CliFailure.ts"
import { bytesText } from "./units.ts"

export interface Download {
  readonly bytes: number
  /** Of all that was written, in hexadecimal. */
  readonly sha256: string
  /** Whether the sender said what it should be. */
  readonly isChecked: boolean
}

/**
 * Writes beside the file, and gives it its name only when all is there, is what the sender meant, and is on the disk.
 * A failure or an interruption leaves nothing behind.
 */
export const download = (
  response: Response,
  file: string,
  show: (text: string) => void,
): Effect.Effect<Download, CliFailure> => {
  const part = `${file}.part`
  return Effect.gen(function* () {
    const reader = yield* Effect.acquireRelease(
      Effect.sync(() => response.body?.getReader()),
      (reader) => Effect.promise(async () => reader?.cancel().catch(() => undefined)),
    )
    if (reader === undefined) return yield* unreachable("the answer has no body")
    const handle = yield* opened(part)
    const done = yield* copy(reader, handle, lengthOf(response), show)
    const wanted = digestOf(response)
    if (wanted !== null && wanted !== done.sha256) {
      return yield* failed(`what came is not what was sent: sha-256 ${done.sha256} instead of ${wanted}`)
    }
    yield* onDisk(file, () => handle.sync())
    yield* onDisk(file, () => rename(part, file))
    yield* syncDirectory(dirname(file))
    return { ...done, isChecked: wanted !== null }
  }).pipe(Effect.scoped)
}

/** Open until the scope ends; gone then, unless it has been renamed. */
const opened = (part: string) =>
  Effect.acquireRelease(
    // It holds all state: nobody else is to read it.
    onDisk(part, () => open(part, "w", 0o600)),
    (handle) =>
      Effect.promise(async () => {
        await handle.close()
        await rm(part, { force: true })
      }),
  )

const copy = Effect.fnUntraced(function* (
  reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read">,
  handle: FileHandle,
  length: number | null,
  show: (text: string) => void,
) {
  const hash = createHash("sha256")
  let bytes = 0
  for (;;) {
    const { done, value } = yield* Effect.tryPromise({
      try: () => reader.read(),
      catch: () => unreachable(`the connection was lost after ${bytesText(bytes)}`),
    }).pipe(
      Effect.timeoutOrElse({
        duration: silenceMillisMax,
        orElse: () => unreachable(`nothing came for ${silenceMillisMax / 1000} s, after ${bytesText(bytes)}`),
      }),
    )
    if (done) break
    yield* onDisk("the file", () => handle.writeFile(value))
    hash.update(value)
    bytes += value.length
    show(length === null ? bytesText(bytes) : `${bytesText(bytes)} of ${bytesText(length)}`)
  }
  if (length !== null && bytes !== length) {
    return yield* unreachable(`the connection was lost after ${bytes} of ${length} bytes`)
  }
  return { bytes, sha256: hash.digest("hex") }
})

const onDisk = <A>(file: string, body: () => Promise<A>): Effect.Effect<A, CliFailure> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) => failed(`${file} cannot be written: ${cause instanceof Error ? cause.message : cause}`),
  })

/** A name is kept only when its directory is. */
export const syncDirectory = (directory: string): Effect.Effect<void, CliFailure> =>
  onDisk(directory, async () => {
    const handle = await open(directory, "r")
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  })

const lengthOf = (response: Response): number | null => {
  const header = response.headers.get("content-length")
  return header === null || !/^\d{1,16}$/.test(header) ? null : Number(header)
}

/** `Repr-Digest: sha-256=:BASE64:` (RFC 9530), in hexadecimal; null when it does not say. */
const digestOf = (response: Response): string | null => {
  const base64 = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(
    response.headers.get("repr-digest") ?? "",
  )?.[1]
  return base64 === undefined ? null : Buffer.from(base64, "base64").toString("hex")
}

const silenceMillisMax = 60_000
