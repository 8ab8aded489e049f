// Can what a test asks for be done at all? A wrong word is said in one line, before it does anything.

import { canonicalise } from "../machine/json.ts"
import type { LinkWeather } from "./Link.ts"

/** A whole number from `least` on. */
export const whole = (what: string, value: number, least: number): number => {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`${what}: expected a whole number from ${least}, got ${value}`)
}

/** One of these. */
export const oneOf = <Name extends string>(what: string, names: Iterable<Name>, name: Name): Name => {
  const known = [...names]
  if (known.includes(name)) return name
  throw new Error(
    known.length === 0
      ? `there is no ${what} ${name}: there is none at all`
      : `there is no ${what} ${name}: there is ${known.join(", ")}`,
  )
}

export const text = (what: string, value: string): string => {
  if (typeof value === "string") return value
  throw new Error(`${what}: expected a string, got ${value === undefined ? "none" : String(value)}`)
}

/** As it is stored. */
export const canonicalOf = (what: string, value: unknown): string => {
  try {
    return JSON.stringify(canonicalise(value).json)
  } catch (error) {
    throw new Error(`${what}: no JSON: ${error instanceof Error ? error.message : error}`)
  }
}

/** As it goes over the wire. */
export const jsonOf = (what: string, value: unknown): string => {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new Error(`${what}: no JSON: ${error instanceof Error ? error.message : error}`)
  }
  if (json === undefined) throw new Error(`${what}: no JSON: a ${typeof value}`)
  return json
}

export const weatherOf = (weather: LinkWeather): LinkWeather => {
  for (const name of ["loss", "duplicate", "reorder"] as const) {
    if (!(weather[name] >= 0 && weather[name] <= 1))
      throw new Error(`${name}: expected a number from 0 to 1, got ${weather[name]}`)
  }
  whole("latencyMinMillis", weather.latencyMinMillis, 0)
  whole("latencyMaxMillis", weather.latencyMaxMillis, weather.latencyMinMillis)
  whole("bytesPerMilli", weather.bytesPerMilli, 0)
  return weather
}
