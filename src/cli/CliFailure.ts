// How does a command say that it cannot do what it was asked for?

import { Schema } from "effect"

/** One line for the user. `exitCode` 2: the command line, a port or a directory is wrong; 1: the work failed. */
export class CliFailure extends Schema.TaggedError<CliFailure>()("CliFailure", {
  message: Schema.String,
  exitCode: Schema.Literals([1, 2]),
}) {}

/** What the user asked for cannot be. */
export const refused = (message: string): CliFailure => new CliFailure({ message, exitCode: 2 })

/** It could have been, and went wrong. */
export const failed = (message: string): CliFailure => new CliFailure({ message, exitCode: 1 })
