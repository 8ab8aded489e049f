// What does the committed log say, entry by entry, so that a person can read it?

import { Effect } from "effect"
import { decodeCommand } from "../machine/command.ts"
import type { LogPage, ReadableEntry } from "../raft/Raft.ts"
import { type Doors, jsonResponse } from "./Doors.ts"
import { timeoutMillis } from "./parameters.ts"
import { Problem } from "./problem.ts"
import { parseCount, parseQuery } from "./target.ts"

export const logEntriesDefault = 100
export const logEntriesMax = 1000
/** A page ends sooner when its entries hold more than this. */
const pageBytesMax = 1024 * 1024
/** Of one command's input, in UTF-16 units: the rest is cut off. */
export const logInputMax = 4096

/** `GET /admin/log`: this node's own log, as far as it is committed and no further. */
export const adminLog = async (doors: Doors, request: Request): Promise<Response> => {
  const parameters = parseQuery(request, ["group", "from", "limit"])
  const door = doors.find(parameters.get("group"))
  const millis = timeoutMillis(request)
  const range = {
    from: parseCount(parameters.get("from"), "from", 0, Number.MAX_SAFE_INTEGER) ?? 1,
    entriesMax: parseCount(parameters.get("limit"), "limit", 1, logEntriesMax) ?? logEntriesDefault,
    bytesMax: pageBytesMax,
  }
  const page = await Effect.runPromise(
    door.raft.log(range).pipe(
      Effect.timeoutOrElse({
        duration: millis,
        orElse: () => Effect.succeed(new Problem("timeout", `The log was not read within ${millis} ms.`)),
      }),
      Effect.catchTags({
        LogInRepair: () =>
          Effect.succeed(
            new Problem("not-ready", "This node's disk has lost a part of its log; it waits for repair."),
          ),
        // A node whose disk has failed is on its way out (HAZARDS S2).
        StorageFailed: (failed) => Effect.succeed(new Problem("shutting-down", failed.message)),
      }),
    ),
  )
  if (page instanceof Problem) throw page
  return jsonResponse(pageText(page), {
    ...doors.headers(door),
    "Raftlet-Index": String(page.lastIndex),
  })
}

const pageText = ({ firstIndex, lastIndex, entries }: LogPage): string => {
  const last = entries.at(-1)?.index ?? lastIndex
  return JSON.stringify({
    firstIndex,
    lastIndex,
    entries: entries.map(describe),
    next: last < lastIndex ? last + 1 : null,
  })
}

const describe = ({ index, term, time, kind, command, configuration }: ReadableEntry) => ({
  index,
  term,
  time: new Date(Math.min(time, dateMillisMax)).toISOString(),
  kind,
  ...(command === null ? {} : describeCommand(command)),
  ...(configuration === null
    ? {}
    : {
        configuration: {
          voters: configuration.voters,
          outgoing: configuration.outgoing,
          learners: configuration.learners,
          ...(configuration.resetFrom === undefined ? {} : { resetFrom: configuration.resetFrom }),
        },
      }),
})

const describeCommand = (bytes: Uint8Array) => {
  const logged = decodeCommand(bytes)
  // Perhaps a later version of this program wrote it. The machine decides what it means; here it is shown.
  if (logged === null) return { unreadable: true }
  const { actor, key, command, input, idempotencyKey, version, caller, timer } = logged
  return {
    actor,
    key,
    command,
    ...describeInput(input),
    idempotencyKey,
    version,
    ...(caller === "" ? {} : { caller }),
    ...(timer === "" ? {} : { timer }),
  }
}

/** A value that was cut is JSON no more: the beginning of its text stands for it. */
export const describeInput = (text: string) => {
  if (text.length > logInputMax) return { input: text.slice(0, logInputMax).toWellFormed(), truncated: true }
  try {
    return { input: JSON.parse(text) as unknown, truncated: false }
  } catch {
    // Only doors check their inputs; an entry is whatever a leader once appended.
    return { input: text, truncated: false, unreadable: true }
  }
}

/** The last day that a Date can name. */
const dateMillisMax = 8.64e15
