// Who has actors answer requests of clients? A service that a node's doors hand them to.

import type { Effect } from "effect"
import type { FailureCount, ThreadFault } from "../beside/fault.ts"
import type { Answer } from "./Caller.ts"
import type { Asked } from "./words.ts"

/** There is no answer of the actor's. */
export interface Unserved {
  readonly _tag: "Unserved"
  /**
   * - `unknown-actor`: there is none of that name, or nobody has switched it on.
   * - `no-routes`: it answers no requests.
   * - `overloaded`: too many are under way.
   * - `unavailable`: what answers them does not run just now.
   * - `failed`: it has thrown.
   */
  readonly reason: "unknown-actor" | "no-routes" | "overloaded" | "unavailable" | "failed"
  readonly detail: string
  /** The request was handed over: whatever it asks for may have been done. */
  readonly isHandedOver: boolean
}

/** What operators see of the routes of one actor on this node. */
export interface RoutesStatus {
  readonly actor: string
  readonly version: string
  /** `pausing`: their thread has ended, and begins again soon. */
  readonly state: "starting" | "running" | "pausing"
  /** Of the state, ms since 1970. */
  readonly since: number
  /** How often they were begun again since they were first asked. */
  readonly restarts: number
  readonly lastFailure: (ThreadFault & { readonly at: number }) | null
  /** Requests that wait or are being answered. */
  readonly underWay: number
}

/** Of one node. */
export interface RoutesService {
  /**
   * Has the active version of an actor answer. What runs it begins with the first request. Interrupted, the actor learns
   * that nobody waits any more; `handedOver` is called when it gets the request.
   */
  readonly call: (actor: string, asked: Asked, handedOver: () => void) => Effect.Effect<Answer, Unserved>
  /** Of those that were asked. */
  readonly status: () => ReadonlyArray<RoutesStatus>
  readonly failures: () => ReadonlyArray<FailureCount>
}
