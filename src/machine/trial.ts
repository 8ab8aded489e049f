// Does a command come to an end? Code that nobody vouches for runs each command once on the leader before it may enter
// the log: what does not end there would not end on any replica, and nobody could get past its entry.

import { Result } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import { decodeCommand, type LoggedCommand } from "./command.ts"
import type { Reduce, Work } from "./Executor.ts"
import { type MachineState, parseInput } from "./execution.ts"
import type { Admission } from "./MachineHost.ts"
import type { Refused } from "./outcome.ts"
import * as refusals from "./refusals.ts"
import { readSystem, type SystemInput } from "./system/commands.ts"
import { callOfRepair, type Subject, subjectOf } from "./system/quarantine.ts"
import { quarantineFor } from "./system/voiding.ts"

/**
 * Admits commands that were admitted as untried. What comes of one is of no interest, the state may be another when it
 * is executed; of one that fails its host an entry is made that puts its instance into quarantine, in its place.
 */
export function* tryAll(
  state: MachineState,
  commands: ReadonlyArray<Uint8Array>,
  by: NodeId,
  { index, term, time }: Pick<StatePosition, "index" | "term" | "time">,
): Work<ReadonlyArray<Admission>> {
  const admissions: Array<Admission> = []
  for (const bytes of commands) {
    const command = decodeCommand(bytes)
    const at = { index: index + 1, term, now: time }
    const repair = command === null ? null : repairOf(command)
    if (repair !== null) {
      const refusal = yield* tryRepair(state, repair, at)
      admissions.push(
        refusal === null ? { _tag: "Admitted", command: bytes } : { _tag: "Settled", outcome: refusal },
      )
      continue
    }
    const call = command === null ? null : callOf(state, command, at)
    if (command === null || call === null) {
      admissions.push({ _tag: "Admitted", command: bytes })
      continue
    }
    const { actor, version, input, key } = call
    const known = state.quarantines.suspicion(actor, key, term)
    if (known !== null) {
      admissions.push({ _tag: "Admitted", command: quarantineFor(command, known, by) })
      continue
    }
    const [checked] = yield [{ type: "check", actor, version, command: call.command, input }]
    if (checked?.type === "refused") {
      admissions.push({ _tag: "Settled", outcome: checked.refused })
      continue
    }
    const [ran] = checked?.type === "faulted" ? [checked] : yield [call]
    if (ran?.type === "faulted") state.quarantines.suspect(actor, key, ran.fault, term)
    const admitted = ran?.type === "faulted" ? quarantineFor(command, ran.fault, by) : bytes
    admissions.push({ _tag: "Admitted", command: admitted })
  }
  return admissions
}

/** A repair of an instance; null when the command is none. */
export const repairOf = (command: LoggedCommand): Repair | null => {
  if (command.actor !== "$instance" || command.command !== "repair") return null
  const subject = subjectOf(command.key)
  const input = readSystem("$instance/repair", command.input)
  return subject === null || input === null ? null : { subject, input }
}

interface Repair {
  readonly subject: Subject
  readonly input: SystemInput<"$instance/repair">
}

/** Whoever repairs with the code that has failed would fail again, and every replica with it. Null: not so. */
function* tryRepair(
  state: MachineState,
  { subject, input }: Repair,
  at: Pick<Reduce, "index" | "term" | "now">,
): Work<Refused | null> {
  const call = callOfRepair(state, subject, input, at)
  // Whatever else is to be said against it, the log says.
  if (call === null || "_tag" in call) return null
  const [reply] = yield [call]
  if (reply?.type !== "faulted") return null
  return refusals.notRepaired(state.quarantines.of(subject.actor, subject.key)!, reply.fault)
}

/** Null when it would not be run as things stand: the log will say why. */
const callOf = (
  state: MachineState,
  command: LoggedCommand,
  at: Pick<Reduce, "index" | "term" | "now">,
): Reduce | null => {
  const { actor, version, key } = command
  const active = state.catalogue.active(actor)
  const input = parseInput(command.input)
  const isRun =
    active?.version === version &&
    active.commands.has(command.command) &&
    state.quarantines.of(actor, key) === null &&
    Result.isSuccess(input)
  if (!isRun) return null
  return {
    type: "reduce",
    actor,
    version,
    instance: state.instances.get(actor, key),
    key,
    command: command.command,
    input: input.success,
    ifRevision: command.ifRevision,
    commandId: command.idempotencyKey,
    caller: command.caller,
    seed: command.seed,
    timersMax: state.limits.timersPerCommandMax,
    ...at,
  }
}
