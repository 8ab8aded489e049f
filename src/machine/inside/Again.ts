// With which module does a command run a second time? By turns with the one that it ran with, and with another, which is
// evaluated anew now and then. What a module keeps between calls shows in one of the two, on the leader, before replicas
// part: in the same one what it counts, in a new one what it has met.

import { Result } from "effect"
import type { Actors, LoadedActor } from "../Registry.ts"

type Load = (name: string, version: string, code: string) => Result.Result<LoadedActor, string>

interface Module {
  readonly code: string
  readonly first: LoadedActor
  other: LoadedActor | null
  uses: number
  loadMillis: number
}

export class Again implements Actors {
  readonly #load: Load
  readonly #now: () => number
  readonly #modules = new Map<string, Module>()

  /** `now`: ms of the processor, as the code does not see them. */
  constructor(load: Load, now: () => number) {
    this.#load = load
    this.#now = now
  }

  /** `first`: what the first runs are with, loaded in so long. */
  learn(name: string, version: string, code: string, first: LoadedActor, loadMillis: number): void {
    this.#modules.set(`${name}@${version}`, { code, first, other: null, uses: 0, loadMillis })
  }

  readonly find = (name: string, version: string): LoadedActor | undefined => {
    const module = this.#modules.get(`${name}@${version}`)
    if (module === undefined) return undefined
    if (++module.uses % 2 === 1) return module.first
    // What takes long to load would take it from the time that its commands may take.
    const isDue = module.other === null || module.uses > usesMax
    if (isDue && module.loadMillis <= loadMillisMax) this.#renew(module, name, version)
    return module.other ?? module.first
  }

  #renew(module: Module, name: string, version: string): void {
    const began = this.#now()
    const loaded = this.#load(name, version, module.code)
    // Less is nearer to what it takes: others have the CPU as well.
    module.loadMillis = Math.min(module.loadMillis, this.#now() - began)
    if (Result.isFailure(loaded)) return
    module.other = loaded.success
    module.uses = 0
  }
}

/** Finds of one module, until it is another. */
const usesMax = 16
const loadMillisMax = 20
