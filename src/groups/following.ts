// Who takes part in a group? Whoever is a member of the cluster, or has a seat in the group where it has seats of its own: its
// leader follows what `main` has decided.

import { isSettled, isVoter, members } from "../consensus/configuration.ts"
import { aimOf, hasMembersOf, isRefusal } from "../consensus/membership.ts"
import type { Change, Configuration, GroupId, NodeId } from "../consensus/types.ts"
import type { Seat, Seating } from "../machine/system/GroupDirectory.ts"

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
 * What the leader of a group says of members of whom the group does not say yet which data directory is meant, as groups do
 * that began with a backup: by what this node remembers of those whom it hears. Null: nothing. Until it is said, who comes back
 * without its data could be taken for the voter that it was (HAZARDS S6).
 */
export const namingOf = (
  own: Configuration,
  known: ReadonlyMap<NodeId, string>,
  isHeard: (id: NodeId) => boolean,
): Change | null => {
  if (!isSettled(own)) return null
  const named = unnamedIn(own).flatMap((id) => {
    const incarnation = isHeard(id) ? known.get(id) : undefined
    return incarnation === undefined ? [] : [[id, { ...own.addresses[id]!, incarnation }] as const]
  })
  if (named.length === 0) return null
  const { voters, learners, addresses } = own
  return { kind: "set", voters, learners, addresses: { ...addresses, ...Object.fromEntries(named) } }
}

/** Members of whom the group says an address, and not which data directory is meant. */
export const unnamedIn = (own: Configuration): ReadonlyArray<NodeId> =>
  members(own).filter((id) => {
    const address = own.addresses[id]
    return address !== undefined && address.incarnation === undefined
  })

/**
 * For whom this change of `main` names a data directory while the group counts on a voter of that name, and cannot tell whether it
 * is the same. Null: nobody.
 */
const mistakable = (main: Configuration, change: Change, own: Configuration): NodeId | null => {
  const aim = aimOf(main, change)
  if (isRefusal(aim)) return null
  const isMember = (id: NodeId) => aim.voters.includes(id) || aim.learners.includes(id)
  const named = (id: NodeId) => isMember(id) && aim.addresses[id]?.incarnation !== undefined
  return unnamedIn(own).find((id) => isVoter(own, id) && named(id)) ?? null
}

/**
 * Whom a group is to have as members: those of `main`, or who has a seat. Null: `main` does not have one of them, and will
 * give that seat to somebody else.
 */
export const aimOfGroup = (main: Configuration, seating: Seating | undefined): Configuration | null => {
  if (seating === undefined || !isSettled(main)) return main
  if (!seating.seats.every((seat) => isVoterAt(main, seat))) return null
  const addresses = Object.fromEntries(
    seating.seats.map(({ id, incarnation }) => [id, { ...main.addresses[id]!, incarnation }] as const),
  )
  const voters = seating.seats.map(({ id }) => id)
  return { voters, outgoing: [], learners: [], learnersNext: [], addresses }
}

/** It votes in `main`, with that data directory as far as `main` says. */
export const isVoterAt = ({ voters, addresses }: Configuration, { id, incarnation }: Seat): boolean =>
  voters.includes(id) && (addresses[id]?.incarnation ?? incarnation) === incarnation

/** The voters of the group are just those who have a seat, each in the data directory that is meant, and nobody else is in it. */
export const hasTaken = ({ seats }: Seating, own: Configuration): boolean =>
  isSettled(own) &&
  own.learners.length === 0 &&
  own.voters.length === seats.length &&
  seats.every(
    (seat) => own.voters.includes(seat.id) && own.addresses[seat.id]?.incarnation === seat.incarnation,
  )

/** A group that not all members run, as `main` has it. */
export interface SeatedGroup {
  readonly group: GroupId
  readonly seating: Seating
}

/** Which of them do not have yet what they are to have, or are to have what `main` does not have any more. */
export const seatsBehind = (
  main: Configuration,
  seated: ReadonlyArray<SeatedGroup>,
): ReadonlyArray<GroupId> =>
  seated
    .filter(({ seating }) => !seating.isReached || !seating.seats.every((seat) => isVoterAt(main, seat)))
    .map(({ group }) => group)

/** The members of a group that has reached its seats, as far as {@link canBeFollowed} asks for them. */
const membersAt = ({ seats }: Seating): Configuration => ({
  voters: seats.map(({ id }) => id),
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: Object.fromEntries(
    seats.map(({ id, incarnation }) => [id, { peer: "", client: "", incarnation }] as const),
  ),
})

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
  /** Those that not all members run, as `main` has them. */
  readonly seated?: ReadonlyArray<SeatedGroup>
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
export const obstacleTo = (
  change: Change,
  { main, running, seated = [], awaited }: Known,
): Obstacle | null => {
  const [unseen] = awaited
  if (unseen !== undefined) return waits(`This node does not run the group ${unseen} yet.`)
  const [first, ...others] = isSettled(main) ? [...behind(main, running), ...seatsBehind(main, seated)] : []
  if (first !== undefined) {
    const names = others.length === 0 ? first : `${first} and ${others.length} more`
    return waits(`Of the last change, ${names} have yet to follow.`)
  }
  for (const { group, configuration } of running) {
    const id = mistakable(main, change, configuration)
    if (id !== null) {
      return waits(
        `The group ${group} does not say yet which data directory of ${id} it counts on. Start that one, or remove ${id} first.`,
      )
    }
  }
  const all = [
    ...running.map(({ configuration }) => configuration),
    ...seated.map(({ seating }) => membersAt(seating)),
  ]
  if (all.every((configuration) => canBeFollowed(main, change, configuration))) return null
  return {
    code: "bad-request",
    detail: "The other groups could not follow: a majority of the voters must stay. Change fewer at once.",
  }
}

const waits = (detail: string): Obstacle => ({ code: "change-in-progress", detail })
