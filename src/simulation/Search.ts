// How does a search find an order that explains every answer? It places one operation after the other, and turns
// back where nothing fits (Wing and Gong), to nothing that has failed before (Lowe).

import { assert } from "../consensus/assert.ts"
import { Foresight } from "./Foresight.ts"
import type { Operation } from "./history.ts"
import { keyOf, type Model, show } from "./Model.ts"
import { type Alike, type Choice, Known, Timeline } from "./Timeline.ts"

export type Verdict =
  | { readonly kind: "linearizable"; readonly deadEnds: number }
  | {
      /** `undecided`: the search gave up at its limit. Nobody may call that linearizable. */
      readonly kind: "violation" | "undecided"
      /** How often the search turned back. */
      readonly deadEnds: number
      readonly furthest: Furthest
    }

/** The order that explained most. */
export interface Furthest {
  readonly order: ReadonlyArray<Operation>
  /** Behind that order, as the model shows it. */
  readonly state: string
  /** The operation that fits neither there nor further on. */
  readonly misfit: Operation
}

interface Placed<State> {
  readonly choice: Choice
  readonly operation: Operation
  readonly before: State
  /** Of an unknown one: how many others had been looked at. */
  readonly turn: number
}

export class Search<State> {
  readonly #model: Model<State>
  readonly #timeline: Timeline
  readonly #foresight: Foresight<State>
  #state: State
  #revision: number
  readonly #order: Array<Placed<State>> = []
  /** Whence nothing leads on, by the length of the order. */
  readonly #failed = new Map<number, Set<string>>()
  /** What was placed at this point and taken back, last; null: nothing yet. */
  #tried: Placed<State> | null = null
  #deadEnds = 0
  #furthest: Furthest | null = null
  #explainedMost = -1

  constructor(model: Model<State>, operations: ReadonlyArray<Operation>, unknownHappen: "once" | "often") {
    this.#model = model
    const seenBy = (operation: Operation) =>
      operation.outcome === "ok" ? (model.revisions?.seenBy(operation) ?? null) : null
    this.#timeline = new Timeline(operations, seenBy, unknownHappen)
    this.#foresight = new Foresight(model, this.#timeline.known)
    this.#state = model.initial()
    this.#revision = this.#revisionOf(this.#state)
  }

  /** Until it is decided or has met so many dead ends; then it may go on. */
  run(deadEndsMax: number): Verdict {
    const misfit = this.#foresight.misfit(this.#state)
    if (misfit !== null) {
      this.#note(misfit.known)
      return this.#failure("violation")
    }
    while (this.#timeline.open > 0) {
      if (this.#goOn() || this.#freeWanted()) {
        this.#tried = null
        continue
      }
      this.#noteDeadEnd()
      this.#tried = this.#turnBack()
      if (this.#tried === null) return this.#failure("violation")
      if (this.#deadEnds >= deadEndsMax) return this.#failure("undecided")
    }
    return { kind: "linearizable", deadEnds: this.#deadEnds }
  }

  /** Places one more operation. */
  #goOn(): boolean {
    const tried = this.#tried
    if (tried === null) {
      return this.#placePure() || this.#placeCommand(this.#timeline.first()) || this.#placeUnknown(0)
    }
    return tried.choice instanceof Known
      ? this.#placeCommand(this.#timeline.following(tried.choice)) || this.#placeUnknown(0)
      : this.#placeUnknown(tried.turn + 1)
  }

  // What changes nothing has its place as soon as it fits: an order in which it stands later holds as well when it
  // is moved here. So there is nothing else to try.
  #placePure(): boolean {
    for (let known = this.#timeline.first(); known !== null; known = this.#timeline.following(known)) {
      if (!known.isPure || !this.#fits(known)) continue
      this.#place(known, this.#state)
      return true
    }
    return false
  }

  #fits({ seenRevision, operation }: Known): boolean {
    // What saw this revision was held against its state when it was reached.
    if (seenRevision !== null) return seenRevision === this.#revision
    return this.#model.step(this.#state, operation) !== null
  }

  #placeCommand(from: Known | null): boolean {
    for (let known = from; known !== null; known = this.#timeline.following(known)) {
      const { isPure, operation, seenRevision } = known
      if (isPure || (seenRevision !== null && seenRevision !== this.#revision)) continue
      const after = this.#model.step(this.#state, operation)
      if (after !== null && this.#tryPlace(known, after)) return true
    }
    return false
  }

  /**
   * Last of all: mostly they happened soon after they started, or never. Those that are wanted elsewhere come in a
   * second round.
   */
  #placeUnknown(from: number): boolean {
    const { alikes } = this.#timeline
    const mostUrgent = this.#timeline.mostUrgent()
    for (let turn = from; turn < 2 * alikes.length; turn++) {
      const alike = alikes[turn % alikes.length]!
      const operation = this.#timeline.candidateOf(alike, mostUrgent)
      if (operation === null) continue
      if (turn < alikes.length && this.#isWantedElsewhere(alike)) continue
      const after = this.#model.step(this.#state, operation)
      // One that changes nothing may as well never have happened.
      if (after !== null && !this.#isSame(after) && this.#tryPlace(alike, after, turn)) return true
    }
    return false
  }

  #isWantedElsewhere({ operations, placed, wantedFor }: Alike): boolean {
    let later = 0
    for (const revision of wantedFor) if (revision > this.#revision + 1) later++
    return later > 0 && operations.length - placed <= later
  }

  #isSame(after: State): boolean {
    return (
      this.#model.revisions === undefined && keyOf(this.#model, after) === keyOf(this.#model, this.#state)
    )
  }

  #tryPlace(choice: Choice, after: State, turn = 0): boolean {
    this.#place(choice, after, turn)
    const misfit = this.#foresight.misfit(after)
    if (misfit === null && !this.#hasFailed()) return true
    if (misfit !== null && (misfit.isTelling || choice instanceof Known)) this.#note(misfit.known)
    this.#takeBack()
    return false
  }

  #place(choice: Choice, after: State, turn = 0): void {
    this.#order.push({ choice, operation: this.#timeline.take(choice), before: this.#state, turn })
    if (choice instanceof Known) this.#foresight.place(choice)
    if (isPure(choice)) return
    const revision = this.#revisionOf(after)
    assert(
      this.#model.revisions === undefined || revision > this.#revision,
      "a command that takes effect raises the revision",
      revision,
      this.#revision,
    )
    this.#state = after
    this.#revision = revision
  }

  #takeBack(): Placed<State> {
    const placed = this.#order.pop()!
    const { choice, before } = placed
    this.#timeline.putBack(choice)
    if (choice instanceof Known) this.#foresight.putBack(choice)
    this.#state = before
    this.#revision = this.#revisionOf(before)
    return placed
  }

  /** Back to the last choice, which is returned; null when there was none. */
  #turnBack(): Placed<State> | null {
    this.#deadEnds++
    while (this.#order.length > 0) {
      const isChoice = !isPure(this.#order.at(-1)!.choice)
      if (isChoice) this.#failedHere().add(this.#key())
      const placed = this.#takeBack()
      if (isChoice) return placed
    }
    return null
  }

  /**
   * An answer asks for an unknown operation that was already placed, where maybe another would have done. That is
   * taken back, together with all behind it, and said of nothing that it has failed: from now on it is known that
   * the operation is wanted here.
   */
  #freeWanted(): boolean {
    const revision = this.#revision + 1
    if (!this.#foresight.isSeen(revision)) return false
    const mostUrgent = this.#timeline.mostUrgent()
    for (const alike of this.#timeline.alikes) {
      const { operations, placed, wantedFor } = alike
      if (placed === 0 || wantedFor.has(revision)) continue
      if (this.#timeline.candidateOf(alike, mostUrgent) !== null) continue
      const after = this.#model.step(this.#state, operations[0]!)
      if (after === null || this.#foresight.misfit(after) !== null) continue
      wantedFor.add(revision)
      const isSpare = ({ choice, before }: Placed<State>) =>
        choice === alike && !wantedFor.has(this.#revisionOf(before) + 1)
      const spare = this.#order.findLastIndex(isSpare)
      if (spare < 0) continue
      while (this.#order.length > spare) this.#takeBack()
      this.#deadEnds++
      return true
    }
    return false
  }

  #hasFailed(): boolean {
    return this.#failed.get(this.#order.length)?.has(this.#key()) ?? false
  }

  #failedHere(): Set<string> {
    const { length } = this.#order
    const failed = this.#failed.get(length) ?? new Set()
    this.#failed.set(length, failed)
    return failed
  }

  #key(): string {
    return `${this.#timeline.key()} ${keyOf(this.#model, this.#state)}`
  }

  #revisionOf(state: State): number {
    return this.#model.revisions?.of(state) ?? 0
  }

  /** The first so many in the order fit, but not the misfit. */
  #note(misfit: Known, length = this.#order.length): void {
    const explained = this.#timeline.known.length - this.#timeline.open
    if (explained <= this.#explainedMost) return
    this.#explainedMost = explained
    this.#furthest = {
      order: this.#order.slice(0, length).map(({ operation }) => operation),
      state: show(this.#model, this.#order[length]?.before ?? this.#state),
      misfit: misfit.operation,
    }
  }

  // Unknown operations at the end were only tried because nothing else was left: they explain nothing.
  #noteDeadEnd(): void {
    const last = this.#order.findLastIndex(({ choice }) => choice instanceof Known)
    this.#note(this.#timeline.mostUrgent(), last + 1)
  }

  #failure(kind: "violation" | "undecided"): Verdict {
    return { kind, deadEnds: this.#deadEnds, furthest: this.#furthest! }
  }
}

const isPure = (choice: Choice): boolean => choice instanceof Known && choice.isPure
