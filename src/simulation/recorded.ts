// What was asked of an actor once? Commands as the log shows them, or as a test writes them down.

import { DateTime, Option } from "effect"
import type { Json } from "../machine/actor.ts"
import { defaultLimits } from "../machine/limits.ts"
import { Runner } from "../machine/Runner.ts"
import { isSystemName } from "../machine/system/rows.ts"
import type { StoredInstance } from "../storage/StateStore.ts"
import { jsonOf, oneOf, text, whole } from "./arguments.ts"
import type { Code, Codes } from "./Codes.ts"
import { States } from "./States.ts"

/** One command: what `GET /admin/log` says of it, or less. */
export interface RecordedCommand {
  readonly key: string
  readonly command: string
  /** As it stands in JSON; null when not given. */
  readonly input?: Json
  /** Whose it is, where there is more than one actor. */
  readonly actor?: string
  /** Its place in the log: the next one when not given. */
  readonly index?: number
  readonly term?: number
  /** Log time, ISO 8601 or ms since 1970: that of the one before when not given. */
  readonly time?: string | number
  /** 32 hexadecimal digits: what `ctx.random` gives. The log does not tell it; drawn when not given. */
  readonly seed?: string
  readonly idempotencyKey?: string
  readonly ifRevision?: number
  readonly caller?: string
  /** Id of the timer that it fired. */
  readonly timer?: string
}

/** An answer of `GET /admin/log`, what `run raftlet log --json` prints, or a list. */
export type Recorded =
  | ReadonlyArray<RecordedCommand>
  | { readonly entries: ReadonlyArray<{ readonly index: number; readonly kind: string }> }

/** An instance, as `GET /read/{actor}/{key}` shows it. */
export interface RecordedInstance<State = Json> {
  /** As it is stored. */
  readonly state: State
  /** Accepted commands, from 1. 1 when not given. */
  readonly revision?: number
}

/** A command that can be executed again. */
export interface Replayable {
  readonly index: number | null
  readonly term: number
  readonly time: number | null
  readonly key: string
  readonly command: string
  /** JSON text. */
  readonly input: string
  readonly seed: string | null
  readonly idempotencyKey: string | null
  readonly ifRevision: number | null
  readonly caller: string
  readonly timer: string
}

export interface Skipped {
  /** In the log, or from 1 in a list. */
  readonly index: number
  readonly reason: string
}

/** Of one actor: the one that is named, or the only one that there is. */
export const readRecorded = (
  recorded: Recorded,
  named: string | undefined,
): {
  readonly actor: string
  readonly commands: ReadonlyArray<Replayable>
  readonly skipped: ReadonlyArray<Skipped>
} => {
  const all = commandsOf(recorded)
  const names = new Set(all.map(({ actor }) => actor).filter((name) => name !== undefined))
  if (named === undefined && names.size > 1) {
    throw new Error(`recorded: there are commands of ${[...names].join(", ")}: say of which actor`)
  }
  const actor = named === undefined ? ([...names][0] ?? "actor") : named
  if (named !== undefined && names.size > 0) oneOf("actor recorded that is called", names, named)
  const commands: Array<Replayable> = []
  const skipped: Array<Skipped> = []
  let last = 0
  for (const [at, one] of all.entries()) {
    if (one.actor !== undefined && one.actor !== actor) continue
    const reason =
      one.unreadable === true ? "it cannot be read" : one.truncated === true ? "its input was cut off" : null
    const name = `recorded command ${at + 1}`
    if (reason !== null) {
      skipped.push({ index: one.index ?? at + 1, reason })
      continue
    }
    const command = replayable(name, one)
    if (command.index !== null && command.index <= last) {
      throw new Error(`${name}: expected an index above ${last}, got ${command.index}`)
    }
    last = command.index ?? last + 1
    commands.push(command)
  }
  return { actor, commands, skipped }
}

/** As a version has left them; throws what is none of its states. */
export const rowsOf = (
  code: Code,
  codes: Codes,
  instances: Readonly<Record<string, RecordedInstance<unknown>>>,
): ReadonlyArray<StoredInstance> => {
  const states = new States(new Runner(codes.open(), defaultLimits))
  return Object.entries(instances).map(([key, { state, revision = 1 }]) => ({
    actor: code.name,
    key,
    state: states.adopt(`instance ${key}`, state, code),
    revision: whole(`revision of ${key}`, revision, 1),
    version: code.version,
    index: 1,
  }))
}

/** As the log marks what it does not show whole. */
interface Marked extends RecordedCommand {
  readonly truncated?: boolean
  readonly unreadable?: boolean
}

const commandsOf = (recorded: Recorded): ReadonlyArray<Marked> => {
  const list: unknown = Array.isArray(recorded) ? recorded : (recorded as { entries?: unknown }).entries
  if (!Array.isArray(list)) throw new Error("recorded: expected a list of commands, or a page of the log")
  return list.filter(
    ({ actor, kind = "command" }) =>
      kind === "command" && !(typeof actor === "string" && isSystemName(actor)),
  )
}

const replayable = (name: string, given: Marked): Replayable => ({
  index: given.index === undefined ? null : whole(`${name}: index`, given.index, 1),
  term: given.term ?? 1,
  time: given.time === undefined ? null : millisOf(name, given.time),
  key: text(`${name}: key`, given.key),
  command: text(`${name}: command`, given.command),
  input: jsonOf(`${name}: input`, given.input ?? null),
  seed: given.seed === undefined ? null : seedOf(name, given.seed),
  idempotencyKey: given.idempotencyKey ?? null,
  ifRevision: given.ifRevision ?? null,
  caller: given.caller ?? "",
  timer: given.timer ?? "",
})

const millisOf = (name: string, time: string | number): number => {
  const moment = Option.getOrUndefined(DateTime.make(time))
  if (moment === undefined) throw new Error(`${name}: time: expected ISO 8601 or milliseconds, got ${time}`)
  return whole(`${name}: time`, moment.epochMilliseconds, 0)
}

const seedOf = (name: string, seed: string): string => {
  if (/^[0-9a-f]{32}$/i.test(seed)) return seed
  throw new Error(`${name}: seed: expected 32 hexadecimal digits, got ${seed}`)
}
