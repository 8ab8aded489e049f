// How does an actor get another version? Its code comes in pieces, is registered, switched on, and switched back:
// each an entry of the log, each judged by what the state says, so that every replica switches at the same place.

import type { Entry, Index } from "../../consensus/types.ts"
import { versionOf } from "../bundle.ts"
import type { ActorRow, Catalogue, Manifest } from "../Catalogue.ts"
import type { MachineState } from "../execution.ts"
import { isActorName } from "../Registry.ts"
import * as refusals from "../refusals.ts"
import { rowOf, type SystemInput } from "./commands.ts"

/** JSON of the answer, or why not. */
export type Verdict =
  | {
      readonly result: object
      /** Log time is no earlier behind the entry. Absent: it goes on as ever. */
      readonly time?: number
    }
  | ReturnType<typeof refusals.refused>

export const storePiece = (
  { catalogue }: MachineState,
  { version, at, text }: SystemInput<"$actor/piece">,
  { index }: Entry,
): Verdict => {
  if (at < 0 || at >= piecesMax) return refusals.invalidInput("There are too many pieces.", [])
  catalogue.putPiece(version, at, text, index)
  return { result: { version, at } }
}

/** Its code must be all there, and be what its name says. */
export const register = (
  state: MachineState,
  name: string,
  input: SystemInput<"$actor/register">,
  { index }: Entry,
  at: number,
): Verdict => {
  const { catalogue } = state
  const { version } = input
  if (!isActorName(name)) return refusals.invalidInput(`"${name}" is no name for an actor.`, [])
  if (catalogue.row(name, version) !== null) return { result: { version, known: true } }
  const code = input.pieces > piecesMax ? null : catalogue.code(version, input.pieces)
  if (code === null) return refusals.refused("not-found", "A piece of the code is missing.")
  if (versionOf(code) !== version) {
    return refusals.invalidInput("The pieces are not the code that the version names.", [])
  }
  const row = catalogue.actors.get(name) ?? nobody
  catalogue.putVersion(name, version, rowOf(input, { index, at }), index)
  catalogue.putActor(name, { ...row, versions: [...row.versions, version] }, index)
  prune(state, name, index)
  return { result: { version, known: false } }
}

/** What was planned on another version than the one that is active now is not switched on. */
export const activate = (
  state: MachineState,
  name: string,
  { version, from, since }: SystemInput<"$actor/activate">,
  { index }: Entry,
): Verdict => {
  const row = state.catalogue.actors.get(name)
  if (row === null) return refusals.unknownActor(name)
  if (state.catalogue.row(name, version) === null) return unknownVersion(name, version)
  if (row.active === version) return { result: switched(row, false) }
  if (row.active !== from || isOther(row, since)) return conflict(name, row, from)
  const hindrance = hindranceTo(state, name, version)
  if (hindrance !== null) return refusals.refused("version-conflict", hindrance, { active: row.active })
  return { result: switchTo(state.catalogue, name, row, version, index) }
}

/** To the version before, or to one that is named. */
export const rollBack = (
  state: MachineState,
  name: string,
  { from, to, since }: SystemInput<"$actor/rollback">,
  { index }: Entry,
): Verdict => {
  const row = state.catalogue.actors.get(name)
  if (row === null) return refusals.unknownActor(name)
  if (to !== null && row.active === to) return { result: switched(row, false) }
  if ((from !== null && row.active !== from) || isOther(row, since)) return conflict(name, row, from)
  const target = to ?? row.previous.at(-1)
  if (target === undefined) {
    return refusals.refused("version-conflict", `No version of "${name}" was active before this one.`, {
      active: row.active,
    })
  }
  if (state.catalogue.row(name, target) === null) return unknownVersion(name, target)
  if (row.active === target) return { result: switched(row, false) }
  const hindrance = hindranceTo(state, name, target)
  if (hindrance !== null) return refusals.refused("version-conflict", hindrance, { active: row.active })
  const at = row.previous.lastIndexOf(target)
  const previous = at === -1 ? row.previous : row.previous.slice(0, at)
  const next: ActorRow = { ...row, active: target, previous, activatedAt: index }
  state.catalogue.putActor(name, next, index)
  return { result: switched(next, true) }
}

/**
 * A node says what it has in its actors directory. The first code of an actor is switched on, and so is one whose
 * author has counted up; other code for the same number only when every voter has it, for two nodes that each switch
 * on their own would do so for ever. Code that was active before is not switched on again: a rollback stays.
 */
export const offer = (
  state: MachineState,
  name: string,
  { node, version, declared, voters }: SystemInput<"$actor/offer">,
  { index }: Entry,
): Verdict => {
  const { catalogue } = state
  const before = catalogue.actors.get(name)
  const known = catalogue.row(name, version)
  if (before === null || known === null) return unknownVersion(name, version)
  const row: ActorRow = { ...before, offers: { ...before.offers, [node]: { declared, version } } }
  if (row.active === version) return stored(catalogue, name, before, row, index, "active", null)
  const active = row.active === null ? null : catalogue.row(name, row.active)
  const hindrance = hindranceTo(state, name, version)
  if (active === null)
    return { result: { ...switchTo(catalogue, name, row, version, index), status: "activated" } }
  if (row.previous.includes(version) || known.index < row.activatedAt) {
    return stored(catalogue, name, before, row, index, "earlier", null)
  }
  if (hindrance !== null) return stored(catalogue, name, before, row, index, "hindered", hindrance)
  const isEverywhere = voters.length > 0 && voters.every((voter) => row.offers[voter]?.version === version)
  if (declared > active.declared || isEverywhere) {
    return { result: { ...switchTo(catalogue, name, row, version, index), status: "activated" } }
  }
  const others = Object.keys(row.offers).filter(
    (other) =>
      other !== node && row.offers[other]!.declared === declared && row.offers[other]!.version !== version,
  )
  const missing = voters.filter((voter) => voter !== node && row.offers[voter] === undefined)
  const reason =
    declared < active.declared
      ? `${node} has version ${declared} of "${name}", and version ${active.declared} is active`
      : others.length > 0 || missing.length === 0
        ? `${node} and ${others.join(", ") || active.by} have different files for version ${declared} of "${name}" (${version} and ${row.active}): count version up, or give every node the same file`
        : `${node} has another file for version ${declared} of "${name}" than the active one (${version} and ${row.active}), and ${missing.join(", ")} not yet: count version up, or give every node the same file`
  return stored(catalogue, name, before, row, index, "conflict", reason)
}

/** Why a version cannot be switched on; null when nothing is in its way. */
export const hindranceTo = (state: MachineState, name: string, version: string): string | null => {
  const target = state.catalogue.row(name, version)
  if (target === null) return `There is no version ${version} of "${name}".`
  for (const [writer, count] of state.instances.versions(name)) {
    const row = state.catalogue.row(name, writer)
    const missing = row === null ? [] : stepsDownMissing(row, target.declared)
    if (row === null || missing.length === 0) continue
    return `${count} instances of "${name}" were written by version ${row.declared}, which has no way down from ${numbersText(missing)}.`
  }
  return null
}

/** The first of them: as many as the numbers that lie between two versions there may be. */
export const numbersText = (numbers: ReadonlyArray<number>): string =>
  numbers.length <= numbersShownMax
    ? numbers.join(", ")
    : `${numbers.slice(0, numbersShownMax).join(", ")} and ${numbers.length - numbersShownMax} more`

const numbersShownMax = 20

/** Steps down that a version lacks on the way to an earlier one. */
export const stepsDownMissing = ({ declared, migrations }: Manifest, to: number): ReadonlyArray<number> => {
  const steps = new Set(migrations.flatMap((step) => (step.down ? [step.to] : [])))
  const missing: Array<number> = []
  for (let from = declared; from > to; from--) if (!steps.has(from)) missing.push(from)
  return missing
}

const switchTo = (
  catalogue: Catalogue,
  name: string,
  row: ActorRow,
  version: string,
  index: Index,
): object => {
  const before = row.active === null ? row.previous : [...row.previous, row.active]
  const next: ActorRow = {
    ...row,
    active: version,
    previous: before.filter((one) => one !== version).slice(-previousMax),
    activatedAt: index,
  }
  catalogue.putActor(name, next, index)
  return switched(next, true)
}

const stored = (
  catalogue: Catalogue,
  name: string,
  before: ActorRow,
  row: ActorRow,
  index: Index,
  status: string,
  reason: string | null,
): Verdict => {
  const isSame = JSON.stringify(before) === JSON.stringify(row)
  if (!isSame) catalogue.putActor(name, row, index)
  return { result: { status, active: row.active, ...(reason === null ? {} : { reason }) } }
}

const switched = (row: ActorRow, isChanged: boolean): object => ({
  active: row.active,
  previous: row.previous.at(-1) ?? null,
  changed: isChanged,
})

/** The oldest go that nobody may need any more. */
const prune = (state: MachineState, name: string, index: Index): void => {
  const row = state.catalogue.actors.get(name)!
  if (row.versions.length <= versionsMax) return
  const inUse = new Set(state.instances.versions(name).keys())
  const isNeeded = (version: string) =>
    version === row.active ||
    row.previous.includes(version) ||
    inUse.has(version) ||
    version === row.versions.at(-1)
  const gone = row.versions.find((version) => !isNeeded(version))
  if (gone === undefined) return
  state.catalogue.removeVersion(name, gone, index)
  state.catalogue.putActor(name, { ...row, versions: row.versions.filter((one) => one !== gone) }, index)
}

/** Another switch, perhaps to and fro, lies between the plan and this. */
const isOther = (row: ActorRow, since: number | undefined): boolean =>
  since !== undefined && row.activatedAt !== since

const conflict = (name: string, row: ActorRow, from: string | null): Verdict =>
  refusals.refused(
    "version-conflict",
    row.active === from
      ? `The plan was made before the last switch of "${name}", at entry ${row.activatedAt}.`
      : `The plan was made on ${from ?? "no version"} of "${name}", and ${row.active ?? "none"} is active now.`,
    { active: row.active },
  )

const unknownVersion = (name: string, version: string): Verdict =>
  refusals.refused("not-found", `There is no version ${version} of the actor "${name}".`)

const nobody: ActorRow = { active: null, previous: [], versions: [], offers: {}, activatedAt: 0 }

/** Of one actor that are kept, unless more of them are in use. */
export const versionsMax = 50
export const previousMax = 20
/** Of one version: a few megabytes of code. */
const piecesMax = 64
