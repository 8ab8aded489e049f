// Does the command that hunts end, and is what it says of its seeds true?

import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"

// Processes start, which takes long on a busy machine.
setDefaultTimeout(60_000)

const simulate = (...words: ReadonlyArray<string>) => {
  const script = join(import.meta.dir, "..", "..", "scripts", "simulate.ts")
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, script, ...words], {
    timeout: 50_000,
  })
  return { said: `${stdout}${stderr}`, exitCode }
}

test("a hunt of fewer seeds than processes ends", () => {
  const { said, exitCode } = simulate("--seeds", "1", "--jobs", "3")
  expect(said).toContain("1 passed, 0 failed")
  expect(exitCode).toBe(0)
})

test("a process that is alone leaves every sixteenth seed to another one", () => {
  const { said } = simulate("--from", "16", "--seeds", "1", "--jobs", "1")
  expect(said).toContain("1 seeds were run once more, by another process, and were the same")
})

test.each([
  [["--seed", "1", "--seeds", "5"], "--seeds goes without"],
  [["--seed", "1", "--script", "file"], "not both"],
  [["--script", "/nowhere"], "ENOENT"],
  [["--seeds", "0"], "--seeds takes a whole number from 1"],
])("%p is refused in one line", (words, reason) => {
  const { said, exitCode } = simulate(...words)
  expect(said).toContain(reason)
  expect(said.trim().split("\n")).toHaveLength(1)
  expect(exitCode).toBe(2)
})
