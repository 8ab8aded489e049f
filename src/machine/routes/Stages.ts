// Which version of an actor answers requests on this node? The one that is active: another one takes its place, and what it
// is answering it may finish.

import { Clock, Effect, Exit, Scope } from "effect"
import { type FailureCount, Failures, shorten, type ThreadFault } from "../beside/fault.ts"
import type { MachineFailed, MachineHost, RoutedActor } from "../MachineHost.ts"
import type { Answer } from "./Caller.ts"
import { knownMillisMax, lookMillis, partingMillisMax, requestsMax, requestsOfAllMax } from "./limits.ts"
import { type OpenRoutes, openThread, type ThreadAsked } from "./openThread.ts"
import type { RoutesService, RoutesStatus, Unserved } from "./Routes.ts"
import { Stage } from "./Stage.ts"
import type { Asked } from "./words.ts"

export interface StagesOptions extends Pick<ThreadAsked, "node" | "serve"> {
  /** Which machine knows of an actor; null: none on this node does now. */
  readonly machineOf: (actor: string) => Pick<MachineHost["Service"], "routed" | "code"> | null
  /** Something worth a line in the node's log. */
  readonly told: (message: string, details: Readonly<Record<string, unknown>>, level?: "warn") => void
  /** A line that users' code has printed. */
  readonly printed: (actor: string, line: string) => void
  readonly open?: OpenRoutes
}

interface Held {
  readonly stage: Stage
  readonly scope: Scope.Closeable
}

interface Known {
  readonly routed: RoutedActor
  readonly at: number
}

export class Stages implements RoutesService {
  readonly #options: StagesOptions
  readonly #scope: Scope.Scope
  readonly #fork: (life: Effect.Effect<unknown>) => unknown
  /** By actor. */
  readonly #held = new Map<string, Held>()
  /** Their place was taken, and they have something to finish. */
  readonly #parting = new Set<Stage>()
  /** By actor; of those alone that were found. */
  readonly #known = new Map<string, Known>()
  readonly #failures = new Failures()

  constructor(options: StagesOptions, scope: Scope.Scope, fork: (life: Effect.Effect<unknown>) => unknown) {
    this.#options = options
    this.#scope = scope
    this.#fork = fork
  }

  readonly status = (): ReadonlyArray<RoutesStatus> =>
    [...[...this.#held.values()].map(({ stage }) => stage), ...this.#parting].map(({ status }) => status)

  readonly failures = (): ReadonlyArray<FailureCount> => this.#failures.counts

  readonly call = Effect.fnUntraced(function* (
    this: Stages,
    actor: string,
    asked: Asked,
    handedOver: () => void,
  ): Effect.fn.Return<Answer, Unserved> {
    const routed = yield* this.#look(actor)
    if (routed === null) return yield* refuse("unknown-actor", "")
    if (routed.version === null) return yield* refuse("no-routes", "")
    const stage = this.#stageOf(actor, routed.version)
    if (stage.underWay >= requestsMax || this.#underWay >= requestsOfAllMax) {
      return yield* refuse("overloaded", "Too many requests are being answered.")
    }
    return yield* stage.call(asked, handedOver)
  }).bind(this)

  /** Ends what is not active any more, also when nobody asks for that actor. */
  readonly life: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    while (true) {
      yield* Effect.sleep(lookMillis)
      for (const [actor, { stage }] of this.#held) {
        const routed = yield* Effect.orElseSucceed(this.#look(actor), () => undefined)
        // Of a group in repair nobody knows: it goes on.
        if (routed !== undefined && routed?.version !== stage.version) this.#leave(actor)
      }
    }
  })

  get #underWay(): number {
    let sum = 0
    for (const { stage } of this.#held.values()) sum += stage.underWay
    for (const stage of this.#parting) sum += stage.underWay
    return sum
  }

  /** As of now, or a moment ago. */
  readonly #look = Effect.fnUntraced(function* (
    this: Stages,
    actor: string,
  ): Effect.fn.Return<RoutedActor | null, Unserved> {
    const now = yield* Clock.currentTimeMillis
    const known = this.#known.get(actor)
    if (known !== undefined && Math.abs(now - known.at) < knownMillisMax) return known.routed
    const machine = this.#options.machineOf(actor)
    if (machine === null)
      return yield* refuse("unavailable", "The group of this actor does not run here yet.")
    const routed = yield* Effect.mapError(machine.routed(actor), notHere)
    if (routed === null) this.#known.delete(actor)
    else this.#known.set(actor, { routed, at: now })
    return routed
  }).bind(this)

  #stageOf(actor: string, version: string): Stage {
    const held = this.#held.get(actor)
    if (held?.stage.version === version) return held.stage
    if (held !== undefined) this.#leave(actor)
    const { open = openThread, machineOf, node, printed, serve, told } = this.#options
    const routed = { actor, version }
    const stage = new Stage(routed, {
      open,
      node,
      serve,
      print: (line) => printed(actor, line),
      code: Effect.suspend(() => codeOf(machineOf(actor)?.code(routed) ?? Effect.succeed(null))),
      failed: ({ kind, detail }, pauseMillis) => {
        this.#failures.add(actor, kind)
        told("routes have ended, and are begun again", { actor, version, kind, detail, pauseMillis }, "warn")
      },
    })
    const scope = Scope.forkUnsafe(this.#scope)
    this.#held.set(actor, { stage, scope })
    this.#fork(Effect.forkIn(stage.life, scope))
    told("routes begin", routed)
    return stage
  }

  /** What it is answering it may finish, for a bounded time. */
  #leave(actor: string): void {
    const held = this.#held.get(actor)
    if (held === undefined) return
    const { stage, scope } = held
    this.#held.delete(actor)
    this.#parting.add(stage)
    const finished = Effect.gen(function* () {
      while (stage.underWay > 0) yield* Effect.sleep(partingLookMillis)
    })
    const part = Effect.gen({ self: this }, function* () {
      yield* Effect.timeoutOption(finished, partingMillisMax)
      yield* Scope.close(scope, Exit.void)
      this.#parting.delete(stage)
      this.#options.told("routes have been ended", { actor, version: stage.version })
    })
    this.#fork(Effect.forkIn(part, this.#scope))
  }
}

/** They end with the scope, whatever they are doing. */
export const makeStages = Effect.fnUntraced(function* (options: StagesOptions) {
  const stages = new Stages(options, yield* Effect.scope, Effect.runForkWith(yield* Effect.context<never>()))
  yield* Effect.forkScoped(stages.life)
  return stages
})

const codeOf = (code: Effect.Effect<string | null, MachineFailed>): Effect.Effect<string, ThreadFault> =>
  code.pipe(
    Effect.mapError(({ message }) => noCode(message)),
    Effect.flatMap((text) =>
      text === null ? Effect.fail(noCode("the code of this version is not here")) : Effect.succeed(text),
    ),
  )

const noCode = (detail: string): ThreadFault => ({ kind: "load", detail: shorten(detail) })

const refuse = (reason: Unserved["reason"], detail: string): Effect.Effect<never, Unserved> =>
  Effect.fail({ _tag: "Unserved", reason, detail, isHandedOver: false })

const notHere = (): Unserved => ({
  _tag: "Unserved",
  reason: "unavailable",
  detail: "This node's state cannot be asked now.",
  isHandedOver: false,
})

const partingLookMillis = 50
