// How does code of an actor come into all groups in which it lives? A new actor is settled first, and its groups are opened.

import { mainGroup } from "../consensus/groups.ts"
import type { GroupId } from "../consensus/types.ts"
import { versionOf } from "../machine/bundle.ts"
import type { Placement } from "../machine/slots.ts"
import { codeBodyOf, codeIn, oneOfThem, unusable } from "./actorCode.ts"
import { type ActorsOptions, actorOf, answer } from "./actorRoutes.ts"
import type { Doors } from "./Doors.ts"
import { bringIn, type Release, type Sender } from "./deploy.ts"
import { type Asked, askedOf, groupOf, homesOf, inEach, machineOf, seen, statusIn } from "./homes.ts"
import { giveKeys, opened, type Places, place } from "./placing.ts"
import { Problem } from "./problem.ts"
import { refuseWhileMoving } from "./shards.ts"

/** `POST /admin/actors/{name}/versions`: it is there afterwards, in all of its groups, and not switched on. */
export const uploadVersion = async (
  options: ActorsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors, bodies, bundle } = options
  const asked = askedOf(doors, request)
  const actor = actorOf(segments[0]!)
  const code = await codeIn(await codeBodyOf(bodies, request, []), actor, bundle)
  if (code === null) throw new Problem("bad-request", oneOfThem)
  const version = versionOf(code)
  const homes = await homesOf(asked, actor)
  refuseWhileMoving(doors, actor)
  await refuseOtherHome(asked, actor)
  const present = await inEach(homes, (home) => versionAt(home, actor, version))
  // A second time it would only fill the log.
  if (present.every((row) => row !== null)) {
    const groups = present.map(({ index }, at) => ({ group: groupOf(homes[at]!), known: true, index }))
    return uploaded(asked, { actor, ...present[0]! }, groups)
  }
  const { manifest } = await draftOf(homes[0]!, actor, code)
  const release: Release = { actor, version, code, manifest, source: "upload" }
  const ranges = asked.group === undefined ? await placed(options, asked, release) : null
  const targets = ranges === null ? homes : await openHomes(options, asked, [...ranges.keys()])
  const groups = await inEach(targets, async (home) => {
    return bringTo(home, release, ranges?.get(groupOf(home)) ?? [])
  })
  return uploaded(asked, { actor, version, ...manifest }, groups)
}

/** What each of its groups has of an actor that may be new; the groups are open or about to be. */
const placed = async (
  { doors, founding }: ActorsOptions,
  asked: Asked,
  { actor, manifest }: Release,
): Promise<ReadonlyMap<GroupId, Placement>> => {
  const placement = await place({ places: placesOf(doors), founding }, asked.first, { actor, manifest })
  return Map.groupBy(placement, ({ group }) => group)
}

const openHomes = async (
  { doors }: ActorsOptions,
  { first }: Asked,
  groups: ReadonlyArray<GroupId>,
): Promise<ReadonlyArray<Sender>> => {
  const found = await Promise.all(groups.map((group) => opened(placesOf(doors), group, first)))
  return found.map((door) => ({ ...first, door }))
}

const placesOf = (doors: Doors): Places => ({
  find: (group) => doors.reach(group),
  zones: () => doors.directory().zones,
  isOpen: (group) => doors.isOpen(group),
  placementOf: (actor) => doors.placementOf(actor),
  look: () => doors.look(),
})

/** A group of which nobody has said that the actor lives there would run nothing of it. */
const refuseOtherHome = async ({ doors, group }: Asked, actor: string): Promise<void> => {
  if (group === undefined) return
  await doors.look()
  if (doors.groupsOf(actor).includes(group)) return
  throw new Problem("not-found", `"${actor}" does not live in the group ${group}.`)
}

/** Its keys first: a group that has a version of an actor has them. */
const bringTo = async (home: Sender, release: Release, ranges: Placement) => {
  const group = groupOf(home)
  const present = await versionAt(home, release.actor, release.version)
  if (present !== null) return { group, known: true, index: present.index }
  if (ranges.length > 0 && group !== mainGroup) await giveKeys(home, release.actor, ranges)
  const { result, index } = await bringIn(home, release)
  const { known } = JSON.parse(result) as { readonly known: boolean }
  return { group, known, index }
}

interface Uploaded {
  readonly actor: string
  readonly version: string
  readonly declared: number
  readonly commands: ReadonlyArray<string>
  readonly queries: ReadonlyArray<string>
}

const uploaded = (
  asked: Asked,
  { actor, version, declared, commands, queries }: Uploaded,
  groups: ReadonlyArray<{ readonly group: string; readonly known: boolean; readonly index: number }>,
): Response => {
  const known = groups.every((one) => one.known)
  const body = { actor, version, declared, known, commands, queries }
  if (groups.length > 1) return answer(asked, { ...body, groups })
  const { index } = groups[0]!
  return answer(asked, { ...body, index }, index)
}

/** Runs the code once where nobody's commands run. */
export const draftOf = async (sender: Sender, actor: string, code: string) => {
  const inspected = await seen(sender, machineOf(sender).inspect({ actor, code, source: "upload" }))
  if ("manifest" in inspected) return inspected
  if (inspected.isBlameless)
    throw new Problem("overloaded", `The code was not looked at: ${inspected.problem}.`)
  throw unusable(inspected.problem)
}

/** As far as this node's state has come; null when it is not there. */
const versionAt = async (home: Sender, actor: string, version: string) => {
  const known = await statusIn(home, actor)
  return known?.versions.find((one) => one.version === version) ?? null
}
