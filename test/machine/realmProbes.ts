// What comes of it when everything of effect is called with something of each kind? A module for a realm of its own,
// which realmShared.test.ts bundles: a function for each function of effect, each calls it with all samples, twice.

import * as effect from "effect"
import * as encoding from "effect/encoding"

const { Cause, Context, DateTime, Duration, Effect, Exit, HashMap, Option, Ref, Result, Schedule, Schema } =
  effect

/** Made anew for each call: what two calls have in common is not theirs. */
const samples: ReadonlyArray<() => unknown> = [
  () => 1,
  () => "a",
  () => ({ a: 1 }),
  () => [1, 2],
  () => (one: unknown) => one,
  () => Schema.NumberFromString,
  () => Schema.Struct({ a: Schema.Int }),
  () => Schema.URL.ast,
  () => Effect.succeed(1),
  () => Effect.fail("a"),
  () => Cause.fail("a"),
  () => Exit.succeed(1),
  () => Option.some(1),
  () => Result.fail(1),
  () => HashMap.make(["a", 1]),
  () => effect.Chunk.make(1),
  () => effect.Graph.directed(),
  () => effect.Trie.make(["a", 1]),
  () => Context.empty(),
  () => effect.Layer.empty,
  () => DateTime.makeUnsafe(0),
  () => Duration.seconds(1),
  () => Ref.makeUnsafe(1),
  () => Schedule.recurs(1),
  () => effect.Scope.makeUnsafe(),
  () => effect.Redacted.make("a"),
  () => new Uint8Array([1]),
  () => new Date(0),
  () => undefined,
]
const given: ReadonlyArray<ReadonlyArray<() => unknown>> = [
  [],
  ...samples.map((one) => [one]),
  ...samples.slice(0, 10).flatMap((one) => [samples[0]!, samples[4]!].map((other) => [one, other])),
]

/** What would not end with what is given here, and what leaves work behind. */
const skipped = /^BigInt\.|^Effect\.run(?:Fork|Promise|Callback)|\.(?:forever|never|eventually)$/

/** What one function came to, in short, and what it shares with its second run that somebody could write on. */
export interface Probed {
  readonly name: string
  readonly text: string
  readonly returned: number
  readonly loose: ReadonlyArray<string>
}

const probe = (name: string, run: Callable, isAgain: boolean) => (): Probed => {
  let text = ""
  let returned = 0
  for (const makers of given) {
    const results = resultsOf(run, makers)
    // In full it would fill the memory; what differs has another number.
    text = `${effect.Hash.string(text + textOf(results))}`
    if (results.length > 1) returned++
  }
  return {
    name,
    text,
    returned,
    loose: isAgain ? [] : given.slice(0, samples.length + 1).flatMap((makers) => looseIn(name, run, makers)),
  }
}

const looseIn = (
  name: string,
  run: Callable,
  makers: ReadonlyArray<() => unknown>,
): ReadonlyArray<string> => {
  const first = objectsIn(resultsOf(run, makers))
  const shared = [...objectsIn(resultsOf(run, makers))].filter(([value]) => first.has(value))
  for (const [value] of shared) if (!isLoose(value)) fixed.add(value)
  return shared
    .filter(([value]) => isLoose(value))
    .map(([, path]) => `${name}(${makers.map((make) => textOf(make())).join()})${path}`)
}

type Callable = (...given: ReadonlyArray<unknown>) => unknown

/** One more than the error alone when it returned: its value, what that gives when it is called, run or walked. */
const resultsOf = (run: Callable, makers: ReadonlyArray<() => unknown>): ReadonlyArray<unknown> => {
  const results: Array<unknown> = []
  try {
    const value = run(...makers.map((make) => make()))
    results.push(value, null)
    const called = typeof value === "function" ? (value as Callable)(1) : value
    results.push(called)
    if (Effect.isEffect(called)) results.push(Effect.runSyncExit(called as effect.Effect.Effect<unknown>))
    results.push((called as Iterable<unknown>)[Symbol.iterator]().next())
  } catch (error) {
    results.push(error)
  }
  return results
}

/** With a path to each. Without what is known to be fixed, and what hangs on it. */
const objectsIn = (root: unknown): ReadonlyMap<object, string> => {
  const found = new Map<object, string>()
  const waiting: Array<readonly [unknown, string]> = [[root, ""]]
  for (let at = 0; at < waiting.length && found.size < objectsMax; at++) {
    const [value, path] = waiting[at]!
    if ((typeof value !== "object" || value === null) && typeof value !== "function") continue
    if (found.has(value) || fixed.has(value)) continue
    found.set(value, path)
    waiting.push(...attempt(() => partsOf(value, path), []))
  }
  return found
}

const partsOf = (value: object, path: string): ReadonlyArray<readonly [unknown, string]> => [
  [Object.getPrototypeOf(value), `${path}.__proto__`],
  ...Object.entries(Object.getOwnPropertyDescriptors(value)).flatMap(([key, { value: held, get, set }]) =>
    [held, get, set].map((one) => [one, `${path}.${key}`] as const),
  ),
  ...(value instanceof Map || value instanceof Set
    ? [...value].map((one) => [one, `${path}.…`] as const)
    : []),
]

const isLoose = (value: object): boolean => {
  if (!Object.isFrozen(value)) return Object.prototype.toString.call(value) !== "[object Module]"
  const mark = {}
  const isMap = value instanceof Map && attempt(() => Map.prototype.set.call(value, mark, 1), null) !== null
  const isSet = value instanceof Set && attempt(() => Set.prototype.add.call(value, mark), null) !== null
  return isMap || isSet
}

const fixed = new Set<object>()

const textOf = (value: unknown, depth = 0): string => {
  if (typeof value === "function") return "function"
  if (typeof value !== "object" || value === null) return String(value)
  if (depth > 5) return "…"
  // The engine words its errors otherwise once the code is hot.
  if (value instanceof TypeError) return "TypeError"
  const inside = ArrayBuffer.isView(value) ? `${value.byteOffset} of ${value.buffer.byteLength}` : ""
  const parts = attempt(() => Object.entries(Object.getOwnPropertyDescriptors(value)), [])
  return `{${inside}${parts.map(([key, part]) => `${key}: ${"value" in part ? textOf(part.value, depth + 1) : ""}`)}}`
}

const attempt = <Value>(run: () => Value, otherwise: Value): Value => {
  try {
    return run()
  } catch {
    return otherwise
  }
}

const objectsMax = 1_000

const probes = (isAgain: boolean) =>
  [effect, encoding].flatMap((family) =>
    Object.entries(family).flatMap(([name, module]) =>
      Object.entries(typeof module === "object" ? module : {})
        .filter(([member, value]) => typeof value === "function" && !skipped.test(`${name}.${member}`))
        .map(([member, run]) => probe(`${name}.${member}`, run as Callable, isAgain)),
    ),
  )

// In one order, and then in the other: what one leaves behind, the other one would find.
export default [...probes(false), ...probes(true).toReversed()]
