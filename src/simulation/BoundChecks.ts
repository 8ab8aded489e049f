// Does everything that waits stay within its bound, in number and in time?

import type { GroupId, NodeId } from "../consensus/types.ts"
import type { RaftOptions } from "../raft/options.ts"
import type { Invariants } from "./Invariants.ts"
import type { Process } from "./Process.ts"
import type { Seat } from "./Seat.ts"
import { insist } from "./Violation.ts"

export class BoundChecks {
  readonly #group: GroupId
  readonly #raft: Pick<RaftOptions, "waitingMax" | "limits">
  readonly #invariants: Pick<Invariants, "entryBytesMax">
  /** Term and vote that are not on their disk yet, though nothing but entries need keep them from it. */
  readonly #unwritten = new Map<
    NodeId,
    { readonly what: string; readonly process: Process; readonly since: number }
  >()

  constructor(
    group: GroupId,
    raft: Pick<RaftOptions, "waitingMax" | "limits">,
    invariants: Pick<Invariants, "entryBytesMax">,
  ) {
    this.#group = group
    this.#raft = raft
    this.#invariants = invariants
  }

  /** Every queue within its bound (H5, R13). */
  lookAtQueues(nodes: ReadonlyArray<Seat>): void {
    const { waitingMax, limits } = this.#raft
    for (const node of nodes) {
      const status = node.raft?.status()
      if (status === undefined) continue
      const { proposals = 0, reads = 0 } = status.queues
      // What peers forward is taken as a whole batch or not at all.
      insist(
        "bounded",
        proposals <= waitingMax * 2,
        `proposals that wait at ${node.id} (H5)`,
        proposals,
        waitingMax,
      )
      insist("bounded", reads <= waitingMax, `reads that wait at ${node.id} (H5)`, reads, waitingMax)
      const cached = node.record?.log.cachedBytes ?? 0
      // What waits at all doors may be in one log and not applied yet.
      const waiting = 2 * nodes.length * waitingMax * this.#invariants.entryBytesMax
      insist(
        "bounded",
        cached <= limits.cacheBytesMax + waiting,
        `entries in the memory of ${node.id} (R13)`,
        cached,
      )
    }
  }

  /** Where room is kept for them, term and vote do not wait for any (S7). */
  lookAtFullDisk({ id, disk, process, record }: Seat): void {
    const { isFull, reserveBytes, hangs, failing, syncMillisMax } = disk.weather
    const isAble = isFull && reserveBytes > 0 && !hangs && failing === "no"
    const { term, votedFor } = disk.synced(this.#group)?.hardState ?? nothingSaid
    const isWritten = record === null || (record.term === term && record.votedFor === votedFor)
    if (!isAble || isWritten || process === null || process.isPaused) return void this.#unwritten.delete(id)
    const what = `${record.term} ${record.votedFor}`
    const waiting = this.#unwritten.get(id)
    if (waiting?.what !== what || waiting.process !== process) {
      return void this.#unwritten.set(id, { what, process, since: process.nowMillis })
    }
    const waitedMillis = process.nowMillis - waiting.since
    insist(
      "vote on a full disk",
      waitedMillis <= WRITTEN_MILLIS_MAX + 10 * syncMillisMax,
      `term and vote of ${id} find the room that is kept for them (S7)`,
      what,
      waitedMillis,
    )
  }
}

/** A group is not on the disk before it has something to say. */
const nothingSaid = { term: 0, votedFor: null }
/** How long term and vote may take on a full disk: several looks of the writer, which looks four times a second. */
const WRITTEN_MILLIS_MAX = 1000
