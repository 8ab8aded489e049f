// The actor that the machine's tests are about: reducers that keep every promise, and one for each that is broken.

import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { Bench } from "./Bench.ts"

const Value = Schema.Struct({ value: Schema.Number, note: Schema.optional(Schema.String) })

export const counter = actor({
  version: 1,
  state: Value,
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }, ctx) => {
        if (by > 100) ctx.reject("too-big", "add takes 100 at the most", { by, max: 100 })
        return { state: { value: state.value + by }, result: state.value + by }
      },
    },
    context: {
      output: Schema.Unknown,
      reduce: (state, _input, ctx) => {
        const { key, now, index, term, commandId, caller } = ctx
        return {
          state,
          result: { key, now, index, term, commandId, caller, dice: [ctx.random(), ctx.uuid()] },
        }
      },
    },
    throws: {
      output: Schema.Null,
      reduce: () => {
        throw new Error("no luck")
      },
    },
    throwsNothing: {
      output: Schema.Null,
      reduce: () => {
        throw undefined
      },
    },
    mutates: {
      output: Schema.Null,
      reduce: (state) => {
        ;(state as { value: number }).value = 7
        return { state, result: null }
      },
    },
    mutatesInput: {
      input: Schema.Struct({ list: Schema.Array(Schema.Int) }),
      output: Schema.Null,
      reduce: (state, { list }) => {
        ;(list as Array<number>).push(1)
        return { state, result: null }
      },
    },
    promises: {
      output: Schema.Null,
      reduce: (() => Promise.resolve({ state: { value: 9 }, result: null })) as never,
    },
    failsLater: { output: Schema.Null, reduce: (() => Promise.reject(new Error("later"))) as never },
    returnsNothing: { output: Schema.Null, reduce: (() => undefined) as never },
    returnsMore: { output: Schema.Null, reduce: (state) => ({ state, result: null, more: 1 }) },
    spiteful: {
      output: Schema.Null,
      reduce: (() => ({
        get state() {
          throw new Error("mine")
        },
        result: null,
      })) as never,
    },
    notANumber: { output: Schema.Null, reduce: () => ({ state: { value: Number.NaN }, result: null }) },
    endless: { output: Schema.Null, reduce: () => ({ state: { value: Infinity }, result: null }) },
    minusZero: { output: Schema.Number, reduce: () => ({ state: { value: -0 }, result: -0 }) },
    halfPair: { output: Schema.Null, reduce: () => ({ state: { value: 1, note: "\ud800" }, result: null }) },
    otherShape: { output: Schema.Null, reduce: () => ({ state: { valeu: 1 } as never, result: null }) },
    excess: {
      output: Schema.Null,
      reduce: () => ({ state: { value: 1, other: 2 } as { value: number }, result: null }),
    },
    absent: { output: Schema.Null, reduce: () => ({ state: { value: 1, note: undefined }, result: null }) },
    wrongResult: { output: Schema.Int, reduce: (state) => ({ state, result: 1.5 }) },
    large: {
      input: Schema.Int,
      output: Schema.Null,
      reduce: (_state, length) => ({ state: { value: 1, note: "x".repeat(length) }, result: null }),
    },
    largeResult: {
      input: Schema.Int,
      output: Schema.String,
      reduce: (state, length) => ({ state, result: "x".repeat(length) }),
    },
    late: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        kept = ctx.uuid
        return { state, result: null }
      },
    },
    usesKept: { output: Schema.String, reduce: (state) => ({ state, result: kept() }) },
    deep: {
      input: Schema.Int,
      output: Schema.Json,
      reduce: (state, levels) => {
        let value: Schema.Json = 0
        for (let level = 0; level < levels; level++) value = [value]
        return { state, result: value }
      },
    },
    recursive: {
      output: Schema.Null,
      reduce: (state) => {
        const down = (): number => 1 + down()
        down()
        return { state, result: null }
      },
    },
  },
  queries: {
    value: { output: Schema.Number, read: (state) => state.value },
    plus: {
      input: Schema.Struct({ more: Schema.Int }),
      output: Schema.Unknown,
      read: (state, { more }, ctx) => ({ sum: state.value + more, ...ctx }),
    },
    throws: {
      output: Schema.Null,
      read: () => {
        throw new Error("no answer")
      },
    },
    wrong: { output: Schema.Int, read: () => 0.5 },
    promises: { output: Schema.Null, read: (() => Promise.reject(new Error("later"))) as never },
    recursive: {
      output: Schema.Null,
      read: () => {
        const down = (): number => 1 + down()
        down()
        return null
      },
    },
  },
})

let kept: () => string = () => ""

export const registry = registryOf({ counter })

export const bench = () =>
  new Bench(registry, { stateBytesMax: 200, resultBytesMax: 300, inputBytesMax: 1_000 })

export const started = () => {
  const at = bench()
  return { at, propose: (...given: Parameters<Bench["propose"]>) => at.propose(...given) }
}
