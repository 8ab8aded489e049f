// Who takes part, and how is that written into an entry?

import type { Aim, Configuration, NodeId } from "./types.ts"

/** All that receive the log, each once: voters of both halves and learners. */
export const members = (configuration: Configuration): ReadonlyArray<NodeId> => [
  ...new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners]),
]

export const isJoint = (configuration: Configuration): boolean => configuration.outgoing.length > 0

/** No change is under way in it. */
export const isSettled = (configuration: Configuration): boolean =>
  !isJoint(configuration) && configuration.goal === undefined

export const epochOf = ({ epoch = 0 }: Configuration): number => epoch

export const priorityOf = ({ addresses }: Configuration, id: NodeId): number => addresses[id]?.priority ?? 1

/** A voter of either half: it may be asked for its vote, and may stand. */
export const isVoter = (configuration: Configuration, id: NodeId): boolean =>
  configuration.voters.includes(id) || configuration.outgoing.includes(id)

/** Why these could not be the members of a group; null: they could. */
export const membersProblem = ({ voters, learners, addresses }: Aim): string | null => {
  const all = [...voters, ...learners]
  if (voters.length === 0) return "a cluster needs at least one voter"
  if (new Set(all).size !== all.length) return "every member stands once, as a voter or as a learner"
  // Ids come from outside: "constructor" is in every object.
  const lost = all.find((id) => !Object.hasOwn(addresses, id))
  if (lost !== undefined) return `the address of ${lost} is not known`
  if (all.length > MEMBERS_MAX) return `${all.length} members are more than ${MEMBERS_MAX}`
  return voters.some((id) => (addresses[id]?.priority ?? 1) > 0)
    ? null
    : "at least one voter needs a priority above 0: nobody could ever lead"
}

/** Every member keeps a connection to every other one. */
const MEMBERS_MAX = 100

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

/**
 * One record for all that say the same: most groups of a node have the same members. Whoever compares records by identity has
 * to know when it asks for this.
 */
export const sharedConfiguration = (configuration: Configuration): Configuration => {
  const text = JSON.stringify(configuration)
  const known = shared.get(text)
  if (known !== undefined) return known
  if (shared.size >= SHARED_MAX) shared.clear()
  shared.set(text, configuration)
  return configuration
}

const shared = new Map<string, Configuration>()
const SHARED_MAX = 64

const encoder = new TextEncoder()
const decoder = new TextDecoder()
