// What is asked of the machine of one group, and how does it end while others go on?

import { Effect, Semaphore } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { MachineCore } from "./MachineCore.ts"
import type { Premises } from "./Premises.ts"
import { packBytes, unpackBytes, unpackEntries } from "./packing.ts"
import type { Tenant } from "./Tenant.ts"
import { packAdmissions, packOutcomes, type Request } from "./threadProtocol.ts"

/** One opening of a group's state, in the thread of the machines. */
export class OpenMachine {
  readonly #core: MachineCore
  readonly #node: NodeId
  readonly #premises: Premises
  readonly #tenant: Tenant
  /** Who waits for users' code holds one; who closes the file wants all. */
  readonly #asking = Semaphore.makeUnsafe(askingMax)
  /** Entries are applied by one at a time. */
  readonly #applying = Semaphore.makeUnsafe(1)

  constructor(core: MachineCore, node: NodeId, premises: Premises) {
    this.#core = core
    this.#node = node
    this.#premises = premises
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
          premises.work(tenant, core.admit(unpackBytes(given as Uint8Array)), "door"),
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
          Effect.map(premises.work(tenant, core.apply(entries), "log"), (outcomes) => {
            core.relieve()
            Effect.runFork(premises.warmFor(tenant))
            return packOutcomes(entries, outcomes)
          }),
        )
      }
      case "foresee":
        return Effect.sync(() => {
          core.foresee(given as Request<"foresee">["given"])
          return null
        })
      case "query":
        return premises.work(tenant, core.query(given as Request<"query">["given"]), "door")
      case "events":
        return premises.work(tenant, core.events(given as Request<"events">["given"]), "door")
      case "flush":
        return Effect.sync(() => core.flush())
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
}

const graceMillis = 300
const askingMax = 10_000
