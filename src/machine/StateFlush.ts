// How does a machine's state come from its file, and back there?

import type { GroupId, Index } from "../consensus/types.ts"
import { type Flush, type StatePosition, type StateStore, StateStoreFull } from "../storage/StateStore.ts"
import { Catalogue } from "./Catalogue.ts"
import { Events } from "./Events.ts"
import type { MachineState } from "./execution.ts"
import { Instances } from "./Instances.ts"
import type { MachineLimits } from "./limits.ts"
import { Outcomes } from "./Outcomes.ts"
import type { Registry } from "./Registry.ts"
import { GroupDirectory } from "./system/GroupDirectory.ts"
import { Quarantines } from "./system/Quarantines.ts"
import { Whereabouts } from "./system/Whereabouts.ts"
import { Timers } from "./Timers.ts"

/** As of the last flush. */
export const openState = (
  store: StateStore,
  group: GroupId,
  preset: Registry | null,
  limits: MachineLimits,
): MachineState => {
  const digest = digestsOf(store.digest())
  const instances = new Instances(store, limits.cacheBytesMax, digest.instances)
  return {
    group,
    store,
    catalogue: new Catalogue(instances, preset),
    quarantines: new Quarantines(instances),
    groups: new GroupDirectory(instances),
    whereabouts: new Whereabouts(instances, group),
    limits,
    instances,
    outcomes: new Outcomes(store, limits.outcomesMax, digest.outcomes),
    timers: new Timers(store, digest.timers),
    events: new Events(store.position().index, limits),
  }
}

/** Over all that is stored. */
export const digestOf = ({
  instances,
  outcomes,
  timers,
}: Pick<MachineState, "instances" | "outcomes" | "timers">): string =>
  `${instances.digest}${outcomes.digest}${timers.digest}`

export class StateFlush {
  /** As the last flush found it: only who asks for a flush has it tried again. */
  isDiskFull = false
  readonly #state: MachineState
  #flushedIndex: Index

  constructor(state: MachineState, flushedIndex: Index) {
    this.#state = state
    this.#flushedIndex = flushedIndex
  }

  /** So much waits that a flush would soon keep the next batch waiting for long. */
  get isLarge(): boolean {
    const { instances, limits, outcomes } = this.#state
    return (
      instances.dirtyCount > limits.dirtyInstancesMax ||
      instances.dirtyBytes + outcomes.unflushedBytes > limits.dirtyBytesMax
    )
  }

  /** Everything up to the index it returns is durable: all up to `position`, unless the disk is full. */
  flush(position: StatePosition): Index {
    const flushing = this.#flushing(position, (flush) => [this.#state.store.flush(flush)])
    for (;;) {
      const step = flushing.next()
      if (step.done === true) return step.value
    }
  }

  /** The same, with pauses, in which nothing may be applied. */
  inParts(position: StatePosition): Generator<void, Index> {
    return this.#flushing(position, (flush) => this.#state.store.flushInParts(flush))
  }

  *#flushing(position: StatePosition, write: (flush: Flush) => Iterable<void>): Generator<void, Index> {
    const { index } = position
    if (index === this.#flushedIndex) return index
    const { instances, outcomes, timers } = this.#state
    const changed = timers.unflushed()
    try {
      const parts = write({
        position,
        instances: instances.dirtyRows(),
        instancesRemoved: instances.removedRows(),
        outcomes: outcomes.unflushedChunks(),
        forgetOutcomesBelow: outcomes.forgetBelow,
        timersSet: changed.set,
        timersCleared: changed.cleared,
        digest: digestOf(this.#state),
      })
      for (const _ of parts) yield
    } catch (error) {
      // Nothing was written, and the log still has it all: the next flush tries again (HAZARDS S7).
      this.isDiskFull = error instanceof StateStoreFull
      if (this.isDiskFull) return this.#flushedIndex
      throw error
    }
    this.isDiskFull = false
    instances.flushed()
    outcomes.flushed()
    timers.flushed()
    this.#flushedIndex = index
    return index
  }
}

/** As {@link digestOf} joins them; a state that was never flushed has none. */
const digestsOf = (digest: string) => {
  const joined = digest.padEnd(48, "0")
  return { instances: joined.slice(0, 16), outcomes: joined.slice(16, 32), timers: joined.slice(32) }
}
