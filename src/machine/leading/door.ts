// What does a `leading` ask of its group, as it comes out of the thread where users' code runs? Nothing of it is
// believed before it was looked at.

import { Effect, Option, Random, Schema } from "effect"
import { encodeCommand } from "../command.ts"
import type { Query } from "../MachineHost.ts"
import type { Outcome, QueryOutcome } from "../outcome.ts"
import * as refusals from "../refusals.ts"
import { isSystemName } from "../system/rows.ts"
import type { Leadership, Unanswered } from "./Leading.ts"
import { answerMillisMax } from "./limits.ts"

/** How long somebody waits for an answer. */
const millis = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: answerMillisMax }))
const revision = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const ProposeCall = Schema.Struct({
  type: Schema.Literal("propose"),
  actor: Schema.String,
  key: Schema.String,
  command: Schema.String,
  /** JSON text. */
  input: Schema.String,
  /** Null: a new one. */
  idempotencyKey: Schema.NullOr(Schema.String),
  ifRevision: Schema.NullOr(revision),
  millis,
})

const ReadCall = Schema.Struct({
  type: Schema.Literal("read"),
  query: Schema.Union([
    Schema.Struct({
      type: Schema.Literal("query"),
      actor: Schema.String,
      key: Schema.String,
      query: Schema.String,
      input: Schema.String,
    }),
    Schema.Struct({
      type: Schema.Literal("list"),
      actor: Schema.String,
      prefix: Schema.String,
      after: Schema.String,
      limit: Schema.Int,
    }),
  ]),
  consistency: Schema.Literals(["linearizable", "lease", "local"]),
  millis,
})

const Call = Schema.Union([ProposeCall, ReadCall])

export type ProposeCall = typeof ProposeCall.Type
export type ReadCall = typeof ReadCall.Type
export type DoorCall = ProposeCall | ReadCall
export type DoorAnswer = Outcome | QueryOutcome | Unanswered

/** What a `leading` knows of its leadership, and where it asks. */
export interface LeadingDoor {
  readonly about: Pick<Leadership, "group" | "node" | "term">
  readonly ask: (call: DoorCall) => Effect.Effect<DoorAnswer>
  /** From now on nothing gets through. */
  readonly close: () => void
}

export const makeDoor = (leadership: Leadership): LeadingDoor => {
  const { group, node, term } = leadership
  let isOpen = true
  const ask = Effect.fnUntraced(function* (given: unknown): Effect.fn.Return<DoorAnswer> {
    const call = Option.getOrNull(decodeCall(given))
    if (!isOpen) return over
    if (call === null) return refusals.invalidInput("This is nothing that can be asked.", [])
    if (call.type === "read")
      return yield* leadership.read(call.query as Query, call.consistency, call.millis)
    const { actor, key, command, input, ifRevision } = call
    // No door lets in what the machine says to itself.
    if (isSystemName(actor)) return refusals.unknownActor(actor)
    const seed = yield* chance
    const idempotencyKey = call.idempotencyKey ?? Buffer.from(yield* chance).toString("hex")
    const fields = { actor, key, command, input, idempotencyKey, ifRevision }
    const bytes = encodeCommand({ ...fields, version: "", seed, caller: "", door: node })
    return yield* leadership.propose(bytes, call.millis)
  })
  return {
    about: { group, node, term },
    ask,
    close: () => {
      isOpen = false
    },
  }
}

/** 16 bytes of it. */
const chance: Effect.Effect<Uint8Array> = Effect.map(
  Effect.all([Random.next, Random.next, Random.next, Random.next]),
  (draws) => new Uint8Array(Uint32Array.from(draws, (draw) => draw * 2 ** 32).buffer),
)

const decodeCall = Schema.decodeUnknownOption(Call)

/** Of a leadership that this one has outlived. */
export const over: Unanswered = {
  _tag: "Failure",
  code: "not-leader",
  outcome: "rejected",
  detail: "this leadership is over",
}
