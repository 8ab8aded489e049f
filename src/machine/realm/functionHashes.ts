// Which hash has a function? effect draws one: it would differ from node to node, and with it the order in which a HashMap
// tells its entries. Instances of classes hash their constructor, so that reducers meet it often.

import { Hash } from "effect"

/** All functions alike, from now on. That one is not another effect sees by identity. */
export const hashFunctionsAlike = (): void => {
  if (Object.hasOwn(Function.prototype, Hash.symbol)) return
  const { value } = {
    value(): number {
      return 0
    },
  }
  // Whoever gives a function a hash of its own does so by assignment.
  Object.defineProperty(Function.prototype, Hash.symbol, { value, writable: true, configurable: true })
}
