// Where does each actor live, and how does an operator split one of its shards? Begun by an entry of `main`; whoever leads that
// goes on with it, whatever becomes of the node that was asked.

import { Effect } from "effect"
import { isGroupName, mainGroup } from "../consensus/groups.ts"
import type { GroupId } from "../consensus/types.ts"
import { isActorName } from "../machine/Registry.ts"
import { unknownActor } from "../machine/refusals.ts"
import {
  type Placement,
  type SlotRange,
  shardAt,
  sizeOf,
  slotOf,
  united,
  upperHalf,
  wholeIn,
} from "../machine/slots.ts"
import type { GroupList } from "../machine/system/GroupDirectory.ts"
import type { Move, Places } from "../machine/system/Whereabouts.ts"
import { type Door, type Doors, jsonResponse } from "./Doors.ts"
import { command, type Sender, send } from "./deploy.ts"
import { type GroupsOptions, leaderOf, senderOf, untilLed } from "./groups.ts"
import { caughtUp, machineOf, seen } from "./homes.ts"
import { bodyObject } from "./members.ts"
import { openingOf } from "./opening.ts"
import { fromRefused, Problem } from "./problem.ts"
import { checkKey, parseQuery } from "./target.ts"

type PlaceOf = Places["places"][number]

/** `GET /admin/shards[?actor=[&key=]]`: as this node knows them; of one actor, and where an instance of it is. */
export const listShards = async ({ doors }: GroupsOptions, request: Request): Promise<Response> => {
  const query = parseQuery(request, ["actor", "key"])
  const actor = query.get("actor")
  const key = query.get("key")
  if (actor === undefined && key !== undefined) {
    throw new Problem("bad-request", "key says which instance of an actor: actor is missing.")
  }
  const main = doors.find(undefined)
  const said = await Effect.runPromise(Effect.orElseSucceed(main.machine.places, () => null))
  if (said === null) throw new Problem("not-ready", "This node's directory of actors is in repair.")
  const places = said.places.filter((place) => actor === undefined || place.actor === actor)
  if (actor !== undefined && places.length === 0) await expectInMain(main, actor)
  const actors = await Promise.all(places.map((place) => shown(doors, place)))
  const instance =
    actor === undefined || key === undefined ? {} : { instance: instanceIn(places, actor, checkKey(key)) }
  return jsonResponse(JSON.stringify({ actors, ...instance }), {
    ...doors.headers(main),
    "Raftlet-Index": String(main.raft.status().appliedIndex),
  })
}

const instanceIn = (places: ReadonlyArray<PlaceOf>, actor: string, key: string) => {
  const slot = slotOf(key)
  return { actor, key, slot, group: shardAt(places[0]?.placement ?? wholeIn(mainGroup), slot)!.group }
}

/** Of one that nobody has brought in nothing lives anywhere. */
const expectInMain = async ({ machine }: Door, actor: string): Promise<void> => {
  const known = await Effect.runPromise(Effect.orElseSucceed(machine.actors, () => null))
  if (known === null) throw new Problem("not-ready", "This node's directory of actors is in repair.")
  if (!known.some(({ name }) => name === actor)) throw fromRefused(unknownActor(actor))
}

const shown = async (doors: Doors, { actor, placement, move, refused }: PlaceOf) => ({
  actor,
  shards: placement.map(({ group, from, to }) => ({ group, from, to })),
  move: move === undefined ? null : await shownMove(doors, actor, move),
  refused: refused ?? null,
})

/** `step`: what is being done, as far as this node has seen. `portions`: of what belongs to the keys, those that have arrived. */
const shownMove = async (doors: Doors, actor: string, { id, from, to, slots, by, phase }: Move) => {
  const inGroup = async (group: GroupId) => {
    const machine = doors.reach(group)?.machine
    return machine === undefined
      ? null
      : Effect.runPromise(Effect.orElseSucceed(machine.shard(actor), () => null))
  }
  const [giver, taker] = [await inGroup(from), await inGroup(to)]
  const taking = taker?.underWay?.role === "takes" && taker.underWay.move === id ? taker.underWay : null
  const isAdopted = taking === null && (taker?.lastMove ?? 0) >= id
  const isReleased = (giver?.lastMove ?? 0) >= id
  const before = isAdopted ? "adopted" : isReleased ? "copying" : "releasing"
  const step = phase === "moved" ? "dropping" : before
  return { id, from, to, slots, by, step, portions: taking?.portions ?? null }
}

/** `POST /admin/shards/split` `{actor, group?}`: answered when it is done, or time is up: then it goes on all the same. */
export const splitShard = async (options: GroupsOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  parseQuery(request, [])
  const body = bodyObject(await bodies.json(request), ["actor", "group"])
  const { actor, group } = body
  if (typeof actor !== "string" || !isActorName(actor)) {
    throw new Problem("bad-request", "actor must be the name of an actor.")
  }
  if (group !== undefined && (typeof group !== "string" || !isGroupName(group))) {
    throw new Problem("bad-request", "group must be the name of a group.")
  }
  const sender = senderOf(doors, request)
  await caughtUp(sender)
  const { places } = await seen(sender, machineOf(sender).places)
  const place = places.find((one) => one.actor === actor)
  const placement = place?.placement ?? wholeIn(mainGroup)
  if (placement.every((shard) => shard.group === mainGroup)) throw await notSpread(sender, actor)
  if (place?.move !== undefined) throw underWay(actor, place.move)
  const from = group === undefined ? widestOf(placement) : group
  const slots = upperHalf(slotsOf(placement, from))
  if (slotsOf(placement, from).length === 0) {
    throw new Problem("not-found", `"${actor}" does not live in the group ${from}.`)
  }
  if (slots.length === 0) {
    throw new Problem("in-use", `The group ${from} has one slot of "${actor}": there is nothing to split.`)
  }
  const into = nameFor(from, places, await seen(sender, machineOf(sender).groups))
  await openFor(options, sender, into, from)
  const { result, index } = await command(sender, "$place/split", actor, {
    from,
    to: into,
    slots: slots.map(({ from, to }) => ({ from, to })),
    by: sender.node,
  })
  const { move } = JSON.parse(result) as { readonly move: Move }
  const isDone = await untilOver(sender, actor, move)
  return jsonResponse(JSON.stringify({ actor, move: move.id, from, to: into, slots, done: isDone }), {
    ...doors.headers(sender.door),
    "Raftlet-Index": String(index),
  })
}

const slotsOf = (placement: Placement, group: GroupId): ReadonlyArray<SlotRange> =>
  united(placement.filter((shard) => shard.group === group))

/** What lives in main stays there: it shares the log that says where everything else is. */
const notSpread = async (sender: Sender, actor: string): Promise<Problem> => {
  const actors = await seen(sender, machineOf(sender).actors)
  return actors.some(({ name }) => name === actor)
    ? new Problem(
        "invalid-input",
        `"${actor}" lives in the group ${mainGroup}: only an actor that its definition has put into groups of its own can be split.`,
      )
    : fromRefused(unknownActor(actor))
}

/** The first of those with the most slots. */
const widestOf = (placement: Placement): GroupId => {
  const sizes = [...new Set(placement.map(({ group }) => group))].map((group) => ({
    group,
    size: group === mainGroup ? 0 : sizeOf(slotsOf(placement, group)),
  }))
  return sizes.reduce((one, other) => (other.size > one.size ? other : one)).group
}

/** As the others of the actor are called, with the next number; no group in which somebody lives, and none that is closed. */
export const nameFor = (
  from: GroupId,
  places: ReadonlyArray<Pick<PlaceOf, "placement">>,
  { groups }: Pick<GroupList, "groups">,
): GroupId => {
  const base = from.replace(/-\d+$/, "")
  const numberOf = (group: GroupId): number => {
    const [, stem, number] = /^(.+)-(\d{1,9})$/.exec(group) ?? []
    return stem === base ? Number(number) : 0
  }
  const closed = new Set(groups.flatMap(({ group, isClosed }) => (isClosed ? [group] : [])))
  let number =
    Math.max(0, ...places.flatMap(({ placement }) => placement.map(({ group }) => numberOf(group)))) + 1
  while (closed.has(`${base}-${number}`)) number++
  const name = `${base}-${number}`
  if (isGroupName(name)) return name
  throw new Problem("invalid-input", `The new group would be called ${name}, and that is no group's name.`)
}

/**
 * Its leader first, so that no key waits for an election. It is run by those who run the group that gives keys to it: whoever
 * leads that one hands them over, and reads both.
 */
const openFor = async (
  { doors, founding }: GroupsOptions,
  sender: Sender,
  group: GroupId,
  from: GroupId,
): Promise<void> => {
  const configuration = await founding(sender.deadline)
  if (typeof configuration === "string") throw new Problem("not-ready", configuration)
  const wanted = doors.seatingOf(from) ?? undefined
  const like = wanted === undefined ? undefined : { replicas: wanted.replicas, like: wanted.like }
  await send(sender, [openingOf(group, configuration, like, doors.directory().zones)])
  await untilLed(doors, [group], sender.deadline)
  if ((await leaderOf(doors, group)) === null) {
    throw new Problem("not-ready", `The group ${group} was opened, and has no leader yet.`)
  }
}

/** False: time is up. Throws when it was refused where the keys are. */
const untilOver = async (sender: Sender, actor: string, move: Move): Promise<boolean> => {
  const { raft } = sender.door
  while (raft.now() < sender.deadline) {
    const { places } = await seen(sender, machineOf(sender).places)
    const place = places.find((one) => one.actor === actor)
    if (place !== undefined && place.index >= move.id && place.move?.id !== move.id) {
      if (place.refused?.move !== move.id) return true
      throw new Problem("in-use", `Nothing was moved: ${place.refused.reason}.`, { outcome: "rejected" })
    }
    await Bun.sleep(lookMillis)
  }
  return false
}

/** Throws while keys of the actor are on their way: what is active must be the same where they come from and go to. */
export const refuseWhileMoving = (doors: Doors, actor: string): void => {
  const move = doors.moveOf(actor)
  if (move !== null) throw underWay(actor, move)
}

const underWay = (actor: string, { from, to }: Move): Problem =>
  new Problem(
    "in-use",
    `Keys of "${actor}" are on their way from the group ${from} to ${to}: ask again later.`,
  )

const lookMillis = 20
