// Who takes part, and how is that written into an entry?

import type { Configuration, NodeId } from "./types.ts"

/** All that receive the log, each once: voters of both halves and learners. */
export const members = (configuration: Configuration): ReadonlyArray<NodeId> => [
  ...new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]),
]

export const isJoint = (configuration: Configuration): boolean => configuration.outgoing.length > 0

export const epochOf = ({ epoch = 0 }: Configuration): number => epoch

export const priorityOf = ({ addresses }: Configuration, id: NodeId): number => addresses[id]?.priority ?? 1

/** A voter of either half: it may be asked for its vote, and may stand. */
export const isVoter = (configuration: Configuration, id: NodeId): boolean =>
  configuration.voters.includes(id) || configuration.outgoing.includes(id)

/** The body of a configuration entry: JSON, because people read it in backups and dumps. */
export const encodeConfiguration = (configuration: Configuration): Uint8Array =>
  encoder.encode(
    JSON.stringify({
      voters: configuration.voters,
      outgoing: configuration.outgoing,
      learners: configuration.learners,
      learnersNext: configuration.learnersNext,
      addresses: configuration.addresses,
      goal: configuration.goal,
      epoch: configuration.epoch,
      resetFrom: configuration.resetFrom,
    }),
  )

/** The inverse of {@link encodeConfiguration}. The bytes come from a checksummed entry. */
export const decodeConfiguration = (data: Uint8Array): Configuration =>
  JSON.parse(decoder.decode(data)) as Configuration

const encoder = new TextEncoder()
const decoder = new TextDecoder()
