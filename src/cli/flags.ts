// Which flags do the commands share the making of? Every flag is also an environment variable.

import { Config, Option } from "effect"
import { Flag } from "effect/cli"

/** `data` → `RAFTLET_DATA` */
export const variableOf = (name: string): string => `RAFTLET_${name.replaceAll("-", "_").toUpperCase()}`

/**
 * A flag with a value. It is read as text, because what is wrong with it is said in our own words; an empty
 * value counts as none.
 */
export const value = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description} [${variableOf(name)}]`),
    Flag.withFallbackConfig(Config.String(variableOf(name))),
    Flag.optional,
    Flag.map((given) => Option.getOrNull(Option.filter(given, (text) => text !== ""))),
  )

/** A flag that is given or not; the variable says `true` or `false`. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withDescription(`${description} [${variableOf(name)}]`),
    Flag.withFallbackConfig(Config.Boolean(variableOf(name))),
    Flag.withDefault(false),
  )
