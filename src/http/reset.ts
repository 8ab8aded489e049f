// How does an operator let survivors go on without a majority? First by what would be lost, then by a word.

import { Schema } from "effect"
import { isSettled } from "../consensus/configuration.ts"
import type { Millis, NodeId } from "../consensus/types.ts"
import type { Changed, Failure, GroupStatus } from "../raft/Raft.ts"
import { clientOf, type Door, type Doors, defaultGroup, everyGroup, jsonResponse } from "./Doors.ts"
import { type Part, partsOf, partsResponse } from "./everyGroup.ts"
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
  const group = parseQuery(request, ["group"]).get("group")
  const door = doors.find(group === everyGroup ? undefined : group)
  const body = bodyObject(await bodies.json(request), ["voters", "dryRun", "force"])
  const { voters, dryRun = true, force } = body
  if (typeof dryRun !== "boolean") throw new Problem("bad-request", "dryRun must be true or false.")
  const deadline = door.raft.now() + timeoutMillis(request)
  const asked = { voters, dryRun, isForced: force === true, deadline, said: new Map() }
  if (group === everyGroup) return resetEach(doors, asked)
  if (door.raft.group !== defaultGroup)
    refuseOtherVoters(door, votersIn(voters, door.raft.status()), mainOf(doors))
  return jsonResponse(JSON.stringify(await resetOne(doors, door, asked)), doors.headers(door))
}

interface Asked {
  readonly voters: unknown
  readonly dryRun: boolean
  readonly isForced: boolean
  readonly deadline: Millis
  /** What nodes say of themselves, by where clients reach them: each is asked once, for all of its groups. */
  readonly said: Map<string, Promise<typeof Report.Type | null>>
}

/** `main` first, then whichever have lost their majority with it. Those that have a leader need nothing. */
const resetEach = async (doors: Doors, asked: Asked): Promise<Response> => {
  const [main, ...others] = doors.all()
  const parts: Array<Part> = []
  const { leader } = main!.raft.status()
  // What is wrong with it is the whole answer: nothing is done to the others then.
  const done = leader === null ? await resetOne(doors, main!, asked) : { done: false, leader }
  parts.push({ group: main!.raft.group, status: 200, ...done })
  // In a dry run `main` has the voters still that it would lose.
  const ruling =
    leader === null && asked.dryRun
      ? { voters: votersIn(asked.voters, main!.raft.status()), isSettled: true }
      : mainOf(doors)
  const reset = await partsOf(others, resetsAtOnce, async (door) => {
    const status = door.raft.status()
    if (status.leader !== null) return { done: false, leader: status.leader }
    const voters = membersAmong(status, namesIn(asked.voters))
    refuseOtherVoters(door, voters, ruling)
    return resetOne(doors, door, { ...asked, voters })
  })
  return partsResponse(doors, [...parts, ...reset])
}

const resetsAtOnce = 8

/** Who votes in `main`. */
interface Ruling {
  readonly voters: ReadonlyArray<NodeId>
  /** No change of them is under way. */
  readonly isSettled: boolean
}

const mainOf = (doors: Doors): Ruling => {
  const { configuration } = doors.find(undefined).raft.status()
  return { voters: configuration.voters, isSettled: isSettled(configuration) }
}

/**
 * Whoever is given up is kept out by `main`: it is no member there. A group that was reset to others than those would have a
 * second majority among nodes that are not kept out. Who came to `main` just before the loss may be no member of it yet.
 */
const refuseOtherVoters = ({ raft }: Door, ids: ReadonlyArray<NodeId>, main: Ruling): void => {
  const voters = membersAmong(raft.status(), main.voters)
  const isSame = ids.length === voters.length && ids.every((id) => voters.includes(id))
  if (isSame && main.isSettled) return
  const now = main.isSettled ? voters.join(", ") : "changing"
  throw new Problem(
    "bad-request",
    `The voters of ${raft.group} must be those of ${defaultGroup}, and those are ${now}: reset ${defaultGroup} first.`,
  )
}

const membersAmong = ({ members }: GroupStatus, ids: ReadonlyArray<NodeId>): ReadonlyArray<NodeId> =>
  ids.filter((id) => members.some((member) => member.id === id))

const resetOne = async (doors: Doors, door: Door, asked: Asked) => {
  const { dryRun, isForced, deadline } = asked
  const status = door.raft.status()
  const ids = votersIn(asked.voters, status)
  if (status.leader !== null) {
    throw new Problem("has-leader", `${status.leader} leads: change the members instead.`)
  }
  const answers = await Promise.all(
    status.members.map(async ({ id }) => ({
      id,
      said: await askSurvivor(doors, door, { status, id, said: asked.said }),
    })),
  )
  const survivors = ids.map((id) => {
    const { said } = answers.find((each) => each.id === id)!
    if (said instanceof Problem) throw said
    return said
  })
  // This node alone may have lost the others, or been removed by them, while they go on: two clusters of one name would
  // answer from then on. Who does not answer, or knows no leader either, is as lost as the operator says.
  const others = answers.filter(({ id }) => !ids.includes(id))
  for (const { said } of others) {
    if (!isForced && said instanceof Problem && said.code === "has-leader") throw said
  }
  const leftOut = others.flatMap(({ said }) => (said instanceof Problem ? [] : [said]))
  const best = furthest(survivors)
  const report = { ...reportOf(status, survivors, best), leftOut, dryRun }
  if (dryRun) return { ...report, done: false }
  // Who is left out on purpose is given up with all that it has; who was forgotten should not be.
  const better = furthest([survivors.find(({ id }) => id === status.id)!, best, ...(isForced ? [] : leftOut)])
  if (better.id !== status.id) {
    const advice = ids.includes(better.id)
      ? "ask that one"
      : "it should be among the voters, or force is needed"
    throw new Problem("has-more", `${better.id} has more in its log: ${advice}.`)
  }
  const { promise, resolve } = Promise.withResolvers<Changed | Failure>()
  door.raft.reset({ voters: ids, deadline, answer: resolve })
  const answer = await promise
  if ("_tag" in answer) throw fromFailure(answer)
  return { ...report, ...(JSON.parse(changedText(answer)) as object) }
}

/** What the group would refuse as well, said before anybody is asked, and in a dry run, too. */
const votersIn = (voters: unknown, { id, members }: GroupStatus): ReadonlyArray<NodeId> => {
  const ids = namesIn(voters)
  if (!ids.includes(id)) throw new Problem("bad-request", `${id} is asked, so it must be among the voters.`)
  if (new Set(ids).size !== ids.length) throw new Problem("bad-request", "Every voter stands once.")
  const stranger = ids.find((each) => !members.some((member) => member.id === each))
  if (stranger !== undefined) throw new Problem("unknown-member", `${stranger} is no member.`)
  return ids
}

const namesIn = (voters: unknown): ReadonlyArray<NodeId> => {
  if (!Array.isArray(voters)) throw new Problem("bad-request", "voters must be an array of ids.")
  return voters.map((each: unknown) => memberId(each, "An item of voters"))
}

/** Of those that are as far as each other, the first. */
const furthest = (survivors: ReadonlyArray<Survivor>): Survivor =>
  survivors.reduce((one, other) => (isFurther(other, one) ? other : one))

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

const survivorMillis = 2000

/** A problem: it is not there, or knows better. Every member is asked, for one that was left out may know better, too. */
const askSurvivor = async (
  doors: Doors,
  { raft }: Door,
  { status, id, said }: { readonly status: GroupStatus; readonly id: NodeId; readonly said: Asked["said"] },
): Promise<Survivor | Problem> => {
  if (id === status.id) {
    const { term, lastTerm, lastIndex, commitIndex, standing } = status
    return { id, term, lastTerm, lastIndex, commitIndex, standing }
  }
  const client = clientOf(status, id)
  if (client === "") return new Problem("not-found", `Where clients reach ${id} is not known here.`)
  if (!said.has(client)) said.set(client, askReport(client))
  const report = await said.get(client)!
  if (report === null) {
    return new Problem("not-ready", `${id} does not answer at ${client}: every voter must be there.`)
  }
  const group = report.groups.find((each) => each.group === raft.group)
  if (group === undefined || report.id !== id || report.clusterId !== doors.node.clusterId) {
    return new Problem("not-ready", `${client} is not ${id} of this cluster.`)
  }
  if (group.leader !== null) {
    const follows = id === group.leader ? "leads" : `follows ${group.leader}`
    const advice = "nothing is lost. Ask there; this node may be cut off, or removed"
    return new Problem("has-leader", `${id} answers at ${client} and ${follows}: ${advice}.`)
  }
  const { term, lastTerm, lastIndex, commitIndex, standing } = group
  return { id, term, lastTerm, lastIndex, commitIndex, standing }
}

/** Null: it does not answer. */
const askReport = async (client: string): Promise<typeof Report.Type | null> => {
  try {
    const response = await fetch(`${client}/admin/node`, { signal: AbortSignal.timeout(survivorMillis) })
    return Schema.decodeUnknownSync(Report)(await response.json())
  } catch {
    return null
  }
}
