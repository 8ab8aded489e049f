// How is an object made that nobody can change any more, with everything that hangs on it?

import { isModuleNamespaceObject } from "node:util/types"
import { isClosedProxy } from "./closed.ts"
import { SharedByAll } from "./forbidden.ts"
import { functionPrototypes } from "./replacements.ts"

/**
 * The roots, their prototypes, and all that their properties hold, and of a Map or a Set what it holds, found without
 * calling a getter. What a closure holds is not found.
 */
export const reachableFrom = (roots: Iterable<unknown>): ReadonlySet<object> => {
  const found = new Set<object>()
  const waiting = [...roots]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (!isObject(value) || found.has(value) || isClosedProxy(value)) continue
    found.add(value)
    waiting.push(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      const descriptor = Object.getOwnPropertyDescriptor(value, key)
      waiting.push(descriptor?.value, descriptor?.get, descriptor?.set)
    }
    if (value instanceof Map) waiting.push(...value.keys(), ...value.values())
    if (value instanceof Set) waiting.push(...value)
  }
  return found
}

/** The namespace of a module cannot be changed anyway, nor frozen. */
export const freezeAll = (values: Iterable<object>): void => {
  for (const value of values) if (!isModuleNamespaceObject(value)) Object.freeze(value)
}

/** Intrinsics that no global names, and syntax makes. */
export const hiddenIntrinsics = (): ReadonlyArray<unknown> => [
  ...functionPrototypes,
  [][Symbol.iterator](),
  new Map().entries(),
  new Set().values(),
  ""[Symbol.iterator](),
  "".matchAll(/a/g),
  Iterator.from({ next: () => ({ done: true, value: undefined }) }),
  [].values().map(() => {}),
  new URLSearchParams().entries(),
  errorOf(() => atob("*")),
  Object.getOwnPropertyDescriptor(Function.prototype, "caller")?.get,
]

/**
 * An object that inherits a read-only property cannot get one of its own by assignment: `error.name = "Mine"` would
 * throw once `Error.prototype` is frozen ("override mistake"). So the properties that are commonly assigned become
 * accessors, which are returned: the setter gives the object a property of its own, as if nothing were frozen.
 */
export const letOthersOverride = (
  prototype: object,
  which = Reflect.ownKeys(prototype),
): ReadonlyArray<object> => {
  const accessors: Array<object> = []
  for (const key of which) {
    const { configurable, enumerable, value, writable } = Object.getOwnPropertyDescriptor(prototype, key)!
    if (configurable !== true || writable !== true) continue
    const get = () => value
    const { set } = {
      set(this: object, own: unknown) {
        if (this === prototype)
          throw new SharedByAll(`${String(key)} is the same for all: it cannot be changed`)
        Object.defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true })
      },
    }
    Object.defineProperty(prototype, key, { get, set, enumerable: enumerable === true })
    accessors.push(get, set)
  }
  return accessors
}

/** What objects of these inherit from, or will. */
export const prototypesOf = (values: Iterable<object>): ReadonlySet<object> => {
  const found = new Set<object>()
  for (const value of values) {
    const prototype =
      typeof value === "function" ? Reflect.get(value, "prototype") : Object.getPrototypeOf(value)
    if (isObject(prototype)) found.add(prototype)
  }
  return found
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function"

const errorOf = (fails: () => unknown): unknown => {
  try {
    return fails()
  } catch (error) {
    return error
  }
}
