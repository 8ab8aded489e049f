// What do a node and the thread of an actor's routes say to each other? Either side asks the other: the node brings the
// requests of clients, and routes ask the cluster. So one has the same words as the other.

import { Schema } from "effect"
import { fromAnyThread, type ToAnyThread } from "../beside/protocol.ts"
import type { LedActor } from "../MachineHost.ts"
import { headersMax } from "./limits.ts"

/** As they follow each other; a name may stand twice (`set-cookie`). */
const Headers = Schema.Array(Schema.Tuple([Schema.String, Schema.String])).check(
  Schema.isMaxLength(headersMax),
)

/** A request, whole. */
const Asked = Schema.Struct({
  method: Schema.String,
  url: Schema.String,
  headers: Headers,
  body: Schema.NullOr(Schema.Uint8Array),
})

const status = Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 }))

export const isStatus = Schema.is(status)

const Part = Schema.Union([
  /** An answer with all that belongs to it. */
  Schema.Struct({
    part: Schema.Literal("whole"),
    status,
    headers: Headers,
    body: Schema.NullOr(Schema.Uint8Array),
  }),
  /** Its body follows, one chunk whenever one is wanted. */
  Schema.Struct({ part: Schema.Literal("head"), status, headers: Headers }),
  Schema.Struct({ part: Schema.Literal("chunk"), bytes: Schema.Uint8Array }),
  Schema.Struct({ part: Schema.Literal("end") }),
  /** There is no answer, or no more of it. */
  Schema.Struct({ part: Schema.Literal("failed"), detail: Schema.String }),
])

const id = Schema.Int
const words = [
  Schema.Struct({ type: Schema.Literal("asks"), id, asked: Asked }),
  /** Of an answer that comes in chunks: the next one. */
  Schema.Struct({ type: Schema.Literal("wants"), id }),
  /** Nobody waits for the answer any more, or for the rest of it. */
  Schema.Struct({ type: Schema.Literal("drops"), id }),
  Schema.Struct({ type: Schema.Literal("answers"), id, part: Part }),
] as const

export type Asked = typeof Asked.Type
export type Part = typeof Part.Type
export type Word = (typeof words)[number]["Type"]
/** By who asks, and by who answers. */
export type AskersWord = Extract<Word, { type: "asks" | "wants" | "drops" }>
export type AnswerersWord = Extract<Word, { type: "answers" }>

export type ToThread =
  /** The first word. */
  (LedActor & { readonly type: "begin"; readonly code: string; readonly node: string }) | Word | ToAnyThread

const FromThread = Schema.Union([
  /** It takes requests from now on. */
  Schema.Struct({ type: Schema.Literal("begun") }),
  ...words,
  ...fromAnyThread,
])

export type FromThread = typeof FromThread.Type

/** None: users' code has a voice of its own there (`postMessage`), and may say anything. */
export const readFromThread = Schema.decodeUnknownOption(FromThread)
