// The counter that ships, spread over six groups, of which each is run by three members.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  shards: 6,
  replicas: 3,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        const value = state.value + by
        // Beyond this a number is no longer exact.
        if (!Number.isSafeInteger(value)) ctx.reject("out-of-range", "The counter would leave its range.")
        // For those who watch it: GET /watch/counter/KEY.
        ctx.emit("added", { by, value })
        return { state: { value }, result: value }
      },
    },
  },
  queries: {
    value: { output: Schema.Int, read: (state) => state.value },
  },
})
