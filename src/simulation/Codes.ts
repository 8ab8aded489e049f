// Where does the code of actors under test come from, and how does a process that starts load it?

import { Result } from "effect"
import type { Actor } from "../machine/actor.ts"
import { versionOf } from "../machine/bundle.ts"
import { ActorsRefused, type Actors, type LoadedActor, loadActor, Registry } from "../machine/Registry.ts"
import { restless } from "./restlessClock.ts"

/** One version of an actor. */
export interface Code {
  readonly name: string
  /** Version id, the hash of `text`. */
  readonly version: string
  /** What stands in the log for it. A definition at hand has no text: one is made up for it. */
  readonly text: string
  /** Loaded as by a process that has just started. */
  readonly load: () => LoadedActor
}

/** All code that a test has given to one world. The same definition is the same version. */
export class Codes {
  readonly #codes: Array<Code> = []
  readonly #known = new Map<Actor, Code>()

  /** Throws {@link ActorsRefused} when it is no actor. */
  add(name: string, given: Actor): Code {
    const known = this.#known.get(given)
    if (known !== undefined) return known
    const text = `// definition ${this.#codes.length + 1} of a test`
    const version = versionOf(text)
    const code = { name, version, text, load: () => restless(loaded(name, version, given)) }
    code.load()
    this.#codes.push(code)
    this.#known.set(given, code)
    return code
  }

  /** For a process that starts: nothing that another has loaded is seen by it. */
  open(): Actors {
    const here = new Map<Code, LoadedActor>()
    return {
      find: (name, version) => {
        const code = this.#codes.find((one) => one.name === name && one.version === version)
        if (code === undefined) return undefined
        const loaded = here.get(code) ?? code.load()
        here.set(code, loaded)
        return loaded
      },
    }
  }
}

/** Actors that were always there. */
export const presetOf = (codes: ReadonlyArray<Code>): Registry => new Registry(codes.map(({ load }) => load()))

const loaded = (name: string, version: string, given: unknown): LoadedActor => {
  const result = loadActor(name, version, given)
  if (Result.isSuccess(result)) return result.success
  throw ActorsRefused.of([{ file: name, reason: result.failure }])
}
