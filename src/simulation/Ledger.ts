// What has been committed so far, by anybody? The one history that every node is held against.

import type { Recorded } from "../consensus/ConfigurationHistory.ts"
import type { Configuration, Index, Term } from "../consensus/types.ts"

export class Ledger {
  /** By index − 1: the entry's term, and the term of the leader that committed it. */
  readonly #committed: Array<{ readonly term: Term; readonly by: Term }> = []
  readonly #configurations: Array<Recorded> = []

  get lastIndex(): Index {
    return this.#committed.length
  }

  /** Undefined: nothing has been committed there. */
  at(index: Index): { readonly term: Term; readonly by: Term } | undefined {
    return this.#committed[index - 1]
  }

  /** The next entry. */
  push(term: Term, by: Term): void {
    this.#committed.push({ term, by })
  }

  /** In their order. */
  get configurations(): ReadonlyArray<Recorded> {
    return this.#configurations
  }

  /** Where the newest stands; 0: none since the beginning. */
  get configurationIndex(): Index {
    return this.#configurations.at(-1)?.index ?? 0
  }

  pushConfiguration(recorded: Recorded): void {
    this.#configurations.push(recorded)
  }

  /** Undefined: the one that the cluster began with. */
  configurationAsOf(index: Index): Configuration | undefined {
    return this.#configurations.findLast((recorded) => recorded.index <= index)?.configuration
  }
}
