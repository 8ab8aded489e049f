// What does the metering actor do, wherever its files go?

import { Effect, Schema } from "effect"
import { actor } from "raftlet"
import { mostAtOnce, passTime, spend } from "./budget.ts"
import { labelOf } from "./calendar.ts"
import type { OpenFiles } from "./files.ts"
import { keepFiling } from "./filing.ts"
import { textsOf } from "./rows.ts"
import { Call, Count, Kind, Meter, Settings, SettingsChange, Totals, WrittenFile } from "./shapes.ts"
import { busiestFirst, countTotals, nothing } from "./totals.ts"
import { closeDue, countInWindows, forgetRows, nextDue } from "./windows.ts"

const unlimited: Settings = {
  graceMillis: 30_000,
  files: { minute: true, hour: true, day: true },
  hourQuota: null,
  dayQuota: null,
  rate: null,
}
const noneRemembered = { windows: [], forgottenTo: -1 }
/** What came with version 2. */
const begun = {
  settings: unlimited,
  open: [],
  waiting: [],
  written: [],
  writtenTotals: {},
  remembered: { minute: noneRemembered, hour: noneRemembered, day: noneRemembered },
  lateFiles: 0,
  alarms: [],
  spent: { hour: 0, hourTokens: 0, day: 0, dayTokens: 0, millitokens: 0, filledAt: 0 },
}

const Limits = Schema.Struct({ used: Count, quota: Schema.NullOr(Count) })

/** `openFiles`: index.ts has them lie on a disk, and tests wherever they like. */
export const metering = (openFiles: OpenFiles) =>
  actor({
    version: 2,
    // So that two nodes share the work. Each group takes a moment of every start; `raftlet split` makes more of them.
    shards: 2,
    state: Meter,
    initial: { total: nothing, byRoute: {}, byStatus: {}, byHour: {}, ...begun },
    commands: {
      /** A call was answered. */
      record: {
        input: Call,
        /** The tenant's calls so far. */
        output: Count,
        reduce: (meter, call, ctx) => {
          // The machine executes a key once, and answers it again from what it remembers: 100,000 answers for each group.
          if (call.requestId !== ctx.commandId)
            ctx.reject(
              "request-id",
              "Send the call's request id as its idempotency key: so it is counted once.",
            )
          const counted = countInWindows(countTotals(meter, call), call, ctx.now)
          return { state: withAlarm(counted, ctx), result: counted.total.calls }
        },
      },
      /** For whoever stands before an API: may the tenant have so many tokens now? Then they are spent. */
      spend: {
        input: Schema.Struct({
          tokens: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })),
        }),
        output: Schema.Struct({
          allowed: Schema.Boolean,
          limit: Schema.NullOr(Schema.Literals(["rate", "hour", "day"])),
          retryAfterMillis: Count,
        }),
        reduce: (meter, { tokens }, ctx) => {
          const most = mostAtOnce(meter.settings)
          if (most !== null && tokens > most)
            ctx.reject("never-allowed", `The tenant never gets more than ${most} tokens at once.`, { most })
          const { spent, allowance } = spend(meter, tokens, ctx.now)
          return { state: { ...meter, spent }, result: allowance }
        },
      },
      /** Changes what is given. Windows that are open keep the grace with which they were opened. */
      configure: {
        input: SettingsChange,
        output: Settings,
        reduce: (meter, change, ctx) => {
          const settings = { ...meter.settings, ...change }
          const { rate } = change
          // A new bucket is full.
          const millitokens = rate ? rate.burst * 1000 : meter.spent.millitokens
          const spent = { ...meter.spent, millitokens }
          return { state: withAlarm(closeDue({ ...meter, settings, spent }, ctx.now), ctx), result: settings }
        },
      },
      /** What the timer asks for; whoever else does changes nothing that was not due. */
      close: {
        output: Schema.Null,
        reduce: (meter, _, ctx) => {
          const alarms = meter.alarms.filter((at) => at > ctx.now)
          return { state: withAlarm(closeDue({ ...meter, alarms }, ctx.now), ctx), result: null }
        },
      },
      /** The file is where it belongs. For the leader alone, which has written it. */
      confirmFile: {
        input: Schema.Struct({
          name: WrittenFile.fields.name,
          bytes: WrittenFile.fields.bytes,
          sha256: WrittenFile.fields.sha256,
        }),
        output: Schema.Null,
        reduce: (meter, { name, bytes, sha256 }, ctx) => {
          const forgotten = forgetRows(meter, { name, bytes, sha256, index: ctx.index })
          if (forgotten === null) return ctx.reject("not-waiting", `No file ${name} waits to be written.`)
          ctx.emit("written", { name, bytes, sha256 })
          // There is room for one more.
          return { state: withAlarm(closeDue(forgotten, ctx.now), ctx), result: null }
        },
      },
    },
    queries: {
      total: { output: Totals, read: ({ total }) => total },
      byRoute: {
        output: Schema.Array(Schema.Struct({ route: Schema.String, ...Totals.fields })),
        read: ({ byRoute }) => busiestFirst(byRoute).map(([route, totals]) => ({ route, ...totals })),
      },
      byStatus: {
        output: Schema.Array(Schema.Struct({ status: Schema.Int, ...Totals.fields })),
        read: ({ byStatus }) =>
          busiestFirst(byStatus).map(([status, totals]) => ({ status: Number(status), ...totals })),
      },
      byHour: {
        output: Schema.Array(Schema.Struct({ hour: Schema.String, ...Totals.fields })),
        read: ({ byHour }) =>
          Object.keys(byHour)
            .sort()
            .map((hour) => ({ hour, ...(byHour[hour] ?? nothing) })),
      },
      settings: { output: Settings, read: ({ settings }) => settings },
      /** What was spent of each quota by now, and what the bucket holds. */
      usage: {
        output: Schema.Struct({
          hour: Limits,
          day: Limits,
          bucket: Schema.NullOr(Schema.Struct({ tokens: Count, burst: Count })),
        }),
        read: ({ settings, spent }, _, { now }) => {
          // Of what was applied: its clock may stand before that of the newest command.
          const current = passTime(spent, settings, Math.max(now, spent.filledAt))
          const { rate } = settings
          return {
            hour: { used: current.hourTokens, quota: settings.hourQuota },
            day: { used: current.dayTokens, quota: settings.dayQuota },
            bucket:
              rate === null ? null : { tokens: Math.floor(current.millitokens / 1000), burst: rate.burst },
          }
        },
      },
      /** Those that are open. */
      windows: {
        output: Schema.Array(
          Schema.Struct({ kind: Kind, window: Schema.String, calls: Count, closesAt: Count }),
        ),
        read: ({ open }) =>
          open.map(({ kind, from, calls, closesAt }) => ({
            kind,
            window: labelOf(kind, from),
            calls,
            closesAt,
          })),
      },
      /** The newest that were written, newest last, and all that there ever were, by kind. */
      files: {
        output: Schema.Struct({ written: Schema.Array(WrittenFile), totals: Meter.fields.writtenTotals }),
        read: ({ written, writtenTotals }) => ({ written, totals: writtenTotals }),
      },
      /** Names of files that are to be written, oldest first. */
      waiting: {
        output: Schema.Array(Schema.String),
        read: ({ waiting }) => waiting.map(({ name }) => name),
      },
      /** The whole text of a file that waits to be written; null for any other. */
      file: {
        input: Schema.Struct({ name: Schema.String }),
        output: Schema.NullOr(Schema.Struct({ jsonl: Schema.String, csv: Schema.String })),
        read: ({ waiting }, { name }, { key }) => {
          const file = waiting.find((one) => one.name === name)
          return file === undefined ? null : textsOf(key, file)
        },
      },
    },
    migrate: { 2: (totals: object) => ({ ...totals, ...begun }) },
    leading: (ctx) =>
      Effect.flatMap(openFiles(ctx), (files) =>
        keepFiling(files, {
          // What this node has applied is enough: what waits does not change, and nothing is confirmed by a read.
          tenants: (after) => ctx.list({ after, limit: 1000, consistency: "local" }),
          waiting: (key) => ctx.read({ key, query: "waiting", consistency: "local" }),
          texts: (key, name) => ctx.read({ key, query: "file", input: { name }, consistency: "local" }),
          confirm: (key, input) => ctx.propose({ key, command: "confirmFile", input }),
        }),
      ),
  })

/** A timer that is late by so much has been lost: by a repair, or with an entry that nobody could execute. */
const overdueMillis = 60_000
/** There are as many as kinds of windows, or few more. */
const alarmsMax = 10

/**
 * One timer for the window that closes next, and not one for each: when it fires, the next one is set. Where a window must
 * close before that, an earlier timer is set, and the later one will find that it was set already.
 */
const withAlarm = (
  meter: Meter,
  // As much of a command's context as this needs.
  ctx: {
    readonly now: number
    readonly schedule: (afterMillis: number, command: "close", input: null) => void
  },
): Meter => {
  const due = nextDue(meter)
  const alarms = meter.alarms.filter((at) => at > ctx.now - overdueMillis)
  if (due === null || alarms.some((at) => at <= due) || alarms.length === alarmsMax)
    return { ...meter, alarms }
  ctx.schedule(Math.max(0, due - ctx.now), "close", null)
  return { ...meter, alarms: [...alarms, Math.max(due, ctx.now)] }
}
