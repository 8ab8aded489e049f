// Where does a file lie that is named to a script? Where the words were typed, not where scripts start.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runProgram } from "../process/support/NodeProcess.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const root = join(import.meta.dir, "../..")
const caller = mkdtempSync(join(tmpdir(), "raftlet-caller-"))
writeFileSync(join(caller, "mine.ts"), "export default {")
afterAll(() => rmSync(caller, { recursive: true }))

const plan = async (file: string, from: { readonly cwd: string; readonly INIT_CWD: string }) => {
  const { cwd, INIT_CWD } = from
  return (await runProgram(["deploy", file, "--plan"], { cwd, env: { ...process.env, INIT_CWD } })).stderr
}

test("a file is looked for where its name was typed, when a script has begun at the root", async () => {
  expect(await plan("mine.ts", { cwd: root, INIT_CWD: caller })).toContain("line 1: ")
})

test("and where the program stands, when that is elsewhere", async () => {
  expect(await plan("mine.ts", { cwd: caller, INIT_CWD: root })).toContain("line 1: ")
  expect(await plan("mine.ts", { cwd: tmpdir(), INIT_CWD: caller })).toContain("there is no such file")
})
