// Do all machines apply the same, in order and without a gap? (Raft §5.4.3)

import type { Index, NodeId, Term } from "../consensus/types.ts"
import type { Ledger } from "./Ledger.ts"
import type { DiskTruth } from "./observed.ts"
import { insist } from "./Violation.ts"

export class MachineChecks {
  readonly #ledger: Ledger
  readonly #hashes = new Map<Index, { readonly id: NodeId; readonly hash: string }>()
  /** The end of the machine of each node. */
  readonly #applied = new Map<NodeId, Index>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  begins(id: NodeId): void {
    this.#applied.delete(id)
  }

  started(id: NodeId, appliedIndex: Index): void {
    this.#applied.set(id, appliedIndex)
  }

  /** The machine takes an entry in: the next one, and the one that was committed. */
  appliedAt(id: NodeId, index: Index, term: Term | undefined): void {
    const next = (this.#applied.get(id) ?? 0) + 1
    insist("applied in order", index === next, `${id} applies without a gap`, index, next)
    this.#applied.set(id, index)
    const committed = this.#ledger.at(index)?.term
    insist(
      "state machine safety",
      committed === term,
      `all machines apply the same at ${index} (§5.4.3): ${id}`,
      term ?? "nothing",
      committed ?? "nothing",
    )
  }

  /** A snapshot took the place of the state. */
  installed(id: NodeId, index: Index, term: Term, disk: DiskTruth | null): void {
    // It had arrived, and was lost since: the node begins anew.
    if (index === 0) return
    insist(
      "state rests on the log",
      disk?.holds(index, term) === true,
      `${id} installs at ${index} what its log on disk rests on (N2)`,
      disk?.base.index,
    )
    const committed = this.#ledger.at(index)?.term
    insist(
      "state machine safety",
      committed === term,
      `${id} installs what was committed at ${index}`,
      term,
      committed ?? "nothing",
    )
    const last = this.#applied.get(id) ?? 0
    insist("applied goes forward", index >= last, `${id} installs a snapshot (N5)`, index, last)
    this.#applied.set(id, index)
  }

  hashAt(index: Index): string | undefined {
    return this.#hashes.get(index)?.hash
  }

  /** Equal logs give equal states (D1). */
  hashed(id: NodeId, index: Index, hash: string): void {
    const known = this.#hashes.get(index)
    if (known === undefined) this.#hashes.set(index, { id, hash })
    else
      insist(
        "state hash",
        known.hash === hash,
        `states at ${index} (D1): ${id} and ${known.id}`,
        hash,
        known.hash,
      )
  }
}
