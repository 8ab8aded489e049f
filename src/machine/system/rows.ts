// Where does the machine keep what it knows of actors themselves? In instances of its own, whose actors have names
// that no user's may have: so code, versions and quarantines are in the state, its snapshots and its hash.

import type { Index } from "../../consensus/types.ts"
import type { Json } from "../actor.ts"
import { Instance } from "../Instance.ts"
import { type Instances, idOf } from "../Instances.ts"
import { canonicalise } from "../json.ts"

/** Begins the names of the machine's own actors; `isActorName` lets none through. */
export const systemPrefix = "$"

export const isSystemName = (actor: string): boolean => actor.startsWith(systemPrefix)

/** One kind of the machine's own rows. */
export class Rows<Value> {
  readonly actor: string
  readonly #instances: Instances

  constructor(instances: Instances, actor: string) {
    this.#instances = instances
    this.actor = actor
  }

  /** Null: there is none, or it was removed. */
  get(key: string): Value | null {
    return (this.#instances.get(this.actor, key)?.json ?? null) as Value | null
  }

  /** In order of the keys; what was removed is not among them. */
  *all(): Generator<{ readonly key: string; readonly value: Value }> {
    const limit = 100
    let after = ""
    for (;;) {
      const page = this.#instances.list({ actor: this.actor, prefix: "", after, limit })
      for (const { key } of page) {
        const value = this.get(key)
        if (value !== null) yield { key, value }
      }
      if (page.length < limit) return
      after = page.at(-1)!.key
    }
  }

  put(key: string, value: Value | null, index: Index): void {
    const previous = this.#instances.get(this.actor, key)
    const head = { actor: this.actor, key, revision: (previous?.revision ?? 0) + 1, version: "", index }
    const state = canonicalise(value as Json)
    this.#instances.put(previous, Instance.written(previous?.id ?? idOf(this.actor, key), head, state))
  }

  /** Leaves nothing behind. */
  remove(key: string): void {
    const present = this.#instances.get(this.actor, key)
    if (present !== undefined) this.#instances.remove(present)
  }
}
