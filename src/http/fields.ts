// Is this value an object, with no more in it than its route knows?

import { Problem } from "./problem.ts"

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const refuseUnknown = (
  object: Readonly<Record<string, unknown>>,
  known: ReadonlyArray<string>,
  what: string,
): void => {
  for (const name of Object.keys(object)) {
    if (!known.includes(name)) {
      throw new Problem("bad-request", `${what} has an unknown field ${JSON.stringify(name)}.`)
    }
  }
}
