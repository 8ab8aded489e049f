// Does the last line of a run tell the truth?

import { describe, expect, test } from "bun:test"
import { copyFileSync, cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { casesIn, summarise, type TestCase } from "../../scripts/lib/report.ts"
import { folder, type Tree, writeTree } from "./tree.ts"

const root = join(import.meta.dir, "../..")

const one = (result: TestCase["result"], file = "test/a.test.ts"): TestCase => ({
  file,
  line: 3,
  name: "a name",
  result,
})

const summary = (options: Partial<Parameters<typeof summarise>[0]>) =>
  summarise({ cases: [], testFiles: [], runnerPassed: true, reasonOf: () => null, ...options })

describe("the summary", () => {
  test("counts each kind", () => {
    const cases = [one("passed"), one("passed"), one("failed"), one("skipped")]
    expect(summary({ cases, runnerPassed: false, reasonOf: () => "needs strace" })).toEqual({
      lines: [
        "failed: test/a.test.ts:3 a name",
        "SKIPPED: test/a.test.ts:3 a name: needs strace",
        "2 passed, 1 failed, 1 skipped",
      ],
      good: false,
    })
  })

  test("of passed tests alone is good", () => {
    expect(summary({ cases: [one("passed")], testFiles: ["test/a.test.ts"] })).toEqual({
      lines: ["1 passed, 0 failed"],
      good: true,
    })
  })

  test("is not good when nothing ran", () => {
    expect(summary({})).toEqual({ lines: ["no test ran", "0 passed, 0 failed"], good: false })
    expect(summary({ cases: [one("skipped")] }).good).toBe(false)
  })

  test("counts a file that broke before its first test as a failure", () => {
    const testFiles = ["test/a.test.ts", "test/b.test.ts"]
    expect(summary({ cases: [one("passed")], testFiles, runnerPassed: false })).toEqual({
      lines: ["did not run: test/b.test.ts", "1 passed, 1 failed"],
      good: false,
    })
  })

  test("counts a failure that belongs to no test", () => {
    expect(summary({ cases: [one("passed")], runnerPassed: false })).toEqual({
      lines: ["the runner failed outside of a test: see its output", "1 passed, 1 failed"],
      good: false,
    })
  })
})

test("names, groups and results are read as the runner wrote them", () => {
  const junit = `<testsuites><testsuite file="test/a.test.ts"><testsuite name="room">
    <testcase name="a &lt;b&gt; &amp; &quot;c&quot;&#10;" classname="room &gt; x" time="0" file="test/a.test.ts" line="3" assertions="1" />
    <testcase name="d" classname="" time="0" file="test/a.test.ts" line="4" assertions="0">
      <failure type="Error" message="&lt;skipped /&gt;">at test/a.test.ts</failure>
    </testcase>
    <testcase name="e" classname="" time="0" file="test/a.test.ts" line="5" assertions="0"><skipped /></testcase>
  </testsuite></testsuite></testsuites>`
  expect(casesIn(junit)).toEqual([
    { file: "test/a.test.ts", line: 3, name: 'room > x > a <b> & "c"\n', result: "passed" },
    { file: "test/a.test.ts", line: 4, name: "d", result: "failed" },
    { file: "test/a.test.ts", line: 5, name: "e", result: "skipped" },
  ])
})

describe(".ci/run", () => {
  /** The real script and the real runner on a small project; only the check is a stub. */
  const run = async (tests: Tree, check = "") => {
    using here = folder()
    mkdirSync(join(here.path, ".ci"))
    mkdirSync(join(here.path, "test"))
    copyFileSync(join(root, ".ci/run"), join(here.path, ".ci/run"))
    cpSync(join(root, "scripts/lib"), join(here.path, "scripts/lib"), { recursive: true })
    writeTree(here.path, {
      bunw: `#!/bin/sh\nexec '${process.execPath}' "$@"\n`,
      "package.json": '{ "scripts": { "check": "exec \\"$BUN\\" scripts/check.ts" } }',
      "bunfig.toml": '[test]\nroot = "test"\n',
      "scripts/check.ts": check,
      ...tests,
    })
    const child = Bun.spawn([join(here.path, ".ci/run")], {
      cwd: "/",
      env: { PATH: process.env.PATH, BUN: process.execPath },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    })
    const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    return { code, last: out.trimEnd().split("\n").at(-1), out }
  }
  const header = 'import { expect, test } from "bun:test"\n'

  test("closes with the count alone on the last line, and names what was skipped and why", async () => {
    const { code, last, out } = await run({
      "test/a.test.ts": `${header}test("a", () => {})\n// skip: needs strace\ntest.skip("b", () => {})\n`,
      "test/room/c.test.ts": `${header}test("c", () => {})\n`,
    })
    expect([code, last]).toEqual([0, "2 passed, 0 failed, 1 skipped"])
    expect(out).toContain("SKIPPED: test/a.test.ts:4 b: needs strace")
  })

  test("fails when a test fails, and when a file does not even load", async () => {
    const { code, last } = await run({
      "test/a.test.ts": `${header}test("a", () => {})\ntest("b", () => expect(1).toBe(2))\n`,
      "test/c.test.ts": `${header}import "./none.ts"\ntest("c", () => {})\n`,
    })
    expect([code, last]).toEqual([1, "1 passed, 2 failed"])
  })

  test("fails when the check fails, though all tests pass", async () => {
    const { code, last, out } = await run(
      { "test/a.test.ts": `${header}test("a", () => {})\n` },
      "process.exit(3)",
    )
    expect([code, last]).toEqual([1, "1 passed, 0 failed"])
    expect(out).toContain("check: failed with exit code")
  })

  test("gives the tests no input to wait for, and says that this is CI", async () => {
    const { last } = await run({
      "test/a.test.ts": `${header}test("a", async () => {
        expect([await Bun.stdin.text(), process.env.CI]).toEqual(["", "true"])
      })\n`,
    })
    expect(last).toBe("1 passed, 0 failed")
  })

  test("fails when there is no test", async () => {
    const { code } = await run({})
    expect(code).toBe(1)
  })
})
