// What do a node and every thread that runs users' code beside it say to each other, whatever it runs?

import { Schema } from "effect"

export type ToAnyThread =
  /** Whoever does not answer is in a loop. Each one lets it print some more. */
  { readonly type: "ping" }

const Fault = Schema.Struct({
  kind: Schema.Literals(["failed", "crash", "memory", "deadline", "load"]),
  detail: Schema.String,
})

export const fromAnyThread = [
  Schema.Struct({ type: Schema.Literal("pong"), heapBytes: Schema.Finite }),
  Schema.Struct({ type: Schema.Literal("prints"), line: Schema.String }),
  /** The last word. Null: it came to its end, by itself or because it was told to. */
  Schema.Struct({ type: Schema.Literal("over"), fault: Schema.NullOr(Fault) }),
] as const

export type FromAnyThread = (typeof fromAnyThread)[number]["Type"]
