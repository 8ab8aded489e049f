// What is put in place of what while a realm is closed? The table of forbidden.ts, applied to this engine's globals
// and intrinsics.

import { closedConstructor, closedFunction, closedValue } from "./closed.ts"
import { closedMethods, openGlobals } from "./forbidden.ts"
import { closedDateMethods, reducerDateOf } from "./ReducerDate.ts"

/** The global object of this realm. */
export const realm: object = globalThis

export interface Replacement {
  readonly holder: object
  readonly key: string
  readonly value: unknown
}

/** Everything that is to be replaced in this realm, which must be open. */
export const replacements = (): ReadonlyArray<Replacement> => {
  const date = reducerDateOf(Date)
  const code = codeConstructors()
  const values: Readonly<Record<string, unknown>> = {
    Date: date,
    Function: code[0]?.value,
    eval: closedFunction("eval"),
    console: quietConsole(),
  }
  return [
    ...closedGlobals().map((key) => ({
      holder: realm,
      key,
      value: values[key] ?? closedValue(key, Reflect.get(realm, key)),
    })),
    ...code,
    { holder: Date.prototype, key: "constructor", value: date },
    ...methods("Date.prototype", Date.prototype, closedDateMethods(Date.prototype)),
    ...methods("TypedArray.prototype", typedArrayPrototype, ["toLocaleString"]),
    ...closedMethods.flatMap(([path, names]) => methods(path, holderAt(path), names)),
    // effect's clock keeps a hold of this function.
    ...methods("process.hrtime", process.hrtime, ["bigint"]),
    // A stack names files and lines of the host. With a limit of 0 errors have none.
    { holder: Error, key: "stackTraceLimit", value: 0 },
    // Many errors call it in their constructor; it would see the stack whatever the limit is.
    { holder: Error, key: "captureStackTrace", value: Object.freeze(() => {}) },
  ]
}

/** Names that are no identifiers are libraries' own: effect keeps the fiber that runs under one. */
export const closedGlobals = (): ReadonlyArray<string> =>
  Object.getOwnPropertyNames(realm).filter(
    (name) => !openGlobals.has(name) && name !== "Bun" && isIdentifier(name),
  )

export const isIdentifier = (name: string): boolean => /^[\w$]+$/.test(name)

/** `Function` and its three siblings that have no name: each turns text into code. */
const codeConstructors = (): ReadonlyArray<Replacement> =>
  functionPrototypes.map((holder) => {
    const { name } = holder.constructor
    return { holder, key: "constructor", value: closedConstructor(name, holder) }
  })

/** Of functions, async functions, generators and async generators. */
export const functionPrototypes: ReadonlyArray<object> = [
  () => {},
  async () => {},
  function* () {},
  async function* () {},
].map((sample) => Object.getPrototypeOf(sample))

const methods = (path: string, holder: object, names: ReadonlyArray<string>): ReadonlyArray<Replacement> =>
  names
    .filter((name) => Object.hasOwn(holder, name))
    .map((key) => ({ holder, key, value: closedFunction(`${path}.${key}`) }))

const holderAt = (path: string): object =>
  path.split(".").reduce((holder: object, name) => Reflect.get(holder, name), realm)

/**
 * Reducers log while they are written, and are forgotten so: that does no harm, so it is not refused. Each
 * replica, replay and retry would print again, so nothing is printed either.
 */
const quietConsole = (): object =>
  Object.freeze(
    Object.fromEntries(
      Object.entries(console)
        .filter(([, value]) => typeof value === "function")
        .map(([name]) => [name, Object.freeze(() => {})]),
    ),
  )

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype)
