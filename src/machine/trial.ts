// Does a command come to an end, and each time to the same? Code that nobody vouches for runs each command twice on the
// leader before it may enter the log: what does not end there would not end on any replica, and nobody could get past
// its entry.

import { isDeepStrictEqual } from "node:util"
import { Result } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import { weigh } from "./admission.ts"
import { decodeCommand, type LoggedCommand } from "./command.ts"
import type { Reduce, Reply, Work } from "./Executor.ts"
import { barring, type MachineState, parseInput } from "./execution.ts"
import { type Fault, type Guilt, isGuilt } from "./fault.ts"
import type { Admission } from "./MachineHost.ts"
import type { Refused } from "./outcome.ts"
import * as refusals from "./refusals.ts"
import { callOfRepair, type Repair, repairOf } from "./system/quarantine.ts"
import { quarantineFor } from "./system/voiding.ts"

type Position = Pick<StatePosition, "index" | "term" | "time">

/**
 * Admits commands that were admitted as untried. What comes of one is of no interest, the state may be another when it
 * is executed; of one that fails its host an entry is made that puts its instance into quarantine, in its place.
 */
export function* tryAll(
  state: MachineState,
  commands: ReadonlyArray<Uint8Array>,
  by: NodeId,
  position: Position,
): Work<ReadonlyArray<Admission>> {
  const admissions: Array<Admission> = []
  while (admissions.length < commands.length) {
    const part = takePart(state, commands.slice(admissions.length), by, position)
    admissions.push(
      ...(isRepair(part)
        ? [yield* tryRepair(state, part, position)]
        : yield* tryPart(state, part, by, position)),
    )
  }
  return admissions
}

/** What is known of a command without running it, or how it is run. */
type Candidate =
  | Admission
  | { readonly command: LoggedCommand; readonly bytes: Uint8Array; readonly call: Reduce }

interface RepairBytes {
  readonly repair: Repair
  readonly bytes: Uint8Array
}

const isRepair = (part: ReadonlyArray<Candidate> | RepairBytes): part is RepairBytes => "repair" in part

/** As many as are run together: the next is a repair, or they are enough. Never none. */
const takePart = (
  state: MachineState,
  commands: ReadonlyArray<Uint8Array>,
  by: NodeId,
  position: Position,
): ReadonlyArray<Candidate> | RepairBytes => {
  const part: Array<Candidate> = []
  for (const bytes of commands.slice(0, partMax)) {
    const command = decodeCommand(bytes)
    const repair = command === null ? null : repairOf(command)
    if (repair !== null) return part.length === 0 ? { repair, bytes } : part
    part.push(candidateOf(state, bytes, by, position, part.length))
  }
  return part
}

/** It may have waited: what has been executed or switched meanwhile is looked at again. */
const candidateOf = (
  state: MachineState,
  bytes: Uint8Array,
  by: NodeId,
  { index, term, time }: Position,
  ahead: number,
): Candidate => {
  const again = weigh(state, bytes)
  if ("check" in again) return again.admission
  if (again._tag !== "Untried") return again
  const command = decodeCommand(again.command)!
  const { actor, key, version } = command
  const call = callOf(state, command, { index: index + 1 + ahead, term, now: time })
  if (call === null) return { _tag: "Admitted", command: again.command }
  const known = state.quarantines.suspicion(actor, key, term)
  if (known !== null) return { _tag: "Admitted", command: quarantineFor(command, known, by) }
  if (state.quarantines.isOnTheBrink(actor, version, term)) {
    return settled(refusals.overloaded("Too many instances of this actor are on their way into quarantine."))
  }
  return { command, bytes: again.command, call }
}

/** Up to the first that fails its host; then the others are looked at again. */
function* tryPart(
  state: MachineState,
  part: ReadonlyArray<Candidate>,
  by: NodeId,
  { term }: Position,
): Work<ReadonlyArray<Admission>> {
  const calls = part.flatMap((one) => ("call" in one ? [one.call] : []))
  const first = calls.length === 0 ? [] : yield calls
  const ran = calls.slice(0, first.filter(({ type }) => type !== "faulted").length)
  const second = ran.length === 0 ? [] : yield ran.map((call): Reduce => ({ ...call, isAgain: true }))
  const admissions: Array<Admission> = []
  let called = 0
  for (const one of part) {
    if (!("call" in one)) {
      admissions.push(one)
      continue
    }
    const [reply, again] = [first[called], second[called]]
    called++
    // That there was no place for a second run says nothing of the first.
    const fault = faultIn(reply) ?? guiltIn(again)
    if (fault === null) {
      admissions.push(admissionOf(one.bytes, one.command, reply!, again, by))
      continue
    }
    if (isGuilt(fault)) state.quarantines.suspect({ ...one.command, fault }, term)
    return [...admissions, guiltyOrLater(one.command, fault, by)]
  }
  return admissions
}

/** `again`: undefined when a place for a second run was lost. */
const admissionOf = (
  bytes: Uint8Array,
  command: LoggedCommand,
  reply: Reply,
  again: Reply | undefined,
  by: NodeId,
): Admission => {
  const isSteady = again === undefined || again.type === "faulted" || isSame(reply, again)
  // Only an entry takes a timer off the list.
  if (command.timer !== "") {
    const fault: Guilt = { kind: "crash", detail: unsteady }
    return { _tag: "Admitted", command: isSteady ? bytes : quarantineFor(command, fault, by) }
  }
  if (!isSteady)
    return settled(refusals.rejected({ code: "not-deterministic", message: unsteady, data: null }))
  const isUnfit = reply.type === "refused" && reply.refused.code === "invalid-input"
  return isUnfit ? settled(reply.refused) : { _tag: "Admitted", command: bytes }
}

/** The state in between, when another command of the part replaces it, is told or not. What the engine says varies. */
const isSame = (one: Reply, other: Reply): boolean => {
  if (one.type === "rejected" && other.type === "rejected") {
    return isDeepStrictEqual(refusals.rejected(one.reason), refusals.rejected(other.reason))
  }
  if (one.type !== "reduced" || other.type !== "reduced") return isDeepStrictEqual(one, other)
  const [left, right] = [one.instance?.text, other.instance?.text]
  return (
    (left === undefined || right === undefined || left === right) &&
    isDeepStrictEqual({ ...one, instance: null }, { ...other, instance: null })
  )
}

const guiltyOrLater = (command: LoggedCommand, fault: Fault, by: NodeId): Admission =>
  isGuilt(fault)
    ? { _tag: "Admitted", command: quarantineFor(command, fault, by) }
    : settled(refusals.overloaded("The command could not be tried just now."))

/** Whoever repairs with the code that has failed would fail again, and every replica with it. */
function* tryRepair(
  state: MachineState,
  { repair: { subject, input }, bytes }: RepairBytes,
  { index, term, time }: Position,
): Work<Admission> {
  const call = callOfRepair(state, subject, input, { index: index + 1, term, now: time })
  // Whatever else is to be said against it, the log says.
  if (call === null || "_tag" in call) return { _tag: "Admitted", command: bytes }
  const [reply] = yield [call]
  const fault = faultIn(reply)
  if (fault === null) return { _tag: "Admitted", command: bytes }
  const present = state.quarantines.of(subject.actor, subject.key)
  return settled(
    isGuilt(fault) && present !== null
      ? refusals.notRepaired(present, fault)
      : refusals.overloaded("The repair could not be tried just now."),
  )
}

const faultIn = (reply: Reply | undefined): Fault | null => (reply?.type === "faulted" ? reply.fault : null)

const guiltIn = (reply: Reply | undefined): Guilt | null => {
  const fault = faultIn(reply)
  return fault !== null && isGuilt(fault) ? fault : null
}

/** Null when it would not be run as things stand: the log will say why. */
const callOf = (
  state: MachineState,
  command: LoggedCommand,
  at: Pick<Reduce, "index" | "term" | "now">,
): Reduce | null => {
  const { actor, version, key } = command
  const input = parseInput(command.input)
  const isDue = command.timer === "" || state.timers.get(command.timer) !== undefined
  const isRun = isDue && state.catalogue.active(actor)?.commands.has(command.command) === true
  if (!isRun || barring(state, actor, key, version) !== null || Result.isFailure(input)) return null
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

const settled = (outcome: Refused): Admission => ({ _tag: "Settled", outcome })

const unsteady =
  "The command came to something else when it was run again: a reducer keeps nothing but what it returns, and depends on nothing but its state, its input and its ctx."
/** Few enough that the others of a part that fails need not be run again for long. */
const partMax = 64
