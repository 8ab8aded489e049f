// Which groups does the cluster have? Known to `main`, which is its directory: a group is there from the entry on that
// opens it, and begins with the configuration that this entry holds, on whichever node it begins.

import type { Configuration, GroupId, Index, NodeId } from "../../consensus/types.ts"
import type { Instances } from "../Instances.ts"
import { Rows } from "./rows.ts"

/** A member, and the data directory that is meant: one that comes back without its data is another one (HAZARDS S6). */
export interface Seat {
  readonly id: NodeId
  readonly incarnation: string
}

/** Who runs a group that not all members are to run. */
export interface Seating {
  readonly replicas: number
  /** The name by which seats are chosen: groups that are to have the same ones have one name here. */
  readonly like: GroupId
  /** The entry of `main` that said so. */
  readonly step: Index
  /** Its voters are to be these, and it has no others. */
  readonly seats: ReadonlyArray<Seat>
  /** Who may count in it still besides: had a seat by a step since the last that was reached. */
  readonly leaving: ReadonlyArray<NodeId>
  /** Its voters have been just these since. */
  readonly isReached: boolean
}

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
  /** Absent: all members of `main` run it, and its members are those. */
  readonly seating?: Seating
}

/** All groups besides `main`, in order of their names; also those that are closed. */
export interface GroupList {
  /** As of this entry of `main`, the last that was applied. */
  readonly index: Index
  readonly groups: ReadonlyArray<GroupRow>
  /** In which zone nodes have said that they are; absent: none of them has. */
  readonly zones?: Readonly<Record<NodeId, string>>
}

/** They are few, and in memory. */
export class GroupDirectory {
  readonly #rows: Rows<GroupRow>
  readonly #byName = new Map<GroupId, GroupRow>()
  readonly #zoneRows: Rows<{ readonly zone: string }>
  #zones: Readonly<Record<NodeId, string>> = {}
  #openCount = 0

  constructor(instances: Instances) {
    this.#rows = new Rows(instances, "$group")
    for (const { value } of this.#rows.all()) this.#note(value)
    this.#zoneRows = new Rows(instances, "$node")
    for (const { key, value } of this.#zoneRows.all()) this.#zones = { ...this.#zones, [key]: value.zone }
  }

  get zones(): Readonly<Record<NodeId, string>> {
    return this.#zones
  }

  /** Null: it is in none any more. */
  putZone(node: NodeId, zone: string | null, index: Index): void {
    const { [node]: _, ...others } = this.#zones
    this.#zones = zone === null ? others : { ...others, [node]: zone }
    this.#zoneRows.put(node, zone === null ? null : { zone }, index)
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
