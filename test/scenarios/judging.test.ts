// Would the scenarios notice what they are there to notice?

import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkFiles } from "../../scripts/scenarios/files.ts"
import { faultsOf, tableOf } from "../../scripts/scenarios/report.ts"
import { Wrongs } from "../../scripts/scenarios/Wrongs.ts"

const directory = mkdtempSync(join(tmpdir(), "raftlet-judging-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe("lists that should hold the same", () => {
  const compared = (wanted: ReadonlyArray<string>, found: ReadonlyArray<string>) => {
    const wrongs = new Wrongs()
    wrongs.compare("lists", wanted, found)
    return wrongs.shown
  }
  test("may hold it in any order", () => {
    expect(compared(["a", "b", "a"], ["a", "a", "b"])).toEqual([])
  })
  test("show what is missing, what is too much, and that there was nothing", () => {
    expect(compared(["a", "b"], ["a", "a"])).toEqual(["lists: a is too much", "lists: b is missing"])
    expect(compared([], [])).toEqual(["lists: there was nothing"])
  })
})

describe("metering files", () => {
  const api = "POST /topics/{topic}/messages"
  const call = (status = 200) => ({ tenant: "acme", api, status, start: 0, end: 1 })
  const written = (name: string, lines: ReadonlyArray<object>): string => {
    const home = join(directory, name)
    const place = join(home, "minute", "2026-01-01T00-00Z")
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, "acme.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
    writeFileSync(join(place, "acme.csv"), `head\n${lines.map(() => "line\n").join("")}`)
    return home
  }
  const line = { tenant: "acme", api, calls: 3, errors: 1 }

  test("are right when they say what clients were told", async () => {
    const home = written("right", [line])
    expect(await checkFiles(home, [call(), call(), call(422)])).toEqual({ count: 1, wrongs: [] })
  })

  test("are wrong when they say less, more, or other things", async () => {
    const home = written("wrong", [line])
    for (const calls of [
      [call(), call(422)],
      [call(), call(), call()],
      [call(), call(), call(422), call()],
    ]) {
      const { wrongs } = await checkFiles(home, calls, 50)
      expect(wrongs.join()).toContain("clients were told")
    }
  })

  test("that are not there are wrong", async () => {
    expect((await checkFiles(join(directory, "none"), [call()], 50)).wrongs).toContain("there is no file")
  })
})

test("a report shows everything that is not as it should be", () => {
  const report = {
    number: 1,
    title: "one killed",
    network: "proxy",
    seconds: 60,
    operations: 10,
    errors: ["e1", "e2", "e3", "e4", "e5", "e6"],
    wrongs: ["w"],
    longestPauseMillis: 512.4,
    p99Millis: { before: 1.2, during: 3.4, after: 5.6 },
    leaderships: 2,
    twins: ["auth in term 2 was led by n1 and n2"],
    differences: ["auth/acme: n1 1, n2 2"],
    files: 3,
    wrongFiles: ["f"],
    isGreen: false,
  } as const
  const table = tableOf([report])
  for (const cell of ["| 6 |", "512 ms", "1, 3, 6 ms", "TWO IN A TERM", "DIFFER", "WRONG", "RED"])
    expect(table).toContain(cell)
  expect(faultsOf(report)).toHaveLength(10)
  const clean = { ...report, errors: [], twins: [], differences: [], wrongFiles: [], isGreen: true }
  for (const cell of ["| 0 |", "never two in a term", "equal", "right", "green"])
    expect(tableOf([clean])).toContain(cell)
})
