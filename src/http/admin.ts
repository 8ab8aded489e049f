// What does a node say about itself and its cluster, and what can an operator ask of it?

import { Effect } from "effect"
import type { Configuration, GroupId } from "../consensus/types.ts"
import {
  askNothing,
  clientOf,
  type Door,
  type Doors,
  defaultGroup,
  jsonResponse,
  leaderLocation,
  redirect,
} from "./Doors.ts"
import { groupsBehind, membersOf } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { orProblem, within } from "./snapshots.ts"
import { parseQuery, parseSwitch } from "./target.ts"

/** `GET /admin/node` */
export const adminNode = (doors: Doors, request: Request): Response => {
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
          leading: leading?.status() ?? [],
        }
      }),
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
  return jsonResponse(clusterText(doors, door), doors.headers(door))
}

/** As this node knows it: progress is null where only the leader could tell. */
const clusterText = (doors: Doors, { raft }: Door): string => {
  const status = raft.status()
  return JSON.stringify({
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
    })),
  })
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

/** `POST /admin/snapshot`: on this node. */
export const adminSnapshot = async (doors: Doors, request: Request): Promise<Response> => {
  const door = doors.find(parseQuery(request, ["group"]).get("group"))
  const millis = timeoutMillis(request)
  // Not interrupted when its client stops waiting: a snapshot that was begun is worth finishing.
  const late = new Problem("timeout", `The snapshot is not finished after ${millis} ms; it goes on.`)
  const answer = await within(millis, Effect.runPromise(orProblem(door.raft.snapshot)), late)
  if (answer instanceof Problem) throw answer
  const { index, term, id, bytes } = answer
  return jsonResponse(JSON.stringify({ index, term, id, bytes }), doors.headers(door))
}

/** `GET /healthz`: not only alive, but turning: a question goes through mailbox and machine and comes back. */
export const healthz = async (doors: Doors, wedged: () => string | null): Promise<Response> => {
  const reason = wedged()
  if (reason !== null) throw new Problem("unhealthy", reason)
  await Promise.all(doors.all().map(probe))
  return jsonResponse('{"healthy":true}', doors.headers(doors.find(undefined)))
}

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

/** `GET /readyz`: every group knows a leader and has applied what it must. */
export const readyz = (doors: Doors): Response => {
  for (const { raft, offering } of doors.all()) {
    const { group, ready, leader, outcast, parted } = raft.status()
    if (ready && offering?.isDone === false) {
      throw new Problem("not-ready", `Group ${group} has not yet taken in the actors of this node's files.`)
    }
    if (ready) continue
    if (parted !== null) {
      const found = `not what the others have (${parted.reason}, at ${parted.index})`
      throw new Problem("not-ready", `The state of group ${group} is ${found}: it is in repair.`)
    }
    throw leader === null
      ? new Problem("no-leader", `Group ${group} knows no leader${outcast === null ? "" : `: ${outcast}`}.`)
      : new Problem("not-ready", `Group ${group} has not yet applied what was committed.`)
  }
  return jsonResponse('{"ready":true}', doors.headers(doors.find(undefined)))
}
