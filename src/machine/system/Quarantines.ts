// Which instances take no commands, because the code that ran for them failed its host? As of the last applied entry.

import type { Index, Term } from "../../consensus/types.ts"
import type { Fault } from "../fault.ts"
import { type Instances, idOf } from "../Instances.ts"
import { Rows } from "./rows.ts"

/** Why an instance is in quarantine, and with what it came there. */
export interface Quarantine {
  readonly actor: string
  readonly key: string
  /** Version id of the code that failed. */
  readonly version: string
  readonly fault: Fault
  /** Entry that put it there, and log time. */
  readonly index: Index
  readonly at: number
  /** The instance has so many accepted commands. */
  readonly revision: number
  /** Node whose host failed. */
  readonly by: string
  /** What was run: to be run again under another version. */
  readonly command: string
  readonly input: string
  readonly commandId: string
}

/** Entries of an instance that have no outcome of their own: no replica could get past the first of them. */
export interface Voided {
  readonly actor: string
  readonly key: string
  readonly from: Index
  /** The entry that says so. */
  readonly until: Index
  readonly command: string
  readonly fault: Fault
}

/** All of a group: they are few, and in memory. */
export class Quarantines {
  readonly #rows: Rows<Quarantine>
  readonly #byId = new Map<string, Quarantine>()
  #voided: Voided | null = null
  #suspects: { readonly term: Term; readonly faults: Map<string, Fault> } = { term: 0, faults: new Map() }

  constructor(instances: Instances) {
    this.#rows = new Rows(instances, "$quarantine")
    for (const { key, value } of this.#rows.all()) this.#byId.set(key, value)
  }

  /** Known ahead of its entry, by who has looked: the entries before it are about to be applied. */
  foresee(voided: Voided): void {
    this.#voided = voided
  }

  /** Null: the entry runs. */
  voiding(actor: string, key: string, index: Index): Voided | null {
    const voided = this.#voided
    const isMeant = voided !== null && voided.actor === actor && voided.key === key
    return isMeant && voided.from <= index && index < voided.until ? voided : null
  }

  /** A trial has failed its host in this term: until the log says so, nobody tries that instance again. */
  suspect(actor: string, key: string, fault: Fault, term: Term): void {
    if (this.#suspects.term !== term) this.#suspects = { term, faults: new Map() }
    this.#suspects.faults.set(idOf(actor, key), fault)
  }

  /** Null: it may be tried. */
  suspicion(actor: string, key: string, term: Term): Fault | null {
    return this.#suspects.term === term ? (this.#suspects.faults.get(idOf(actor, key)) ?? null) : null
  }

  get count(): number {
    return this.#byId.size
  }

  /** Null: it takes commands. */
  of(actor: string, key: string): Quarantine | null {
    return this.#byId.size === 0 ? null : (this.#byId.get(idOf(actor, key)) ?? null)
  }

  all(): ReadonlyArray<Quarantine> {
    return [...this.#byId.values()]
  }

  put(quarantine: Quarantine, index: Index): void {
    const id = idOf(quarantine.actor, quarantine.key)
    this.#byId.set(id, quarantine)
    this.#suspects.faults.delete(id)
    this.#rows.put(id, quarantine, index)
  }

  lift(actor: string, key: string, index: Index): void {
    const id = idOf(actor, key)
    this.#byId.delete(id)
    this.#rows.put(id, null, index)
  }
}
