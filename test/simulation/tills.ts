// An actor from version to version, for tests of all that happens on the way: it counts in euros, then in cents.

import { Schema } from "effect"
import { actor } from "raftlet"

const pay = { input: Schema.Struct({ euros: Schema.Number }), output: Schema.Number }

export const euros = actor({
  version: 1,
  state: Schema.Struct({ euros: Schema.Number }),
  initial: { euros: 0 },
  commands: {
    pay: {
      ...pay,
      reduce: (state, { euros }, ctx) => {
        if (euros < 0) ctx.reject("negative", "nobody pays less than nothing")
        ctx.emit("paid", { euros })
        const sum = state.euros + euros
        return { state: { euros: sum }, result: sum }
      },
    },
    payLater: {
      ...pay,
      reduce: (state, input, ctx) => {
        ctx.schedule(1000, "pay", input)
        return { state, result: state.euros }
      },
    },
  },
  queries: { euros: { output: Schema.Number, read: (state) => state.euros } },
})

/** What differs from a second version that does the same. */
export interface Otherwise {
  readonly up?: (state: { euros: number }) => unknown
  /** Null: there is no way down. */
  readonly down?: ((state: { cents: number }) => unknown) | null
  /** What is paid on top. */
  readonly fee?: number
  readonly event?: string
  readonly laterMillis?: number
  readonly isFree?: boolean
}

export const cents = ({
  up = ({ euros }) => ({ cents: Math.round(euros * 100) }),
  down = ({ cents }) => ({ euros: cents / 100 }),
  fee = 0,
  event = "paid",
  laterMillis = 1000,
  isFree = false,
}: Otherwise = {}) =>
  actor({
    version: 2,
    state: Schema.Struct({ cents: Schema.Int }),
    initial: { cents: 0 },
    commands: {
      pay: {
        ...pay,
        reduce: (state, { euros }, ctx) => {
          if (euros < 0 && !isFree) ctx.reject("negative", "nobody pays less than nothing")
          ctx.emit(event, { euros })
          const cents = state.cents + Math.round(euros * 100)
          return { state: { cents: cents + fee }, result: cents / 100 }
        },
      },
      payLater: {
        ...pay,
        reduce: (state, input, ctx) => {
          ctx.schedule(laterMillis, "pay", input)
          return { state, result: state.cents / 100 }
        },
      },
      giveBack: {
        output: Schema.Null,
        reduce: () => ({ state: { cents: 0 }, result: null }),
      },
    },
    queries: { euros: { output: Schema.Number, read: (state) => state.cents / 100 } },
    migrate: { 2: down === null ? up : { up, down } },
  })
