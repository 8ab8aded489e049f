// What is asked of the machine of one group, and how does it end while others go on?

import { Effect, Semaphore } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { Crowd } from "./Crowd.ts"
import type { MachineCore } from "./MachineCore.ts"
import type { Premises } from "./Premises.ts"
import { packBytes, unpackBytes, unpackEntries } from "./packing.ts"
import { isCheckpoint } from "./system/checkpoint.ts"
import type { Tenant } from "./Tenant.ts"
import { type Applied, packAdmissions, packOutcomes, type Request } from "./threadProtocol.ts"

/** One opening of a group's state, in the thread of the machines. */
export class OpenMachine {
  readonly #core: MachineCore
  readonly #node: NodeId
  readonly #premises: Premises
  readonly #crowd: Crowd
  readonly #tenant: Tenant
  /** Who waits for users' code holds one; who closes the file wants all. */
  readonly #asking = Semaphore.makeUnsafe(askingMax)
  /** Entries are applied by one at a time. */
  readonly #applying = Semaphore.makeUnsafe(1)
  readonly #flushing = Semaphore.makeUnsafe(1)

  /** `crowd`: of all groups whose machines are in this thread. */
  constructor(core: MachineCore, node: NodeId, premises: Premises, crowd: Crowd) {
    this.#core = core
    this.#node = node
    this.#premises = premises
    this.#crowd = crowd
    this.#tenant = premises.receive(core)
  }

  answer(request: Request): Effect.Effect<unknown, unknown> {
    return this.#asking.withPermit(Effect.suspend(() => this.#ask(request)))
  }

  /** Who asks is answered first, unless it takes too long: then what runs for them is ended. */
  end(closeFile: (core: MachineCore) => void): Effect.Effect<void, unknown> {
    const closed = this.#asking.withPermits(askingMax)(Effect.try(() => closeFile(this.#core)))
    const evicting = Effect.andThen(
      Effect.sleep(graceMillis),
      Effect.andThen(this.#tenant.evict, Effect.never),
    )
    return Effect.ensuring(
      Effect.raceFirst(closed, evicting),
      Effect.sync(() => this.#premises.dismiss(this.#tenant)),
    )
  }

  #ask({ operation, given }: Request): Effect.Effect<unknown, unknown> {
    const [core, premises, tenant] = [this.#core, this.#premises, this.#tenant]
    switch (operation) {
      case "position":
        return Effect.sync(() => core.position())
      case "admit":
        return Effect.map(
          this.#inPortions(unpackBytes(given as Uint8Array), (commands) =>
            premises.work(tenant, core.admit(commands), "door"),
          ),
          packAdmissions,
        )
      case "trial":
        return Effect.map(
          premises.work(tenant, core.try(unpackBytes(given as Uint8Array), this.#node), "door"),
          packAdmissions,
        )
      case "apply": {
        const entries = unpackEntries(given as Uint8Array)
        return this.#applying.withPermit(
          Effect.gen({ self: this }, function* () {
            const outcomes = yield* this.#inPortions(entries, (some) =>
              premises.work(tenant, core.apply(some), "log"),
            )
            if (core.isLaden) yield* this.#flush
            Effect.runFork(premises.warmFor(tenant))
            return {
              outcomes: packOutcomes(entries, outcomes),
              nextTimer: core.nextTimer(),
              checkpoints: entries.some(isCheckpoint) ? core.checkpoints() : null,
            } satisfies Applied
          }),
        )
      }
      case "foresee":
        return Effect.sync(() => {
          core.foresee(given as Request<"foresee">["given"])
          return null
        })
      case "query":
        return Effect.andThen(
          this.#noted,
          premises.work(tenant, core.query(given as Request<"query">["given"]), "door"),
        )
      case "events":
        return premises.work(tenant, core.events(given as Request<"events">["given"]), "door")
      case "flush":
        return this.#flush
      case "nextTimer":
        return Effect.sync(() => core.nextTimer())
      case "due": {
        const { now, max } = given as Request<"due">["given"]
        return Effect.sync(() => packBytes(core.due(now, max)))
      }
      case "stateHash":
        return Effect.sync(() => core.stateHash())
      case "checkpoints":
        return Effect.sync(() => core.checkpoints())
      case "changes":
        return Effect.sync(() => core.changes(given as Request<"changes">["given"]))
      case "status":
        return Effect.sync(() => core.status())
      case "plan":
        return premises.work(tenant, core.plan(given as Request<"plan">["given"]), "door")
      case "led":
        return Effect.sync(() => core.led())
      case "routed":
        return Effect.sync(() => core.routed(given as Request<"routed">["given"]))
      case "code":
        return Effect.sync(() => core.code(given as Request<"code">["given"]))
      case "actors":
        return Effect.sync(() => core.actors())
      case "groups":
        return Effect.sync(() => core.groups())
      case "places":
        return Effect.sync(() => core.places())
      case "shard":
        return Effect.sync(() => core.shard(given as Request<"shard">["given"]))
      case "portion":
        return Effect.sync(() => core.portion(given as Request<"portion">["given"]))
      default:
        return Effect.fail(new Error(`there is no operation ${operation}`))
    }
  }

  /** Also by itself, behind what was applied. */
  readonly #flush = Effect.suspend(() => this.#flushing.withPermit(this.#tenant.flush))

  readonly #noted = Effect.map(nowMillis, (now) => {
    const { group } = this.#core.state
    this.#crowd.note(group, now)
    return this.#crowd.isAround(group, now)
  })

  /**
   * All at once, or, while others have work as well, a portion after the other: in between they have their turn, here and where
   * code runs. Ends with a portion that gives less than it was given: the machine is stuck.
   */
  readonly #inPortions = Effect.fnUntraced(function* <Item, Result>(
    this: OpenMachine,
    items: ReadonlyArray<Item>,
    work: (portion: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Result>>,
  ) {
    const results: Array<Result> = []
    for (let at = 0; at < items.length && results.length === at; ) {
      if (at > 0) yield* Effect.yieldNow
      const count = (yield* this.#noted) ? portionMax : items.length
      const portion = items.slice(at, at + count)
      results.push(...(yield* work(portion)))
      at += portion.length
    }
    return results
  }).bind(this) as <Item, Result>(
    items: ReadonlyArray<Item>,
    work: (portion: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Result>>,
  ) => Effect.Effect<ReadonlyArray<Result>>
}

const nowMillis = Effect.clockWith((clock) =>
  Effect.sync(() => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)),
)
/** Of one group at a time. Half a millisecond of a core for the thread; to cut off one more costs half of that. */
const portionMax = 32
const graceMillis = 300
const askingMax = 10_000
