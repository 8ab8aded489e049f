// What does a group's log add up to? The state machine itself: synchronous, without clock, chance or Effect.

import { decodeConfiguration } from "../consensus/configuration.ts"
import type { Entry, Index } from "../consensus/types.ts"
import { StateCorrupt, type StatePosition, type StateStore, StateStoreFull } from "../storage/StateStore.ts"
import { admit } from "./admission.ts"
import { encodeLogged } from "./command.ts"
import { execute, type MachineState } from "./execution.ts"
import { Instances } from "./Instances.ts"
import { defaultLimits, type MachineLimits } from "./limits.ts"
import type { Admission, MachineStatus, Query } from "./MachineHost.ts"
import { Outcomes } from "./Outcomes.ts"
import type { Outcome, QueryOutcome } from "./outcome.ts"
import { answer } from "./queries.ts"
import type { Registry } from "./Registry.ts"
import { type Checkpoint, CheckpointNotes, isCheckpoint } from "./system/checkpoint.ts"
import { Timers } from "./Timers.ts"

/**
 * The replicated state of one group over its file. Equal entries in equal order give equal state, outcomes and
 * hash, wherever it was flushed or restarted between (HAZARDS D1, D10). It owns its thread and its store. What
 * it throws is the end of it: the file keeps the last flush, and the log has the rest.
 */
export class Machine {
  readonly #state: MachineState
  /** As of the last applied entry. */
  #position: StatePosition
  #flushedIndex: Index
  /** As the last flush found it: only who asks for a flush has it tried again. */
  #isDiskFull = false
  #failure: unknown = null
  #isClosed = false
  readonly #checkpoints = new CheckpointNotes()

  constructor(options: {
    readonly store: StateStore
    readonly registry: Registry
    readonly limits?: Partial<MachineLimits>
  }) {
    const { store, registry } = options
    const limits = { ...defaultLimits, ...options.limits }
    this.#position = store.position()
    this.#flushedIndex = this.#position.index
    this.#state = discarding(store, () => {
      const digest = digestsOf(store.digest())
      return {
        store,
        registry,
        limits,
        instances: new Instances(store, limits.cacheBytesMax, digest.instances),
        outcomes: new Outcomes(store, limits.outcomesMax, digest.outcomes),
        timers: new Timers(store, digest.timers),
      }
    })
  }

  /** As of the last flush: where applying starts after a restart. */
  position(): StatePosition {
    return this.#state.store.position()
  }

  admit(commands: ReadonlyArray<Uint8Array>): ReadonlyArray<Admission> {
    return this.#reading(() => commands.map((command) => admit(this.#state, command)))
  }

  /** Entries in order, without a gap. One outcome per entry, null for those that no command or no origin has. */
  apply(entries: ReadonlyArray<Entry>): ReadonlyArray<Outcome | null> {
    const outcomes = this.#reading(() =>
      entries.map((entry) => {
        const outcome = this.#applyOne(entry)
        return entry.origin === null ? null : outcome
      }),
    )
    if (this.#isLargeFlush() && !this.#isDiskFull) this.flush()
    return outcomes
  }

  /** All answers at the same index. */
  query(queries: ReadonlyArray<Query>): ReadonlyArray<QueryOutcome> {
    const { index, time } = this.#position
    return this.#reading(() => queries.map((query) => answer(this.#state, query, index, time)))
  }

  /** Everything up to the index it returns is durable: all that is applied, unless the disk is full. */
  flush(): Index {
    return this.#guard(() => this.#flush())
  }

  stateHash(): { readonly index: Index; readonly hash: string } {
    return { index: this.#position.index, hash: this.#digest() }
  }

  /** What the state came to at the newest checkpoints, oldest first. */
  checkpoints(): ReadonlyArray<Checkpoint> {
    return this.#checkpoints.newest
  }

  /** Log time at which the first timer falls due; null when none waits. */
  nextTimer(): number | null {
    return this.#state.timers.nextDueAt
  }

  /** Commands of the timers due at `now`, ready to be admitted. They are due until an entry has fired them. */
  due(now: number, max: number): ReadonlyArray<Uint8Array> {
    return this.#state.timers.due(now, max).map((timer) =>
      encodeLogged({
        actor: timer.actor,
        key: timer.key,
        command: timer.command,
        input: timer.input,
        idempotencyKey: `timer:${timer.id}`,
        ifRevision: null,
        version: "",
        seed: Buffer.from(timer.id.slice(timer.id.lastIndexOf(".") + 1), "hex"),
        caller: "",
        door: "",
        timer: timer.id,
      }),
    )
  }

  status(): MachineStatus {
    const { instances, outcomes, registry, timers } = this.#state
    return {
      actors: Array.from(registry.current.values(), ({ name, version, commands, queries }) => ({
        name,
        version,
        commands: [...commands.keys()],
        queries: [...queries.keys()],
      })),
      appliedIndex: this.#position.index,
      instancesInMemory: instances.count,
      outcomes: outcomes.count,
      timers: timers.count,
      dirty: instances.dirtyCount,
    }
  }

  /** The end of it, and of its state; what was not flushed yet belongs to the evidence. */
  giveUp(): void {
    // The file may be another's by now.
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      this.flush()
    } catch {
      // Then the evidence is as of an earlier flush.
    }
    if (!(this.#failure instanceof StateCorrupt)) this.#state.store.discard()
    this.#failure ??= new Error("the machine's state is given up")
  }

  /** Without a flush. */
  close(): void {
    this.#isClosed = true
    this.#failure ??= new Error("the machine is closed")
    this.#state.store.close()
  }

  #applyOne(entry: Entry): Outcome | null {
    if (entry.index !== this.#position.index + 1) {
      throw new Error(`entry ${entry.index} does not follow on ${this.#position.index}`)
    }
    // A leader's clock may stand behind its predecessor's; log time stands still until it has caught up.
    const time = Math.max(entry.time, this.#position.time)
    const outcome =
      entry.kind === "command" && !isCheckpoint(entry) ? execute(this.#state, entry, time) : null
    const configuration =
      entry.kind === "configuration" ? decodeConfiguration(entry.data) : this.#position.configuration
    this.#position = { index: entry.index, term: entry.term, time, configuration }
    if (isCheckpoint(entry)) this.#checkpoints.note({ index: entry.index, hash: this.#digest() })
    return outcome
  }

  #flush(): Index {
    const { index } = this.#position
    if (index === this.#flushedIndex) return index
    const { instances, outcomes, store, timers } = this.#state
    const changed = timers.unflushed()
    try {
      store.flush({
        position: this.#position,
        instances: instances.dirtyRows(),
        outcomes: outcomes.unflushedChunks(),
        forgetOutcomesBelow: outcomes.forgetBelow,
        timersSet: changed.set,
        timersCleared: changed.cleared,
        digest: this.#digest(),
      })
    } catch (error) {
      // Nothing was written, and the log still has it all: the next flush tries again (HAZARDS S7).
      this.#isDiskFull = error instanceof StateStoreFull
      if (this.#isDiskFull) return this.#flushedIndex
      throw error
    }
    this.#isDiskFull = false
    instances.flushed()
    outcomes.flushed()
    timers.flushed()
    this.#flushedIndex = index
    return index
  }

  #digest(): string {
    const { instances, outcomes, timers } = this.#state
    return `${instances.digest}${outcomes.digest}${timers.digest}`
  }

  #isLargeFlush(): boolean {
    const { instances, limits, outcomes } = this.#state
    return (
      instances.dirtyCount > limits.dirtyInstancesMax ||
      instances.dirtyBytes + outcomes.unflushedBytes > limits.dirtyBytesMax
    )
  }

  #reading<Value>(work: () => Value): Value {
    return this.#guard(() => this.#state.store.readTogether(work))
  }

  /** After a failure half a batch may have been applied: nothing may be said or stored any more. */
  #guard<Value>(work: () => Value): Value {
    if (this.#failure !== null) throw this.#failure
    try {
      return discarding(this.#state.store, work)
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}

/** A corrupt state is given up at once: the next start begins without it, instead of meeting it for ever. */
const discarding = <Value>(store: StateStore, work: () => Value): Value => {
  try {
    return work()
  } catch (error) {
    if (error instanceof StateCorrupt) store.discard()
    throw error
  }
}

/** As `#digest` joins them; a state that was never flushed has none. */
const digestsOf = (digest: string) => {
  const joined = digest.padEnd(48, "0")
  return { instances: joined.slice(0, 16), outcomes: joined.slice(16, 32), timers: joined.slice(32) }
}
