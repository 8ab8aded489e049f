// An actor that comes to a running cluster, in one version after the other. All of them count the same money, and each
// stores it in its own way. What a command answers tells which version has run it.

import { Schema } from "effect"
import { type Actor, actor, type CommandContext } from "raftlet"

/**
 * How a command fails whoever runs it, in versions that do not know better: always; only once it is in the log, on each
 * replica; or there on one of them alone.
 */
export const hangs = ["always", "logged", "alone"] as const

export type Hang = (typeof hangs)[number]

/** What an instance holds, and how it is written. */
interface Shape<State> {
  readonly schema: Schema.Codec<State>
  readonly store: (total: number) => State
  readonly total: (state: State) => number
}

const inEuros: Shape<{ readonly total: number }> = {
  schema: Schema.Struct({ total: Schema.Int }),
  store: (total) => ({ total }),
  total: ({ total }) => total,
}

const inCents: Shape<{ readonly cents: number }> = {
  schema: Schema.Struct({ cents: Schema.Int }),
  store: (total) => ({ cents: total * 100 }),
  total: ({ cents }) => cents / 100,
}

const inPieces: Shape<{ readonly coins: ReadonlyArray<number> }> = {
  schema: Schema.Struct({ coins: Schema.Array(Schema.Int) }),
  store: (total) => ({ coins: [total] }),
  total: ({ coins: [total = 0] }) => total,
}

const By = Schema.Struct({ by: Schema.Int })
/** `by`: the name of the version. */
const Answer = Schema.Struct({ by: Schema.String, total: Schema.Int })

const commandsOf = <State>(name: string, { store, total }: Shape<State>) => {
  const leave = (ctx: CommandContext, command: string, after: number) => {
    const result = { by: name, total: after }
    ctx.emit(command, result)
    return { state: store(after), result }
  }
  return {
    pay: {
      input: By,
      output: Answer,
      reduce: (before: State, { by }: typeof By.Type, ctx: CommandContext) =>
        leave(ctx, "pay", total(before) + by),
    },
    refund: {
      input: By,
      output: Answer,
      reduce: (before: State, { by }: typeof By.Type, ctx: CommandContext) => {
        if (by > total(before)) ctx.reject("too-much", "there is not so much in the till")
        return leave(ctx, "refund", total(before) - by)
      },
    },
    hang: {
      input: Schema.Struct({ how: Schema.Literals(hangs) }),
      output: Answer,
      reduce: (before: State, _: object, ctx: CommandContext) => leave(ctx, "hang", total(before) + 1),
    },
  }
}

const versionOf = <State>(
  name: string,
  declared: number,
  shape: Shape<State>,
  commands: ReadonlyArray<"pay" | "refund" | "hang">,
  migrate: Actor["migrate"] = {},
): Actor => {
  const all = commandsOf(name, shape)
  return actor({
    version: declared,
    state: shape.schema,
    initial: shape.store(0),
    commands: Object.fromEntries(commands.map((command) => [command, all[command]])),
    queries: { total: { output: Schema.Int, read: shape.total } },
    migrate,
  } as never)
}

const stepOf = <Before, After>(before: Shape<Before>, after: Shape<After>) => ({
  up: (state: Before) => after.store(before.total(state)),
  down: (state: After) => before.store(after.total(state)),
})
const toCents = stepOf(inEuros, inCents)

/** By the names that they answer with. `mended` does not hang any more; from `three` no way leads back. */
export const tills = {
  one: versionOf("one", 1, inEuros, ["pay", "hang"]),
  two: versionOf("two", 2, inCents, ["pay", "refund", "hang"], { 2: toCents }),
  mended: versionOf("mended", 2, inCents, ["pay", "refund", "hang"], { 2: toCents }),
  three: versionOf("three", 3, inPieces, ["pay", "refund"], {
    2: toCents,
    3: stepOf(inCents, inPieces).up,
  }),
} satisfies Readonly<Record<string, Actor>>

export type ReleaseName = keyof typeof tills

/** A state that holds so much, as an operator gives it to that version. */
export const stateHolding: Readonly<Record<ReleaseName, (total: number) => object>> = {
  one: inEuros.store,
  two: inCents.store,
  mended: inCents.store,
  three: inPieces.store,
}

/** In a state of any version. */
export const totalIn = (
  state: { total: number } | { cents: number } | { coins: ReadonlyArray<number> },
): number => {
  if ("total" in state) return inEuros.total(state)
  return "cents" in state ? inCents.total(state) : inPieces.total(state)
}
