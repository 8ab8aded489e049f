// Which actors does a benchmark run? Counters alone: what else ships has groups of its own, which would be measured as well.

import { copyFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Home, homeOf, shardAt, slotOf } from "../../src/machine/slots.ts"

/** The counter that ships, in `main`; put before the nodes start into the directory that they get their actors from. */
export const copyCounter = (directory: string): void =>
  copyFileSync(join(import.meta.dir, "..", "..", "actors", "counter.ts"), join(directory, "counter.ts"))

/** One counter for each home. Written before the nodes start, into the directory that they get their actors from. */
export const writeCounters = (directory: string, homes: Readonly<Record<string, Home>>): void => {
  for (const [actor, home] of Object.entries(homes)) {
    writeFileSync(join(directory, `${actor}.ts`), source(home))
  }
}

/** So many keys of each group of an actor. */
export const keysByGroup = (
  actor: string,
  home: Home,
  count: number,
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const placement = homeOf(actor, home)
  const keys = new Map(placement.map(({ group }) => [group, [] as Array<string>]))
  for (let number = 0, missing = placement.length; missing > 0; number++) {
    const key = `k${number}`
    const own = keys.get(shardAt(placement, slotOf(key))!.group)!
    if (own.length < count && own.push(key) === count) missing--
  }
  return keys
}

const source = (home: Home): string => `
import { Schema } from "effect"
import { actor } from "raftlet"

export default actor({
  version: 1,
  ...${JSON.stringify(home)},
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }) => ({ state: { value: state.value + by }, result: state.value + by }),
    },
  },
})
`
