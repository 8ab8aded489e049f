// What do the machine's own commands do?

import { mainGroup } from "../../consensus/groups.ts"
import type { Entry, GroupId } from "../../consensus/types.ts"
import type { Work } from "../Executor.ts"
import type { MachineState, Weighed } from "../execution.ts"
import type { Fault } from "../fault.ts"
import type { Outcome } from "../outcome.ts"
import * as refusals from "../refusals.ts"
import { readSystem, type SystemInput, type SystemName } from "./commands.ts"
import { closeGroup, openGroup } from "./groups.ts"
import { abandon, assign, finish, split } from "./moves.ts"
import { own, settle } from "./places.ts"
import { quarantine, repair, subjectOf } from "./quarantine.ts"
import { follow, reached, seat, settleZone } from "./seating.ts"
import { adopt, drop, release, take } from "./shards.ts"
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
): Work<{ readonly outcome: Outcome; readonly time: number } | Failed> {
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
  if (isRemembered(command.command, outcome)) state.outcomes.add(slot, command, entry, outcome)
  const time = "_tag" in given ? now : (given.time ?? now)
  return { outcome, time: Math.max(now, time) }
}

/** A piece is stored as often as it comes, and answers alike. Who is to ask again is to be heard then. */
const isRemembered = (command: string, outcome: Outcome): boolean =>
  command !== "piece" &&
  command !== "take" &&
  (outcome._tag !== "Refused" || (outcome.code !== "elsewhere" && outcome.code !== "overloaded"))

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
  /** What is active of an actor stays as it is while a part of it is between two groups. */
  const judgeAtRest = <Name extends SystemName>(
    name: Name,
    decide: (given: SystemInput<Name>) => Verdict,
  ): Verdict => (state.whereabouts.isBetweenGroups(key) ? between(key) : judge(name, decide))
  /** What `main` has of an actor follows from its placements. */
  const judgeOutside = <Name extends SystemName>(
    name: Name,
    decide: (given: SystemInput<Name>) => Verdict,
  ): Verdict => (state.group === mainGroup ? notInMain() : judge(name, decide))
  const subject = subjectOf(key)
  switch (`${actor}/${command}`) {
    case "$actor/piece":
      return judge("$actor/piece", (given) => storePiece(state, given, entry))
    case "$actor/register":
      return judgeAtRest("$actor/register", (given) => register(state, key, given, entry, now))
    case "$actor/activate":
      return judgeAtRest("$actor/activate", (given) => activate(state, key, given, entry))
    case "$actor/rollback":
      return judgeAtRest("$actor/rollback", (given) => rollBack(state, key, given, entry))
    case "$actor/offer":
      return judgeAtRest("$actor/offer", (given) => offer(state, key, given, entry))
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
    case "$group/seat":
      return judgeInMain("$group/seat", (given) => seat(state, key, given, entry))
    case "$group/follow":
      return judgeInMain("$group/follow", (given) => follow(state, key, given))
    case "$group/seated":
      return judgeInMain("$group/seated", (given) => reached(state, key, given, entry))
    case "$node/zone":
      return judgeInMain("$node/zone", (given) => settleZone(state, key, given, entry))
    case "$place/settle":
      return judgeInMain("$place/settle", (given) => settle(state, key, given, entry))
    case "$shard/own":
      return judge("$shard/own", (given) => own(state, key, given, entry))
    case "$place/split":
      return judgeInMain("$place/split", (given) => split(state, key, given, entry))
    case "$place/assign":
      return judgeInMain("$place/assign", (given) => assign(state, key, given, entry))
    case "$place/finish":
      return judgeInMain("$place/finish", (given) => finish(state, key, given, entry))
    case "$place/abandon":
      return judgeInMain("$place/abandon", (given) => abandon(state, key, given, entry))
    case "$shard/release":
      return judgeOutside("$shard/release", (given) => release(state, key, given, entry, now))
    case "$shard/take":
      return judgeOutside("$shard/take", (given) => take(state, key, given, entry))
    case "$shard/adopt":
      return judgeOutside("$shard/adopt", (given) => adopt(state, key, given, entry))
    case "$shard/drop":
      return judgeOutside("$shard/drop", (given) => drop(state, key, given, entry))
    default:
      return refusals.unknownActor(actor)
  }
}

const notHere = (group: GroupId) =>
  refusals.invalidInput(`This is for the group ${mainGroup}, and not for ${group}.`, [])

const notInMain = () =>
  refusals.invalidInput(`The group ${mainGroup} neither gives keys away nor takes any over.`, [])

const between = (actor: string) =>
  refusals.overloaded(`A part of "${refusals.shorten(actor)}" is being moved to another group: ask again.`)

const malformed = () => refusals.invalidInput("This is no command of the machine's own.", [])
