// Does a person at a terminal get the question, and is nothing but a clear yes one? A real terminal, and a fake node.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const version = { version: "b".repeat(24), declared: 2 }
const same = { added: [], removed: [], changed: [] }
const plan = {
  actor: "counter",
  from: { version: "a".repeat(24), declared: 1 },
  to: version,
  commands: same,
  queries: same,
  stateChanged: false,
  states: { checked: 0, of: 0, isCutShort: false, failed: 0, failures: [], withoutStep: [] },
  replay: { commands: 0, same: 0, isCutShort: false, different: [] },
  rollback: { possible: true, withoutStep: [] },
  hindrances: [],
  isForcible: false,
  token: "T0ken",
}
const answers: Readonly<Record<string, object>> = {
  versions: { actor: "counter", ...version, known: false },
  plan,
  activate: { active: version.version, previous: null, changed: true, index: 5 },
}
const node = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: ({ url }) => Response.json(answers[url.split("/").at(-1)!] ?? { healthy: true }),
})
afterAll(() => node.stop(true))

/** Runs `deploy` at a terminal of its own, and types this behind its question. */
const deployAndType = async (
  keys: string,
): Promise<{ readonly code: number | null; readonly shown: string }> => {
  let shown = ""
  const program = join(import.meta.dir, "fakeProgram.ts")
  const child = Bun.spawn(
    [
      process.execPath,
      program,
      "deploy",
      join(import.meta.dir, "../../actors/counter.ts"),
      "--url",
      node.url.origin,
    ],
    {
      terminal: {
        cols: 100,
        rows: 30,
        data: (terminal, bytes) => {
          const text = new TextDecoder().decode(bytes)
          shown += text
          if (text.includes("[y/N]")) terminal.write(keys)
        },
      },
    },
  )
  await child.exited
  return { code: child.exitCode, shown }
}

test.each([
  ["y", "y\n", 0],
  ["yes, in capitals", "YES\n", 0],
  ["no", "n\n", 6],
  ["nothing", "\n", 6],
  ["something else", "yesterday\n", 6],
  ["the end of the input", "\u0004", 6],
  ["Ctrl-C", "\u0003", 130],
])("%s", async (_, keys, code) => {
  const { code: ended, shown } = await deployAndType(keys)
  expect(shown).toContain("Switch counter to version 2 (bbbbbbbbbbbb)? [y/N] ")
  expect(ended).toBe(code)
  expect(shown.includes("is active from entry 5 on")).toBe(code === 0)
})
