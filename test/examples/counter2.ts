// The counter of the examples, in its next version: how often was something added? (docs/TESTING.md)

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 2,
  state: Schema.Struct({ value: Schema.Int, times: Schema.Int }),
  initial: { value: 0, times: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        const value = state.value + by
        ctx.emit("added", { by, value })
        return { state: { value, times: state.times + 1 }, result: value }
      },
    },
  },
  queries: { value: { output: Schema.Int, read: (state) => state.value } },
  migrate: {
    2: {
      up: ({ value }: { value: number }) => ({ value, times: 0 }),
      down: ({ value }: { value: number }) => ({ value }),
    },
  },
})
