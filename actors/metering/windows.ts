// Which windows does a call belong to, and when is a window over?
//
// A window is open from its first call until its end has passed, and then for the grace that late calls are given. The clock
// is the log's, so all replicas agree; the calls' own times only say which window it is. Whatever those times are, a window
// is open for no longer than it lasts, and the grace: that is how the windows of an old log close that is imported today,
// and those of a caller whose clock is ahead. What comes after that opens the window once more, for a correction.

import { beginOf, endOf, labelOf, lengthMillis } from "./calendar.ts"
import { countRow } from "./rows.ts"
import { type Call, type Kind, kinds, type Meter, type OpenWindow, type WaitingFile } from "./shapes.ts"

/** Of one kind; one more is for calls for which there was no room. */
const openMax = 16
/** Files to be written, of all kinds. */
const waitingMax = 32
/** Closed windows of one kind that are still known. */
const rememberedMax = 100

/** Also of what is due, and what that leaves room for, so that whoever comes next finds it so. */
export const countInWindows = (meter: Meter, call: Call, now: number): Meter =>
  kinds.reduce((counted, kind) => countIn(counted, kind, call, now), closeDue(meter, now))

/** Closes what is due, as far as there is room for its files. */
export const closeDue = (meter: Meter, now: number): Meter =>
  meter.open
    .filter(({ closesAt }) => closesAt <= now)
    .sort(byDue)
    .reduce((closing, window) => (hasRoom(closing, window.kind) ? close(closing, window) : closing), meter)

/** When the next window closes, if nothing keeps it open, log time. */
export const nextDue = (meter: Meter): number | null => {
  const due = meter.open.filter(({ kind }) => hasRoom(meter, kind)).map(({ closesAt }) => closesAt)
  return due.length === 0 ? null : Math.min(...due)
}

/** The file of this name is there: its rows may go. Null when none of this name waits. */
export const forgetRows = (
  meter: Meter,
  written: { readonly name: string; readonly bytes: number; readonly sha256: string; readonly index: number },
): Meter | null => {
  const file = meter.waiting.find(({ name }) => name === written.name)
  if (file === undefined) return null
  const { name, bytes, sha256, index } = written
  const { calls } = file
  const sum = meter.writtenTotals[file.kind] ?? { files: 0, calls: 0 }
  return {
    ...meter,
    waiting: meter.waiting.filter((waiting) => waiting !== file),
    written: [...meter.written, { name, calls, bytes, sha256, index }].slice(-rememberedMax),
    writtenTotals: {
      ...meter.writtenTotals,
      [file.kind]: { files: sum.files + 1, calls: sum.calls + calls },
    },
  }
}

const countIn = (given: Meter, kind: Kind, call: Call, now: number): Meter => {
  const from = beginOf(kind, call.time)
  const isIts = (window: OpenWindow) => window.kind === kind && window.from === from
  const meter = given.open.some(isIts) ? given : makeRoom(given, kind)
  const isRoom = meter.open.some(isIts) || meter.open.filter((window) => isOwn(window, kind)).length < openMax
  return countAt(meter, kind, isRoom ? from : null, call, now)
}

const countAt = (meter: Meter, kind: Kind, from: number | null, call: Call, now: number): Meter => {
  const at = meter.open.findIndex((window) => window.kind === kind && window.from === from)
  const window = meter.open[at] ?? opened(meter, kind, from, now)
  const counted = { ...window, calls: window.calls + 1, rows: countRow(window.rows, call) }
  return { ...meter, open: at === -1 ? [...meter.open, counted] : meter.open.with(at, counted) }
}

const opened = (meter: Meter, kind: Kind, from: number | null, now: number): OpenWindow => {
  const longest = now + lengthMillis[kind]
  const end = from === null ? longest : Math.min(endOf(kind, from), longest)
  return {
    kind,
    from,
    openedAt: now,
    closesAt: Math.max(now, end) + meter.settings.graceMillis,
    calls: 0,
    rows: "{}",
  }
}

/** Where too many are open, the one that would close first does so now. */
const makeRoom = (meter: Meter, kind: Kind): Meter => {
  const own = meter.open.filter((window) => isOwn(window, kind)).sort(byDue)
  const [first] = own
  return own.length < openMax || first === undefined || !hasRoom(meter, kind) ? meter : close(meter, first)
}

const isOwn = (window: OpenWindow, kind: Kind): boolean => window.kind === kind && window.from !== null

const hasRoom = (meter: Meter, kind: Kind): boolean =>
  !meter.settings.files[kind] || meter.waiting.length < waitingMax

const close = (meter: Meter, window: OpenWindow): Meter => {
  const { kind, from, calls, rows } = window
  const closed = { ...meter, open: meter.open.filter((one) => one !== window) }
  if (!meter.settings.files[kind]) return closed
  const { name, ...numbered } = number(closed, kind, from)
  const file: WaitingFile = { name, kind, from, calls, rows }
  return { ...numbered.meter, waiting: [...meter.waiting, file] }
}

/**
 * No name is ever given twice: it counts the files of a window for as long as that is remembered, and those of windows that
 * have been forgotten all together.
 */
const number = (
  meter: Meter,
  kind: Kind,
  from: number | null,
): { readonly name: string; readonly meter: Meter } => {
  const label = `${kind}/${labelOf(kind, from)}`
  const { windows, forgottenTo } = meter.remembered[kind]
  if (from === null || from <= forgottenTo) {
    const lateFiles = meter.lateFiles + 1
    return { name: `${label}-late-${lateFiles}`, meter: { ...meter, lateFiles } }
  }
  const files = windows.find((window) => window.from === from)?.files ?? 0
  const all = [...windows.filter((window) => window.from !== from), { from, files: files + 1 }].sort(
    (left, right) => left.from - right.from,
  )
  const [oldest] = all
  const isFull = all.length > rememberedMax && oldest !== undefined
  const remembered = isFull
    ? { windows: all.slice(1), forgottenTo: oldest.from }
    : { windows: all, forgottenTo }
  return {
    name: files === 0 ? label : `${label}-correction-${files}`,
    meter: { ...meter, remembered: { ...meter.remembered, [kind]: remembered } },
  }
}

const byDue = (left: OpenWindow, right: OpenWindow): number =>
  left.closesAt - right.closesAt || (left.from ?? -1) - (right.from ?? -1)
