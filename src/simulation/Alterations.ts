// Is a state that was altered where it lies found in time, by its node alone, and made good?

import { lacksState } from "../consensus/node.ts"
import type { Configuration, Index, NodeId } from "../consensus/types.ts"
import { digestOfState } from "../machine/stateDigest.ts"
import { StateCorrupt } from "../storage/StateStore.ts"
import { verifyImage } from "../storage/stateImage.ts"
import { stateFileName, stateOf } from "../storage/stateStoreMemory.ts"
import type { Process } from "./Process.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import { insist } from "./Violation.ts"

interface Alteration {
  /** Null: nobody has found it yet. Else what had been committed when it was: so far the node has to come again. */
  goal: Index | null
  /** For how long the node has been able to find it, without a break. */
  ableMillis: number
  lookedAt: number
  process: Process | null
  /** Its last hash was not that of the others. */
  differs: boolean
}

export class Alterations {
  readonly #boundMillis: number
  readonly #configuration: Configuration
  readonly #of = new Map<NodeId, Alteration>()

  constructor(options: { readonly scrubMillis: number; readonly configuration: Configuration }) {
    // Twice, for the one under way and the one that reads it, on a clock that may be slow; and what all else may take.
    this.#boundMillis = 2.5 * options.scrubMillis + 500
    this.#configuration = options.configuration
  }

  /** Nodes whose states are not what they were, or were given up and are not back yet. */
  get nodes(): ReadonlyArray<NodeId> {
    return [...this.#of.keys()]
  }

  /** Nobody can blame it for what its state says. */
  isHidden(id: NodeId): boolean {
    return this.#of.get(id)?.goal === null
  }

  note({ id, process }: SimulatedNode, nowMillis: number): void {
    this.#of.set(id, { goal: null, ableMillis: 0, lookedAt: nowMillis, process, differs: false })
  }

  /** `known`: what the others had there. */
  hashed(id: NodeId, hash: string, known: string | undefined): void {
    const alteration = this.#of.get(id)
    if (alteration !== undefined && known !== undefined) alteration.differs = hash !== known
  }

  gaveUp(id: NodeId, committedIndex: Index): void {
    const alteration = this.#of.get(id)
    if (alteration !== undefined) alteration.goal = committedIndex
  }

  look(node: SimulatedNode, nowMillis: number, committedIndex: Index): void {
    const alteration = this.#of.get(node.id)
    if (alteration === undefined) return
    if (alteration.goal !== null) {
      if (hasState(node) && node.record!.appliedIndex >= alteration.goal) this.#of.delete(node.id)
      return
    }
    // What was never flushed, for want of room perhaps, is not looked through: whatever it was, it is found when it is opened.
    const isLookedAt = hasState(node) && node.raft!.status().snapshotIndex > 0
    const isAble = isLookedAt && node.process === alteration.process && !node.process!.isPaused
    alteration.ableMillis = isAble ? alteration.ableMillis + nowMillis - alteration.lookedAt : 0
    alteration.lookedAt = nowMillis
    alteration.process = node.process
    if (alteration.ableMillis < this.#boundMillis) return
    // A row may have been written anew before anybody had read it; then all is as it was.
    const reason = alteration.differs ? "its hash is not that of the others" : this.#damageOf(node)
    insist(
      "altered state",
      reason === null,
      `${node.id} finds within ${this.#boundMillis} ms that its state was altered (D1, S5)`,
      reason,
    )
    alteration.goal = committedIndex
  }

  /** Null: it is what was written. */
  #damageOf({ disk }: SimulatedNode): string | null {
    const file = disk.directory("main").file(stateFileName)
    if (file === undefined) return null
    try {
      verifyImage(stateOf(file.written, this.#configuration), digestOfState)
      return null
    } catch (error) {
      if (error instanceof StateCorrupt) return error.message
      throw error
    }
  }
}

const hasState = ({ raft, record }: SimulatedNode): boolean =>
  raft !== null && record !== null && raft.status().parted === null && !lacksState(record)
