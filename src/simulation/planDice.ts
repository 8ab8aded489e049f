// What do several parts of a plan draw alike?

import type { Chance } from "./Chance.ts"
import { calmLink, type LinkWeather } from "./Link.ts"
import type { Act } from "./script.ts"

export const inOrder = <Timed extends { readonly atMillis: number }>(
  given: ReadonlyArray<Timed>,
): ReadonlyArray<Timed> => [...given].sort((left, right) => left.atMillis - right.atMillis)

export const sometimes = (chance: Chance, most: number): number =>
  chance.happens(0.4) ? 0 : chance.draw() * most

export const drawRead = (
  chance: Chance,
  keys: ReadonlyArray<string>,
): Extract<Act, { readonly type: "read" }> => ({
  type: "read",
  actor: chance.pick(["register", "counter", "list"] as const),
  key: chance.pick(keys),
  consistency: chance.pick(["linearizable", "linearizable", "lease", "local"] as const),
  monotonic: chance.happens(0.3),
  maxStalenessMillis: chance.pick([0, 50, 300]),
})

export const drawLink = (chance: Chance, severity: number): LinkWeather => ({
  ...calmLink,
  latencyMinMillis: chance.between(0, 2),
  latencyMaxMillis: chance.between(2, chance.pick([3, 10, 40])),
  loss: sometimes(chance, 0.12 * severity),
  duplicate: sometimes(chance, 0.15 * severity),
  reorder: sometimes(chance, 0.4 * severity),
  bytesPerMilli: chance.pick([0, 0, 0, 200, 20]),
})
