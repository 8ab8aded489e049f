// Who hands a compartment its requests one after the other, and what becomes of the rest when one has a fault?

import { Cause, Deferred, Effect, Exit, Option, Queue, type Scope } from "effect"
import { type Compartment, type CompartmentFault, type CompartmentLimits, fault } from "./Compartment.ts"
import { outOfPatience } from "./patience.ts"
import type { Usage } from "./usage.ts"
import { exchange, type Wall } from "./Wall.ts"

interface Call {
  readonly request: Uint8Array
  readonly deadlineMillis: number
  readonly answered: Deferred.Deferred<Uint8Array, CompartmentFault>
}

/** The compartment behind a wall from which the greeting has come. Ends it with the scope. */
export const inTurn = Effect.fnUntraced(function* (
  wall: Wall,
  usage: Usage,
  limits: CompartmentLimits,
): Effect.fn.Return<Compartment, never, Scope.Scope> {
  const calls = yield* Queue.unbounded<Call>()
  /** Those without an answer, also when nobody waits for it any more. */
  const open = new Set<Call>()
  let death: CompartmentFault | null = null
  let number = 0

  const settle = (call: Call, exit: Exit.Exit<Uint8Array, CompartmentFault>): void => {
    open.delete(call)
    Deferred.doneUnsafe(call.answered, exit)
  }
  // It is gone before anybody learns of it: they open another one, and need the room of this one.
  const die = Effect.fnUntraced(function* (why: CompartmentFault, guilty: Call | null) {
    death ??= why
    yield* wall.end
    if (guilty !== null) settle(guilty, Exit.fail(why))
    for (const call of open) settle(call, Exit.fail(ended(why)))
  }, Effect.uninterruptible)

  const serve = Effect.fnUntraced(function* (call: Call) {
    number = (number + 1) % 2 ** 32
    const exit = yield* exchange(wall, { number, bytes: call.request }, limits).pipe(
      Effect.raceFirst(outOfPatience(usage, call.deadlineMillis, limits.memoryBytesMax)),
      Effect.exit,
    )
    if (Exit.isSuccess(exit)) settle(call, exit)
    else yield* die(faultOf(exit.cause), call)
  })
  const serveAll = Effect.gen(function* () {
    while (death === null) yield* serve(yield* Queue.take(calls))
  })
  yield* Effect.forkScoped(serveAll)
  yield* Effect.addFinalizer(() => die(closed, null))

  return {
    call: (request, deadlineMillis) =>
      Effect.suspend(() => {
        if (death !== null) return Effect.fail(ended(death))
        const call: Call = { request, deadlineMillis, answered: Deferred.makeUnsafe() }
        open.add(call)
        Queue.offerUnsafe(calls, call)
        return Deferred.await(call.answered)
      }),
    memoryBytes: Effect.sync(() => usage.residentBytes()),
    cpuMillis: Effect.sync(() => usage.cpuMillis()),
  }
})

const ended = ({ kind, detail }: CompartmentFault): CompartmentFault =>
  kind === "ended" ? closed : fault("ended", `after ${kind}: ${detail}`)

const closed = fault("ended", "the compartment was closed")

const faultOf = (cause: Cause.Cause<CompartmentFault>): CompartmentFault =>
  Option.getOrElse(Cause.findErrorOption(cause), () => fault("crash", Cause.pretty(cause)))
