// How does a reducer run where the host goes on living? The realm is closed for the time of one call.

import { closedValue } from "./closed.ts"
import { isClosed } from "./closeRealm.ts"
import { hashFunctionsAlike } from "./functionHashes.ts"
import { type Replacement, realm, replacements } from "./replacements.ts"

/**
 * Runs synchronous work with everything closed that the table closes, and opens the realm again: afterwards it is
 * as it was, also when the work throws. Calls may nest. For the simulation and for tests, where reducers share the
 * realm with the host. What it does not do, and {@link closeRealm} does:
 * - Nothing is frozen: the work may change `Array.prototype` for everybody.
 * - Nothing is limited: how large an allocation may be is up to the machine.
 * - Fibers are numbered as in the whole process, and effect remembers what it likes.
 * - It closes what was there at the first call. Globals that come later are open.
 * - What the work got hold of before, by an import or in a closure, it keeps; what it leaves behind, a promise,
 *   runs in the open realm.
 * - A few read-only members of `Bun` (`Bun.env`, `Bun.version`) and the legacy statics of `RegExp` are open to code
 *   that was not bundled.
 * - `console` prints: whoever tests a reducer wants to see what it says.
 */
export const inClosedRealm = <Value>(work: () => Value): Value => {
  if (isInside || isClosed()) return work()
  // Before the first close, so that a failure leaves nothing half done.
  exchange ??= exchangeOf([...replacements().filter(({ key }) => key !== "console"), ...membersOfBun()])
  isInside = true
  exchange.close()
  try {
    return work()
  } finally {
    exchange.open()
    isInside = false
  }
}

interface Exchange {
  readonly close: () => void
  readonly open: () => void
}

// For good: to put it there and take it away with each call would end the engine's fast paths for all functions.
hashFunctionsAlike()

let isInside = false
let exchange: Exchange | null = null

/**
 * Two functions that exchange every value. They are made as text: written out, an exchange takes some ten
 * nanoseconds, half of that when a global goes by its bare name; in a loop, where every turn meets another object, a
 * hundred. What was there is read at every close, so that a test's own stand-in for `fetch` comes back too. Not
 * strict: what became read-only meanwhile stays as it is.
 */
const exchangeOf = (all: ReadonlyArray<Replacement>): Exchange => {
  const places = all.map(({ holder, key }, at) => (holder === realm ? key : `$holder${at}.${key}`))
  const set = ({ holder, key }: Replacement, at: number, value: string): string =>
    Object.getOwnPropertyDescriptor(holder, key)?.writable === true
      ? `${places[at]} = ${value};`
      : `$define($holder${at}, "${key}", { value: ${value} });`
  const bind = all.map(
    (_, at) => `const { holder: $holder${at}, value: $value${at} } = $all[${at}]; let $was${at};`,
  )
  const close = all.map((one, at) => `$was${at} = ${places[at]}; ${set(one, at, `$value${at}`)}`)
  const open = all.map((one, at) => set(one, at, `$was${at}`))
  const source = `${bind.join("")} return { close() { ${close.join("")} }, open() { ${open.join("")} } }`
  return new Function("$all", "$define", source)(all, Object.defineProperty)
}

const membersOfBun = (): ReadonlyArray<Replacement> =>
  Object.entries(Object.getOwnPropertyDescriptors(Bun))
    .filter(([, { writable }]) => writable === true)
    .map(([key, { value }]) => ({ holder: Bun, key, value: closedValue(`Bun.${key}`, value) }))
