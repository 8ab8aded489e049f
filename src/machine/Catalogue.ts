// Which actors are there, in which versions, and which version runs a command? As of the last applied entry.

import type { Index } from "../consensus/types.ts"
import type { Json } from "./actor.ts"
import type { Instances } from "./Instances.ts"
import type { LoadedActor, Registry } from "./Registry.ts"
import type { Home } from "./slots.ts"
import { Rows } from "./system/rows.ts"

/** What is known of a version without running it. */
export interface Manifest extends Home {
  /** The number that its author counts the shapes of the state by. */
  readonly declared: number
  readonly commands: ReadonlyArray<string>
  readonly queries: ReadonlyArray<string>
  /** Canonical JSON of the state of an instance that was never written. */
  readonly initial: string
  /** Declared versions that it has a step to, and whether that step leads back as well. */
  readonly migrations: ReadonlyArray<{ readonly to: number; readonly down: boolean }>
  /** Something of it runs where its group leads. */
  readonly hasLeading: boolean
  /** Something of it answers requests, on every node. Absent: nothing. */
  readonly hasRoutes?: boolean
  /** JSON schemas by place (`state`, `commands.add.input`, …), to compare versions by. */
  readonly shapes: { readonly [place: string]: Json }
}

/** One version of an actor, as the group keeps it. */
export interface VersionRow extends Manifest {
  /** How many pieces its code is stored in. */
  readonly pieces: number
  readonly bytes: number
  /** Node at whose door it came in, or whose actors directory it is from. */
  readonly by: string
  /** `file`: from the operator's own actors directory, and trusted with softer limits. */
  readonly source: "file" | "upload"
  /** Entry that registered it, and log time. */
  readonly index: Index
  readonly at: number
}

/** One actor. */
export interface ActorRow {
  /** Version id; null: none has ever been switched on. */
  readonly active: string | null
  /** Those that were active before, the latest last: where a rollback leads. */
  readonly previous: ReadonlyArray<string>
  /** In the order in which they came. */
  readonly versions: ReadonlyArray<string>
  /** What each node has in its actors directory, as it said when it started last. */
  readonly offers: { readonly [node: string]: { readonly version: string; readonly declared: number } }
  /** When the active one was switched on. */
  readonly activatedAt: Index
}

/** What the machine asks of a version before it hands a call out. */
export interface ActorVersion {
  readonly name: string
  readonly version: string
  readonly declared: number
  readonly commands: ReadonlySet<string>
  readonly queries: ReadonlySet<string>
  /** Canonical JSON. */
  readonly initialText: string
  /** A command of it runs once before it may enter the log. */
  readonly isTried: boolean
  /** Something of it runs where its group leads: of the operator's own files alone. */
  readonly isLed: boolean
  /** Something of it answers requests: of the operator's own files alone. */
  readonly isRouted: boolean
}

/** Over the rows of the state, or, for tests and the simulation, over actors that were always there. */
export class Catalogue {
  readonly actors: Rows<ActorRow>
  readonly versions: Rows<VersionRow>
  readonly #code: Rows<string>
  readonly #preset: Registry | null
  #hasGuests: boolean | null = null
  /** Of all actors, in order; null: a row has changed since. */
  #names: ReadonlyArray<string> | null = null
  readonly #known = new Map<string, ActorVersion>()
  /** What the rows say of an actor, until one of them changes. */
  readonly #looked = new Map<string, { readonly isStored: boolean; readonly active: ActorVersion | null }>()

  /** `preset`: no entry has brought these, so that all replicas must be built with the same. */
  constructor(instances: Instances, preset: Registry | null) {
    this.actors = new Rows(instances, "$actor")
    this.versions = new Rows(instances, "$version")
    this.#code = new Rows(instances, "$code")
    this.#preset = preset
  }

  /** What new commands of an actor run with; undefined when there is no such actor. */
  active(name: string): ActorVersion | undefined {
    return this.#look(name).active ?? undefined
  }

  /**
   * The version that an entry names, when it may run: the active one, and of actors that no entry has brought every
   * one that is at hand. What was admitted for another version is to be asked anew.
   */
  runnable(name: string, version: string): ActorVersion | "missing" | "moved" {
    const { isStored, active } = this.#look(name)
    if (active !== null && active.version === version) return active
    if (isStored) return "moved"
    const loaded = this.#preset?.find(name, version)
    return loaded === undefined ? "missing" : versionOf(loaded)
  }

  /** By which number its author counts the shapes of the state; undefined when that version is not known. */
  declaredBy(name: string, version: string): number | undefined {
    return this.#look(name).isStored
      ? this.#read(name, version)?.declared
      : this.#preset?.find(name, version)?.declared
  }

  /** Every actor that can take commands, in order of their names. */
  *all(): Generator<ActorVersion> {
    this.#names ??= this.#readNames()
    for (const name of this.#names) {
      const version = this.active(name)
      if (version !== undefined) yield version
    }
  }

  /** Some actor that can take commands is not from the operator's own files. */
  get hasGuests(): boolean {
    this.#hasGuests ??= Iterator.from(this.all()).some(({ isTried }) => isTried)
    return this.#hasGuests
  }

  putActor(name: string, row: ActorRow, index: Index): void {
    this.actors.put(name, row, index)
    this.#looked.delete(name)
    this.#hasGuests = null
    this.#names = null
  }

  putVersion(name: string, version: string, row: VersionRow, index: Index): void {
    this.versions.put(versionKey(name, version), row, index)
    this.#known.delete(versionKey(name, version))
  }

  /** Its code goes when no other actor has the same. */
  removeVersion(name: string, version: string, index: Index): void {
    const row = this.versions.get(versionKey(name, version))
    if (row === null) return
    this.versions.put(versionKey(name, version), null, index)
    this.#known.delete(versionKey(name, version))
    const isShared = Iterator.from(this.versions.all()).some(({ key }) => key.endsWith(`@${version}`))
    if (!isShared) for (let at = 0; at < row.pieces; at++) this.#code.put(codeKey(version, at), null, index)
  }

  putPiece(version: string, at: number, text: string, index: Index): void {
    if (this.#code.get(codeKey(version, at)) !== text) this.#code.put(codeKey(version, at), text, index)
  }

  /** One of them; null when it is missing. */
  piece(version: string, at: number): string | null {
    return this.#code.get(codeKey(version, at))
  }

  /** Null when a piece is missing. */
  code(version: string, pieces: number): string | null {
    let code = ""
    for (let at = 0; at < pieces; at++) {
      const piece = this.#code.get(codeKey(version, at))
      if (piece === null) return null
      code += piece
    }
    return code
  }

  row(name: string, version: string): VersionRow | null {
    return this.versions.get(versionKey(name, version))
  }

  #readNames(): ReadonlyArray<string> {
    const names = new Set(this.#preset?.current.keys() ?? [])
    for (const { key } of this.actors.all()) names.add(key)
    return [...names].sort()
  }

  #look(name: string): { readonly isStored: boolean; readonly active: ActorVersion | null } {
    const looked = this.#looked.get(name)
    if (looked !== undefined) return looked
    const row = this.actors.get(name)
    const loaded = this.#preset?.current.get(name)
    const active =
      row === null
        ? loaded === undefined
          ? null
          : versionOf(loaded)
        : row.active === null
          ? null
          : this.#read(name, row.active)
    const found = { isStored: row !== null, active }
    // Names that clients make up must not fill the memory.
    if (row !== null || loaded !== undefined || this.#looked.size < namesMax) this.#looked.set(name, found)
    return found
  }

  #read(name: string, version: string): ActorVersion | null {
    const key = versionKey(name, version)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const row = this.versions.get(key)
    if (row === null) return null
    const found: ActorVersion = {
      name,
      version,
      declared: row.declared,
      commands: new Set(row.commands),
      queries: new Set(row.queries),
      initialText: row.initial,
      isTried: row.source === "upload",
      isLed: row.hasLeading && row.source === "file",
      isRouted: row.hasRoutes === true && row.source === "file",
    }
    this.#known.set(key, found)
    return found
  }
}

/** Of names that are no actor's, so that to ask for them costs no look at the disk each time. */
const namesMax = 10_000

/** Names of actors hold no `@`. */
const versionKey = (name: string, version: string): string => `${name}@${version}`
const codeKey = (version: string, at: number): string => `${version}.${at}`

const versionOf = (loaded: LoadedActor): ActorVersion => ({
  name: loaded.name,
  version: loaded.version,
  declared: loaded.declared,
  commands: new Set(loaded.commands.keys()),
  queries: new Set(loaded.queries.keys()),
  initialText: loaded.initialText,
  isTried: false,
  isLed: loaded.leading !== null,
  isRouted: loaded.routes !== null,
})
