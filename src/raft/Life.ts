// What is a group between its beginning from the disk and its end? What it knows, for as long as that lasts, and what is there
// by day.

import { Effect, Exit, Scope } from "effect"
import type { LeadingService } from "../machine/leading/Leading.ts"
import { Checkpoints } from "./Checkpoints.ts"
import { Day, type Lasting } from "./Day.ts"
import { Freshness } from "./Freshness.ts"
import { type Closing, repairing } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import type { Herald } from "./Herald.ts"
import type { Listeners } from "./Listeners.ts"
import { type Applied, type Flushed, isBehind } from "./reach.ts"
import { isInRepair } from "./repair.ts"
import type { Run } from "./run.ts"
import { Scrubber } from "./Scrubber.ts"
import { Stuckness } from "./Stuckness.ts"
import { Tenure } from "./Tenure.ts"

interface Around {
  readonly herald: Herald
  readonly listeners: Listeners
  readonly leading: LeadingService | null
  /** Runs its lives; what kills one ends the group. */
  readonly run: Run
  readonly scope: Scope.Scope
}

/** A group that lives as long as the scope it was started in. */
export class Life implements Lasting {
  readonly group: Group
  readonly herald: Herald
  readonly listeners: Listeners
  readonly run: Run
  readonly applied: Applied
  readonly flushed: Flushed
  readonly freshness: Freshness
  readonly stuckness: Stuckness
  readonly checkpoints: Checkpoints
  readonly tenure: Tenure
  readonly scrubber: Scrubber
  readonly #scope: Scope.Scope
  #day: Day | null = null
  /** For what nobody is let in any more, and what those are told. */
  readonly #closed = new Map<"all" | "state", Closing>()

  constructor(group: Group, { herald, listeners, leading, run, scope }: Around) {
    const { appliedIndex } = group.node
    this.group = group
    this.herald = herald
    this.listeners = listeners
    this.run = run
    this.#scope = scope
    this.applied = { index: appliedIndex, changedIndex: appliedIndex }
    // A group that rests is not to stay awake for its first flush alone.
    const at = group.options.rests ? Number.NEGATIVE_INFINITY : nowOf(group.clock)
    this.flushed = { index: appliedIndex, at }
    this.freshness = new Freshness(group, this.applied)
    const today = () => this.today
    this.tenure = new Tenure(group, { today, listeners, service: leading })
    this.stuckness = new Stuckness(group, this.applied, today)
    this.checkpoints = new Checkpoints(group, this.applied, this.stuckness)
    this.scrubber = new Scrubber(group, this.flushed, this.checkpoints)
    group.rest.keptAwakeBy(() => this.#isAwake)
  }

  /** Null: it is night. */
  get day(): Day | null {
    return this.#day
  }

  /** For whoever has something to do: begins one when it is night. */
  get today(): Day {
    if (this.#day !== null) return this.#day
    const day = new Day(this, Scope.forkUnsafe(this.#scope))
    this.#day = day
    for (const [of, closing] of this.#closed) day.close(closing, of)
    // It may be for nothing: who is refused at the door leaves no work, and no mail either.
    if (this.group.rest.isResting) post(this.group, { type: "WorkDone" })
    return day
  }

  /** Of a day that is over nothing stays. */
  readonly endDay: Effect.Effect<void> = Effect.suspend(() => {
    const day = this.#day
    if (day === null) return Effect.void
    this.#day = null
    this.group.rest.attendedBy(null)
    return Scope.close(day.scope, Exit.void)
  })

  /** Answers everybody who waits, and lets nobody in any more. */
  answerAll(closing: Closing): void {
    this.#close(closing, "all")
  }

  /** At once: nothing of the state is shown from now on. */
  hideState(): void {
    this.#close(repairing, "state")
  }

  #close(closing: Closing, of: "all" | "state"): void {
    // The first word counts.
    if (!this.#closed.has(of)) this.#closed.set(of, closing)
    this.#day?.close(closing, of)
  }

  /** It has something to do, or would miss something if it rested. */
  get #isAwake(): boolean {
    const { group, applied, flushed, checkpoints, tenure, herald } = this
    if (group.partings.current !== null || isInRepair(group)) return true
    if (isBehind(group, applied, flushed) || this.#day?.isAwaited === true) return true
    return !checkpoints.isSettled || !tenure.isSettled || herald.isBehind
  }
}
