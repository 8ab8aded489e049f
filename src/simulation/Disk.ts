// What is one node's disk in a simulated world? Files that are seen when written, and kept when synced.

import type { Layer } from "effect"
import type { Configuration, GroupId } from "../consensus/types.ts"
import type { DataDirectoryRefused, Identity, LogStore, StorageFailed } from "../storage/LogStore.ts"
import { layerMemory as layerLog } from "../storage/logStoreMemory.ts"
import { emptyImage, groupOf, type LogImage } from "../storage/logTablesMemory.ts"
import type { FileContent } from "../storage/MemoryDirectory.ts"
import { intact, MemoryDisk, marksOf, newLogFile } from "../storage/MemoryDisk.ts"
import type { MemoryFile } from "../storage/MemoryFile.ts"
import type { MemoryMark } from "../storage/MemoryMark.ts"
import type { SnapshotStore } from "../storage/SnapshotStore.ts"
import type { DigestOf, StateStore } from "../storage/StateStore.ts"
import { layerMemory as layerSnapshots } from "../storage/snapshotStoreMemory.ts"
import { openMemoryStateStore } from "../storage/stateStoreMemory.ts"
import type { WalCondition } from "../storage/wal.ts"
import type { Chance } from "./Chance.ts"
import { alterState, damageMark, flipBit, type Place, places, shortenLog } from "./diskDamage.ts"
import { calmWeather, conductOf, type DiskWeather } from "./diskWeather.ts"
import { SyncedLog } from "./SyncedLog.ts"

/** An image of a whole directory. Never changed. */
export interface DiskCopy {
  readonly identity: Identity
  readonly log: LogImage
  readonly wal: WalCondition
  readonly marks: ReadonlyArray<MemoryMark | null>
  readonly directories: ReadonlyMap<GroupId, ReadonlyMap<string, FileContent>>
}

/** The layers of one process. */
export interface DiskLayers {
  readonly log: Layer.Layer<LogStore, StorageFailed | DataDirectoryRefused>
  readonly snapshots: Layer.Layer<SnapshotStore>
  /** Throws what the state store throws: a corrupt or failed disk. */
  readonly openState: () => StateStore
}

/**
 * The real core of the log and the twins of state and snapshots over files in memory, with weather. After `crash`,
 * `kill`, `wipe` and `restore` no process has the disk: whatever the last one had under way never ends and changes
 * nothing any more, and the next one asks for layers of its own.
 */
export class SimulatedDisk extends MemoryDisk {
  readonly weather: DiskWeather
  readonly #chance: Chance
  readonly #truths = new Map<GroupId, { readonly of: LogImage; readonly truth: SyncedLog | null }>()

  constructor(identity: Identity, chance: Chance) {
    const weather = calmWeather()
    super(identity, conductOf(weather, chance))
    this.weather = weather
    this.#chance = chance
  }

  /**
   * For a process that starts now. `initial`: the configuration that a new state begins with. `digestOf`: what its rows
   * must add up to; not asked without it.
   */
  layers(group: GroupId, initial: Configuration, digestOf?: DigestOf): DiskLayers {
    return {
      log: layerLog(this),
      snapshots: layerSnapshots({ disk: this, group, ...(digestOf === undefined ? {} : { digestOf }) }),
      openState: () => openMemoryStateStore(this, { group, initial }),
    }
  }

  /**
   * The power is lost. What was not synced is kept or lost: of each file and directory the writes before a drawn
   * one are there, as SQLite's write-ahead log has it; of the mark, each half holds any of its values, or, when it was
   * begun anew, none that can be read; a piece of a snapshot may end in garbage. The machine boots anew. Gives back what became of the
   * log's transactions that were not synced.
   */
  crash(): { readonly kept: number; readonly lost: number } {
    this.#settleThread()
    const chance = this.#chance
    const doubtful = this.log.unsynced.length
    const lost = this.log.lose(chance.below(this.log.unsynced.length + 1))
    if (lost > 0 && chance.happens(this.weather.doubtfulShare)) {
      // Its pages were written out of order: the commit frame is there, and its checksum is wrong.
      this.wal = {
        _tag: "Doubtful",
        reason: "the last transaction of the write-ahead log has a bad checksum",
      }
    }
    for (const half of this.marks) {
      // What is appended stands in pages of its own: torn, it is not there.
      const isBegun = half.unsynced.some((mark) => mark?.generation !== half.durable?.generation)
      const isTorn = isBegun && chance.happens(tornShare)
      half.lose(chance.below(half.unsynced.length + 1))
      if (isTorn) half.become(null)
    }
    for (const directory of this.directories.values()) {
      directory.names.lose(chance.below(directory.names.unsynced.length + 1))
      for (const file of directory.files()) this.#loseContent(file)
    }
    this.boot++
    this.#endRun()
    return { kept: doubtful - lost, lost }
  }

  /** The process dies, the machine lives: what was written stays, synced or not. */
  kill(): void {
    this.#settleThread()
    this.#endRun()
  }

  /** One bit in one of these places is another one. Says which, or null when there is nothing to damage. */
  flipBit(where: ReadonlyArray<Place> = places): string | null {
    return flipBit(this, this.#chance, where)
  }

  /** A row of the state is another one, with a checksum that fits. Says which, or null when there is none. */
  alterState(): string | null {
    return alterState(this, this.#chance)
  }

  /** While no process runs: the log comes back as it was some commits ago, its mark does not. */
  shortenLog(): string | null {
    return shortenLog(this, this.#chance)
  }

  /** While no process runs: no mark of the last commit can be read. */
  damageMark(): string | null {
    return damageMark(this)
  }

  /** A new, empty directory. A wiped node is a new incarnation (HAZARDS S6). */
  wipe(identity: Identity): void {
    const marks = marksOf(this.boot).map((half) => half.written)
    this.restore({ identity, log: emptyImage(identity), wal: intact, marks, directories: new Map() })
  }

  copy(): DiskCopy {
    const contents = ([name, file]: readonly [string, MemoryFile<FileContent>]) =>
      [name, file.written] as const
    return {
      identity: this.identity,
      log: this.log.written,
      wal: this.wal,
      marks: this.marks.map((half) => half.written),
      directories: new Map(
        Array.from(this.directories, ([group, { names }]) => [
          group,
          new Map([...names.written].map(contents)),
        ]),
      ),
    }
  }

  /** The directory is an older one, as a whole: nothing on it can tell. */
  restore(copy: DiskCopy): void {
    this.identity = copy.identity
    this.log = newLogFile(copy.log)
    this.wal = copy.wal
    for (const [half, file] of this.marks.entries()) file.become(copy.marks[half] ?? null)
    this.directories.clear()
    for (const [group, files] of copy.directories) {
      const directory = this.directory(group)
      for (const [name, content] of files) directory.write(name, content).rewrite()
      directory.names.rewrite()
    }
    this.#endRun()
  }

  /** Null when the group is not on the disk. Cheap: it changes with a sync alone. */
  synced(group: GroupId): SyncedLog | null {
    const known = this.#truths.get(group)
    const of = this.log.durable
    if (known?.of === of) return known.truth
    const image = groupOf(of, group)
    const truth = !image?.group || !image.base ? null : new SyncedLog(image, image.group, image.base)
    this.#truths.set(group, { of, truth })
    return truth
  }

  /** How far the log's thread had come with what it had begun, nobody could see. */
  #settleThread(): void {
    const done = this.#chance.below(this.logSteps.length + 1)
    for (const step of this.logSteps.slice(0, done)) {
      if (step.isSync && this.weather.hangs) return
      step.apply()
    }
  }

  #loseContent(file: MemoryFile<FileContent>): void {
    if (file.unsynced.length === 0) return
    const kept = this.#chance.below(file.unsynced.length + 1)
    const next = file.unsynced[kept]
    file.lose(kept)
    const { written } = file
    if (next instanceof Uint8Array && written instanceof Uint8Array) file.become(this.#torn(written, next))
  }

  /** Some of the next piece reached the disk, and its last bytes may be anything. */
  #torn(before: Uint8Array, next: Uint8Array): Uint8Array {
    const length =
      before.byteLength + this.#chance.below(Math.max(0, next.byteLength - before.byteLength) + 1)
    const torn = next.slice(0, length)
    if (length > before.byteLength && this.#chance.happens(tornShare)) torn[length - 1]! ^= 0xff
    return torn
  }

  #endRun(): void {
    this.run++
    this.logSteps.length = 0
  }
}

/** Of the halves and pieces that a loss of power meets. */
const tornShare = 0.25
