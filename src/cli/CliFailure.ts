// How does a command say that it cannot do what it was asked for?

import { Schema } from "effect"

/** What the end of a command means to the script that ran it; 0 is "done". */
export const exitCodes = {
  /** Whoever was asked said no, or the work failed here. */
  failed: 1,
  /** The command line, a port or a directory is wrong. */
  refused: 2,
  /** Nobody could be reached, or nobody leads: nothing was done. */
  unreachable: 3,
  /** It was sent, and no answer came: it may have happened. */
  unknown: 4,
  /** `status` found something wrong. */
  troubled: 5,
  /** It was planned, and nobody has said yes. */
  undecided: 6,
} as const

/** One line for the user, and the exit code that goes with it. */
export class CliFailure extends Schema.TaggedError<CliFailure>()("CliFailure", {
  message: Schema.String,
  exitCode: Schema.Literals(Object.values(exitCodes)),
  /** The cluster's own words as JSON text, for a program that asked for them. */
  document: Schema.optionalKey(Schema.String),
}) {}

/** What the user asked for cannot be. */
export const refused = (message: string): CliFailure =>
  new CliFailure({ message, exitCode: exitCodes.refused })

/** It could have been, and went wrong. */
export const failed = (message: string): CliFailure => new CliFailure({ message, exitCode: exitCodes.failed })

/** There was nobody to do it. */
export const unreachable = (message: string): CliFailure =>
  new CliFailure({ message, exitCode: exitCodes.unreachable })

/** Nobody can say whether it was done. */
export const unknown = (message: string): CliFailure =>
  new CliFailure({ message, exitCode: exitCodes.unknown })
