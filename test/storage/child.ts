// A process of its own, for tests that kill one or need a second one.

import { Effect } from "effect"
import { isHeld, openDataDirectory } from "../../src/storage/DataDirectory.ts"
import { LogStore } from "../../src/storage/LogStore.ts"
import { openLogThread } from "../../src/storage/LogThread.ts"
import { layerSqlite } from "../../src/storage/logStoreSqlite.ts"
import { entriesOf, loadMain, writeMain } from "./support.ts"

const [task, directory] = process.argv.slice(2) as [string, string]

const hold = openDataDirectory({ directory, clusterId: "cluster", nodeId: "n1" })

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

/** Commits under a slow disk, and says how long the longest was and how long this thread stood still at most. */
const measureStalls = Effect.gen(function* () {
  const log = yield* LogStore
  yield* loadMain(log)
  let last = performance.now()
  let stallMillis = 0
  let commitMillis = 0
  const timer = setInterval(() => {
    stallMillis = Math.max(stallMillis, performance.now() - last)
    last = performance.now()
  }, 5)
  for (let index = 1; index <= 3; index++) {
    const begun = performance.now()
    yield* writeMain(log, { entries: entriesOf(index, index, 1) })
    commitMillis = Math.max(commitMillis, performance.now() - begun)
  }
  clearInterval(timer)
  return `${Math.round(commitMillis)} ${Math.round(stallMillis)}`
})

/** Leaves a running storage thread behind, in a scope that nobody closes. */
const abandon = Effect.gen(function* () {
  const { call } = yield* openLogThread()
  const { identity } = yield* hold
  yield* call("open", directory, identity, null)
  console.log("abandoned")
  return yield* Effect.never
}).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  const held = yield* hold
  if (task === "write") yield* writeForever.pipe(Effect.provide(layerSqlite(held)))
  if (task === "stall") return yield* measureStalls.pipe(Effect.provide(layerSqlite(held)))
  return "opened"
}).pipe(
  Effect.catchTag("DataDirectoryRefused", ({ reason }) => Effect.succeed(`refused: ${reason}`)),
  Effect.catchTag("StorageFailed", ({ operation, message }) =>
    Effect.succeed(`failed: ${operation}: ${message}`),
  ),
  Effect.scoped,
)

if (task === "abandon") Effect.runFork(abandon)
else if (task === "ask") console.log((await Effect.runPromise(isHeld(directory))) ? "held" : "free")
else console.log(await Effect.runPromise(program))
