// Which actors have something that runs where their group leads, and in which version? As the log says: another
// version takes the place of the one before.

import { Effect, Exit, Fiber, Scope } from "effect"
import type { LedActor, MachineHost } from "../MachineHost.ts"
import { makeDoor } from "./door.ts"
import type { Leadership, LeadingFault, LeadingStatus, Led } from "./Leading.ts"
import { Post } from "./Post.ts"
import type { OpenStint } from "./Stint.ts"

export interface PostsOptions {
  readonly machine: Pick<MachineHost["Service"], "led">
  readonly open: OpenStint
  readonly told: (message: string, details: Readonly<Record<string, unknown>>, level?: "warn") => void
  readonly printed: (actor: string, line: string) => void
  readonly failed: (actor: string, fault: LeadingFault) => void
}

interface Held {
  readonly post: Post
  readonly scope: Scope.Closeable
}

/** Of one leadership: a post for each actor. */
export class Posts {
  readonly #leadership: Leadership
  readonly #options: PostsOptions
  /** By actor. */
  readonly #held = new Map<string, Held>()
  /** More may have been applied since somebody looked. */
  #isChanged = false
  /** Null: nobody looks, for there is nothing to be seen. */
  #following: Fiber.Fiber<void> | null = null

  constructor(leadership: Leadership, options: PostsOptions) {
    this.#leadership = leadership
    this.#options = options
  }

  get status(): ReadonlyArray<LeadingStatus> {
    return [...this.#held.values()].map(({ post }) => post.status)
  }

  begin(): Effect.Effect<Led, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Effect.scope
      const fork = Effect.runForkWith(yield* Effect.context())
      const lookAfter = (millis: number): void => {
        this.#isChanged = true
        if (this.#following !== null || scope.state._tag === "Closed") return
        const following = fork(this.#follow(scope, millis))
        this.#following = following
        following.addObserver(() => {
          this.#following = null
        })
        Fiber.runIn(following, scope)
      }
      const stop = this.#leadership.onApplied(() => lookAfter(lookMillis))
      yield* Effect.addFinalizer(() => Effect.sync(stop))
      lookAfter(0)
      const leaveAll = Effect.suspend(() =>
        Effect.forEach([...this.#held.values()], (held) => this.#leave(held), concurrently),
      )
      const stopFollowing = Effect.suspend(() => {
        stop()
        return this.#following === null ? Effect.void : Fiber.interrupt(this.#following)
      })
      return { end: Effect.andThen(stopFollowing, leaveAll) }
    })
  }

  /** Until nothing more has been applied, each look so long behind the one before. */
  #follow(scope: Scope.Scope, afterMillis: number) {
    return Effect.gen({ self: this }, function* () {
      for (let pause = afterMillis; this.#isChanged; pause = lookMillis) {
        if (pause > 0) yield* Effect.sleep(pause)
        this.#isChanged = false
        const led = yield* this.#options.machine.led
        const isLed = ({ post }: Held) =>
          led.some(({ actor, version }) => actor === post.led.actor && version === post.led.version)
        const leaving = [...this.#held.values()].filter((held) => !isLed(held))
        yield* Effect.forEach(leaving, (held) => this.#leave(held), concurrently)
        for (const one of led) if (!this.#held.has(one.actor)) yield* this.#post(one, scope)
      }
    }).pipe(
      // The group learns it as well, and stops.
      Effect.catchTag("MachineFailed", () => Effect.void),
    )
  }

  #post(led: LedActor, within: Scope.Scope) {
    return Effect.gen({ self: this }, function* () {
      const { open, told, printed, failed } = this.#options
      const { actor, version } = led
      const { term } = this.#leadership
      const scope = yield* Scope.fork(within)
      const door = makeDoor(this.#leadership)
      const post = new Post(led, {
        open,
        door,
        print: (line) => printed(actor, line),
        became: (state) => {
          if (state === "running") told("leading has begun", { actor, version, term })
          else if (state === "ended") told("leading has come to its end by itself", { actor, version, term })
        },
        failed: (fault, pauseMillis) => {
          const { kind, detail } = fault
          const details = { actor, version, term, kind, detail, pauseMillis }
          told("leading has failed, and is begun again", details, "warn")
          failed(actor, fault)
        },
      })
      this.#held.set(actor, { post, scope })
      yield* Effect.forkIn(post.life, scope)
      // The last to be added is the first to run: what is ended at once gets nothing through any more.
      yield* Scope.addFinalizer(scope, Effect.sync(door.close))
    })
  }

  #leave({ post, scope }: Held) {
    return Effect.gen({ self: this }, function* () {
      yield* post.end
      yield* Scope.close(scope, Exit.void)
      const { actor, version } = post.led
      this.#held.delete(actor)
      this.#options.told("leading has been ended", { actor, version, term: this.#leadership.term })
    })
  }
}

const concurrently = { concurrency: "unbounded", discard: true } as const
/** What was applied is looked at so often at the most. */
const lookMillis = 100
