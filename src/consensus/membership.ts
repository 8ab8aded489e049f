// How does a cluster get from one set of members to another? Any set to any set, by joint consensus (Raft §6,
// thesis §4); whoever is to vote catches up first, as a learner.

import { isSettled, members, membersProblem } from "./configuration.ts"
import type { Address, Aim, Change, Configuration, NodeId } from "./types.ts"

/** Why a change is not begun. Nothing of it is in the log. */
export interface ChangeRefused {
  readonly code:
    | "bad-request"
    | "unknown-member"
    | "change-in-progress"
    | "would-lose-quorum"
    | "no-successor"
    | "has-leader"
    | "not-leader"
  readonly detail: string
}

export const isRefusal = (result: Aim | ChangeRefused): result is ChangeRefused => "code" in result

/** Where `change` leads from here: from where the change before leads, while its newcomers still catch up. */
export const aimOf = (current: Configuration, change: Change): Aim | ChangeRefused => {
  const { voters, learners, addresses } = current.goal ?? current
  const without = (ids: ReadonlyArray<NodeId>, ...gone: ReadonlyArray<NodeId>) =>
    ids.filter((id) => !gone.includes(id))
  const isKnown = (id: NodeId) => voters.includes(id) || learners.includes(id)
  switch (change.kind) {
    case "set":
      return checked(current, {
        voters: change.voters,
        learners: change.learners,
        addresses: {
          ...addresses,
          ...Object.fromEntries(
            Object.entries(change.addresses).map(([id, address]) => [id, filledIn(address, addresses[id])]),
          ),
        },
      })
    case "add": {
      const { id } = change
      // Who votes already stays a voter: to add it once more changes no more than its address.
      const isVoting = change.as === "voter" || voters.includes(id)
      return checked(current, {
        voters: isVoting ? [...without(voters, id), id] : voters,
        learners: isVoting ? without(learners, id) : [...without(learners, id), id],
        addresses: { ...addresses, [id]: filledIn(change.address, addresses[id]) },
      })
    }
    case "remove":
      if (!isKnown(change.id)) return unknownMember(change.id)
      return checked(current, {
        voters: without(voters, change.id),
        learners: without(learners, change.id),
        addresses,
      })
    case "promote":
      if (!isKnown(change.id)) return unknownMember(change.id)
      return checked(current, {
        voters: [...without(voters, change.id), change.id],
        learners: without(learners, change.id),
        addresses,
      })
    case "replace": {
      const { id, by, address } = change
      if (!isKnown(id)) return unknownMember(id)
      if (id === by) return { code: "bad-request", detail: `${id} cannot take its own place` }
      const isVoting = voters.includes(id) || voters.includes(by)
      return checked(current, {
        voters: isVoting ? [...without(voters, id, by), by] : voters,
        learners: isVoting ? without(learners, id, by) : [...without(learners, id, by), by],
        addresses: { ...addresses, [by]: filledIn(address, addresses[by]) },
      })
    }
  }
}

/** What an address does not say stays as it is known: the data directory that is meant, and the priority. */
const filledIn = (address: Address, known: Address | undefined): Address => {
  const { incarnation = known?.incarnation, priority = known?.priority } = address
  return {
    peer: address.peer,
    client: address.client,
    ...(incarnation === undefined ? {} : { incarnation }),
    ...(priority === undefined ? {} : { priority }),
  }
}

/**
 * With the data directories of members for whom nobody has named one yet, as far as `met` knows them. Who comes in later
 * has met none of them, and must not take another directory for what it never saw (HAZARDS S6, M10).
 */
export const naming = (
  configuration: Configuration,
  met: Readonly<Record<NodeId, string>>,
): Configuration => {
  const named = (addresses: Configuration["addresses"]) =>
    Object.fromEntries(
      Object.entries(addresses).map(([id, address]) => {
        const incarnation = address.incarnation ?? (Object.hasOwn(met, id) ? met[id] : undefined)
        return [id, incarnation === undefined ? address : { ...address, incarnation }]
      }),
    )
  const { addresses, goal } = configuration
  return {
    ...configuration,
    addresses: named(addresses),
    ...(goal === undefined ? {} : { goal: { ...goal, addresses: named(goal.addresses) } }),
  }
}

const unknownMember = (id: NodeId): ChangeRefused => ({
  code: "unknown-member",
  detail: `${id} is no member`,
})

const checked = (current: Configuration, aim: Aim): Aim | ChangeRefused => {
  const bad = (detail: string): ChangeRefused => ({ code: "bad-request", detail })
  const problem = membersProblem(aim)
  if (problem !== null) return bad(problem)
  // They would all have to leave before they come again, and a cluster of nobody elects nobody, ever.
  if (current.voters.every((id) => isAnother(current, aim, id))) {
    return bad("at least one voter must keep the data that it has")
  }
  return aim
}

/**
 * The configuration to enter next on the way to `aim`. Voters change by a joint configuration; learners alone change
 * at once, since they count for nothing. Whoever is to vote is a learner first, until it has caught up; one that comes
 * back without its data leaves before it comes again, so that nobody takes it for the voter that it was. While more
 * than one step is left the aim stands in the configuration.
 */
export const stepTowards = (
  current: Configuration,
  aim: Aim,
  isCaughtUp: (id: NodeId) => boolean,
): Configuration => {
  const returning = current.voters.filter((id) => isAnother(current, aim, id))
  const staying = current.voters.filter((id) => !returning.includes(id))
  if (returning.length > 0) return toVoters(current, { ...current, voters: staying }, aim)
  const newcomers = aim.voters.filter((id) => !current.voters.includes(id))
  if (newcomers.some((id) => isAnother(current, aim, id) || !isCaughtUp(id))) {
    const learners = [...aim.learners.filter((id) => !current.voters.includes(id)), ...newcomers]
    return toVoters(current, { voters: current.voters, learners, addresses: aim.addresses }, aim)
  }
  return toVoters(current, aim, null)
}

/** Its data directory is not the one that the member of this name has now. */
const isAnother = (current: Configuration, aim: Aim, id: NodeId): boolean => {
  const [now, then] = [current.addresses[id], aim.addresses[id]]
  return now !== undefined && then !== undefined && now.incarnation !== then.incarnation
}

const toVoters = (current: Configuration, to: Aim, goal: Aim | null): Configuration => {
  const isSame = isSameSet(current.voters, to.voters)
  const isLeaving = (id: NodeId) => current.voters.includes(id)
  return ofMembers({
    voters: to.voters,
    outgoing: isSame ? [] : current.voters,
    learners: isSame ? to.learners : to.learners.filter((id) => !isLeaving(id)),
    learnersNext: isSame ? [] : to.learners.filter(isLeaving),
    // Who leaves keeps its address until it has left.
    addresses: { ...current.addresses, ...to.addresses },
    ...(goal === null ? {} : { goal }),
    ...(current.epoch === undefined ? {} : { epoch: current.epoch }),
  })
}

/** What a joint configuration is left for. */
export const leaveJoint = (joint: Configuration): Configuration =>
  ofMembers({
    ...joint,
    outgoing: [],
    learners: [...joint.learners, ...joint.learnersNext],
    learnersNext: [],
  })

/** An address is kept no longer than the member that it belongs to. */
const ofMembers = (configuration: Configuration): Configuration => {
  const { addresses } = configuration
  const known = members(configuration).flatMap((id) =>
    addresses[id] === undefined ? [] : [[id, addresses[id]] as const],
  )
  return { ...configuration, addresses: Object.fromEntries(known) }
}

/** Whether `configuration` is what somebody who asked for `aim` wanted: it may say more of a member. */
export const isReached = (configuration: Configuration, aim: Aim): boolean =>
  isSettled(configuration) && hasMembersOf(aim, configuration)

/**
 * Whether a group with the members `own` has just those of `main`. What `main` does not say of a member, the group may say
 * all the same: it was founded with more.
 */
export const hasMembersOf = (main: Aim, own: Configuration): boolean =>
  isSameSet(main.voters, own.voters) &&
  isSameSet(main.learners, own.learners) &&
  [...main.voters, ...main.learners].every((id) => agrees(main.addresses[id], own.addresses[id]))

const isSameSet = (one: ReadonlyArray<NodeId>, other: ReadonlyArray<NodeId>): boolean =>
  one.length === other.length && one.every((id) => other.includes(id))

const agrees = (main: Address | undefined, own: Address | undefined): boolean =>
  main?.peer === own?.peer &&
  main?.client === own?.client &&
  (main?.incarnation === undefined || main.incarnation === own?.incarnation) &&
  (main?.priority === undefined || main.priority === own?.priority)

/** Everybody whom one of these configurations names: any of them may come to rule. */
export const membersOfAll = (configurations: ReadonlyArray<Configuration>): ReadonlyArray<NodeId> => [
  ...new Set(configurations.flatMap((each) => [...members(each)])),
]
