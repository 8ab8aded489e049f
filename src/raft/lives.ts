// Which life of a group is at work? One after the other: when the state is given up, the life over it ends, and the next
// begins from the disk, as after a restart of the process. The door stays where it is.

import { Cause, Deferred, Effect, Exit, Scope } from "effect"
import type { Millis } from "../consensus/types.ts"
import { repairing } from "./failure.ts"
import { nowOf } from "./Group.ts"
import { Herald } from "./Herald.ts"
import { handOver } from "./handOver.ts"
import { Listeners } from "./Listeners.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import { Partings } from "./Partings.ts"
import { GroupStopped } from "./Raft.ts"
import { groupStopped, type Started, start } from "./start.ts"

export interface Lives {
  /** While one has ended and the next has not begun: the one that has ended. */
  readonly present: () => Started
  readonly isBetween: () => boolean
  /** Of what is applied. */
  readonly listeners: Listeners
  /** Fails when one of them has died, or the next could not begin. */
  readonly stopped: Effect.Effect<never, GroupStopped>
}

/** A parting so soon after another has the same cause, most likely: the next repair would not last either. */
const AGAIN_MILLIS = 10 * 60_000
const FULL_RETRY_MILLIS = 250

export const live = Effect.fnUntraced(function* (options: RaftOptions, observer: Observer) {
  const scope = yield* Scope.Scope
  const partings = new Partings()
  const herald = new Herald()
  // Who wants to know how far the state is does not care whose life it is in.
  const listeners = new Listeners()
  const stopped = yield* Deferred.make<never, GroupStopped>()
  let own = yield* Scope.fork(scope)
  let present = yield* start(options, observer, partings, herald, listeners).pipe(Scope.provide(own))
  let isBetween = false
  const pauses = new Pauses(options)

  const next = Effect.gen(function* () {
    yield* present.parted
    yield* leave(present, pauses.next(nowOf(present.group.clock)))
    isBetween = true
    yield* present.answerAll(repairing)
    yield* Scope.close(own, Exit.void)
    yield* giveUp(present)
    own = yield* Scope.fork(scope)
    present = yield* start(options, observer, partings, herald, listeners).pipe(Scope.provide(own))
    isBetween = false
  })
  yield* Effect.suspend(() => Effect.raceFirst(present.stopped, next)).pipe(
    Effect.forever,
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Deferred.fail(stopped, stoppedBy(options, cause)),
    ),
    Effect.forkIn(scope),
  )
  const lives: Lives = {
    present: () => present,
    isBetween: () => isBetween,
    listeners,
    stopped: Deferred.await(stopped),
  }
  return lives
})

/** Its log is as good as before: it votes and acknowledges until the end, and leads no longer than it must. */
const leave = Effect.fnUntraced(function* (
  { group, operations, checkpoints, tenure }: Started,
  pauseMillis: Millis,
) {
  const { current } = group.partings
  // Also where nobody can take over.
  yield* tenure.close
  const successor = checkpoints.bestAgreeing(current?.index ?? 0)
  yield* handOver(group, operations, successor)
  // Whoever agrees may be no successor; then anybody is better than this node.
  if (successor !== null) yield* handOver(group, operations, null)
  if (pauseMillis === 0) return
  group.observer.event("this node's state was given up not long ago: the next repair waits", { pauseMillis })
  yield* Effect.sleep(pauseMillis)
})

/** Nobody asks the machine any more. What was copied of its state goes as well. */
const giveUp = Effect.fnUntraced(function* ({ group }: Started) {
  const { machine, snapshots, log } = group
  yield* snapshots.forgetOwn
  const isFull = machine.giveUp.pipe(
    Effect.as(false),
    Effect.catchIf(
      ({ reason }) => reason === "full",
      () => Effect.succeed(true),
    ),
  )
  while (yield* isFull) {
    yield* log.giveRoom
    yield* Effect.sleep(FULL_RETRY_MILLIS)
  }
})

const stoppedBy = (options: RaftOptions, cause: Cause.Cause<unknown>): GroupStopped => {
  const reason = Cause.squash(cause)
  return reason instanceof GroupStopped ? reason : groupStopped(options, cause)
}

/** The first repair is made at once; each that follows soon after waits twice as long. */
class Pauses {
  readonly #options: Pick<RaftOptions, "repairPauseMillis" | "repairPauseMillisMax">
  #lastAt: Millis = Number.NEGATIVE_INFINITY
  #pause: Millis = 0

  constructor(options: Pick<RaftOptions, "repairPauseMillis" | "repairPauseMillisMax">) {
    this.#options = options
  }

  next(now: Millis): Millis {
    const { repairPauseMillis, repairPauseMillisMax } = this.#options
    const isAgain = now - this.#lastAt < AGAIN_MILLIS
    this.#lastAt = now
    this.#pause = isAgain ? Math.min(Math.max(2 * this.#pause, repairPauseMillis), repairPauseMillisMax) : 0
    return this.#pause
  }
}
