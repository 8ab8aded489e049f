// Who watches a group at this node, and what is new for them? One question to the machine for all of them.

import { Effect } from "effect"
import type { Index, Millis } from "../consensus/types.ts"
import type { EventsOutcome } from "../machine/MachineHost.ts"
import type { Counter, Metrics } from "../metrics/Metrics.ts"
import type { Door } from "./Doors.ts"
import type { Cursor } from "./eventFrames.ts"
import { Problem } from "./problem.ts"
import { Watcher } from "./Watcher.ts"

export interface WatchLimits {
  /** Of each group. */
  readonly watchersMax: number
  /** A watcher hears at least so often that its node lives. */
  readonly keepAliveMillis: number
  /** Who has not taken what was sent for so long is cut off. */
  readonly stalledMillisMax: number
  /** What all together have not taken. Beyond it those are cut off who have had theirs the longest. */
  readonly heldBytesMax: number
  /** A node that is parted from the others for so long ends its watchers: elsewhere there may be news. */
  readonly unreadyMillisMax: number
  /** How often these limits are looked at. */
  readonly lookMillis: number
  /** Between two questions to the machine, so that many small batches cost not as many. */
  readonly pauseMillis: number
}

export const defaultWatchLimits: WatchLimits = {
  watchersMax: 1000,
  keepAliveMillis: 15_000,
  stalledMillisMax: 30_000,
  heldBytesMax: 64 * 1024 * 1024,
  unreadyMillisMax: 10_000,
  lookMillis: 1000,
  pauseMillis: 5,
}

export interface WatchCounters {
  readonly events: Counter
  readonly resets: Counter
  readonly cut: Counter
}

export const makeWatchCounters = (metrics: Metrics): WatchCounters => ({
  events: metrics.counter("raftlet_watch_events_total", "Events sent to watchers."),
  resets: metrics.counter(
    "raftlet_watch_resets_total",
    "Watchers that were told the state in place of events that are gone.",
  ),
  cut: metrics.counter(
    "raftlet_watch_cut_total",
    "Watchers that were cut off: they took nothing, or the node was parted from the others.",
    ["reason"],
  ),
})

export class Watchers {
  readonly door: Door
  readonly #limits: WatchLimits
  readonly #counters: WatchCounters
  /** Whoever was served last stands last. */
  readonly #watchers = new Set<Watcher>()
  /** How often this node has applied more since somebody watches. */
  #news = 0
  #isAsking = false
  #unreadySince: Millis | null = null
  /** While somebody watches: ends the listening and the looking. */
  #rest: (() => void) | null = null

  constructor(door: Door, limits: WatchLimits, counters: WatchCounters) {
    this.door = door
    this.#limits = limits
    this.#counters = counters
  }

  get count(): number {
    return this.#watchers.size
  }

  /** Throws `overloaded`. `cut` ends the connection soon, also of a client that takes nothing. */
  enter(
    asked: { readonly actor: string; readonly key: string; readonly cursor: Cursor | null },
    cut: () => void,
  ): Watcher {
    const { watchersMax } = this.#limits
    if (this.#watchers.size >= watchersMax) {
      throw new Problem("overloaded", `${watchersMax} clients watch at this node already.`)
    }
    const watcher = new Watcher(asked, this.door.raft.now(), cut)
    this.#watchers.add(watcher)
    this.#rest ??= this.#begin()
    return watcher
  }

  /** The next piece for the client, which has taken the last one. */
  next(watcher: Watcher): ReturnType<Watcher["next"]> {
    const piece = watcher.next(this.door.raft.now())
    this.#ask()
    return piece
  }

  /** Its client has gone, or has heard all that there will be. */
  leave(watcher: Watcher): void {
    watcher.end()
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    this.#rest?.()
    this.#rest = null
    this.#unreadySince = null
  }

  /** The node stops: all come to their end. */
  close(): void {
    for (const watcher of this.#watchers) {
      watcher.cut()
      this.leave(watcher)
    }
  }

  #begin(): () => void {
    const stopListening = this.door.raft.onApplied(() => {
      this.#news++
      this.#ask()
    })
    const looking = setInterval(() => this.#look(), this.#limits.lookMillis)
    looking.unref()
    return () => {
      stopListening()
      clearInterval(looking)
    }
  }

  /** One question at a time: what comes meanwhile is in the next one. */
  #ask(): void {
    if (this.#isAsking) return
    const due = [...this.#watchers].filter(({ isWaiting, askedAt }) => isWaiting && askedAt < this.#news)
    if (due.length === 0) return
    this.#isAsking = true
    void this.#answer(due)
  }

  async #answer(due: ReadonlyArray<Watcher>): Promise<void> {
    const news = this.#news
    // Of many who watch the same and have seen the same, the machine need not know.
    const alike = Map.groupBy(
      due,
      ({ asked: { actor, key, after, move } }) => `${after} ${move} ${actor}/${key}`,
    )
    const groups = [...alike.values()]
    const asked = this.door.machine.events(groups.map(([first]) => first!.asked))
    const answer = await Effect.runPromise(Effect.orElseSucceed(asked, () => null))
    // A node whose machine has failed is on its way out.
    if (answer === null) this.close()
    else {
      for (const [at, group] of groups.entries()) {
        for (const watcher of group) this.#give(watcher, answer.outcomes[at]!, answer.index, news)
      }
      this.#cutLargest()
    }
    await Bun.sleep(this.#limits.pauseMillis)
    this.#isAsking = false
    this.#ask()
  }

  #give(watcher: Watcher, outcome: EventsOutcome, index: Index, news: number): void {
    // One that was told meanwhile that its node lives has not taken that yet: it is asked for again.
    if (!watcher.isWaiting || outcome._tag === "Postponed") return
    // Behind a full page there is more: that is asked for as soon as this one is taken.
    if (outcome._tag !== "Events" || outcome.upTo >= index) watcher.askedAt = news
    this.#counters.events.add(watcher.take(outcome, index, this.door.raft.now()))
    if (outcome._tag === "Reset") this.#counters.resets.add(1)
    if (watcher.isWaiting) return
    this.#watchers.delete(watcher)
    this.#watchers.add(watcher)
  }

  #look(): void {
    const now = this.door.raft.now()
    const { keepAliveMillis, stalledMillisMax, unreadyMillisMax } = this.#limits
    this.#unreadySince = this.door.raft.status().ready ? null : (this.#unreadySince ?? now)
    const isParted = this.#unreadySince !== null && now - this.#unreadySince >= unreadyMillisMax
    for (const watcher of this.#watchers) {
      const millis = now - watcher.since
      if (isParted) this.#cut(watcher, "parted")
      else if (!watcher.isWaiting && millis >= stalledMillisMax) this.#cut(watcher, "stalled")
      else if (watcher.isWaiting && millis >= keepAliveMillis) watcher.tellAlive(now)
    }
  }

  #cutLargest(): void {
    let held = 0
    for (const { heldBytes } of this.#watchers) held += heldBytes
    if (held <= this.#limits.heldBytesMax) return
    const holders = [...this.#watchers]
      .filter(({ heldBytes }) => heldBytes > 0)
      .sort((left, right) => left.since - right.since)
    for (const watcher of holders) {
      if (held <= this.#limits.heldBytesMax) return
      held -= watcher.heldBytes
      this.#cut(watcher, "stalled")
    }
  }

  #cut(watcher: Watcher, reason: "stalled" | "parted"): void {
    this.#counters.cut.add(1, reason)
    watcher.cut()
    this.leave(watcher)
  }
}
