// What lives while a node follows or stands for election? A timer.

import { Effect } from "effect"
import { firstOf } from "../consensus/groups.ts"
import type { Candidate, Follower } from "../consensus/node.ts"
import type { Millis } from "../consensus/types.ts"
import { drawElectionTimeout, type Group, leniencyMillis, nowOf, post } from "./Group.ts"
import { Patience } from "./Patience.ts"
import { isInRepair } from "./repair.ts"

/**
 * Says when the role's time is over, while the group is awake. The role moves its own beginning (`timerBeganAt`) whenever it hears
 * what keeps it quiet; the timer looks at it only when it wakes, so a heartbeat costs no timer.
 */
export const electionTimer = (
  group: Group,
  role: Follower | Candidate,
  isFirst: boolean,
): (() => Effect.Effect<void>) => {
  let isBeginning = isFirst && group.options.rests
  return Effect.fnUntraced(function* () {
    const { options, node } = group
    const draw = () => drawElectionTimeout(group) + patienceMillis(group)
    const patience = new Patience(2 * options.limits.electionTimeoutMaxMillis)
    let after = isBeginning ? drawFirst(group) + patienceMillis(group) : draw()
    isBeginning = false
    /** It has come to the polls, and stands unless it hears of a leader. */
    let isAdmitted = false
    while (!group.rest.isResting) {
      const now = nowOf(group.clock)
      const remaining = role.timerBeganAt + after + patience.since(role.timerBeganAt) - now
      if (remaining > 0) {
        isAdmitted = false
        options.polls?.leave(node.group)
        yield* Effect.sleep(remaining)
        const woken = nowOf(group.clock)
        const late = woken - now - remaining
        options.lateness?.note(late, woken)
        patience.woken(role.timerBeganAt, late)
        continue
      }
      if (options.polls !== undefined && !isAdmitted) {
        options.polls.leave(node.group)
        yield* options.polls.enter(node.group)
        isAdmitted = true
        continue
      }
      post(group, { type: "ElectionTimedOut", after, asks: options.rests })
      // A node that may not stand (a learner, a suspect) stays in its role: it is asked again later.
      after = draw()
      yield* Effect.sleep(after)
      isAdmitted = false
    }
    options.polls?.leave(node.group)
  })
}

/**
 * When a process has just begun, of many groups: each has another member that stands first, so that few of them split their
 * votes, and leaders are nearly even. Within the bounds of what is drawn otherwise.
 */
const drawFirst = ({ node, options, random }: Group): Millis => {
  const { electionTimeoutMinMillis: min, electionTimeoutMaxMillis: max } = options.limits
  const { voters } = node.configurations.current
  const at = voters.indexOf(node.id)
  if (at === -1) return max
  const turn = (at + firstOf(node.group, voters.length)) % voters.length
  return min + Math.floor(((max - min) * (turn + random.nextDoubleUnsafe() / 2)) / voters.length)
}

/**
 * Whose disk is short of room lets the others go first: a leader must be able to write (HAZARDS S7). So does who has no
 * state to serve from.
 */
const patienceMillis = (group: Group): number =>
  (group.node.isShort || isInRepair(group) ? group.options.limits.electionTimeoutMaxMillis : 0) +
  leniencyMillis(group)
