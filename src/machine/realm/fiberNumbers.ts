// Which number has a fiber? effect counts all that were ever made in a process: in a closed realm each call counts its
// own, from one.

import { Effect } from "effect"

/** To be called before a call of a module's code, and before the module is evaluated. */
export const countFibersAnew = (): void => {
  made = 0
}

/** Once and for ever. */
export const countFibersPerCall = (): void => {
  const fiber = Effect.runSync(Effect.withFiber((one) => Effect.succeed(one)))
  Object.defineProperty(Object.getPrototypeOf(fiber), "id", {
    get: () => undefined,
    // What effect assigns is the number in the process.
    set() {
      made++
      Object.defineProperty(this, "id", { value: made, writable: true, enumerable: true, configurable: true })
    },
    configurable: true,
  })
}

let made = 0
