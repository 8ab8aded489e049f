// How does an uploaded text become a module without danger to the node? In a process that may take little time and
// memory, and is gone afterwards. One at a time.

import { Effect, Schema, Semaphore } from "effect"
import type { ActorModule } from "./bundle.ts"
import type { CompartmentFault } from "./compartment/Compartment.ts"
import { openChild } from "./compartment/openChild.ts"
import { ActorsRefused } from "./Registry.ts"

export type BundleSource = (given: {
  readonly name: string
  readonly source: string
}) => Effect.Effect<ActorModule, ActorsRefused>

export interface BundleLimits {
  readonly millisMax: number
  readonly memoryBytesMax: number
}

/** As `bundleSource`, whose answer it is: the same text comes to the same version on every node. */
export const bundleApart: BundleSource = (given) => bundleWithin({ millisMax, memoryBytesMax }, given)

export const bundleWithin = (
  { millisMax, memoryBytesMax }: BundleLimits,
  given: Parameters<BundleSource>[0],
): ReturnType<BundleSource> =>
  Effect.scoped(
    Effect.gen(function* () {
      const refuse = (reason: string) => ActorsRefused.of([{ file: given.name, reason }])
      const bundled = Effect.flatMap(openChild({ entry, limits: { memoryBytesMax } }), ({ call }) =>
        call(new TextEncoder().encode(JSON.stringify(given)), millisMax),
      )
      const bytes = yield* Effect.mapError(bundled, (fault) => refuse(reasonOf(fault)))
      const answer = yield* Effect.orDie(decode(JSON.parse(new TextDecoder().decode(bytes))))
      return "problems" in answer ? yield* ActorsRefused.of(answer.problems) : answer
    }),
  ).pipe(turn.withPermit)

const Answer = Schema.Union([
  Schema.Struct({ name: Schema.String, version: Schema.String, code: Schema.String }),
  Schema.Struct({ problems: Schema.Array(Schema.Struct({ file: Schema.String, reason: Schema.String })) }),
])
const decode = Schema.decodeUnknownEffect(Answer)

const reasonOf = ({ kind, detail }: CompartmentFault): string =>
  kind === "memory"
    ? "to bundle it takes too much memory"
    : kind === "deadline"
      ? "to bundle it takes too long"
      : `it cannot be bundled here: ${detail}`

const entry = new URL("./bundler.ts", import.meta.url)
const turn = Semaphore.makeUnsafe(1)
/** A bundle has 1 MiB at the most; the rest is the bundler's. */
export const memoryBytesMax = 256 * 1024 * 1024
/** Ten times as much may pass. */
export const millisMax = 1_000
