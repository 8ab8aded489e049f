// What have enough voters said? The arithmetic of majorities, plain and joint (Raft §5.3, §6).

import type { Configuration, NodeId } from "./types.ts"

export type VoteResult = "won" | "lost" | "pending"

/** What a quorum says of one fact. Split: whatever the others may say yet, no quorum will say the same. */
export type Agreement =
  | { readonly type: "agreed"; readonly value: string }
  | { readonly type: "pending" }
  | { readonly type: "split" }

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

/** Undefined: not heard yet. Joint: both halves say the same. Nobody to be asked says nothing. */
export const quorumAgreement = (
  { voters, outgoing }: Halves,
  said: (id: NodeId) => string | undefined,
): Agreement => {
  const halves = [voters, outgoing].filter((half) => half.length > 0)
  const isReached = (value: string | null, isOpen: boolean): boolean =>
    halves.every((half) => {
      const behind = half.filter((id) => (said(id) ?? (isOpen ? value : undefined)) === value)
      return behind.length >= majoritySize(half.length)
    })
  const values = new Set(halves.flat().flatMap((id) => said(id) ?? []))
  for (const value of values) if (isReached(value, false)) return { type: "agreed", value }
  // Null stands for what nobody has said so far.
  return [...values, null].some((value) => isReached(value, true)) ? { type: "pending" } : { type: "split" }
}

export const majoritySize = (voterCount: number): number => Math.floor(voterCount / 2) + 1

type Halves = Pick<Configuration, "voters" | "outgoing">
