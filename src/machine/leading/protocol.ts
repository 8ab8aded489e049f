// What do a node and the thread of a `leading` say to each other?

import { Schema } from "effect"
import type { LedActor } from "../MachineHost.ts"
import type { DoorAnswer, LeadingDoor } from "./door.ts"

export type ToThread =
  /** The first word. */
  | (LedActor & { readonly type: "begin"; readonly code: string; readonly about: LeadingDoor["about"] })
  | { readonly type: "answered"; readonly id: number; readonly answer: DoorAnswer }
  /** Whoever does not answer is in a loop. Each one lets it print some more. */
  | { readonly type: "ping" }
  /** It is to be interrupted. */
  | { readonly type: "end" }

const Fault = Schema.Struct({
  kind: Schema.Literals(["failed", "crash", "memory", "deadline", "load"]),
  detail: Schema.String,
})

const FromThread = Schema.Union([
  /** Whoever answers looks at the call. */
  Schema.Struct({ type: Schema.Literal("asks"), id: Schema.Int, call: Schema.Unknown }),
  Schema.Struct({ type: Schema.Literal("pong"), heapBytes: Schema.Finite }),
  Schema.Struct({ type: Schema.Literal("prints"), line: Schema.String }),
  /** The last word. Null: it came to its end, by itself or interrupted. */
  Schema.Struct({ type: Schema.Literal("over"), fault: Schema.NullOr(Fault) }),
])

export type FromThread = typeof FromThread.Type

/** None: users' code has a voice of its own there (`postMessage`), and may say anything. */
export const readFromThread = Schema.decodeUnknownOption(FromThread)
