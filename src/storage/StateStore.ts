// What does the machine ask of the file that holds its state? Synchronous: its caller owns the thread.

import type { Configuration, Index, Term } from "../consensus/types.ts"

/** How far the stored state has come. Written in the same transaction as the state itself. */
export interface StatePosition {
  readonly index: Index
  readonly term: Term
  /** Time of the entry at `index`, ms since 1970. */
  readonly time: number
  /** As of `index`. */
  readonly configuration: Configuration
}

/** One key of an actor. */
export interface StoredInstance {
  readonly actor: string
  readonly key: string
  /** Canonical JSON of the encoded state. */
  readonly state: string
  /** Accepted commands, from 1. */
  readonly revision: number
  /** Version id of the code that wrote it. */
  readonly version: string
  /** Index of the entry that wrote it last. */
  readonly index: Index
}

/**
 * What became of the commands in a stretch of the log, kept so that a retry gets the first answer. How its rows
 * are packed is the machine's affair. Written once, never changed.
 */
export interface OutcomeChunk {
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly rows: Uint8Array
}

/** A command that a reducer asked to have run later. */
export interface StoredTimer {
  /** Unique in the group: follows from the entry that set it. */
  readonly id: string
  /** Log time, ms since 1970. */
  readonly dueAt: number
  readonly actor: string
  readonly key: string
  readonly command: string
  /** JSON. */
  readonly input: string
}

/** All that a state holds, to be read once. */
export interface StateContent {
  readonly instances: Iterable<StoredInstance>
  /** In the order of the log. */
  readonly outcomes: Iterable<OutcomeChunk>
  /** The first chunk may still hold outcomes below it. */
  readonly outcomesForgottenBelow: Index
  readonly timers: Iterable<StoredTimer>
}

/** What the rows of a state add up to, as the machine that wrote them would say. */
export type DigestOf = (content: StateContent) => string

export interface Flush {
  readonly position: StatePosition
  readonly instances: ReadonlyArray<StoredInstance>
  /** None of them is among `instances`. Absent: none. */
  readonly instancesRemoved?: ReadonlyArray<Pick<StoredInstance, "actor" | "key">>
  /** In the order of the log, behind all chunks of earlier flushes. Valid until the flush returns. */
  readonly outcomes: ReadonlyArray<OutcomeChunk>
  /** Outcomes of entries below this index are forgotten: chunks that hold no other ones go. */
  readonly forgetOutcomesBelow: Index
  readonly timersSet: ReadonlyArray<StoredTimer>
  readonly timersCleared: ReadonlyArray<string>
  /** The machine's running hash over all that is stored, as of `position`. Opaque to the store. */
  readonly digest: string
}

/**
 * The state of one group in one file. Every row carries a checksum that is verified when it is read;
 * a bad one throws {@link StateCorrupt}, a failed disk throws {@link StateStoreFailed}.
 */
export interface StateStore {
  /** As of the last flush. */
  readonly position: () => StatePosition
  readonly instance: (actor: string, key: string) => StoredInstance | undefined
  /** In order of the key's UTF-8 bytes. */
  readonly list: (options: {
    readonly actor: string
    readonly prefix: string
    readonly after: string
    readonly limit: number
  }) => ReadonlyArray<{ readonly key: string; readonly revision: number }>
  /** How many instances of an actor each version of its code wrote last. Reads every head: seldom asked. */
  readonly versions: (actor: string) => ReadonlyMap<string, number>
  /** As of the last flush; empty before the first. */
  readonly digest: () => string
  /** The chunk whose stretch of the log has the index in it. */
  readonly outcomesAt: (index: Index) => OutcomeChunk | undefined
  /** All chunks in the order of the log, a few at a time; of those alone that reach behind `after`, 0 for all. */
  readonly outcomes: (after?: Index) => Iterable<OutcomeChunk>
  /** As of the last flush: the first chunk may still hold outcomes below it. */
  readonly outcomesForgottenBelow: () => Index
  readonly timers: () => ReadonlyArray<StoredTimer>
  /** Reads inside `body` cost a tenth: the store looks at its file once for all of them. Nothing is flushed inside. */
  readonly readTogether: <A>(body: () => A) => A
  /** Durable when it returns: position and content in one transaction. */
  readonly flush: (flush: Flush) => void
  /**
   * The same, with pauses: each is a time for others of the thread. Until it has ended nothing else is flushed here, and
   * `flush` must stay as it is; reads go on.
   */
  readonly flushInParts: (flush: Flush) => Generator<void, void>
  readonly close: () => void
  /**
   * Closes, and gives up a state that is corrupt: whoever opens it next finds an empty one, which the log and the
   * other replicas fill again (HAZARDS S5). The file is kept as evidence.
   */
  readonly discard: () => void
}

/** A row or a page is not what was written. What `open` finds so, it has discarded already. */
export class StateCorrupt extends Error {
  override readonly name = "StateCorrupt"
}

export class StateStoreFailed extends Error {
  override readonly name: string = "StateStoreFailed"
}

/** No room: nothing of the flush was written, and the same one may be tried again (HAZARDS S7). */
export class StateStoreFull extends StateStoreFailed {
  override readonly name = "StateStoreFull"
}
