// A list that clients append to: it shows not only how often a command was executed, but in which order.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ items: Schema.Array(Schema.String) }),
  initial: { items: [] },
  commands: {
    append: {
      input: Schema.Struct({ item: Schema.String }),
      /** How many items there are now. */
      output: Schema.Int,
      reduce: (state, { item }, ctx) => {
        const items = [...state.items, item]
        ctx.emit("append", items.length)
        return { state: { items }, result: items.length }
      },
    },
  },
  queries: {
    items: { output: Schema.Array(Schema.String), read: (state) => state.items },
  },
})
