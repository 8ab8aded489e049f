// What survives when the power goes? One node's durable image, and how a node starts from it again.

import { assert } from "../../src/consensus/assert.ts"
import { ConfigurationHistory } from "../../src/consensus/ConfigurationHistory.ts"
import { decodeConfiguration } from "../../src/consensus/configuration.ts"
import { entryBytes, Log } from "../../src/consensus/Log.ts"
import { type Limits, makeNode, type Node } from "../../src/consensus/node.ts"
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  LogBase,
  Millis,
  NodeId,
  Standing,
  Term,
  TermRun,
  Write,
} from "../../src/consensus/types.ts"

export class Disk {
  hardState: HardState = { term: 0, votedFor: null }
  standing: Standing = "whole"
  base: LogBase = { index: 0, term: 0 }
  baseConfiguration: Configuration
  entries: Array<Entry> = []
  pendingInstall: Write["install"] = null
  /** The state file: how far it has come. */
  state: LogBase = { index: 0, term: 0 }
  stateConfiguration: Configuration

  constructor(initial: Configuration) {
    this.baseConfiguration = initial
    this.stateConfiguration = initial
  }

  get lastIndex(): Index {
    return this.base.index + this.entries.length
  }

  termAt(index: Index): Term | undefined {
    return index === this.base.index ? this.base.term : this.entries[index - this.base.index - 1]?.term
  }

  /** Holds the entry, or a snapshot that covers it. */
  holds(index: Index, term: Term): boolean {
    return index < this.base.index || this.termAt(index) === term
  }

  read(from: Index, to: Index): Array<Entry> {
    return this.entries.slice(from - this.base.index - 1, to - this.base.index)
  }

  write(write: Write): void {
    if (write.install !== null) {
      this.base = { index: write.install.index, term: write.install.term }
      this.baseConfiguration = write.install.configuration
      this.entries = []
      this.pendingInstall = write.install
    }
    if (write.truncateFrom !== null) this.entries.length = write.truncateFrom - this.base.index - 1
    for (const entry of write.entries) {
      assert(entry.index === this.lastIndex + 1, "rows follow on each other", entry.index, this.lastIndex)
      this.entries.push({ ...entry, origin: null })
    }
    if (write.hardState !== null) this.hardState = write.hardState
    if (write.standing !== null) this.standing = write.standing
  }

  /** The state has come to where the log on disk stands at `index`. */
  flush(index: Index, configuration: Configuration): void {
    const term = this.termAt(index)
    assert(term !== undefined, "a flushed state rests on the log", index, this.base.index)
    this.state = { index, term }
    this.stateConfiguration = configuration
  }

  compact(through: LogBase, configuration: Configuration): void {
    if (through.index <= this.base.index) return
    this.entries = this.entries.slice(through.index - this.base.index)
    this.base = through
    this.baseConfiguration = configuration
  }

  /** The snapshot's file takes the place of the state. */
  finishInstall(): void {
    const install = this.pendingInstall
    if (install === null) return
    if (install.index > this.state.index) {
      this.state = { index: install.index, term: install.term }
      this.stateConfiguration = install.configuration
    }
    this.pendingInstall = null
  }

  /** Entries behind `lastIndex` are gone, and the node notices when it starts (HAZARDS S4). */
  damage(lastIndex: Index): void {
    this.entries.length = Math.max(0, lastIndex - this.base.index)
    this.standing = "suspect"
    if (this.lastIndex >= this.state.index) return
    this.base = this.state
    this.baseConfiguration = this.stateConfiguration
    this.entries = []
  }

  start(options: {
    readonly id: NodeId
    readonly limits: Limits
    readonly now: Millis
    readonly tailBytesMax: number
  }): Node {
    this.finishInstall()
    const terms: Array<TermRun> = []
    for (const entry of this.entries) {
      if (terms.at(-1)?.term !== entry.term) terms.push({ term: entry.term, firstIndex: entry.index })
    }
    let tailBytes = 0
    const tail: Array<Entry> = []
    for (const entry of this.entries.toReversed()) {
      tailBytes += entryBytes(entry)
      if (tailBytes > options.tailBytesMax) break
      tail.unshift({ ...entry })
    }
    return makeNode({
      group: "main",
      id: options.id,
      limits: options.limits,
      now: options.now,
      hardState: this.hardState,
      standing: this.standing,
      log: new Log({ base: this.base, lastIndex: this.lastIndex, terms, tail }),
      configurations: new ConfigurationHistory(
        { index: this.base.index, configuration: this.baseConfiguration },
        this.entries
          .filter((entry) => entry.kind === "configuration")
          .map((entry) => ({ index: entry.index, configuration: decodeConfiguration(entry.data) })),
      ),
      appliedIndex: this.state.index,
      lastTime: this.entries.at(-1)?.time ?? 0,
      pendingInstall: null,
    })
  }
}
