// Which instances are under load? A few at a time, so that clients meet there, and fresh ones as time goes on, so
// that no history of one gets too long to be checked, and no list too long to be read.

import type { Random } from "../../test/consensus/Random.ts"

export type Actor = "register" | "counter" | "list" | "alarm"

export interface Instance {
  readonly actor: Actor
  readonly key: string
  /** The newest that any client was told of. */
  revision: number
  /** Begun so far. */
  operations: number
  commands: number
}

interface Bounds {
  readonly atOnce: number
  readonly operationsMax: number
  readonly commandsMax: number
}

const bounds: Readonly<Record<Actor, Bounds>> = {
  register: { atOnce: 6, operationsMax: 1000, commandsMax: 1000 },
  counter: { atOnce: 6, operationsMax: 1000, commandsMax: 1000 },
  list: { atOnce: 8, operationsMax: 1000, commandsMax: 120 },
  alarm: { atOnce: 2, operationsMax: 200, commandsMax: 200 },
}

export class Instances {
  /** Also those that nobody uses any more. */
  readonly all: Array<Instance> = []
  readonly #inUse: Readonly<Record<Actor, Array<Instance>>>

  constructor() {
    const fresh = (actor: Actor) => Array.from({ length: bounds[actor].atOnce }, () => this.#make(actor))
    this.#inUse = {
      register: fresh("register"),
      counter: fresh("counter"),
      list: fresh("list"),
      alarm: fresh("alarm"),
    }
  }

  /** One of those in use, for one more operation. */
  take(actor: Actor, random: Random, isCommand: boolean): Instance {
    const inUse = this.#inUse[actor]
    const { operationsMax, commandsMax } = bounds[actor]
    const at = random.between(0, inUse.length - 1)
    const { operations, commands } = inUse[at]!
    if (operations >= operationsMax || commands >= commandsMax) inUse[at] = this.#make(actor)
    const instance = inUse[at]!
    instance.operations += 1
    if (isCommand) instance.commands += 1
    return instance
  }

  #make(actor: Actor): Instance {
    const instance = {
      actor,
      key: `${actor}-${this.all.length + 1}`,
      revision: 0,
      operations: 0,
      commands: 0,
    }
    this.all.push(instance)
    return instance
  }
}
