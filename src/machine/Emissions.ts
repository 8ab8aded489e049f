// What does one command tell those who watch its instance? The same on every replica, and bounded.

import type { Json } from "./actor.ts"
import { canonicalise, NotJson } from "./json.ts"
import type { MachineLimits } from "./limits.ts"
import { isActorName } from "./Registry.ts"
import { utf8Length } from "./utf8.ts"

/** One event of a reducer. */
export interface Emitted {
  readonly event: string
  /** Canonical JSON text. */
  readonly data: string
}

/** Said to a watcher in place of events that are not kept any more. */
export const resetEvent = "reset"

/** The events of one run of a reducer. What is wrong with one is thrown at the reducer. */
export class Emissions {
  readonly events: Array<Emitted> = []
  readonly #limits: Pick<MachineLimits, "eventsPerCommandMax" | "eventBytesPerCommandMax">
  #bytes = 0

  constructor(limits: Pick<MachineLimits, "eventsPerCommandMax" | "eventBytesPerCommandMax">) {
    this.#limits = limits
  }

  add(event: string, given: Json | undefined): void {
    const { eventsPerCommandMax, eventBytesPerCommandMax } = this.#limits
    if (typeof event !== "string" || !isActorName(event)) {
      throw new Error(`emit: ${JSON.stringify(event)} is no name for an event: ${nameRule}`)
    }
    if (event === resetEvent)
      throw new Error(`emit: "${resetEvent}" is what a watcher is told by Raftlet itself`)
    if (this.events.length === eventsPerCommandMax) {
      throw new Error(`emit: one command may emit ${eventsPerCommandMax} events`)
    }
    const data = textOf(given ?? null)
    this.#bytes += event.length + utf8Length(data)
    if (this.#bytes > eventBytesPerCommandMax) {
      throw new Error(`emit: the events of one command may have ${eventBytesPerCommandMax} bytes`)
    }
    this.events.push({ event, data })
  }
}

const textOf = (data: Json): string => {
  try {
    return JSON.stringify(canonicalise(data).json)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    throw new Error(`emit: not JSON: ${error.path === "" ? "" : `at ${error.path}: `}${error.message}`)
  }
}

const nameRule = "letters, digits, - and _, a letter first, at most 63"
