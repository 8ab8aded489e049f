// Who takes part in a group? Whoever is a member of the cluster: its leader follows what `main` has decided.

import { isJoint } from "../consensus/configuration.ts"
import { aimOf, isRefusal } from "../consensus/membership.ts"
import type { Address, Change, Configuration, GroupId, NodeId } from "../consensus/types.ts"

/** No change is under way in it. */
export const isSettled = (configuration: Configuration): boolean =>
  !isJoint(configuration) && configuration.goal === undefined

/** Whether a group has the members that `main` has: nothing is left to be followed. */
export const hasFollowed = (main: Configuration, own: Configuration): boolean =>
  isSettled(own) && isSame(main, own)

/** Which of the groups have not followed yet. Those are told as their replicas here have it. */
export const behind = (
  main: Configuration,
  groups: Iterable<{ readonly group: GroupId; readonly configuration: Configuration }>,
): ReadonlyArray<GroupId> =>
  Iterator.from(groups)
    .filter(({ configuration }) => !hasFollowed(main, configuration))
    .map(({ group }) => group)
    .toArray()

/**
 * What the leader of a group has to change to follow `main`; null: nothing, or not yet. `main`'s configuration must be
 * committed, and no older than the one that was followed last: whoever calls has asked `main` for it since it leads.
 */
export const changeTowards = (main: Configuration, own: Configuration): Change | null => {
  if (!isSettled(main) || !isSettled(own) || isSame(main, own)) return null
  const { voters, learners, addresses } = main
  return { kind: "set", voters, learners, addresses }
}

/**
 * Whether a group can follow `main` through this change: whom `main` lets go all others hang up on, and of whom it names
 * another data directory nothing is left, so a majority of the group's voters must stay, or nobody can change it any more.
 */
export const canBeFollowed = (main: Configuration, change: Change, own: Configuration): boolean => {
  const aim = aimOf(main, change)
  if (isRefusal(aim)) return true
  const staying = own.voters.filter((id) => {
    const { incarnation } = aim.addresses[id] ?? {}
    const isMember = aim.voters.includes(id) || aim.learners.includes(id)
    return isMember && (incarnation === undefined || incarnation === own.addresses[id]?.incarnation)
  })
  return staying.length * 2 > own.voters.length
}

const isSame = (main: Configuration, own: Configuration): boolean =>
  isSameSet(main.voters, own.voters) &&
  isSameSet(main.learners, own.learners) &&
  [...main.voters, ...main.learners].every((id) => isSameAddress(main.addresses[id], own.addresses[id]))

const isSameSet = (one: ReadonlyArray<NodeId>, other: ReadonlyArray<NodeId>): boolean =>
  one.length === other.length && one.every((id) => other.includes(id))

/** What `main` does not say of a member, the group may say all the same: it was founded with more. */
const isSameAddress = (main: Address | undefined, own: Address | undefined): boolean =>
  main?.peer === own?.peer &&
  main?.client === own?.client &&
  (main?.incarnation === undefined || main.incarnation === own?.incarnation) &&
  (main?.priority === undefined || main.priority === own?.priority)
