// How do leaders come to be even, and even again after a node was away? Each node hands over what it leads too much of, a few
// groups at a time.

import { Effect } from "effect"
import { priorityOf } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, NodeId } from "../consensus/types.ts"
import type { Observer } from "../raft/observer.ts"
import type { GroupStatus } from "../raft/Raft.ts"
import { Looks, type Unrest } from "../raft/Unrest.ts"
import { sleepTogether } from "../transport/together.ts"
import { type Led, type Move, movesFor } from "./balance.ts"
import type { RunningGroup } from "./Groups.ts"

/** How often a node looks, and how long it must have seen the same uneven picture before it moves anything. */
const LOOK_MILLIS = 2_000
const LOOKS_BEFORE = 3
/** What one look may move, and how many at once: each is a moment without a leader for its group. */
const MOVES_MAX = 16
const AT_ONCE_MAX = 4
const TRANSFER_MILLIS = 2_000

/** Of the one group that is always there the leader stays: what looks after the others is there. */
const fixed: ReadonlySet<GroupId> = new Set([mainGroup])

/** What all nodes see alike, or nearly: one that sees it a moment later moves a group a moment later. */
export const ledIn = ({
  group,
  leader,
  configuration,
}: Pick<GroupStatus, "group" | "leader" | "configuration">): Led => {
  const { voters } = configuration
  const highest = Math.max(...voters.map((id) => priorityOf(configuration, id)))
  return { group, leader, able: voters.filter((id) => priorityOf(configuration, id) === highest) }
}

const areEven = (
  groups: ReadonlyArray<Pick<RunningGroup, "raft">>,
  members: ReadonlyArray<NodeId>,
): boolean => {
  const counts = new Map(members.map((id) => [id, 0]))
  for (const { raft } of groups) {
    const { leader } = raft.glance()
    const count = leader === null ? undefined : counts.get(leader)
    if (count !== undefined) counts.set(leader!, count + 1)
  }
  return Math.max(...counts.values()) - Math.min(...counts.values()) < 2
}

/**
 * All hand-overs that would make leaders even now, by whichever node, among those that are there. `leaders`: who should lead the
 * groups that not all members run: of those this node sees only some, and all nodes come to the same by what `main` says of them.
 */
export const movesNow = (
  running: ReadonlyArray<Pick<RunningGroup, "raft">>,
  main: Pick<RunningGroup, "raft">,
  leaders: ReadonlyMap<GroupId, NodeId>,
  isThere: (id: NodeId) => boolean,
): ReadonlyArray<Move> => {
  const isEverywhere = ({ raft }: Pick<RunningGroup, "raft">) => !leaders.has(raft.group)
  return [
    ...movesOfAll(running.filter(isEverywhere), main, isThere),
    ...running.flatMap(({ raft }) => {
      const to = leaders.get(raft.group)
      const { leader, configuration } = raft.glance()
      if (to === undefined || leader === null || leader === to) return []
      return configuration.voters.includes(to) && isThere(to) ? [{ group: raft.group, from: leader, to }] : []
    }),
  ]
}

const movesOfAll = (
  groups: ReadonlyArray<Pick<RunningGroup, "raft">>,
  main: Pick<RunningGroup, "raft">,
  isThere: (id: NodeId) => boolean,
): ReadonlyArray<Move> => {
  // Of a node that is away nobody waits for what it could lead.
  const members = main.raft.glance().committed.voters.filter(isThere)
  // Mostly there is nothing to be moved, and that is seen at a glance.
  if (members.length < 2 || areEven(groups, members)) return []
  const led = groups.map(({ raft }) => ledIn({ ...raft.glance(), group: raft.group }))
  return movesFor(led, members, fixed)
}

export interface RebalancerOptions {
  readonly main: RunningGroup
  /** `main` and the others. */
  readonly all: () => ReadonlyArray<RunningGroup>
  /** As for {@link movesNow}. */
  readonly leaders: () => ReadonlyMap<GroupId, NodeId>
  /** It is this node, or its process is heard of. */
  readonly isThere: (id: NodeId) => boolean
  readonly observer: Observer
  readonly unrest: Unrest | undefined
}

export const rebalancer = Effect.fnUntraced(function* ({
  main,
  all,
  leaders,
  isThere,
  observer,
  unrest,
}: RebalancerOptions) {
  const { id } = main.raft.status()
  const looks = new Looks(unrest)
  let unevenLooks = 0
  let there = ""
  while (true) {
    yield* sleepTogether(LOOK_MILLIS)
    const now = main.raft.now()
    const thereNow = main.raft.glance().committed.voters.filter(isThere).join(" ")
    if (thereNow === there && !looks.isDue(now)) continue
    there = thereNow
    looks.begin(now)
    const groups = all()
    if (groups.length === 1) continue
    const due = movesNow(groups, main, leaders(), isThere)
    if (due.length > 0) looks.again()
    const moves = due.filter(({ from }) => from === id)
    unevenLooks = moves.length === 0 ? 0 : unevenLooks + 1
    if (unevenLooks <= LOOKS_BEFORE) continue
    const chosen = moves.slice(0, MOVES_MAX)
    observer.event("leadership is handed over, to be even", { groups: chosen.length, of: moves.length })
    yield* Effect.forEach(chosen, (move) => handOver(groups, move), {
      concurrency: AT_ONCE_MAX,
      discard: true,
    })
  }
})

/** Whoever cannot take over now is asked again at the next look. */
const handOver = (groups: ReadonlyArray<RunningGroup>, { group, to }: Move): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const found = groups.find(({ raft }) => raft.group === group)
    if (found === undefined) return resume(Effect.void)
    const deadline = found.raft.now() + TRANSFER_MILLIS
    found.raft.transfer({ to, deadline, answer: () => resume(Effect.void) })
  })
