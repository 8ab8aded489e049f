// Does the gate as a whole open for a sound project, and close for each kind of fault?

import { describe, expect, test } from "bun:test"
import { copyFileSync, cpSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { runSteps } from "../../scripts/lib/steps.ts"
import { folder, type Tree, writeTree } from "./tree.ts"

const root = join(import.meta.dir, "../..")

describe("the steps of a script", () => {
  const report = async (...steps: Parameters<typeof runSteps>[0]) => {
    const lines: Array<string> = []
    const failed = await runSteps(steps, (line) => lines.push(line.replace(/\d+\.\d+ s$/, "N s")))
    return { failed, lines }
  }

  test("are told in their order, with the output of those that failed alone", async () => {
    const slow = async () => {
      await Bun.sleep(0)
      return { passed: true, output: "not shown" }
    }
    const bad = () => ({ passed: false, output: "one\n\ntwo\n" })
    expect(await report({ name: "slow", run: slow }, { name: "b", run: bad })).toEqual({
      failed: ["b"],
      lines: ["ok   slow N s", "FAIL b    N s", "     one\n\n     two"],
    })
  })

  test("that throw have failed", async () => {
    const { failed, lines } = await report({
      name: "a",
      run: () => {
        throw new Error("the reason")
      },
    })
    expect(failed).toEqual(["a"])
    expect(lines.join("\n")).toContain("the reason")
  })
})

describe("run check", () => {
  const check = async (tree: Tree, ...flags: ReadonlyArray<string>) => {
    using here = folder({
      "src/consensus/a.ts": "export const a = 1\n",
      "src/raft/b.ts": 'import { a } from "../consensus/a.ts"\n\nexport const b = a\n',
      "src/main.ts": "export {}\n",
      "actors/.keep": "",
      "test/a.test.ts": 'import { test } from "bun:test"\n\ntest("a", () => {})\n',
      "README.md": "[a](src/main.ts)\n",
      "docs/ARCHITECTURE.md": "",
      "docs/INVARIANTS.md": '| E1 | a is 1 | `consensus/a.ts: a` | `a.test.ts: "a"` |\n',
      "scripts/bench.ts": "export {}\n",
      "scripts/chaos.ts": "export {}\n",
      "scripts/scenarios.ts": "export {}\n",
      "scripts/rabbitmq.ts": "export {}\n",
      "scripts/simulate.ts": "export {}\n",
      "scripts/plants.ts": "export {}\n",
      "docs/DEPLOYING.md": "",
      // They have permissions, which nobody may have for nothing.
      "src/machine/reduce.ts": "export const later = Promise.resolve()\n",
      "src/machine/routes/makeContext.ts": "export const ask = async () => 1\n",
      "src/machine/inside/entry.ts": "export const now = process.cpuUsage\n",
      "src/machine/realm/replacements.ts":
        "export const host = async () => [Date, globalThis, process.hrtime]\n",
      ...tree,
    })
    for (const name of ["package.json", "bun.lock", "bunfig.toml", "tsconfig.json", "biome.json"]) {
      copyFileSync(join(root, name), join(here.path, name))
    }
    for (const name of ["scripts/lib", "docs/decisions"]) {
      cpSync(join(root, name), join(here.path, name), { recursive: true })
    }
    for (const name of ["scripts/check.ts", "scripts/fix.ts", "scripts/proto.ts"]) {
      copyFileSync(join(root, name), join(here.path, name))
    }
    writeTree(here.path, tree)
    symlinkSync(join(root, "node_modules"), join(here.path, "node_modules"))
    const child = Bun.spawn([process.execPath, "scripts/check.ts", ...flags], {
      cwd: here.path,
      stdout: "pipe",
      stderr: "pipe",
    })
    const [out, error, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { code, out, error }
  }

  test("opens for a sound project, and runs its tests", async () => {
    const { code, out } = await check({})
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^ok {3}tests +\d/m) })
    expect(out).toEndWith("check: all good\n")
  })

  test("closes for every kind of fault at once, and says where", async () => {
    const { code, out } = await check(
      {
        "src/consensus/a.ts": "export const a = 1;\n",
        "src/consensus/c.ts": 'import { b } from "../raft/b.ts"\n\nexport const c: string = b\n',
        "src/raft/b.ts": 'import "../consensus/c.ts"\n\nexport const b = Date.now()\n',
        "src/machine/x.proto": 'syntax = "proto3";\nmessage X { uint32 a = 1; }\n',
        "README.md": "[a](none.md) TODO\n",
        "docs/INVARIANTS.md": "| E1 | b is 1 | `consensus/a.ts: b` | not covered |\n",
        "bun.lock": "https://registry.example/\n",
      },
      "--no-tests",
    )
    expect(code).toBe(1)
    expect(out.match(/^FAIL .*?(?= +\d)/gm)).toEqual([
      "FAIL format and lint",
      "FAIL types",
      "FAIL generated code",
      "FAIL room directions",
      "FAIL import circles",
      "FAIL host time and chance",
      "FAIL left-overs",
      "FAIL links",
      "FAIL invariants",
      "FAIL versions and dependencies",
    ])
    expect(out).toContain("src/consensus/a.ts format")
    expect(out).toContain("src/consensus/c.ts(3,14): error TS2322")
    expect(out).toContain("src/consensus/c.ts:1: consensus may not know raft/b.ts")
    expect(out).toContain("src/raft/b.ts:3: asks the host (Date)")
    expect(out).toContain("README.md:1: none.md: leads nowhere")
    expect(out).toContain("docs/INVARIANTS.md:1: consensus/a.ts: b: src/consensus/a.ts declares no such name")
  })

  test("closes for a test that fails", async () => {
    const { code, out } = await check({
      "test/a.test.ts": 'import { expect, test } from "bun:test"\n\ntest("a", () => expect(1).toBe(2))\n',
    })
    expect(code).toBe(1)
    expect(out).toEndWith("check: tests failed\n")
  })

  test("answers a wrong flag with its usage and exit code 2", async () => {
    const { code, error } = await check({}, "--fast")
    expect([code, error]).toEqual([2, "usage: bun run check [--no-tests]\n"])
  })
})
