// What is one run of a `leading`, wherever that is? It is begun, may end by itself, and can be ended.

import type { Effect, Scope } from "effect"
import type { LedActor } from "../MachineHost.ts"
import type { LeadingDoor } from "./door.ts"
import type { LeadingFault } from "./Leading.ts"

export interface Stint {
  /** Succeeds when it came to its end by itself. */
  readonly over: Effect.Effect<void, LeadingFault>
  /** Interrupts it, and waits until all its finalizers have run, however long they take. */
  readonly end: Effect.Effect<void>
}

export interface StintAsked extends LedActor {
  readonly door: LeadingDoor
  /** Takes a line that it has printed. */
  readonly print: (line: string) => void
}

/** Begins. It is ended at once with its scope, whatever it is doing, and nobody waits for its finalizers then. */
export type OpenStint = (asked: StintAsked) => Effect.Effect<Stint, LeadingFault, Scope.Scope>
