// What do an actor's routes come to? A function of a request that gives an answer, whatever happens in users' code.

import { Effect } from "effect"
import type { RoutesApp } from "../definition.ts"
import type { LoadedActor } from "../Registry.ts"
import { messageOf } from "../thrown.ts"
import { attempt, errorOf } from "./bytes.ts"
import type { RoutesContext } from "./context.ts"

/** Fails with what was thrown when there is no answer to it. Throws when `routes` gives no app. */
export const programOf = (
  { routes }: LoadedActor,
  ctx: RoutesContext,
): ((request: Request) => Effect.Effect<Response, Error>) => {
  const app: unknown = typeof routes === "function" ? routes(ctx as never) : routes
  if (!isApp(app)) throw new Error("routes gave no app: expected something with fetch(request)")
  letPass(app)
  return (request) =>
    Effect.try({ try: () => app.fetch(request), catch: errorOf }).pipe(
      Effect.flatMap((answer) => (isThenable(answer) ? attempt(() => answer) : Effect.succeed(answer))),
      Effect.catch((error) => {
        const own = responseOf(error)
        return own === null ? Effect.fail(error) : Effect.succeed(own)
      }),
      Effect.flatMap((response) =>
        response instanceof Response
          ? Effect.succeed(response)
          : Effect.fail(new Error("fetch gave no Response")),
      ),
    )
}

/**
 * What a hono app does by default with what a handler throws is a bare 500. It has no say in that unless it was given
 * `onError`: then it is as if it had thrown.
 */
const letPass = (app: object): void => {
  try {
    const { constructor: Kind, errorHandler, onError } = app as Hono
    if (typeof onError !== "function" || typeof Kind !== "function") return
    const fresh = new Kind() as Hono
    if (errorHandler !== undefined && errorHandler === fresh.errorHandler) {
      Reflect.apply(onError, app, [
        (error: unknown) => {
          const own = responseOf(error)
          if (own !== null) return own
          throw error
        },
      ])
    }
  } catch {
    // It is none.
  }
}

/** What of hono is looked at. */
interface Hono {
  readonly constructor?: new () => unknown
  readonly errorHandler?: unknown
  readonly onError?: (handle: (error: unknown) => Response) => unknown
}

/** Of errors that say how they are answered: hono's own, and the failures of clients. */
const responseOf = (error: unknown): Response | null => {
  try {
    if (typeof error !== "object" || error === null || !("getResponse" in error)) return null
    const { getResponse } = error
    const response: unknown = typeof getResponse === "function" ? Reflect.apply(getResponse, error, []) : null
    return response instanceof Response ? response : null
  } catch (thrown) {
    console.error(`getResponse has failed: ${messageOf(thrown)}`)
    return null
  }
}

const isApp = (value: unknown): value is RoutesApp =>
  typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function"

const isThenable = (value: unknown): value is PromiseLike<Response> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
