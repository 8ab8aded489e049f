// What runs inside of a compartment? A loop that reads requests and says what `answer` makes of them.
//
// The entry file closes its realm behind it: all that is needed of the host is taken when this file is loaded.

import { readlinkSync, readSync, writeSync } from "node:fs"
import { Cause, Effect, Exit } from "effect"
import { isOutOfMemory } from "../HostFault.ts"
import {
  type Answer,
  answerHeadBytes,
  answersDescriptor,
  type Request,
  requestHeadBytes,
  requestsDescriptor,
  statuses,
} from "./protocol.ts"

/** Throwing is a fault, and ends the compartment: what a caller should learn must be in the bytes. */
export type AnswerRequest = (request: Uint8Array) => Uint8Array

/**
 * Serves until the compartment is ended. In a child it never returns: between two requests nothing runs there, no
 * promise and no timer that a reducer left behind. In a Worker those may run, and may fail as they like.
 */
export const serve = (answer: AnswerRequest): void =>
  isMainThread ? serveDescriptors(answer) : serveMessages(answer)

/** The same in a child, for answers that take their time. Nothing that was left behind may be at work meanwhile. */
export const serveInTime = Effect.fnUntraced(function* (
  answer: (request: Uint8Array) => Effect.Effect<Uint8Array>,
): Effect.fn.Return<never> {
  write(greeting())
  while (true) {
    const { number, bytes } = readRequest()
    const made = yield* Effect.exit(answer(bytes))
    write(answerTo(() => bytesOf(made), number, bytes))
  }
})

const bytesOf = (made: Exit.Exit<Uint8Array>): Uint8Array => {
  if (Exit.isSuccess(made)) return made.value
  throw Cause.squash(made.cause)
}

declare const self: Worker

const { isMainThread } = Bun
const { pid } = process
const kill = process.kill.bind(process)
const listen = process.on.bind(process)
const post = self.postMessage.bind(self)
const readPiece = readSync
const writePiece = writeSync
const encoder = new TextEncoder()

const serveMessages = (answer: AnswerRequest): void => {
  listen("unhandledRejection", () => {})
  listen("uncaughtException", () => {})
  answerInWorker = answer
  say(greeting())
}

// Set when this file is loaded: in a closed realm nobody can say any more where messages go.
let answerInWorker: AnswerRequest | null = null
if (!isMainThread) {
  self.onmessage = ({ data }: MessageEvent<Request>) => {
    if (answerInWorker !== null) say(answerTo(answerInWorker, data.number, data.bytes))
  }
}

const say = ({ number, status, bytes }: Answer): void => {
  // Only what fills its buffer can be given away: the rest of the buffer may be somebody's.
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()
  post({ number, status, bytes: own } satisfies Answer, [own.buffer as ArrayBuffer])
}

const serveDescriptors = (answer: AnswerRequest): never => {
  write(greeting())
  while (true) {
    const { number, bytes } = readRequest()
    write(answerTo(answer, number, bytes))
  }
}

const readRequest = (): Request => {
  const head = new DataView(read(requestHeadBytes).buffer)
  return { number: head.getUint32(4, true), bytes: read(head.getUint32(0, true)) }
}

const read = (length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const count = readPiece(requestsDescriptor, bytes, at, length - at, null)
    // Nobody asks any more. At once: what reducers left behind must not run at an orderly end.
    if (count === 0) kill(pid, "SIGKILL")
    at += count
  }
  return bytes
}

const write = ({ number, status, bytes }: Answer): void => {
  const head = new Uint8Array(answerHeadBytes)
  const view = new DataView(head.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint32(4, number, true)
  view.setUint8(8, statuses.indexOf(status))
  writeAll(head)
  writeAll(bytes)
}

const writeAll = (bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length; ) at += writePiece(answersDescriptor, bytes, at, bytes.length - at)
}

const answerTo = (answer: AnswerRequest, number: number, request: Uint8Array): Answer => {
  try {
    const bytes: unknown = answer(request)
    if (bytes instanceof Uint8Array) return { number, status: "answered", bytes }
    throw new TypeError("the answer is no bytes")
  } catch (error) {
    return { number, ...failureOf(error) }
  }
}

const failureOf = (error: unknown): Pick<Answer, "status" | "bytes"> => {
  try {
    const status = isOutOfMemory(error) ? "outOfMemory" : "threw"
    return { status, bytes: encoder.encode(`${error}`.slice(0, textLengthMax)) }
  } catch {
    return { status: "threw", bytes: new Uint8Array(0) }
  }
}

/** Who serves, as /proc calls it: `PID/task/TID`. The process alone where there is no /proc. */
const greeting = (): Answer => ({ number: 0, status: "answered", bytes: encoder.encode(whoServes) })

const whoAmI = (): string => {
  try {
    return readlinkSync("/proc/thread-self")
  } catch {
    return `${pid}`
  }
}

const whoServes = whoAmI()
const textLengthMax = 2_000
