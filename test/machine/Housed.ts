// A machine as a node has it, but in this thread: its code comes by the log, and runs in compartments without walls.

import { Clock, Effect } from "effect"
import type { GroupId } from "../../src/consensus/types.ts"
import { bundleSource } from "../../src/machine/bundle.ts"
import type { Compartment } from "../../src/machine/compartment/Compartment.ts"
import { Inside } from "../../src/machine/inside/Inside.ts"
import { defaultLimits, type MachineLimits } from "../../src/machine/limits.ts"
import { MachineCore } from "../../src/machine/MachineCore.ts"
import type { Admission, Inspection, Query } from "../../src/machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../../src/machine/outcome.ts"
import { type Compartments, Premises } from "../../src/machine/Premises.ts"
import { evaluateModule } from "../../src/machine/realm/evaluate.ts"
import { encodeSystem, piecesOf } from "../../src/machine/system/commands.ts"
import type { Tenant } from "../../src/machine/Tenant.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import type { StateStore } from "../../src/storage/StateStore.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { entry, initial } from "./Bench.ts"

/** In a time in which nobody waits: what takes long is not to take the test's time. */
export const hurried = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(Clock.Clock, (clock) =>
      Effect.provideService(
        effect,
        Clock.Clock,
        Object.create(clock, { sleep: { value: () => Effect.void } }),
      ),
    ),
  )

/** The machine, and a log that whoever holds it writes. */
export class Housed {
  readonly core: MachineCore
  readonly premises: Premises
  readonly tenant: Tenant
  /** Data of the entries, the first at 0. */
  readonly log: Array<Uint8Array> = []

  /** `premises`: others live there as well. */
  constructor(
    limits: Partial<MachineLimits> = {},
    compartments: Compartments = withoutWalls,
    premises = new Premises(compartments, { ...defaultLimits, ...limits }),
    group: GroupId = "main",
    store: StateStore = openMemoryStateStore(
      new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" }),
      { group, initial },
    ),
  ) {
    this.core = new MachineCore({ store, preset: null, limits, group })
    this.premises = premises
    this.tenant = this.premises.receive(this.core)
  }

  admit(commands: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<Admission>> {
    return hurried(this.premises.work(this.tenant, this.core.admit(commands), "door"))
  }

  try(commands: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<Admission>> {
    return hurried(this.premises.work(this.tenant, this.core.try(commands, "n1"), "door"))
  }

  async apply(data: Uint8Array): Promise<Outcome> {
    this.log.push(data)
    const [outcome] = await hurried(
      this.premises.work(this.tenant, this.core.apply([entry(this.log.length, data)]), "log"),
    )
    return outcome!
  }

  /** As a leader does it: through the door, and, when its code is uploaded, through a trial. */
  async propose(command: Uint8Array): Promise<Outcome> {
    let [admission] = await this.admit([command])
    if (admission?._tag === "Untried") [admission] = await this.try([admission.command])
    return admission?._tag === "Settled" ? admission.outcome : this.apply(admission!.command)
  }

  async query(query: Query): Promise<QueryOutcome> {
    const [outcome] = await hurried(this.premises.work(this.tenant, this.core.query([query]), "door"))
    return outcome!
  }

  inspect(actor: string, code: string, cameBy: "file" | "upload" = "upload"): Promise<Inspection> {
    return hurried(this.premises.inspect({ actor, code, source: cameBy }))
  }

  /** Brings the code in, and switches it on. */
  async deploy(actor: string, source: string, cameBy: "file" | "upload" = "upload"): Promise<string> {
    const { code } = await hurried(bundleSource({ name: actor, source }))
    const seen = await this.inspect(actor, code, cameBy)
    if (!("manifest" in seen)) throw new Error(seen.problem)
    const { version, manifest } = seen
    const pieces = piecesOf(code)
    for (const [at, text] of pieces.entries()) {
      await this.#system("$actor/piece", version, { version, at, text })
    }
    const made = {
      pieces: pieces.length,
      bytes: Buffer.byteLength(code),
      by: "n1",
      source: cameBy,
    }
    await this.#system("$actor/register", actor, { version, ...made, ...manifest })
    const from = this.core.state.catalogue.actors.get(actor)?.active ?? null
    await this.#system("$actor/activate", actor, { version, from })
    return version
  }

  async #system(...[name, key, input]: [...Parameters<typeof system>]): Promise<void> {
    const outcome = await this.apply(system(name, key, input))
    if (outcome._tag !== "Accepted") throw new Error(`${name}: ${outcome.detail}`)
  }
}

const system: (
  name: Parameters<typeof encodeSystem>[0],
  key: string,
  input: Parameters<typeof encodeSystem>[1]["input"],
) => Uint8Array = (name, key, input) =>
  encodeSystem(name, { key, input: input as never, id: crypto.randomUUID(), door: "n1" })

/** How long loading takes is no matter here. */
const now = () => 0

export const openWithoutWalls: Compartments["openChild"] = Effect.sync((): Compartment => {
  const inside = new Inside(evaluateModule, now)
  return {
    call: (request) => Effect.sync(() => inside.answer(request)),
    memoryBytes: Effect.succeed(null),
    cpuMillis: Effect.succeed(null),
  }
})
const withoutWalls: Compartments = {
  openWorker: openWithoutWalls,
  openChild: openWithoutWalls,
  openNiceChild: openWithoutWalls,
}
