// What bundles a text that nobody vouches for? The entry of a process of its own: a page of TypeScript can be made to
// fill any memory with what it adds up to while it is bundled.

import { Effect, Result } from "effect"
import { bundleSource } from "./bundle.ts"
import { serveInTime } from "./compartment/serve.ts"

const bundle = Effect.fnUntraced(function* (request: Uint8Array) {
  const given = JSON.parse(new TextDecoder().decode(request)) as {
    readonly name: string
    readonly source: string
  }
  const made = yield* Effect.result(bundleSource(given))
  const answer = Result.isSuccess(made) ? made.success : { problems: made.failure.problems }
  return new TextEncoder().encode(JSON.stringify(answer))
})

Effect.runFork(serveInTime(bundle))
