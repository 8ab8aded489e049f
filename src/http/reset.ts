// How does an operator let survivors go on without a majority? First by what would be lost, then by a word.

import { Schema } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { Changed, Failure, GroupStatus } from "../raft/Raft.ts"
import { clientOf, type Door, jsonResponse } from "./Doors.ts"
import { refuseUnknown } from "./fields.ts"
import { bodyObject, changedText, type MembersOptions, memberId } from "./members.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, Problem } from "./problem.ts"
import { parseQuery } from "./target.ts"

/** What a survivor's log holds. */
interface Survivor {
  readonly id: NodeId
  readonly term: number
  readonly lastTerm: number
  readonly lastIndex: number
  readonly commitIndex: number
  readonly standing: string
}

/** `POST /admin/reset`: never passed on. The node that is asked is the one whose log is kept. */
export const resetMajority = async (options: MembersOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  const door = doors.find(parseQuery(request, ["group"]).get("group"))
  const body = bodyObject(await bodies.json(request), ["voters", "dryRun", "force"])
  refuseUnknown(body, ["voters", "dryRun", "force"], "The body")
  const { dryRun = true, voters } = body
  if (typeof dryRun !== "boolean") throw new Problem("bad-request", "dryRun must be true or false.")
  if (!Array.isArray(voters)) throw new Problem("bad-request", "voters must be an array of ids.")
  const ids = voters.map((id: unknown) => memberId(id, "An item of voters"))
  const deadline = door.raft.now() + timeoutMillis(request)
  const status = door.raft.status()
  if (!ids.includes(status.id)) {
    throw new Problem("bad-request", `${status.id} is asked, so it must be among the voters.`)
  }
  if (status.leader !== null) {
    throw new Problem("has-leader", `${status.leader} leads: change the members instead.`)
  }
  const [survivors] = await Promise.all([
    Promise.all(ids.map((id) => survivorOf(door, status, id))),
    body.force === true ? null : refuseWhileOthersGoOn(doors.node.clusterId, door, status, ids),
  ])
  const best = survivors.reduce((one, other) => (isFurther(other, one) ? other : one))
  const report = { ...reportOf(status, survivors, best), dryRun }
  if (dryRun) return jsonResponse(JSON.stringify({ ...report, done: false }), doors.headers(door))
  if (best.id !== status.id && isFurther(best, survivors.find(({ id }) => id === status.id)!)) {
    throw new Problem("has-more", `${best.id} has more in its log: ask that one.`)
  }
  const { promise, resolve } = Promise.withResolvers<Changed | Failure>()
  door.raft.reset({ voters: ids, deadline, answer: resolve })
  const answer = await promise
  if ("_tag" in answer) throw fromFailure(answer)
  return jsonResponse(JSON.stringify({ ...report, ...JSON.parse(changedText(answer)) }), doors.headers(door))
}

/** The log whose last entry is of the newer term is further, else the longer one (Raft §5.4.1). */
const isFurther = (one: Survivor, other: Survivor): boolean =>
  one.lastTerm > other.lastTerm || (one.lastTerm === other.lastTerm && one.lastIndex > other.lastIndex)

const reportOf = (status: GroupStatus, survivors: ReadonlyArray<Survivor>, best: Survivor) => {
  const { configuration } = status
  const before = [...new Set([...configuration.voters, ...configuration.outgoing])]
  const committed = Math.max(...survivors.map(({ commitIndex }) => commitIndex))
  const others = survivors.filter(({ id }) => id !== best.id)
  const elsewhere = Math.max(0, ...others.map(({ lastIndex }) => lastIndex))
  return {
    best: best.id,
    epoch: (configuration.epoch ?? 0) + 1,
    lostVoters: before.filter((id) => !survivors.some((survivor) => survivor.id === id)),
    survivors,
    /** All that any survivor knows to be committed is kept. */
    committedIndex: committed,
    /** Kept, though no survivor knows whether they were ever acknowledged. */
    uncertain: rangeOf(committed + 1, best.lastIndex),
    /** Kept, and on no other survivor's disk. */
    onlyOnBest: rangeOf(elsewhere + 1, best.lastIndex),
    /** Given up: behind the end of the best log, or of an older term. */
    cut: others.flatMap(({ id, lastIndex }) =>
      lastIndex > best.lastIndex ? [{ id, ...rangeOf(best.lastIndex + 1, lastIndex)! }] : [],
    ),
    /** What was acknowledged by lost nodes alone nobody can list. */
    unknown: `entries behind ${best.lastIndex} that only lost nodes had, acknowledged or not`,
  }
}

const rangeOf = (from: number, to: number) => (from > to ? null : { from, to })

const Report = Schema.Struct({
  id: Schema.String,
  clusterId: Schema.String,
  groups: Schema.Array(
    Schema.Struct({
      group: Schema.String,
      term: Schema.Number,
      lastTerm: Schema.Number,
      lastIndex: Schema.Number,
      commitIndex: Schema.Number,
      standing: Schema.String,
      leader: Schema.NullOr(Schema.String),
    }),
  ),
})

/** Null: no node answers there. */
const reportedAt = async (client: string): Promise<typeof Report.Type | null> => {
  try {
    const response = await fetch(`${client}/admin/node`, { signal: AbortSignal.timeout(answerMillis) })
    return Schema.decodeUnknownSync(Report)(await response.json())
  } catch {
    return null
  }
}

const answerMillis = 2000

/**
 * This node alone may have lost the others, or been removed by them, while they go on: two clusters of one name would
 * answer from then on. Who does not answer, or knows no leader either, is as lost as the operator says.
 */
const refuseWhileOthersGoOn = async (
  clusterId: string,
  { raft }: Door,
  status: GroupStatus,
  survivors: ReadonlyArray<NodeId>,
): Promise<void> => {
  const others = status.members.filter(({ id }) => !survivors.includes(id))
  const leaders = await Promise.all(
    others.map(async ({ id }) => {
      const client = clientOf(status, id)
      const report = client === "" ? null : await reportedAt(client)
      // Another cluster may be at that address by now.
      if (report?.id !== id || report.clusterId !== clusterId) return []
      const leader = report.groups.find(({ group }) => group === raft.group)?.leader ?? null
      return leader === null ? [] : [{ id, client, leader }]
    }),
  )
  const [first] = leaders.flat()
  if (first === undefined) return
  const { id, client, leader } = first
  const follows = id === leader ? "leads" : `follows ${leader}`
  throw new Problem(
    "has-leader",
    `${id} answers at ${client} and ${follows}: nothing is lost. Ask there; this node may be cut off, or removed.`,
  )
}

const survivorOf = async ({ raft }: Door, status: GroupStatus, id: NodeId): Promise<Survivor> => {
  if (id === status.id) {
    const { term, lastTerm, lastIndex, commitIndex, standing } = status
    return { id, term, lastTerm, lastIndex, commitIndex, standing }
  }
  const client = clientOf(status, id)
  if (client === "") throw new Problem("not-found", `Where clients reach ${id} is not known here.`)
  const report = await reportedAt(client)
  if (report === null) {
    throw new Problem("not-ready", `${id} does not answer at ${client}: every voter must be there.`)
  }
  const group = report.groups.find((each) => each.group === raft.group)
  if (group === undefined || report.id !== id) throw new Problem("not-ready", `${client} is not ${id}.`)
  if (group.leader !== null) {
    throw new Problem("has-leader", `${id} follows ${group.leader}: change the members instead.`)
  }
  const { term, lastTerm, lastIndex, commitIndex, standing } = group
  return { id, term, lastTerm, lastIndex, commitIndex, standing }
}
