// Where does the code of actors under test come from, and how does a process that starts load it?

import { Result } from "effect"
import type { Actor } from "../machine/actor.ts"
import { type ActorModule, versionOf } from "../machine/bundle.ts"
import { loadModule } from "../machine/modules.ts"
import {
  type ActorProblem,
  type Actors,
  ActorsRefused,
  type LoadedActor,
  loadActor,
  Registry,
} from "../machine/Registry.ts"
import { inClosedRealm } from "../machine/realm/inClosedRealm.ts"

/**
 * The bundled code of an actor's file. Every process that runs it evaluates it for itself: what one of them keeps in a
 * variable of the module, no other sees.
 */
export class ActorFile<out A extends Actor = Actor> {
  /** Says something to the compiler alone: there is no such value. */
  declare readonly defines?: A
  readonly module: ActorModule

  constructor(module: ActorModule) {
    this.module = module
  }
}

/** A definition at hand, or a file. */
export type ActorCode<A extends Actor = Actor> = A | ActorFile<A>

/** One version of an actor. */
export interface Code {
  readonly name: string
  /** Version id, the hash of `text`. */
  readonly version: string
  /** What stands in the log for it. A definition at hand has no text: one is made up for it. */
  readonly text: string
  /** As in a process that has just started, as far as it can be evaluated again. */
  readonly load: () => LoadedActor
}

/** All code that a test has given to one world. The same definition or file is the same version. */
export class Codes {
  readonly #codes: Array<Code> = []
  readonly #known = new Map<ActorCode, Code>()

  /** Throws {@link ActorsRefused} when it is no actor. */
  add(name: string, given: ActorCode): Code {
    const known = this.#known.get(given)
    if (known !== undefined) return known
    const code = codeOf(name, given, this.#codes.length + 1)
    code.load()
    this.#codes.push(code)
    this.#known.set(given, code)
    return code
  }

  /** For a process that starts. */
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

/** Actors that were always there: no entry has brought them. */
export const presetOf = (codes: ReadonlyArray<Code>): Registry =>
  new Registry(codes.map(({ load }) => load()))

const codeOf = (name: string, given: ActorCode, ordinal: number): Code => {
  if (given instanceof ActorFile) {
    const { code: text, version } = given.module
    return { name, version, text, load: () => orRefused(loadModule({ name, version, code: text })) }
  }
  const text = `// definition ${ordinal} of a test`
  const version = versionOf(text)
  const load = () => inClosedRealm(() => loadActor(name, version, given))
  return {
    name,
    version,
    text,
    load: () => orRefused(Result.mapError(load(), (reason) => ({ file: name, reason }))),
  }
}

const orRefused = (loaded: Result.Result<LoadedActor, ActorProblem>): LoadedActor => {
  if (Result.isSuccess(loaded)) return loaded.success
  throw ActorsRefused.of([loaded.failure])
}
