// How does the node's Effect world reach a log in memory? Through a fiber that is what the storage thread is.

import { Effect, Layer, Queue } from "effect"
import { BrokenCode } from "./assert.ts"
import { LogFile } from "./LogFile.ts"
import { LogStore } from "./LogStore.ts"
import { openLogMemory } from "./logMemory.ts"
import { type LogCall, type LogError, type LogOperation, runOperation } from "./logProtocol.ts"
import { answerOf, makeLogStore } from "./logService.ts"
import type { MemoryDisk } from "./MemoryDisk.ts"

/** The real core over a disk in memory: it decides, the disk keeps, takes its time and fails. */
export const layerMemory = (disk: MemoryDisk) =>
  Layer.effect(
    LogStore,
    Effect.flatMap(startThread(disk), (core) =>
      makeLogStore({ directory: "memory", identity: disk.identity, reserveBytes: null }, core),
    ),
  )

interface Request {
  readonly operation: LogOperation
  readonly values: ReadonlyArray<unknown>
  readonly resume: (answer: Effect.Effect<unknown, LogError>) => void
}

/** One operation at a time, in the order in which they were asked for; each ends although nobody waits any more. */
const startThread = Effect.fnUntraced(function* (disk: MemoryDisk) {
  const requests = yield* Queue.unbounded<Request>()
  const { run } = disk
  let core: LogFile | null = null
  let answered = 0

  const perform = (operation: LogOperation, values: ReadonlyArray<unknown>): unknown => {
    if (operation === "open") {
      core = LogFile.open(openLogMemory(disk))
      return undefined
    }
    if (core === null) throw new BrokenCode(`${operation} before open`)
    return runOperation(core, operation, values)
  }

  const takeSteps = Effect.fnUntraced(function* () {
    for (let step = disk.logSteps[0]; step !== undefined; step = disk.logSteps[0]) {
      if (step.isSync) yield* disk.conduct.syncing
      // The process came to its end meanwhile: what it had begun, the disk has settled without it.
      if (disk.run !== run) return yield* Effect.never
      disk.logSteps.shift()
      step.apply()
    }
  })

  yield* Effect.gen(function* () {
    while (true) {
      const { operation, values, resume } = yield* Queue.take(requests)
      yield* disk.conduct.working
      if (disk.run !== run) return yield* Effect.never
      const answer = answerOf(() => perform(operation, values))
      yield* takeSteps()
      answered = core?.sequence ?? 0
      resume(answer)
      if (operation !== "write") continue
      // After the reply: nobody waits for it but the next batch. A failure tells itself with that batch.
      answerOf(() => core!.relieve())
      yield* takeSteps()
    }
  }).pipe(Effect.forkScoped)

  return {
    call: ((operation, ...values) =>
      Effect.callback((resume: Request["resume"]) => {
        Queue.offerUnsafe(requests, { operation, values, resume })
      })) as LogCall,
    isShort: () => core?.isShort === true,
    sequence: () => answered,
  }
})
