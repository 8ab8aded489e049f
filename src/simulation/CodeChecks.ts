// Does every replica run each command with the one version that the log has for it, and none of an instance that is in
// quarantine? (HAZARDS D5, D7)

import type { Entry, Index, NodeId, Term } from "../consensus/types.ts"
import { decodeCommand, type LoggedCommand } from "../machine/command.ts"
import { type Accepted, isMoved, type Outcome, type Refused } from "../machine/outcome.ts"
import { readSystem } from "../machine/system/commands.ts"
import { repairOf, subjectOf } from "../machine/system/quarantine.ts"
import { CodeTruth } from "./CodeTruth.ts"
import type { Sightings } from "./markers.ts"
import { hangsAlways, type Release, releaseAt, tillName } from "./Releases.ts"
import { insist } from "./Violation.ts"

/** What somebody had asked for. */
type Asked = Pick<LoggedCommand, "actor" | "key" | "command">

interface Refusal {
  readonly wish: Asked
  readonly code: Refused["code"]
  readonly since: Index
  readonly until: Index
}

interface Told {
  readonly entry: Entry
  readonly outcome: Outcome | null
}

export class CodeChecks {
  readonly #sightings: Sightings
  /** The term in which an entry was committed. */
  readonly #committedIn: (index: Index) => Term | undefined
  readonly #truth = new CodeTruth()
  /** The outcome of each entry, as text, and who told it first. */
  readonly #outcomes = new Map<Index, { readonly text: string; readonly id: NodeId }>()
  /** Told, and behind an entry of which nobody has told. */
  readonly #waiting = new Map<Index, Told>()
  /** Judged up to here. */
  #index: Index = 0
  /** Told by whoever was further than those who have told of entries. */
  #refusals: ReadonlyArray<Refusal> = []
  /** Called quarantined, and not yet by any entry. */
  #unexplained: ReadonlyArray<{ readonly index: Index; readonly key: string; readonly version: string }> = []
  /** What was accepted last of each instance, by key. */
  readonly #acceptedAt = new Map<string, Index>()
  /** Idempotency keys of commands that were not executed because they had been admitted for another version. */
  readonly #moved = new Set<string>()
  /** Tried before they may enter the log. */
  readonly #uploaded = new Set<string>()

  constructor(sightings: Sightings, committedIn: (index: Index) => Term | undefined) {
    this.#sightings = sightings
    this.#committedIn = committedIn
  }

  /** Null: none. */
  get active(): Release | null {
    return this.#truth.activeAt(this.#index)
  }

  isHeldBack(key: string): boolean {
    return this.#truth.isHeldBack(key)
  }

  /** Every machine tells of every entry that it applies. */
  applied(id: NodeId, entry: Entry, outcome: Outcome | null): void {
    const { index } = entry
    const text = outcome === null ? "" : JSON.stringify(outcome)
    const known = this.#outcomes.get(index)
    if (known !== undefined) {
      insist(
        "one outcome",
        known.text === text,
        `entry ${index} at ${known.id} and ${id} (D7)`,
        known.text,
        text,
      )
      return
    }
    this.#outcomes.set(index, { text, id })
    this.#waiting.set(index, { entry, outcome })
    for (let next = this.#take(); next !== null; next = this.#take()) this.#judge(next)
    if (this.#refusals.length === 0) return
    for (const refusal of this.#refusals) if (refusal.until <= this.#index) this.#judgeRefusal(refusal)
    this.#refusals = this.#refusals.filter(({ until }) => until > this.#index)
  }

  /** Nobody was refused for nothing. Once all is applied. */
  settle(): void {
    const [first] = this.#unexplained
    insist("quarantine", first === undefined, "called quarantined, and no entry says so (D5)", first)
  }

  /**
   * A client was refused for what the machine knew: so it was at a place of the log that was not behind what could have
   * been seen. `since`: what had been committed when it was asked, `until`: when it was told.
   */
  refused(wish: Asked, { code }: Refused, since: Index, until: Index): void {
    if (wish.actor !== tillName) return
    const refusal = { wish, code, since, until }
    // Of some entries nobody may have told yet.
    if (until <= this.#index) this.#judgeRefusal(refusal)
    else this.#refusals = [...this.#refusals, refusal]
  }

  #judgeRefusal({ wish: { actor, key, command }, code, since, until }: Refusal): void {
    const versions = this.#truth.activeWithin(since, until)
    const what = `${actor}/${key}/${command}: ${code}, from ${since} up to ${until}`
    const names = versions.map((release) => release?.name ?? "none")
    switch (code) {
      case "unknown-actor":
        return insist("refused by the state", versions.includes(null), what, names)
      case "unknown-command": {
        this.#sightings.see("command of another version refused")
        const isUnknown = versions.some((release) => release?.loaded.commands.has(command) === false)
        return insist("refused by the state", isUnknown, what, names)
      }
      case "quarantined":
        return insist("refused by the state", this.#truth.wasBarred(key, since, until), what)
      default:
        return
    }
  }

  #take(): Told | null {
    const next = this.#waiting.get(this.#index + 1)
    if (next === undefined) return null
    this.#index++
    this.#waiting.delete(this.#index)
    return next
  }

  #judge({ entry, outcome }: Told): void {
    const command = entry.kind === "command" ? decodeCommand(entry.data) : null
    if (command === null || outcome === null || outcome.replayed) return
    if (command.actor === tillName) return this.#judgeTill(entry.index, command, outcome)
    if (command.key === tillName && command.actor === "$actor")
      return this.#judgeSwitch(entry, command, outcome)
    const subject = command.actor === "$instance" ? subjectOf(command.key) : null
    if (subject?.actor !== tillName) return
    if (command.command === "quarantine") this.#judgeQuarantine(entry.index, subject.key, command, outcome)
    else this.#judgeRepair(entry.index, subject.key, command, outcome)
  }

  #judgeTill(index: Index, { key, version, command, idempotencyKey }: LoggedCommand, outcome: Outcome): void {
    if (outcome._tag === "Refused" && outcome.code === "idempotency-mismatch") return
    const what = `entry ${index}, ${command} of ${tillName}/${key}`
    const active = this.#truth.activeAt(index)
    const isOther = active === null || version !== active.version
    const hasMoved: boolean = isMoved(outcome)
    insist("version", hasMoved === isOther, `${what}: moved (D7)`, version, active?.version)
    if (hasMoved) {
      this.#moved.add(idempotencyKey)
      return this.#sightings.see("command moved by a switch")
    }
    if (this.#truth.isSuspended(version, index) || this.#truth.isQuarantined(key, index)) {
      const isRefused = outcome._tag === "Refused" && refusedWhileBarred.has(outcome.code)
      return insist("quarantine", isRefused, `${what}: not executed (D5)`, outcome)
    }
    if (outcome._tag === "Refused") {
      // That nobody could get past it, an entry further on says.
      if (outcome.code === "quarantined") this.#unexplained = [...this.#unexplained, { index, key, version }]
      return
    }
    this.#judgeAnswer(index, key, active!, outcome)
    if (this.#moved.has(idempotencyKey)) this.#sightings.see("moved command asked anew")
  }

  /** The answer says which code has given it. */
  #judgeAnswer(index: Index, key: string, active: Release, outcome: Pick<Accepted, "result">): void {
    const { by } = JSON.parse(outcome.result)
    insist(
      "version",
      by === active.name,
      `entry ${index} of ${tillName}/${key} is run by one version (D7)`,
      by,
      active.name,
    )
    this.#acceptedAt.set(key, index)
    this.#wrote(key, active)
  }

  #wrote(key: string, by: Release): void {
    const before = this.#truth.writers.get(key)
    const [from, to] = [before?.manifest.declared ?? 0, by.manifest.declared]
    if (from > to) this.#sightings.see("state migrated down")
    if (before !== undefined && from < to) this.#sightings.see("state migrated up")
    this.#truth.writers.set(key, by)
  }

  #judgeSwitch({ index, term }: Entry, command: LoggedCommand, outcome: Outcome): void {
    if (outcome._tag !== "Accepted") return
    const given = JSON.parse(outcome.result)
    if (command.command === "register") {
      const { version, source } = readSystem("$actor/register", command.input)!
      const isGenuine = releaseAt(version) !== undefined
      insist("version", isGenuine, `entry ${index}: code is what it is called`, version)
      if (!given.known && source === "upload") this.#uploaded.add(version)
    } else if (given.changed) {
      const before = this.#truth.activeAt(index)
      const active = this.#truth.switched(index, given.active)
      this.#insistOnWay(index, active)
      if (this.#committedIn(index) !== term) this.#sightings.see("version switched by a later leader")
      if (command.command === "rollback") this.#sightings.see("version rolled back")
      else if (before !== null) this.#sightings.see("version switched")
    }
  }

  /** Nothing was written that the version could not be brought to. */
  #insistOnWay(index: Index, { manifest: { declared } }: Release): void {
    for (const [key, { name, manifest }] of this.#truth.writers) {
      for (let from = manifest.declared; from > declared; from--) {
        const hasWay = manifest.migrations.some(({ to, down }) => to === from && down)
        insist("way back", hasWay, `entry ${index}: ${tillName}/${key} was written by ${name}, to`, declared)
      }
    }
  }

  #judgeQuarantine(index: Index, key: string, command: LoggedCommand, outcome: Outcome): void {
    const input = readSystem("$instance/quarantine", command.input)!
    const isRefused = outcome._tag === "Refused" && outcome.code === "quarantined"
    insist("quarantine", isRefused, `entry ${index} puts ${tillName}/${key} into quarantine`, outcome)
    const { voidFrom, version } = input
    const isVoid = voidFrom !== null
    if (this.#truth.isQuarantined(key, index)) {
      // By a trial, while every replica stood still before that: from here on what is voided is held back.
      if (!isVoid || this.#truth.isHeldBack(key) || !this.#truth.isSecludedSince(key, voidFrom)) return
      this.#truth.lifted(key, index)
    }
    this.#truth.secluded(key, { from: index, version, isVoid, countsFrom: voidFrom ?? index })
    if (this.#truth.isSuspended(version, index)) this.#sightings.see("actor suspended")
    if (!isVoid) return this.#sightings.see("quarantined before the log")
    this.#sightings.see("command voided")
    const isTried = this.#uploaded.has(version)
    const isTold = isTried && hangsAlways(version, input.command, JSON.parse(input.input))
    insist("trial", !isTold, `entry ${index}: what never ends does not get into the log (D5)`, input)
    const executedAt = this.#acceptedAt.get(key) ?? 0
    const what = `entry ${index} voids what nobody has executed (D5)`
    insist("quarantine", executedAt < voidFrom, what, executedAt, voidFrom)
    this.#unexplained = this.#unexplained.filter(
      (one) => (one.key !== key || one.index < voidFrom) && !this.#truth.isSuspended(one.version, one.index),
    )
  }

  #judgeRepair(index: Index, key: string, command: LoggedCommand, outcome: Outcome): void {
    if (outcome._tag !== "Accepted") return
    const isThere = this.#truth.isQuarantined(key, index)
    insist("quarantine", isThere, `entry ${index} repairs ${tillName}/${key}, which is in quarantine`)
    this.#truth.lifted(key, index)
    const { how } = repairOf(command)!.input
    const active = this.#truth.activeAt(index)!
    this.#sightings.see("instance repaired")
    if (how === "before") return
    if (how === "rerun") {
      this.#sightings.see("command run again by a repair")
      const { result } = JSON.parse(outcome.result)
      return this.#judgeAnswer(index, key, active, { result: JSON.stringify(result) })
    }
    this.#acceptedAt.set(key, index)
    this.#wrote(key, active)
  }
}

/** What is looked at before, or after an operator has repaired it. */
const refusedWhileBarred: ReadonlySet<string> = new Set(["quarantined", "unknown-command", "invalid-input"])
