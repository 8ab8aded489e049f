// A number that clients add to. Executed twice, lost, or half done: the total tells.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        if (by > 100) ctx.reject("too-big", "add takes 100 at the most")
        ctx.emit("add", state.value + by)
        return { state: { value: state.value + by }, result: state.value + by }
      },
    },
  },
  queries: {
    value: { output: Schema.Int, read: (state) => state.value },
  },
})
