// May a proposal enter the log? What is bound to be refused is refused here and costs no entry.

import { Result } from "effect"
import { decodeCommand, encodeLogged, type LoggedCommand, withVersion } from "./command.ts"
import { decodeInput, keyIssueOf, type MachineState, parseInput, recall } from "./execution.ts"
import type { Admission } from "./MachineHost.ts"
import { outcomeSlot } from "./Outcomes.ts"
import type { Outcome } from "./outcome.ts"
import * as refusals from "./refusals.ts"

/** Answers from the state applied so far only what no later entry can change. */
export const admit = (state: MachineState, bytes: Uint8Array): Admission => {
  const command = decodeCommand(bytes)
  if (command === null) return settled(refusals.invalidInput("The bytes hold no command.", []))
  // A due timer was checked when it was set, and is checked again when it fires. Also one whose actor has gone
  // needs an entry: nothing else may take it off the list.
  if (command.timer !== "") return admitted(state, bytes, command)
  const keyIssue = keyIssueOf(command)
  if (keyIssue !== null) return settled(refusals.invalidInput(keyIssue.message, [keyIssue]))
  const inputBytes = Buffer.byteLength(command.input)
  if (inputBytes > state.limits.inputBytesMax) {
    return settled(refusals.tooLarge(inputBytes, state.limits.inputBytesMax))
  }
  const input = parseInput(command.input)
  // White space and the order of keys must not make a retry look like another request.
  const text = Result.isSuccess(input) ? JSON.stringify(input.success) : command.input
  const slot = outcomeSlot(command.actor, command.key, command.idempotencyKey)
  // Before all else: a retry gets its first answer also when the actor has changed since.
  const earlier = recall(state.outcomes, slot, { command: command.command, input: text })
  if (earlier !== null) return settled(earlier)
  const actor = state.registry.current.get(command.actor)
  if (actor === undefined) return settled(refusals.unknownActor(command.actor))
  const definition = actor.commands.get(command.command)
  if (definition === undefined) return settled(refusals.unknownCommand(command.actor, command.command))
  if (Result.isFailure(input)) return settled(input.failure)
  const decoded = decodeInput(definition, input.success)
  if (Result.isFailure(decoded)) return settled(decoded.failure)
  if (command.ifRevision !== null) {
    const revision = state.instances.get(command.actor, command.key)?.revision ?? 0
    // Revisions never fall: what is below can never match again, what is above still may.
    if (command.ifRevision < revision) return settled(refusals.revisionMismatch(command.ifRevision, revision))
  }
  if (text === command.input) return admitted(state, bytes, command)
  const canonical = { ...command, input: text }
  return admitted(state, encodeLogged(canonical), canonical)
}

const admitted = (state: MachineState, bytes: Uint8Array, command: LoggedCommand): Admission => {
  const version = state.registry.current.get(command.actor)?.version ?? ""
  return { _tag: "Admitted", command: withVersion(bytes, command, version) }
}

const settled = (outcome: Outcome): Admission => ({ _tag: "Settled", outcome })
