// How does bundled code come to life? As the body of a function: at once, strict, in the closed realm.

import { compileFunction } from "node:vm"
import { closedValue } from "./closed.ts"
import { countFibersAnew } from "./fiberNumbers.ts"
import { refusalOf } from "./forbidden.ts"
import { hostModule, hostScheme, reducersModule } from "./hostModules.ts"
import { inClosedRealm } from "./inClosedRealm.ts"
import { isIdentifier, realm } from "./replacements.ts"

/**
 * The default export of a module as `bundle.ts` makes them; undefined when it has none. Throws what the module
 * throws. Call {@link closeRealm} before for code that is not trusted.
 */
export const evaluateModule = (code: string): unknown => {
  const start = compile(code)
  return inClosedRealm(() => {
    countFibersAnew()
    return begin(start, modulesView(), requireOf(reducersModule))
  })
}

/** The same where everything is open: for `leading` of the operator's own files, in a thread that runs nothing else. */
export const evaluateOpenly = (code: string): unknown =>
  begin(
    compile(code),
    Object.fromEntries(viewNames.map((name) => [name, Reflect.get(realm, name)])),
    requireOf(hostModule),
  )

const begin = (start: Start, globals: Readonly<Record<string, unknown>>, require: object): unknown => {
  const module: Module = { exports: {} }
  const body = start(...viewNames.map((name) => globals[name]))
  Reflect.apply(body, module.exports, [module.exports, module, require])
  return defaultOf(module.exports)
}

interface Module {
  exports: unknown
}
type Start = (...globals: ReadonlyArray<unknown>) => (...given: ReadonlyArray<unknown>) => unknown

/**
 * Two functions, one in the other: the outer one's parameters hide what the module must not see, and the inner one
 * may declare the same names. `import()` is refused by the engine in code that is compiled so.
 */
const compile = (code: string): Start => {
  const source = `"use strict"; return function (exports, module, require) {${code}\n}`
  // `compileFunction` takes a text that closes the function for the whole, and drops the rest. `Function` refuses it.
  new Compiler(...viewNames, source)
  return compileFunction(source, [...viewNames]) as Start
}

/** Names under which a module would reach the global object itself, and `Bun`, which cannot be closed there. */
const viewNames = ["globalThis", "global", "self", "Bun"] as const

/** The global object as modules see it: a frozen copy of what the closed realm has. */
const modulesView = (): Readonly<Record<string, unknown>> => {
  const view: { [name: string]: unknown; Bun?: unknown } = {}
  for (const name of Object.getOwnPropertyNames(realm)) {
    if (isIdentifier(name)) view[name] = Reflect.get(realm, name)
  }
  for (const name of ["globalThis", "global", "self"]) view[name] = view
  view.Bun = closedBun
  return Object.freeze(view)
}

const requireOf = (find: (path: string) => object | undefined) =>
  Object.freeze((name: unknown): object => {
    const isOfHost = typeof name === "string" && name.startsWith(hostScheme)
    if (!isOfHost) throw refusalOf("require")
    const path = name.slice(hostScheme.length)
    const found = find(path)
    if (found === undefined) throw new Error(`there is no ${path} for reducers`)
    return found
  })

/** Of a module that was written as CommonJS all that it exports is the default. */
const defaultOf = (exports: unknown): unknown => {
  if (typeof exports !== "object" || exports === null) return exports
  if ("default" in exports) return exports.default
  return "__esModule" in exports || Object.keys(exports).length === 0 ? undefined : exports
}

const Compiler = Function
const closedBun = closedValue("Bun", Bun)
