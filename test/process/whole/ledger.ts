// A list of lines, in a group of its own, with lines that come later by themselves.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  group: "ledger",
  state: Schema.Struct({ lines: Schema.Array(Schema.String) }),
  initial: { lines: [] },
  commands: {
    note: {
      input: Schema.Struct({ line: Schema.String }),
      output: Schema.Int,
      reduce: (state, { line }) => {
        const lines = [...state.lines, line]
        return { state: { lines }, result: lines.length }
      },
    },
    /** Notes it when so much log time has passed. */
    later: {
      input: Schema.Struct({ line: Schema.String, millis: Schema.Int }),
      output: Schema.Null,
      reduce: (state, { line, millis }, ctx) => {
        ctx.schedule(millis, "note", { line })
        return { state, result: null }
      },
    },
  },
})
