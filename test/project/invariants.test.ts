// Does the page of invariants go red when what it names moves away?

import { describe, expect, test } from "bun:test"
import { declares, staleInvariants, titlesOf } from "../../scripts/lib/invariants.ts"
import { sourceFile } from "../../scripts/lib/SourceFile.ts"
import { sources, type Tree } from "./tree.ts"

const tree: Tree = {
  "src/consensus/election.ts": "// (HAZARDS E1)\nexport const castVote = () => record()\n",
  "test/paper/elections.test.ts": 'test("one vote per term, for ever (§5.2, E1)", () => {})\n',
  "test/consensus/Checker.ts": "export class Checker {\n  #votesFor(voter: string): void {}\n}\n",
}

const found = (page: string, files: Tree = tree) =>
  staleInvariants([{ path: "docs/INVARIANTS.md", text: page }], sources(files)).map(
    ({ path, line, message }) => `${path}:${line} ${message}`,
  )

const row = (id: string, ...cells: ReadonlyArray<string>) => `| ${[id, "…", ...cells].join(" | ")} |`
const keeper = "`consensus/election.ts: castVote`"
const watcher = '`paper/elections.test.ts: "one vote per term"`'

describe("the page of invariants", () => {
  test("is sound while function, test and checker are there", () => {
    expect(found(row("E1", keeper, watcher))).toEqual([])
    expect(found(row("E1", keeper, "`consensus/Checker.ts: votesFor`"))).toEqual([])
  })

  test.each([
    ["`consensus/voting.ts: castVote`", "consensus/voting.ts: castVote: there is no such file"],
    [
      "`consensus/election.ts: giveVote`",
      "consensus/election.ts: giveVote: src/consensus/election.ts declares no such name",
    ],
    // Called there, but not its own.
    [
      "`consensus/election.ts: record`",
      "consensus/election.ts: record: src/consensus/election.ts declares no such name",
    ],
    [
      '`paper/elections.test.ts: "two votes"`',
      'paper/elections.test.ts: "two votes": test/paper/elections.test.ts has no such test',
    ],
  ])("that names %s is stale", (reference, message) => {
    expect(found(row("E1", keeper, watcher, reference))).toEqual([`docs/INVARIANTS.md:1 ${message}`])
  })

  test("that names one of two files does not say which", () => {
    const files = { ...tree, "test/consensus/election.ts": "export const castVote = 1" }
    expect(found(row("E1", keeper, watcher), files)).toEqual([
      "docs/INVARIANTS.md:1 consensus/election.ts: castVote: " +
        "may mean src/consensus/election.ts or test/consensus/election.ts",
    ])
  })

  test("names for each property what keeps it and what watches it, or says that it is not covered", () => {
    const missing = (what: string) =>
      `docs/INVARIANTS.md:1 E1 does not name ${what}, nor says that it is not covered`
    expect(found(row("E1", keeper))).toEqual([missing("what watches it")])
    expect(found(row("E1", watcher))).toEqual([missing("what keeps it")])
    expect(found(row("E1", keeper, "not covered: later"))).toEqual([])
  })

  test("leaves no id out, and explains all that code and tests speak of", () => {
    const both = [row("E1", keeper, watcher), row("E3", keeper, watcher)].join("\n")
    expect(found(both)).toEqual(["docs/INVARIANTS.md:2 E3 stands where E2 belongs"])
    const files = {
      ...tree,
      "src/raft/a.ts": "\n// as HAZARDS S4 and R2 want it",
      "test/a.test.ts": 'test("a (E2)", f)',
    }
    expect(found(row("E1", keeper, watcher), files)).toEqual([
      "src/raft/a.ts:2 S4 is not explained in docs/INVARIANTS.md",
      "src/raft/a.ts:2 R2 is not explained in docs/INVARIANTS.md",
      "test/a.test.ts:1 E2 is not explained in docs/INVARIANTS.md",
    ])
  })

  test("is missed when it is not there", () => {
    expect(staleInvariants([], [])).toEqual([{ path: "docs/INVARIANTS.md", line: 1, message: "is missing" }])
  })
})

describe("what a file declares", () => {
  const file = sourceFile(
    "a.ts",
    `export const one = 1
function two() {}
class Three {
  readonly four = 4
  twelve = (of: number): number => {
    thirteen = of
    return eight
  }
  #five = 5
  static six(of: { readonly a: () => void }): void {
    seven(of)
  }
  get eight(): number { return 8 }
}
export type Nine = "ten" // eleven
`,
  )

  test.each(["one", "two", "Three", "four", "six", "eight", "Nine", "twelve"])("%s", (name) => {
    expect(declares(file, name)).toBe(true)
  })

  test.each(["five", "seven", "ten", "eleven", "thirteen", "a.b", ""])("and not %j", (name) => {
    expect(declares(file, name)).toBe(false)
  })
})

test("the titles of a file are found in all their forms, and nothing else", () => {
  const text = `
    test("a", () => {})
    describe.each([["x", 1]])('b %s', f)
    test.skipIf(!traced)(
      "c",
      f,
    )
    test(\`d \${one("no")}\`, f)
    // test("no", f)
    call("no")
  `
  expect(titlesOf(sourceFile("a.test.ts", text))).toEqual(["a", "b %s", "c", `d \${one("no")}`])
})
