// Who leads, who lags, what is wrong? From what all nodes say, in words that say what they mean.

import { thousands } from "../tables.ts"
import type { ClusterAnswer, NodeAnswer } from "./answers.ts"
import { diagnoseGroups, type GroupsReport } from "./diagnoseGroups.ts"
import type { Visit } from "./survey.ts"
import { durationText } from "./units.ts"

export interface Report {
  readonly clusterId: string
  readonly leader: string | null
  readonly term: number
  readonly voters: { readonly all: number; readonly answering: number; readonly needed: number }
  readonly members: ReadonlyArray<MemberReport>
  /** What an operator should look after; empty when all is well. */
  readonly troubles: ReadonlyArray<string>
  /** What an operator may want to know. */
  readonly notes: ReadonlyArray<string>
  /** All of them; null when there is one alone. */
  readonly groups: Omit<GroupsReport, "troubles" | "leaderless"> | null
  /** Groups other than the one that is looked at, of which nobody is known to lead. */
  readonly leaderless: ReadonlyArray<string>
  /** The change of voters that is half done, as `n1,n2 → n1,n3`; null when there is none. */
  readonly change: string | null
}

export interface MemberReport {
  readonly id: string
  /** As it says itself; `voter` or `learner` while it says nothing. */
  readonly role: string
  readonly votes: boolean
  /** How the leader sends it the log: probe, replicate or snapshot. */
  readonly state: string | null
  readonly term: number | null
  readonly commitIndex: number | null
  readonly appliedIndex: number | null
  /** How far its log is on its disk. */
  readonly persistedIndex: number | null
  /** How far its state is on its disk. */
  readonly snapshotIndex: number | null
  readonly lag: number | null
  readonly lastContactMs: number | null
  readonly health: "ok" | "not ready" | "unhealthy" | "in repair" | "no answer"
  readonly version: string | null
  readonly url: string
}

/** Null when nobody has said anything about a cluster. `leaderlessBefore`: as for {@link diagnoseGroups}. */
export const diagnose = (
  visits: ReadonlyArray<Visit>,
  leaderlessBefore?: ReadonlySet<string>,
): Report | null => {
  const clusterId = visits.find(({ node }) => node !== null)?.node?.clusterId
  if (clusterId === undefined) return null
  const ours = visits.filter(({ node }) => node?.clusterId === clusterId)
  const view = bestView(ours)
  if (view === null) return null
  const seen = view.members.map((member) => see(member, view, visits, ours))
  const members = seen.map(({ report }) => report)
  const leader = members.find(({ id }) => id === view.leader)
  const quorum = quorumOf(view, members)
  const known = new Set(view.members.map(({ id }) => id))
  const strangers = ours.filter(({ node }) => node !== null && !known.has(node.id))
  const foreign = visits.filter(({ node }) => node !== null && node.clusterId !== clusterId)
  const nodes = ours.flatMap(({ node }) => (node === null ? [] : [node]))
  const groups = diagnoseGroups(nodes, view, leaderlessBefore)
  const silent = visits.filter(
    ({ node, url }) => node === null && !view.members.some(({ client }) => client === url),
  )
  return {
    clusterId,
    leader: view.leader,
    term: view.term,
    voters: quorum,
    members,
    troubles: [
      ...leaderTroubles(view, quorum),
      ...seen.flatMap(({ troubles }) => troubles),
      ...strangers.map(({ node, url }) => `${node?.id} at ${url} is no member of this cluster`),
      ...foreign.map(({ node, url }) => `${url} belongs to another cluster, ${node?.clusterId}`),
      ...versionTroubles(members),
      ...(groups?.troubles ?? []),
    ],
    notes: [
      ...(leader !== undefined && quorum.answering === quorum.needed && quorum.needed < quorum.all
        ? [`${quorum.answering} of ${quorum.all} voters answer: none of them may fail now`]
        : []),
      ...seen.flatMap(({ notes }) => notes),
      ...goalNotes(view),
      ...silent.map(({ url, silence }) => `${url} does not answer: ${silence}`),
    ],
    groups: groups === null ? null : { count: groups.count, led: groups.led, wrong: groups.wrong },
    leaderless: groups?.leaderless ?? [],
    change: halfDone(view),
  }
}

/** The same report, after the change of voters has been half done for so long. */
export const withOverdueChange = (report: Report, millis: number): Report => ({
  ...report,
  troubles: [
    ...report.troubles,
    `the change of voters ${report.change} has been half done for ${durationText(millis)}`,
  ],
})

type Member = ClusterAnswer["members"][number]

/** What the newest leader says itself; without one, the newest of what is said. */
const bestView = (visits: ReadonlyArray<Visit>): ClusterAnswer | null => {
  const views = visits.flatMap(({ cluster }) => (cluster === null ? [] : [cluster]))
  const rank = (view: ClusterAnswer): number =>
    view.term * 4 + (view.leader === null ? 0 : 2) + (isLeadersOwn(view) ? 1 : 0)
  return views.toSorted((left, right) => rank(right) - rank(left))[0] ?? null
}

const isLeadersOwn = ({ members }: ClusterAnswer): boolean => members.some(({ state }) => state !== null)

interface Seen {
  readonly report: MemberReport
  readonly troubles: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
}

const see = (
  member: Member,
  view: ClusterAnswer,
  visits: ReadonlyArray<Visit>,
  ours: ReadonlyArray<Visit>,
): Seen => {
  const { id } = member
  const visit = ours.find(({ node }) => node?.id === id)
  const atItsAddress = visits.find(({ url }) => url === member.client)
  const group = visit?.node?.groups[0]
  const isLeader = id === view.leader
  const report: MemberReport = {
    id,
    role: group?.role ?? member.role,
    votes: member.role === "voter",
    state: isLeader ? null : member.state,
    term: group?.term ?? null,
    commitIndex: group?.commitIndex ?? null,
    appliedIndex: group?.appliedIndex ?? null,
    persistedIndex: group?.persistedIndex ?? null,
    snapshotIndex: group?.snapshotIndex ?? null,
    lag: isLeader ? null : member.lag,
    lastContactMs: isLeader ? null : member.lastContactMs,
    health: healthOf(member, visit),
    version: visit?.node?.version ?? null,
    url: visit?.url ?? member.client,
  }
  if (visit === undefined || group === undefined) {
    return { report, troubles: [absence(member, view, atItsAddress)], notes: [] }
  }
  const lag = lagText(member)
  return {
    report,
    troubles: [
      ...healthTroubles(report, visit, view),
      ...contactTroubles(report, view),
      ...(lag !== null && report.votes ? [`${id} ${lag}`] : []),
      ...applyTroubles(id, group),
      ...allegianceTroubles(id, group, view),
    ],
    notes: lag !== null && !report.votes ? [`${id}, a learner, ${lag}`] : [],
  }
}

const healthOf = ({ whole }: Member, visit: Visit | undefined): MemberReport["health"] => {
  if (visit === undefined) return "no answer"
  if (whole === false || visit.node?.groups[0]?.standing === "suspect") return "in repair"
  if (visit.unhealthy !== null) return "unhealthy"
  return visit.unready === null ? "ok" : "not ready"
}

/** Why a member has not been heard, and whether its leader hears it. */
const absence = (member: Member, view: ClusterAnswer, atItsAddress: Visit | undefined): string => {
  const { id, client, lastContactMs, state } = member
  // Where nothing was heard yet the time counts from the leader's election. Only a stream proves an answer.
  const isHeard = state === "replicate" && lastContactMs !== null && lastContactMs < contactMillisMax
  const heard =
    isHeard && id !== view.leader
      ? `, though the leader ${view.leader} heard from it ${durationText(lastContactMs)} ago`
      : ""
  if (client === "") return `${id} cannot be asked: nobody knows where it serves clients${heard}`
  if (atItsAddress?.node != null) {
    return `${client} should be ${id}, but ${atItsAddress.node.id} answers there${heard}`
  }
  return `${id} does not answer at ${client}: ${atItsAddress?.silence ?? "it is no address"}${heard}`
}

const healthTroubles = ({ id, health }: MemberReport, visit: Visit, view: ClusterAnswer) => {
  switch (health) {
    case "in repair":
      return [`${id} waits for repair: its disk has lost something; until then it neither votes nor counts`]
    case "unhealthy":
      return [`${id} is not healthy: ${visit.unhealthy}`]
    case "not ready":
      // That nobody leads is said once, for all of them.
      return view.leader === null ? [] : [`${id} is not ready: ${visit.unready}`]
    default:
      return []
  }
}

const contactTroubles = ({ id, lastContactMs }: MemberReport, { leader }: ClusterAnswer) =>
  lastContactMs !== null && lastContactMs >= contactMillisMax
    ? [
        `the leader ${leader} has not heard from ${id} for ${durationText(lastContactMs)}, though it answers here`,
      ]
    : []

const lagText = ({ state, lag }: Member): string | null => {
  if (lag === null || (state !== "snapshot" && lag < lagEntriesMax)) return null
  return `lags ${thousands(lag)} entries${state === "snapshot" ? " (a snapshot is being sent to it)" : ""}`
}

type GroupWords = NodeAnswer["groups"][number]

const applyTroubles = (id: string, { commitIndex, appliedIndex }: GroupWords) =>
  commitIndex - appliedIndex >= lagEntriesMax
    ? [`${id} has not yet applied ${thousands(commitIndex - appliedIndex)} committed entries`]
    : []

/** Somebody who missed an election, or cannot hear its winner. */
const allegianceTroubles = (id: string, { role, term, leader }: GroupWords, view: ClusterAnswer) => {
  if (view.leader === null || leader === null || leader === view.leader) return []
  const belief = role === "leader" ? "believes that it leads" : `follows ${leader}`
  return [`${id} ${belief} in term ${term}, but ${view.leader} leads in term ${view.term}`]
}

const leaderTroubles = ({ leader }: ClusterAnswer, { all, answering, needed }: Report["voters"]) => {
  if (leader !== null) return []
  const count = `${answering} of ${all} voters answer and can vote`
  return [
    answering < needed
      ? `no leader: ${count}; ${needed} are needed`
      : `no leader: ${count}; an election is under way, or they do not hear each other`,
  ]
}

const versionTroubles = (members: ReadonlyArray<MemberReport>): ReadonlyArray<string> => {
  const answering = members.filter(({ version }) => version !== null)
  const byVersion = [...Map.groupBy(answering, ({ version }) => version)]
  if (byVersion.length < 2) return []
  const parts = byVersion.map(([version, of]) => `${of.map(({ id }) => id).join(", ")}: ${version}`)
  return [`versions differ: ${parts.join("; ")}`]
}

/** Of a joint configuration, the half that is worse off. */
const quorumOf = (view: ClusterAnswer, members: ReadonlyArray<MemberReport>): Report["voters"] => {
  const able = new Set(
    members.filter(({ health }) => health !== "no answer" && health !== "in repair").map(({ id }) => id),
  )
  const { voters, outgoing } = view.change ?? {
    voters: members.filter(({ votes }) => votes).map(({ id }) => id),
    outgoing: [],
  }
  const halves = (outgoing.length === 0 ? [voters] : [voters, outgoing]).map((half) => ({
    all: half.length,
    answering: half.filter((id) => able.has(id)).length,
    needed: Math.floor(half.length / 2) + 1,
  }))
  const spare = ({ answering, needed }: Report["voters"]): number => answering - needed
  return halves.toSorted((left, right) => spare(left) - spare(right))[0]!
}

const halfDone = ({ change }: ClusterAnswer): string | null =>
  change == null || change.outgoing.length === 0
    ? null
    : `${change.outgoing.join(",")} → ${change.voters.join(",")}`

/** Takes as long as catching up takes, and nothing is at risk meanwhile. */
const goalNotes = ({ change }: ClusterAnswer): ReadonlyArray<string> => {
  if (change?.goal == null) return []
  const { voters, learners } = change.goal
  const aim = [
    `voters ${voters.join(",")}`,
    ...(learners.length === 0 ? [] : [`learners ${learners.join(",")}`]),
  ]
  return [`members are changing to ${aim.join("; ")}, once all that are to vote have caught up`]
}

/** A healthy follower under full load is behind by what is on its way to it, which is less. */
const lagEntriesMax = 5000
/** Some election timeouts: the leader hears from a healthy follower many times a second. */
const contactMillisMax = 2000
