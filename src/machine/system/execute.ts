// What do the machine's own commands do?

import { mainGroup } from "../../consensus/groups.ts"
import type { Entry, GroupId } from "../../consensus/types.ts"
import type { Work } from "../Executor.ts"
import type { MachineState, Weighed } from "../execution.ts"
import type { Fault } from "../fault.ts"
import { isElsewhere, type Outcome } from "../outcome.ts"
import * as refusals from "../refusals.ts"
import { readSystem, type SystemInput, type SystemName } from "./commands.ts"
import { closeGroup, openGroup } from "./groups.ts"
import { own, settle } from "./places.ts"
import { quarantine, repair, subjectOf } from "./quarantine.ts"
import { activate, offer, register, rollBack, storePiece, type Verdict } from "./versions.ts"

/** What failed while code of users ran for a command of the machine's own. */
export interface Failed {
  readonly actor: string
  readonly key: string
  readonly fault: Fault
}

/** The outcome of a command of the machine's own. Its revision counts nothing. */
export function* executeSystem(
  state: MachineState,
  system: Extract<Weighed, { type: "system" }>,
  entry: Entry,
  now: number,
): Work<{ readonly outcome: Outcome } | Failed> {
  const { command, slot } = system
  const given = yield* run(state, system, entry, now)
  if ("fault" in given) return { ...subjectOf(command.key)!, fault: given.fault }
  const outcome: Outcome =
    "_tag" in given
      ? given
      : {
          _tag: "Accepted",
          result: JSON.stringify(given.result),
          revision: 1,
          index: entry.index,
          term: entry.term,
          replayed: false,
        }
  // A piece is stored as often as it comes, and answers alike.
  if (command.command !== "piece" && !isElsewhere(outcome)) state.outcomes.add(slot, command, entry, outcome)
  return { outcome }
}

function* run(
  state: MachineState,
  { command: { actor, command, input, key } }: Extract<Weighed, { type: "system" }>,
  entry: Entry,
  now: number,
): Work<Verdict | { readonly fault: Fault }> {
  const judge = <Name extends SystemName>(
    name: Name,
    decide: (given: SystemInput<Name>) => Verdict,
  ): Verdict => {
    const given = readSystem(name, input)
    return given === null ? malformed() : decide(given)
  }
  /** The cluster has one directory. */
  const judgeInMain = <Name extends SystemName>(
    name: Name,
    decide: (given: SystemInput<Name>) => Verdict,
  ): Verdict => (state.group === mainGroup ? judge(name, decide) : notHere(state.group))
  const subject = subjectOf(key)
  switch (`${actor}/${command}`) {
    case "$actor/piece":
      return judge("$actor/piece", (given) => storePiece(state, given, entry))
    case "$actor/register":
      return judge("$actor/register", (given) => register(state, key, given, entry, now))
    case "$actor/activate":
      return judge("$actor/activate", (given) => activate(state, key, given, entry))
    case "$actor/rollback":
      return judge("$actor/rollback", (given) => rollBack(state, key, given, entry))
    case "$actor/offer":
      return judge("$actor/offer", (given) => offer(state, key, given, entry))
    case "$instance/quarantine":
      return judge("$instance/quarantine", (given) =>
        subject === null ? malformed() : quarantine(state, subject, given, entry, now),
      )
    case "$instance/repair": {
      const given = readSystem("$instance/repair", input)
      return given === null || subject === null
        ? malformed()
        : yield* repair(state, subject, given, entry, now)
    }
    case "$group/open":
      return judgeInMain("$group/open", (given) => openGroup(state, key, given, entry))
    case "$group/close":
      return judgeInMain("$group/close", () => closeGroup(state, key, entry))
    case "$place/settle":
      return judgeInMain("$place/settle", (given) => settle(state, key, given, entry))
    case "$shard/own":
      return judge("$shard/own", (given) => own(state, key, given, entry))
    default:
      return refusals.unknownActor(actor)
  }
}

const notHere = (group: GroupId) =>
  refusals.invalidInput(`This is for the group ${mainGroup}, and not for ${group}.`, [])

const malformed = () => refusals.invalidInput("This is no command of the machine's own.", [])
