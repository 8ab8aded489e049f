// A process of its own, for tests that kill one or need a second one.

import { Effect } from "effect"
import { openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogStore } from "../../src/storage/LogStore.ts"
import { layerSqlite } from "../../src/storage/logStoreSqlite.ts"
import { entriesOf, loadMain, writeMain } from "./support.ts"

const [task, directory] = process.argv.slice(2) as [string, string]

const hold = openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1", startOptions: null })

/** Says each durable position only after the store has said it. */
const writeForever = Effect.gen(function* () {
  const log = yield* LogStore
  const { lastIndex, hardState } = yield* loadMain(log)
  const term = hardState.term + 1
  yield* writeMain(log, { hardState: { term, votedFor: "n1" } })
  for (let from = lastIndex + 1; ; from += 5) {
    yield* writeMain(log, { entries: entriesOf(from, from + 4, term) })
    console.log(`${from + 4} ${term}`)
  }
})

const program = Effect.gen(function* () {
  const held = yield* hold
  if (task === "write") yield* writeForever.pipe(Effect.provide(layerSqlite(held)))
  return "opened"
}).pipe(
  Effect.catchTag("DataDirectoryRefused", ({ reason }) => Effect.succeed(`refused: ${reason}`)),
  Effect.scoped,
)

console.log(await Effect.runPromise(program))
