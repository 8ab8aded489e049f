// How does what routes ask become words of a client, and the answer what its types say?

import type { LoadedActor } from "../Registry.ts"
import type { RoutesContext } from "./context.ts"

/** For code of this very actor; others it asks in JSON. */
export const makeContext = (
  actor: LoadedActor,
  node: string,
  ask: (request: Request) => PromiseLike<Response>,
): RoutesContext => {
  return { actor: actor.name, node, ask } as unknown as RoutesContext
}
