// How is another compartment there at once when one has had a fault?

import { Effect, Exit, Queue, Scope } from "effect"
import { type Compartment, type CompartmentFault, fault } from "./Compartment.ts"

type Open = Effect.Effect<Compartment, CompartmentFault, Scope.Scope>

interface Spare {
  readonly opened: Exit.Exit<Compartment, CompartmentFault>
  readonly scope: Scope.Closeable
}

/**
 * Opens one ahead of need, and the next as soon as that is taken. What this gives is used in place of `open`; a
 * compartment then belongs to the scope of who took it.
 */
export const keepSpare = Effect.fnUntraced(function* (
  open: Open,
): Effect.fn.Return<Open, never, Scope.Scope> {
  // Without room: whoever offers waits for who takes.
  const spares = yield* Queue.bounded<Spare, CompartmentFault>(0)
  yield* openNext(open, spares).pipe(Effect.forever, Effect.forkScoped)
  yield* Effect.addFinalizer(() => Queue.fail(spares, fault("ended", "no spares are kept any more")))
  return Effect.acquireRelease(Queue.take(spares), ({ scope }, exit) => Scope.close(scope, exit), {
    interruptible: true,
  }).pipe(
    // What went wrong then is no reason not to try now.
    Effect.flatMap(({ opened }) => (Exit.isSuccess(opened) ? opened : open)),
  )
})

const openNext = Effect.fnUntraced(function* (open: Open, spares: Queue.Queue<Spare, CompartmentFault>) {
  const scope = yield* Scope.make()
  yield* open.pipe(
    Scope.provide(scope),
    Effect.exit,
    Effect.flatMap((opened) => Queue.offer(spares, { opened, scope })),
    Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))),
  )
})
