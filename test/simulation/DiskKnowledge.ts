// What does the user of a disk know of it: what was acknowledged, and what may have become of the rest?

import { expect } from "bun:test"
import type { SimulatedDisk } from "../../src/simulation/Disk.ts"
import type { LoadedGroup } from "../../src/storage/LogStore.ts"
import type { StateStore } from "../../src/storage/StateStore.ts"
import {
  emptyGroup,
  expectOneOf,
  flushOf,
  type GroupModel,
  isSame,
  type LogModel,
  outcomesOf,
  type StateModel,
  shapeOf,
  type Transaction,
} from "./DiskModel.ts"

export class DiskKnowledge {
  log: LogModel = { main: emptyGroup, other: emptyGroup }
  state: StateModel = { index: 0, term: 0, digest: "" }
  /** What has happened: a test that never met what it is there for proves nothing. */
  readonly sightings = new Set<string>()
  #underWay: Array<Transaction> = []
  #stateUnderWay: StateModel | null = null

  get main(): GroupModel {
    return this.log.main!
  }

  begin(transaction: Transaction): void {
    this.#underWay.push(transaction)
  }

  end(transaction: Transaction, hasHappened: boolean): void {
    this.#underWay.splice(this.#underWay.indexOf(transaction), 1)
    if (hasHappened) this.log = transaction(this.log)
  }

  beginState(state: StateModel): void {
    this.#stateUnderWay = state
  }

  endState(hasHappened: boolean): void {
    if (hasHappened) this.state = this.#stateUnderWay!
    this.#stateUnderWay = null
  }

  /** A process starts on a state: the last one, or the one that was under way, and never anything between. */
  foundState(state: StateStore): void {
    const { index, term } = state.position()
    const found = { index, term, digest: state.digest() }
    this.endState(this.#stateUnderWay !== null && Bun.deepEquals(found, this.#stateUnderWay))
    expect(found).toEqual(this.state)
    const { instances } = flushOf(found)
    if (index > 0) for (const stored of instances) expect(state.instance("a", stored.key)).toEqual(stored)
  }

  /** A process starts on a log: all that was acknowledged, and each transaction under way or not. */
  foundLog(loaded: Readonly<Record<"main" | "other", LoadedGroup>>, mayBeSuspect: boolean): void {
    const possible = outcomesOf(this.log, this.#underWay)
    const found = possible.findIndex(
      ({ main, other }) => isSame(loaded.main, main!) && isSame(loaded.other, other!),
    )
    if (found === -1) expectOneOf(loaded, possible)
    if (possible.length > 1) this.sightings.add(found === 0 ? "unacknowledged lost" : "unacknowledged kept")
    this.log = possible[found]!
    this.#underWay = []
    for (const { suspicion } of [loaded.main, loaded.other]) {
      if (suspicion !== "") this.sightings.add("doubtful")
      if (!mayBeSuspect) expect(suspicion).toBe("")
    }
  }

  /** What a node rests on, no loss of power may take. */
  expectSynced(disk: SimulatedDisk): void {
    const possible = outcomesOf(this.log, this.#underWay)
    for (const group of ["main", "other"]) {
      const { hardState, base, lastIndex } = disk.synced(group)!
      expect(possible.map((log) => shapeOf(log[group]!))).toContainEqual({ hardState, base, lastIndex })
    }
  }
}
