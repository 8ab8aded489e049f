// Does a stock RabbitMQ work with the auth actor, as `bun run rabbitmq` shows?

import { expect, test } from "bun:test"
import { missing } from "../../scripts/rabbitmq/Broker.ts"
import { show } from "../../scripts/rabbitmq/show.ts"

const reason = missing()
if (reason !== null) console.log(`SKIPPED: rabbitmq.test.ts: ${reason}`)

// skip: needs RabbitMQ, which is installed where that can be done
test.skipIf(reason !== null)(
  "RabbitMQ lets in whom the auth actor knows and nobody else, also while the leader is killed",
  async () => {
    const seen: Array<string> = []
    await show((line) => seen.push(line))
    expect(seen).toHaveLength(8)
  },
  300_000,
)
