// What lives while a node leads? A heartbeat, a replicator for each member, the clock of the timers, checkpoints, and
// what users have run there.

import { Effect, Scope } from "effect"
import { isServing, type Leader, lacksState } from "../consensus/node.ts"
import { takesCommands } from "../consensus/room.ts"
import { decodeCommand } from "../machine/command.ts"
import { checkpointer } from "./checkpointer.ts"
import { daily } from "./daily.ts"
import type { Errand } from "./Errand.ts"
import { type Group, lateMillisOf, leniencyMillis, nowOf, post } from "./Group.ts"
import type { Hands } from "./Hands.ts"
import { handOver } from "./handOver.ts"
import { metBy } from "./met.ts"
import type { Operations } from "./Operations.ts"
import type { Proposals } from "./Proposals.ts"
import { replicateToMembers } from "./replicators.ts"

/** Begins all of them; they end with the scope. */
export const leaderLife = Effect.fnUntraced(function* (
  group: Group,
  role: Leader,
  { run, proposals, checkpoints, operations, tenure }: Hands,
  scope: Scope.Scope,
) {
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => group.replicators.clear()),
  )
  yield* replicateToMembers(group, role, run, scope)
  yield* daily(group, run, () => heartbeat(group), scope)
  yield* daily(group, run, timers(group, proposals), scope)
  yield* daily(group, run, checkpointer(group, checkpoints), scope)
  yield* tenure.begin(role, run, scope)
  if (lacksState(group.node)) run(leavesLead(group, operations), scope)
})

/** Nothing can be served without a state, and to get one may take long: whoever has one had better lead. */
const leavesLead = Effect.fnUntraced(function* (group: Group, operations: Operations) {
  while (lacksState(group.node)) {
    yield* handOver(group, operations, null)
    yield* Effect.sleep(group.options.limits.electionTimeoutMaxMillis)
  }
})

const heartbeat = Effect.fnUntraced(function* (group: Group) {
  const { options, clock, node } = group
  const { heartbeatMillis, electionTimeoutMinMillis } = options.limits
  while (true) {
    // Who has too much to do says less, but nobody is to stand for election because of it.
    const after = Math.min(heartbeatMillis + lateMillisOf(group), electionTimeoutMinMillis / 2)
    const dueAt = nowOf(clock) + after
    yield* Effect.sleep(after)
    options.lateness?.note(nowOf(clock) - dueAt, nowOf(clock))
    if (group.rest.isResting) return
    // Only whoever changes the members has to know who they are.
    const { goal } = node.configurations.current
    const patienceMillis = leniencyMillis(group)
    post(group, {
      type: "HeartbeatDue",
      patienceMillis,
      ...(goal === undefined ? {} : { met: metBy(group) }),
    })
  }
})

/**
 * Proposes the commands that reducers asked for, when log time has come to them. Only the first attempt fires;
 * another one is made when those of the same actor have come to their end: a slow disk must not fill the log with them,
 * nor one actor keep those of the others from coming due.
 */
const timers = (group: Group, proposals: Proposals) => {
  const { machine, clock, node, options, rest } = group
  const underWay = new Map<string, number>()
  rest.nextTimer = { asOf: -1, at: null }
  return Effect.fnUntraced(function* (errand: Errand) {
    while (true) {
      if (rest.isResting && rest.nextTimer.at === null) return
      if (rest.isResting) yield* untilDue(group, errand)
      yield* Effect.sleep(options.timerMillis)
      if (!isServing(node) || !takesCommands(node)) continue
      const asOf = node.appliedIndex
      // Where nothing was applied the next one stays the next one: the machine need not be asked.
      if (rest.nextTimer.asOf !== asOf) rest.nextTimer = { asOf, at: yield* machine.nextTimer }
      const next = rest.nextTimer.at
      const now = Math.max(clock.currentTimeMillisUnsafe(), node.lastTime)
      if (next === null || next > now) continue
      const due = yield* machine.due(now, options.timersMax)
      for (const [actor, commands] of Map.groupBy(due, (command) => decodeCommand(command)?.actor ?? "")) {
        if ((underWay.get(actor) ?? 0) > 0) continue
        underWay.set(actor, commands.length)
        proposals.addOwn(commands, () => underWay.set(actor, underWay.get(actor)! - 1))
      }
    }
  })
}

/** A group that rests applies nothing: its next timer stays the next one. */
const untilDue = Effect.fnUntraced(function* ({ rest, clock }: Group, errand: Errand) {
  const { at } = rest.nextTimer
  while (rest.isResting && at !== null) {
    errand.lower()
    const remaining = at - clock.currentTimeMillisUnsafe()
    if (remaining <= 0) {
      rest.stir()
      // It is raised when the group wakes.
      return yield* errand.raised
    }
    // The wall clock may be set.
    yield* Effect.timeoutOption(errand.raised, Math.min(remaining, LOOK_AT_CLOCK_MILLIS))
  }
})

const LOOK_AT_CLOCK_MILLIS = 60_000
