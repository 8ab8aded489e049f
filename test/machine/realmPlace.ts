// A realm of reducers alone, in a thread or a process of its own: evaluates one module and says what its functions do.

import { readFileSync, writeSync } from "node:fs"
import { ConfigProvider, Context } from "effect"
import { closeRealm } from "../../src/machine/realm/closeRealm.ts"
import { evaluateModule } from "../../src/machine/realm/evaluate.ts"
import { countFibersAnew } from "../../src/machine/realm/fiberNumbers.ts"
import { inClosedRealm } from "../../src/machine/realm/inClosedRealm.ts"

declare const self: Worker

/** What one expression came to: its value, or the text of what it threw. */
export type Answer = { readonly gives: unknown } | { readonly throws: string }

export const answersOf = (code: string): ReadonlyArray<Answer> =>
  (evaluateModule(code) as ReadonlyArray<() => unknown>).map((run) => {
    countFibersAnew()
    return inClosedRealm(() => answerOf(run))
  })

export const answerOf = (run: () => unknown): Answer => {
  try {
    return { gives: run() }
  } catch (error) {
    return { throws: String(error) }
  }
}

/** Globals that somebody could still set, define or delete: `Bun` is the engine's. */
const looseGlobals = (): ReadonlyArray<string> =>
  Object.entries(Object.getOwnPropertyDescriptors(globalThis))
    .filter(([, { configurable, writable }]) => configurable || writable)
    .map(([name]) => name)
    .concat(Object.isExtensible(globalThis) ? ["new ones"] : [])
    .concat(Object.isFrozen(Reached) && Object.isFrozen(Reached.prototype) ? [] : ["Reached"])

/** Stands for what else of the host a module gets at. */
class Reached {}

// Everything that this place itself needs is in its hands before the realm is closed.
if (import.meta.main || !Bun.isMainThread) {
  // As in a host that was configured from its environment.
  Context.get(Context.empty(), ConfigProvider.ConfigProvider)
  const answer = (code: string): string => {
    closeRealm([Reached])
    closeRealm()
    return JSON.stringify(code === "" ? [answerOf(looseGlobals)] : answersOf(code))
  }
  if (Bun.isMainThread) writeSync(1, answer(readFileSync(0, "utf8")))
  else {
    const post = postMessage
    self.onmessage = ({ data }: MessageEvent<string>) => post(answer(data))
  }
}
