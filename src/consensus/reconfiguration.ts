// How does a leader change who takes part? One configuration entry at a time, each behind the commit of the one before
// (Raft §6, thesis §4).

import { encodeConfiguration, isJoint, isVoter } from "./configuration.ts"
import {
  aimOf,
  type ChangeRefused,
  isReached,
  isRefusal,
  leaveJoint,
  naming,
  stepTowards,
} from "./membership.ts"
import type { Input, Leader, Node } from "./node.ts"
import { Progress } from "./Progress.ts"
import { majoritySize } from "./quorum.ts"
import { peersOf } from "./reading.ts"
import { appendEntry } from "./turn.ts"
import type { Aim, Configuration, Index, Millis, NodeId } from "./types.ts"

/**
 * Begins a change, or says why not. What is returned is where it leads; it is reached when a configuration with just
 * these members is committed. `force`: also when too few of the new voters are alive to go on (HAZARDS M13). `met`: what the
 * configuration says from now on of members of whom it said too little. `seen`: what is bound to members was looked at up to
 * there.
 */
export const beginChange = (
  node: Node,
  { change, force, met = {}, seen = Number.POSITIVE_INFINITY }: Extract<Input, { type: "ChangeAsked" }>,
  now: Millis,
): Aim | ChangeRefused => {
  const { role } = node
  if (role.kind !== "leader") return { code: "not-leader", detail: `${node.id} does not lead` }
  const refusal = refusalNow(node, role)
  if (refusal !== null) return refusal
  // Whom that counts on, whoever asks does not know yet.
  if (seen < role.boundThrough) return busy("something is on its way that is bound to the members of now")
  const current = naming(node.configurations.current, met)
  const aim = aimOf(current, change)
  if (isRefusal(aim) || isReached(node.configurations.current, aim)) return aim
  const next = stepTowards(current, aim, (id) => isReady(node, role, id, now))
  if (!force && !hasLiveMajority(node, role, next.voters, now)) {
    const live = next.voters.filter((id) => isLive(node, role, id, now))
    const detail = `of the voters ${next.voters.join(", ")} only ${live.join(", ") || "none"} would be there`
    return { code: "would-lose-quorum", detail }
  }
  appendConfiguration(node, role, next, now, current)
  return aim
}

const refusalNow = (node: Node, leader: Leader): ChangeRefused | null => {
  const { current, currentIndex } = node.configurations
  // Until then it may not know of a change that an earlier leader has committed (HAZARDS M1).
  if (node.commitIndex < leader.firstIndexOfTerm) return busy("this leader has not committed anything yet")
  if (isJoint(current) || node.commitIndex < currentIndex) return busy("another change is under way")
  if (leader.transfer !== null) return busy("leadership is being handed over")
  return null
}

const busy = (detail: string): ChangeRefused => ({ code: "change-in-progress", detail })

/**
 * Leaves a joint configuration as soon as it is committed, by whichever leader finds it in its log (HAZARDS M2, M5).
 * Cheap when there is none: called after every input.
 */
export const settleJoint = (node: Node, leader: Leader, now: Millis): void => {
  const { current, currentIndex } = node.configurations
  if (!isJoint(current) || !mayGoOn(node, leader, currentIndex)) return
  // A successor that lacked this would not be elected; it leaves it itself (thesis §3.10).
  if (leader.transfer !== null) return
  // From then on the others would hear this leader no more.
  if (leader.isHeld && isLeaving(node)) return
  appendConfiguration(node, leader, leaveJoint(current), now)
}

/** By its newest configuration, committed or not, this node is to be without a vote. */
export const isLeaving = ({ configurations, id }: Node): boolean =>
  !configurations.current.voters.includes(id)

/**
 * Goes on with a change whose newcomers had to catch up. Looked at once per heartbeat. `met`: as for {@link beginChange}: by the
 * time that it votes the leader has met a newcomer, and says which one it is.
 */
export const settleGoal = (
  node: Node,
  leader: Leader,
  met: Readonly<Record<NodeId, string>>,
  now: Millis,
): void => {
  const { current, currentIndex } = node.configurations
  if (current.goal === undefined || isJoint(current) || !mayGoOn(node, leader, currentIndex)) return
  if (leader.transfer !== null) return
  const named = naming(current, met)
  const next = stepTowards(named, named.goal!, (id) => isReady(node, leader, id, now))
  if (isEqual(next, current) || !hasLiveMajority(node, leader, next.voters, now)) return
  appendConfiguration(node, leader, next, now, named)
}

/** The next configuration goes into the log when the one before is committed (HAZARDS M1, M4). */
const mayGoOn = (node: Node, leader: Leader, currentIndex: Index): boolean =>
  node.commitIndex >= Math.max(currentIndex, leader.firstIndexOfTerm)

const isEqual = (one: Configuration, other: Configuration): boolean =>
  Buffer.from(encodeConfiguration(one)).equals(encodeConfiguration(other))

/** Of a leader by decree: whatever was pending before, this rules from now on. */
export const decree = (node: Node, configuration: Configuration, now: Millis): void => {
  if (node.role.kind === "leader") appendConfiguration(node, node.role, configuration, now)
}

/** Its own change of members has left this leader without a vote (HAZARDS M7). */
export const isRetired = ({ configurations, id, commitIndex }: Node): boolean =>
  commitIndex >= configurations.currentIndex && !isVoter(configurations.current, id)

/** `before`: the configuration of until then, with all that is known of its members. */
const appendConfiguration = (
  node: Node,
  leader: Leader,
  configuration: Configuration,
  now: Millis,
  before = node.configurations.current,
): void => {
  appendEntry(node, {
    index: node.log.lastIndex + 1,
    term: node.term,
    time: node.lastTime,
    kind: "configuration",
    data: encodeConfiguration(configuration),
    origin: null,
  })
  followConfiguration(node, leader, before, now)
}

/** Everybody who receives the log has a progress, and nobody else; who came back without its data begins anew. */
const followConfiguration = (node: Node, leader: Leader, before: Configuration, now: Millis): void => {
  const { progress } = leader
  const { addresses } = node.configurations.current
  const peers = peersOf(node)
  for (const id of [...progress.keys()]) if (!peers.includes(id)) progress.delete(id)
  for (const id of peers) {
    const known = progress.get(id)
    const isAnother = before.addresses[id]?.incarnation !== addresses[id]?.incarnation
    if (known !== undefined && !isAnother) continue
    const own = new Progress(node.log.lastIndex + 1, now)
    // What the one before said may still come, and says nothing about the disk of this one.
    if (known !== undefined) own.session = known.session + 1
    progress.set(id, own)
  }
}

/** Would keep up as a voter, and answers now. */
const isReady = (node: Node, leader: Leader, id: NodeId, now: Millis): boolean => {
  const { electionTimeoutMinMillis } = node.limits
  const progress = leader.progress.get(id)
  if (progress === undefined) return id === node.id
  const catchesUp = progress.catchesUp(node.log.lastIndex, now, electionTimeoutMinMillis)
  return catchesUp && isLive(node, leader, id, now)
}

const hasLiveMajority = (node: Node, leader: Leader, voters: ReadonlyArray<NodeId>, now: Millis): boolean =>
  voters.filter((id) => isLive(node, leader, id, now)).length >= majoritySize(voters.length)

/**
 * Was heard within the time after which a leader gives up for want of a majority. Whoever has just begun to lead gives that
 * time to everybody: so it must have had an answer as well.
 */
const isLive = (node: Node, leader: Leader, id: NodeId, now: Millis): boolean => {
  if (id === node.id) return true
  const progress = leader.progress.get(id)
  if (progress?.whole !== true || !progress.hasAnswered) return false
  return now - progress.heardAt <= node.limits.electionTimeoutMaxMillis
}
