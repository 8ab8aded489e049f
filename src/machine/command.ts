// What stands in a command entry?

import type { NodeId } from "../consensus/types.ts"
import { CommandRecord } from "./command.generated.js"

/** One call of one command of one instance, as it travels through the log. */
export interface Command {
  readonly actor: string
  readonly key: string
  readonly command: string
  /** JSON text of the encoded input. */
  readonly input: string
  /** Never empty: who sends none gets one at the door. */
  readonly idempotencyKey: string
  /** Execute only when the instance is at this revision; null = at any. */
  readonly ifRevision: number | null
  /** Version id of the code that runs it; filled in by `admit`. */
  readonly version: string
  /** 16 random bytes from the door: all chance that the reducer can see. */
  readonly seed: Uint8Array
  /** Name of the token that proposed it; empty without tokens. */
  readonly caller: string
  /** Node whose door took it. */
  readonly door: NodeId
}

/** A command as it is read from the log. */
export interface LoggedCommand extends Command {
  /** Id of the timer that it fires. Empty for what a client proposed: doors cannot set it. */
  readonly timer: string
}

/** The bytes of a proposal. */
export const encodeCommand = (command: Command): Uint8Array => encodeLogged({ ...command, timer: "" })

export const encodeLogged = (command: LoggedCommand): Uint8Array =>
  CommandRecord.encode({
    actor: command.actor,
    key: command.key,
    command: command.command,
    input: command.input,
    idempotencyKey: command.idempotencyKey,
    expectedRevisionPlusOne: command.ifRevision === null ? 0 : command.ifRevision + 1,
    version: command.version,
    seed: command.seed,
    caller: command.caller,
    door: command.door,
    timer: command.timer,
  }).finish()

/** Null when the bytes are no command. Unknown fields are passed over: a newer door may send them. */
export const decodeCommand = (bytes: Uint8Array): LoggedCommand | null => {
  let record: CommandRecord
  try {
    record = CommandRecord.decode(bytes)
  } catch {
    return null
  }
  const ifRevision = record.expectedRevisionPlusOne - 1
  if (record.expectedRevisionPlusOne !== 0 && !(Number.isSafeInteger(ifRevision) && ifRevision >= 0))
    return null
  return {
    actor: record.actor,
    key: record.key,
    command: record.command,
    input: record.input,
    idempotencyKey: record.idempotencyKey,
    ifRevision: record.expectedRevisionPlusOne === 0 ? null : ifRevision,
    version: record.version,
    seed: record.seed,
    caller: record.caller,
    door: record.door,
    timer: record.timer,
  }
}
