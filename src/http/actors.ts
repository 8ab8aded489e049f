// How does an operator see which actors are there and what another version would change, and repair what it broke? Of an
// actor as a whole, wherever it lives, or in one group that is named.

import { Effect } from "effect"
import type { Manifest } from "../machine/Catalogue.ts"
import type { ActorStatus } from "../machine/MachineHost.ts"
import { unknownActor } from "../machine/refusals.ts"
import { type Home, homeOf } from "../machine/slots.ts"
import { bodyOf, codeBodyOf, codeIn } from "./actorCode.ts"
import { type ActorsOptions, actorOf, answer, textIn } from "./actorRoutes.ts"
import { command, type Sender } from "./deploy.ts"
import { fewAtOnce, waitsAtOnce } from "./fewAtOnce.ts"
import { homeNotes } from "./homeNotes.ts"
import {
  type Asked,
  askedOf,
  caughtUp,
  groupOf,
  homesOf,
  inEach,
  machineOf,
  seen,
  senderTo,
  statusesIn,
  statusIn,
} from "./homes.ts"
import { mergeActor } from "./mergedActors.ts"
import { mergePlans } from "./mergedPlans.ts"
import { fromRefused, Problem } from "./problem.ts"
import { keyOfSegment } from "./target.ts"
import { draftOf } from "./uploading.ts"

type Segments = ReadonlyArray<string>

/** `GET /admin/actors`: each once, wherever it lives. Groups that do not answer are named, and missing from the sums. */
export const listActors = async ({ doors }: ActorsOptions, request: Request): Promise<Response> => {
  const asked = askedOf(doors, request)
  const { first, group } = asked
  await caughtUp(first)
  const { places } = group === undefined ? await seen(first, machineOf(first).places) : { places: [] }
  const homes = new Map(
    places.map(({ actor, placement }) => [actor, [...new Set(placement.map(({ group }) => group))]]),
  )
  const silent: Array<{ readonly group: string; readonly code: string; readonly detail: string }> = []
  const known = new Map<string, ReadonlyMap<string, ActorStatus>>()
  const ask = async (home: Sender) => {
    const actors = await seen(home, machineOf(home).actors)
    known.set(groupOf(home), new Map(actors.map((actor) => [actor.name, actor])))
  }
  await ask(first)
  const others = [...new Set([...homes.values()].flat())].filter((name) => name !== groupOf(first))
  await fewAtOnce(others, waitsAtOnce, async (name) => {
    try {
      const home = senderTo(asked, name)
      await caughtUp(home)
      await ask(home)
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause
      silent.push({ group: name, code: cause.code, detail: cause.detail })
    }
  })
  const here = [...known.get(groupOf(first))!.keys()].filter((name) => !homes.has(name))
  const actors = [...new Set([...homes.keys(), ...here])].toSorted().map((name) => {
    const at = (homes.get(name) ?? [groupOf(first)]).filter((group) => known.has(group))
    const groups = at.map((group) => ({ group, status: known.get(group)!.get(name) ?? null }))
    return { ...mergeActor(name, groups), groups: homes.get(name) ?? [groupOf(first)] }
  })
  return answer(asked, { actors, silent })
}

/** `POST /admin/actors/{name}/plan`: of a version that is there, the latest when none is named, or of code at hand. */
export const planVersion = async (
  { doors, bodies, bundle }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const asked = askedOf(doors, request)
  const actor = actorOf(segments[0]!)
  const body = await codeBodyOf(bodies, request, ["version"])
  const code = await codeIn(body, actor, bundle)
  if (code !== null && body.version !== undefined) {
    throw new Problem("bad-request", "A plan is of a version that is there, or of code: not of both.")
  }
  const named = textIn(body, "version", "a version's id")
  const homes = await homesOf(asked, actor)
  const draft = code === null ? null : await draftOf(homes[0]!, actor, code)
  const version = draft?.version ?? named ?? (await latestOf(homes, actor))
  const manifest = draft?.manifest ?? null
  const plans = await inEach(homes, async (home) => {
    const recorded = await recentCommands(home)
    const plan = await seen(home, machineOf(home).plan({ actor, version, manifest, recorded }))
    if ("_tag" in plan) throw fromRefused(plan)
    return { group: groupOf(home), plan }
  })
  const merged = mergePlans(plans)
  const isNew = manifest !== null && (await isUnknown(asked, homes, actor))
  if (isNew) return answer(asked, { ...merged, groups: futureGroups(actor, manifest), notes: [] })
  const definition = manifest ?? (await definitionOf(homes, actor, version))
  const notes =
    asked.group !== undefined || definition === null
      ? []
      : homeNotes(actor, doors.placementOf(actor), definition)
  return answer(asked, { ...merged, notes })
}

/** Where a version that is there wants its actor to live. */
const definitionOf = async (
  homes: ReadonlyArray<Sender>,
  actor: string,
  version: string,
): Promise<Pick<Home, "group" | "shards"> | null> => {
  const status = await statusIn(homes[0]!, actor)
  const row = status?.versions.find((one) => one.version === version)
  if (row === undefined) return null
  const { group, shards } = row
  return { ...(group === null ? {} : { group }), ...(shards === null ? {} : { shards }) }
}

/** It lives nowhere: where it would, its definition says. */
const isUnknown = async (asked: Asked, homes: ReadonlyArray<Sender>, actor: string): Promise<boolean> =>
  asked.group === undefined &&
  asked.doors.placementOf(actor) === null &&
  (await statusIn(homes[0]!, actor)) === null

const futureGroups = (actor: string, manifest: Manifest) => [
  ...new Set(homeOf(actor, manifest).map(({ group }) => group)),
]

/** `POST /admin/actors/{name}/instances/{key}/repair`: out of quarantine. */
export const repairInstance = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const asked = askedOf(doors, request, ["force"])
  const actor = actorOf(segments[0]!)
  const key = keyOfSegment(segments[2]!)
  const { with: how, state } = await bodyOf(bodies, request, ["with", "state"])
  if (how !== "before" && how !== "state" && how !== "rerun") {
    throw new Problem("bad-request", 'with must be "before", "rerun", or "state" with a state.')
  }
  if ((how === "state") !== (state !== undefined)) {
    throw new Problem("bad-request", 'A state belongs to "with": "state", and to nothing else.')
  }
  const home = await homeOfKey(asked, actor, key)
  const status = await statusIn(home, actor)
  if (status === null) throw fromRefused(unknownActor(actor))
  if (!status.quarantined.some((one) => one.key === key)) {
    throw new Problem("not-found", "The instance is not in quarantine.")
  }
  const input = { how, state: state ?? null, force: asked.isForced } as const
  const { result, index } = await command(home, "$instance/repair", `${actor}/${key}`, input)
  return answer(asked, { ...(JSON.parse(result) as object), index }, index)
}

/** The group that has the key, or that is named. */
const homeOfKey = async (asked: Asked, actor: string, key: string): Promise<Sender> => {
  const { doors, first, group } = asked
  await caughtUp(first)
  if (group !== undefined) return first
  await doors.look()
  const home = senderTo(asked, doors.groupOf(actor, key))
  if (home.door !== first.door) await caughtUp(home)
  return home
}

/** Of the first group that has any: a new one may have none. */
const latestOf = async (homes: ReadonlyArray<Sender>, actor: string): Promise<string> => {
  const statuses = await statusesIn(homes, actor)
  const latest = statuses.flatMap((status) => status?.versions.at(-1) ?? [])[0]
  if (latest === undefined) throw fromRefused(unknownActor(actor))
  return latest.version
}

/** The newest of this node's log; what was cut from it is not run again. */
const recentCommands = async ({ door }: Sender) => {
  const { commitIndex } = door.raft.status()
  const from = Math.max(1, commitIndex - recordedMax)
  const page = await Effect.runPromise(
    Effect.orElseSucceed(
      door.raft.log({ from, entriesMax: recordedMax + 1, bytesMax: recordedBytesMax }),
      () => null,
    ),
  )
  return (page?.entries ?? []).flatMap(({ index, command }) => (command === null ? [] : [{ index, command }]))
}

const recordedMax = 1000
const recordedBytesMax = 4 * 1024 * 1024
