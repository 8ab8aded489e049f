// What do a node and the thread of a `leading` say to each other?

import type { LedActor } from "../MachineHost.ts"
import type { DoorAnswer, DoorCall, LeadingDoor } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"

export type ToThread =
  /** The first word. */
  | (LedActor & { readonly type: "begin"; readonly code: string; readonly about: LeadingDoor["about"] })
  | { readonly type: "answered"; readonly id: number; readonly answer: DoorAnswer }
  /** Whoever does not answer is in a loop. Each one lets it print some more. */
  | { readonly type: "ping" }
  /** It is to be interrupted. */
  | { readonly type: "end" }

export type FromThread =
  | { readonly type: "asks"; readonly id: number; readonly call: DoorCall }
  | { readonly type: "pong"; readonly heapBytes: number }
  | { readonly type: "prints"; readonly line: string }
  /** The last word. Null: it came to its end, by itself or interrupted. */
  | { readonly type: "over"; readonly fault: LeadingFault | null }
