// What becomes of one committed command? Everything is checked again here: the door may have been older,
// other or wrong, and every replica must come to the same answer from the entry and the state alone.

import { Result } from "effect"
import type { Entry } from "../consensus/types.ts"
import type { StateStore } from "../storage/StateStore.ts"
import type { Json } from "./actor.ts"
import { freezeDeep, messageOf } from "./Coder.ts"
import { decodeCommand, isLaterFormat, type LoggedCommand } from "./command.ts"
import type { Events } from "./Events.ts"
import { Instance } from "./Instance.ts"
import { type Instances, idOf } from "./Instances.ts"
import { NotJson, parseCanonical } from "./json.ts"
import { idempotencyKeyBytesMax, keyBytesMax, type MachineLimits } from "./limits.ts"
import { type OutcomeSlot, type Outcomes, outcomeSlot } from "./Outcomes.ts"
import type { Outcome, Refused } from "./outcome.ts"
import { fingerprintOf, isSameRequest } from "./outcomeRows.ts"
import type { LoadedActor, LoadedCommand, Registry } from "./Registry.ts"
import { type Reduced, reduce } from "./reduce.ts"
import * as refusals from "./refusals.ts"
import type { Timers } from "./Timers.ts"
import { viewState } from "./views.ts"

/** All that one group's machine knows. */
export interface MachineState {
  readonly store: StateStore
  readonly registry: Registry
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

/** Executes the command of an entry at log time `now`. */
export const execute = (state: MachineState, entry: Entry, now: number): Outcome => {
  const command = decodeCommand(entry.data)
  if (command === null && isLaterFormat(entry.data)) {
    throw new VersionMissing(`entry ${entry.index} was written by a later version of raftlet`)
  }
  if (command === null) return refusals.invalidInput("The entry holds no command.", [])
  if (command.timer !== "") return fire(state, command, entry, now)
  const keyIssue = keyIssueOf(command)
  if (keyIssue !== null) return refusals.invalidInput(keyIssue.message, [keyIssue])
  const slot = outcomeSlot(command.actor, command.key, command.idempotencyKey)
  const earlier = recall(state.outcomes, slot, command)
  if (earlier !== null) return earlier
  const outcome = run(state, command, entry, now)
  state.outcomes.add(slot, command, entry, outcome)
  return outcome
}

/**
 * The first answer, accepted or refused, when this idempotency key has had one: also a 412 or 422 must stay
 * what it was, or a copy of the same request still on its way could do what was said not to happen. Another
 * `ifRevision` is not another request; another command or input is.
 */
export const recall = (
  outcomes: Outcomes,
  slot: OutcomeSlot,
  command: Pick<LoggedCommand, "command" | "input">,
): Outcome | null => {
  const found = outcomes.find(slot)
  if (found === undefined) return null
  return isSameRequest(found.request, fingerprintOf(command))
    ? { ...found.outcome, replayed: true }
    : refusals.idempotencyMismatch()
}

/** What the contract asks of a key and an idempotency key, as an issue. */
export const keyIssueOf = (
  command: LoggedCommand,
): { readonly path: string; readonly message: string } | null => {
  if (!isKey(command.key)) {
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

/**
 * Runs a command that came due. That its timer is still there is all the proof needed that it fires once:
 * neither a client nor a second leader can fire what is gone (HAZARDS D9).
 */
const fire = (state: MachineState, command: LoggedCommand, entry: Entry, now: number): Outcome => {
  const timer = state.timers.get(command.timer)
  if (timer === undefined) return timerRefused("timer-gone", "The timer has fired already.")
  if (timer.dueAt > now) return timerRefused("timer-early", "The timer is not due yet.")
  const isSame =
    timer.actor === command.actor &&
    timer.key === command.key &&
    timer.command === command.command &&
    timer.input === command.input
  if (!isSame) return timerRefused("timer-mismatch", "The timer was set for another command.")
  // A refusal uses it up as well: a reducer that always throws must not be tried for ever.
  const outcome = run(state, command, entry, now)
  state.timers.clear(timer)
  return outcome
}

const run = (state: MachineState, command: LoggedCommand, entry: Entry, now: number): Outcome => {
  if (command.version === "") return refusals.unknownActor(command.actor)
  const actor = state.registry.find(command.actor, command.version)
  if (actor === undefined) throw versionMissing(state.registry, command, entry)
  const definition = actor.commands.get(command.command)
  if (definition === undefined) return refusals.unknownCommand(command.actor, command.command)
  const json = parseInput(command.input)
  if (Result.isFailure(json)) return json.failure
  const input = decodeInput(definition, json.success)
  if (Result.isFailure(input)) return input.failure
  const instance = state.instances.get(command.actor, command.key)
  const revision = instance?.revision ?? 0
  if (command.ifRevision !== null && command.ifRevision !== revision) {
    return refusals.revisionMismatch(command.ifRevision, revision)
  }
  const view = viewState(actor, instance)
  if (Result.isFailure(view)) return incompatible(view.failure)
  const reduced = reduce({
    actor,
    definition,
    command,
    state: view.success,
    input: input.success,
    now,
    index: entry.index,
    term: entry.term,
    timersLeft: state.limits.timersMax - state.timers.count,
    limits: state.limits,
  })
  if (Result.isFailure(reduced)) return refusals.rejected(reduced.failure)
  commit(state, actor, instance, command, entry, reduced.success)
  return {
    _tag: "Accepted",
    result: reduced.success.resultText,
    revision: revision + 1,
    index: entry.index,
    term: entry.term,
    replayed: false,
  }
}

/** The canonical JSON of an input. */
export const parseInput = (text: string): Result.Result<Json, Refused> => {
  try {
    return Result.succeed(parseCanonical(text))
  } catch (error) {
    const path = error instanceof NotJson ? error.path : ""
    return Result.fail(refusals.invalidInput("The input is not JSON.", [{ path, message: messageOf(error) }]))
  }
}

/** The input as the reducer or query sees it: decoded, and frozen as far as it can be. */
export const decodeInput = (
  definition: Pick<LoadedCommand, "input">,
  input: Json,
): Result.Result<unknown, Refused> => {
  const decoded = definition.input.decode(input)
  if (Result.isFailure(decoded)) {
    return Result.fail(refusals.invalidInput("The input does not fit the schema.", decoded.failure))
  }
  if (!definition.input.isPlain) freezeDeep(decoded.success)
  return Result.succeed(decoded.success)
}

export const incompatible = (issues: ReadonlyArray<{ readonly path: string; readonly message: string }>) =>
  refusals.rejected({
    code: "incompatible-state",
    message: "The instance's state was written by another version of the actor and does not fit this one.",
    data: { issues: issues.map((issue) => ({ ...issue })) },
  })

const commit = (
  state: MachineState,
  actor: LoadedActor,
  previous: Instance | undefined,
  command: LoggedCommand,
  entry: Entry,
  reduced: Reduced,
): void => {
  const { actor: name, key } = command
  const revision = (previous?.revision ?? 0) + 1
  const head = { actor: name, key, revision, version: actor.version, index: entry.index }
  const instance = Instance.written(previous?.id ?? idOf(name, key), head, reduced.state)
  if (actor.state.isPlain) instance.view = { of: actor, value: reduced.state.json }
  state.instances.put(previous, instance)
  for (const timer of reduced.timers) state.timers.set({ ...timer, actor: name, key })
  state.events.add(instance, previous?.index ?? 0, reduced.events)
}

const timerRefused = (code: string, message: string): Outcome =>
  refusals.rejected({ code, message, data: null })

const versionMissing = (registry: Registry, command: LoggedCommand, entry: Entry): VersionMissing => {
  const here = registry.current.get(command.actor)?.version
  const has = here === undefined ? "has no such actor" : `has ${here}`
  return new VersionMissing(
    `entry ${entry.index} runs the actor "${command.actor}" at version ${command.version}, but this node ${has}: start every node with the same actors directory`,
  )
}
