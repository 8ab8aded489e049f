// How much of everything? All replicas of a group must agree on these: they decide outcomes.

export interface MachineLimits {
  /** Of one command's input. */
  readonly inputBytesMax: number
  /** Of one instance's state. */
  readonly stateBytesMax: number
  /** Of one command's or query's result. */
  readonly resultBytesMax: number
  /** The newest outcomes that a retry can still get. */
  readonly outcomesMax: number
  /** Timers of the group that wait. */
  readonly timersMax: number
  /** Timers that one command may set. */
  readonly timersPerCommandMax: number
  /** Events that one command may emit, at most 999: a watcher's cursor has three digits for them. */
  readonly eventsPerCommandMax: number
  /** Of the names and data of all events of one command. */
  readonly eventBytesPerCommandMax: number
  /** The newest events that a watcher can still get, about so much memory. Decide no outcome. */
  readonly eventsKeptMax: number
  readonly eventBytesKeptMax: number
  /** Of clean instances kept in memory. Decides no outcome. */
  readonly cacheBytesMax: number
  /**
   * Of what is not yet on disk, in bytes and in instances; above it the machine flushes by itself, so that no flush
   * keeps the next batch waiting for long. Decides no outcome.
   */
  readonly dirtyBytesMax: number
  readonly dirtyInstancesMax: number
  /**
   * Of what one entry hands over when keys go to another group, in UTF-16 code units: some hundred KiB of JSON, and a
   * megabyte at the very most. Decides no outcome.
   */
  readonly portionLengthMax: number
}

export const defaultLimits: MachineLimits = {
  inputBytesMax: 1024 * 1024,
  stateBytesMax: 4 * 1024 * 1024,
  resultBytesMax: 1024 * 1024,
  outcomesMax: 100_000,
  timersMax: 100_000,
  timersPerCommandMax: 100,
  eventsPerCommandMax: 100,
  eventBytesPerCommandMax: 256 * 1024,
  eventsKeptMax: 10_000,
  eventBytesKeptMax: 16 * 1024 * 1024,
  cacheBytesMax: 64 * 1024 * 1024,
  dirtyBytesMax: 16 * 1024 * 1024,
  dirtyInstancesMax: 1_000,
  portionLengthMax: 100_000,
}

export const keyBytesMax = 512
/** Of the number that an author gives a version: between two of them steps are looked for one by one. */
export const numberMax = 10_000
export const idempotencyKeyBytesMax = 128
