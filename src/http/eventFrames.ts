// What does a watcher read? Server-sent events (WHATWG HTML §9.2), and the cursor that resumes them anywhere.

import { resetEvent } from "../machine/Emissions.ts"
import type { EntryEvents } from "../machine/MachineHost.ts"
import { Problem } from "./problem.ts"

/** What a client has seen: all of entries up to `index`, and so many events of the one behind it. */
export interface Cursor {
  readonly index: number
  /** More than 0 only between two events of one entry. */
  readonly seen: number
  /** The move by which the instance had come to the group whose index that is. Absent: by none. */
  readonly move?: number
}

/**
 * An index of the log, or `122.001` between two events of one entry: all up to 122, and one event of entry 123. So
 * whoever takes it for a number has them in order, and whoever rounds down is sent again what was seen, and never less. Where
 * the instance has come from another group, `@` and the move follow: the indexes of two logs say nothing of each other.
 */
export const cursorText = ({ index, seen, move = 0 }: Cursor): string =>
  `${index}${seen === 0 ? "" : `.${`${seen}`.padStart(3, "0")}`}${move === 0 ? "" : `@${move}`}`

/** Throws a `bad-request` problem. */
export const parseCursor = (text: string, name: string): Cursor => {
  const [, index, seen, move] = /^(\d{1,16})(?:\.(\d{3}))?(?:@(\d{1,16}))?$/.exec(text) ?? []
  if (index === undefined || Math.max(Number(index), Number(move ?? 0)) > Number.MAX_SAFE_INTEGER) {
    throw new Problem("bad-request", `${name} must be the id of an event: an index of the log.`)
  }
  return {
    index: Number(index),
    seen: Number(seen ?? 0),
    ...(move === undefined ? {} : { move: Number(move) }),
  }
}

/**
 * Where a stream begins or has come to: the client keeps it as its cursor, and no event is told (an `id` without data).
 * So also a client that is cut off before its first event resumes without a gap.
 */
export const cursorFrame = (cursor: Cursor): string => `id: ${cursorText(cursor)}\n\n`

/** How soon a client that is cut off tries again. */
export const retryFrame = (millis: number): string => `retry: ${millis}\n`

/** Nothing: that the other side still lives. */
export const commentFrame = ":\n\n"

/** `body`: the whole state as JSON. */
export const resetFrame = (cursor: Cursor, body: string): string =>
  frame(cursorText(cursor), resetEvent, body)

/** All events behind the cursor, and how many they are. Only the last one of an entry moves the cursor behind it. */
export const eventFrames = (
  cursor: Cursor,
  entries: ReadonlyArray<EntryEvents>,
): { readonly text: string; readonly count: number } => {
  const frames = entries.flatMap(({ index, events }) => {
    const seen = index === cursor.index + 1 ? cursor.seen : 0
    return events.slice(seen).map(({ event, data }, at) => {
      const count = seen + at + 1
      const id = count === events.length ? { index, seen: 0 } : { index: index - 1, seen: count }
      return frame(cursorText({ ...cursor, ...id }), event, data)
    })
  })
  return { text: frames.join(""), count: frames.length }
}

// Neither holds a line's end: names are made of letters, and JSON escapes it.
const frame = (id: string, event: string, data: string): string =>
  `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
