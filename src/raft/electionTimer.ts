// What lives while a node follows or stands for election? A timer.

import { Effect, Option } from "effect"
import type { Candidate, Follower } from "../consensus/node.ts"
import { drawElectionTimeout, type Group, nowOf, post } from "./Group.ts"
import { Patience } from "./Patience.ts"
import { isInRepair } from "./repair.ts"

/**
 * Says when the role's time is over. The role moves its own beginning (`timerBeganAt`) whenever it hears
 * what keeps it quiet; the timer looks at it only when it wakes, so a heartbeat costs no timer.
 */
export const electionTimer = Effect.fnUntraced(function* (group: Group, role: Follower | Candidate) {
  const draw = () => drawElectionTimeout(group) + patienceMillis(group)
  const patience = new Patience(2 * group.options.limits.electionTimeoutMaxMillis)
  let after = draw()
  while (true) {
    if (group.rest.isResting) {
      yield* rested(group, role)
      continue
    }
    const now = nowOf(group.clock)
    const remaining = role.timerBeganAt + after + patience.since(role.timerBeganAt) - now
    if (remaining > 0) {
      yield* Effect.sleep(remaining)
      patience.woken(role.timerBeganAt, nowOf(group.clock) - now - remaining)
      continue
    }
    post(group, { type: "ElectionTimedOut", after, asks: group.options.rests })
    // A node that may not stand (a learner, a suspect) stays in its role: it is asked again later.
    after = draw()
    yield* Effect.sleep(after)
  }
})

/**
 * Until it has woken. Now and then it asks whether its leader still leads, and wakes without an answer: that its leader's
 * process lives does not say that the group in it does.
 */
const rested = Effect.fnUntraced(function* (group: Group, role: Follower | Candidate) {
  const { rest, random, options } = group
  const isWoken = (atMostMillis: number) =>
    Effect.map(Effect.timeoutOption(rest.awake, atMostMillis), Option.isSome)
  if (yield* isWoken(DOUBT_MILLIS * (1 + random.nextDoubleUnsafe()))) return
  post(group, { type: "RestDoubted" })
  if (yield* isWoken(options.limits.electionTimeoutMaxMillis)) return
  if (role.kind === "follower" && role.rest?.isDoubted === true) rest.stir()
})

const DOUBT_MILLIS = 20_000

/**
 * Whose disk is short of room lets the others go first: a leader must be able to write (HAZARDS S7). So does who has no
 * state to serve from.
 */
const patienceMillis = (group: Group): number =>
  group.node.isShort || isInRepair(group) ? group.options.limits.electionTimeoutMaxMillis : 0
