// Which groups does the cluster have? Known to `main`, which is its directory: a group is there from the entry on that
// opens it, and begins with the configuration that this entry holds, on whichever node it begins.

import type { Configuration, GroupId, Index } from "../../consensus/types.ts"
import type { Instances } from "../Instances.ts"
import { Rows } from "./rows.ts"

/** One group besides `main`. */
export interface GroupRow {
  readonly group: GroupId
  /** The entry of `main` that opened it. */
  readonly founded: Index
  /** Its first one. Later ones are in its own log. */
  readonly configuration: Configuration
  /**
   * All that it held is gone, or goes as soon as a replica learns of it. Its name is never used again: a replica that was
   * away still has what the closed one was, and must not take it for another's.
   */
  readonly isClosed: boolean
}

/** All groups besides `main`, in order of their names; also those that are closed. */
export interface GroupList {
  /** As of this entry of `main`, the last that was applied. */
  readonly index: Index
  readonly groups: ReadonlyArray<GroupRow>
}

/** They are few, and in memory. */
export class GroupDirectory {
  readonly #rows: Rows<GroupRow>
  readonly #byName = new Map<GroupId, GroupRow>()
  #openCount = 0

  constructor(instances: Instances) {
    this.#rows = new Rows(instances, "$group")
    for (const { value } of this.#rows.all()) this.#note(value)
  }

  /** Closed ones included. */
  get count(): number {
    return this.#byName.size
  }

  get openCount(): number {
    return this.#openCount
  }

  get(group: GroupId): GroupRow | null {
    return this.#byName.get(group) ?? null
  }

  all(): ReadonlyArray<GroupRow> {
    return [...this.#byName.values()].sort((left, right) => (left.group < right.group ? -1 : 1))
  }

  put(row: GroupRow, index: Index): void {
    this.#note(row)
    this.#rows.put(row.group, row, index)
  }

  #note(row: GroupRow): void {
    const wasOpen = this.#byName.get(row.group)?.isClosed === false
    this.#openCount += Number(!row.isClosed) - Number(wasOpen)
    this.#byName.set(row.group, row)
  }
}
