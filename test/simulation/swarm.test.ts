// Does any of many seeds break a promise? The hunt of CI size; `./bunw run simulate --seeds 5000` hunts longer.

import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"

const SEEDS = 600
// A minute or two on two idle cores. It ends by itself long before.
setDefaultTimeout(20 * 60_000)

test("whole clusters in all weathers keep every promise, the same twice, and every marker is seen", async () => {
  const script = join(import.meta.dir, "..", "..", "scripts", "simulate.ts")
  const hunt = Bun.spawn([process.execPath, script, "--seeds", String(SEEDS), "--markers"], {
    stdout: "pipe",
    stderr: "inherit",
  })
  const said = await new Response(hunt.stdout).text()
  if ((await hunt.exited) !== 0) console.error(said)
  else console.log(said.split("\n").slice(-5).join("\n"))
  expect(said).toContain(`${SEEDS} passed, 0 failed`)
  expect(said).toContain(
    `${Math.floor(SEEDS / 16)} seeds were run once more, by another process, and were the same`,
  )
  expect(said).toContain("every marker was seen")
  expect(await hunt.exited).toBe(0)
})
