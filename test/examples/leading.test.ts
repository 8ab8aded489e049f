// Does the example of a leading hold? (docs/TESTING.md)

import { test } from "bun:test"
import { Effect, Schema } from "effect"
import { actor } from "raftlet"
import { testCluster } from "raftlet/testing"

const outboxOf = (deliver: (mail: string) => Effect.Effect<void>) =>
  actor({
    version: 1,
    state: Schema.Array(Schema.String),
    initial: [],
    commands: {
      put: {
        input: Schema.String,
        output: Schema.Null,
        reduce: (state, mail) => ({ state: [...state, mail], result: null }),
      },
      delivered: {
        input: Schema.String,
        output: Schema.Null,
        reduce: (state, mail) => ({ state: state.filter((one) => one !== mail), result: null }),
      },
    },
    queries: { next: { output: Schema.NullOr(Schema.String), read: (state) => state[0] ?? null } },
    leading: (ctx) =>
      Effect.gen(function* () {
        while (true) {
          const { result: mail } = yield* ctx.read({ key: "mail", query: "next" })
          if (mail === null) yield* Effect.sleep("50 millis")
          else {
            yield* deliver(mail)
            yield* ctx.propose({ key: "mail", command: "delivered", input: mail })
          }
        }
      }),
  })

test("every mail is delivered, although its leader stands still for a while", () => {
  const delivered = new Set<string>()
  const outbox = outboxOf((mail) => Effect.sync(() => void delivered.add(mail)))
  const cluster = testCluster({ actors: { outbox }, seed: 7 })
  const leader = cluster.waitForLeader()
  for (const mail of ["one", "two", "three"]) {
    cluster.execute({ actor: "outbox", key: "mail", command: "put", input: mail })
    cluster.pause(leader)
    cluster.runFor(500)
    cluster.resume(leader)
  }
  cluster.runUntil("all are delivered", () => delivered.size === 3)
  cluster.settle()
})
