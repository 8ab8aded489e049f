// What may a module import besides its own code? The host's copies of `raftlet` and of effect's pure modules: one
// copy for all, so that a schema is a schema wherever it was made.

import { join } from "node:path"
import * as effect from "effect"
import type { Reference } from "effect/Context"
import * as encoding from "effect/encoding"
import { NotDeterministic } from "./forbidden.ts"
import { reachableFrom } from "./primordials.ts"

/** Marks in a bundle what the host provides. Bare, because a path would differ from machine to machine. */
export const hostScheme = "raftlet-host:"

/**
 * The namespace of a module; undefined for one that reducers do not get. Of effect it is what the package's root
 * and `effect/encoding` export: the rest speaks to files, networks and processes.
 */
export const hostModule = (name: string): object | undefined => {
  if (name === "raftlet") return raftlet
  if (name === "effect") return effect
  if (name === "effect/encoding") return encoding
  const [, family = "", member = ""] = /^(effect\/encoding|effect)\/(\w+)$/.exec(name) ?? []
  const found: unknown = Reflect.get(family === "effect" ? effect : encoding, member)
  return typeof found === "object" && found !== null ? found : undefined
}

/**
 * Everything that {@link hostModule} shows to modules and that can be frozen. Two things of effect remember what
 * they are asked: a reference makes its default once, so it makes it anew in the closed realm; a context may go on
 * caching.
 */
export const sharedObjects = (): ReadonlyArray<object> => {
  const { Context } = effect
  const roots = [raftlet, effect, encoding]
  for (const value of reachableFrom(roots) as Iterable<Reference<unknown>>) {
    if (!Context.isReference(value)) continue
    Reflect.deleteProperty(value, "~effect/Context/defaultValue")
    try {
      Context.get(Context.empty(), value)
    } catch (error) {
      // A default that is made of what is closed (of the environment) is refused now as whenever it is asked.
      if (!(error instanceof NotDeterministic)) throw error
    }
  }
  return [...reachableFrom(roots)].filter((value) => !Context.isContext(value))
}

// By path: the package's root stands on this room, not under it.
const raftlet: object = require(join(import.meta.dir, "..", "..", "index.ts"))
