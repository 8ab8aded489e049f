// Which operations may come next in an order that respects time?

import { assert } from "../consensus/assert.ts"
import type { Operation } from "./history.ts"
import { isQuery } from "./Model.ts"

/** An operation that has happened: it must find its place in the order. */
export class Known {
  readonly operation: Operation
  readonly end: number
  /** In the order of starts. */
  readonly position: number
  /** It changes nothing, whatever the state. */
  readonly isPure: boolean
  /** Of the state in which it was executed, by its answer; null: it does not say. */
  readonly seenRevision: number | null
  readonly startMark = new Mark(this)
  readonly endMark = new Mark(this)
  isPlaced = false

  constructor(operation: Operation, position: number, seenRevision: number | null) {
    const { instance, op, start, end, outcome } = operation
    assert(end !== null && start <= end, `${op} on ${instance} ends when it has started`, end, start)
    this.operation = operation
    this.end = end
    this.position = position
    this.isPure = isQuery(operation) || outcome === "refused"
    this.seenRevision = seenRevision
  }
}

/**
 * Unknown operations that would do the same. None of them ends, so any may stand for any other, and the one that
 * started first is placed first.
 */
export interface Alike {
  readonly operations: ReadonlyArray<Operation>
  placed: number
  /** Revisions that one of them must have made, as the search has found out. */
  readonly wantedFor: Set<number>
}

export type Choice = Known | Alike

/** The start or the end of an operation without a place, in a ring in the order of time. */
class Mark {
  readonly of: Known | null
  before: Mark = this
  after: Mark = this

  constructor(of: Known | null) {
    this.of = of
  }
}

/**
 * The operations of one instance, as long as they have no place in the order. Next may come whatever started before
 * any other ends; at the same time counts as before. What was taken is put back in the opposite order.
 */
export class Timeline {
  readonly known: ReadonlyArray<Known>
  /** By the start of the first of them, the latest first. */
  readonly alikes: ReadonlyArray<Alike>
  /** How many that have happened have no place yet. */
  open: number
  /** Between the last mark and the first. */
  readonly #ring = new Mark(null)
  /** At the most: each once, or each as often as there are unknown ones. */
  readonly #unknownHappen: "once" | "often"
  /** How many unknown ones may still be placed, all together. */
  #unknownLeft: number

  constructor(
    operations: ReadonlyArray<Operation>,
    seenRevision: (operation: Operation) => number | null,
    unknownHappen: "once" | "often",
  ) {
    this.#unknownHappen = unknownHappen
    const byStart = [...operations].sort((one, other) => one.start - other.start)
    this.known = byStart
      .filter(({ outcome }) => outcome === "ok" || outcome === "refused")
      .map((operation, position) => new Known(operation, position, seenRevision(operation)))
    this.open = this.known.length
    // A query of which nobody heard says nothing.
    const unknown = byStart.filter(({ op, outcome }) => outcome === "unknown" && !isQuery({ op }))
    this.#unknownLeft = unknown.length
    const alikes = Map.groupBy(unknown, ({ op, input }) => `${op} ${JSON.stringify(input)}`)
    this.alikes = [...alikes.values()]
      .map((alike) => ({ operations: alike, placed: 0, wantedFor: new Set<number>() }))
      .reverse()
    this.#enter()
  }

  /** The first that may come next and has happened; null when none is left. */
  first(): Known | null {
    return startOf(this.#ring.after)
  }

  /** The next after this one that may come next as well. */
  following(known: Known): Known | null {
    return startOf(known.startMark.after)
  }

  /** The open one that ends first: what starts later than that comes behind it. */
  mostUrgent(): Known {
    let mark = this.#ring.after
    while (startOf(mark) !== null) mark = mark.after
    return mark.of!
  }

  /** The one of them that may come next, when `mostUrgent` is the open one that ends first. */
  candidateOf({ operations, placed }: Alike, mostUrgent: Known): Operation | null {
    if (this.#unknownLeft === 0) return null
    const operation = operations[this.#unknownHappen === "once" ? placed : 0]
    return operation !== undefined && operation.start <= mostUrgent.end ? operation : null
  }

  /** Gives it a place, and says which operation that is. */
  take(choice: Choice): Operation {
    if (!(choice instanceof Known)) {
      const at = choice.placed++
      this.#unknownLeft--
      return choice.operations[this.#unknownHappen === "once" ? at : 0]!
    }
    remove(choice.startMark)
    remove(choice.endMark)
    choice.isPlaced = true
    this.open--
    return choice.operation
  }

  putBack(choice: Choice): void {
    if (!(choice instanceof Known)) {
      choice.placed--
      this.#unknownLeft++
      return
    }
    restore(choice.endMark)
    restore(choice.startMark)
    choice.isPlaced = false
    this.open++
  }

  /**
   * Of two orders of one length the same when the same operations have no place, and only then. Those that may come next say it all: among them
   * is the one that ends first, all that start later than that are open, and of the others none is.
   */
  key(): string {
    let key = ""
    for (let known = this.first(); known !== null; known = this.following(known)) key += `${known.position},`
    // How often each happened is of no account then, and how often all together follows from the order's length.
    if (this.#unknownHappen === "once") for (const { placed } of this.alikes) key += ` ${placed}`
    return key
  }

  #enter(): void {
    const byEnd = [...this.known].sort((one, other) => one.end - other.end)
    let ended = 0
    for (const known of this.known) {
      while (byEnd[ended]!.end < known.operation.start) append(this.#ring, byEnd[ended++]!.endMark)
      append(this.#ring, known.startMark)
    }
    for (const known of byEnd.slice(ended)) append(this.#ring, known.endMark)
  }
}

/** The operation whose start this is. */
const startOf = (mark: Mark): Known | null => (mark.of?.startMark === mark ? mark.of : null)

const append = (ring: Mark, mark: Mark): void => {
  mark.before = ring.before
  mark.after = ring
  restore(mark)
}

/** A removed mark keeps its neighbours in mind, for the way back. */
const remove = (mark: Mark): void => {
  mark.before.after = mark.after
  mark.after.before = mark.before
}

const restore = (mark: Mark): void => {
  mark.before.after = mark
  mark.after.before = mark
}
