// Which life of a group is at work? One after the other: when the state is given up, the life over it ends, and the next
// begins from the disk, as after a restart of the process. The door stays where it is.

import { Cause, type Context, Deferred, Effect, Exit, Scope } from "effect"
import type { Millis } from "../consensus/types.ts"
import { Errand } from "./Errand.ts"
import { repairing } from "./failure.ts"
import { nowOf } from "./Group.ts"
import { Herald } from "./Herald.ts"
import { handOver } from "./handOver.ts"
import type { Life } from "./Life.ts"
import { Listeners } from "./Listeners.ts"
import type { Observer } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import { Partings } from "./Partings.ts"
import { GroupStopped } from "./Raft.ts"
import { makeRun } from "./run.ts"
import { groupStopped, start } from "./start.ts"

/** A parting so soon after another has the same cause, most likely: the next repair would not last either. */
const AGAIN_MILLIS = 10 * 60_000
const FULL_RETRY_MILLIS = 250

export class Lives {
  /** Of what is applied: who wants to know how far the state is does not care whose life it is in. */
  readonly listeners = new Listeners()
  readonly #options: RaftOptions
  readonly #observer: Observer
  readonly #scope: Scope.Scope
  readonly #partings = new Partings()
  readonly #herald = new Herald()
  readonly #pauses: Pauses
  readonly #stopped = Deferred.makeUnsafe<never, GroupStopped>()
  readonly #told: (reason: GroupStopped) => void
  readonly #services: Context.Context<Needed>
  /** Raised when the present life has to end. Null: none ever had to. */
  #successor: Errand | null = null
  #own: Scope.Closeable
  #present!: Life
  #isBetween = false

  private constructor(
    options: RaftOptions,
    observer: Observer,
    scope: Scope.Scope,
    services: Context.Context<Needed>,
    told: (reason: GroupStopped) => void,
  ) {
    this.#told = told
    this.#options = options
    this.#observer = observer
    this.#scope = scope
    this.#pauses = new Pauses(options)
    this.#own = Scope.forkUnsafe(scope)
    this.#services = services
  }

  /** Begins the first one; they end with the scope. `told`: called as {@link stopped} fails. */
  static readonly begin = Effect.fnUntraced(function* (
    options: RaftOptions,
    observer: Observer,
    told: (reason: GroupStopped) => void,
  ) {
    const services = yield* Effect.context<Needed>()
    const lives = new Lives(options, observer, yield* Scope.Scope, services, told)
    yield* lives.#begin()
    return lives
  })

  /** While one has ended and the next has not begun: the one that has ended. */
  get present(): Life {
    return this.#present
  }

  get isBetween(): boolean {
    return this.#isBetween
  }

  /** Fails when one of them has died, or the next could not begin. */
  get stopped(): Effect.Effect<never, GroupStopped> {
    return Deferred.await(this.#stopped)
  }

  #begin() {
    return Effect.gen({ self: this }, function* () {
      const ending = {
        stopped: (reason: GroupStopped) => this.#stop(reason),
        parted: () => {
          this.#successor ??= this.#makeSuccessor()
          this.#successor.raise()
        },
      }
      this.#present = yield* start(
        this.#options,
        this.#observer,
        this.#partings,
        this.#herald,
        this.listeners,
        ending,
      ).pipe(Scope.provide(this.#own))
    })
  }

  #makeSuccessor(): Errand {
    const run = makeRun(this.#services, (cause) => this.#stop(stoppedBy(this.#options, cause)))
    return new Errand(
      (life) => run(life, this.#scope),
      () => Effect.provideContext(this.#follow(), this.#services),
    )
  }

  /** The present life has nothing to live on any more. */
  #follow() {
    return Effect.gen({ self: this }, function* () {
      const { present } = this
      yield* leave(present, this.#pauses.next(nowOf(present.group.clock)))
      this.#isBetween = true
      present.answerAll(repairing)
      yield* Scope.close(this.#own, Exit.void)
      yield* giveUp(present)
      this.#own = yield* Scope.fork(this.#scope)
      yield* this.#begin()
      this.#isBetween = false
    })
  }

  /** The first word counts. */
  #stop(reason: GroupStopped): void {
    if (Deferred.doneUnsafe(this.#stopped, Effect.fail(reason))) this.#told(reason)
  }
}

type Needed = Effect.Services<ReturnType<typeof start>>

/** Its log is as good as before: it votes and acknowledges until the end, and leads no longer than it must. */
const leave = Effect.fnUntraced(function* (life: Life, pauseMillis: Millis) {
  const { group, checkpoints, tenure } = life
  const { current } = group.partings
  // Also where nobody can take over.
  yield* tenure.close()
  const successor = checkpoints.bestAgreeing(current?.index ?? 0)
  yield* handOver(life, successor)
  // Whoever agrees may be no successor; then anybody is better than this node.
  if (successor !== null) yield* handOver(life, null)
  if (pauseMillis === 0) return
  group.observer.event("this node's state was given up not long ago: the next repair waits", { pauseMillis })
  yield* Effect.sleep(pauseMillis)
})

/** Nobody asks the machine any more. What was copied of its state goes as well. */
const giveUp = Effect.fnUntraced(function* ({ group }: Life) {
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
