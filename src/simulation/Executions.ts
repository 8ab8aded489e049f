// What have the machines executed? One record of the whole log, kept by whoever applies an entry first.

import type { Entry, Index } from "../consensus/types.ts"
import { decodeCommand, type LoggedCommand } from "../machine/command.ts"
import { isElsewhere, isMoved, type Outcome } from "../machine/outcome.ts"
import { readSystem, type SystemInput } from "../machine/system/commands.ts"
import { repairOf } from "../machine/system/quarantine.ts"
import { isSystemName } from "../machine/system/rows.ts"
import { insist } from "./Violation.ts"

export interface Execution {
  readonly index: Index
  readonly term: number
  /** `actor/key`. */
  readonly instance: string
  readonly command: string
  readonly idempotencyKey: string
  /** Empty for what a client proposed. */
  readonly timer: string
  readonly outcome: Outcome
}

interface Quarantined extends SystemInput<"$instance/quarantine"> {
  readonly index: Index
  readonly instance: string
}

/** Commands that were executed, each once; looked at by those who check what clients were told. */
export class Executions {
  /** By instance and idempotency key. */
  readonly #byKey = new Map<string, Execution>()
  readonly #accepted = new Map<string, Array<Execution>>()
  /** What repairs have made of instances, with the JSON text of what was run or given. */
  readonly repairs: Array<Execution & { readonly input: string }> = []
  /** With what instances came into quarantine. */
  readonly #quarantines: Array<Quarantined> = []
  #lastIndex: Index = 0
  /** Of the group that keys of some actors come from. */
  #before: Executions | null = null
  #taken: ReadonlySet<string> = new Set()
  /**
   * Applied by a process that died before it could tell what came of it, while its disk kept the state: until another
   * one has applied these, nobody knows.
   */
  readonly #untold = new Set<Index>()

  /** The log has been applied up to here, by somebody. */
  get lastIndex(): Index {
    return this.#lastIndex
  }

  /** What is executed of these actors goes on where that group has let go of it. */
  continues(before: Executions, actors: ReadonlyArray<string>): void {
    this.#before = before
    this.#taken = new Set(actors)
  }

  /** Every machine tells of every entry that it applies; the first one is noted. */
  note(entry: Entry, outcome: Outcome | null): void {
    const { index } = entry
    if (index <= this.#lastIndex && !this.#untold.delete(index)) return
    for (let before = this.#lastIndex + 1; before < index; before++) this.#untold.add(before)
    this.#lastIndex = Math.max(this.#lastIndex, index)
    if (entry.kind !== "command" || outcome === null) return
    const command = decodeCommand(entry.data)
    if (command === null || outcome.replayed || isCopied(command)) return
    const { idempotencyKey, timer } = command
    const instance = `${command.actor}/${command.key}`
    if (command.actor === "$instance") return this.#noteQuarantine(entry, command, outcome)
    // What was not executed, because another version was active by then, is asked for anew under the same key; so is what
    // belongs to another group.
    const isAskedAnew: boolean = isMoved(outcome) || isElsewhere(outcome)
    if (isAskedAnew) return
    const execution: Execution = {
      index,
      term: entry.term,
      instance,
      command: command.command,
      idempotencyKey,
      timer,
      outcome,
    }
    const isTimerGone = timer !== "" && outcome._tag === "Refused"
    if (isTimerGone) return
    const known =
      this.find(instance, idempotencyKey) ?? this.#earlier(instance)?.find(instance, idempotencyKey)
    if (outcome._tag === "Refused" && outcome.code === "idempotency-mismatch") {
      // Not executed: another command or input has had this key, earlier in the log.
      const isKnown = known !== undefined || !this.isToldUpTo(index)
      insist("exactly once", isKnown, `${idempotencyKey} of ${instance} was used before (C1)`)
      return
    }
    insist(
      "exactly once",
      known === undefined,
      `${instance} executes ${idempotencyKey} (C1, D9)`,
      index,
      known?.index,
    )
    this.#byKey.set(keyOf(instance, idempotencyKey), execution)
    // Revisions of the machine's own count nothing.
    if (outcome._tag === "Accepted" && !isSystemName(command.actor)) this.#accept(execution)
  }

  #accept(execution: Execution): void {
    const { instance, index } = execution
    const accepted = this.#accepted.get(instance) ?? []
    const place = accepted.findLastIndex((other) => other.index < index) + 1
    accepted.splice(place, 0, execution)
    this.#accepted.set(instance, accepted)
    if (!this.isToldUpTo(index)) return
    for (let at = place; at < accepted.length; at++) this.#isCounted(instance, accepted[at]!, at + 1)
  }

  /** What is run again for a repair is the command that was refused, under its own key. */
  #noteQuarantine({ index, term }: Entry, command: LoggedCommand, outcome: Outcome): void {
    const instance = command.key
    if (outcome._tag === "Refused") {
      const input = readSystem("$instance/quarantine", command.input)
      const isPut = outcome.code === "quarantined" && JSON.parse(outcome.extra).quarantine?.index === index
      if (input !== null && isPut) this.#quarantines.push({ index, instance, ...input })
      return
    }
    const repair = repairOf(command)
    if (repair === null || repair.input.how === "before") return
    const isRerun = repair.input.how === "rerun"
    const by = this.#quarantines.findLast((one) => one.instance === instance && one.index < index)
    const { result, revision } = JSON.parse(outcome.result)
    const execution = {
      index,
      term,
      instance,
      command: isRerun ? (by?.command ?? "") : "set",
      idempotencyKey: isRerun ? (by?.commandId ?? "") : command.idempotencyKey,
      timer: "",
      outcome: { ...outcome, result: JSON.stringify(result ?? null), revision },
    }
    this.#byKey.set(keyOf(instance, execution.idempotencyKey), execution)
    this.repairs.push({
      ...execution,
      input: isRerun ? (by?.input ?? "null") : JSON.stringify(repair.input.state),
    })
    this.#accept(execution)
  }

  /** Everybody knows what came of all entries up to there, and of all that was executed before elsewhere. */
  isToldOf(instance: string, index: Index): boolean {
    const earlier = this.#earlier(instance)
    return this.isToldUpTo(index) && earlier?.isToldUpTo(earlier.lastIndex) !== false
  }

  /** Everybody knows what came of all entries up to there. */
  isToldUpTo(index: Index): boolean {
    // Whose process ended over an entry may have it in its state, and nobody was told what came of it.
    if (index > this.#lastIndex) return false
    for (const untold of this.#untold) if (untold <= index) return false
    return true
  }

  find(instance: string, idempotencyKey: string): Execution | undefined {
    return this.#byKey.get(keyOf(instance, idempotencyKey))
  }

  /** Commands of an instance that were accepted, in order: the one at position n made revision n + 1. */
  accepted(instance: string): ReadonlyArray<Execution> {
    return this.#accepted.get(instance) ?? []
  }

  /** Of all instances of an actor: how often the command was accepted while the log was applied up to `index`. */
  acceptedCount(actor: string, command: string, index: Index): number {
    let count = 0
    for (const [instance, executions] of this.#accepted) {
      if (!instance.startsWith(`${actor}/`)) continue
      count += executions.filter((each) => each.command === command && each.index <= index).length
    }
    return count
  }

  /** The revision that an instance had when the log had been applied up to `index`. */
  revisionAt(instance: string, index: Index): number {
    const accepted = this.accepted(instance)
    let low = 0
    let high = accepted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (accepted[middle]!.index <= index) low = middle + 1
      else high = middle
    }
    return low + (this.#earlier(instance)?.accepted(instance).length ?? 0)
  }

  /** It was executed where the key came from. */
  hasTakenOver(instance: string, idempotencyKey: string): boolean {
    return this.#earlier(instance)?.find(instance, idempotencyKey) !== undefined
  }

  /** Null: its keys come from nowhere. */
  #earlier(instance: string): Executions | null {
    return this.#taken.has(instance.slice(0, instance.indexOf("/"))) ? this.#before : null
  }

  #isCounted(instance: string, { index, outcome }: Execution, count: number): void {
    const revision = outcome._tag === "Accepted" ? outcome.revision : 0
    if (!this.isToldOf(instance, index)) return
    // What has come from elsewhere was let go of there: it does not become more.
    const all = count + (this.#earlier(instance)?.accepted(instance).length ?? 0)
    insist("exactly once", revision === all, `revision of ${instance} at ${index}`, revision, all)
  }
}

/** Pieces of code are stored as often as they come; of what is handed over the next portion alone changes something. */
const isCopied = ({ actor, command }: LoggedCommand): boolean =>
  (actor === "$actor" && command === "piece") || (actor === "$shard" && command === "take")

const keyOf = (instance: string, idempotencyKey: string): string => `${instance}\n${idempotencyKey}`
