// Does what once went wrong go right, and would it be seen? Scripts that showed a bug, shrunk and kept, each beside the
// plant that brings the bug back: another version of the code runs a script otherwise, so that passing proves nothing
// by itself.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "../../src/simulation/run.ts"
import type { Script } from "../../src/simulation/script.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

interface Kept {
  readonly checker: string
  readonly shows: string
  readonly script: Script
}

const root = join(import.meta.dir, "..", "..")
const folder = join(import.meta.dir, "scripts")
const plants = readdirSync(folder).map((name) => name.replace(/\.json$/, ""))

describe.each(plants)("%s", (plant) => {
  const file = join(folder, `${plant}.json`)
  const kept = JSON.parse(readFileSync(file, "utf8")) as Kept

  test("is kept out", () => {
    expect(run(kept.script).failure).toBeNull()
  })

  test("is seen when it is planted", () => {
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, "scripts/simulate.ts", "--script", file], {
      cwd: root,
      env: {
        ...process.env,
        RAFTLET_PLANT: plant,
        BUN_OPTIONS: `--preload=${join(root, "scripts", "plants", "preload.ts")}`,
      },
    })
    expect(stdout.toString()).toContain(`: ${kept.checker}: `)
    expect(exitCode).toBe(1)
  })
})
