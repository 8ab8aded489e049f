// How does a simulated process know whose process lives? A node says so once a period to each of its peers; whether that
// is heard follows from the state of the way, without a message for each.

import type { NodeId } from "../consensus/types.ts"
import type { PulseLimits } from "../transport/limits.ts"
import { Pulses } from "../transport/Pulses.ts"
import type { Pulse, PulseTold } from "../transport/Transport.ts"
import type { Chance } from "./Chance.ts"
import type { Process } from "./Process.ts"

/** A peer whose words come through now, but for chance. */
export interface Audible {
  readonly id: NodeId
  readonly session: string
  /** How many of its words are lost on the way, 0 to 1. */
  readonly loss: number
}

export class Hearing {
  readonly pulses: Pulses
  readonly #process: Process
  readonly #pulseMillis: number
  /** Which pulses are lost. */
  readonly #chance: Chance
  readonly #audible: () => Iterable<Audible>
  /** By the process's own clock. */
  #listenedAt = Number.NEGATIVE_INFINITY
  #isCounting = false

  constructor(process: Process, limits: PulseLimits, audible: () => Iterable<Audible>) {
    this.#process = process
    this.#pulseMillis = limits.pulseMillis
    this.#chance = process.chance.fork("pulses")
    this.#audible = audible
    this.pulses = new Pulses(limits.silentMillis)
  }

  /** A word came, a hello or a message. */
  hears(peer: NodeId, session: string): void {
    this.pulses.hears(peer, session, this.#process.nowMillis)
  }

  of(peer: NodeId): Pulse | null {
    this.#listen()
    return this.pulses.of(peer)
  }

  /** Costs a task per period from the first call on: somebody wants to be told of silence. */
  on(told: PulseTold): () => void {
    if (!this.#isCounting) this.#count()
    this.#isCounting = true
    return this.pulses.on(told)
  }

  #count(): void {
    this.pulses.passed(this.#pulseMillis)
    this.#listen()
    this.#process.after(this.#pulseMillis, () => this.#count())
  }

  /** Once a period, however often it is asked. */
  #listen(): void {
    if (this.#process.nowMillis - this.#listenedAt < this.#pulseMillis) return
    this.#listenedAt = this.#process.nowMillis
    for (const { id, session, loss } of this.#audible()) {
      if (!this.#chance.happens(loss)) this.hears(id, session)
    }
  }
}
