// Who takes part in a group? Whoever is a member of the cluster: its leader follows what `main` has decided.

import { isSettled } from "../consensus/configuration.ts"
import { aimOf, hasMembersOf, isRefusal } from "../consensus/membership.ts"
import type { Change, Configuration, GroupId, NodeId } from "../consensus/types.ts"

/** Whether a group has the members that `main` has: nothing is left to be followed. */
export const hasFollowed = (main: Configuration, own: Configuration): boolean =>
  isSettled(own) && hasMembersOf(main, own)

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
  if (!isSettled(main) || !isSettled(own) || hasMembersOf(main, own)) return null
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

/**
 * Who is to lead in the place of a node that hears nothing of `main` any more: those who stay members as far as it knows, the
 * next after itself first. So two who were let go together do not hand over to each other for ever, however little they know.
 */
export const heirsOf = (main: Configuration, self: NodeId): ReadonlyArray<NodeId> => {
  const staying = (main.goal ?? main).voters.filter((id) => id !== self).sort()
  const after = staying.filter((id) => id > self)
  return [...after, ...staying.slice(0, staying.length - after.length)]
}

/** What a node knows of the groups besides `main`, all as of one moment. */
export interface Known {
  /** Committed in `main`. */
  readonly main: Configuration
  /** As its replicas have them. */
  readonly running: ReadonlyArray<{ readonly group: GroupId; readonly configuration: Configuration }>
  /** Those that were opened, and do not run here yet. */
  readonly awaited: ReadonlyArray<GroupId>
}

/** Why the groups are against a change of `main` now, or for good (`bad-request`). */
export interface Obstacle {
  readonly code: "change-in-progress" | "bad-request"
  readonly detail: string
}

/**
 * What keeps `main` from changing its members now; null: nothing. Of one change after another some group may not have
 * followed the first, and with the members that are gone by then it would have lost its majority. Of a group that is not
 * seen nobody can say whom it counts on.
 */
export const obstacleTo = (change: Change, { main, running, awaited }: Known): Obstacle | null => {
  const [unseen] = awaited
  if (unseen !== undefined) return waits(`This node does not run the group ${unseen} yet.`)
  const [first, ...others] = isSettled(main) ? behind(main, running) : []
  if (first !== undefined) {
    const names = others.length === 0 ? first : `${first} and ${others.length} more`
    return waits(`Of the last change, ${names} have yet to follow.`)
  }
  if (running.every(({ configuration }) => canBeFollowed(main, change, configuration))) return null
  return {
    code: "bad-request",
    detail: "The other groups could not follow: a majority of the voters must stay. Change fewer at once.",
  }
}

const waits = (detail: string): Obstacle => ({ code: "change-in-progress", detail })
