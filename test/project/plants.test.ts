// Are the planted bugs still those of this code, and does their runner tell the truth?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { hazards } from "../../scripts/plants/hazards.ts"
import { filesOf, type Plant, PlantMisfit, withBug } from "../../scripts/plants/Plant.ts"
import { pagePath, renderPage } from "../../scripts/plants/page.ts"
import { allPlants, themes } from "../../scripts/plants/patches.ts"
import { misfitExitCode, type Verdict } from "../../scripts/plants/trial.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const root = join(import.meta.dir, "../..")
const textOf = (file: string): string => readFileSync(join(root, file), "utf8")

describe("every bug", () => {
  test.each(allPlants.map((plant) => [plant.id, plant] as const))(
    "%s has one place in today's source, and is a program there",
    (_, plant) => {
      const transpiler = new Bun.Transpiler({ loader: "ts" })
      for (const file of filesOf(plant)) {
        const changed = withBug(plant, file, textOf(file))
        expect(changed).not.toBe(textOf(file))
        expect(transpiler.transformSync(changed)).not.toBe(transpiler.transformSync(textOf(file)))
      }
    },
  )

  test("has an id of its own, and a title that no other has", () => {
    const ids = allPlants.map(({ id }) => id)
    expect(ids.filter((id, at) => !/^[a-z]+(-[a-z]+)*$/.test(id) || ids.indexOf(id) !== at)).toEqual([])
    const titles = allPlants.map(({ title }) => title)
    expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([])
  })

  test("is in the product, not in its tests", () => {
    expect(allPlants.flatMap(filesOf).filter((file) => !file.startsWith("src/"))).toEqual([])
  })

  test("that a test of its own watches names one that is there", () => {
    const missing = allPlants.flatMap(({ id, test }) =>
      test === undefined || (existsSync(join(root, test.file)) && textOf(test.file).includes(test.name))
        ? []
        : [id],
    )
    expect(missing).toEqual([])
  })
})

describe("the bugs that everybody plants", () => {
  test("are each planted, or say why not", () => {
    const planted = new Set(allPlants.flatMap(({ hazard }) => (hazard === undefined ? [] : [hazard])))
    const wrong = hazards.filter(({ name, absent }) => planted.has(name) === (absent !== undefined))
    expect(wrong).toEqual([])
    expect(hazards.length).toBe(54)
  })

  test("are known by the names that the patches use, under the same theme", () => {
    const known = new Set(hazards.map(({ theme, name }) => `${theme}: ${name}`))
    const unknown = themes.flatMap(({ name, plants }) =>
      plants.flatMap(({ id, hazard }) =>
        hazard === undefined || known.has(`${name}: ${hazard}`) ? [] : [`${id}: ${hazard}`],
      ),
    )
    expect(unknown).toEqual([])
  })
})

describe("a patch", () => {
  const plant: Plant = {
    id: "a-plant",
    title: "…",
    edits: [
      { file: "src/a.ts", find: "one", replace: "$& two" },
      { file: "src/a.ts", find: "three", replace: "" },
      { file: "src/b.ts", find: "x", replace: "y" },
    ],
  }

  test("is put in as it stands, in each of its files", () => {
    expect(withBug(plant, "src/a.ts", "one, three")).toBe("$& two, ")
    expect(withBug(plant, "src/b.ts", "x")).toBe("y")
  })

  test.each([
    ["gone", "three", "a-plant: src/a.ts holds this 0 times, not once:\none"],
    ["there twice", "one three three", "a-plant: src/a.ts holds this 2 times, not once:\nthree"],
  ])("whose place is %s does not fit", (_, text, message) => {
    expect(() => withBug(plant, "src/a.ts", text)).toThrow(new PlantMisfit(message))
  })

  test("that does not exist ends the process before anything could look like a catch", () => {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, "-e", "0"], {
      env: {
        ...process.env,
        RAFTLET_PLANT: "nothing",
        BUN_OPTIONS: `--preload=${join(root, "scripts/plants/preload.ts")}`,
      },
      stderr: "pipe",
    })
    expect(exitCode).toBe(misfitExitCode)
    expect(stderr.toString()).toContain('there is no plant "nothing"')
  })
})

describe("the runner", () => {
  const run = async (...args: ReadonlyArray<string>) => {
    const child = Bun.spawn(
      [process.execPath, "scripts/plants.ts", "--simulation", "test/project/fakeSimulation.ts", ...args],
      { cwd: root, stdout: "pipe", stderr: "pipe" },
    )
    const [out, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    return { code: await child.exited, lines: out.trim().split("\n"), errors }
  }

  test("plants the bug in the process, its threads and its children, and says who caught it when", async () => {
    expect(await run("--only", "quorum-of-half")).toEqual({
      code: 0,
      lines: [
        "ok   quorum-of-half  seed 17, linearizability: majority of five: 2 here, 2 in a thread, 2 in a process",
        "plants: all 1 caught",
      ],
      errors: "",
    })
  })

  test("lets a seed that is red without the bug prove nothing", async () => {
    const { code, lines } = await run("--only", "commit-to-last-index,commit-older-term", "--seeds", "9")
    expect(code).toBe(1)
    expect(lines).toContain(
      "ok   commit-to-last-index  seed 4, linearizability: majority of five: 3 here, 3 in a thread, 3 in a process",
    )
    expect(lines).toContain("FAIL commit-older-term     not within 9 seeds")
  })

  test("fails for what nobody caught, and for what broke without a word", async () => {
    const { code, lines } = await run(
      "--only",
      "commit-older-term,ack-before-sync",
      "--jobs",
      "1",
      "--seeds",
      "3",
    )
    expect(code).toBe(1)
    expect(lines[0]).toBe("FAIL commit-older-term  not within 3 seeds")
    expect(lines[1]).toStartWith("FAIL ack-before-sync    exit code 1: ")
    expect(lines.at(-1)).toBe("plants: 2 of 2 not caught: commit-older-term, ack-before-sync")
  })

  test("runs the test that a bug names, with and without the bug", async () => {
    const { code, lines } = await run("--only", "sqlite-damaged-wal-trusted")
    expect(code).toBe(0)
    expect(lines[0]).toContain("before its last transaction is corrupt")
  })

  test.each([
    [["--only", "nothing"], "there is no plant nothing: see --list"],
    [["--seeds", "many"], "--seeds, --jobs and --minutes want numbers"],
    [["--unknown"], "Unknown option '--unknown'"],
  ])("%p is a wrong word", async (args, message) => {
    const { code, errors } = await run(...args)
    expect(code).toBe(2)
    expect(errors).toStartWith(message)
  })
})

describe("the page", () => {
  const caught = (seeds: number): Verdict => ({
    kind: "simulation",
    seed: seeds,
    seeds,
    checker: "one leader | term",
    message: "",
  })
  const first = renderPage(new Map([["vote-not-persisted", caught(4)]]), "")

  test("has a row for each bug, in the order of the patches, and the same ones for the same results", () => {
    const ids = [...first.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!)
    expect(ids).toEqual(allPlants.map(({ id }) => id))
    expect(first).toContain("| 4 | one leader \\| term |")
    expect(renderPage(new Map([["vote-not-persisted", caught(4)]]), "")).toBe(first)
  })

  test("keeps the rows of what was not tried, and no row of what is gone", () => {
    const missed: Verdict = { kind: "missed", seeds: 1000 }
    const second = renderPage(new Map([["quorum-of-half", missed]]), `${first}| \`of-old\` | … |\n`)
    expect(second).toContain("| 4 | one leader \\| term |")
    expect(second).toContain("| none of 1000 | **not caught** |")
    expect(second).not.toContain("of-old")
  })

  test("that lies in the docs knows today's bugs and no others", () => {
    expect(renderPage(new Map(), textOf(pagePath))).toBe(textOf(pagePath))
  })
})
