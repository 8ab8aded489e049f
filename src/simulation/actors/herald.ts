// Proclaims each leader, a few times, where it leads: what it proposes must be executed in that leader's term, and never
// behind a later leader's.

import { Effect, Random, Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  state: Schema.Struct({ term: Schema.Int, times: Schema.Int }),
  initial: { term: 0, times: 0 },
  commands: {
    proclaim: {
      input: Schema.Struct({ term: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { term }, ctx) => {
        if (term !== ctx.term || term < state.term) ctx.reject("late", `${term} in ${ctx.term}`, state.term)
        const times = term === state.term ? state.times + 1 : 1
        ctx.emit("proclaim", times)
        return { state: { term, times }, result: times }
      },
    },
  },
  queries: { term: { output: Schema.Int, read: (state) => state.term } },
  leading: (ctx) =>
    Effect.gen(function* () {
      const { result } = yield* ctx.read({ key: "now", query: "term" })
      if (result > ctx.term) return yield* Effect.die(`${ctx.term} reads of ${result}`)
      for (let left = 5; left > 0; left--) {
        yield* ctx.propose({ key: "now", command: "proclaim", input: { term: ctx.term } })
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 400))
      }
    }),
})
