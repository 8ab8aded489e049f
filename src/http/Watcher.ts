// What is one client that watches an instance? A cursor, and at most one piece that it has not taken yet.

import type { Index, Millis } from "../consensus/types.ts"
import type { EventsAsked, EventsOutcome } from "../machine/MachineHost.ts"
import { type Cursor, commentFrame, cursorFrame, eventFrames, resetFrame, retryFrame } from "./eventFrames.ts"
import { fromRefused, type Problem } from "./problem.ts"

/** Bytes for the client; why there will never be any; or null: it is over, and the client may come again. */
export type Piece = Uint8Array | Problem | null

export class Watcher {
  readonly actor: string
  readonly key: string
  /** Of what had been applied when the machine was last asked for this one: news since then must be asked for. */
  askedAt = -1
  /** Since when it has been waiting for news, or had its last piece without taking it. */
  since: Millis
  /** Of the piece that the client has not taken. */
  heldBytes = 0
  /** Sent, or passed over because there was nothing for it. Null: it begins with what comes next. */
  #cursor: Cursor | null
  /** The client's own, as of the last piece. */
  #told: Cursor | null = null
  #want: ((piece: Piece) => void) | null = null
  #isOver = false
  /** Ends the connection soon, also of a client that takes nothing. */
  readonly cut: () => void

  constructor(
    asked: { readonly actor: string; readonly key: string; readonly cursor: Cursor | null },
    now: Millis,
    cut: () => void,
  ) {
    this.actor = asked.actor
    this.key = asked.key
    this.#cursor = asked.cursor
    this.since = now
    this.cut = cut
  }

  get asked(): EventsAsked {
    const { index = null, move } = this.#cursor ?? {}
    return { actor: this.actor, key: this.key, after: index, ...(move === undefined ? {} : { move }) }
  }

  /** Its client has taken everything, and wants more. */
  get isWaiting(): boolean {
    return this.#want !== null
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** How far it has come; 0 before it has begun. */
  get index(): number {
    return this.#cursor?.index ?? 0
  }

  /** The client has taken the last piece, and waits for the next one. */
  next(now: Millis): Promise<Piece> {
    this.heldBytes = 0
    this.since = now
    if (this.#isOver) return Promise.resolve(null)
    const { promise, resolve } = Promise.withResolvers<Piece>()
    this.#want = resolve
    return promise
  }

  /**
   * Takes what the machine says as of `index`, and gives back how many events that were. Only what says something is
   * sent, and the first piece in any case.
   */
  take(outcome: Exclude<EventsOutcome, { readonly _tag: "Postponed" }>, index: Index, now: Millis): number {
    if (outcome._tag === "Refused") {
      this.end(fromRefused(outcome))
      return 0
    }
    const at = (index: number): Cursor => ({ index, seen: 0, ...byMove(outcome.move) })
    const begin = this.#cursor ?? at(index)
    const head = this.#told === null ? `${retryFrame(retryMillis)}${cursorFrame(begin)}` : ""
    this.#told ??= begin
    if (outcome._tag === "Reset") {
      this.#cursor = at(index)
      this.#told = this.#cursor
      this.#send(head + resetFrame(this.#cursor, outcome.body), now)
      return 0
    }
    const { text, count } = eventFrames(begin, outcome.entries)
    // A cursor that is ahead of this node stays where it is.
    this.#cursor = outcome.upTo > begin.index ? at(outcome.upTo) : begin
    const last = outcome.entries.at(-1)
    if (last !== undefined) this.#told = at(last.index)
    if (head !== "" || count > 0) this.#send(head + text, now)
    return count
  }

  /** Says that this node lives, and how far it has come without anything for this client: a cursor must not grow old. */
  tellAlive(now: Millis): void {
    const cursor = this.#cursor
    if (cursor === null || this.#told === null) return
    const hasMoved = cursor.index > this.#told.index
    if (hasMoved) this.#told = cursor
    this.#send(hasMoved ? cursorFrame(cursor) : commentFrame, now)
  }

  /** What is on its way still comes; then its client hears the end. */
  end(piece: Problem | null = null): void {
    this.#isOver = true
    this.#give(piece)
  }

  #send(text: string, now: Millis): void {
    const bytes = encoder.encode(text)
    this.heldBytes = bytes.byteLength
    this.since = now
    this.#give(bytes)
  }

  #give(piece: Piece): void {
    const want = this.#want
    this.#want = null
    want?.(piece)
  }
}

const byMove = (move: number | undefined) => (move === undefined ? {} : { move })

const encoder = new TextEncoder()
const retryMillis = 1000
