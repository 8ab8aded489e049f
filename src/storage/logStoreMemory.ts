// How does a log behave that lives in memory? The promises of LogStore without a disk under them.

import { Effect, Layer } from "effect"
import { decodeConfiguration } from "../consensus/configuration.ts"
import type { GroupId, TermRun, Write } from "../consensus/types.ts"
import { assert } from "./assert.ts"
import { entryBytes } from "./entryCodec.ts"
import { Compacted, type GroupWrite, type LoadedGroup, LogStore } from "./LogStore.ts"
import type { MemoryDisk, MemoryLog } from "./MemoryDisk.ts"
import { type Found, settle, standingOf } from "./settle.ts"

type Service = LogStore["Service"]

export const layerMemory = (disk: MemoryDisk) =>
  Layer.succeed(
    LogStore,
    LogStore.of({
      identity: disk.identity,
      rememberIncarnation: (peer, incarnation) =>
        Effect.sync(() => {
          const known = disk.incarnations.get(peer)
          if (known === undefined) disk.incarnations.set(peer, incarnation)
          return known === undefined || known === incarnation ? "known" : "another"
        }),
      load: (options) => Effect.sync(() => load(disk, options)),
      write: (batch) => Effect.sync(() => writeBatch(disk, batch)),
      read: (options) => Effect.suspend(() => read(disk, options)),
      compact: ({ group, through, configuration }) =>
        Effect.sync(() => {
          const log = logOf(disk, group)
          if (through.index <= log.base.index) return
          assert(through.index <= lastIndexOf(log), `compact through ${through.index} of ${lastIndexOf(log)}`)
          const entry = log.entries[through.index - log.base.index - 1]!
          assert(entry.term === through.term, `compact through term ${through.term}, it is ${entry.term}`)
          const entries = log.entries.slice(through.index - log.base.index)
          disk.logs.set(group, { ...log, base: through, baseConfiguration: configuration, entries })
        }),
      installed: (group) =>
        Effect.sync(() => {
          disk.logs.set(group, { ...logOf(disk, group), pendingInstall: null })
        }),
    }),
  )

const load = (disk: MemoryDisk, options: Parameters<Service["load"]>[0]): LoadedGroup => {
  const stored = disk.logs.get(options.group)
  const terms = stored === undefined ? [] : termsOf(stored)
  const found: Found | null =
    stored === undefined ? null : { ...stored, lastIndex: lastIndexOf(stored), terms }
  const settled = settle({ ...options, found, marked: null, lossSuspicion: "" })
  const log: MemoryLog = {
    hardState: settled.hardState,
    base: settled.base,
    baseConfiguration: settled.baseConfiguration,
    entries: settled.restart ? [] : (stored?.entries ?? []),
    pendingInstall: stored?.pendingInstall ?? null,
    suspicion: settled.suspicion,
  }
  disk.logs.set(options.group, log)
  return {
    hardState: log.hardState,
    base: log.base,
    baseConfiguration: log.baseConfiguration,
    lastIndex: lastIndexOf(log),
    terms: settled.restart ? [] : terms,
    configurations: log.entries.flatMap(({ index, kind, data }) =>
      kind === "configuration" ? [{ index, configuration: decodeConfiguration(data) }] : [],
    ),
    tail: tailOf(log, options.tailBytesMax),
    standing: standingOf(log.suspicion),
    suspicion: log.suspicion,
    pendingInstall: log.pendingInstall,
  }
}

/** All of the batch or nothing: the new logs are put in their place together. */
const writeBatch = (disk: MemoryDisk, batch: ReadonlyArray<GroupWrite>): void => {
  const changed = new Map<GroupId, MemoryLog>()
  for (const { group, write } of batch) {
    changed.set(group, applyWrite(changed.get(group) ?? logOf(disk, group), write))
  }
  for (const [group, log] of changed) disk.logs.set(group, log)
}

const applyWrite = (log: MemoryLog, write: Write): MemoryLog => {
  let next = log
  if (write.hardState !== null) {
    const { term } = write.hardState
    assert(term >= next.hardState.term, `term ${term} behind the durable term ${next.hardState.term}`)
    next = { ...next, hardState: write.hardState }
  }
  if (write.install !== null) {
    const { index, term, configuration, snapshotId } = write.install
    assert(index >= next.base.index, `install at ${index} behind the base ${next.base.index}`)
    next = {
      ...next,
      base: { index, term },
      baseConfiguration: configuration,
      entries: [],
      pendingInstall: { snapshotId, index },
    }
  }
  if (write.truncateFrom !== null) {
    const from = write.truncateFrom
    assert(from > next.base.index, `truncate from ${from} at or below the base ${next.base.index}`)
    next = { ...next, entries: next.entries.slice(0, from - next.base.index - 1) }
  }
  if (write.entries.length > 0) next = append(next, write.entries)
  if (write.standing === null) return next
  return { ...next, suspicion: write.standing === "whole" ? "" : next.suspicion || "declared suspect" }
}

const append = (log: MemoryLog, entries: Write["entries"]): MemoryLog => {
  let lastIndex = lastIndexOf(log)
  let lastTerm = log.entries.at(-1)?.term ?? log.base.term
  for (const entry of entries) {
    assert(entry.index === lastIndex + 1, `entry ${entry.index} behind a log that ends at ${lastIndex}`)
    assert(entry.term >= lastTerm, `entry of term ${entry.term} behind one of term ${lastTerm}`)
    lastIndex = entry.index
    lastTerm = entry.term
  }
  // Who waits for an entry is not stored with it.
  const stored = entries.map((entry) => ({ ...entry, origin: null }))
  return { ...log, entries: [...log.entries, ...stored] }
}

const read = (disk: MemoryDisk, { group, from, to, bytesMax }: Parameters<Service["read"]>[0]) => {
  const log = logOf(disk, group)
  if (from <= log.base.index) return Effect.fail(new Compacted({ index: from, baseIndex: log.base.index }))
  const lastIndex = lastIndexOf(log)
  assert(to <= lastIndex && from <= to, `read ${from}..${to} of a log that ends at ${lastIndex}`)
  let count = 0
  let bytes = 0
  for (const entry of log.entries.slice(from - log.base.index - 1, to - log.base.index)) {
    bytes += entryBytes(entry)
    if (count > 0 && bytes > bytesMax) break
    count++
  }
  return Effect.succeed(
    log.entries.slice(from - log.base.index - 1, from - log.base.index - 1 + count).map(copyOf),
  )
}

const tailOf = (log: MemoryLog, bytesMax: number): LoadedGroup["tail"] => {
  let from = log.entries.length
  let bytes = 0
  while (from > 0) {
    bytes += entryBytes(log.entries[from - 1]!)
    if (bytes > bytesMax) break
    from--
  }
  return log.entries.slice(from).map(copyOf)
}

/** The reader may set the origin of what it gets; the disk never knows one. */
const copyOf = (entry: MemoryLog["entries"][number]) => ({ ...entry })

const termsOf = (log: MemoryLog): ReadonlyArray<TermRun> => {
  const terms: Array<TermRun> = []
  for (const { term, index } of log.entries) {
    if (terms.at(-1)?.term !== term) terms.push({ term, firstIndex: index })
  }
  return terms
}

const lastIndexOf = (log: MemoryLog): number => log.base.index + log.entries.length

const logOf = (disk: MemoryDisk, group: GroupId): MemoryLog => {
  const log = disk.logs.get(group)
  assert(log !== undefined, `group ${group} was never loaded`)
  return log
}
