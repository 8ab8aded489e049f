// Which entries may run together? As many as can be weighed before any of them has run, with the same answer as if
// they had been weighed one by one: wherever a batch is cut, every replica comes to the same.

import type { Entry } from "../consensus/types.ts"
import type { Reduce } from "./Executor.ts"
import { type MachineState, type Weighed, weigh } from "./execution.ts"
import type { OutcomeSlot } from "./Outcomes.ts"
import { isCheckpoint } from "./system/checkpoint.ts"

/** One entry of a wave, and what is known of it. */
export interface Step {
  readonly entry: Entry
  /** Log time. */
  readonly now: number
  /** Null: no command. */
  readonly weighed: Exclude<Weighed, { type: "system" }> | null
}

/** Entries behind each other, and the calls of those that run, in order. */
export class Wave {
  readonly steps: Array<Step> = []
  readonly calls: Array<Reduce> = []
  readonly #state: MachineState
  readonly #slots = new Set<string>()
  readonly #timers = new Set<string>()
  /** What each command of the wave may set, whichever of them comes first. */
  readonly #timersMax: number
  readonly #callsMax: number
  #bytes = 0
  #isClosed = false

  constructor(state: MachineState) {
    this.#state = state
    const { timersMax, timersPerCommandMax } = state.limits
    // What came with keys of another group may be more than the group would let anybody set.
    const left = Math.max(0, timersMax - state.timers.count)
    this.#timersMax = Math.min(timersPerCommandMax, left)
    // While the group's timers may run out, each command must know what the one before has left.
    this.#callsMax = Math.min(callsMax, Math.max(1, Math.floor(left / Math.max(1, timersPerCommandMax))))
  }

  /** Takes the next entry; says why not when it cannot: it must wait for the others, or run on its own. */
  take(entry: Entry, now: number): "taken" | "full" | Extract<Weighed, { type: "system" }> {
    const isEmpty = this.steps.length === 0
    if (this.#isClosed) return "full"
    if (isCheckpoint(entry)) {
      // What the state comes to there is asked of this very place: nothing runs ahead of it.
      if (!isEmpty) return "full"
      this.#isClosed = true
      return this.#push({ entry, now, weighed: null })
    }
    if (this.#state.quarantines.beginsVoid(entry.index)) {
      if (!isEmpty) return "full"
      this.#isClosed = true
    }
    if (entry.kind !== "command") return this.#push({ entry, now, weighed: null })
    const weighed = weigh(this.#state, entry, now)
    if (weighed.type === "system") return isEmpty ? weighed : "full"
    // What is remembered, and what timers wait, the commands before it may still change.
    if (!isEmpty && this.#isOpen(weighed)) return "full"
    if (weighed.type === "runs") {
      this.#call(weighed, entry, now)
      if (weighed.timer !== null) this.#timers.add(weighed.timer.id)
    }
    const slot = weighed.type === "runs" ? weighed.slot : (weighed.remembered?.slot ?? null)
    if (slot !== null) this.#slots.add(textOf(slot))
    return this.#push({ entry, now, weighed })
  }

  #isOpen(weighed: Exclude<Weighed, { type: "system" }>): boolean {
    if (weighed.type === "settled") {
      const { remembered } = weighed
      // A first answer that is found now may be forgotten when those before it have theirs; a timer may be set by one.
      if (remembered === null) return this.calls.length > 0 || this.#slots.size > 0
      return this.#slots.has(textOf(remembered.slot))
    }
    if (this.calls.length >= this.#callsMax || this.#bytes >= bytesMax) return true
    if (weighed.timer !== null) return this.#timers.has(weighed.timer.id)
    return weighed.slot !== null && this.#slots.has(textOf(weighed.slot))
  }

  #call(weighed: Extract<Weighed, { type: "runs" }>, entry: Entry, now: number): void {
    const { command, input } = weighed
    const instance = this.#state.instances.get(command.actor, command.key)
    this.#bytes += command.input.length
    this.calls.push({
      type: "reduce",
      actor: command.actor,
      version: command.version,
      instance,
      key: command.key,
      command: command.command,
      input,
      ifRevision: command.ifRevision,
      commandId: command.idempotencyKey,
      caller: command.caller,
      seed: command.seed,
      now,
      index: entry.index,
      term: entry.term,
      timersMax: this.#timersMax,
    })
  }

  #push(step: Step): "taken" {
    this.steps.push(step)
    return "taken"
  }
}

/** Keys hold no NUL, and names of actors no slash. */
const textOf = ({ actor, key, idempotencyKey }: OutcomeSlot): string =>
  `${actor}/${key}\u0000${idempotencyKey}`

const callsMax = 1024
const bytesMax = 4 * 1024 * 1024
