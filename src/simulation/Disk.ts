// What is one node's disk in a simulated world? Files that are seen when written, and kept when synced.

import { Effect, Layer } from "effect"
import type { Configuration, GroupId, HardState, Index, LogBase, Standing, Term } from "../consensus/types.ts"
import { type Identity, LogStore, StorageFailed, StorageFull } from "../storage/LogStore.ts"
import { layerMemory as layerLog } from "../storage/logStoreMemory.ts"
import { MemoryDisk, type MemoryLog } from "../storage/MemoryDisk.ts"
import type { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { StateStore } from "../storage/StateStore.ts"
import { layerMemory as layerSnapshots } from "../storage/snapshotStoreMemory.ts"
import { openMemoryStateStore } from "../storage/stateStoreMemory.ts"

/** What a disk suffers. Changed while it is used. */
export interface DiskWeather {
  /** How long a sync takes, drawn for each, whole milliseconds. */
  syncMillisMin: number
  syncMillisMax: number
  /** No sync returns until this is false again. */
  hangs: boolean
  /** Nothing can be written. */
  isFull: boolean
  /** A sync fails with EIO: the next one, or every one. */
  failing: "no" | "once" | "always"
}

/** What would be there of one group if the power were lost now. */
export interface SyncedLog {
  readonly hardState: HardState
  readonly standing: Standing
  readonly base: LogBase
  readonly lastIndex: Index
  /** Undefined below the base and behind the end. */
  readonly termAt: (index: Index) => Term | undefined
  /** The entry, or a snapshot that covers it. */
  readonly holds: (index: Index, term: Term) => boolean
}

/** An image of a whole directory. Opaque, cheap, never changed. */
export interface DiskCopy {
  readonly identity: Identity
  readonly logs: ReadonlyMap<GroupId, MemoryLog>
}

export class SimulatedDisk extends MemoryDisk {
  readonly weather: DiskWeather = {
    syncMillisMin: 0,
    syncMillisMax: 0,
    hangs: false,
    isFull: false,
    failing: "no",
  }
  readonly #chance: { draw(): number }

  constructor(identity: Identity, chance: { draw(): number }) {
    super(identity)
    this.#chance = chance
  }

  /** The layers of the process that starts now. After a crash or a kill the next process asks for new ones. */
  layers(
    group: GroupId,
    initial: Configuration,
  ): {
    readonly log: Layer.Layer<LogStore, StorageFailed>
    readonly snapshots: Layer.Layer<SnapshotStore, StorageFailed>
    readonly openState: () => StateStore
  } {
    return {
      log: this.#layerLog(),
      snapshots: layerSnapshots({ disk: this, group }),
      openState: () => openMemoryStateStore(this, { group, initial }),
    }
  }

  /** The power is lost: the fate of everything that was not synced is drawn. The process is gone. */
  crash(): void {}

  /** The process dies, the machine lives: what was written stays, synced or not. */
  kill(): void {}

  /** One bit of what is stored is another one. Says which, or null when nothing is there. */
  flipBit(): string | null {
    return null
  }

  /** The log comes back as it was some commits ago; its mark does not. */
  shortenLog(): string | null {
    return null
  }

  /** The mark of the last commit cannot be read any more. */
  damageMark(): string | null {
    return null
  }

  /** A new, empty directory, of a new incarnation. */
  wipe(_identity: Identity): void {}

  copy(): DiskCopy {
    return { identity: this.identity, logs: new Map(this.logs) }
  }

  /** The whole directory is an older one, which nothing on it can tell. */
  restore(_copy: DiskCopy): void {}

  /** Null when the group is not on the disk. */
  synced(group: GroupId): SyncedLog | null {
    const log = this.logs.get(group)
    if (log === undefined) return null
    const termAt = (index: Index) =>
      index === log.base.index ? log.base.term : log.entries[index - log.base.index - 1]?.term
    return {
      hardState: log.hardState,
      standing: log.suspicion === "" ? "whole" : "suspect",
      base: log.base,
      lastIndex: log.base.index + log.entries.length,
      termAt,
      holds: (index, term) => index < log.base.index || termAt(index) === term,
    }
  }

  #layerLog(): Layer.Layer<LogStore, StorageFailed> {
    const { weather } = this
    return Layer.effect(
      LogStore,
      Effect.map(LogStore, (store) =>
        LogStore.of({
          ...store,
          write: Effect.fnUntraced({ self: this }, function* (batch) {
            if (weather.isFull) return yield* new StorageFull({ operation: "write" })
            yield* this.#sync("write")
            yield* store.write(batch)
          }),
        }),
      ),
    ).pipe(Layer.provide(layerLog(this)))
  }

  readonly #sync = Effect.fnUntraced({ self: this as SimulatedDisk }, function* (operation: string) {
    const { weather } = this
    const { syncMillisMin: min, syncMillisMax: max } = weather
    const millis = min + Math.floor(this.#chance.draw() * (max - min + 1))
    if (millis > 0) yield* Effect.sleep(millis)
    while (weather.hangs) yield* Effect.sleep(10)
    if (weather.failing === "no") return
    if (weather.failing === "once") weather.failing = "no"
    const message = "EIO"
    return yield* new StorageFailed({ operation, message, cause: message })
  })
}
