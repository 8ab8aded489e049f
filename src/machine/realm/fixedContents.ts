// How does that stay as it is which freezing does not reach? What a Map or a Set holds, and what effect's own modules
// remember of an object that all share: there one module would find what another one left.

import { Schema, SchemaAST } from "effect"
import { SharedByAll } from "./forbidden.ts"
import { freezeAll, reachableFrom } from "./primordials.ts"
import { type Replacement, realm } from "./replacements.ts"

/**
 * Freezes these, with what they hold. Caches from before the realm was closed learn nothing more of them, and what such
 * a cache has it gives away frozen.
 */
export const fix = (values: Iterable<object>): void => {
  for (const value of values) {
    apply(addWeakly, fixed, [value])
    if (value instanceof Map || value instanceof Set) Object.defineProperty(value, isFixed, { value: true })
  }
  freezeAll(values)
}

/** To be exchanged with the rest, before anything is fixed. */
export const guardedContents = (): ReadonlyArray<Replacement> => [
  ...["set", "delete", "clear", "getOrInsert", "getOrInsertComputed"].map((key) =>
    refusing(Map.prototype, key),
  ),
  ...["add", "delete", "clear"].map((key) => refusing(Set.prototype, key)),
  ...[WeakMap, WeakSet].flatMap(noting),
  forgetting(WeakMap.prototype, "set"),
  freezing(WeakMap.prototype, "get"),
  forgetting(WeakSet.prototype, "add"),
]

/** Found faster than a membership: reducers fill Maps all the time. */
const isFixed = Symbol("isFixed")
const fixed = new WeakSet<object>()
/** WeakMaps and WeakSets that were made in the closed realm: they are somebody's own, and remember what they like. */
const own = new WeakSet<object>()

const refusing = (holder: object, key: string): Replacement =>
  wrapped(
    holder,
    key,
    (right) =>
      ({
        method(this: { readonly [isFixed]?: true }, ...given: ReadonlyArray<unknown>): unknown {
          if (this[isFixed] === true) throw new SharedByAll("it is the same for all: it cannot be changed")
          return apply(right, this, given)
        },
      }).method,
  )

/** A cache that forgets computes anew what it is asked for: whoever asks gets something of its own. */
const forgetting = (holder: object, key: string): Replacement =>
  wrapped(
    holder,
    key,
    (right) =>
      ({
        method(this: object, ...given: ReadonlyArray<unknown>): unknown {
          const isOthers = apply(isIn, fixed, [given[0]]) && !apply(isIn, own, [this])
          return isOthers ? this : apply(right, this, given)
        },
      }).method,
  )

/** Only what is given away: an entry of a compiler goes on being filled. */
const freezing = (holder: object, key: string): Replacement =>
  wrapped(
    holder,
    key,
    (right) =>
      ({
        method(this: object, key: unknown): unknown {
          const found = apply(right, this, [key])
          const isGivenAway = typeof found === "function" || SchemaAST.isAST(found) || Schema.isSchema(found)
          if (
            isGivenAway &&
            !Object.isFrozen(found) &&
            apply(isIn, fixed, [key]) &&
            !apply(isIn, own, [this])
          ) {
            fix(reachableFrom([found]))
          }
          return found
        },
      }).method,
  )

const noting = (Right: WeakMapConstructor | WeakSetConstructor): ReadonlyArray<Replacement> => {
  const adder = Right === WeakMap ? "set" : "add"
  const value: object = new Proxy(Right, {
    construct(_, [entries], target) {
      const made: object = Reflect.construct(Right, [], target === value ? Right : target)
      // Before the first entry: it may be of an object that all share.
      apply(addWeakly, own, [made])
      for (const entry of (entries ?? []) as Iterable<never>) {
        apply(Reflect.get(made, adder), made, adder === "set" ? [entry[0], entry[1]] : [entry])
      }
      return made
    },
  })
  return [
    { holder: realm, key: Right.name, value },
    { holder: Right.prototype, key: "constructor", value },
  ]
}

type Method = (...given: ReadonlyArray<unknown>) => unknown

const wrapped = (holder: object, key: string, wrap: (right: Method) => Method): Replacement => {
  const right: Method = Reflect.get(holder, key)
  const { length } = right
  return {
    holder,
    key,
    value: Object.defineProperties(wrap(right), { name: { value: key }, length: { value: length } }),
  }
}

const { apply } = Reflect
const { add: addWeakly, has: isIn } = WeakSet.prototype as unknown as Record<"add" | "has", Method>
