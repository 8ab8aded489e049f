// How does an operator change who takes part and who leads? The leader does it; any other node passes it on.

import { isSettled, members } from "../consensus/configuration.ts"
import type { Address, Change, Configuration, GroupId, Millis, NodeId } from "../consensus/types.ts"
import { behind, type Known, obstacleTo, seatsBehind } from "../groups/following.ts"
import type { Changed, ChangeRequest, Failure } from "../raft/Raft.ts"
import type { Bodies } from "./Bodies.ts"
import { type Door, type Doors, defaultGroup, jsonResponse, leaderLocation, redirect } from "./Doors.ts"
import { isObject, refuseUnknown } from "./fields.ts"
import { refuseSlips } from "./living.ts"
import { timeoutMillis } from "./parameters.ts"
import { askedByHeader } from "./passing.ts"
import { fromFailure, Problem } from "./problem.ts"
import { decodePart, parseQuery, parseSwitch } from "./target.ts"

export interface MembersOptions {
  readonly doors: Doors
  readonly bodies: Bodies
}

/** `POST /admin/members` */
export const addMember = (options: MembersOptions, request: Request): Promise<Response> => {
  const fields = ["id", "clusterId", "epoch", "peer", "client", "role", "incarnation", "priority", "force"]
  const read = (body: Body): Change => {
    const { role = "voter", epoch = 0 } = body
    if (role !== "voter" && role !== "learner") {
      throw new Problem("bad-request", 'role must be "voter" or "learner".')
    }
    if (!(Number.isSafeInteger(epoch) && Number(epoch) >= 0)) {
      throw new Problem("bad-request", "epoch must be a whole number from 0.")
    }
    return { kind: "add", id: memberId(body.id, "id"), address: addressIn(body), as: role }
  }
  return changing(options, request, fields, read, (body, door) => refuseForeign(options, body, door))
}

/** Who brings data must bring it from this very cluster: as a member it is believed to have what its log says. */
const refuseForeign = ({ doors }: MembersOptions, { clusterId, epoch }: Body, { raft }: Door): void => {
  const own = doors.node.clusterId
  if (clusterId !== undefined && clusterId !== own) {
    throw new Problem("bad-request", `This is the cluster ${own}: it takes in nobody of another.`)
  }
  if (epoch !== undefined && epoch !== (raft.status().configuration.epoch ?? 0)) {
    const advice = "start it with an empty directory and --join"
    throw new Problem("bad-request", `A reset stands between its data and this cluster: ${advice}.`)
  }
}

/** `DELETE /admin/members/{id}` */
export const removeMember = (
  options: MembersOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> =>
  changing(options, request, ["force"], () => ({ kind: "remove", id: idOfSegment(segments[0]!) }))

/** `POST /admin/members/{id}/promote` */
export const promoteMember = (
  options: MembersOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> =>
  changing(options, request, ["force"], () => ({ kind: "promote", id: idOfSegment(segments[0]!) }))

/** `POST /admin/members/{id}/replace` */
export const replaceMember = (
  options: MembersOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> =>
  changing(options, request, ["id", "peer", "client", "incarnation", "priority", "force"], (body) => ({
    kind: "replace",
    id: idOfSegment(segments[0]!),
    by: memberId(body.id, "id"),
    address: addressIn(body),
  }))

/** Every member keeps a connection to every other one: far more would only dial each other. */
const membersMax = 100

/** `PUT /admin/members`: members that are known by their id alone, newcomers as `{id, peer, client?}`. */
export const setMembers = (options: MembersOptions, request: Request): Promise<Response> =>
  changing(options, request, ["voters", "learners", "force"], (body) => {
    const addresses: Record<NodeId, Address> = {}
    const idsOf = (value: unknown, name: string): ReadonlyArray<NodeId> => {
      if (!Array.isArray(value)) throw new Problem("bad-request", `${name} must be an array of members.`)
      if (value.length >= membersMax) {
        throw new Problem("bad-request", `${name} must be fewer than ${membersMax} members.`)
      }
      return value.map((item: unknown) => {
        if (!isObject(item)) return memberId(item, `An item of ${name}`)
        refuseUnknown(item, ["id", "peer", "client", "incarnation", "priority"], `An item of ${name}`)
        const id = memberId(item.id, `The id of an item of ${name}`)
        addresses[id] = addressIn(item)
        return id
      })
    }
    const voters = idsOf(body.voters, "voters")
    return { kind: "set", voters, learners: idsOf(body.learners ?? [], "learners"), addresses }
  })

const changing = async (
  options: MembersOptions,
  request: Request,
  fields: ReadonlyArray<string>,
  read: (body: Body) => Change,
  /** What only the leader can judge. */
  judge: (body: Body, door: Door) => void = () => {},
): Promise<Response> => {
  const { doors, bodies } = options
  const parameters = parseQuery(request, ["group", "redirect", "force", "wait"])
  const door = doors.find(parameters.get("group"))
  refuseFollower(door)
  const body = bodyObject(await bodies.json(request), fields)
  const change = read(body)
  const force = body.force === true || parseSwitch(parameters.get("force"), "force")
  const wait = parameters.get("wait")
  const waits = wait === undefined || parseSwitch(wait, "wait")
  return atLeader(options, door, request, body, parameters, async (deadline) => {
    judge(body, door)
    const seen = force ? {} : await refuseNow(doors, door, change)
    const { promise, resolve } = Promise.withResolvers<Changed | Failure>()
    door.raft.change({ change, force, ...seen, ...(waits ? {} : { waits }), deadline, answer: resolve })
    const answer = await promise
    if ("_tag" in answer) throw fromFailure(answer)
    const isDone = answer.isDone && (await allFollow(doors, waits ? deadline : door.raft.now()))
    return jsonResponse(changedText({ ...answer, isDone }), {
      ...doors.headers(door),
      "Raftlet-Index": String(answer.index),
    })
  })
}

/** Whoever is a member takes part in all groups. */
const refuseFollower = ({ raft }: Door): void => {
  if (raft.group === defaultGroup) return
  throw new Problem(
    "bad-request",
    `The members of ${raft.group} follow those of ${defaultGroup}: change them there.`,
  )
}

/** Groups that have not followed `main`, as far as this node knows; while `main` itself changes there is nothing to follow. */
export const groupsBehind = (doors: Doors): ReadonlyArray<GroupId> => {
  const { main, running, seated = [] } = knownGroups(doors)
  return isSettled(main) ? [...behind(main, running), ...seatsBehind(main, seated)] : []
}

const knownGroups = (doors: Doors): Omit<Known, "awaited"> => ({
  main: doors.find(undefined).raft.glance().committed,
  seated: doors.directory().seated,
  running: doors
    .all()
    .filter(({ raft }) => raft.group !== defaultGroup && doors.seatingOf(raft.group) === null)
    .map(({ raft }) => ({ group: raft.group, configuration: raft.glance().configuration })),
})

/** What is against the change as far as this node knows. Groups that it does not know yet, the leader's log knows of. */
const refuseNow = async (
  doors: Doors,
  { raft }: Door,
  change: Change,
): Promise<Pick<ChangeRequest, "seen">> => {
  refuseSlips(raft.status(), change)
  await doors.look()
  const { asOf, awaited } = doors.directory()
  const obstacle = obstacleTo(change, { ...knownGroups(doors), awaited })
  if (obstacle !== null) throw new Problem(obstacle.code, obstacle.detail)
  return { seen: asOf }
}

/** False: time is up, and they go on following. Who is no member any more hears no more of them. */
const allFollow = async (doors: Doors, deadline: Millis): Promise<boolean> => {
  const { raft } = doors.find(undefined)
  const isMember = () => members(raft.glance().committed).includes(doors.node.id)
  while (isMember() && groupsBehind(doors).length > 0) {
    if (raft.now() >= deadline) return false
    await doors.look()
    await Bun.sleep(lookMillis)
  }
  return true
}

const lookMillis = 50

export const changedText = ({ configuration, index, term, isDone }: Changed): string =>
  JSON.stringify({ done: isDone, index, term, ...membersOf(configuration) })

/** As everybody is shown it. `goal`: where the members are going, while newcomers catch up. */
export const membersOf = ({ voters, outgoing, learners, goal }: Configuration) => ({
  voters,
  learners,
  outgoing,
  goal: goal === undefined ? null : { voters: goal.voters, learners: goal.learners },
})

/** Left for the way to the leader and back. */
const wayMillis = 100

/** Does it here when this node leads, else asks the leader in the client's words and gives its answer back. */
export const atLeader = async (
  { doors }: MembersOptions,
  door: Door,
  request: Request,
  body: Body,
  parameters: ReadonlyMap<string, string>,
  here: (deadline: number) => Promise<Response>,
): Promise<Response> => {
  const millis = timeoutMillis(request)
  const status = door.raft.status()
  if (status.leader === status.id) return here(door.raft.now() + millis)
  const location = leaderLocation(status, request)
  if (location === null) return here(door.raft.now() + millis)
  if (parseSwitch(parameters.get("redirect"), "redirect")) return redirect(location, doors.headers(door))
  if (request.headers.has(askedByHeader)) {
    throw new Problem("not-leader", `${status.id} does not lead; ${status.leader} does, as far as it knows.`)
  }
  let answer: Response
  try {
    answer = await fetch(location, {
      method: request.method,
      headers: {
        [askedByHeader]: doors.node.id,
        "Content-Type": "application/json",
        "Raftlet-Timeout-Ms": String(Math.max(1, millis - wayMillis)),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(millis),
      // Bun sends PUT and DELETE a second time, silently, when a connection that is used again breaks.
      keepalive: false,
    })
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED") {
      throw new Problem("not-leader", `The leader ${status.leader} cannot be reached at ${location}.`)
    }
    const why = cause instanceof DOMException ? "did not answer in time" : "broke off"
    throw new Problem("timeout", `The leader ${status.leader} ${why}; it may still be done.`)
  }
  const said = ["Content-Type", "Raftlet-Index", "Retry-After"].flatMap((name) => {
    const value = answer.headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return new Response(await answer.text(), {
    status: answer.status,
    headers: { ...doors.headers(door), ...Object.fromEntries(said) },
  })
}

export type Body = Readonly<Record<string, unknown>>

export const bodyObject = (body: unknown, fields: ReadonlyArray<string>): Body => {
  if (body === undefined || body === null) return {}
  if (!isObject(body)) throw new Problem("bad-request", "The body must be an object.")
  refuseUnknown(body, fields, "The body")
  if (body.force !== undefined && typeof body.force !== "boolean") {
    throw new Problem("bad-request", "force must be true or false.")
  }
  return body
}

const idOfSegment = (raw: string): NodeId => memberId(decodePart(raw, "The id"), "The id")

export const memberId = (value: unknown, name: string): NodeId => {
  if (typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return value
  const shape = "1 to 64 letters, digits, dots, dashes, underscores"
  throw new Problem("bad-request", `${name} must be the id of a node: ${shape}.`)
}

const addressIn = ({ peer, client, incarnation, priority }: Body): Address => {
  if (typeof peer !== "string" || !isHostPort(peer)) {
    throw new Problem("bad-request", "peer must be HOST:PORT, where peers reach the node.")
  }
  const origin = client === undefined ? "" : originOf(client)
  if (origin === null) {
    throw new Problem("bad-request", "client must be http://HOST:PORT, where clients reach the node.")
  }
  if (incarnation !== undefined && (typeof incarnation !== "string" || !/^[\w-]{1,64}$/.test(incarnation))) {
    throw new Problem("bad-request", "incarnation must be 1 to 64 letters, digits, dashes, underscores.")
  }
  if (
    priority !== undefined &&
    !(Number.isInteger(priority) && Number(priority) >= 0 && Number(priority) <= 1000)
  ) {
    throw new Problem("bad-request", "priority must be a whole number from 0 to 1000.")
  }
  return {
    peer,
    client: origin,
    ...(typeof incarnation === "string" ? { incarnation } : {}),
    ...(typeof priority === "number" ? { priority } : {}),
  }
}

const isHostPort = (text: string): boolean => {
  // Every address of whoever dials it, and no one's in particular.
  if (["0.0.0.0", "[::]"].includes(URL.parse(`http://${text}`)?.hostname ?? "")) return false
  const port = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})$/.exec(text)?.[1]
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

/**
 * `http://HOST:PORT` and nothing else, or null. It becomes a header of every answer, and the beginning of every URL on
 * the way to the leader: what a URL may hold besides, and what its parser overlooks, must not get in.
 */
const originOf = (client: unknown): string | null => {
  if (typeof client !== "string" || client.length > clientLengthMax || !/^[!-~]+$/.test(client)) return null
  const url = URL.parse(client)
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") return null
  const { username, password, pathname, search, hash } = url
  return `${username}${password}${pathname}${search}${hash}` === "/" ? url.origin : null
}

/** A name of 253 characters, a scheme and a port. */
const clientLengthMax = 267
