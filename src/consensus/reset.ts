// How does a cluster go on that has lost its majority for good? By decree: nobody votes, an operator decides, and what only
// the lost had is lost (HAZARDS O7).

import { isVoter, members } from "./configuration.ts"
import { enterRole } from "./election.ts"
import type { ChangeRefused } from "./membership.ts"
import { type Candidate, knownLeader, type Node } from "./node.ts"
import { recordHardState } from "./turn.ts"
import type { Aim, Configuration, Millis, NodeId } from "./types.ts"

/**
 * Beyond any term that the lost may have come to. Nobody votes for a decree, so nothing but its place among the members
 * keeps two nodes of which it is asked from leading in the same term (HAZARDS E1).
 */
const TERM_LEAP = 1000

/**
 * This node is to lead these voters, itself among them, with its own log as it is. Its term and its vote go to disk first;
 * then it leads without anybody's vote, and the first thing that it appends is the new configuration, under a new
 * epoch: whoever still follows the old one is refused at the handshake, whatever its term.
 */
export const beginReset = (node: Node, voters: ReadonlyArray<NodeId>, now: Millis): Aim | ChangeRefused => {
  const refusal = refusalOf(node, voters)
  if (refusal !== null) return refusal
  const { current } = node.configurations
  const place = [...members(current)].sort().indexOf(node.id)
  node.term = (Math.floor(node.term / TERM_LEAP) + 2) * TERM_LEAP + place
  const kept = voters.map((id) => [id, current.addresses[id]!] as const)
  const decree: Configuration = {
    voters,
    outgoing: [],
    learners: [],
    learnersNext: [],
    addresses: Object.fromEntries(kept),
    epoch: node.term,
    resetFrom: [...new Set([...current.voters, ...current.outgoing])],
  }
  node.votedFor = node.id
  recordHardState(node)
  const candidate: Candidate = {
    kind: "candidate",
    preVote: false,
    transfer: false,
    decree,
    votes: new Map(),
    timerBeganAt: now,
  }
  enterRole(node, candidate)
  return { voters, learners: [], addresses: decree.addresses }
}

const refusalOf = (node: Node, voters: ReadonlyArray<NodeId>): ChangeRefused | null => {
  const { current } = node.configurations
  const bad = (detail: string): ChangeRefused => ({ code: "bad-request", detail })
  const leader = knownLeader(node)
  if (node.role.kind === "candidate" && node.role.decree !== null) {
    return { code: "change-in-progress", detail: `${node.id} is about to lead by another word` }
  }
  if (leader !== null) return { code: "has-leader", detail: `${leader} leads: change its members instead` }
  if (!voters.includes(node.id)) return bad(`${node.id} itself must be among the voters`)
  if (new Set(voters).size !== voters.length) return bad("every voter stands once")
  const stranger = voters.find((id) => !members(current).includes(id))
  if (stranger !== undefined) return { code: "unknown-member", detail: `${stranger} is no member` }
  if (!isVoter(current, node.id)) return bad(`${node.id} is no voter: ask one that is`)
  if (node.standing === "whole" && node.pendingInstall === null) return null
  return bad(`the log of ${node.id} has lost something: ask another survivor`)
}
