// The outbox of docs/LEADING.md, which test/process/leading.test.ts runs.

import { Effect, Schema } from "effect"
import { actor } from "raftlet"

const Message = Schema.Struct({ id: Schema.String, url: Schema.String, body: Schema.String })

export default actor({
  version: 1,
  state: Schema.Struct({ waiting: Schema.Array(Message) }),
  initial: { waiting: [] },
  commands: {
    put: {
      input: Schema.Struct({ url: Schema.String, body: Schema.String }),
      output: Schema.String,
      reduce: (state, { url, body }, ctx) => {
        const id = ctx.uuid()
        return { state: { waiting: [...state.waiting, { id, url, body }] }, result: id }
      },
    },
    delivered: {
      input: Schema.Struct({ id: Schema.String }),
      output: Schema.Null,
      reduce: (state, { id }) => ({
        state: { waiting: state.waiting.filter((message) => message.id !== id) },
        result: null,
      }),
    },
  },
  queries: {
    next: { output: Schema.NullOr(Message), read: (state) => state.waiting[0] ?? null },
  },
  leading: (ctx) =>
    Effect.gen(function* () {
      while (true) {
        const { result: message } = yield* ctx.read({ key: "mail", query: "next" })
        if (message === null) {
          yield* Effect.sleep("200 millis")
          continue
        }
        const response = yield* Effect.tryPromise((signal) =>
          fetch(message.url, {
            method: "POST",
            headers: { "Idempotency-Key": message.id, "Raftlet-Term": String(ctx.term) },
            body: message.body,
            signal,
          }),
        )
        if (!response.ok) return yield* Effect.fail(`${message.url} says ${response.status}`)
        yield* ctx.propose({ key: "mail", command: "delivered", input: { id: message.id } })
      }
    }),
})
