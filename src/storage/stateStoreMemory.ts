// How is the state of a group kept when there is no disk? The twin of the SQLite state store.

import type { Configuration, GroupId, Index } from "../consensus/types.ts"
import type { FileContent } from "./MemoryDirectory.ts"
import type { MemoryDisk } from "./MemoryDisk.ts"
import { type MemoryFile, sqliteError } from "./MemoryFile.ts"
import { failing, StateGuard } from "./StateGuard.ts"
import {
  type Flush,
  type OutcomeChunk,
  StateCorrupt,
  type StateStore,
  type StoredInstance,
  type StoredTimer,
} from "./StateStore.ts"
import {
  DamagedRow,
  decodeState,
  emptyState,
  encodeState,
  instanceKey,
  readChunk,
  readInstance,
  readPosition,
  readTimer,
  type StateImage,
  stateAfter,
  stretchOf,
} from "./stateImage.ts"
import { corruptNote, type PositionRecord, positionAfter, verifyHead } from "./stateRows.ts"

/** Opens the state, or makes it: an empty one at position 0 with `initial` as its configuration. */
export const openMemoryStateStore = (
  disk: MemoryDisk,
  options: { readonly group: GroupId; readonly initial: Configuration },
): StateStore => {
  try {
    return failing("open", () => new MemoryStateStore(disk, options))
  } catch (error) {
    if (error instanceof StateCorrupt) discardState(disk, options.group)
    throw error
  }
}

const discardState = (disk: MemoryDisk, group: GroupId): void => {
  const directory = disk.directory(group)
  directory.remove(stateFileName, corruptNote(stateFileName))
  disk.sync(directory.names)
}

/** A bad row may have been written anew since it was noted, and all the others go with it. */
const judgeNoted = (
  disk: MemoryDisk,
  { group, initial }: { readonly group: GroupId; readonly initial: Configuration },
): void => {
  const directory = disk.directory(group)
  try {
    const found = directory.file(stateFileName)
    if (found !== undefined) encodeState(stateOf(found.written, initial))
  } catch (error) {
    if (!(error instanceof StateCorrupt)) throw error
    return discardState(disk, group)
  }
  directory.remove(corruptNote(stateFileName))
  disk.sync(directory.names)
}

/** The name of the state file in its directory. */
export const stateFileName = "state.db"

/** Throws {@link StateCorrupt} for bytes that are no state; a file without a byte is an empty one. */
export const stateOf = (content: FileContent, initial: Configuration): StateImage => {
  if (!(content instanceof Uint8Array)) return content
  return content.byteLength === 0 ? emptyState(initial) : decodeState(content)
}

class MemoryStateStore implements StateStore {
  readonly #disk: MemoryDisk
  readonly #run: number
  readonly #group: GroupId
  readonly #file: MemoryFile<FileContent>
  readonly #guard = new StateGuard()
  #current: PositionRecord
  #isClosed = false

  constructor(disk: MemoryDisk, options: { readonly group: GroupId; readonly initial: Configuration }) {
    const { group, initial } = options
    this.#disk = disk
    this.#run = disk.run
    this.#group = group
    const directory = disk.directory(group)
    if (directory.file(corruptNote(stateFileName)) !== undefined) judgeNoted(disk, options)
    const found = directory.file(stateFileName)
    this.#file = found ?? directory.write(stateFileName, emptyState(initial))
    const { written } = this.#file
    const state = stateOf(written, initial)
    this.#current = readPosition(state)
    if (found === undefined) disk.sync(directory.names)
    // Bytes came from a snapshot, which was durable before it got its name: the same in another shape. All else was
    // flushed, by who may have died before its sync, or of its failure: it is durable from now on.
    if (written instanceof Uint8Array) this.#file.alter((content) => (content === written ? state : content))
    else disk.sync(this.#file, (file) => (disk.conduct.isFull() ? file.sync() : file.rewrite()))
  }

  position = () => this.#current.position

  digest = () => this.#current.digest

  outcomesForgottenBelow = () => this.#current.outcomesFrom

  instance = (actor: string, key: string): StoredInstance | undefined =>
    this.#attempt("instance", ({ instances }) => {
      const kept = instances.get(instanceKey(actor, key))
      return kept === undefined ? undefined : readInstance(kept)
    })

  list: StateStore["list"] = ({ actor, prefix, after, limit }) =>
    this.#attempt("list", ({ instances }) => {
      const listed = Array.from(instances.values(), (kept) => ({
        kept,
        head: kept instanceof DamagedRow ? kept.row : kept,
      }))
        .filter(({ head }) => head.actor === actor && head.key.startsWith(prefix))
        .filter(({ head }) => byBytes(head.key, after) > 0)
        .sort((left, right) => byBytes(left.head.key, right.head.key))
        .slice(0, limit)
      // The state is not read, and not verified; the rest of the row is.
      for (const { kept } of listed) if (kept instanceof DamagedRow) verifyHead(kept.row)
      return listed.map(({ head: { key, revision } }) => ({ key, revision }))
    })

  versions = (actor: string): ReadonlyMap<string, number> =>
    this.#attempt("versions", ({ instances }) => {
      const counts = new Map<string, number>()
      for (const kept of instances.values()) {
        const head = kept instanceof DamagedRow ? kept.row : kept
        if (head.actor === actor) counts.set(head.version, (counts.get(head.version) ?? 0) + 1)
      }
      return counts
    })

  outcomesAt = (index: Index): OutcomeChunk | undefined =>
    this.#attempt("outcomesAt", ({ outcomes }) => {
      const kept = outcomes.find((each) => {
        const { firstIndex, lastIndex } = stretchOf(each)
        return firstIndex <= index && index <= lastIndex
      })
      return kept === undefined ? undefined : readChunk(kept)
    })

  outcomes = (after = 0): Iterable<OutcomeChunk> =>
    this.#attempt("outcomes", ({ outcomes }) =>
      outcomes.filter((each) => stretchOf(each).lastIndex > after).map(readChunk),
    )

  timers = (): ReadonlyArray<StoredTimer> =>
    this.#attempt("timers", ({ timers }) =>
      Array.from(timers.values(), readTimer).sort(
        (left, right) => left.dueAt - right.dueAt || byBytes(left.id, right.id),
      ),
    )

  readTogether = <A>(body: () => A): A => body()

  flush = (flush: Flush): void =>
    this.#attempt("flush", (state) => {
      // A disk that does not answer cannot hold up a call that takes no time: there is no room just now.
      if (this.#disk.conduct.hangs()) throw sqliteError("SQLITE_FULL")
      this.#disk.reserve.spend(bytesOf(flush))
      this.#commit(stateAfter(state, flush))
      this.#current = positionAfter(flush)
    })

  flushInParts: StateStore["flushInParts"] = (flush) => this.#inParts(flush)

  close = (): void => {
    this.#isClosed = true
    // The last one to close a file makes a checkpoint; what goes wrong then, nobody is told.
    if (this.#disk.run === this.#run && this.#disk.conduct.failSync() === null) this.#file.rewrite()
  }

  discard = (): void => {
    this.#isClosed = true
    if (this.#disk.run === this.#run) discardState(this.#disk, this.#group)
  }

  #commit(state: StateImage): void {
    this.#file.write(state)
    this.#disk.sync(this.#file)
  }

  *#inParts(flush: Flush): Generator<void, void> {
    this.flush(flush)
  }

  #attempt<A>(operation: string, body: (state: StateImage) => A): A {
    return this.#guard.attempt(operation, () => {
      if (this.#isClosed) throw new Error("the state store is closed")
      if (this.#disk.run !== this.#run) throw new Error("the process has ended")
      return body(this.#file.written as StateImage)
    })
  }
}

/** What a flush may add to the file: some of it takes the place of what was there. */
const bytesOf = ({ instances, outcomes }: Flush): number =>
  instances.reduce((sum, { key, state }) => sum + key.length + state.length, 0) +
  outcomes.reduce((sum, { rows }) => sum + rows.byteLength, 0)

const byBytes = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right))
