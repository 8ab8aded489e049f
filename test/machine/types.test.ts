// Does a wrong actor fail to compile? Every line marked as an error must be one: the compiler checks it.

import { expect, test } from "bun:test"
import { DateTime, Effect, Schema } from "effect"
import { type Actor, actor, type Json } from "raftlet"
import type { ActorTypes, TypedActor } from "../../src/machine/actor.ts"

const State = Schema.Struct({ value: Schema.Int })
const By = Schema.Struct({ by: Schema.Int })

const right = actor({
  version: 1,
  state: State,
  initial: { value: 0 },
  commands: {
    add: {
      input: By,
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        const exactly: number = by
        if (by > 100) ctx.reject("too-big", "add takes 100 at the most", { by })
        ctx.schedule(1000, "add", { by: 3 })
        ctx.schedule(1000, "reset", null)
        // @ts-expect-error a command that does not exist
        const unknownCommand = () => ctx.schedule(1000, "nope", null)
        // @ts-expect-error the input of another type
        const wrongInput = () => ctx.schedule(1000, "add", { by: "3" })
        // @ts-expect-error an input where the command takes none
        const needlessInput = () => ctx.schedule(1000, "reset", { by: 3 })
        ctx.emit("added", { by, at: [ctx.now, null] })
        ctx.emit("quiet")
        // @ts-expect-error a name that is no text
        const wrongName = () => ctx.emit(1)
        // @ts-expect-error data that is not JSON
        const wrongData = () => ctx.emit("added", new Map())
        void [unknownCommand, wrongInput, needlessInput, wrongName, wrongData]
        return { state: { value: state.value + exactly }, result: state.value + by }
      },
    },
    reset: {
      output: Schema.Null,
      reduce: (_state, input) => {
        const nothing: null = input
        return { state: { value: 0 }, result: nothing }
      },
    },
    at: {
      input: Schema.DateTimeUtcFromString,
      output: Schema.DateTimeUtcFromString,
      // What the reducer sees is the decoded side of the schema.
      reduce: (state, moment) => ({
        state: { value: state.value + moment.epochMilliseconds },
        result: moment,
      }),
    },
  },
  queries: {
    value: { output: Schema.Int, read: (state) => state.value },
    plus: {
      input: Schema.Int,
      output: Schema.Int,
      read: (state, more, ctx) => state.value + more + ctx.revision,
    },
  },
  leading: (ctx) =>
    Effect.gen(function* () {
      const term: number = ctx.term
      const { result, revision } = yield* ctx.propose({ key: "a", command: "add", input: { by: term } })
      const sum: number = result + revision
      const nothing: null = (yield* ctx.propose({ key: "a", command: "reset" })).result
      const moment = (yield* ctx.propose({ key: "a", command: "at", input: DateTime.makeUnsafe(sum) })).result
      const millis: number = moment.epochMilliseconds
      const value: number = (yield* ctx.read({ key: "a", query: "value" })).result
      const plus: number = (yield* ctx.read({ key: "a", query: "plus", input: 3, consistency: "lease" }))
        .result
      // Of another actor nothing is known but that it is JSON.
      const foreign: Json = (yield* ctx.propose({
        actor: "bank",
        key: "b",
        command: "pay",
        input: { by: 3 },
      })).result
      const asked: Json = (yield* ctx.read({ actor: "bank", key: "b", query: "money" })).result
      const refused: Effect.Effect<unknown, string> = Effect.mapError(
        ctx.propose({ key: "a", command: "reset", ifRevision: 3, idempotencyKey: "once" }),
        ({ code, outcome, reason }) => `${code} ${outcome} ${reason?.code}`,
      )
      // @ts-expect-error a command that does not exist
      const unknownCommand = () => ctx.propose({ key: "a", command: "nope" })
      // @ts-expect-error the input of another type
      const wrongInput = () => ctx.propose({ key: "a", command: "add", input: { by: "3" } })
      // @ts-expect-error no input where the command takes one
      const noInput = () => ctx.propose({ key: "a", command: "add" })
      // @ts-expect-error an input where the command takes none
      const needlessInput = () => ctx.propose({ key: "a", command: "reset", input: { by: 3 } })
      // @ts-expect-error a query that does not exist
      const unknownQuery = () => ctx.read({ key: "a", query: "nope" })
      // @ts-expect-error no key
      const noKey = () => ctx.read({ query: "value" })
      void [nothing, millis, value, plus, foreign, asked, refused]
      void [unknownCommand, wrongInput, noInput, needlessInput, unknownQuery, noKey]
      yield* Effect.addFinalizer(() => Effect.void)
      return yield* Effect.never
    }),
})

test("an actor may do without queries (contract §2)", () => {
  const quiet = actor({ version: 1, state: State, initial: { value: 0 }, commands: {} })
  expect(quiet.queries).toEqual({})
  expect(Object.keys(right.commands)).toEqual(["add", "reset", "at"])
})

test("an actor is any actor, whatever the compiler knows of it", () => {
  const all: ReadonlyArray<Actor> = [
    right,
    actor({ version: 1, state: State, initial: { value: 0 }, commands: {} }),
  ]
  const types: {
    readonly state: { readonly value: number }
    readonly commands: {
      readonly add: { readonly input: { readonly by: number }; readonly output: number }
      readonly reset: { readonly input: null; readonly output: null }
      readonly at: { readonly input: string; readonly output: string }
    }
    readonly queries: {
      readonly value: { readonly input: null; readonly output: number }
      readonly plus: { readonly input: number; readonly output: number }
    }
  } | null = typesOf(right)
  expect([all.length, types]).toEqual([2, null])
})

const typesOf = <Types extends ActorTypes>(_: TypedActor<Types>): Types | null => null

test("a wrong actor does not compile (contract §2)", () => {
  const rest = { version: 1, state: State, initial: { value: 0 }, queries: {} } as const

  actor({ ...rest, commands: {} })
  // @ts-expect-error the initial state has another type
  actor({ version: 1, state: State, initial: { value: "0" }, commands: {} })
  // @ts-expect-error the initial state lacks a field
  actor({ version: 1, state: State, initial: {}, commands: {} })
  // @ts-expect-error the initial state has a field that the schema does not know
  actor({ version: 1, state: State, initial: { value: 0, other: 1 }, commands: {} })
  // @ts-expect-error no state
  actor({ version: 1, initial: {}, commands: {} })
  // @ts-expect-error a field that no actor has
  actor({ version: 1, state: State, initial: { value: 0 }, commands: {}, comands: {} })
  // @ts-expect-error the state is not a schema
  actor({ version: 1, state: { value: 0 }, initial: { value: 0 }, commands: {} })

  actor({
    ...rest,
    commands: {
      // @ts-expect-error the reducer returns another state
      add: { output: Schema.Int, reduce: () => ({ state: { value: "1" }, result: 1 }) },
    },
  })
  actor({
    ...rest,
    commands: {
      // @ts-expect-error the reducer returns another result
      add: { output: Schema.Int, reduce: (state) => ({ state, result: "1" }) },
    },
  })
  actor({
    ...rest,
    commands: {
      // @ts-expect-error the reducer returns no result
      add: { output: Schema.Int, reduce: (state) => ({ state }) },
    },
  })
  actor({
    ...rest,
    commands: {
      // @ts-expect-error an asynchronous reducer (HAZARDS D11)
      add: { output: Schema.Int, reduce: async (state) => ({ state, result: 1 }) },
    },
  })
  actor({
    ...rest,
    // @ts-expect-error a command without a reducer
    commands: { add: { output: Schema.Int } },
  })
  actor({
    ...rest,
    // @ts-expect-error a command without an output
    commands: { add: { reduce: (state: { readonly value: number }) => ({ state, result: 1 }) } },
  })
  actor({
    ...rest,
    commands: {
      add: {
        // @ts-expect-error the input is not a schema
        input: { by: Number },
        output: Schema.Int,
        reduce: (state) => ({ state, result: 1 }),
      },
    },
  })
  actor({
    ...rest,
    commands: {
      add: {
        output: Schema.Int,
        // @ts-expect-error a field that no command has
        reducer: 1,
        reduce: (state) => ({ state, result: 1 }),
      },
    },
  })
  actor({
    ...rest,
    commands: {
      add: {
        input: By,
        output: Schema.Int,
        // @ts-expect-error the input has no such field
        reduce: (state, { to }) => ({ state, result: to }),
      },
    },
  })
  actor({
    ...rest,
    commands: {
      add: {
        output: Schema.Int,
        reduce: (state) => {
          // @ts-expect-error the state is not the reducer's to change (HAZARDS D8)
          const change = () => (state.value = 1)
          void change
          return { state, result: 1 }
        },
      },
    },
  })
  actor({ ...rest, commands: {}, leading: Effect.never })
  actor({ ...rest, commands: {}, group: "sales", shards: 8 })
  // @ts-expect-error a number of shards is no text
  actor({ ...rest, commands: {}, shards: "8" })
  // @ts-expect-error a promise is no Effect
  actor({ ...rest, commands: {}, leading: async () => {} })
  actor({
    ...rest,
    commands: {},
    // @ts-expect-error the query returns another type
    queries: { value: { output: Schema.Int, read: () => "1" } },
  })
  actor({
    ...rest,
    commands: {},
    queries: {
      value: {
        output: Schema.Int,
        // @ts-expect-error a query has no dice
        read: (_state, _input, ctx) => ctx.random(),
      },
    },
  })
})
