// Sums, spread over three groups, each of them run by three members.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  shards: 3,
  replicas: 3,
  state: Schema.Struct({ sum: Schema.Int }),
  initial: { sum: 0 },
  commands: {
    win: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }) => ({ state: { sum: state.sum + by }, result: state.sum + by }),
    },
  },
})
