// A process of its own whose system calls are watched: it says what is durable once the store has said so.

import { copyFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import {
  createSnapshot,
  finishSnapshot,
  installSnapshot,
  snapshotPaths,
} from "../../src/storage/snapshotFiles.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { entryOf, initial, loadMain, runInDirectory, writeMain } from "./support.ts"

const [task, directory] = process.argv.slice(2) as [string, string]

/** One system call, in its place among the others. */
const say = (text: string): void => void writeSync(1, `${text}\n`)

const tasks: Readonly<Record<string, () => unknown>> = {
  log: () =>
    runInDirectory(directory, (log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        say("loaded")
        for (let index = 1; index <= 5; index++) {
          yield* writeMain(log, { entries: [entryOf(index, 1)] })
          say(`entry ${index} is durable`)
        }
        yield* writeMain(log, { hardState: { term: 2, votedFor: "n2" } })
        say("the vote is durable")
        yield* writeMain(log, { truncateFrom: 4, entries: [entryOf(4, 2)] })
        say("the new end is durable")
      }),
    ),
  /** Tries again after a failure, as nobody may: SQLite would take the next write on a cache that lies. */
  stubborn: () =>
    runInDirectory(directory, (log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        say("loaded")
        let index = 1
        for (let attempt = 1; attempt <= 5; attempt++) {
          const written = yield* Effect.exit(writeMain(log, { entries: [entryOf(index, 1)] }))
          say(`entry ${index} is ${Exit.isSuccess(written) ? "durable" : "refused"}`)
          if (Exit.isSuccess(written)) index++
        }
      }),
    ),
  state: () => {
    const state = openState()
    say("opened")
    for (let index = 1; index <= 5; index++) {
      flush(state, index)
      say(`flush ${index} is durable`)
    }
    state.close()
  },
  snapshot: () => {
    const paths = snapshotPaths(directory)
    const state = openState()
    flush(state, 5)
    state.close()
    say("begun")
    const { index, id, bytes } = createSnapshot(directory)
    say("it is made")
    copyFileSync(paths.own(index, id), paths.part(id))
    if (finishSnapshot(directory, id, bytes) === "") say("it has arrived")
    installSnapshot(directory, id)
    say("it is installed")
  },
}

const openState = () => openSqliteStateStore(join(directory, "state.db"), initial)

const flush = (state: ReturnType<typeof openState>, index: number): void =>
  state.flush({
    position: { index, term: 1, time: index, configuration: initial },
    instances: [],
    outcomes: [],
    forgetOutcomesBelow: 0,
    timersSet: [],
    timersCleared: [],
    digest: "",
  })

await tasks[task]!()
