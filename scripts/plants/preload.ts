// Which bug is this process to have? The one that RAFTLET_PLANT names is put into the files of the product as they
// are read; nothing on disk changes, and the product has no switch for it.
//
//   RAFTLET_PLANT=ID bun --preload ./scripts/plants/preload.ts FILE
//   RAFTLET_PLANT=ID bun test --preload ./scripts/plants/preload.ts test/consensus

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { filesOf, type Plant, PlantMisfit, withBug } from "./Plant.ts"
import { plantOf } from "./patches.ts"
import { misfitExitCode } from "./trial.ts"

const root = join(import.meta.dir, "../..")

/** Looks at all files first: a patch that does not fit must not pass for a bug that was caught. */
const checked = (id: string): Plant => {
  try {
    const plant = plantOf(id)
    for (const file of filesOf(plant)) withBug(plant, file, readFileSync(join(root, file), "utf8"))
    return plant
  } catch (error) {
    if (!(error instanceof PlantMisfit)) throw error
    console.error(error.message)
    process.exit(misfitExitCode)
  }
}

const sow = (plant: Plant): void => {
  Bun.plugin({
    name: `planted bug ${plant.id}`,
    setup: (build) => {
      for (const file of filesOf(plant)) {
        const path = join(root, file)
        build.onLoad({ filter: new RegExp(`^${RegExp.escape(path)}$`) }, () => ({
          contents: withBug(plant, file, readFileSync(path, "utf8")),
          loader: "ts",
        }))
      }
    },
  })
  // A thread begins without the plug-ins of the one that starts it.
  const PlainWorker = globalThis.Worker
  globalThis.Worker = class extends PlainWorker {
    constructor(module: string | URL, options?: WorkerOptions) {
      super(module, { ...options, preload: [import.meta.path] })
    }
  }
}

const id = process.env.RAFTLET_PLANT
if (id !== undefined && id !== "") sow(checked(id))
