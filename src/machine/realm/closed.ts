// What stands where something is closed? A value that answers every use with the same error.

import { refusalOf } from "./forbidden.ts"

/** In place of a function or method. To mention it is no use of it: `typeof Date.now` says "function". */
export const closedFunction = (path: string, name = path.slice(path.lastIndexOf(".") + 1)) => {
  const closed = (): never => {
    throw refusalOf(path)
  }
  return Object.freeze(Object.defineProperty(closed, "name", { value: name }))
}

/** In place of a constructor whose instances the language itself makes: `instanceof` goes on working. */
export const closedConstructor = (path: string, prototype: object) => {
  function closed(): never {
    throw refusalOf(path)
  }
  Object.defineProperty(closed, "name", { value: path })
  Object.defineProperty(closed, "prototype", { value: prototype, writable: false })
  return Object.freeze(closed)
}

/**
 * In place of anything else: a namespace, a constructor, a function with properties. `typeof` says what it said
 * before, nothing is an instance of it, and every other use is refused by name: `process.env`.
 */
export const closedValue = (path: string, original: unknown): unknown => {
  const refuse = (): never => {
    throw refusalOf(path)
  }
  const isFunction = typeof original === "function"
  // A class can be called with and without `new` through a proxy that answers both, and has a prototype.
  const target = isFunction ? class {} : {}
  if (isFunction) Object.freeze(Reflect.get(target, "prototype"))
  const closed = new Proxy(Object.freeze(target), {
    get: (_, key) => {
      if (isFunction && key === "prototype") return Reflect.get(target, key)
      if (isFunction && key === Symbol.hasInstance) return undefined
      throw refusalOf(typeof key === "string" ? `${path}.${key}` : path)
    },
    apply: refuse,
    construct: refuse,
    set: refuse,
    has: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
    getOwnPropertyDescriptor: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
    setPrototypeOf: refuse,
    isExtensible: refuse,
    preventExtensions: refuse,
  })
  proxies.add(closed)
  return closed
}

/** Whoever walks through the realm goes around these. */
export const isClosedProxy = (value: object): boolean => proxies.has(value)

const proxies = new WeakSet<object>()
