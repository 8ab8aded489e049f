// Do the scenarios hold, in a short form? `bun run scenarios` runs all of them, longer.

import { expect, test } from "bun:test"
import { join } from "node:path"

const script = join(import.meta.dir, "../../scripts/scenarios.ts")

test("clients notice nothing when a leader is killed, cut off, or nodes are added", async () => {
  const child = Bun.spawn([process.execPath, script, "--only", "1,6,7", "--seconds", "15"], {
    stdout: "pipe",
    stderr: "pipe",
  })
  const [said, complaints] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect({ code: await child.exited, said, complaints }).toMatchObject({ code: 0 })
  expect(said.match(/\| green \|/g)).toHaveLength(3)
}, 600_000)
