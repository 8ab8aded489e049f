// What can happen to what a disk holds although nobody wrote to it?

import { mainGroup } from "../consensus/groups.ts"
import { groupRowOf } from "../storage/logRows.ts"
import type { GroupImage, LogImage } from "../storage/logTablesMemory.ts"
import type { FileContent } from "../storage/MemoryDirectory.ts"
import type { MemoryDisk } from "../storage/MemoryDisk.ts"
import type { StoredInstance } from "../storage/StateStore.ts"
import { DamagedRow, decodeState, type Kept, type StateImage } from "../storage/stateImage.ts"
import { chunkRowOf, instanceRowOf, positionRowOf, timerRowOf } from "../storage/stateRows.ts"
import { stateFileName } from "../storage/stateStoreMemory.ts"
import type { Chance } from "./Chance.ts"
import type { FlippedEntry } from "./SyncedLog.ts"

export type Place = "entry" | "hard state" | "state" | "snapshot"
export const places: ReadonlyArray<Place> = ["entry", "hard state", "state", "snapshot"]

/** In one of the places that hold anything. Says where, or null when none does. */
export const flipBit = (disk: MemoryDisk, chance: Chance, where: ReadonlyArray<Place>): string | null => {
  for (const place of chance.some(where, where.length)) {
    const flipped = flips[place](disk, chance)
    if (flipped !== null) return flipped
  }
  return null
}

export const shortenLog = (disk: MemoryDisk, chance: Chance): string | null => {
  const { older, written } = disk.log
  const marked = Math.max(-1, ...disk.marks.map((half) => half.written?.sequence ?? -1))
  const shorter = older.flatMap(({ sequence }, offset) => (sequence < written.sequence ? [offset] : []))
  if (shorter.length === 0) return null
  // Where a loss of power has put the mark itself back, it is the write-ahead log that shows the bad frame.
  const untold = shorter.filter((offset) => older[offset]!.sequence >= marked)
  const isTold = untold.length === 0 || (untold.length < shorter.length && chance.happens(0.5))
  const offset = chance.pick(isTold ? shorter.filter((each) => !untold.includes(each)) : untold)
  const { sequence } = older[offset]!
  const what = `the log is back at commit ${sequence} of ${written.sequence}`
  disk.log.goBack(offset)
  if (!isTold) {
    disk.wal = { _tag: "Corrupt", reason: "a frame is bad, and frames written after it follow" }
  }
  return what
}

export const damageMark = (disk: MemoryDisk): string | null => {
  if (disk.marks.every((half) => half.written === null)) return null
  for (const half of disk.marks) half.become(null)
  return "no mark can be read"
}

/**
 * Whether a process that ended could have ended so by its disk alone. All that a machine throws ends it in the same
 * way: that its disk was bad before does not excuse what our own code does wrong.
 */
export const isDisksDoing = (reason: string): boolean =>
  /SQLITE_|disk I\/O error|disk is full|StorageFull|no room on the disk|bad checksum|missing|is not what was written|bytes where/.test(
    reason,
  )

/** A group that ran came to its end so; that a start may fail on a full disk is another matter. */
export const isForWantOfRoom = (reason: string): boolean =>
  /^GroupStopped: .*(SQLITE_FULL|disk is full|StorageFull|no room on the disk)/s.test(reason)

type Flip = (disk: MemoryDisk, chance: Chance) => string | null

const flipEntry: Flip = (disk, chance) => {
  const groups = [...disk.log.written.groups].filter(
    ([, { group, entries }]) => group !== null && entries.count > 0,
  )
  if (groups.length === 0) return null
  const [number, { entries }] = chance.pick(groups)
  const found = entries.at(chance.below(entries.count))!
  const { entry, hash } = found
  const field = chance.pick(entry.data.byteLength > 0 ? entryFields : entryFields.slice(1))
  const flipped: FlippedEntry = {
    was: "was" in found ? (found as FlippedEntry).was : found,
    hash: field === "checksum" ? hash ^ (1n << BigInt(chance.below(64))) : hash,
    entry: {
      ...entry,
      data: field === "data" ? flippedBytes(entry.data, chance) : entry.data,
      term: field === "term" ? flippedNumber(entry.term, chance) : entry.term,
      time: field === "time" ? flippedNumber(entry.time, chance) : entry.time,
    },
  }
  changeGroup(disk, number, (group) =>
    group.entries.find(entry.index) === found ? { ...group, entries: group.entries.replace(flipped) } : group,
  )
  return `the ${field} of entry ${entry.index} of ${disk.log.written.groups.get(number)!.group!.group}`
}

const entryFields = ["data", "term", "time", "checksum"] as const

const flipHardState: Flip = (disk, chance) => {
  const groups = [...disk.log.written.groups].filter(([, { group }]) => group !== null)
  if (groups.length === 0) return null
  const [number, { group: was }] = chance.pick(groups)
  const row = groupRowOf(was!)
  // Not the name nor the number, by which the row is found.
  const column = chance.pick([2, 3, 4, 5, 6, 8].filter((each) => row[each] !== null))
  const damaged = row.with(column, flippedCell(row[column]!, chance)) as typeof row
  changeGroup(disk, number, (group) => (group.group === was ? { ...group, damaged } : group))
  return "the row of term and vote"
}

const flipState: Flip = (disk, chance) => {
  for (const { names } of directoriesOf(disk)) {
    const file = names.written.get(stateFileName)
    const before = file === undefined ? null : stateIn(file.written)
    if (file === undefined || before === null) continue
    const { written } = file
    const [what, after] = flipRow(before, chance)
    file.alter((content) => (content === written ? after : content))
    return what
  }
  return null
}

/**
 * Somebody writes a row anew, with a checksum that fits. In what no client ever sees of it: where it stands in the log.
 * Says which, or null when there is no row.
 */
export const alterState = (disk: MemoryDisk, chance: Chance): string | null => {
  for (const { names } of directoriesOf(disk)) {
    const file = names.written.get(stateFileName)
    const before = file === undefined ? null : stateIn(file.written)
    const sound =
      before === null ? [] : [...before.instances].filter(([, kept]) => !(kept instanceof DamagedRow))
    if (file === undefined || before === null || sound.length === 0) continue
    const [key, kept] = chance.pick(sound)
    const stored = kept as StoredInstance
    const instances = new Map(before.instances).set(key, { ...stored, index: stored.index + 1 })
    const { written } = file
    file.alter((content) => (content === written ? { ...before, instances } : content))
    return `instance ${key}`
  }
  return null
}

/** Of `main` alone: a group at rest reads its state once an hour. */
const directoriesOf = ({ directories }: MemoryDisk) => {
  const main = directories.get(mainGroup)
  return main === undefined ? [] : [main]
}

const stateIn = (content: FileContent): StateImage | null => {
  if (!(content instanceof Uint8Array)) return content
  try {
    return decodeState(content)
  } catch {
    // It is damaged already.
    return null
  }
}

/** Never in a column by which a row is found. */
const flipRow = (state: StateImage, chance: Chance): readonly [string, StateImage] => {
  const instances = new Map(state.instances)
  const timers = new Map(state.timers)
  const kinds: Array<() => readonly [string, StateImage]> = [
    () => {
      const row = flipped(
        rowOf(state.position, positionRowOf),
        ["term", "time", "digest", "checksum"],
        chance,
      )
      return ["the position of the state", { ...state, position: row }]
    },
  ]
  if (instances.size > 0) {
    kinds.push(() => {
      const [key, kept] = chance.pick([...instances])
      const columns = ["revision", "version", "entry_index", "state_hash", "checksum", "state"] as const
      instances.set(key, flipped(rowOf(kept, instanceRowOf), columns, chance))
      return [`instance ${key}`, { ...state, instances }]
    })
  }
  if (state.outcomes.length > 0) {
    kinds.push(() => {
      const at = chance.below(state.outcomes.length)
      const row = flipped(rowOf(state.outcomes[at]!, chunkRowOf), ["rows", "checksum"], chance)
      return [`the outcomes at ${row.row.first_index}`, { ...state, outcomes: state.outcomes.with(at, row) }]
    })
  }
  if (timers.size > 0) {
    kinds.push(() => {
      const [id, kept] = chance.pick([...timers])
      timers.set(id, flipped(rowOf(kept, timerRowOf), ["due_at", "input", "checksum"], chance))
      return [`timer ${id}`, { ...state, timers }]
    })
  }
  return chance.pick(kinds)()
}

const rowOf = <Value, Row>(kept: Kept<Value, Row>, make: (value: Value) => Row): Row =>
  kept instanceof DamagedRow ? kept.row : make(kept)

const flipped = <Row extends object>(
  row: Row,
  columns: ReadonlyArray<keyof Row & string>,
  chance: Chance,
): DamagedRow<Row> => {
  const column = chance.pick(columns)
  return new DamagedRow({ ...row, [column]: flippedCell(row[column] as Cell, chance) })
}

const flipSnapshot: Flip = (disk, chance) => {
  const files = [...disk.directories.values()].flatMap(({ names }) =>
    [...names.written].filter(([name, { written }]) => isSnapshot.test(name) && bytesIn(written) > 0),
  )
  if (files.length === 0) return null
  const [name, file] = chance.pick(files)
  const { written } = file
  const after = flippedBytes(written as Uint8Array, chance)
  file.alter((content) => (content === written ? after : content))
  return `the bytes of ${name}`
}

const isSnapshot = /\.(db|part|received)$/

const bytesIn = (content: FileContent): number => (content instanceof Uint8Array ? content.byteLength : 0)

const flips: Readonly<Record<Place, Flip>> = {
  entry: flipEntry,
  "hard state": flipHardState,
  state: flipState,
  snapshot: flipSnapshot,
}

/** On the disk, and in what the process sees of it. */
const changeGroup = (disk: MemoryDisk, number: number, change: (group: GroupImage) => GroupImage): void => {
  const changeImage = (image: LogImage): LogImage => {
    const group = image.groups.get(number)
    return group === undefined
      ? image
      : { ...image, groups: new Map(image.groups).set(number, change(group)) }
  }
  const isWritten = disk.logSeen === disk.log.written
  disk.log.alter(changeImage)
  disk.logSeen = isWritten ? disk.log.written : changeImage(disk.logSeen)
}

type Cell = number | string | Uint8Array

const flippedCell = (cell: Cell, chance: Chance): Cell => {
  if (typeof cell === "number") return flippedNumber(cell, chance)
  if (typeof cell !== "string") return flippedBytes(cell, chance)
  if (cell === "") return "\u0001"
  const at = chance.below(cell.length)
  return cell.slice(0, at) + String.fromCharCode(cell.charCodeAt(at) ^ 1) + cell.slice(at + 1)
}

const flippedNumber = (number: number, chance: Chance): number => {
  const bit = 2 ** chance.below(20)
  return Math.floor(number / bit) % 2 === 0 ? number + bit : number - bit
}

const flippedBytes = (bytes: Uint8Array, chance: Chance): Uint8Array => {
  const copy = bytes.slice()
  copy[chance.below(copy.byteLength)]! ^= 1 << chance.below(8)
  return copy
}
