// Who may publish and subscribe what? One instance for each tenant: its access keys, its rules, and who changed them.
//
// Where to look: `auth.ts` says what is known of a tenant, and what can be asked and done; `topics.ts` when a pattern matches,
// `secrets.ts` how a secret is recognised that nobody keeps, `routes.ts` what is answered over HTTP: new keys, and what RabbitMQ
// asks.

import { auth } from "./auth.ts"
import { routes } from "./routes.ts"

export default auth(routes)
