// The process of a test: one command leaves a failing promise behind, another follows.

import { join } from "node:path"
import { Effect, Layer } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerWorker } from "../../src/machine/hostWorker.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { command, entry, initial } from "./Bench.ts"
import { base, offerOwn } from "./places.ts"

const [directory = "", actorsDirectory = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const host = yield* MachineHost
  yield* offerOwn(host)
  const given = [command({ command: "leaves" }), command({ json: { by: 1 } })]
  for (const [at, one] of given.entries()) {
    const [admission] = yield* host.admit([encodeCommand(one)])
    if (admission?._tag !== "Admitted") return
    const [outcome] = yield* host.apply([entry(base + at + 1, admission.command)])
    console.log(outcome?._tag, outcome?._tag === "Accepted" ? outcome.result : "")
    // Time for the thread to notice what was left behind.
    for (let round = 0; round < 200; round++) yield* host.nextTimer
  }
})

const layer = layerWorker({
  actorsDirectory,
  node: "n1",
  statePath: join(directory, "state.db"),
  initial,
}).pipe(Layer.provide(layerSqlite({ directory })))

await Effect.runPromise(Effect.provide(program, layer))
