// `bun run rabbitmq`: does a stock RabbitMQ authenticate its clients against the auth actor, also while a node dies?

import { missing } from "./rabbitmq/Broker.ts"
import { show } from "./rabbitmq/show.ts"

const usage = `bun run rabbitmq

Starts three nodes with the actors of a message cloud, issues an access key, starts a stock RabbitMQ whose clients the
auth actor lets in or not, and shows what it lets them do, also when the leader of auth is killed on the way.
Everything that it starts it stops again. Where RabbitMQ or a plugin of it is not installed it says so, and ends with 0.`

const [word] = process.argv.slice(2)
if (word !== undefined) {
  const isHelp = word === "--help" || word === "-h"
  if (isHelp) console.log(usage)
  else console.error(`rabbitmq: ${word} is not known here: it takes nothing but --help`)
  process.exit(isHelp ? 0 : 2)
}

const reason = missing()
if (reason !== null) {
  console.log(`SKIPPED: ${reason}`)
  process.exit(0)
}
await show((line) => console.log(`- ${line}`))
