// How do programs ask a cluster? All that they import: `raftlet/client`, for Bun, Node and browsers.

import { hostClock } from "./Clock.ts"
import { clientAt } from "./clientAt.ts"
import type { Actors, Client, ClientOptions } from "./shapes.ts"

export { Failure, type Issue, type Reason } from "./Failure.ts"
export type * from "./shapes.ts"

/**
 * A client of a cluster, of which any node is enough to begin with. Given the types of the actors, the compiler knows every
 * command and query, and what goes in and comes out, as it stands in JSON; without them everything is JSON.
 *
 * ```ts
 * import { client } from "raftlet/client"
 * import type counter from "./actors/counter.ts"
 *
 * const raftlet = client<{ counter: typeof counter }>(["http://127.0.0.1:4001", "http://127.0.0.1:4002"])
 * const { result } = await raftlet.propose({ actor: "counter", key: "a", command: "add", input: { by: 2 } })
 * ```
 *
 * Throws a TypeError when a URL or an option is none. It asks for nothing before it is asked.
 */
export const client = <All extends Actors = Actors>(
  urls: string | ReadonlyArray<string>,
  options: ClientOptions = {},
): Client<All> => clientAt<All>(hostClock, urls, options)
