// What have enough voters said? The arithmetic of majorities, plain and joint (Raft §5.3, §6).

import type { Configuration, NodeId } from "./types.ts"

export type VoteResult = "won" | "lost" | "pending"

/**
 * The largest number that a majority of `voters` has reached: an index they hold, a round they answered,
 * a time at which they were heard. No voters: Infinity, so that an empty half of a joint configuration
 * decides nothing.
 */
export const majorityReached = (voters: ReadonlyArray<NodeId>, reached: (id: NodeId) => number): number => {
  if (voters.length === 0) return Number.POSITIVE_INFINITY
  const ascending = voters.map(reached).sort((a, b) => a - b)
  return ascending[voters.length - majoritySize(voters.length)]!
}

/** As {@link majorityReached}, for both halves of a joint configuration (Raft §6). */
export const quorumReached = (configuration: Halves, reached: (id: NodeId) => number): number =>
  Math.min(majorityReached(configuration.voters, reached), majorityReached(configuration.outgoing, reached))

/** True: granted, false: refused, undefined: not heard yet. */
export const majorityVote = (
  voters: ReadonlyArray<NodeId>,
  vote: (id: NodeId) => boolean | undefined,
): VoteResult => {
  const granted = voters.filter((id) => vote(id) === true).length
  const refused = voters.filter((id) => vote(id) === false).length
  const needed = voters.length === 0 ? 0 : majoritySize(voters.length)
  if (granted >= needed) return "won"
  return voters.length - refused < needed ? "lost" : "pending"
}

/** Joint: won by both halves, lost as soon as one half is lost. */
export const quorumVote = (configuration: Halves, vote: (id: NodeId) => boolean | undefined): VoteResult => {
  const incoming = majorityVote(configuration.voters, vote)
  const outgoing = majorityVote(configuration.outgoing, vote)
  if (incoming === "lost" || outgoing === "lost") return "lost"
  return incoming === "won" && outgoing === "won" ? "won" : "pending"
}

export const majoritySize = (voterCount: number): number => Math.floor(voterCount / 2) + 1

type Halves = Pick<Configuration, "voters" | "outgoing">
