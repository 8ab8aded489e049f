// What does a group tell those who measure or watch it?

import type { Node, Turn } from "../consensus/node.ts"

/** The way of a proposal, stage by stage; each is the time since the stage before it. */
export type Stage = "admit" | "commit" | "apply"

/** Why an answer of the state could leave: a lease, a round of heartbeats, or no more than a bound on its age. */
export type Grounds = "lease" | "round" | "age"

/** Called on hot paths: must be cheap and must not throw, unless it is a checker whose word ends the group. */
export interface Observer {
  /** How long one proposal of a batch took from the stage before to this one. */
  readonly stage: (stage: Stage, millis: number) => void
  /** One batch of writes became durable. */
  readonly synced: (millis: number, entries: number) => void
  /** A read leaves with what the state says. */
  readonly read: (grounds: Grounds) => void
  /** A turn is over, and nothing of it has left yet. To be looked at, never written. */
  readonly turned: (node: Node, turn: Turn) => void
  /** Something worth a line in the log; without a level it is `info`. */
  readonly event: (message: string, details: Readonly<Record<string, unknown>>, level?: Level) => void
}

/** `warn`: somebody should look, if not at once. */
export type Level = "info" | "warn"

export const silentObserver: Observer = {
  stage: () => {},
  synced: () => {},
  read: () => {},
  turned: () => {},
  event: () => {},
}
