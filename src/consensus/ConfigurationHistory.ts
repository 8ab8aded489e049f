// Which configuration rules, and which one would rule if the log were cut? (Raft §6)

import { decodeConfiguration } from "./configuration.ts"
import type { Configuration, Entry, Index } from "./types.ts"

/** A configuration, and where it stands in the log. */
export interface Recorded {
  readonly index: Index
  readonly configuration: Configuration
}

/**
 * The configuration as of the log's base and all configuration entries behind it. A server uses the latest
 * one in its log, committed or not (HAZARDS M2); cutting the log brings back the one before (M3).
 */
export class ConfigurationHistory {
  /** Never empty; the first stands for the base. */
  #recorded: Array<Recorded>

  constructor(base: Recorded, behind: ReadonlyArray<Recorded>) {
    this.#recorded = [base, ...behind]
  }

  get current(): Configuration {
    return this.#recorded.at(-1)!.configuration
  }

  /** Where the current configuration stands in the log. */
  get currentIndex(): Index {
    return this.#recorded.at(-1)!.index
  }

  /** The newest one that is committed, and all behind it: any of them may come to rule. */
  from(commitIndex: Index): ReadonlyArray<Configuration> {
    const committed = this.#recorded.findLastIndex((recorded) => recorded.index <= commitIndex)
    return this.#recorded.slice(Math.max(0, committed)).map(({ configuration }) => configuration)
  }

  /** Where the last one before this place stands. */
  before(index: Index): Index {
    return (this.#recorded.findLast((recorded) => recorded.index < index) ?? this.#recorded[0]!).index
  }

  /** All behind this place, in order. */
  behind(index: Index): ReadonlyArray<Recorded> {
    return this.#recorded.filter((recorded) => recorded.index > index)
  }

  asOf(index: Index): Configuration {
    return (
      this.#recorded.findLast((recorded) => recorded.index <= index)?.configuration ??
      this.#recorded[0]!.configuration
    )
  }

  /** Takes note of an appended entry. */
  append(entry: Entry): void {
    if (entry.kind !== "configuration") return
    this.#recorded.push({ index: entry.index, configuration: decodeConfiguration(entry.data) })
  }

  truncateFrom(index: Index): void {
    while (this.#recorded.length > 1 && this.#recorded.at(-1)!.index >= index) this.#recorded.pop()
  }

  compact(through: Index): void {
    const base = { index: through, configuration: this.asOf(through) }
    this.#recorded = [base, ...this.#recorded.filter((recorded) => recorded.index > through)]
  }

  reset(base: Recorded): void {
    this.#recorded = [base]
  }
}
