// An actor that says what it is told to, and numbers it.

import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { command } from "./Bench.ts"

export const speaker = actor({
  version: 1,
  state: Schema.Struct({ said: Schema.Int }),
  initial: { said: 0 },
  commands: {
    /** Emits so many numbered events, then ends as `how` says. */
    say: {
      input: Schema.Struct({ count: Schema.Int, how: Schema.String, padding: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { count, how, padding }, ctx) => {
        const said = state.said + count
        for (let at = state.said + 1; at <= said; at++) ctx.emit("said", { at, padding: "x".repeat(padding) })
        if (how === "reject") ctx.reject("no", "said for nothing")
        if (how === "throw") throw new Error("said for nothing")
        if (how === "invalid") return { state: { said: 0.5 }, result: said }
        return { state: { said }, result: said }
      },
    },
    /** Emits any one event, as a reducer that the compiler has not seen may. */
    emit: {
      input: Schema.Struct({ event: Schema.Unknown, data: Schema.optionalKey(Schema.Unknown) }),
      output: Schema.Null,
      reduce: (state, { event, data }, ctx) => {
        ctx.emit(event as never, data as never)
        return { state, result: null }
      },
    },
    odd: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.emit("odd", { b: -0, a: undefined, "\u2028": "\n" } as never)
        return { state, result: null }
      },
    },
    broken: {
      input: Schema.Struct({ what: Schema.String }),
      output: Schema.Null,
      reduce: (state, { what }, ctx) => {
        ctx.emit("said", { at: [what === "NaN" ? Number.NaN : new Map()] } as never)
        return { state, result: null }
      },
    },
    later: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(1000, "say", { count: 1, how: "", padding: 0 })
        return { state, result: null }
      },
    },
    keeps: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        kept.ctx = ctx
        return { state, result: null }
      },
    },
  },
})

/** What a reducer held on to. */
export const kept: { ctx: { readonly emit: (event: string) => void } | null } = { ctx: null }

export const registry = registryOf({ speaker })

export const say = (count: number, options: { key?: string; how?: string; padding?: number } = {}) => {
  const { key = "a", how = "", padding = 0 } = options
  return command({ actor: "speaker", key, command: "say", json: { count, how, padding } })
}
