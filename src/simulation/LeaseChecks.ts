// May a leader answer reads by its lease? Only while nobody else could be elected, and it has all that is committed.

import { leaderLives } from "../consensus/election.ts"
import { leaseHolds } from "../consensus/reading.ts"
import type { NodeId } from "../consensus/types.ts"
import type { Invariants } from "./Invariants.ts"
import type { Seat } from "./Seat.ts"
import { insist } from "./Violation.ts"

type Looked = Pick<Seat, "id" | "process" | "record">

export class LeaseChecks {
  readonly #nodes: () => ReadonlyArray<Looked>
  readonly #invariants: Pick<Invariants, "committedIndex">

  constructor(nodes: () => ReadonlyArray<Looked>, invariants: Pick<Invariants, "committedIndex">) {
    this.#nodes = nodes
    this.#invariants = invariants
  }

  /** Whoever may serve reads by its lease has everything that is committed (L5). */
  holdsAll({ id, process, record }: Looked): void {
    const { committedIndex } = this.#invariants
    if (process === null || record === null || !leaseHolds(record, process.nowMillis)) return
    insist(
      "lease",
      record.commitIndex >= committedIndex,
      `${id} has a lease (L5)`,
      record.commitIndex,
      committedIndex,
    )
  }

  /**
   * While a leader may serve reads by its lease, those who could elect another one without it keep quiet: not only
   * does nobody lead beside it, nobody could (L5).
   */
  isAlone({ id, process, record }: Looked): void {
    if (process === null || record === null || !leaseHolds(record, process.nowMillis)) return
    const isFree = (voter: NodeId): boolean => {
      const other = this.#nodes().find((each) => each.id === voter)!
      if (voter === id || other.process === null || other.record === null) return false
      return other.record.standing === "whole" && !leaderLives(other.record, other.process.nowMillis)
    }
    const { voters, outgoing } = record.configurations.current
    const isSafe = [voters, outgoing].some(
      (half) => half.length > 0 && half.filter(isFree).length * 2 <= half.length,
    )
    insist("lease", isSafe, `${id} has a lease, and no majority would vote (L5)`, voters.filter(isFree))
  }

  /** Voters keep quiet for as long as a leader may rely on them: nobody else is elected meanwhile (L5). */
  elected(leader: NodeId): void {
    for (const { id, process, record } of this.#nodes()) {
      if (id === leader || process === null || record === null) continue
      insist(
        "lease",
        !leaseHolds(record, process.nowMillis),
        `${leader} is elected while ${id} has a lease (L5)`,
      )
    }
  }

  /** One was answered by its lease. */
  read({ id, process, record }: Looked): void {
    const holds = process !== null && record !== null && leaseHolds(record, process.nowMillis)
    insist("lease", holds, `${id} answers by its lease, which holds until it has (L6)`)
  }
}
