// What may a module do to who runs it? Everything that was thought of, as source text: one actor each.

/** One hostile deed, at the place where it is done. */
export interface Hostile {
  /** A name for an actor, and what it does. */
  readonly name: string
  readonly source: string
}

interface Parts {
  /** Before the actor. */
  readonly head?: string
  readonly version?: number
  readonly state?: string
  readonly initial?: string
  /** Body of the command `act`. */
  readonly act?: string
  readonly output?: string
  /** Body of the query `ask`. */
  readonly ask?: string
  readonly rest?: string
}

/** Besides the deed, each can do something harmless: `add`, and `n`. */
export const moduleOf = ({
  head = "",
  version = 1,
  state = "Schema.Struct({ n: Schema.Int, extra: Schema.optional(Schema.Unknown) })",
  initial = "{ n: 0 }",
  act = "return { state, result: null }",
  output = "Schema.Unknown",
  ask = "return state.n",
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
      input: Schema.Unknown,
      output: ${output},
      reduce: (state: any, input: any, ctx: any): any => {
        ${act}
      },
    },
  },
  queries: {
    n: { output: Schema.Int, read: (state: any) => state.n },
    ask: { output: Schema.Unknown, read: (state: any): any => { ${ask} } },
  },
  ${rest}
})
`
