// What lives while a node leads? By day a heartbeat, a replicator for each member, the clock of the timers, and checkpoints; what
// users have run there by night as well.

import { Effect, Scope } from "effect"
import { isServing, type Leader, lacksState } from "../consensus/node.ts"
import { takesCommands } from "../consensus/room.ts"
import { decodeCommand } from "../machine/command.ts"
import { checkpointer } from "./checkpointer.ts"
import type { Day } from "./Day.ts"
import { daily } from "./daily.ts"
import { type Group, lateMillisOf, leniencyMillis, nowOf, post } from "./Group.ts"
import { handOver } from "./handOver.ts"
import type { Life } from "./Life.ts"
import { metBy } from "./met.ts"
import type { Proposals } from "./Proposals.ts"
import { replicateToMembers } from "./replicators.ts"

/** Begins with the role, and ends with the scope. */
export const leaderLife = Effect.fnUntraced(function* (life: Life, role: Leader, scope: Scope.Scope) {
  const { group, tenure, run } = life
  group.rest.nextTimer = { asOf: -1, at: null }
  yield* tenure.begin(role, run, scope)
  if (lacksState(group.node)) run(leavesLead(life), scope)
})

/** Begins with each day of the role, and ends with the scope. `isFirst`: of the role. */
export const leaderDay = Effect.fnUntraced(function* (
  { group, checkpoints }: Life,
  role: Leader,
  { run, proposals }: Day,
  isFirst: boolean,
  scope: Scope.Scope,
) {
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => group.replicators.clear()),
  )
  yield* replicateToMembers(group, role, run, scope)
  yield* daily(group, run, () => heartbeat(group), scope)
  yield* daily(group, run, timers(group, proposals), scope)
  yield* daily(group, run, checkpointer(group, checkpoints, isFirst), scope)
})

/** Nothing can be served without a state, and to get one may take long: whoever has one had better lead. */
const leavesLead = Effect.fnUntraced(function* (life: Life) {
  const { group } = life
  while (lacksState(group.node)) {
    yield* handOver(life, null)
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
  return Effect.fnUntraced(function* () {
    while (!rest.isResting) {
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
