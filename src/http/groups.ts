// Which groups are there, and how does an operator open and close them? By entries of `main`, on whichever node is asked.

import { Effect } from "effect"
import { groupNameRule, isGroupName } from "../consensus/groups.ts"
import type { Configuration, GroupId, Millis } from "../consensus/types.ts"
import type { Bodies } from "./Bodies.ts"
import { type Door, type Doors, defaultGroup, jsonResponse } from "./Doors.ts"
import { type Sender, send } from "./deploy.ts"
import { bodyObject, membersOf } from "./members.ts"
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
  const groups = [
    shown(defaultGroup, 0, main),
    ...rows.map(({ group, founded }) => shown(group, founded, doors.open(group))),
  ]
  return jsonResponse(JSON.stringify({ groups }), {
    ...doors.headers(main),
    "Raftlet-Index": String(directory.index),
  })
}

/** `founded`: the entry of `main` by which it was opened; 0: it was there from the beginning. */
const shown = (group: GroupId, founded: number, door: Door | undefined) => {
  if (door === undefined) return { group, founded, leader: null, term: null, role: null, members: null }
  const { leader, term, role, configuration } = door.raft.status()
  return { group, founded, leader, term, role, members: membersOf(configuration) }
}

/** `POST /admin/groups` `{group}` or `{groups: […]}`: answered when each of them has a leader, or time is up. */
export const openGroups = async (options: GroupsOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  parseQuery(request, [])
  const names = namesIn(bodyObject(await bodies.json(request), ["group", "groups"]))
  const sender = senderOf(doors, request)
  const configuration = await options.founding(sender.deadline)
  if (typeof configuration === "string") throw new Problem("not-ready", configuration)
  const answers = await send(
    sender,
    names.map((group) => ({ name: "$group/open", key: group, input: { configuration } })),
  )
  await untilLed(doors, names, sender.deadline)
  const groups = answers.map(({ result }, at) => {
    const leader = doors.open(names[at]!)?.raft.glance().leader ?? null
    return { ...JSON.parse(result), leader }
  })
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
  if (!Array.isArray(groups) || groups.length === 0 || groups.length > openedMax) {
    throw new Problem("bad-request", `groups must be an array of 1 to ${openedMax} names.`)
  }
  const names = groups.map(groupName)
  if (new Set(names).size !== names.length) throw new Problem("bad-request", "Every group stands once.")
  return names
}

const groupName = (value: unknown): GroupId => {
  if (typeof value === "string" && isGroupName(value) && value !== defaultGroup) return value
  throw new Problem("bad-request", `A group's name must be ${groupNameRule}, and not ${defaultGroup}.`)
}

/** They are opened on every node as the entry comes there, and elect a leader each. */
export const untilLed = async (
  doors: Doors,
  names: ReadonlyArray<GroupId>,
  deadline: number,
): Promise<void> => {
  const { raft } = doors.find(undefined)
  const isLed = (group: GroupId) => (doors.open(group)?.raft.glance().leader ?? null) !== null
  while (raft.now() < deadline && !names.every(isLed)) await Bun.sleep(lookMillis)
}

const lookMillis = 20
