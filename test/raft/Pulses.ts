// What do the nodes of a test cluster know of each other's processes? As a transport's pulses tell it, without a timer for
// each of them: it is known when a process ends or a cable is cut.

import { Context, Effect, Layer } from "effect"
import type { Millis, NodeId } from "../../src/consensus/types.ts"
import type { World } from "../../src/simulation/World.ts"
import type { MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { type PulseChange, Transport } from "../../src/transport/Transport.ts"

export const silentMillis = 250

type Told = (peer: NodeId, what: PulseChange) => void

/** What one node knows of another. */
interface Known {
  session: string
  /** While pulses come they have just come. */
  isComing: boolean
  heardAt: Millis
  isSilent: boolean
}

/** The process of one node. */
interface Beating {
  readonly session: string
  readonly told: Set<Told>
  readonly known: Map<NodeId, Known>
}

export class Pulses {
  readonly #world: World
  readonly #network: MemoryNetwork
  readonly #beating = new Map<NodeId, Beating>()
  #sessions = 0

  constructor(world: World, network: MemoryNetwork) {
    this.#world = world
    this.#network = network
  }

  /** The transport of a node, with what pulses tell it. */
  around(id: NodeId, transport: Layer.Layer<Transport>): Layer.Layer<Transport> {
    const own: Beating = { session: `${id} ${++this.#sessions}`, told: new Set(), known: new Map() }
    return Layer.effect(
      Transport,
      Effect.gen({ self: this }, function* () {
        yield* Effect.acquireRelease(
          Effect.sync(() => this.#beating.set(id, own)),
          () =>
            Effect.sync(() => {
              this.#beating.delete(id)
              this.look()
            }),
        )
        const inner = Context.get(yield* Layer.build(transport), Transport)
        return Transport.of({
          ...inner,
          connect: (...args) => Effect.tap(inner.connect(...args), () => Effect.sync(() => this.look())),
          pulse: (peer) => {
            const known = own.known.get(peer)
            if (known === undefined) return null
            return { session: known.session, heardAt: known.isComing ? this.#world.nowMillis : known.heardAt }
          },
          onPulse: (told) => {
            own.told.add(told)
            return () => own.told.delete(told)
          },
        })
      }),
    )
  }

  /** After every change of who is there and who reaches whom. */
  look(): void {
    for (const [to, own] of this.#beating) {
      for (const from of new Set([...this.#beating.keys(), ...own.known.keys()])) {
        if (from !== to) this.#lookAt(own, from, to)
      }
    }
  }

  #lookAt(own: Beating, from: NodeId, to: NodeId): void {
    const { nowMillis } = this.#world
    const peer = this.#beating.get(from)
    const isComing = peer !== undefined && this.#network.reach(from, to) !== null
    const known = own.known.get(from)
    if (!isComing) {
      if (known?.isComing !== true) return
      known.isComing = false
      known.heardAt = nowMillis
      this.#world.after(silentMillis, () => {
        if (known.isComing || nowMillis !== known.heardAt) return
        known.isSilent = true
        for (const tell of own.told) tell(from, "silent")
      })
      return
    }
    const before = known?.session ?? peer.session
    const wasSilent = known?.isSilent === true
    own.known.set(from, { session: peer.session, isComing: true, heardAt: nowMillis, isSilent: false })
    if (before !== peer.session) for (const tell of own.told) tell(from, "another")
    else if (wasSilent) for (const tell of own.told) tell(from, "heard")
  }
}
