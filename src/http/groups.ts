// Which groups are there, and how does an operator open and close them? By entries of `main`, on whichever node is asked.

import { Effect } from "effect"
import { groupNameRule, isGroupName } from "../consensus/groups.ts"
import type { Configuration, GroupId, Millis, NodeId } from "../consensus/types.ts"
import { replicasMax, replicasMin } from "../machine/seats.ts"
import type { Bodies } from "./Bodies.ts"
import { type Door, type Doors, defaultGroup, jsonResponse } from "./Doors.ts"
import { type Sender, send } from "./deploy.ts"
import { fewAtOnce, waitsAtOnce } from "./fewAtOnce.ts"
import { bodyObject, membersOf } from "./members.ts"
import { openingOf } from "./opening.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { decodePart, parseQuery } from "./target.ts"

/** With whom a group begins that is opened now; a text: why nobody can say. */
export type Founding = (deadline: Millis) => Promise<Configuration | string>

export interface GroupsOptions {
  readonly doors: Doors
  readonly bodies: Bodies
  readonly founding: Founding
}

/** At once, by one request. */
export const openedMax = 1000

/** `GET /admin/groups`: as this node knows them. */
export const listGroups = async (options: GroupsOptions, request: Request): Promise<Response> => {
  parseQuery(request, [])
  const { doors } = options
  const main = doors.find(undefined)
  const directory = await Effect.runPromise(Effect.orElseSucceed(main.machine.groups, () => null))
  if (directory === null) throw new Problem("not-ready", "This node's directory of groups is in repair.")
  const rows = directory.groups.filter(({ isClosed }) => !isClosed)
  const groups = await fewAtOnce(
    [{ group: defaultGroup, founded: 0 }, ...rows],
    waitsAtOnce,
    async ({ group, founded }) => ({
      ...(await shown(group, founded, doors.open(group), doors.far(group))),
      ...seatsOf(doors, group),
    }),
  )
  return jsonResponse(JSON.stringify({ groups }), {
    ...doors.headers(main),
    "Raftlet-Index": String(directory.index),
  })
}

/** `founded`: the entry of `main` by which it was opened; 0: it was there from the beginning. */
const shown = async (group: GroupId, founded: number, door: Door | undefined, far: Door | undefined) => {
  if (door !== undefined) {
    const { leader, term, role, configuration } = door.raft.status()
    return { group, founded, leader, term, role, members: membersOf(configuration) }
  }
  const said = (await far?.far?.ask(farMillis)) ?? null
  // What it does not run itself this node has no role in.
  return { group, founded, leader: null, term: null, members: null, ...said, role: null }
}

/** How many members run it (null: all), who is to, and whether it is so. */
const seatsOf = (doors: Doors, group: GroupId) => {
  const seating = doors.seatingOf(group)
  return seating === null
    ? { replicas: null, seats: null, settled: true }
    : { replicas: seating.replicas, seats: seating.seats.map(({ id }) => id), settled: seating.isReached }
}

/** For what a member says of a group. */
const farMillis = 1000

/** `POST /admin/groups` `{group}` or `{groups: […]}`: answered when each of them has a leader, or time is up. */
export const openGroups = async (options: GroupsOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  parseQuery(request, [])
  const body = bodyObject(await bodies.json(request), ["group", "groups", "replicas"])
  const names = namesIn(body)
  const replicas = replicasIn(body)
  const sender = senderOf(doors, request)
  const configuration = await options.founding(sender.deadline)
  if (typeof configuration === "string") throw new Problem("not-ready", configuration)
  const answers = await send(
    sender,
    names.map((group) =>
      openingOf(
        group,
        configuration,
        replicas === null ? undefined : { replicas, like: group },
        doors.directory().zones,
      ),
    ),
  )
  await untilLed(doors, names, sender.deadline)
  const groups = await fewAtOnce([...answers.entries()], waitsAtOnce, async ([at, { result }]) => ({
    ...JSON.parse(result),
    leader: await leaderOf(doors, names[at]!),
  }))
  return jsonResponse(JSON.stringify({ groups, done: groups.every(({ leader }) => leader !== null) }), {
    ...doors.headers(sender.door),
    "Raftlet-Index": String(Math.max(...answers.map(({ index }) => index))),
  })
}

/** `DELETE /admin/groups/{group}`: all that it holds goes, and its name is never used again. */
export const closeGroup = async (
  options: GroupsOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors, bodies } = options
  parseQuery(request, [])
  const group = groupName(decodePart(segments[0]!, "The group's name"))
  bodyObject(await bodies.json(request), [])
  const sender = senderOf(doors, request)
  const [answer] = await send(sender, [{ name: "$group/close", key: group, input: {} }])
  return jsonResponse(answer!.result, {
    ...doors.headers(sender.door),
    "Raftlet-Index": String(answer!.index),
  })
}

/** Who asks `main` for what a request wants. */
export const senderOf = (doors: Doors, request: Request): Sender => {
  const door = doors.find(undefined)
  return { door, node: doors.node.id, deadline: door.raft.now() + timeoutMillis(request) }
}

const namesIn = (body: Readonly<Record<string, unknown>>): ReadonlyArray<GroupId> => {
  const { group, groups = [group] } = body
  if (group !== undefined && body.groups !== undefined) {
    throw new Problem("bad-request", "Either group or groups, not both.")
  }
  if (group === undefined && body.groups === undefined) {
    throw new Problem("bad-request", `groups is missing: an array of 1 to ${openedMax} names.`)
  }
  if (!Array.isArray(groups) || groups.length === 0 || groups.length > openedMax) {
    throw new Problem("bad-request", `groups must be an array of 1 to ${openedMax} names.`)
  }
  const names = groups.map(groupName)
  if (new Set(names).size !== names.length) throw new Problem("bad-request", "Every group stands once.")
  return names
}

/** Null: all members. */
const replicasIn = ({ replicas = null }: Readonly<Record<string, unknown>>): number | null => {
  const count = replicas as number | null
  if (count === null || (Number.isInteger(count) && count >= replicasMin && count <= replicasMax))
    return count
  throw new Problem("bad-request", `replicas must be a whole number from ${replicasMin} to ${replicasMax}.`)
}

const groupName = (value: unknown): GroupId => {
  if (typeof value === "string" && isGroupName(value) && value !== defaultGroup) return value
  const said = (JSON.stringify(value) ?? "nothing").slice(0, saidLengthMax)
  throw new Problem(
    "bad-request",
    `${said}: a group's name must be ${groupNameRule}, and not ${defaultGroup}.`,
  )
}

/** Of what was said to be a name: enough to know it again. */
const saidLengthMax = 100

/** They are opened on every node as the entry comes there, and elect a leader each. */
export const untilLed = async (
  doors: Doors,
  names: ReadonlyArray<GroupId>,
  deadline: number,
): Promise<void> => {
  const { raft } = doors.find(undefined)
  let open = names
  while (raft.now() < deadline && open.length > 0) {
    await doors.look()
    const leaders = await fewAtOnce(open, waitsAtOnce, (group) => leaderOf(doors, group))
    open = open.filter((_, at) => leaders[at] === null)
    if (open.length > 0) await Bun.sleep(lookMillis)
  }
}

/** Null: nobody, as far as this node knows, or a member that runs the group. */
export const leaderOf = async (doors: Doors, group: GroupId): Promise<NodeId | null> => {
  const door = doors.open(group)
  if (door !== undefined) return door.raft.glance().leader
  return (await doors.far(group)?.far?.ask(farMillis))?.leader ?? null
}

const lookMillis = 20
