// What is one key of an actor, as of the last applied entry? Its state as a value, whose text and hash are made
// only when somebody asks: most states are replaced before a flush.

import type { Index } from "../consensus/types.ts"
import type { StoredInstance } from "../storage/StateStore.ts"
import type { Json } from "./actor.ts"
import { instanceDigest } from "./digest.ts"
import { type Canonical, parseCanonical } from "./json.ts"
import type { LoadedActor } from "./Registry.ts"

/** Replaced as a whole by every accepted command. */
export class Instance {
  /** By which the maps know it. */
  readonly id: string
  readonly actor: string
  readonly key: string
  readonly revision: number
  /** Version id of the code that wrote it. */
  readonly version: string
  /** Index of the entry that wrote it last. */
  readonly index: Index
  /** About what it takes in memory: a frozen value costs a few times its text. */
  readonly bytes: number
  /** What a reducer may be handed, kept when it is frozen all the way down. */
  view: { readonly of: LoadedActor; readonly value: unknown } | null = null
  /** Whether the sum over all instances has its digest. */
  isCounted: boolean
  #json: Json | undefined
  #text: string | undefined
  #digest: bigint | undefined

  /** As it came from disk, counted there. */
  static stored(id: string, row: StoredInstance): Instance {
    return new Instance(id, row, undefined, row.state, 300 + row.state.length * 4, true)
  }

  /** As an accepted command leaves it. */
  static written(id: string, head: Omit<StoredInstance, "state">, state: Canonical): Instance {
    return new Instance(id, head, state.json, undefined, 300 + state.textBytesMax, false)
  }

  /** As it came from where the code ran: its text alone. */
  static received(id: string, head: Omit<StoredInstance, "state">, text: string): Instance {
    return new Instance(id, head, undefined, text, 300 + text.length * 4, false)
  }

  private constructor(
    id: string,
    head: Omit<StoredInstance, "state">,
    json: Json | undefined,
    text: string | undefined,
    bytes: number,
    isCounted: boolean,
  ) {
    this.id = id
    this.actor = head.actor
    this.key = head.key
    this.revision = head.revision
    this.version = head.version
    this.index = head.index
    this.bytes = bytes
    this.isCounted = isCounted
    this.#json = json
    this.#text = text
  }

  /** Canonical, and frozen. */
  get json(): Json {
    if (this.#json === undefined) this.#json = parseCanonical(this.text)
    return this.#json
  }

  /** Canonical JSON. */
  get text(): string {
    this.#text ??= JSON.stringify(this.#json)
    return this.#text
  }

  get digest(): bigint {
    this.#digest ??= instanceDigest(this, this.text)
    return this.#digest
  }
}
