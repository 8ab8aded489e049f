// What stands between a compartment and whoever asks it, be it a Worker or a child process?

import { Effect } from "effect"
import { type CompartmentFault, type CompartmentLimits, fault, tooLarge } from "./Compartment.ts"
import type { Answer, Request } from "./protocol.ts"

/** One request at a time is under way. */
export interface Wall {
  readonly send: (request: Request) => Effect.Effect<void, CompartmentFault>
  /** The next answer; fails when there will be none any more. */
  readonly receive: Effect.Effect<Answer, CompartmentFault>
  /** Ends who is behind it, whatever that does. A second time does nothing. */
  readonly end: Effect.Effect<void>
}

/** Who serves, as `usageOf` wants it, once the entry file is loaded. */
export const greeting = (
  wall: Wall,
  { frameBytesMax, startMillisMax }: CompartmentLimits,
): Effect.Effect<string, CompartmentFault> =>
  wall.receive.pipe(
    Effect.timeoutOrElse({
      duration: startMillisMax,
      orElse: () => Effect.fail(fault("deadline", `it does not serve after ${startMillisMax} ms`)),
    }),
    Effect.flatMap((answer) => judge(answer, 0, frameBytesMax)),
    Effect.map(textOf),
  )

/** The answer to a request. */
export const exchange = Effect.fnUntraced(function* (
  wall: Wall,
  request: Request,
  { frameBytesMax }: CompartmentLimits,
) {
  const { length } = request.bytes
  if (length > frameBytesMax) return yield* tooLarge("request", length, frameBytesMax)
  yield* wall.send(request)
  return yield* judge(yield* wall.receive, request.number, frameBytesMax)
})

const judge = Effect.fnUntraced(function* (
  { number, status, bytes }: Answer,
  expected: number,
  frameBytesMax: number,
) {
  if (number !== expected) return yield* fault("crash", `it answered request ${number}, not ${expected}`)
  if (bytes.length > frameBytesMax) return yield* tooLarge("answer", bytes.length, frameBytesMax)
  if (status === "outOfMemory") return yield* fault("memory", textOf(bytes))
  if (status === "threw") return yield* fault("crash", `it threw ${textOf(bytes)}`)
  return bytes
})

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
