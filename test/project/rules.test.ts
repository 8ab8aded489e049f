// Does each rule of the gate go red for what it forbids, and stay green for what it allows?

import { describe, expect, test } from "bun:test"
import { importCycles } from "../../scripts/lib/cycles.ts"
import { wrongDirections } from "../../scripts/lib/directions.ts"
import { hostWords } from "../../scripts/lib/host.ts"
import { importsOf } from "../../scripts/lib/imports.ts"
import { leftovers } from "../../scripts/lib/leftovers.ts"
import { brokenLinks } from "../../scripts/lib/links.ts"
import { manifestFaults } from "../../scripts/lib/manifest.ts"
import { sourceFile } from "../../scripts/lib/SourceFile.ts"
import { readPages } from "../../scripts/lib/tree.ts"
import { folder, sources, type Tree } from "./tree.ts"

describe("imports", () => {
  const text = `
    import a, { type B } from "./a.ts"
    import type { C } from "../c.ts"
    import type from "./named-type.ts"
    export * from './d.ts'
    export type { E } from "./e.ts"
    import "./f.ts"
    const g = await import("./g.ts")
    new Worker(new URL("./h.ts", import.meta.url))
    import { actor } from "raftlet"
    import { Effect } from "effect"
    export const from = "./not-imported.ts"
    // import "./comment.ts"
    const text = 'import "./text.ts"'
    Array.from("./also-not.ts")
  `

  test("all forms are found, with where they lead, and no others", () => {
    const imports = importsOf(sourceFile("src/room/file.ts", text))
    expect(imports.map(({ target, typeOnly, line }) => [target, typeOnly, line])).toEqual([
      ["src/room/a.ts", false, 2],
      ["src/c.ts", true, 3],
      ["src/room/named-type.ts", false, 4],
      ["src/room/d.ts", false, 5],
      ["src/room/e.ts", true, 6],
      ["src/room/f.ts", false, 7],
      ["src/room/g.ts", false, 8],
      ["src/room/h.ts", false, 9],
      ["src/index.ts", false, 10],
      [null, false, 11],
    ])
  })
})

describe("room directions", () => {
  const messages = (tree: Tree) => wrongDirections(sources(tree)).map(({ message }) => message)

  test.each([
    ["src/consensus/a.ts", 'import { Effect } from "effect"', "consensus may not use the package effect"],
    ["src/consensus/a.ts", 'import type { B } from "../raft/b.ts"', "consensus may not know raft/b.ts"],
    [
      "src/storage/a.ts",
      'import { step } from "../consensus/step.ts"',
      "storage may not know consensus/step.ts",
    ],
    ["src/transport/a.ts", 'import "../storage/LogStore.ts"', "transport may not know storage/LogStore.ts"],
    ["src/machine/a.ts", 'import "../storage/sqlite.ts"', "machine may not know storage/sqlite.ts"],
    [
      "src/raft/a.ts",
      'import { layer } from "../storage/sqliteLogStore.ts"',
      "raft may not know storage/sqliteLogStore.ts",
    ],
    [
      "src/raft/a.ts",
      'new Worker(new URL("../machine/worker.ts", import.meta.url))',
      "raft may not know machine/worker.ts",
    ],
    ["src/raft/a.ts", 'import { join } from "node:path"', "raft may not use the package node:path"],
    [
      "src/http/a.ts",
      'import type { Node } from "../consensus/node.ts"',
      "http may not know consensus/node.ts",
    ],
    ["src/http/a.ts", 'import { x } from "effectively"', "http may not use the package effectively"],
    ["src/metrics/a.ts", 'import "../raft/Raft.ts"', "metrics may not know raft/Raft.ts"],
    [
      "src/client/a.ts",
      'import { actor } from "../machine/definition.ts"',
      "client may know only types of machine/definition.ts: write import type",
    ],
    ["src/client/a.ts", 'import type { App } from "../http/app.ts"', "client may not know http/app.ts"],
    ["src/client/a.ts", 'import { Effect } from "effect"', "client may not use the package effect"],
    [
      "src/cli/a.ts",
      'import { app } from "../http/app.ts"',
      "cli may know only types of http/app.ts: write import type",
    ],
    ["src/cli/a.ts", 'import "../storage/LogStore.ts"', "cli may not know storage/LogStore.ts"],
    ["src/simulation/a.ts", 'import "../http/app.ts"', "simulation may not know http/app.ts"],
    ["src/simulation/a.ts", 'import "../main.ts"', "simulation may not know main.ts"],
    ["src/machine/a.ts", 'import { actor } from "raftlet"', "machine may not know index.ts"],
    ["src/raft/a.ts", 'import "../../test/b.ts"', "raft may not reach test/b.ts"],
    [
      "src/cellar/a.ts",
      'import "effect"',
      "the room cellar has no rule: give it one in scripts/lib/directions.ts",
    ],
    [
      "actors/a.ts",
      'import "../src/machine/actor.ts"',
      'an actor imports from "raftlet", not src/machine/actor.ts',
    ],
  ])("%s may not say %s", (path, text, message) => {
    expect(messages({ [path]: text })).toEqual([message])
  })

  test.each([
    ["src/consensus/a.ts", 'import { b } from "./b.ts"'],
    [
      "src/storage/a.ts",
      'import type { Entry } from "../consensus/types.ts"; import "bun:sqlite"; import "effect/Schema"',
    ],
    ["src/machine/a.ts", 'import type { StatePosition } from "../storage/StateStore.ts"'],
    [
      "src/raft/a.ts",
      'import { step } from "../consensus/step.ts"; import { LogStore } from "../storage/LogStore.ts"',
    ],
    ["src/http/a.ts", 'import { Raft } from "../raft/Raft.ts"; import { Hono } from "hono/tiny"'],
    ["src/client/a.ts", 'import type { Json } from "../machine/definition.ts"'],
    ["src/simulation/a.ts", 'import { layer } from "../storage/memory.ts"'],
    ["src/main.ts", 'import "./http/app.ts"; import "./cli/run.ts"'],
    ["actors/a.ts", 'import { actor } from "raftlet"; import "./b.ts"'],
    ["test/a.test.ts", 'import "../src/consensus/step.ts"'],
  ])("%s may say %s", (path, text) => {
    expect(messages({ [path]: text })).toEqual([])
  })
})

describe("import circles", () => {
  test("a circle is found once, also one of types, and named whole", () => {
    const tree = {
      "src/a.ts": 'import "./b.ts"',
      "src/b.ts": '\nimport type { C } from "./c.ts"',
      "src/c.ts": 'import "./a.ts"; import "./d.ts"',
      "src/d.ts": "",
    }
    expect(importCycles(sources(tree))).toEqual([
      {
        path: "src/c.ts",
        line: 1,
        message: expect.stringContaining("src/a.ts → src/b.ts → src/c.ts → src/a.ts;"),
      },
    ])
  })

  test("two ways to the same file are no circle", () => {
    const tree = { "a.ts": 'import "./b.ts"; import "./c.ts"', "b.ts": 'import "./c.ts"', "c.ts": "" }
    expect(importCycles(sources(tree))).toEqual([])
  })
})

describe("host time and chance (DESIGN, idea 5)", () => {
  const lines = (text: string, path = "src/raft/a.ts") =>
    hostWords(sources({ [path]: text })).map(({ line, message }) => [line, /\((.*?)\)/.exec(message)?.[1]])

  test.each([
    ["Date.now()", "Date"],
    ["new Date()", "Date"],
    ["Date()", "Date"],
    ["const { now } = Date", "Date"],
    ["performance.now()", "performance"],
    ["process.cpuUsage()", "host clock"],
    ["Math . random()", "Math.random"],
    ["setTimeout(f, 1)", "timers"],
    ["setInterval(f, 1)", "timers"],
    ["setImmediate(f)", "timers"],
    ["queueMicrotask(f)", "timers"],
    ["process.nextTick(f)", "timers"],
    ["crypto.randomUUID()", "host randomness"],
    ["crypto.getRandomValues(a)", "host randomness"],
    ["Bun.randomUUIDv7()", "host randomness"],
    ["Bun.nanoseconds()", "host clock"],
    ["Bun.sleepSync(1)", "host clock"],
    ["process.hrtime.bigint()", "host clock"],
    ["globalThis['Date']", "globalThis"],
    ["new Promise((f) => f)", "Promise"],
    ["Promise.all([])", "Promise"],
    ["p.then((x) => x)", ".then"],
    ["p\n  .then((x) => x)", ".then"],
    ["const f = async () => 1", "async"],
    ["await f", "async"],
  ])("%j is found", (text, word) => {
    for (const room of ["consensus", "raft", "machine", "simulation"]) {
      expect(lines(`\n${text}`, `src/${room}/a.ts`)).toEqual([[expect.any(Number), word]])
    }
  })

  test.each([
    "// Date.now() would lie here",
    'reject("Date.now")',
    "Schema.Date",
    "Clock.currentTimeMillis",
    "Effect.sleep(10).pipe(Effect.andThen(next))",
    "const x = { async: true, Date: 1 }",
    "type P = Promise<void>",
    "effect.performance.now",
  ])("%j is not the host", (text) => {
    expect(lines(text)).toEqual([])
  })

  test("the rooms at the host's edge may ask it", () => {
    for (const room of ["storage", "transport", "http", "cli"]) {
      expect(lines("Date.now()", `src/${room}/a.ts`)).toEqual([])
    }
  })
})

describe("left-overs", () => {
  const found = (text: string) => leftovers(sources({ "test/a.ts": text }), []).map(({ message }) => message)

  test.each([
    ["// TODO later", "TODO: do it, or open an issue"],
    ["/* FIXME */", "FIXME: do it, or open an issue"],
    ["// @ts-ignore", "@ts-ignore: hides a type error"],
    ["// @ts-expect-error", "@ts-expect-error: hides a type error"],
    ["x as any", "as any: as any switches the compiler off"],
    ["test.only('a', f)", ".only(: hides all other tests"],
    ["test.todo('a')", ".todo(: a test that does not exist"],
    ["debugger", "debugger: stops the program"],
  ])("%j is found", (text, message) => {
    expect(found(text)).toEqual([message])
  })

  test.each(["const text = 'TODO'", "// @ts-expect-error a reducer needs a state", "stream.skip(1)"])(
    "%j is none",
    (text) => {
      expect(found(text)).toEqual([])
    },
  )

  test.each([
    "test.skip('a', f)",
    "describe.skipIf(!isLinux)('a', f)",
    "it.if(x)('a', f)",
    "test.skip.each(a)",
  ])("%j needs a reason", (text) => {
    expect(found(text)).toHaveLength(1)
    expect(found(`// skip:\n${text}`)).toHaveLength(1)
    expect(found(`// skip: needs strace\n${text}`)).toEqual([])
    expect(found(`${text} // skip: needs strace`)).toEqual([])
  })

  test("the pages are looked at too", () => {
    expect(leftovers([], [{ path: "README.md", text: "one\nTODO: two" }])).toEqual([
      { path: "README.md", line: 2, message: "TODO: do it, or open an issue" },
    ])
  })
})

describe("links", () => {
  const found = (tree: Tree) => {
    using root = folder(tree)
    return brokenLinks(root.path, readPages(root.path), sources(tree)).map(
      ({ path, line, message }) => `${path}:${line} ${message}`,
    )
  }

  test("links that lead nowhere are found, in pages and in comments", () => {
    const tree = {
      "README.md":
        "# A title\n[a](docs/none.md)\n[b](docs/A.md#none) [c](#none)\n[d](/etc)\n[e](../x)\n\n[f]: docs/none.md",
      "docs/A.md": "## One & two\n![](none.png)\n```sh\n# no heading\n```\n[f](#no-heading)",
      "src/a.ts": "// see docs/NONE.md",
    }
    expect(found(tree)).toEqual([
      "README.md:2 docs/none.md: leads nowhere",
      "README.md:3 docs/A.md#none: there is no such heading",
      "README.md:3 #none: there is no such heading",
      "README.md:4 /etc: leads out of the project",
      "README.md:5 ../x: leads out of the project",
      "README.md:7 docs/none.md: leads nowhere",
      "docs/A.md:2 none.png: leads nowhere",
      "docs/A.md:6 #no-heading: there is no such heading",
      "src/a.ts:1 docs/NONE.md: leads nowhere",
    ])
  })

  test("links that lead somewhere, and what only looks like a link, are left alone", () => {
    const tree = {
      "README.md":
        "# A title\n[a](docs/A.md) [b](docs/A.md#one--two-1 'x') [c](#a-title) [d](https://x.org) [e](docs)\n" +
        "`[no](none.md)`\n```sh\n[no](none.md)\n# no heading\n```\n",
      "docs/A.md": "## One & two\n## `One` & two\n[back](../README.md)",
    }
    expect(found(tree)).toEqual([])
  })
})

describe("versions and dependencies", () => {
  const sound = {
    packageManager: "bun@1.4.5",
    engines: { bun: ">=1.4.5" },
    scripts: { check: "bun scripts/check.ts" },
    dependencies: { hono: "4.0.0" },
    devDependencies: { "@types/bun": "1.4.5" },
  }
  const found = (manifest: object, lock: string | null = "hono@4.0.0\n") => {
    using root = folder({
      "package.json": JSON.stringify({ ...sound, ...manifest }),
      "scripts/check.ts": "",
      "docs/decisions/1.md": "`hono` `@types/bun`",
      ...(lock === null ? {} : { "bun.lock": lock }),
    })
    return manifestFaults(root.path).map(({ message }) => message)
  }

  test("what agrees is left alone", () => {
    expect(found({})).toEqual([])
  })

  test.each([
    [{ packageManager: "bun@^1.4.5" }, "packageManager must pin Bun exactly: bun@X.Y.Z"],
    [{ engines: { bun: ">=1.4.4" } }, "engines.bun must be >=1.4.5, as packageManager says"],
    [{ devDependencies: { "@types/bun": "1.4.4" } }, "@types/bun must be 1.4.5, as packageManager says"],
    [{ dependencies: { hono: "^4.0.0" } }, "hono is ^4.0.0: name one exact version"],
    [{ dependencies: { lodash: "4.0.0" } }, "no page in docs/decisions/ says why `lodash` is needed"],
    [{ scripts: { x: "bun scripts/x.ts --fast" } }, "the script x runs scripts/x.ts, which does not exist"],
  ])("%j is found", (manifest, message) => {
    expect(found(manifest)).toEqual([message])
  })

  test("a lock file that is missing or names a host is found", () => {
    expect(found({}, null)).toHaveLength(1)
    expect(found({}, '"hono@4.0.0", "https://example.org/hono.tgz"')).toEqual(["names a host"])
  })
})
