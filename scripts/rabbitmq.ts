// `bun run rabbitmq`: does a stock RabbitMQ authenticate its clients against the auth actor, also while a node dies?

import { missing } from "./rabbitmq/Broker.ts"
import { show } from "./rabbitmq/show.ts"

const reason = missing()
if (reason !== null) {
  console.log(`SKIPPED: ${reason}`)
  process.exit(0)
}
await show((line) => console.log(`- ${line}`))
