// How does an instance come into quarantine, and out of it?

import { Result } from "effect"
import type { Entry } from "../../consensus/types.ts"
import { StateCorrupt } from "../../storage/StateStore.ts"
import type { Json } from "../actor.ts"
import type { LoggedCommand } from "../command.ts"
import type { Adopt, Reduce, Reply, Work } from "../Executor.ts"
import { type MachineState, parseInput } from "../execution.ts"
import type { Fault } from "../fault.ts"
import { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import type { Refused } from "../outcome.ts"
import * as refusals from "../refusals.ts"
import { faultOf, readSystem, type SystemInput } from "./commands.ts"
import type { Quarantine } from "./Quarantines.ts"
import type { Verdict } from "./versions.ts"

/** From here on its commands are refused. Whoever proposed it learns what they learn. */
export const quarantine = (
  state: MachineState,
  subject: Subject,
  input: SystemInput<"$instance/quarantine">,
  { index }: Entry,
  at: number,
): Refused => {
  const { actor, key } = subject
  const present = state.quarantines.of(actor, key)
  const { version, by, command, commandId, timer, voidFrom } = input
  // A trial may have put it there while every replica stood still before that entry. What is voided all the same is held
  // back, as the trial's was not: somebody may have been told that it was executed.
  const isVoidedNow = present !== null && voidFrom !== null && !present.isVoid && voidFrom < present.index
  if (present !== null && !isVoidedNow) return refusals.quarantined(present)
  const executedAt = state.instances.get(actor, key)?.index ?? 0
  if (voidFrom !== null && executedAt >= voidFrom) {
    // A majority could not get past what ran here: what this node has made of it is nobody else's.
    throw new StateCorrupt(`${actor}/${key} was written by entry ${executedAt}, which entry ${index} voids`)
  }
  // It is where its key is that it must take no commands.
  if (!state.whereabouts.owns(actor, key)) return refusals.elsewhere(actor)
  const put: Quarantine = {
    actor,
    key,
    version,
    fault: faultOf(input),
    index,
    at,
    revision: state.instances.get(actor, key)?.revision ?? 0,
    by,
    command,
    input: input.input,
    commandId,
    timer,
    isVoid: voidFrom !== null,
  }
  state.quarantines.put(put, index)
  // It has done its work, or there would be no way out: a repair may run its command again.
  const fired = state.timers.get(timer)
  if (fired?.actor === actor && fired.key === key) state.timers.clear(fired)
  return refusals.quarantined(put)
}

/** Out of quarantine: as it was, as an operator gives it, or by what was run then, under the code of now. */
export function* repair(
  state: MachineState,
  subject: Subject,
  input: SystemInput<"$instance/repair">,
  { index, term }: Entry,
  now: number,
): Work<Verdict | { readonly fault: Fault }> {
  const { actor, key } = subject
  if (!state.whereabouts.owns(actor, key)) return refusals.elsewhere(actor)
  const voided = state.quarantines.voiding(actor, key, index)
  if (voided !== null) return refusals.voided(voided)
  const call = callOfRepair(state, subject, input, { index, term, now })
  if (call !== null && "_tag" in call) return call
  const instance = state.instances.get(actor, key)
  const lift = (revision: number, result: object): Verdict => {
    state.quarantines.lift(actor, key, index)
    return { result: { actor, key, how: input.how, revision, ...result } }
  }
  if (call === null) return lift(instance?.revision ?? 0, {})
  const [reply] = yield [call]
  if (call.type === "reduce" && reply?.type === "reduced") {
    const shown = parsed(reply.result)
    if (Result.isFailure(shown)) return shown.failure
    state.instances.put(instance, reply.instance!)
    for (const timer of reply.timers) state.timers.set({ ...timer, actor, key })
    state.events.add({ id: idOf(actor, key), index }, instance?.index ?? 0, reply.events)
    const { revision, result } = reply
    state.quarantines.noteRerun({ actor, key, revision, result, term }, index)
    return lift(revision, { result: shown.success })
  }
  const text = textOf(reply)
  if (typeof text !== "string") return text
  if (call.type === "reduce") return refusals.overloaded("The command was answered like a query.")
  const shown = parsed(text)
  if (Result.isFailure(shown)) return shown.failure
  const revision = (instance?.revision ?? 0) + 1
  const head = { actor, key, revision, version: call.version, index }
  state.instances.put(instance, Instance.received(idOf(actor, key), head, text))
  return lift(revision, { state: shown.success })
}

/** What must run for a repair, or why there is none to be had; null: nothing need run. */
export const callOfRepair = (
  state: MachineState,
  { actor: name, key }: Subject,
  { how, state: given, force }: SystemInput<"$instance/repair">,
  at: Pick<Reduce, "index" | "term" | "now">,
): Adopt | Reduce | Refused | null => {
  const present = state.quarantines.of(name, key)
  if (present === null) return refusals.refused("not-found", "The instance is not in quarantine.")
  const actor = state.catalogue.active(name)
  if (actor === undefined) return refusals.unknownActor(name)
  // Whoever executed it before it was voided, and is gone, may have answered: only an operator's word takes that back.
  if (present.isVoid && how !== "rerun" && !force) return refusals.notDropped(present)
  if (how === "before") return null
  const code = { actor: name, version: actor.version }
  if (how === "state") return { type: "adopt", ...code, state: given as Json }
  const input = parseInput(present.input)
  if (Result.isFailure(input)) return input.failure
  if (!actor.commands.has(present.command)) return refusals.unknownCommand(name, present.command)
  const { timersMax, timersPerCommandMax } = state.limits
  return {
    type: "reduce",
    ...code,
    instance: state.instances.get(name, key),
    key,
    command: present.command,
    input: input.success,
    ifRevision: null,
    commandId: present.commandId,
    caller: "",
    seed: new Uint8Array(16),
    timersMax: Math.max(0, Math.min(timersPerCommandMax, timersMax - state.timers.count)),
    ...at,
  }
}

/** A repair of an instance; null when the command is none. */
export const repairOf = (command: LoggedCommand): Repair | null => {
  if (command.actor !== "$instance" || command.command !== "repair") return null
  const subject = subjectOf(command.key)
  const input = readSystem("$instance/repair", command.input)
  return subject === null || input === null ? null : { subject, input }
}

export interface Repair {
  readonly subject: Subject
  readonly input: SystemInput<"$instance/repair">
}

/** The instance that a command of the machine's own is about. */
export interface Subject {
  readonly actor: string
  readonly key: string
}

/** Names of actors hold no slash. */
export const subjectOf = (key: string): Subject | null => {
  const at = key.indexOf("/")
  return at < 1 || at === key.length - 1 ? null : { actor: key.slice(0, at), key: key.slice(at + 1) }
}

/** What comes from where the code runs is looked at before it is used here. */
const parsed = (text: string): Result.Result<Json, { readonly fault: Fault }> =>
  Result.mapError(parseInput(text), () => ({
    fault: { kind: "crash", detail: "what it answered is not JSON" },
  }))

const textOf = (reply: Reply | undefined): string | Refused | { readonly fault: Fault } => {
  switch (reply?.type) {
    case "answered":
      return reply.text
    case "rejected":
      return refusals.rejected(reply.reason)
    case "refused":
      return reply.refused
    case "faulted":
      return { fault: reply.fault }
    default:
      return { fault: { kind: "crash", detail: "it was not run" } }
  }
}
