// A text that grows, also by itself: for tests of what a cluster keeps.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ text: Schema.String }),
  initial: { text: "" },
  commands: {
    note: {
      input: Schema.Struct({ text: Schema.String }),
      output: Schema.Int,
      reduce: (state, { text }) => ({
        state: { text: state.text + text },
        result: state.text.length + text.length,
      }),
    },
    /** Notes it when so much log time has passed. */
    later: {
      input: Schema.Struct({ text: Schema.String, millis: Schema.Int }),
      output: Schema.Null,
      reduce: (state, { text, millis }, ctx) => {
        ctx.schedule(millis, "note", { text })
        return { state, result: null }
      },
    },
  },
})
