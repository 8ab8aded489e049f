// Does code become one text that needs nothing of the host, or a clear no? And how does that text come to life?

import { afterEach, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import * as Schema from "effect/Schema"
import { bundleActors, bundleSource, codeBytesMax } from "../../src/machine/bundle.ts"
import { ActorsRefused } from "../../src/machine/Registry.ts"
import { evaluateModule } from "../../src/machine/realm/evaluate.ts"

const made: Array<string> = []

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

const directoryOf = (files: Readonly<Record<string, string>>): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-bundle-"))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

const reasonOf = (refused: ActorsRefused): string => {
  expect(refused).toBeInstanceOf(ActorsRefused)
  return refused.problems.map(({ reason }) => reason).join("\n")
}

/** Of a directory with one actor, "orders.ts". */
const fileRefusal = async (text: string, files: Readonly<Record<string, string>> = {}): Promise<string> => {
  const directory = directoryOf({ "actors/orders.ts": text, ...files })
  return reasonOf(await Effect.runPromise(Effect.flip(bundleActors(join(directory, "actors")))))
}

const sourceRefusal = async (source: string): Promise<string> =>
  reasonOf(await Effect.runPromise(Effect.flip(bundleSource({ name: "orders", source }))))

const codeOf = async (source: string): Promise<string> =>
  (await Effect.runPromise(bundleSource({ name: "orders", source }))).code

const fileCode = async (text: string, files: Readonly<Record<string, string>> = {}): Promise<string> => {
  const directory = directoryOf({ "actors/orders.ts": text, ...files })
  return (await Effect.runPromise(bundleActors(join(directory, "actors"))))[0]!.code
}

const anything = "reducers reach nothing but their state, input and ctx"

describe("what a reducer's code may not import", () => {
  const refused: ReadonlyArray<readonly [text: string, reason: string]> = [
    ['\n\nimport fs from "node:fs"\nexport default fs', `line 3 imports node:fs: ${anything}`],
    ['import { join } from "path"\nexport default join', `line 1 imports path: ${anything}`],
    ['import { $ } from "bun"\nexport default $', `line 1 imports bun: ${anything}`],
    [
      'import { Database } from "bun:sqlite"\nexport default Database',
      `line 1 imports bun:sqlite: ${anything}`,
    ],
    ['import { dlopen } from "bun:ffi"\nexport default dlopen', `line 1 imports bun:ffi: ${anything}`],
    ['import "node:nothing"', `line 1 imports node:nothing: ${anything}`],
    [
      'import x from "https://example.org/x.js"\nexport default x',
      `imports https://example.org/x.js: ${anything}`,
    ],
    [
      'import x from "data:text/javascript,1"\nexport default x',
      `imports data:text/javascript,1: ${anything}`,
    ],
    ['export * from "node:fs"', `line 1 imports node:fs: ${anything}`],
    ['export default require("fs")', `line 1 imports fs: ${anything}`],
    ['export default require.resolve("fs")', `line 1 imports fs: ${anything}`],
    ['export default import("node:fs")', "line 1 imports node:fs: a reducer is synchronous"],
    [
      'import { testActor } from "raftlet/testing"\nexport default testActor',
      "line 1 imports raftlet/testing: that is for tests",
    ],
    [
      'import x from "raftlet/src/main.ts"\nexport default x',
      "imports raftlet/src/main.ts: raftlet exports no such thing",
    ],
    ['import x from "effect/http"\nexport default x', "line 1 imports effect/http: of effect, reducers have"],
    [
      'import "effect/schema/SchemaJITCompiler/enable"',
      "imports effect/schema/SchemaJITCompiler/enable: of effect",
    ],
    ["const name = 'a' + Math.random()\nexport default import(name)", "line 2: This import() expression"],
    ["const name = 'a' + Math.random()\nexport default require(name)", "line 2: This require() expression"],
    ["const x = 1\nexport default import.meta.url", `line 2 uses import.meta: ${anything}`],
    ["export default import . meta", `line 1 uses import.meta: ${anything}`],
    ["export default __dirname", `line 1 uses __dirname: ${anything}`],
    ["export default __filename", `line 1 uses __filename: ${anything}`],
    ["export default 1\nawait 1", 'line 2: "await" can only be used inside an "async" function'],
  ]
  test.each(refused)("%p", async (text, reason) => {
    expect(await fileRefusal(text)).toContain(reason)
    expect(await sourceRefusal(text)).toContain(reason)
  })

  test("is named once, with all the others, and with the file that imports it", async () => {
    const text =
      'import "./lib/helper"\nimport "node:fs"\nimport "node:fs"\nimport "node:os"\nexport default 1'
    const lines = await fileRefusal(text, { "actors/lib/helper.ts": '\nimport "node:net"\nexport {}' })
    expect(lines.split("; ").sort()).toEqual([
      `lib/helper.ts line 2 imports node:net: ${anything}`,
      `line 2 imports node:fs: ${anything}`,
      `line 4 imports node:os: ${anything}`,
    ])
  })

  test("reaches the message that an operator sees, behind the file's name", async () => {
    const directory = directoryOf({ "orders.ts": '\n\nimport "node:fs"' })
    const { message } = await Effect.runPromise(Effect.flip(bundleActors(directory)))
    expect(message).toBe(`${join(directory, "orders.ts")}: line 3 imports node:fs: ${anything}`)
  })

  test("does not count where it is a type, a string or a comment", async () => {
    const text = `
      import type { Stats } from "node:fs"
      // import.meta.url, __dirname, import("node:fs")
      export default "import.meta.url import(x) require('fs') __filename" satisfies string | Stats`
    expect(evaluateModule(await codeOf(text))).toBe("import.meta.url import(x) require('fs') __filename")
  })

  test("is refused where a package imports it", async () => {
    const manifest = JSON.stringify({ name: "reads", main: "index.js" })
    const reason = await fileRefusal('import reads from "reads"\nexport default reads', {
      "node_modules/reads/package.json": manifest,
      "node_modules/reads/index.js": 'module.exports = require("fs").readFileSync',
    })
    expect(reason).toBe(`../node_modules/reads/index.js line 1 imports fs: ${anything}`)
  })
})

describe("a macro, which would run while it is bundled,", () => {
  const written = join(tmpdir(), `raftlet-macro-${process.pid}`)
  const call = `export default writeFileSync(${JSON.stringify(written)}, "x")`
  test.each([
    `import { writeFileSync } from "node:fs" with { type: "macro" }\n${call}`,
    `import { writeFileSync } from "node:fs" assert { "type": "\\x6dacro" }\n${call}`,
    `import { writeFileSync } from "macro:node:fs"\n${call}`,
  ])("does not run: %p", async (source) => {
    expect(await sourceRefusal(source)).toContain("Macros are disabled")
    expect(await fileRefusal(source)).toContain("Macros are disabled")
    expect(existsSync(written)).toBe(false)
  })
})

describe("what is bundled in", () => {
  test("are helpers, packages, data and text", async () => {
    const code = await fileCode(
      `import { twice } from "./lib/twice"
       import pure from "pure"
       import data from "./data.json"
       import text from "./words.txt"
       export default [twice(2), pure(3), data.a, text]`,
      {
        "actors/lib/twice.ts": "export const twice = (n: number): number => n * 2",
        "actors/data.json": '{ "a": 1 }',
        "actors/words.txt": "words",
        "node_modules/pure/package.json": '{ "name": "pure", "main": "pure.js" }',
        "node_modules/pure/pure.js": "exports.__esModule = false; module.exports = (n) => n + 1",
      },
    )
    expect(evaluateModule(code)).toEqual([4, 4, 1, "words"])
    expect(code).not.toContain(tmpdir())
  })

  test("is what a package has for browsers, if it makes a difference", async () => {
    const code = await fileCode('import two from "two"\nexport default two', {
      "node_modules/two/package.json": JSON.stringify({
        name: "two",
        exports: { browser: "./pure.js", default: "./node.js" },
      }),
      "node_modules/two/pure.js": "export default 'pure'",
      "node_modules/two/node.js": "import 'node:fs'",
    })
    expect(evaluateModule(code)).toBe("pure")
  })

  test("is nothing that would have to lie beside it", async () => {
    const reason = await fileRefusal('import image from "./a.png"\nexport default image', {
      "actors/a.png": "x",
    })
    expect(reason).toBe("a.png is neither code nor data")
  })

  test("has a limit", async () => {
    const large = `export default ${JSON.stringify("x".repeat(codeBytesMax))}`
    expect(await fileRefusal(large)).toMatch(/^the bundle has \d+ bytes; 1048576 are allowed$/)
    expect(await sourceRefusal(large)).toBe(`the source has ${large.length} bytes; 1048576 are allowed`)
    // Small as a source, large as a bundle: the engine's own words for what was nested or repeated.
    expect((await codeOf(`export default ${JSON.stringify("x".repeat(1000))}`)).length).toBeLessThan(
      codeBytesMax,
    )
  })

  test("gives one version wherever it lies, and another for another code", async () => {
    const files = {
      "orders.ts": 'import { n } from "./lib/n"\nexport default n',
      "lib/n.ts": "export const n = 1",
    }
    const versionOf = async (prefix: string, more: Readonly<Record<string, string>> = {}) => {
      const named = Object.entries({ ...files, ...more }).map(([name, text]) => [join(prefix, name), text])
      const directory = directoryOf(Object.fromEntries(named))
      return (await Effect.runPromise(bundleActors(join(directory, prefix))))[0]!.version
    }
    const version = await versionOf("actors")
    expect(version).toMatch(/^[0-9a-f]{24}$/)
    expect(await versionOf("somewhere/much/deeper")).toBe(version)
    expect(await versionOf("actors", { "lib/n.ts": "export const n = 2" })).not.toBe(version)
  })
})

describe("an uploaded source", () => {
  test("may be TypeScript or JavaScript, and import raftlet and effect", async () => {
    const source = `
      import { Schema } from "effect"
      import * as Hex from "effect/encoding/Hex"
      import { actor } from "raftlet"
      enum Colour { Red }
      interface Unused { readonly a: number }
      export default [Schema.Int, typeof actor, Hex.encode(new Uint8Array([255])), Colour.Red as number]`
    expect(evaluateModule(await codeOf(source))).toEqual([Schema.Int, "function", "ff", 0])
    expect(evaluateModule(await codeOf("module.exports = { a: 1 }"))).toEqual({ a: 1 })
  })

  const alone = "an uploaded module is one file, which imports raftlet and effect alone"
  test.each(["./helper", "../actors/counter.ts", "/etc/hostname", "left-pad", "hono"])(
    "not %s",
    async (path) => {
      const quoted = JSON.stringify(path)
      expect(await sourceRefusal(`import x from ${quoted}\nexport default x`)).toBe(
        `line 1 imports ${path}: ${alone}`,
      )
      for (const type of ["text", "json", "file", "sqlite", "macro"]) {
        const source = `import x from ${quoted} with { type: "${type}" }\nexport default [x, x()]`
        const code = await Effect.runPromise(Effect.result(bundleSource({ name: "orders", source })))
        // The one kind that the bundler keeps to itself finds no file when it is loaded.
        if (code._tag === "Success")
          expect(() => evaluateModule(code.success.code)).toThrow("require is closed")
      }
    },
  )

  test.each([
    [
      'import { counter } from "effect/Metric"\nexport default counter',
      "line 1 imports effect/Metric: closed to reducers: keep it in the state",
    ],
    [
      'import { Metric as M } from "effect"\nexport default () => M.counter("x")',
      "line 1 uses Metric.counter, which is closed to reducers: keep it in the state",
    ],
    [
      'import * as effect from "effect"\n\nexport default effect.Stream',
      "line 3 uses Stream, which is closed to reducers: a reducer computes at once, and alone",
    ],
    [
      'import { Effect } from "effect"\nexport default Effect.request',
      "line 1 uses Effect.request, which is closed to reducers: keep it in the state",
    ],
  ])("nor what of effect is closed: %p", async (source, reason) => {
    expect(await sourceRefusal(source)).toBe(reason)
    // A `leading` may use it; a reducer of the same file hears of it when it does.
    expect(await fileCode(source)).toContain("raftlet-host:effect")
  })

  test("may have what is called like that", async () => {
    const source =
      'import { Effect } from "effect"\nconst Metric = { counter: 1 }\nexport default [Metric.counter, Effect.succeed]'
    expect(await codeOf(source)).toContain("counter")
  })

  test("has the same version under every name", async () => {
    const bundled = await Promise.all(
      ["a", "b"].map((name) => Effect.runPromise(bundleSource({ name, source: "export default 1" }))),
    )
    expect(bundled.map(({ name }) => name)).toEqual(["a", "b"])
    expect(new Set(bundled.map(({ version }) => version)).size).toBe(1)
  })

  test("needs a name that an actor can have", async () => {
    const refused = await Effect.runPromise(Effect.flip(bundleSource({ name: "$actor", source: "" })))
    expect(refused.message).toContain('"$actor" is no name for an actor')
  })

  test.each([
    ["brackets", `export default ${"[".repeat(300_000)}${"]".repeat(300_000)}`],
    ["blocks", `${"{".repeat(300_000)}${"}".repeat(300_000)}`],
    ["types", `type A = ${"X<".repeat(300_000)}1${">".repeat(300_000)}`],
  ])("nested beyond all measure in %s is refused", async (_what, source) => {
    expect(await sourceRefusal(source)).toContain("Maximum call stack size exceeded")
  })
})

describe("a bundled module comes to life", () => {
  test("with the host's own copies of raftlet and effect", async () => {
    const [schema, same] = evaluateModule(
      await codeOf(
        'import * as S from "effect/Schema"\nimport { Schema } from "effect"\nexport default [Schema.Int, S.Int === Schema.Int]',
      ),
    ) as ReadonlyArray<unknown>
    expect(schema).toBe(Schema.Int)
    expect(same).toBe(true)
  })

  test("in the closed realm, so that what it does at the top level is refused when it is loaded", async () => {
    for (const [source, message] of [
      ["const started = Date.now()\nexport default started", "Date.now is closed to reducers: use ctx.now"],
      ["const { random } = Math\nexport default random()", "Math.random is closed to reducers"],
      ["export default class { static at = new Date() }", "new Date() is closed to reducers"],
      ["setTimeout(() => {}, 0)\nexport default 1", "setTimeout is closed to reducers: use ctx.schedule"],
    ] as const) {
      const code = await codeOf(source)
      expect(() => evaluateModule(code)).toThrow(message)
    }
  })

  test("without a hold on what was closed meanwhile, when the realm is open again", async () => {
    const source = `
      const { now } = Date
      const { Date: D, Bun: B } = globalThis
      export default [() => now(), () => D.now(), () => globalThis.fetch("x"), () => B.version, () => Bun.version,
        () => self.process.env, () => global.Math.random()]`
    const [now, ...others] = evaluateModule(await codeOf(source)) as ReadonlyArray<() => unknown>
    for (const run of [now!, ...others.slice(0, -1)]) expect(run).toThrow("is closed to reducers")
  })

  test("strictly, and shows nothing of its own to others", async () => {
    const code = await codeOf(`
      const Bun = 1, self = 2
      class Request {}
      function fetch() { return typeof this }
      export default [Bun, self, Request.name, fetch(), typeof exports_orders, (() => { try { leak = 1 } catch (e) { return e.name } })()]`)
    expect(evaluateModule(code)).toEqual([1, 2, "Request", "undefined", "undefined", "ReferenceError"])
    expect("Request" in globalThis && Reflect.has(globalThis, "leak")).toBe(false)
  })

  test("not at all when its text closes the function that it is put into", () => {
    const beyond = "}}); globalThis.broken = 1; (function () { if (true) {"
    for (const text of [beyond, "} + (globalThis.broken = 1) + {", "}}}"]) {
      expect(() => evaluateModule(text)).toThrow()
    }
    // This much of it can be closed: what follows would stand in a function too, behind its return.
    expect(evaluateModule("}; globalThis.broken = 1; {")).toBeUndefined()
    expect(Reflect.has(globalThis, "broken")).toBe(false)
  })

  test("and cannot import at run time: the engine itself refuses", async () => {
    const loaded = evaluateModule(
      'module.exports = { default: () => import("node:fs") }',
    ) as () => Promise<unknown>
    await expect(loaded()).rejects.toThrow("dynamic import callback was not specified")
    const nested = 'module.exports = { default: async () => (() => import("node:" + "fs"))() }'
    await expect((evaluateModule(nested) as () => Promise<unknown>)()).rejects.toThrow(
      "dynamic import callback",
    )
  })

  test("and cannot require what the host does not give", () => {
    for (const name of [
      "fs",
      "node:fs",
      "raftlet-host:node:fs",
      "raftlet-host:effect/http",
      "raftlet-host:effect/__proto__",
    ]) {
      expect(() => evaluateModule(`require(${JSON.stringify(name)})`)).toThrow(
        /require is closed|there is no/,
      )
    }
  })

  test("with nothing when it exports no default", async () => {
    expect(evaluateModule(await codeOf("export const a = 1"))).toBeUndefined()
    expect(evaluateModule(await codeOf(""))).toBeUndefined()
  })
})
