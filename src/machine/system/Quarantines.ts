// Which instances take no commands, because the code that ran for them failed its host? As of the last applied entry.

import type { Index, Term } from "../../consensus/types.ts"
import type { Guilt } from "../fault.ts"
import { type Instances, idOf } from "../Instances.ts"
import { Rows } from "./rows.ts"

/** Why an instance is in quarantine, and with what it came there. */
export interface Quarantine {
  readonly actor: string
  readonly key: string
  /** Version id of the code that failed. */
  readonly version: string
  readonly fault: Guilt
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
  /** Id of the timer that it fired; empty: a client sent it. */
  readonly timer: string
  /** It was in the log already: every replica stood still until it was voided. */
  readonly isVoid: boolean
}

/** A version of an actor that takes no commands, because of what too many of its instances did. */
export interface Suspension {
  readonly actor: string
  readonly version: string
  /** In quarantine by that version. */
  readonly instances: number
  /** The one that came last. */
  readonly last: Failing
}

/** What a command came to that was run again for a repair: whoever sent it may still ask for its answer. */
export interface Rerun {
  readonly command: string
  readonly input: string
  readonly commandId: string
  readonly result: string
  readonly revision: number
  readonly index: Index
  readonly term: Term
}

/** Entries of an instance that have no outcome of their own: no replica could get past the first of them. */
export interface Voided {
  readonly actor: string
  readonly key: string
  /** Version id of the code that failed. */
  readonly version: string
  readonly from: Index
  /** The entry that says so. */
  readonly until: Index
  readonly command: string
  readonly fault: Guilt
}

/** All of a group: they are few, and in memory. */
export class Quarantines {
  readonly #rows: Rows<Quarantine>
  readonly #rerunRows: Rows<Rerun>
  readonly #byId = new Map<string, Quarantine>()
  readonly #reruns = new Map<string, Rerun>()
  /** By actor and version: names of actors hold no `@`. */
  readonly #suspensions = new Map<string, Suspension>()
  /** By instance. Those whose first entry is applied are in the state: their last may be far. */
  readonly #voids = new Map<string, Voided>()
  readonly #voidRows: Rows<Voided>
  #suspects: { readonly term: Term; readonly faults: Map<string, Suspect> } = { term: 0, faults: new Map() }

  constructor(instances: Instances) {
    this.#rows = new Rows(instances, "$quarantine")
    this.#rerunRows = new Rows(instances, "$rerun")
    this.#voidRows = new Rows(instances, "$voided")
    for (const { key, value } of this.#voidRows.all()) this.#voids.set(key, value)
    for (const { key, value } of this.#rows.all()) this.#byId.set(key, value)
    for (const { key, value } of this.#rerunRows.all()) this.#reruns.set(key, value)
    for (const { actor, version } of [...this.#byId.values(), ...this.#voids.values()]) {
      this.#judge(actor, version)
    }
  }

  /** Known ahead of its entry, by who has looked: the entries before it are about to be applied. */
  foresee(voided: Voided): void {
    this.#voids.set(idOf(voided.actor, voided.key), voided)
  }

  /** Null: the entry runs. */
  voiding(actor: string, key: string, index: Index): Voided | null {
    const voided = this.#voids.size === 0 ? undefined : this.#voids.get(idOf(actor, key))
    return voided !== undefined && voided.from <= index && index < voided.until ? voided : null
  }

  /** What comes behind this entry is weighed anew: its actor may be suspended from there on. */
  beginsVoid(index: Index): boolean {
    return this.#voids.size > 0 && this.#voids.values().some(({ from }) => from === index)
  }

  /**
   * An entry is applied. What is foreseen counts from its first entry on: whoever begins there, after a restart or with a
   * snapshot, knows of it, and what else its actor has in the log is not tried one by one.
   */
  passed(index: Index): void {
    for (const [id, voided] of this.#voids) {
      if (voided.from === index) this.#voidRows.put(id, voided, index)
      if (voided.until <= index) this.#endVoid(id, index)
      if (voided.from === index || voided.until <= index) this.#judge(voided.actor, voided.version)
    }
  }

  #endVoid(id: string, index: Index): void {
    if (!this.#voids.delete(id)) return
    if (this.#voidRows.get(id) !== null) this.#voidRows.put(id, null, index)
  }

  /** A trial has failed its host in this term: until the log says so, nobody tries that instance again. */
  suspect({ actor, key, version, fault }: Suspect, term: Term): void {
    if (this.#suspects.term !== term) this.#suspects = { term, faults: new Map() }
    this.#suspects.faults.set(idOf(actor, key), { actor, key, version, fault })
  }

  /** Null: it may be tried. */
  suspicion(actor: string, key: string, term: Term): Guilt | null {
    return this.#suspects.term === term ? (this.#suspects.faults.get(idOf(actor, key))?.fault ?? null) : null
  }

  /** Whether there will be a suspension when the log has said what trials have found in this term. */
  isOnTheBrink(actor: string, version: string, term: Term): boolean {
    if (this.#suspects.term !== term) return false
    const suspects = [...this.#suspects.faults.values()].filter(
      (one) => one.actor === actor && one.version === version,
    )
    return weightOf(this.#of(actor, version)) + suspects.length >= suspensionWeight
  }

  /** Not null: no instance of the actor takes a command of that version. */
  suspension(actor: string, version: string): Suspension | null {
    return this.#suspensions.size === 0 ? null : (this.#suspensions.get(`${actor}@${version}`) ?? null)
  }

  get suspensions(): ReadonlyArray<Suspension> {
    return [...this.#suspensions.values()]
  }

  /** What the command of an instance came to when it was run again, under its own key; null: it was not. */
  rerun(actor: string, key: string, commandId: string): Rerun | null {
    if (this.#reruns.size === 0) return null
    const rerun = this.#reruns.get(idOf(actor, key))
    return rerun?.commandId === commandId ? rerun : null
  }

  /** Of the instance that is in quarantine still. The latest counts; for what a timer fired, nobody asks. */
  noteRerun(
    { actor, key, ...came }: Pick<Rerun, "result" | "revision" | "term"> & { actor: string; key: string },
    index: Index,
  ): void {
    const id = idOf(actor, key)
    const { command, input, commandId, timer } = this.#byId.get(id)!
    if (timer !== "") return
    const rerun = { ...came, command, input, commandId, index }
    this.#reruns.set(id, rerun)
    this.#rerunRows.put(id, rerun, index)
  }

  /** Of which repaired instances of the actor it is known, in order of their keys. */
  reruns(actor: string): ReadonlyArray<{ readonly key: string; readonly rerun: Rerun }> {
    const prefix = idOf(actor, "")
    return [...this.#reruns]
      .filter(([id]) => id.startsWith(prefix))
      .map(([id, rerun]) => ({ key: id.slice(prefix.length), rerun }))
      .sort((left, right) => (left.key < right.key ? -1 : 1))
  }

  /** Null: it goes. */
  putRerun(actor: string, key: string, rerun: Rerun | null, index: Index): void {
    const id = idOf(actor, key)
    if (rerun === null) {
      this.#reruns.delete(id)
      return this.#rerunRows.remove(id)
    }
    this.#reruns.set(id, rerun)
    this.#rerunRows.put(id, rerun, index)
  }

  /** The key of an instance that waits for an operator, or of which entries are void, among some; null: there is none. */
  heldAmong(actor: string, isAmong: (key: string) => boolean): string | null {
    const all = [...this.#byId.values(), ...this.#voids.values()]
    return all.find((one) => one.actor === actor && isAmong(one.key))?.key ?? null
  }

  get count(): number {
    return this.#byId.size
  }

  countOf(actor: string): number {
    return this.#byId.size === 0 ? 0 : this.all().filter((one) => one.actor === actor).length
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
    this.#endVoid(id, index)
    this.#suspects.faults.delete(id)
    this.#rows.put(id, quarantine, index)
    this.#judge(quarantine.actor, quarantine.version)
  }

  lift(actor: string, key: string, index: Index): void {
    const id = idOf(actor, key)
    const version = this.#byId.get(id)?.version
    this.#byId.delete(id)
    this.#rows.put(id, null, index)
    if (version !== undefined) this.#judge(actor, version)
  }

  /** In quarantine, or about to be. */
  #of(actor: string, version: string): ReadonlyArray<Failing> {
    const isIts = (one: { readonly actor: string; readonly version: string }) =>
      one.actor === actor && one.version === version
    const begun = [...this.#voids]
      .filter(([id, one]) => isIts(one) && this.#voidRows.get(id) !== null)
      .map(
        ([, { key, command, fault, from }]): Failing => ({ key, command, fault, index: from, isVoid: true }),
      )
    return [...[...this.#byId.values()].filter(isIts), ...begun]
  }

  #judge(actor: string, version: string): void {
    const quarantines = this.#of(actor, version)
    const id = `${actor}@${version}`
    if (weightOf(quarantines) < suspensionWeight) return void this.#suspensions.delete(id)
    const last = quarantines.reduce((one, other) => (other.index > one.index ? other : one))
    this.#suspensions.set(id, { actor, version, instances: quarantines.length, last })
  }
}

type Suspect = Pick<Quarantine, "actor" | "key" | "version" | "fault">

/** An instance on which a version has failed, and by which command. */
type Failing = Pick<Quarantine, "key" | "command" | "fault" | "index" | "isVoid">

const weightOf = (quarantines: ReadonlyArray<Failing>): number =>
  quarantines.reduce((sum, { isVoid }) => sum + (isVoid ? voidWeight : 1), 0)

/** Each instance has cost the leader about a second; each that was voided, every replica some. */
export const suspensionWeight = 10
export const voidWeight = 5
