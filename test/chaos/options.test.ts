// Are wrong words on the command line said in one line, before anything is started?

import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { parseOptions, usage } from "../../scripts/chaos/options.ts"

const parse = (line: string) => parseOptions(line === "" ? [] : line.split(" "), () => 7)

test("without words all has a default, and chance draws the seed", () => {
  expect(parse("")).toEqual({
    minutes: 1,
    nodes: 3,
    seed: 7,
    out: null,
    network: "auto",
    clients: 64,
    rate: 2000,
    floor: 500,
  })
})

test("all can be said", () => {
  const line =
    "--minutes 0.5 --nodes 5 --seed 42 --out /tmp/x --network proxy --clients 8 --rate 100 --floor 0"
  expect(parse(line)).toEqual({
    minutes: 0.5,
    nodes: 5,
    seed: 42,
    out: "/tmp/x",
    network: "proxy",
    clients: 8,
    rate: 100,
    floor: 0,
  })
  expect(parse("--help")).toBeNull()
})

describe("is refused in a line that names the flag:", () => {
  test.each([
    ["--minutes 0", "--minutes"],
    ["--minutes -1", "--minutes"],
    ["--minutes 1e3", "--minutes"],
    ["--minutes NaN", "--minutes"],
    ["--minutes", "--minutes"],
    ["--nodes 4", "--nodes: 3 or 5"],
    ["--nodes three", "--nodes"],
    ["--seed 0.5", "--seed"],
    ["--seed 4294967296", "--seed"],
    ["--seed -1", "--seed"],
    ["--network none", "--network: none"],
    ["--clients 0", "--clients"],
    ["--rate 100000", "--rate"],
    ["--floor x", "--floor"],
    ["--out=", "--out"],
    ["--wrong", "--wrong"],
    ["word", "word"],
  ])("%s", (line, named) => {
    expect(() => parse(line)).toThrow(named)
  })
})

describe("the command", () => {
  const run = (...words: ReadonlyArray<string>) => {
    const script = join(import.meta.dir, "../../scripts/chaos.ts")
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, script, ...words])
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
  }

  test("ends with 2 and one line for wrong words", () => {
    for (const words of [["--nodes", "4"], ["--what"], ["--out", import.meta.dir]]) {
      const { exitCode, stdout, stderr } = run(...words)
      expect({ exitCode, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({
        exitCode: 2,
        stdout: "",
        lines: 1,
      })
      expect(stderr).toStartWith("chaos: ")
    }
  })

  test("explains itself", () => {
    expect(run("--help")).toEqual({ exitCode: 0, stdout: `${usage}\n`, stderr: "" })
  })
})
