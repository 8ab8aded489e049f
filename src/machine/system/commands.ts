// What do the machine's own commands say? Written by doors and leaders, read again from the log.

import { Effect, Option, Schema } from "effect"
import { isGroupName } from "../../consensus/groups.ts"
import type { NodeId } from "../../consensus/types.ts"
import type { VersionRow } from "../Catalogue.ts"
import { type Command, encodeCommand } from "../command.ts"
import type { Guilt } from "../fault.ts"
import { parseCanonical } from "../json.ts"
import { numberMax } from "../limits.ts"
import { replicasMax, replicasMin } from "../seats.ts"
import { shardsMax } from "../slots.ts"
import { isZoneName } from "./zones.ts"

/** A piece of an actor's code, on its way into the state. */
const Piece = Schema.Struct({ version: Schema.String, at: Schema.Int, text: Schema.String })

/** What an actor says of itself, see `Manifest`. */
export const manifestFields = {
  declared: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: numberMax })),
  commands: Schema.Array(Schema.String),
  queries: Schema.Array(Schema.String),
  initial: Schema.String,
  migrations: Schema.Array(Schema.Struct({ to: Schema.Int, down: Schema.Boolean })),
  hasLeading: Schema.Boolean,
  // Absent where a definition says nothing, as in entries of before.
  group: Schema.optionalKey(Schema.String.check(Schema.makeFilter(isGroupName))),
  shards: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: shardsMax }))),
  hasRoutes: Schema.optionalKey(Schema.Boolean),
  replicas: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: replicasMin, maximum: replicasMax })),
  ),
  shapes: Schema.Record(Schema.String, Schema.Unknown),
}

const planned = { from: Schema.NullOr(Schema.String), since: Schema.optionalKey(Schema.Int) }

/** All pieces are there: the version is known from now on. */
const Register = Schema.Struct({
  version: Schema.String,
  pieces: Schema.Int,
  bytes: Schema.Int,
  by: Schema.String,
  source: Schema.Literals(["file", "upload"]),
  ...manifestFields,
})

/**
 * `from`: what must be active, so that what was planned is what is switched on. `since`: and must have been since that entry,
 * or a late copy of a request would undo what came after it.
 */
const Activate = Schema.Struct({ version: Schema.String, ...planned })

const Rollback = Schema.Struct({ to: Schema.NullOr(Schema.String), ...planned })

/**
 * What a node has in its actors directory. `voters`: as it knows them. A replica that joined later executes the same entry
 * with other members, or none: what decides must stand in the log. Offers of earlier builds name nobody.
 */
const Offer = Schema.Struct({
  node: Schema.String,
  version: Schema.String,
  declared: manifestFields.declared,
  voters: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
})

const Quarantined = Schema.Struct({
  version: Schema.String,
  kind: Schema.Literals(["deadline", "memory", "overflow", "crash", "load"]),
  detail: Schema.String,
  by: Schema.String,
  command: Schema.String,
  input: Schema.String,
  commandId: Schema.String,
  /** Id of the timer that it fired; empty: a client sent it. */
  timer: Schema.String,
  /** Entries of the instance from here on have no outcome of their own; null: none has been tried. */
  voidFrom: Schema.NullOr(Schema.Int),
})

/** With the state before, with another, or by what was run, under the version that is active now. */
const Repair = Schema.Struct({
  how: Schema.Literals(["before", "state", "rerun"]),
  state: Schema.Unknown,
  /** Also what may have been acknowledged is dropped. */
  force: Schema.Boolean,
})

const Address = Schema.Struct({
  peer: Schema.NonEmptyString,
  client: Schema.String,
  incarnation: Schema.optionalKey(Schema.String),
  priority: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
})

/** The members of `main`. What else a configuration says, of changes and decrees, is no founder's affair, and is left out. */
const bound = {
  configuration: Schema.Struct({
    voters: Schema.Array(Schema.NonEmptyString),
    learners: Schema.Array(Schema.NonEmptyString),
    addresses: Schema.Record(Schema.String, Address),
  }),
}

const Seats = Schema.Array(Schema.NonEmptyString)

const Open = Schema.Struct({
  ...bound,
  // Absent: all members run it, as in entries of before.
  seating: Schema.optionalKey(
    Schema.Struct({
      replicas: Schema.Int.check(Schema.isBetween({ minimum: replicasMin, maximum: replicasMax })),
      like: Schema.String.check(Schema.makeFilter(isGroupName)),
      seats: Seats,
    }),
  ),
})

/** From the seats that were given by the entry `after` to others. */
const Reseat = Schema.Struct({ ...bound, seats: Seats, after: Schema.Int })

const OfStep = Schema.Struct({ step: Schema.Int })

/** Null: in none. */
const Zone = Schema.Struct({
  zone: Schema.NullOr(Schema.String.check(Schema.makeFilter(isZoneName))),
})

const Nothing = Schema.Struct({})

const Range = Schema.Struct({ from: Schema.Int, to: Schema.Int })

const Settle = Schema.Struct({
  placement: Schema.Array(Schema.Struct({ group: Schema.String, ...Range.fields })),
  by: Schema.String,
})

const Own = Schema.Struct({ ranges: Schema.Array(Range) })

const Slots = Schema.Array(Range)

/** Slots of a group are to go to another one, which is new. */
const Split = Schema.Struct({ from: Schema.String, to: Schema.String, slots: Slots, by: Schema.String })

/** The move with that id. */
const OfMove = Schema.Struct({ move: Schema.Int })

const Abandon = Schema.Struct({ move: Schema.Int, reason: Schema.String })

const Release = Schema.Struct({ move: Schema.Int, to: Schema.String, slots: Slots })

/** `isOpen`: the last item goes on in the next portion. `cursor`: where that one begins. */
const Take = Schema.Struct({
  move: Schema.Int,
  from: Schema.String,
  slots: Slots,
  portion: Schema.Int,
  items: Schema.Array(Schema.String),
  isOpen: Schema.Boolean,
  cursor: Schema.String,
})

/** What must be there. `time`: log time at which the slots were released. */
const Adopt = Schema.Struct({
  move: Schema.Int,
  portions: Schema.Int,
  digest: Schema.String,
  time: Schema.Int,
})

const schemas = {
  "$actor/piece": Piece,
  "$actor/register": Register,
  "$actor/activate": Activate,
  "$actor/rollback": Rollback,
  "$actor/offer": Offer,
  "$instance/quarantine": Quarantined,
  "$instance/repair": Repair,
  "$group/open": Open,
  "$group/close": Nothing,
  "$group/seat": Reseat,
  "$group/follow": OfStep,
  "$group/seated": OfStep,
  "$node/zone": Zone,
  "$place/settle": Settle,
  "$shard/own": Own,
  "$place/split": Split,
  "$place/assign": OfMove,
  "$place/finish": OfMove,
  "$place/abandon": Abandon,
  "$shard/release": Release,
  "$shard/take": Take,
  "$shard/adopt": Adopt,
  "$shard/drop": OfMove,
} as const

export type SystemName = keyof typeof schemas

export type SystemInput<Name extends SystemName> = (typeof schemas)[Name]["Type"]

/** Null when a text is no such input. */
export const readSystem = <Name extends SystemName>(name: Name, text: string): SystemInput<Name> | null => {
  try {
    const decode = Schema.decodeUnknownOption(schemas[name] as Schema.ConstraintCodec<unknown, unknown>)
    // Only what the state can keep: it is written there.
    return Option.getOrNull(decode(parseCanonical(text))) as SystemInput<Name> | null
  } catch {
    return null
  }
}

/** Ready to be proposed. `id`: two commands of one id are one. */
export const encodeSystem = <Name extends SystemName>(
  name: Name,
  given: {
    readonly key: string
    readonly input: SystemInput<Name>
    readonly id: string
    readonly door: NodeId
  },
): Uint8Array => {
  const [actor, command] = name.split("/") as [string, string]
  return encodeCommand({
    actor,
    key: given.key,
    command,
    input: JSON.stringify(given.input),
    idempotencyKey: given.id,
    ifRevision: null,
    version: "",
    seed: new Uint8Array(16),
    caller: "",
    door: given.door,
  } satisfies Command)
}

/** Of a text that may hold any character: none is cut in two. Bounded, so that an entry is. */
export const piecesOf = (code: string): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let at = 0; at < code.length; ) {
    let end = Math.min(code.length, at + pieceLengthMax)
    if (end < code.length && (code.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--
    pieces.push(code.slice(at, end))
    at = end
  }
  return pieces
}

export const faultOf = ({ kind, detail }: SystemInput<"$instance/quarantine">): Guilt => ({ kind, detail })

export const rowOf = (
  input: SystemInput<"$actor/register">,
  stamp: Pick<VersionRow, "index" | "at">,
): VersionRow => {
  const { version: _, ...row } = input
  return { ...row, ...stamp } as VersionRow
}

/** UTF-16 code units: 192 KiB of UTF-8 at the most. */
const pieceLengthMax = 65_536
