// What does a node say about itself and its cluster, and what can an operator ask of it?

import { Effect } from "effect"
import type { Configuration, GroupId, Millis, NodeId } from "../consensus/types.ts"
import type { RoutesService } from "../machine/routes/Routes.ts"
import {
  askNothing,
  clientOf,
  type Door,
  type Doors,
  defaultGroup,
  everyGroup,
  jsonResponse,
  leaderLocation,
  redirect,
} from "./Doors.ts"
import { millisUntil, type Part, partsOf, partsResponse } from "./everyGroup.ts"
import { groupsBehind, membersOf } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem, type ProblemCode } from "./problem.ts"
import { orProblem, within } from "./snapshots.ts"
import { parseQuery, parseSwitch } from "./target.ts"

/** `GET /admin/node` */
export const adminNode = (doors: Doors, routes: RoutesService | null, request: Request): Response => {
  const parameters = parseQuery(request, ["group"])
  const asked = parameters.get("group")
  const shown = asked === undefined ? doors.all() : [doors.find(asked)]
  const { id, clusterId, version, uptimeMillis, listen, peer } = doors.node
  return jsonResponse(
    JSON.stringify({
      id,
      clusterId,
      pid: process.pid,
      version,
      uptimeMs: Math.round(uptimeMillis()),
      listen,
      peer,
      groups: shown.map(({ raft, leading }) => {
        const status = raft.status()
        return {
          group: status.group,
          role: status.role,
          term: status.term,
          leader: status.leader,
          commitIndex: status.commitIndex,
          appliedIndex: status.appliedIndex,
          firstIndex: status.firstIndex,
          lastIndex: status.lastIndex,
          lastTerm: status.lastTerm,
          snapshotIndex: status.snapshotIndex,
          persistedIndex: status.persistedIndex,
          standing: status.standing,
          ready: status.ready,
          resting: status.resting,
          leaderChanges: status.leaderChanges,
          outcast: status.outcast,
          parted: status.parted,
          checkpoint: status.checkpoint,
          seats: doors.seatingOf(status.group)?.seats.map(({ id }) => id) ?? null,
          leading: leading?.status() ?? [],
        }
      }),
      routes: routes?.status() ?? [],
    }),
    doors.headers(doors.find(asked)),
  )
}

/** Marks the one question that a node asks the leader on behalf of its client: it is never passed on again. */
const askedByHeader = "Raftlet-Asked-By"
const leaderAnswerMillis = 1000

/** `GET /admin/cluster`: only the leader knows how far the others are, so any other node asks it. */
export const adminCluster = async (doors: Doors, request: Request): Promise<Response> => {
  const parameters = parseQuery(request, ["group", "redirect"])
  if (parameters.get("group") === everyGroup) return clusterOfEach(doors, request)
  const door = doors.find(parameters.get("group"))
  const status = door.raft.status()
  if (parseSwitch(parameters.get("redirect"), "redirect")) {
    const location = leaderLocation(status, request)
    if (location !== null) return redirect(location, doors.headers(door))
  }
  const leaderClient =
    status.leader === null || status.leader === status.id ? "" : clientOf(status, status.leader)
  if (leaderClient !== "" && !request.headers.has(askedByHeader)) {
    const answer = await askLeader(`${leaderClient}/admin/cluster?group=${status.group}`, doors.node.id)
    if (answer !== null) return jsonResponse(answer, doors.headers(door))
  }
  return jsonResponse(JSON.stringify(clusterOf(doors, door)), doors.headers(door))
}

/** Each leader is asked once for all that it leads; what it does not say is told as this node knows it. */
const clusterOfEach = async (doors: Doors, request: Request): Promise<Response> => {
  const own = doors
    .all()
    .map((door): Part => ({ group: door.raft.group, status: 200, ...clusterOf(doors, door) }))
  if (request.headers.has(askedByHeader)) return partsResponse(doors, own)
  const clients = new Map<NodeId, string>()
  for (const { raft } of doors.all()) {
    const status = raft.status()
    if (status.leader === null || status.leader === status.id) continue
    const client = clientOf(status, status.leader)
    if (client !== "") clients.set(status.leader, client)
  }
  const told = new Map<GroupId, Part>()
  await Promise.all(
    Array.from(clients, async ([leader, client]) => {
      const answer = await askLeader(`${client}/admin/cluster?group=${everyGroup}`, doors.node.id)
      for (const part of partsIn(answer)) if (part["leader"] === leader) told.set(part.group, part)
    }),
  )
  return partsResponse(
    doors,
    own.map((part) => told.get(part.group) ?? part),
  )
}

/** A node of another build may say something else: then what is known here must do. */
const partsIn = (answer: string | null): ReadonlyArray<Part> => {
  const { groups } = (answer === null ? {} : JSON.parse(answer)) as { readonly groups?: ReadonlyArray<Part> }
  return Array.isArray(groups) ? groups : []
}

/** As this node knows it: progress is null where only the leader could tell. */
const clusterOf = (doors: Doors, { raft }: Door) => {
  const status = raft.status()
  const { zones } = doors.directory()
  return {
    clusterId: doors.node.clusterId,
    leader: status.leader,
    term: status.term,
    ...changeOf(status.configuration, raft.group === defaultGroup ? groupsBehind(doors) : []),
    members: status.members.map(({ id, role, peer, client, progress }) => ({
      id,
      role,
      peer,
      client,
      state: progress?.state ?? null,
      matchIndex: progress?.matchIndex ?? null,
      lag: progress?.lag ?? null,
      lastContactMs: progress?.lastContactMillis ?? null,
      whole: progress?.whole ?? null,
      zone: zones[id] ?? null,
    })),
  }
}

/** Null: no change of members is under way. `groups`: those that have yet to follow it. */
const changeOf = (configuration: Configuration, groups: ReadonlyArray<GroupId>) => {
  const { voters, outgoing, goal } = membersOf(configuration)
  if (outgoing.length === 0 && goal === null && groups.length === 0) return { change: null }
  return { change: { voters, outgoing, goal, groups } }
}

/** The leader's own words, or null: then what this node knows must do. */
const askLeader = async (url: string, asker: string): Promise<string | null> => {
  try {
    const response = await fetch(url, {
      headers: { [askedByHeader]: asker },
      signal: AbortSignal.timeout(leaderAnswerMillis),
    })
    return response.ok ? await response.text() : null
  } catch {
    return null
  }
}

/** `POST /admin/snapshot`: on this node, of one group or of all. */
export const adminSnapshot = async (doors: Doors, request: Request): Promise<Response> => {
  const group = parseQuery(request, ["group"]).get("group")
  const millis = timeoutMillis(request)
  if (group !== everyGroup) {
    const door = doors.find(group)
    return jsonResponse(JSON.stringify(await snapshotOf(door, millis)), doors.headers(door))
  }
  const deadline = doors.now() + millis
  return partsResponse(
    doors,
    await partsOf(doors.all(), snapshotsAtOnce, (door) => snapshotOf(door, millisUntil(door, deadline))),
  )
}

const snapshotOf = async ({ raft }: Door, millis: number) => {
  // Not interrupted when its client stops waiting: a snapshot that was begun is worth finishing.
  const late = new Problem(
    "timeout",
    `The snapshot is not finished after ${Math.round(millis)} ms; it goes on.`,
  )
  const answer = await within(millis, Effect.runPromise(orProblem(raft.snapshot)), late)
  if (answer instanceof Problem) throw answer
  const { index, term, id, bytes } = answer
  return { index, term, id, bytes }
}

/** They share one disk. */
const snapshotsAtOnce = 2

/**
 * `GET /healthz`: not only alive, but turning: a question goes through mailbox and machine and comes back. Of many groups
 * `main` and a few others are asked, the next ones the next time: a balancer that looks every second must not wake them all.
 */
export const makeHealthz = (doors: Doors, wedged: () => string | null): (() => Promise<Response>) => {
  let turn = 0
  return async () => {
    const reason = wedged()
    if (reason !== null) throw new Problem("unhealthy", reason)
    const [main, ...others] = doors.all()
    const count = Math.min(probedMax, others.length)
    const probed = Array.from({ length: count }, (_, at) => others[(turn + at) % others.length]!)
    turn += count
    await Promise.all([main!, ...probed].map(probe))
    return jsonResponse('{"healthy":true}', doors.headers(main!))
  }
}

/** Groups besides `main`. */
const probedMax = 4
const probeMillis = 1000

const probe = async (door: Door): Promise<void> => {
  const answer = await within(probeMillis, askNothing(door, "local", door.raft.now() + probeMillis), null)
  // A node that repairs its state is alive, and would not be sooner ready for a restart.
  const isNoAlarm = answer?._tag !== "Failure" || ["overloaded", "not-ready"].includes(answer.code)
  if (answer === null || !isNoAlarm) {
    const said = answer?._tag === "Failure" ? answer.detail : `not a word within ${probeMillis} ms`
    throw new Problem("unhealthy", `Group ${door.raft.group} did not answer: ${said}.`)
  }
}

/**
 * `GET /readyz`: every group knows a leader and has applied what it must. Of many some are handed over now and then, each without a
 * leader for a moment: but for `main`, one that was seen ready shortly before is no reason to send nobody here.
 */
export const makeReadyz = (doors: Doors): (() => Response) => {
  const readyAt = new WeakMap<Door["raft"], Millis>()
  const reasonAt = (door: Door, now: Millis): Unready | null => {
    const reason = unreadiness(door)
    if (reason === null) {
      readyAt.set(door.raft, now)
      return null
    }
    const isPassing =
      reason.isPassing && now - (readyAt.get(door.raft) ?? Number.NEGATIVE_INFINITY) < passingMillisMax
    return isPassing && door.raft.group !== defaultGroup ? null : reason
  }
  return () => {
    const now = doors.now()
    const [first, ...more] = doors.all().flatMap((door) => reasonAt(door, now) ?? [])
    if (first !== undefined) {
      const others = more.length === 0 ? "" : ` ${more.length} more of the groups here are not ready.`
      throw new Problem(first.code, `${first.detail}${others}`)
    }
    return jsonResponse('{"ready":true}', doors.headers(doors.find(undefined)))
  }
}

/** An election or two. */
const passingMillisMax = 3000

interface Unready {
  readonly code: ProblemCode
  readonly detail: string
  /** So it is for a moment when leadership goes to another node. */
  readonly isPassing: boolean
}

/** Why nobody is to be sent to this node for what the group has; null: it is ready. */
const unreadiness = ({ raft, offering }: Door): Unready | null => {
  const { group, ready, leader, outcast, parted } = raft.status()
  if (ready && offering?.isDone === false) {
    const detail = `Group ${group} has not yet taken in the actors of this node's files.`
    return { code: "not-ready", detail, isPassing: false }
  }
  if (ready) return null
  if (parted !== null) {
    const found = `not what the others have (${parted.reason}, at ${parted.index})`
    const detail = `The state of group ${group} is ${found}: it is in repair.`
    return { code: "not-ready", detail, isPassing: false }
  }
  return leader === null
    ? {
        code: "no-leader",
        detail: `Group ${group} knows no leader${outcast === null ? "" : `: ${outcast}`}.`,
        isPassing: outcast === null,
      }
    : {
        code: "not-ready",
        detail: `Group ${group} has not yet applied what was committed.`,
        isPassing: true,
      }
}
