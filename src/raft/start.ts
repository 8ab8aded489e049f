// How does a group come to life? From what the disk holds, as a follower, with nothing said before.

import { Cause, Effect, Exit, Scope } from "effect"
import { lacksState } from "../consensus/node.ts"
import { Leading } from "../machine/leading/Leading.ts"
import { MachineFailed } from "../machine/MachineHost.ts"
import { StorageFailed } from "../storage/LogStore.ts"
import type { Admits } from "../transport/Transport.ts"
import { Alarms } from "./Alarms.ts"
import { admits } from "./admission.ts"
import { stopping } from "./failure.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Herald } from "./Herald.ts"
import { Life } from "./Life.ts"
import type { Listeners } from "./Listeners.ts"
import { loadGroup } from "./load.ts"
import { Night } from "./Night.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import type { Partings } from "./Partings.ts"
import { GroupStopped } from "./Raft.ts"
import { makeRun } from "./run.ts"
import { Turns } from "./Turns.ts"

/** Who hears how a life ends. */
export interface Ending {
  /** One of its lives has died: the group can do nothing more. */
  readonly stopped: (reason: GroupStopped) => void
  /** The state is known to be bad: the life has to end, and the door is closed already. */
  readonly parted: () => void
}

/** It lives as long as the scope. */
export const start = Effect.fnUntraced(function* (
  options: RaftOptions,
  observer: Observer,
  partings: Partings,
  herald: Herald,
  listeners: Listeners,
  ending: Ending,
) {
  const scope = yield* Scope.Scope
  const group = yield* loadGroup(options, observer, partings)
  const changed = yield* Effect.exit(group.machine.changes(herald.toldIndex))
  if (Exit.isSuccess(changed)) herald.opened(group, changed.value)
  const run = makeRun(yield* Effect.context(), (cause) => {
    if (partsBy(group, cause)) return
    ending.stopped(groupStopped(options, cause))
    // Who waits at a group that has died learns it at once, not when the node around it has ended.
    life.answerAll(stopping)
  })
  const life = new Life(group, { herald, listeners, leading: yield* Leading, run, scope })
  // At once, and in the same turn: nothing of the state is shown from now on.
  partings.begin(() => {
    life.hideState()
    ending.parted()
  })
  if (Exit.isFailure(changed) && !partsBy(group, changed.cause)) yield* Effect.failCause(changed.cause)
  yield* Scope.addFinalizer(
    scope,
    Effect.sync(() => life.answerAll(stopping)),
  )
  // All groups of a node have one log: one of them is enough to learn of it.
  if (options.connects) run(group.log.failed, scope)
  if (lacksState(group.node)) life.today.run(life.today.refill.life(), scope)
  yield* group.rest.follow((waking) => void run(waking, scope))
  const alarms =
    options.alarms ??
    new Alarms(
      () => nowOf(group.clock),
      (waiting) => void run(waiting, scope),
    )
  const night = new Night(group, alarms, () => void run(life.scrubber.read(), scope))
  group.rest.spentWith(night)
  const { node, transport } = group
  // Where this group says whom the node keeps connections to, the handshake has judged by its configuration already.
  const admitted: Admits = (from, incarnation, type) =>
    admits(node.configurations.current, from, incarnation, type)
  yield* Scope.addFinalizer(
    scope,
    Effect.suspend(() => {
      night.end()
      return transport.detach(options.group)
    }),
  )
  yield* transport.attach(options.group, group.mailbox, ...(options.connects ? [] : [admitted]))
  yield* new Turns(life, scope).begin()
  return life
})

/** A bad row or page is no reason to end the node, as a failed disk is: the state goes, and another one comes. */
const partsBy = (group: Group, cause: Cause.Cause<unknown>): boolean => {
  const reason = Cause.squash(cause)
  if (!(reason instanceof MachineFailed && reason.reason === "corrupt")) return false
  const { operation, message } = reason
  const index = group.node.appliedIndex
  group.partings.part(group, { reason: "corrupt", index, details: { operation, message } })
  return true
}

/** What the world did is one line; what our own code did comes with where it did it. */
export const groupStopped = (
  options: Pick<RaftOptions, "group">,
  cause: Cause.Cause<unknown>,
): GroupStopped => {
  const reason = Cause.squash(cause)
  const isWorld = reason instanceof StorageFailed || reason instanceof MachineFailed
  const message = isWorld ? `${reason.operation}: ${reason.message}` : Cause.pretty(cause)
  return new GroupStopped({ group: options.group, message, fault: isWorld ? "world" : "code" })
}
