// What do a node and the thread of a `leading` say to each other?

import { Schema } from "effect"
import { fromAnyThread, type ToAnyThread } from "../beside/protocol.ts"
import type { LedActor } from "../MachineHost.ts"
import type { DoorAnswer, LeadingDoor } from "./door.ts"

export type ToThread =
  /** The first word. */
  | (LedActor & { readonly type: "begin"; readonly code: string; readonly about: LeadingDoor["about"] })
  | { readonly type: "answered"; readonly id: number; readonly answer: DoorAnswer }
  | ToAnyThread
  /** It is to be interrupted. */
  | { readonly type: "end" }

const FromThread = Schema.Union([
  /** Whoever answers looks at the call. */
  Schema.Struct({ type: Schema.Literal("asks"), id: Schema.Int, call: Schema.Unknown }),
  ...fromAnyThread,
])

export type FromThread = typeof FromThread.Type

/** None: users' code has a voice of its own there (`postMessage`), and may say anything. */
export const readFromThread = Schema.decodeUnknownOption(FromThread)
