// What does a node's machine say at the end, when nobody is in its way?

import { type Effect, Exit } from "effect"
import type { SimulatedCluster } from "./Cluster.ts"
import type { Seat } from "./Seat.ts"
import { Violation } from "./Violation.ts"

/** Runs an effect on a node's process to its end. */
export const askSeat = <A, E>(cluster: SimulatedCluster, seat: Seat, effect: Effect.Effect<A, E>): A => {
  const fiber = seat.process!.fork(effect)
  cluster.runUntil(() => fiber.pollUnsafe() !== undefined, 1000)
  const exit = fiber.pollUnsafe()
  if (exit === undefined || !Exit.isSuccess(exit))
    throw new Violation("liveness", `${seat.id} answers at the end`)
  return exit.value
}
