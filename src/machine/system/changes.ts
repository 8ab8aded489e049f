// What has an entry changed of actors and their instances, that whoever looks after a node wants to read in its log? Seen
// by comparing what stood there before with what stands there now: whatever changes it, nothing is missed.

import type { Entry, GroupId, Index, NodeId } from "../../consensus/types.ts"
import { actorBegins, type LoggedCommand } from "../command.ts"
import type { MachineState } from "../execution.ts"
import type { Guilt } from "../fault.ts"
import type { SlotRange } from "../slots.ts"
import { isCheckpoint } from "./checkpoint.ts"
import { readSystem } from "./commands.ts"
import type { Quarantine, Suspension } from "./Quarantines.ts"
import { subjectOf } from "./quarantine.ts"
import { systemPrefix } from "./rows.ts"
import type { Place } from "./Whereabouts.ts"

/** Versions by their ids; `number`: the one that its author counts by. */
type What =
  | { readonly what: "registered"; readonly version: string; readonly number: number; readonly by: NodeId }
  | {
      readonly what: "activated" | "rolledBack"
      readonly from: string | null
      readonly to: string
      readonly number: number
    }
  | {
      readonly what: "quarantined"
      readonly key: string
      readonly version: string
      readonly fault: Guilt
      readonly by: NodeId
    }
  /** `from`: the entry that nobody could get past. */
  | { readonly what: "voided"; readonly key: string; readonly from: Index }
  | { readonly what: "repaired"; readonly key: string; readonly how: string }
  | { readonly what: "suspended"; readonly version: string; readonly instances: number }
  /** Repaired instances have brought it below the measure, or another version was switched on. */
  | { readonly what: "lifted"; readonly version: string }
  /** It is settled where the actor lives: in these groups, in the order of its slots. */
  | { readonly what: "placed"; readonly groups: ReadonlyArray<GroupId>; readonly by: NodeId }
  /** The group executes commands of the actor's keys in these slots, and of no others. */
  | { readonly what: "owns"; readonly ranges: ReadonlyArray<SlotRange> }

/** One fact, as an entry has made it. */
export type Change = What & { readonly index: Index; readonly actor: string }

/** What is to be told, and how things stand now. */
export interface Changes {
  /** Oldest first. */
  readonly changes: ReadonlyArray<Change>
  /** Instances. */
  readonly quarantined: number
  /** Names of actors. */
  readonly suspended: ReadonlyArray<string>
}

/** An entry whose command may change something of that. A checkpoint changes nothing. */
export const mayChange = (entry: Pick<Entry, "kind" | "data">): boolean =>
  entry.kind === "command" && actorBegins(entry.data, systemPrefix) && !isCheckpoint(entry)

/** What an entry of the machine's own may change of one actor and one instance of it. */
export interface Standing {
  readonly actor: string
  readonly active: string | null
  readonly versions: ReadonlyArray<string>
  readonly suspension: Suspension | null
  readonly key: string | null
  readonly quarantine: Quarantine | null
  readonly place: Place | null
  readonly given: ReadonlyArray<SlotRange> | null
}

/** Null: it is about no actor. */
export const standingFor = (state: MachineState, { actor, key }: LoggedCommand): Standing | null => {
  if (aboutActors.has(actor)) return standingOf(state, key, null)
  const subject = subjectOf(key)
  return subject === null ? null : standingOf(state, subject.actor, subject.key)
}

/** Their keys are names of actors. */
const aboutActors: ReadonlySet<string> = new Set(["$actor", "$place", "$shard"])

const standingOf = (
  { catalogue, quarantines, whereabouts }: MachineState,
  actor: string,
  key: string | null,
): Standing => {
  const row = catalogue.actors.get(actor)
  const active = row?.active ?? null
  return {
    actor,
    active,
    versions: row?.versions ?? [],
    suspension: active === null ? null : quarantines.suspension(actor, active),
    key,
    quarantine: key === null ? null : quarantines.of(actor, key),
    place: whereabouts.place(actor),
    given: whereabouts.given(actor),
  }
}

/** In the order in which they are told. */
export const changesSince = (
  state: MachineState,
  before: Standing | null,
  command: LoggedCommand,
  { index }: Entry,
): ReadonlyArray<Change> => {
  if (before === null) return []
  const { actor, key } = before
  const now = standingOf(state, actor, key)
  return [
    ...placeChanges(before, now),
    ...versionChanges(state, before, now, command.command),
    ...(key === null ? [] : instanceChanges(before, now, key, command)),
    ...suspensionChanges(before, now, isVoiding(command)),
  ].map((change) => ({ ...change, index, actor }))
}

function* placeChanges(before: Standing, { place, given }: Standing): Generator<What> {
  if (place !== null && isOther(place.placement, before.place?.placement)) {
    const { placement, by } = place
    yield { what: "placed", groups: [...new Set(placement.map(({ group }) => group))], by }
  }
  if (given !== null && isOther(given, before.given)) yield { what: "owns", ranges: given }
}

/** What is on its way changes the row as well. */
const isOther = (now: object, before: object | null | undefined): boolean =>
  JSON.stringify(now) !== JSON.stringify(before)

function* versionChanges(
  { catalogue }: MachineState,
  before: Standing,
  { actor, active: to, versions }: Standing,
  command: string,
): Generator<What> {
  for (const version of versions.filter((one) => !before.versions.includes(one))) {
    const { declared, by } = catalogue.row(actor, version)!
    yield { what: "registered", version, number: declared, by }
  }
  if (to === null || to === before.active) return
  const number = catalogue.row(actor, to)!.declared
  yield { what: command === "rollback" ? "rolledBack" : "activated", from: before.active, to, number }
}

function* instanceChanges(
  before: Standing,
  { quarantine }: Standing,
  key: string,
  { command, input }: LoggedCommand,
): Generator<What> {
  if (before.quarantine === null && quarantine !== null) {
    const { version, fault, by } = quarantine
    yield { what: "quarantined", key, version, fault, by }
  }
  // Also where the instance was in quarantine before: what nobody could get past may be its repair.
  const from = voidFromOf({ command, input })
  if (from !== null) yield { what: "voided", key, from }
  if (before.quarantine !== null && quarantine === null) {
    yield { what: "repaired", key, how: readSystem("$instance/repair", input)?.how ?? "" }
  }
}

const voidFromOf = ({ command, input }: Pick<LoggedCommand, "command" | "input">): Index | null =>
  command === "quarantine" ? (readSystem("$instance/quarantine", input)?.voidFrom ?? null) : null

const isVoiding = (command: LoggedCommand): boolean => voidFromOf(command) !== null

/** `isVoiding`: what is voided has counted since its own entry, of which nothing was told. */
function* suspensionChanges(before: Standing, { suspension }: Standing, isVoiding: boolean): Generator<What> {
  const [from, to] = [before.suspension?.version, suspension?.version]
  if (from === to && !isVoiding) return
  if (from !== undefined && from !== to) yield { what: "lifted", version: from }
  if (suspension !== null) {
    yield { what: "suspended", version: suspension.version, instances: suspension.instances }
  }
}

/** The newest that were applied since the machine was opened, until they are told. */
export class ChangeNotes {
  #newest: Array<Change> = []
  /** Commands that were voided since then. */
  voided = 0

  note(changes: ReadonlyArray<Change>): void {
    if (changes.length === 0) return
    this.voided += changes.filter(({ what }) => what === "voided").length
    this.#newest.push(...changes)
    if (this.#newest.length > changesMax) this.#newest = this.#newest.slice(-changesMax)
  }

  /** Those of later entries, oldest first. The others are told, and go. */
  after(index: Index): ReadonlyArray<Change> {
    this.#newest = this.#newest.filter((change) => change.index > index)
    return [...this.#newest]
  }
}

/** More than one batch of entries can make. */
const changesMax = 4096
