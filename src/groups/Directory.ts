// What does `main` say of groups and of actors' places, as far as this node has come? Looked at by one at a time.

import { Effect, Semaphore } from "effect"
import type { MachineHost } from "../machine/MachineHost.ts"
import type { Placement } from "../machine/slots.ts"
import type { GroupStopped } from "../raft/Raft.ts"
import type { Hosting } from "./Hosting.ts"

export class Directory {
  readonly #machine: MachineHost["Service"]
  readonly #hosting: Hosting
  readonly #alone = Semaphore.makeUnsafe(1).withPermits(1)
  #placesIndex = 0
  #places: ReadonlyMap<string, Placement> = new Map()

  constructor(machine: MachineHost["Service"], hosting: Hosting) {
    this.#machine = machine
    this.#hosting = hosting
  }

  placementOf(actor: string): Placement | null {
    return this.#places.get(actor) ?? null
  }

  /** False: nobody could be asked, for the state of `main` is in repair, most likely. */
  readonly look = Effect.suspend(() => this.#alone(this.#look()))

  readonly #look = Effect.fnUntraced(function* (this: Directory): Effect.fn.Return<boolean, GroupStopped> {
    const said = yield* Effect.orElseSucceed(
      Effect.all([this.#machine.groups, this.#machine.places]),
      () => null,
    )
    if (said === null) return false
    const [{ groups }, { index, places }] = said
    // A state that was given up knows nothing at first: what was settled once stays so.
    if (index > this.#placesIndex) {
      this.#placesIndex = index
      this.#places = new Map(places.map(({ actor, placement }) => [actor, placement]))
    }
    yield* this.#hosting.follow(groups)
    return true
  }).bind(this)
}
