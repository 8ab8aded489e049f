// What does the mark say of each group, and what of that is in its file?

import type { GroupId } from "../consensus/types.ts"
import { StorageFailed } from "./LogStore.ts"
import type { GroupRecord } from "./logRows.ts"
import type { LogMark, Mark, MarkedGroup, MarkHead } from "./mark.ts"
import { highest } from "./settle.ts"

export class MarkKeeper {
  readonly #mark: LogMark
  readonly #groups: Map<GroupId, MarkedGroup>
  /** What is said of these groups is not in the file yet. */
  readonly #unwritten = new Set<GroupId>()

  /** `groups`: what was found; also groups that the database has lost. */
  constructor(mark: LogMark, groups: Mark["groups"]) {
    this.#mark = mark
    this.#groups = new Map(groups)
  }

  get groups(): ReadonlyMap<GroupId, MarkedGroup> {
    return this.#groups
  }

  /**
   * As it was found in the database. Where the log ends, the database says: its last commit may have missed its mark.
   * What was promised, the higher of the two, until `load` has made that durable in the database as well.
   */
  found(record: GroupRecord): void {
    const marked = this.#groups.get(record.group)
    this.#set(record.group, { ...markOf(record), ...(marked && highest(record, marked)) })
  }

  changed(record: GroupRecord): void {
    this.#set(record.group, markOf(record))
  }

  forgotten(group: GroupId): void {
    this.#groups.delete(group)
    this.#unwritten.add(group)
  }

  /** With all that has changed since the one before. */
  write(head: MarkHead): void {
    const groups = Array.from(this.#unwritten, (group) => [group, this.#groups.get(group) ?? null] as const)
    try {
      this.#mark.write({ ...head, groups }, () => ({ ...head, groups: this.#groups }))
    } catch (error) {
      // Its room was taken when the group was made. Whatever it is, "nothing was written" would be a lie: the
      // transaction that it tells of is there. The last word of a store that fails says it once more.
      throw new StorageFailed({ operation: "mark", message: messageOf(error), cause: error })
    }
    this.#unwritten.clear()
  }

  /** Before there are so many groups. Throws when there is no room, and all is as before. */
  makeRoom(groups: number, head: MarkHead): void {
    this.#mark.makeRoom(groups, () => ({ ...head, groups: this.#groups }))
  }

  sync(): void {
    this.#mark.sync()
  }

  close(): void {
    this.#mark.close()
  }

  #set(group: GroupId, marked: MarkedGroup): void {
    this.#groups.set(group, marked)
    this.#unwritten.add(group)
  }
}

const markOf = (record: GroupRecord): MarkedGroup => ({
  term: record.term,
  votedFor: record.votedFor,
  lastIndex: record.lastIndex,
  lastTerm: record.lastTerm,
  hash: record.lastHash.toString(16),
})

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
