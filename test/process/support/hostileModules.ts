// What may a module do to whoever runs it? Everything that was thought of, as source text, with what is to come of it.

/** One hostile deed: a module of its own, and the problem that whoever meets it is to be told. */
export interface Hostile {
  /** The actor's name. */
  readonly name: string
  readonly source: string
  /** Where it does it. */
  readonly at: "upload" | "command" | "query" | "timer" | "switch"
  readonly status: number
  readonly code: string
  /** A part of the detail. */
  readonly detail: string
}

interface Parts {
  /** Before the actor. */
  readonly head?: string
  readonly version?: number
  readonly state?: string
  readonly initial?: string
  /** Body of the command `act`. */
  readonly act?: string
  /** Body of the query `ask`. */
  readonly ask?: string
  /** Further commands. */
  readonly commands?: string
  readonly rest?: string
}

/** Besides the deed, each does something harmless: the command `add`, and the query `n`. */
export const moduleOf = ({
  head = "",
  version = 1,
  state = "Schema.Struct({ n: Schema.Int, extra: Schema.optional(Schema.Unknown) })",
  initial = "{ n: 0 }",
  act = "return { state: { ...state, n: state.n + 10 }, result: null }",
  ask = "return state.n",
  commands = "",
  rest = "",
}: Parts): string => `
import { Schema } from "effect"
import { actor } from "raftlet"
${head}
export default actor({
  version: ${version},
  state: ${state},
  initial: ${initial},
  commands: {
    add: {
      output: Schema.Int,
      reduce: (state: any) => ({ state: { ...state, n: state.n + 1 }, result: state.n + 1 }),
    },
    act: {
      output: Schema.Unknown,
      reduce: (state: any, input: any, ctx: any): any => { ${act} },
    },
    ${commands}
  },
  queries: {
    n: { output: Schema.Int, read: (state: any) => state.n },
    ask: { output: Schema.Unknown, read: (state: any): any => { ${ask} } },
  },
  ${rest}
})
`

const quarantined = (parts: Parts, detail: string) =>
  ({ source: moduleOf(parts), at: "command", status: 423, code: "quarantined", detail }) as const
const rejected = (parts: Parts, detail: string) =>
  ({ source: moduleOf(parts), at: "command", status: 422, code: "rejected", detail }) as const
const refused = (parts: Parts, detail: string) =>
  ({ source: moduleOf(parts), at: "upload", status: 400, code: "invalid-input", detail }) as const

const noEnd = "did not come to an end"
const memory = "took too much memory"
const largeText = "'x'.repeat(50 * 2 ** 20) + 'y'.repeat(50 * 2 ** 20)"
const loops = "for (;;) {}"

const deeds: Readonly<Record<string, Omit<Hostile, "name">>> = {
  loop: quarantined({ act: loops }, noEnd),
  regex: quarantined({ act: "return { state, result: /^(a+)+$/.test('a'.repeat(40) + 'b') }" }, noEnd),
  four_gb: rejected(
    { act: "return { state, result: new Uint8Array(4 * 2 ** 30).length }" },
    "a buffer of 4294967296 is too large for a reducer",
  ),
  four_gb_in_steps: quarantined(
    {
      act: `const all = []
        for (let at = 0; at < 64; at++) all.push(new Uint8Array(64 * 2 ** 20).fill(1))
        return { state, result: all.length }`,
    },
    memory,
  ),
  memory_caught: quarantined(
    {
      act: `const all = []
        try { for (;;) all.push(new Uint8Array(64 * 2 ** 20)) } catch {}
        return { state: { n: all.length }, result: null }`,
    },
    memory,
  ),
  recursion: quarantined(
    { act: "const down = (n) => 1 + down(n + 1); return { state, result: down(0) }" },
    "ran over the stack",
  ),
  exits: rejected({ act: "process.exit(1)" }, "process.exit is closed to reducers"),
  promise: rejected({ act: "return Promise.resolve({ state, result: 1 })" }, "it must be synchronous"),
  rejecting: rejected({ act: "return Promise.reject(new Error('later'))" }, "it must be synchronous"),
  pollution: rejected(
    { act: "Object.prototype.polluted = 1; return { state, result: 1 }" },
    "Attempting to define property on object that is not extensible",
  ),
  patches: rejected(
    { act: "Array.prototype.push = () => 7; return { state, result: 1 }" },
    "Attempted to assign to readonly property",
  ),
  date: rejected({ act: "return { state: { n: Date.now() }, result: 1 }" }, "use ctx.now"),
  random: rejected({ act: "return { state: { n: Math.random() }, result: 1 }" }, "use ctx.random"),
  large_result: quarantined({ act: `return { state, result: ${largeText} }` }, memory),
  large_state: quarantined({ act: `return { state: { n: 1, extra: ${largeText} }, result: 1 }` }, memory),
  large_rejection: rejected(
    { act: "ctx.reject('x'.repeat(9e6), 'why', Array.from({ length: 15e4 }, String))" },
    "bytes; 1048576 are allowed",
  ),
  filter: quarantined(
    {
      state: `Schema.Struct({
        n: Schema.Int.check(Schema.makeFilter((n) => { if (n === 10) ${loops} return true })),
      })`,
    },
    noEnd,
  ),
  proxy: quarantined(
    {
      act: `const extra = new Proxy({}, { ownKeys: () => { ${loops} } })
        return { state: { n: 1, extra }, result: 1 }`,
    },
    noEnd,
  ),
  getter: rejected(
    { act: "return { get state() { throw new Error('not mine to say') }, result: 1 }" },
    "not mine to say",
  ),
  closure: rejected(
    { head: "let seen = 0", act: "seen++; return { state: { n: seen }, result: seen }" },
    "came to something else when it was run again",
  ),
  throws_on_load: refused({ head: "throw new Error('no load today')" }, "no load today"),
  loops_on_load: refused({ head: loops }, "it has not finished loading in time"),
  no_schema: refused({ state: "{ n: 1 }" }, "state: expected a schema"),
  large_initial: refused(
    { initial: "{ n: 0, extra: 'x'.repeat(3e7) }" },
    "initial: it has 30000018 bytes; 262144 are allowed",
  ),
  query: {
    source: moduleOf({ ask: loops }),
    at: "query",
    status: 422,
    code: "rejected",
    detail: `The query ${noEnd}`,
  },
  timer: {
    source: moduleOf({
      act: "ctx.schedule(1, 'boom', null); return { state, result: null }",
      commands: `boom: { output: Schema.Null, reduce: (state: any): any => { ${loops} } },`,
    }),
    at: "timer",
    status: 423,
    code: "quarantined",
    detail: `its command "boom" ${noEnd}`,
  },
  migration: {
    source: moduleOf({ version: 2, rest: `migrate: { 2: (one: any) => { ${loops} } },` }),
    at: "switch",
    status: 409,
    code: "version-conflict",
    detail: "1 of 1 stored states do not fit version 2",
  },
}

export const hostiles: ReadonlyArray<Hostile> = Object.entries(deeds).map(([name, deed]) => ({
  name,
  ...deed,
}))
