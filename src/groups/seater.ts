// Who gives seats of groups to others when members come and go? Whoever leads `main`, one seat of a group after the other: each
// step is an entry of `main`, and the next one comes when the group has taken it.

import { Effect } from "effect"
import { isSettled } from "../consensus/configuration.ts"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import { nextSeats, seatsOf } from "../machine/seats.ts"
import { encodeSystem } from "../machine/system/commands.ts"
import type { Observer } from "../raft/observer.ts"
import type { Raft } from "../raft/Raft.ts"
import { sleepTogether } from "../transport/together.ts"
import { isVoterAt, type SeatedGroup } from "./following.ts"
import { foundingOf } from "./founding.ts"
import type { RunningGroup } from "./Groups.ts"
import { proposed } from "./proposing.ts"

/** How often it is looked, and for how long an answer is waited for. */
const LOOK_MILLIS = 500
const ANSWER_MILLIS = 5_000
/** Groups that are on their way at once: each has a newcomer to feed. */
const UNDER_WAY_MAX = 16

export interface SeaterOptions {
  readonly main: RunningGroup
  readonly directory: {
    readonly seated: ReadonlyArray<SeatedGroup>
    readonly zones: Readonly<Record<NodeId, string>>
  }
  /** Of those for whom `main` names no data directory. */
  readonly incarnations: Effect.Effect<ReadonlyMap<NodeId, string>>
  readonly observer: Observer
}

export const seater = Effect.fnUntraced(function* ({
  main,
  directory,
  incarnations,
  observer,
}: SeaterOptions) {
  while (true) {
    yield* sleepTogether(LOOK_MILLIS)
    const { serving, configuration, committed } = main.raft.glance()
    if (!serving || directory.seated.length === 0 || !isSettled(configuration)) continue
    const members = foundingOf(committed, yield* incarnations)
    if (typeof members === "string") continue
    const steps = stepsOf(members, directory)
    if (steps.length === 0) continue
    observer.event("seats go to other members", { groups: steps.length })
    yield* Effect.forEach(steps, (step) => take(main.raft, members, step), {
      concurrency: UNDER_WAY_MAX,
      discard: true,
    })
  }
})

interface Step {
  readonly group: GroupId
  readonly seats: ReadonlyArray<NodeId>
  readonly after: number
}

/** What is to be done now. Who lost a member goes first, and does not wait for those that only become more even. */
export const stepsOf = (
  main: Configuration,
  { seated, zones }: SeaterOptions["directory"],
): ReadonlyArray<Step> => {
  const isWhole = ({ seating }: SeatedGroup) => seating.seats.every((seat) => isVoterAt(main, seat))
  const underWay = seated.filter((each) => !each.seating.isReached && isWhole(each)).length
  const stepsOfAll = (groups: ReadonlyArray<SeatedGroup>) =>
    groups.flatMap(({ group, seating }) => {
      const seats = seatsAfter(main, seating, zones)
      return seats === null ? [] : [{ group, seats, after: seating.step }]
    })
  const lacking = stepsOfAll(seated.filter((each) => !isWhole(each)))
  const others = stepsOfAll(seated.filter((each) => isWhole(each) && each.seating.isReached))
  return [...lacking, ...others].slice(0, Math.max(0, UNDER_WAY_MAX - underWay))
}

/** Null: they are what they should be, or on their way. */
const seatsAfter = (
  main: Configuration,
  { like, replicas, seats }: SeatedGroup["seating"],
  zones: Readonly<Record<NodeId, string>>,
): ReadonlyArray<NodeId> | null => {
  const now = seats.map(({ id }) => id)
  const candidates = main.voters.map((id) => ({
    id,
    zone: zones[id],
    priority: main.addresses[id]?.priority,
  }))
  const next = nextSeats(now, seatsOf(like, replicas, candidates), main.voters)
  // Also where it is the same members: one of them may have come back without its data.
  return next ?? (seats.every((seat) => isVoterAt(main, seat)) ? null : now)
}

/** Refused, it is looked at anew: `main` has other members by then, or somebody else has taken the step. */
const take = (raft: Raft["Service"], configuration: Configuration, { group, seats, after }: Step) =>
  proposed(raft, ANSWER_MILLIS, (id) =>
    encodeSystem("$group/seat", { key: group, input: { configuration, seats, after }, id, door: "" }),
  )
