// May a proposal enter the log? What is bound to be refused is refused here and costs no entry.

import { Result } from "effect"
import type { Json } from "./actor.ts"
import { decodeCommand, encodeLogged, type LoggedCommand, withVersion } from "./command.ts"
import type { Check, Work } from "./Executor.ts"
import { barring, keyIssueOf, type MachineState, parseInput, recall } from "./execution.ts"
import type { Admission } from "./MachineHost.ts"
import { outcomeSlot } from "./Outcomes.ts"
import type { Outcome } from "./outcome.ts"
import * as refusals from "./refusals.ts"
import { repairOf } from "./system/quarantine.ts"
import { isSystemName } from "./system/rows.ts"

/** Answers from the state applied so far only what no later entry can change. */
export function* admitAll(
  state: MachineState,
  commands: ReadonlyArray<Uint8Array>,
): Work<ReadonlyArray<Admission>> {
  const weighed = commands.map((bytes) => weigh(state, bytes))
  const calls = weighed.flatMap((one) => ("check" in one ? [one.check] : []))
  const replies = calls.length === 0 ? [] : yield calls
  let called = 0
  return weighed.map((one) => {
    if (!("check" in one)) return one
    const reply = replies[called++]
    if (reply?.type === "refused") return settled(reply.refused)
    if (reply?.type === "answered") return one.admission
    // The host of the check failed: whoever asked may ask again.
    return settled(refusals.overloaded("The input could not be checked just now."))
  })
}

type Candidate = Admission | { readonly check: Check; readonly admission: Admission }

/** A command as it comes from a door, or once more. */
export const weigh = (state: MachineState, bytes: Uint8Array): Candidate => {
  const command = decodeCommand(bytes)
  if (command === null) return settled(refusals.invalidInput("The bytes hold no command.", []))
  // A due timer was checked when it was set, and is checked again when it fires. Also one whose actor has gone
  // needs an entry: nothing else may take it off the list.
  if (command.timer !== "") return weighTimer(state, bytes, command)
  const keyIssue = keyIssueOf(command)
  if (keyIssue !== null) return settled(refusals.invalidInput(keyIssue.message, [keyIssue]))
  const inputBytes = Buffer.byteLength(command.input)
  if (inputBytes > state.limits.inputBytesMax) {
    return settled(refusals.tooLarge(inputBytes, state.limits.inputBytesMax))
  }
  const input = parseInput(command.input)
  // White space and the order of keys must not make a retry look like another request: by its text, as it is in the log,
  // what became of it is remembered.
  const text = Result.isSuccess(input) ? JSON.stringify(input.success) : command.input
  const canonical = text === command.input ? command : { ...command, input: text }
  const canonicalBytes = canonical === command ? bytes : encodeLogged(canonical)
  const repair = repairOf(canonical)
  const { actor, key } = repair?.subject ?? command
  const slot = outcomeSlot(command.actor, command.key, command.idempotencyKey)
  // Before all else: a retry gets its first answer also when the actor has changed since, or the key has gone elsewhere.
  const earlier = recall(state, slot, canonical)
  if (earlier !== null) return settled(earlier)
  if (!state.whereabouts.owns(actor, key)) return settled(refusals.elsewhere(actor))
  if (repair !== null) return { _tag: "Untried", command: canonicalBytes, actor: repair.subject.actor }
  if (isSystemName(command.actor)) return admitted(state, canonicalBytes, canonical)
  return weighFor(state, canonicalBytes, canonical, input)
}

const weighFor = (
  state: MachineState,
  bytes: Uint8Array,
  command: LoggedCommand,
  input: ReturnType<typeof parseInput>,
): Candidate => {
  const { actor: name, key, ifRevision } = command
  const actor = state.catalogue.active(name)
  if (actor === undefined) return settled(refusals.unknownActor(name))
  if (!actor.commands.has(command.command)) return settled(refusals.unknownCommand(name, command.command))
  if (Result.isFailure(input)) return settled(input.failure)
  const barred = barring(state, name, key, actor.version)
  if (barred !== null) return settled(barred)
  if (ifRevision !== null) {
    const revision = state.instances.get(name, key)?.revision ?? 0
    // Revisions never fall: what is below can never match again, what is above still may.
    if (ifRevision < revision) return settled(refusals.revisionMismatch(ifRevision, revision))
  }
  // It is checked when it is tried: nobody waits here for code that nobody vouches for.
  if (actor.isTried) {
    return { _tag: "Untried", command: withVersion(bytes, command, actor.version), actor: name }
  }
  const { version } = actor
  const check: Check = {
    type: "check",
    actor: name,
    version,
    command: command.command,
    input: input.success as Json,
  }
  return { check, admission: admitted(state, bytes, command) }
}

const weighTimer = (state: MachineState, bytes: Uint8Array, command: LoggedCommand): Admission => {
  if (!state.whereabouts.owns(command.actor, command.key)) return settled(refusals.elsewhere(command.actor))
  const actor = state.catalogue.active(command.actor)
  if (actor?.isTried !== true) return admitted(state, bytes, command)
  return { _tag: "Untried", command: withVersion(bytes, command, actor.version), actor: actor.name }
}

const admitted = (state: MachineState, bytes: Uint8Array, command: LoggedCommand): Admission => {
  const active = isSystemName(command.actor) ? undefined : state.catalogue.active(command.actor)
  return { _tag: "Admitted", command: withVersion(bytes, command, active?.version ?? "") }
}

const settled = (outcome: Outcome): Admission => ({ _tag: "Settled", outcome })
