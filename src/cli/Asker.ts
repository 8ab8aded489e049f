// How is a person asked? Only where one sits at a terminal.

import { createInterface } from "node:readline/promises"
import { Context, Effect } from "effect"

export interface Asking {
  /** Whether somebody can see the question and answer it. */
  readonly isThere: boolean
  /** Yes or no; anything but a clear yes is no. */
  readonly ask: (question: string) => Effect.Effect<boolean>
}

/** The terminal of this process, unless a test is the person. */
export const Asker = Context.Reference<Asking>("raftlet/cli/Asker", {
  defaultValue: () => ({
    // The question goes where no program reads.
    isThere: process.stdin.isTTY === true && process.stderr.isTTY === true,
    ask: (question) => Effect.map(lineAfter(`${question} [y/N] `), (line) => /^\s*y(?:es)?\s*$/i.test(line)),
  }),
})

const lineAfter = (question: string): Effect.Effect<string> =>
  Effect.promise(async (signal) => {
    // The terminal itself edits the line, and makes a signal of Ctrl-C.
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
    const { promise: ended, resolve } = Promise.withResolvers<string>()
    lines.once("close", () => resolve(""))
    try {
      return await Promise.race([lines.question(question, { signal }), ended])
    } finally {
      lines.close()
    }
  })
