// Which instances are in memory, and which of them does the disk not know yet?

import type { StateStore, StoredInstance } from "../storage/StateStore.ts"
import { Digest } from "./digest.ts"
import { Instance } from "./Instance.ts"

/** The instances of a group over their file. Clean ones leave memory when they have not been used for long. */
export class Instances {
  readonly #store: StateStore
  readonly #digest: Digest
  readonly #bytesMax: number
  /** Written since the last flush. */
  #dirty = new Map<string, Instance>()
  #dirtyBytes = 0
  /** Since the last flush, and the disk may have them still. None of them is dirty. */
  #removed = new Map<string, { readonly actor: string; readonly key: string }>()
  // Two generations in place of a list of uses: what was not touched while the young one filled goes.
  #young = new Map<string, Instance>()
  #youngBytes = 0
  #old = new Map<string, Instance>()

  /** `digest`: of all that the store holds. */
  constructor(store: StateStore, bytesMax: number, digest: string) {
    this.#store = store
    this.#digest = new Digest(digest)
    this.#bytesMax = bytesMax
  }

  /** Most instances are replaced before anybody asks: only the one that is left is hashed. */
  get digest(): string {
    for (const instance of this.#dirty.values()) {
      if (instance.isCounted) continue
      this.#digest.add(instance.digest)
      instance.isCounted = true
    }
    return this.#digest.toString()
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  get dirtyCount(): number {
    return this.#dirty.size + this.#removed.size
  }

  get count(): number {
    return this.#dirty.size + this.#young.size + this.#old.size
  }

  /** Undefined for one that was never written. */
  get(actor: string, key: string): Instance | undefined {
    const id = idOf(actor, key)
    const held = this.#dirty.get(id) ?? this.#young.get(id)
    if (held !== undefined) return held
    const aged = this.#old.get(id)
    if (aged !== undefined) {
      this.#old.delete(id)
      this.#keep(id, aged)
      return aged
    }
    if (this.#removed.has(id)) return undefined
    const stored = this.#store.instance(actor, key)
    if (stored === undefined) return undefined
    const instance = Instance.stored(id, stored)
    this.#keep(id, instance)
    return instance
  }

  /** Takes the place of `previous`, which is what `get` gave. */
  put(previous: Instance | undefined, next: Instance): void {
    if (previous?.isCounted === true) this.#digest.remove(previous.digest)
    const dirty = this.#dirty.get(next.id)
    if (dirty !== undefined) this.#dirtyBytes -= dirty.bytes
    else if (previous !== undefined) this.#forget(next.id)
    this.#removed.delete(next.id)
    this.#dirty.set(next.id, next)
    this.#dirtyBytes += next.bytes
  }

  /** As if it had never been written. `previous` is what `get` gave. */
  remove(previous: Instance): void {
    const { id, actor, key } = previous
    if (previous.isCounted) this.#digest.remove(previous.digest)
    if (this.#dirty.delete(id)) this.#dirtyBytes -= previous.bytes
    else this.#forget(id)
    // One that the disk never knew needs no removal: but who knows that costs a look at the disk.
    this.#removed.set(id, { actor, key })
  }

  /** The rows that a flush must write. */
  dirtyRows(): ReadonlyArray<StoredInstance> {
    return Array.from(this.#dirty.values(), ({ actor, key, text, revision, version, index }) => ({
      actor,
      key,
      state: text,
      revision,
      version,
      index,
    }))
  }

  /** The rows that a flush must remove. */
  removedRows(): ReadonlyArray<{ readonly actor: string; readonly key: string }> {
    return [...this.#removed.values()]
  }

  /** What was dirty is on disk now, and may leave memory. */
  flushed(): void {
    this.#removed = new Map()
    const dirty = this.#dirty
    this.#dirty = new Map()
    this.#dirtyBytes = 0
    for (const [id, instance] of dirty) this.#keep(id, instance)
  }

  /** Keys in the order of their UTF-8 bytes: what is on disk, overlaid with what is not yet. */
  list(options: {
    readonly actor: string
    readonly prefix: string
    readonly after: string
    readonly limit: number
  }): ReadonlyArray<{ readonly key: string; readonly revision: number }> {
    // As many more as may have gone since the flush.
    const stored = this.#store.list({ ...options, limit: options.limit + this.#removed.size })
    const rows = new Map(stored.map(({ key, revision }) => [key, revision]))
    for (const { actor, key } of this.#removed.values()) if (actor === options.actor) rows.delete(key)
    for (const { actor, key, revision } of this.#dirty.values()) {
      const isListed = actor === options.actor && key.startsWith(options.prefix)
      if (isListed && compareUtf8(key, options.after) > 0) rows.set(key, revision)
    }
    return Array.from(rows, ([key, revision]) => ({ key, revision }))
      .sort((left, right) => compareUtf8(left.key, right.key))
      .slice(0, options.limit)
  }

  /** How many instances of an actor each version wrote last: what is on disk, overlaid with what is not yet. */
  versions(actor: string): ReadonlyMap<string, number> {
    const counts = new Map(this.#store.versions(actor))
    const add = (version: string, count: number) => counts.set(version, (counts.get(version) ?? 0) + count)
    const forgetStored = (key: string) => {
      const stored = this.#store.instance(actor, key)
      if (stored !== undefined) add(stored.version, -1)
    }
    for (const gone of this.#removed.values()) if (gone.actor === actor) forgetStored(gone.key)
    for (const instance of this.#dirty.values()) {
      if (instance.actor !== actor) continue
      forgetStored(instance.key)
      add(instance.version, 1)
    }
    return new Map([...counts].filter(([, count]) => count > 0))
  }

  #keep(id: string, instance: Instance): void {
    this.#young.set(id, instance)
    this.#youngBytes += instance.bytes
    if (this.#youngBytes <= this.#bytesMax / 2) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngBytes = 0
  }

  #forget(id: string): void {
    const held = this.#young.get(id)
    if (held !== undefined) this.#youngBytes -= held.bytes
    this.#young.delete(id)
    this.#old.delete(id)
  }
}

/** Names of actors hold no slash. */
export const idOf = (actor: string, key: string): string => `${actor}/${key}`

/** Code units and UTF-8 bytes sort alike but for surrogates. */
const compareUtf8 = (left: string, right: string): number => {
  if (left === right) return 0
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
