// Does a leader know what its followers hold, and do damaged ones come back whole? (HAZARDS R6, R13, S4)

import type { Node } from "../consensus/node.ts"
import type { Progress } from "../consensus/Progress.ts"
import type { Index, NodeId } from "../consensus/types.ts"
import type { Ledger } from "./Ledger.ts"
import type { DiskTruth, Seen } from "./observed.ts"
import { insist } from "./Violation.ts"

export class FollowerChecks {
  readonly #ledger: Ledger
  /** How often each disk has lost something, and what was committed when it last did. */
  readonly #damages = new Map<NodeId, { readonly count: number; readonly committed: Index }>()
  /** What a leader began anew with a follower, and how often that one's disk had lost something by then. */
  readonly #sessions = new WeakMap<Progress, { readonly session: number; readonly damages: number }>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** A disk has lost something, whether or not its node will notice. */
  damaged(id: NodeId): void {
    this.#damages.set(id, { count: this.#damagesOf(id) + 1, committed: this.#ledger.lastIndex })
  }

  hasLostData(id: NodeId): boolean {
    return this.#damages.has(id)
  }

  /** False once any disk has lost something: what was said no longer proves what is there. */
  get disksKeep(): boolean {
    return this.#damages.size === 0
  }

  /** `entryBytesMax`: the largest entry so far; one fits wherever none does. */
  turned(node: Node, before: Seen, entryBytesMax: number, disks: (id: NodeId) => DiskTruth | null): void {
    this.#windows(node, entryBytesMax)
    this.#repairs(node, before)
    this.#matches(node, disks)
  }

  /** Who is whole again holds all that was committed when its disk lost something (S4). */
  #repairs(node: Node, before: Seen): void {
    if (before.standing !== "suspect" || node.standing !== "whole") return
    const { committed = 0 } = this.#damages.get(node.id) ?? {}
    const isCovered = committed <= node.log.base.index
    const [held, term] = [node.log.termAt(committed), this.#ledger.at(committed)?.term]
    insist(
      "whole again",
      isCovered || held === term,
      `${node.id} is whole and holds what was committed at ${committed} (S4)`,
      held ?? "nothing",
      term,
    )
  }

  /** What a leader believes of a follower that it began anew with is on that one's disk (R6). */
  #matches(node: Node, disks: (id: NodeId) => DiskTruth | null): void {
    if (node.role.kind !== "leader") return
    for (const [id, progress] of node.role.progress) {
      const damages = this.#damagesOf(id)
      if (this.#sessions.get(progress)?.session !== progress.session) {
        this.#sessions.set(progress, { session: progress.session, damages })
      }
      const isOld = this.#sessions.get(progress)!.damages !== damages
      if (progress.session === 1 || progress.match <= node.log.base.index || isOld) continue
      const term = node.log.termAt(progress.match)
      insist(
        "match is on disk",
        term !== undefined && disks(id)?.holds(progress.match, term) === true,
        `${id} holds ${progress.match} of term ${term}, as ${node.id} believes (R6)`,
      )
    }
  }

  #windows(node: Node, entryBytesMax: number): void {
    if (node.role.kind !== "leader") return
    const { limits, log } = node
    for (const [id, progress] of node.role.progress) {
      const { match, next, inFlightCount, inFlightBytes } = progress
      insist("progress", match < next, `match < next of ${id}`, match, next)
      insist("progress", match <= log.lastIndex, `match of ${id} within the log`, match, log.lastIndex)
      insist("progress", next <= log.lastIndex + 1, `next of ${id}`, next, log.lastIndex)
      insist("bounded", inFlightCount <= limits.inFlightMessagesMax, `window of ${id} (R13)`, inFlightCount)
      insist(
        "bounded",
        inFlightBytes <= limits.inFlightBytesMax + Math.max(3 * limits.appendBytesMax, entryBytesMax),
        `window of ${id} in bytes (R13)`,
        inFlightBytes,
      )
    }
  }

  #damagesOf(id: NodeId): number {
    return this.#damages.get(id)?.count ?? 0
  }
}
