// How far has the leader come with one follower? (Raft §5.3; etcd-io/raft `tracker/progress.go`)

import { assert } from "./assert.ts"
import type { Index, Millis } from "./types.ts"

export interface InFlight {
  readonly lastIndex: Index
  readonly bytes: number
}

/**
 * - `probe`: the leader does not know where the logs agree; one message at a time.
 * - `replicate`: they agree up to `match`; messages leave ahead of their replies, within a window.
 * - `snapshot`: what the follower needs is no longer in the log; nothing else is sent until it is installed.
 *
 * Always `match < next`. Belongs to one leadership: a new leader starts anew with everybody.
 */
export class Progress {
  state: "probe" | "replicate" | "snapshot" = "probe"
  /** Known to be on the follower's disk (within this session). */
  match: Index = 0
  /** First entry to send. */
  next: Index
  /** A probe is under way; cleared by its reply, or by a heartbeat's, as the probe may be lost. */
  probing = false
  /** The probe is one that got no answer: it goes out again without entries. */
  repeated = false
  /** When entries last left for it. */
  sentAt: Millis
  /** When anything last came from it; before that, when the leadership began. */
  heardAt: Millis
  /** Send time of the newest heartbeat that it answered. */
  confirmedAt: Millis = Number.NEGATIVE_INFINITY
  /** Newest confirmation round that it answered. */
  round = 0
  /** False: its disk lost something, it receives but does not count (HAZARDS S4). */
  whole = true
  /** By its last word, its disk is short of room. */
  isShort = false
  /** It has taken the offer to rest. */
  rests = false
  /** The process that it was when it was offered rest; null: not looked at yet. */
  process: string | null = null
  /** What a suspect follower must hold to be whole again: all that this leader had when it learned of it. */
  repairThrough: Index = 0
  /** Replies of an earlier session say nothing. */
  session = 1
  /** In state `snapshot`: which one, how many bytes of it the follower holds, and how often it said so. */
  snapshot: { readonly id: string; readonly index: Index; received: number; replies: number } | null = null

  /** What it is to hold at the end of the round of catching up that it is in, and when that began (thesis §4.2.1). */
  #catchUp: { readonly through: Index; readonly since: Millis } | null = null
  /** Its last round of catching up took no longer than an election timeout. */
  #hasCaughtUp = false
  #window: Array<InFlight> = []
  inFlightBytes = 0

  constructor(next: Index, now: Millis) {
    this.next = next
    this.sentAt = now
    this.heardAt = now
  }

  /** Anything at all, in this leadership and since it began anew with this follower. */
  get hasAnswered(): boolean {
    return this.match > 0 || this.confirmedAt > Number.NEGATIVE_INFINITY
  }

  get inFlightCount(): number {
    return this.#window.length
  }

  /** What counts for commit: a suspect follower's entries do not. */
  get counted(): Index {
    return this.whole ? this.match : 0
  }

  isWindowFull(messagesMax: number, bytesMax: number): boolean {
    return this.#window.length >= messagesMax || this.inFlightBytes >= bytesMax
  }

  /** Entries up to `lastIndex` left; the next message follows on them without waiting. */
  sent(lastIndex: Index, bytes: number, now: Millis): void {
    assert(this.state === "replicate", "only replication is pipelined", this.state, lastIndex)
    this.#window.push({ lastIndex, bytes })
    this.inFlightBytes += bytes
    this.next = lastIndex + 1
    this.sentAt = now
  }

  /** The follower has everything up to `index` on disk. True when that is news. */
  acknowledged(index: Index): boolean {
    while (this.#window.length > 0 && this.#window[0]!.lastIndex <= index) {
      this.inFlightBytes -= this.#window.shift()!.bytes
    }
    this.next = Math.max(this.next, index + 1)
    if (index <= this.match) return false
    this.match = index
    return true
  }

  probeFrom(next: Index): void {
    this.#enter("probe")
    this.next = Math.max(next, this.match + 1)
  }

  /** The probe or its answer may be lost: ask again. */
  probeAgain(): void {
    this.repeated = this.probing
    this.probing = false
  }

  replicate(): void {
    this.#enter("replicate")
    this.next = this.match + 1
  }

  sendSnapshot(id: string, index: Index): void {
    this.#enter("snapshot")
    this.snapshot = { id, index, received: 0, replies: 0 }
  }

  /**
   * Whether it would keep up as a voter: it got what had come while it got what was there before, and so on, until a
   * round took no longer than `roundMillisMax` (thesis §4.2.1). Its answers prove both directions of the link.
   */
  catchesUp(lastIndex: Index, now: Millis, roundMillisMax: number): boolean {
    const begun = this.#catchUp
    if (begun !== null && this.counted >= begun.through) {
      this.#hasCaughtUp = now - begun.since <= roundMillisMax
      this.#catchUp = null
    } else if (begun !== null && now - begun.since > roundMillisMax) this.#hasCaughtUp = false
    this.#catchUp ??= { through: lastIndex, since: now }
    return this.#hasCaughtUp && this.whole
  }

  /** The follower's disk lost something: nothing that it said before counts. */
  beginRepair(lastIndex: Index): void {
    this.session++
    this.match = 0
    this.whole = false
    this.repairThrough = lastIndex
    this.probeFrom(lastIndex + 1)
  }

  /** It holds all that was asked of it and is still suspect: this session began before its damage. */
  isPromiseUnheard(index: Index, whole: boolean): boolean {
    return !whole && index >= this.repairThrough
  }

  #enter(state: "probe" | "replicate" | "snapshot"): void {
    this.state = state
    this.probing = false
    this.repeated = false
    this.snapshot = null
    this.#window = []
    this.inFlightBytes = 0
  }
}
