// A small durable queue: what is published stays until every group of consumers has it, or until it is too old.
//
// Where to look: `topic.ts` says what a topic holds and what can be done with it, `routes.ts` how clients ask over HTTP,
// authenticated by the actor `auth` and counted by `metering`.

import { routes } from "./routes.ts"
import { topic } from "./topic.ts"

export default topic(routes)
