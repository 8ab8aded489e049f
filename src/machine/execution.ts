// What must be known of a committed command before code of users may run it? Everything is checked again here: the
// door may have been older, other or wrong, and every replica must come to the same answer from the entry and the
// state alone.

import { Result } from "effect"
import type { Entry, GroupId } from "../consensus/types.ts"
import type { StateStore, StoredTimer } from "../storage/StateStore.ts"
import type { Json } from "./actor.ts"
import type { Catalogue } from "./Catalogue.ts"
import { decodeCommand, isLaterFormat, type LoggedCommand } from "./command.ts"
import type { Events } from "./Events.ts"
import type { Instances } from "./Instances.ts"
import { NotJson, parseCanonical } from "./json.ts"
import { idempotencyKeyBytesMax, keyBytesMax, type MachineLimits } from "./limits.ts"
import { type OutcomeSlot, type Outcomes, outcomeSlot } from "./Outcomes.ts"
import { isMoved, type Outcome, type Refused } from "./outcome.ts"
import { fingerprintOf, isSameRequest } from "./outcomeRows.ts"
import * as refusals from "./refusals.ts"
import type { GroupDirectory } from "./system/GroupDirectory.ts"
import type { Quarantines } from "./system/Quarantines.ts"
import { isSystemName } from "./system/rows.ts"
import type { Whereabouts } from "./system/Whereabouts.ts"
import type { Timers } from "./Timers.ts"
import { messageOf } from "./thrown.ts"

/** All that one group's machine knows. */
export interface MachineState {
  readonly group: GroupId
  readonly store: StateStore
  readonly catalogue: Catalogue
  readonly quarantines: Quarantines
  readonly groups: GroupDirectory
  readonly whereabouts: Whereabouts
  readonly limits: MachineLimits
  readonly instances: Instances
  readonly outcomes: Outcomes
  readonly timers: Timers
  readonly events: Events
}

/** An entry names code that this node does not have: to guess would be to part from the other replicas. */
export class VersionMissing extends Error {
  override readonly name = "VersionMissing"
}

/** What a command comes to without code of users, or with what that code must be called. */
export type Weighed =
  | {
      readonly type: "settled"
      readonly outcome: Outcome
      /** Where the outcome is to be remembered; null: nowhere. */
      readonly remembered: { readonly slot: OutcomeSlot; readonly command: LoggedCommand } | null
      /** Used up by it. */
      readonly timer: StoredTimer | null
    }
  | {
      readonly type: "runs"
      readonly command: LoggedCommand
      readonly input: Json
      /** Null when a timer runs it. */
      readonly slot: OutcomeSlot | null
      readonly timer: StoredTimer | null
    }
  | { readonly type: "system"; readonly command: LoggedCommand; readonly slot: OutcomeSlot }

/** Weighs the command of an entry at log time `now`. */
export const weigh = (state: MachineState, entry: Entry, now: number): Weighed => {
  const command = decodeCommand(entry.data)
  if (command === null && isLaterFormat(entry.data)) {
    throw new VersionMissing(`entry ${entry.index} was written by a later version of raftlet`)
  }
  if (command === null) return settled(refusals.invalidInput("The entry holds no command.", []))
  if (command.timer !== "") return weighTimer(state, command, entry, now)
  const keyIssue = keyIssueOf(command)
  if (keyIssue !== null) return settled(refusals.invalidInput(keyIssue.message, [keyIssue]))
  const slot = outcomeSlot(command.actor, command.key, command.idempotencyKey)
  const earlier = recall(state, slot, command)
  // A copy of what was executed here before the key went elsewhere: nobody may be told that it was not (HAZARDS C2).
  if (earlier !== null) return settled(earlier)
  if (!state.whereabouts.owns(command.actor, command.key)) return settled(refusals.elsewhere(command.actor))
  if (isSystemName(command.actor)) return { type: "system", command, slot }
  const run = weighRun(state, command, entry)
  if (run.type === "runs") return { ...run, slot, timer: null }
  return settled(run.outcome, isMoved(run.outcome) ? null : { slot, command })
}

/**
 * A command that came due. That its timer is still there is all the proof needed that it fires once: neither a client
 * nor a second leader can fire what is gone (HAZARDS D9).
 */
const weighTimer = (state: MachineState, command: LoggedCommand, entry: Entry, now: number): Weighed => {
  // The timer stays: it belongs to the instance, wherever that is.
  if (!state.whereabouts.owns(command.actor, command.key)) return settled(refusals.elsewhere(command.actor))
  const timer = state.timers.get(command.timer)
  if (timer === undefined) return timerRefused("timer-gone", "The timer has fired already.")
  if (timer.dueAt > now) return timerRefused("timer-early", "The timer is not due yet.")
  const isSame =
    timer.actor === command.actor &&
    timer.key === command.key &&
    timer.command === command.command &&
    timer.input === command.input
  if (!isSame) return timerRefused("timer-mismatch", "The timer was set for another command.")
  const run = weighRun(state, command, entry)
  // A refusal uses it up as well: a reducer that always throws must not be tried for ever. Unless it waits for an
  // operator, as its instance does.
  if (run.type === "settled") return settled(run.outcome, null, waits(run.outcome) ? null : timer)
  return { ...run, slot: null, timer }
}

const weighRun = (
  state: MachineState,
  command: LoggedCommand,
  entry: Entry,
):
  | { readonly type: "settled"; readonly outcome: Outcome }
  | { readonly type: "runs"; readonly command: LoggedCommand; readonly input: Json } => {
  const { actor: name, key } = command
  const refuse = (outcome: Outcome) => ({ type: "settled" as const, outcome })
  if (command.version === "") return refuse(refusals.unknownActor(name))
  const actor = state.catalogue.runnable(name, command.version)
  if (actor === "missing") throw versionMissing(state, command, entry)
  if (actor === "moved") return refuse(refusals.versionMoved(name))
  if (!actor.commands.has(command.command)) return refuse(refusals.unknownCommand(name, command.command))
  const voided = state.quarantines.voiding(name, key, entry.index)
  if (voided !== null) return refuse(refusals.voided(voided))
  const barred = barring(state, name, key, command.version)
  if (barred !== null) return refuse(barred)
  const json = parseInput(command.input)
  if (Result.isFailure(json)) return refuse(json.failure)
  return { type: "runs", command, input: json.success }
}

/**
 * The first answer, accepted or refused, when this idempotency key has had one: also a 412 or 422 must stay
 * what it was, or a copy of the same request still on its way could do what was said not to happen. Another
 * `ifRevision` is not another request; another command or input is.
 */
export const recall = (
  { outcomes, quarantines }: MachineState,
  slot: OutcomeSlot,
  command: Pick<LoggedCommand, "command" | "input">,
): Outcome | null => {
  const rerun = quarantines.rerun(slot.actor, slot.key, slot.idempotencyKey)
  if (rerun !== null) {
    const isSame = rerun.command === command.command && rerun.input === command.input
    const { result, revision, index, term } = rerun
    return isSame
      ? { _tag: "Accepted", result, revision, index, term, replayed: true }
      : refusals.idempotencyMismatch()
  }
  const found = outcomes.find(slot)
  if (found === undefined) return null
  return isSameRequest(found.request, fingerprintOf(command))
    ? { ...found.outcome, replayed: true }
    : refusals.idempotencyMismatch()
}

/** Why an instance takes no commands of a version until an operator has done something; null: it does. */
export const barring = (state: MachineState, actor: string, key: string, version: string): Refused | null => {
  const quarantine = state.quarantines.of(actor, key)
  if (quarantine !== null) return refusals.quarantined(quarantine)
  const suspension = state.quarantines.suspension(actor, version)
  return suspension === null ? null : refusals.suspended(suspension)
}

const waits = (outcome: Outcome): boolean =>
  outcome._tag === "Refused" && (outcome.code === "version-moved" || outcome.code === "quarantined")

/** What the contract asks of a key and an idempotency key, as an issue. */
export const keyIssueOf = (
  command: LoggedCommand,
): { readonly path: string; readonly message: string } | null => {
  // The machine's own keys are made of an actor's name and a key.
  const bytesMax = isSystemName(command.actor) ? 2 * keyBytesMax : keyBytesMax
  if (!isText(command.key, bytesMax)) {
    return { path: "", message: `A key is UTF-8 of 1 to ${keyBytesMax} bytes without NUL.` }
  }
  return isText(command.idempotencyKey, idempotencyKeyBytesMax)
    ? null
    : { path: "", message: `An idempotency key has 1 to ${idempotencyKeyBytesMax} printable characters.` }
}

export const isKey = (key: string): boolean => isText(key, keyBytesMax)

const isText = (text: string, bytesMax: number): boolean =>
  text !== "" &&
  // A character takes three bytes at the most for each of its code units.
  (text.length * 3 <= bytesMax || (text.length <= bytesMax && Buffer.byteLength(text) <= bytesMax)) &&
  text.isWellFormed() &&
  !text.includes("\u0000")

/** The canonical JSON of an input. */
export const parseInput = (text: string): Result.Result<Json, Refused> => {
  try {
    return Result.succeed(parseCanonical(text))
  } catch (error) {
    const path = error instanceof NotJson ? error.path : ""
    return Result.fail(refusals.invalidInput("The input is not JSON.", [{ path, message: messageOf(error) }]))
  }
}

const settled = (
  outcome: Outcome,
  remembered: Extract<Weighed, { type: "settled" }>["remembered"] = null,
  timer: StoredTimer | null = null,
): Weighed => ({ type: "settled", outcome, remembered, timer })

const timerRefused = (code: string, message: string): Weighed =>
  settled(refusals.rejected({ code, message, data: null }))

const versionMissing = (state: MachineState, command: LoggedCommand, entry: Entry): VersionMissing => {
  const here = state.catalogue.active(command.actor)?.version
  const has = here === undefined ? "has no such actor" : `has ${here}`
  return new VersionMissing(
    `entry ${entry.index} runs the actor "${command.actor}" at version ${command.version}, but this node ${has}: start every node with the same actors directory`,
  )
}
