// What may a module import besides its own code? The host's copies of `raftlet` and of effect's pure modules: one
// copy for all, so that a schema is a schema wherever it was made.

import { join } from "node:path"
import * as effect from "effect"
import type { Reference } from "effect/Context"
import * as encoding from "effect/encoding"
import { reducersViewOf } from "./effectModules.ts"
import { effectSamples } from "./effectSamples.ts"
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
  const names = family === "effect" ? effect : encoding
  const found: unknown = Object.hasOwn(names, member) ? Reflect.get(names, member) : undefined
  return typeof found === "object" && found !== null ? found : undefined
}

/** The same as a module sees it that runs in a closed realm: what effect would keep for all is closed. */
export const reducersModule = (name: string): object | undefined => {
  const found = hostModule(name)
  return found === undefined ? undefined : reducersViewOf(found)
}

/**
 * Everything that {@link hostModule} shows to modules. After this none of it changes by itself any more: references
 * have made their defaults, anew in the closed realm, the empty context has cached, the global exists in which effect
 * keeps its current fiber, and of what effect makes there was one of each.
 */
export const sharedObjects = (): ReadonlySet<object> => {
  const { Context, Effect } = effect
  const roots = [raftlet, effect, encoding, Context.empty()]
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
  Effect.runSync(Effect.sync(() => Context.empty().mapUnsafe))
  return reachableFrom([...roots, ...roots.map(reducersViewOf), ...effectSamples()])
}

// By path: the package's root stands on this room, not under it.
const raftlet: object = require(join(import.meta.dir, "..", "..", "index.ts"))
