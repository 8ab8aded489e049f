// What of a group is there only while somebody wants something of it? All that takes in, writes, applies, sends and answers:
// a group at rest is what it knows, and nothing else. A node may have a thousand of them.

import { Effect, type Scope } from "effect"
import type { Turn } from "../consensus/node.ts"
import { applyAll } from "./applier.ts"
import type { Checkpoints } from "./Checkpoints.ts"
import { daily } from "./daily.ts"
import { type Begin, Errand } from "./Errand.ts"
import type { Freshness } from "./Freshness.ts"
import type { Closing } from "./failure.ts"
import { type Group, nowOf, post } from "./Group.ts"
import { type Asked, giveAll } from "./giver.ts"
import type { Herald } from "./Herald.ts"
import { Inbox } from "./Inbox.ts"
import type { Listeners } from "./Listeners.ts"
import { Operations } from "./Operations.ts"
import { Proposals } from "./Proposals.ts"
import { Reads } from "./Reads.ts"
import { Refill } from "./Refill.ts"
import type { Applied, Flushed } from "./reach.ts"
import { noteRoom } from "./room.ts"
import type { Run } from "./run.ts"
import type { Scrubber } from "./Scrubber.ts"
import type { Stuckness } from "./Stuckness.ts"
import { cutAll, flushAll, PIECES_WAITING_MAX, Receiver } from "./snapshotter.ts"
import type { Tenure } from "./Tenure.ts"
import { Writer } from "./Writer.ts"

/** What is there by day and by night. */
export interface Lasting {
  readonly group: Group
  readonly applied: Applied
  readonly flushed: Flushed
  readonly freshness: Freshness
  readonly stuckness: Stuckness
  readonly checkpoints: Checkpoints
  readonly tenure: Tenure
  readonly scrubber: Scrubber
  readonly herald: Herald
  readonly listeners: Listeners
  /** Runs what outlives a day. */
  readonly run: Run
}

/** Who takes what a turn leaves behind, until nobody is at work and the group rests. */
export class Day {
  readonly writer: Writer
  readonly proposals: Proposals
  readonly reads: Reads
  readonly operations: Operations
  readonly receiver: Receiver
  readonly refill: Refill
  /** Raised when the machine may have something to apply or install. */
  readonly applier: Errand
  /** Raised when there may be something to flush. */
  readonly flusher: Errand
  /** Peers that want a copy of the state. */
  readonly asked: Inbox<Asked>
  readonly cuts: Inbox<NonNullable<Turn["compacted"]>>
  /** All of it ends with that. */
  readonly scope: Scope.Closeable
  /** Runs a life in a scope; what kills it ends the group. */
  readonly run: Run
  readonly #lasting: Lasting
  #hasBegun = false
  #atWork = 0

  constructor(lasting: Lasting, scope: Scope.Closeable) {
    const { group, applied, flushed, freshness, tenure } = lasting
    this.#lasting = lasting
    this.scope = scope
    this.run = (life, within) => {
      this.#atWork++
      const isBegun = lasting.run(life, within, () => this.#leaveWork())
      if (!isBegun) this.#atWork--
      return isBegun
    }
    const begin: Begin = (life) => void this.run(life, scope)
    this.writer = new Writer(group, begin)
    this.proposals = new Proposals(group, applied, this.run, scope)
    this.reads = new Reads(group, applied, freshness, this.run, scope)
    this.operations = new Operations(group, tenure)
    this.flusher = new Errand(begin, () => flushAll(group, applied, flushed))
    this.refill = new Refill(group, () => this.applier.raise())
    this.applier = this.#applier(lasting, begin)
    this.receiver = new Receiver(group, this.refill, begin)
    this.asked = new Inbox(begin, (asked) => giveAll(group, asked), PIECES_WAITING_MAX)
    this.cuts = new Inbox(begin, (cuts) => cutAll(group, cuts))
    group.rest.attendedBy(
      new Errand(begin, () => attend(group, [this.proposals, this.reads, this.operations])),
    )
  }

  /** The group is awake: from now on there is what ticks until it rests, and whenever it wakes again. */
  begin(): Effect.Effect<void> {
    if (this.#hasBegun) return Effect.void
    this.#hasBegun = true
    const { group, herald, checkpoints, scrubber, stuckness } = this.#lasting
    const swept = [checkpoints, stuckness, { sweep: () => herald.sweep(group) }]
    return Effect.andThen(
      daily(group, this.run, () => sweep(group, stuckness, swept), this.scope),
      daily(group, this.run, () => scrubber.day(), this.scope),
    )
  }

  /** Somebody waits here for an answer, or something for the disk. */
  get isAwaited(): boolean {
    const { proposals, reads, operations, writer } = this
    return proposals.count > 0 || reads.count > 0 || operations.count > 0 || writer.waiting() > 0
  }

  /** The group rests, and nobody is at work any more: what comes is another day's. */
  get isOver(): boolean {
    const { proposals, reads, operations } = this
    const isEmpty = [proposals, reads, operations].every((room) => room.isEmpty)
    return this.#lasting.group.rest.isResting && this.#atWork === 0 && isEmpty && !this.isAwaited
  }

  /** Answers everybody who waits, and lets nobody in any more; `state`: for what the state alone can answer. */
  close(closing: Closing, of: "all" | "state"): void {
    this.proposals.close(closing)
    this.reads.close(closing)
    if (of === "all") this.operations.close(closing)
  }

  #leaveWork(): void {
    this.#atWork--
    // The turn looks whether the day is over.
    const { group } = this.#lasting
    if (this.#atWork === 0 && group.rest.isResting) post(group, { type: "WorkDone" })
  }

  #applier({ group, applied, flushed, ...lasting }: Lasting, begin: Begin): Errand {
    const { stuckness, checkpoints, herald, listeners } = lasting
    return new Errand(begin, () =>
      applyAll(group, applied, flushed, this.refill, herald, {
        advanced: () => {
          group.partings.advanced(group, applied.index)
          this.flusher.raise()
          if (applied.index >= stuckness.index) stuckness.passed()
          this.reads.advanced()
          this.proposals.advanced()
          listeners.tell()
        },
        noted: (notes) => checkpoints.noted(notes),
        installed: () => checkpoints.installed(),
        stuck: (stuck, entry) => {
          stuckness.noted(stuck, entry)
          checkpoints.tell()
        },
      }),
    )
  }
}

interface Swept {
  readonly sweep: (now: number) => void
}

/** What is to be looked at now and then, also when nobody waits. */
const sweep = Effect.fnUntraced(function* (group: Group, stuckness: Stuckness, swept: ReadonlyArray<Swept>) {
  const { rest, options, clock } = group
  while (!rest.isResting) {
    yield* Effect.sleep(stuckness.stuck === null ? QUIET_SWEEP_MILLIS : options.sweepMillis)
    const now = nowOf(clock)
    noteRoom(group)
    for (const each of swept) each.sweep(now)
  }
})

const QUIET_SWEEP_MILLIS = 250

/** Looks after those who wait, until nobody does: deadlines, and attempts that got no answer. */
const attend = Effect.fnUntraced(function* (
  group: Group,
  rooms: ReadonlyArray<Swept & { readonly isEmpty: boolean }>,
) {
  do {
    yield* Effect.sleep(group.options.sweepMillis)
    const now = nowOf(group.clock)
    for (const room of rooms) room.sweep(now)
  } while (!rooms.every(({ isEmpty }) => isEmpty))
})
