// A value that clients replace: with `If-Revision`, compare-and-set.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    set: {
      input: Schema.Struct({ value: Schema.Int }),
      /** What it replaced. */
      output: Schema.Int,
      reduce: (state, { value }, ctx) => {
        ctx.emit("set", state.value)
        return { state: { value }, result: state.value }
      },
    },
  },
  queries: {
    value: { output: Schema.Int, read: (state) => state.value },
  },
})
