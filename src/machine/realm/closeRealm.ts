// How does a realm become one in which reducers alone live? It is closed for ever, and nobody can change it.

import { limitedAllocators } from "./allocations.ts"
import { closedFunction } from "./closed.ts"
import { countFibersPerCall } from "./fiberNumbers.ts"
import { fix, guardedContents } from "./fixedContents.ts"
import { NotDeterministic, SharedByAll, TooLarge } from "./forbidden.ts"
import { hashFunctionsAlike } from "./functionHashes.ts"
import { sharedObjects } from "./hostModules.ts"
import { hiddenIntrinsics, letOthersOverride, prototypesOf, reachableFrom } from "./primordials.ts"
import { isIdentifier, realm, replacements } from "./replacements.ts"

export const isClosed = (): boolean => closed

let closed = false

/**
 * Closes the realm of this thread or process for ever; a second call does nothing. Everything that the table closes
 * throws, what all share (globals, intrinsics, `raftlet`, effect) can no longer be changed, and one allocation has a
 * limit. What of the host must go on living here gets hold of what it needs before: `postMessage`, `process`, timers,
 * `Buffer`, the clock. `Bun` stays as it is, since the engine does not let go of it: modules do not see it (see
 * evaluateModule), the host's code does.
 *
 * `shared`: what else of the host modules get at and must not change, as the classes of the errors that `ctx` throws.
 */
export const closeRealm = (shared: ReadonlyArray<unknown> = []): void => {
  if (closed) return
  for (const { holder, key, value } of [...limitedAllocators(), ...guardedContents(), ...replacements()]) {
    if (key !== "stackTraceLimit") Object.defineProperty(holder, key, { value, ...fixed })
  }
  closeStacks()
  closeLastMatch()
  countFibersPerCall()
  hashFunctionsAlike()
  const ofRealm = reachableFrom([...values(), ...hiddenIntrinsics()])
  const ofModules = sharedObjects().difference(ofRealm)
  // All of the engine's would end its fast paths.
  const ofEffect = [...prototypesOf(ofModules).difference(ofRealm)]
  const accessors = [
    ...overridden().flatMap((prototype) => letOthersOverride(prototype)),
    ...ofEffect.flatMap((prototype) => letOthersOverride(prototype, methodsOf(prototype))),
  ]
  fix([...ofModules, ...accessors])
  fix(ofRealm)
  fix(reachableFrom([NotDeterministic, SharedByAll, TooLarge, ...shared]))
  fixGlobals()
  closed = true
}

const fixed = { writable: false, configurable: false }

/** effect sets the limit and sets it back: that must do nothing, rather than throw. */
const closeStacks = (): void => {
  Error.stackTraceLimit = 0
  Object.defineProperty(Error, "stackTraceLimit", { get: () => 0, set: () => {}, configurable: false })
}

/** `RegExp.$1` and its like: what the last match in this realm was, whoever made it. */
const closeLastMatch = (): void => {
  for (const [key, { get }] of Object.entries(Object.getOwnPropertyDescriptors(RegExp))) {
    if (get === undefined) continue
    const refuse = closedFunction(`RegExp.${key}`)
    Object.defineProperty(RegExp, key, { get: refuse, set: refuse, configurable: false })
  }
}

/** What classes and libraries commonly give a property of their own by assignment. */
const overridden = (): ReadonlyArray<object> => [
  Object.prototype,
  Function.prototype,
  ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    ({ prototype }) => prototype,
  ),
  AggregateError.prototype,
  SuppressedError.prototype,
]

/**
 * effect's own constructors assign methods that they inherit, too. Its marks and tags they do not, nor what evaluates an
 * effect: these are read all the time.
 */
const methodsOf = (prototype: object): Array<string | symbol> =>
  Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([key, { value }]) => isMethod(value) && key !== "~effect/Effect/evaluate")
    .map(([key]) => key)

/** Undefined stands where one may be missing. */
const isMethod = (value: unknown): boolean => typeof value === "function" || value === undefined

/** What the globals hold by now, but for the global object itself. */
const values = (): ReadonlyArray<unknown> =>
  Object.getOwnPropertyNames(realm)
    .filter((name) => isIdentifier(name) && !["globalThis", "global", "self", "Bun"].includes(name))
    .map((name) => Reflect.get(realm, name))

/** Names that are no identifiers stay as they are, see `closedGlobals`. */
const fixGlobals = (): void => {
  for (const key of Object.getOwnPropertyNames(realm)) {
    const { configurable, writable } = Object.getOwnPropertyDescriptor(realm, key)!
    if (configurable !== true || !isIdentifier(key)) continue
    Object.defineProperty(realm, key, writable === undefined ? { configurable: false } : fixed)
  }
  Object.preventExtensions(realm)
}
