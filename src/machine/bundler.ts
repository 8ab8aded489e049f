// What bundles a text that nobody vouches for? The entry of a process of its own: a page of TypeScript can be made to
// fill any memory with what it adds up to while it is bundled.

import { Effect, Result } from "effect"
import { bundleSource } from "./bundle.ts"
import { serveInTime } from "./compartment/serve.ts"

interface Given {
  readonly name: string
  readonly source: string
}

const answer = Effect.fnUntraced(function* (request: Uint8Array) {
  const given = JSON.parse(new TextDecoder().decode(request)) as Given
  const made = yield* Effect.result(bundleSource(given))
  const told = Result.isSuccess(made) ? made.success : { problems: made.failure.problems }
  return new TextEncoder().encode(JSON.stringify(told))
})

Effect.runFork(serveInTime(answer))
