// What would be there of one group if the power were lost now? For those who check what a node says.

import type { HardState, Index, LogBase, Standing, Term } from "../consensus/types.ts"
import type { StoredEntry } from "../storage/LogTables.ts"
import type { GroupRecord } from "../storage/logRows.ts"
import type { GroupImage } from "../storage/logTablesMemory.ts"

/** An entry of which one bit has flipped. */
export interface FlippedEntry extends StoredEntry {
  readonly was: StoredEntry
}

/** A bit that has flipped since is not looked at: it is found by who reads it. */
export class SyncedLog {
  readonly image: GroupImage
  readonly hardState: HardState
  readonly standing: Standing
  readonly base: LogBase
  readonly lastIndex: Index
  readonly pendingInstall: GroupRecord["pendingInstall"]

  constructor(image: GroupImage, group: GroupRecord, base: GroupRecord) {
    this.image = image
    this.hardState = { term: group.term, votedFor: group.votedFor }
    this.standing = group.suspicion === "" ? "whole" : "suspect"
    this.base = { index: base.baseIndex, term: base.baseTerm }
    this.lastIndex = group.lastIndex
    this.pendingInstall = base.pendingInstall
  }

  /** Undefined below the base and behind the end. */
  termAt(index: Index): Term | undefined {
    if (index <= this.base.index) return index === this.base.index ? this.base.term : undefined
    const stored = this.image.entries.find(index)
    return (stored !== undefined && "was" in stored ? (stored as FlippedEntry).was : stored)?.entry.term
  }

  /** The entry is there, or lies below the base: then a snapshot or the state covers it. */
  holds(index: Index, term: Term): boolean {
    return index < this.base.index || this.termAt(index) === term
  }
}
