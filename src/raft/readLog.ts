// What has been decided so far, in whose words? Pages of the committed log, for people.

import { Effect } from "effect"
import { decodeConfiguration } from "../consensus/configuration.ts"
import { applicableIndex } from "../consensus/node.ts"
import type { Entry, Index } from "../consensus/types.ts"
import type { StorageFailed } from "../storage/LogStore.ts"
import type { Group } from "./Group.ts"
import { LogInRepair, type LogPage, type LogRange, type ReadableEntry } from "./Raft.ts"

/**
 * Only what is committed and on this node's own disk: it will never be another. A log that came back damaged may
 * hold what was replaced long ago, below everything that this node has applied; so it is not shown before its
 * repair (HAZARDS S4).
 */
export const readLog = Effect.fnUntraced(function* (
  group: Group,
  range: LogRange,
): Effect.fn.Return<LogPage, LogInRepair | StorageFailed> {
  const { node } = group
  if (node.standing === "suspect") return yield* new LogInRepair({ group: node.group })
  while (true) {
    const { firstIndex } = node.log
    const lastIndex = applicableIndex(node)
    const entries = yield* read(group, Math.max(range.from, firstIndex), lastIndex, range)
    // Null: cut from the log while it was being read. It begins further on now, so this ends.
    if (entries !== null) return { firstIndex, lastIndex, entries: entries.map(readable) }
  }
})

const read = Effect.fnUntraced(function* (
  group: Group,
  from: Index,
  lastIndex: Index,
  { entriesMax, bytesMax }: LogRange,
): Effect.fn.Return<ReadonlyArray<Entry> | null, StorageFailed> {
  const count = Math.min(entriesMax, lastIndex - from + 1)
  if (count <= 0) return []
  const cached = group.node.log.slice(from, count, bytesMax)
  if (cached !== null) return cached
  return yield* group.log
    .read({ group: group.node.group, from, to: from + count - 1, bytesMax })
    .pipe(Effect.catchTag("Compacted", () => Effect.succeed(null)))
})

const readable = ({ index, term, time, kind, data }: Entry): ReadableEntry => ({
  index,
  term,
  time,
  kind,
  command: kind === "command" ? data : null,
  configuration: kind === "configuration" ? decodeConfiguration(data) : null,
})
