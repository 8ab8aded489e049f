// Timers that clients set: each must ring once, not before its time, whoever leads then. Chance and time of the
// entry are kept in the state, so that replicas that see another chance or time have another state.

import { Schema } from "effect"
import { actor } from "raftlet"

const Ring = Schema.Struct({ item: Schema.String, dueAt: Schema.Int })

export default actor({
  version: 1,
  state: Schema.Struct({
    rung: Schema.Array(Schema.Struct({ item: Schema.String, dueAt: Schema.Int, rangAt: Schema.Int })),
    /** By the last command. */
    drawn: Schema.Finite,
    at: Schema.Int,
  }),
  initial: { rung: [], drawn: 0, at: 0 },
  commands: {
    arm: {
      input: Schema.Struct({ item: Schema.String, afterMillis: Schema.Int }),
      output: Schema.Null,
      reduce: (state, { item, afterMillis }, ctx) => {
        ctx.schedule(afterMillis, "ring", { item, dueAt: ctx.now + afterMillis })
        return { state: { ...state, drawn: ctx.random(), at: ctx.now }, result: null }
      },
    },
    ring: {
      input: Ring,
      output: Schema.Null,
      reduce: (state, { item, dueAt }, ctx) => {
        ctx.emit("ring")
        return {
          state: {
            rung: [...state.rung, { item, dueAt, rangAt: ctx.now }],
            drawn: ctx.random(),
            at: ctx.now,
          },
          result: null,
        }
      },
    },
  },
  queries: {
    rung: {
      output: Schema.Array(Schema.Struct({ item: Schema.String, dueAt: Schema.Int, rangAt: Schema.Int })),
      read: (state) => state.rung,
    },
  },
})
