// What does a meter know, and what is it told? The shapes of the state and of what is sent.

import { Schema } from "effect"

export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** ms since 1970, up to the year 9999. */
const Time = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }))
const Positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }))
const dayMillis = 86_400_000

/** How long a window is. */
export const Kind = Schema.Literals(["minute", "hour", "day"])
export type Kind = typeof Kind.Type
export const kinds: ReadonlyArray<Kind> = ["minute", "hour", "day"]

/** One API call, as an access log knows it. */
export const Call = Schema.Struct({
  /** When it was answered, ms since 1970: it decides which windows the call belongs to. */
  time: Time,
  method: Schema.String.check(Schema.isPattern(/^[A-Z]{1,16}$/, { expected: "a method in capitals" })),
  /** A template, with its ids folded: else every id is a route of its own. */
  route: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256)),
  status: Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 599 })),
  bytes: Count,
  /** Counted in whole microseconds: a sum of fractions would depend on their order. */
  latencyMillis: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e12 })),
  /** The same as the idempotency key. */
  requestId: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(128)),
})
export type Call = typeof Call.Type

/** All that was ever counted. */
export const Totals = Schema.Struct({
  calls: Count,
  bytes: Count,
  /** Sum over all calls, with three exact decimals; divide by `calls` for the mean. */
  latencyMillis: Schema.Finite,
  latencyMillisMax: Schema.Finite,
})
export type Totals = typeof Totals.Type

/** JSON of its rows (`rows.ts`): one text is checked and copied with each command in no time, many numbers take theirs. */
const RowsText = Schema.String

/** Log times. */
export const OpenWindow = Schema.Struct({
  kind: Kind,
  /** Its first millisecond. Null: calls of several windows, for which there was no room. */
  from: Schema.NullOr(Time),
  openedAt: Count,
  closesAt: Count,
  calls: Count,
  rows: RowsText,
})
export type OpenWindow = typeof OpenWindow.Type

/** It is to be written to its file. Nothing of it changes any more. */
export const WaitingFile = Schema.Struct({
  /** As `hour/2017-05-16T00Z`, with `-correction-1` and so on where an earlier file has left. */
  name: Schema.String,
  kind: Kind,
  from: Schema.NullOr(Time),
  calls: Count,
  rows: RowsText,
})
export type WaitingFile = typeof WaitingFile.Type

/** It was written: the rows are in the file, and forgotten here. */
export const WrittenFile = Schema.Struct({
  name: Schema.String,
  calls: Count,
  /** Of the JSON lines, in UTF-8. */
  bytes: Count,
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)),
  /** The entry of the log that confirms it. */
  index: Count,
})
export type WrittenFile = typeof WrittenFile.Type

/** Closed windows, so that what comes late for one of them gets a name of its own. In order of time. */
const Remembered = Schema.Struct({
  windows: Schema.Array(Schema.Struct({ from: Time, files: Count })),
  /** Windows that begin up to here have been forgotten; -1: none. */
  forgottenTo: Schema.Int,
})

export const Settings = Schema.Struct({
  /** How long a window waits for late calls. */
  graceMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: dayMillis })),
  /** Which windows get files. */
  files: Schema.Struct({ minute: Schema.Boolean, hour: Schema.Boolean, day: Schema.Boolean }),
  /** Tokens in an hour, and in a day, of UTC by the log's clock. Null: as many as they like. */
  hourQuota: Schema.NullOr(Positive),
  dayQuota: Schema.NullOr(Positive),
  /** The token bucket: what it is filled with, and how much it holds. Null: there is none. */
  rate: Schema.NullOr(
    Schema.Struct({
      tokensPerSecond: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
      burst: Positive,
    }),
  ),
})
export type Settings = typeof Settings.Type

/** What is left out stays as it is. */
export const SettingsChange = Schema.Struct({
  graceMillis: Schema.optionalKey(Settings.fields.graceMillis),
  files: Schema.optionalKey(Settings.fields.files),
  hourQuota: Schema.optionalKey(Settings.fields.hourQuota),
  dayQuota: Schema.optionalKey(Settings.fields.dayQuota),
  rate: Schema.optionalKey(Settings.fields.rate),
})

/** Of the hour and the day that the log's clock was last seen in. */
export const Spent = Schema.Struct({
  hour: Count,
  hourTokens: Count,
  day: Count,
  dayTokens: Count,
  /** In the bucket, as of `filledAt`. */
  millitokens: Count,
  filledAt: Count,
})
export type Spent = typeof Spent.Type

export const Meter = Schema.Struct({
  total: Totals,
  /** By method and route. */
  byRoute: Schema.Record(Schema.String, Totals),
  byStatus: Schema.Record(Schema.String, Totals),
  /** By hour in UTC, as `2017-05-16T00Z`. */
  byHour: Schema.Record(Schema.String, Totals),
  settings: Settings,
  open: Schema.Array(OpenWindow),
  /** Oldest first. */
  waiting: Schema.Array(WaitingFile),
  /** The newest of them, newest last. */
  written: Schema.Array(WrittenFile),
  /** How many there ever were, and the calls in them. */
  writtenTotals: Schema.Record(Schema.String, Schema.Struct({ files: Count, calls: Count })),
  remembered: Schema.Struct({ minute: Remembered, hour: Remembered, day: Remembered }),
  /** Files of windows that had been forgotten are numbered through. */
  lateFiles: Count,
  /** When the timers that were set come due, log time. */
  alarms: Schema.Array(Count),
  spent: Spent,
})
export type Meter = typeof Meter.Type
