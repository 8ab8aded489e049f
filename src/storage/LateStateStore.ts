// How does one thread hold the states of a thousand groups, most of which do nothing? A state that was never flushed has
// no file, and of the others few have a connection.

import type { Configuration } from "../consensus/types.ts"
import type { Awake } from "./Awake.ts"
import { StateGuard } from "./StateGuard.ts"
import { type Flush, type OutcomeChunk, StateCorrupt, type StateStore } from "./StateStore.ts"

/** Where a state lies. */
export interface StatePlace {
  /** Whether there is a file. */
  readonly isThere: () => boolean
  /** Opens the file, or makes it. */
  readonly open: () => RestingStateStore
  /** To be read as it lies there, of which nothing is written. Null: that cannot be, and it has to be opened. */
  readonly glance: () => RestingStateStore | null
  /** Gives up the file that nobody has open. */
  readonly discard: () => void
}

/** One that can be opened again where it was left. */
export interface RestingStateStore extends StateStore {
  /** Closes. Throws what keeps the file from holding all that was flushed. */
  readonly rest: () => void
}

/**
 * Keeps the promises of the store that it opens. Without a file it is the empty state at position 0. Whether there never
 * was one, or it was lost, the log knows.
 */
export class LateStateStore implements StateStore {
  readonly #place: StatePlace
  readonly #awake: Awake
  readonly #guard = new StateGuard()
  #store: RestingStateStore | null = null
  /** The file is only read as it lies there. */
  #isGlancing = false
  #isThere: boolean
  #isClosed = false
  #isFlushing = false
  /** As of the last flush. */
  #head: Head

  constructor(place: StatePlace, initial: Configuration, awake: Awake) {
    this.#place = place
    this.#awake = awake
    const position = { index: 0, term: 0, time: 0, configuration: initial }
    this.#head = headOf({ position: () => position, digest: () => "", outcomesForgottenBelow: () => 0 })
    this.#isThere = place.isThere()
    if (!this.#isThere) return
    this.#store = place.glance()
    this.#isGlancing = this.#store !== null
    this.#head = headOf(this.#opened("open"))
  }

  /** Who opened it has read what there is to be read at first: a thousand that begin together need no connection each. */
  settle(): void {
    if (this.#isGlancing) this.#endGlance()
  }

  position: StateStore["position"] = () => this.#head.position()

  digest: StateStore["digest"] = () => this.#head.digest()

  outcomesForgottenBelow: StateStore["outcomesForgottenBelow"] = () => this.#head.outcomesForgottenBelow()

  instance: StateStore["instance"] = (actor, key) => this.#found("instance")?.instance(actor, key)

  list: StateStore["list"] = (options) => this.#found("list")?.list(options) ?? []

  versions: StateStore["versions"] = (actor) => this.#found("versions")?.versions(actor) ?? new Map()

  outcomesAt: StateStore["outcomesAt"] = (index) => this.#found("outcomesAt")?.outcomesAt(index)

  outcomes = (after = 0): Iterable<OutcomeChunk> => this.#found("outcomes")?.outcomes(after) ?? []

  timers: StateStore["timers"] = () => this.#found("timers")?.timers() ?? []

  readTogether = <A>(body: () => A): A => {
    // Who reads nothing needs no connection for it.
    if (this.#store === null) return body()
    this.#awake.used(this)
    return this.#store.readTogether(body)
  }

  flush = (flush: Flush): void =>
    this.#guard.attempt("flush", () => {
      const store = this.#writable()
      store.flush(flush)
      this.#head = headOf(store)
    })

  flushInParts: StateStore["flushInParts"] = (flush) => this.#inParts(flush)

  close = (): void => {
    this.#isClosed = true
    this.#take()?.close()
  }

  discard = (): void => {
    this.#isClosed = true
    const store = this.#take()
    if (store !== null) store.discard()
    // What was found corrupt when it was opened is evidence already: it is not to make room for nothing.
    else if (this.#isThere && this.#place.isThere()) this.#place.discard()
  }

  /** Lets the connection go until it is needed. */
  rest(): void {
    // It comes back among those that are awake when it is used next, which is in a moment.
    if (this.#isFlushing) return
    this.#guard.attempt("rest", () => this.#take()?.rest())
  }

  *#inParts(flush: Flush): Generator<void, void> {
    const store = this.#guard.attempt("flush", () => this.#writable())
    const parts = store.flushInParts(flush)
    this.#isFlushing = true
    try {
      while (this.#guard.attempt("flush", () => parts.next()).done !== true) yield
      this.#head = headOf(store)
    } finally {
      parts.return()
      this.#isFlushing = false
    }
  }

  #found(operation: string): StateStore | null {
    return this.#isThere || this.#isClosed ? this.#opened(operation) : null
  }

  #opened(operation: string): RestingStateStore {
    this.#store ??= this.#guard.attempt(operation, () => this.#open())
    this.#awake.used(this)
    return this.#store
  }

  #writable(): RestingStateStore {
    if (this.#isGlancing) this.#endGlance()
    return this.#opened("flush")
  }

  #endGlance(): void {
    this.#take()?.close()
  }

  #open(): RestingStateStore {
    if (this.#isClosed) throw new Error("the state store is closed")
    const store = this.#place.open()
    const [left, found] = [this.position().index, store.position().index]
    // The first time there is none that was left.
    if (left !== 0 && left !== found) {
      store.close()
      throw new StateCorrupt(`the state was left at ${left} and is at ${found}`)
    }
    this.#isThere = true
    return store
  }

  #take(): RestingStateStore | null {
    const store = this.#store
    this.#store = null
    this.#isGlancing = false
    this.#awake.gone(this)
    return store
  }
}

type Head = Pick<StateStore, "position" | "digest" | "outcomesForgottenBelow">

/** What of a store is asked without a look at its file. */
const headOf = (store: Head): Head => {
  const [position, digest, forgottenBelow] = [
    store.position(),
    store.digest(),
    store.outcomesForgottenBelow(),
  ]
  return { position: () => position, digest: () => digest, outcomesForgottenBelow: () => forgottenBelow }
}
