// A clock that is moved by hand, and numbers its ticks: for tests of those who watch.

import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ ticks: Schema.Int }),
  initial: { ticks: 0 },
  commands: {
    /** So many events of one entry. */
    tick: {
      input: Schema.Struct({ times: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { times }, ctx) => {
        const ticks = state.ticks + times
        for (let at = state.ticks + 1; at <= ticks; at++)
          ctx.emit("tick", { at, now: ctx.now, id: ctx.uuid() })
        return { state: { ticks }, result: ticks }
      },
    },
  },
})
