// Does a directory of actors load, and does a broken file say which it is and why?

import { afterEach, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import { loadActors } from "../../src/machine/modules.ts"
import { ActorsRefused, registryOf } from "../../src/machine/Registry.ts"

const made: Array<string> = []

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** Far from any node_modules. */
const directoryOf = (files: Readonly<Record<string, string>>): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-actors-"))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

const load = (files: Readonly<Record<string, string>>) => Effect.runPromise(loadActors(directoryOf(files)))

const problemsOf = async (
  files: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> => {
  const refused = await Effect.runPromise(Effect.flip(loadActors(directoryOf(files))))
  expect(refused).toBeInstanceOf(ActorsRefused)
  for (const { file, reason } of refused.problems) expect(refused.message).toContain(`${file}: ${reason}`)
  return Object.fromEntries(refused.problems.map(({ file, reason }) => [file.split("/").at(-1)!, reason]))
}

const good = `
import { Schema } from "effect"
import { actor } from "raftlet"
export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: { add: { output: Schema.Int, reduce: (state) => ({ state, result: state.value }) } },
  queries: {},
})
`

describe("an actors directory outside of any package", () => {
  test("gives one actor per file or folder, named after it, with helpers beside them", async () => {
    const registry = await load({
      "one.ts": good,
      "two.js": good
        .replace("0 }", "helper }")
        .replace("export", 'import { helper } from "./lib/helper"\nexport'),
      "three/index.ts": good,
      "lib/helper.ts": "export const helper: number = 7",
      "README.md": "not code",
      "one.test.ts": "throw 1",
      "types.d.ts": "export type A = 1",
      ".hidden.ts": "throw 1",
      "_draft.ts": "throw 1",
    })
    expect([...registry.current.keys()].sort()).toEqual(["one", "three", "two"])
    expect(registry.current.get("two")?.initialText).toBe('{"value":7}')
  })

  test("shares effect with the host, also by its submodules", async () => {
    const registry = await load({
      "one.ts": good.replace('import { Schema } from "effect"', 'import * as Schema from "effect/Schema"'),
    })
    expect(registry.current.has("one")).toBe(true)
  })

  test("may be empty", async () => {
    expect((await load({})).current.size).toBe(0)
  })

  test("that is missing is refused", async () => {
    const refused = await Effect.runPromise(Effect.flip(loadActors(join(tmpdir(), "raftlet-no-such"))))
    expect(refused.message).toContain("raftlet-no-such: the actors directory cannot be read")
  })
})

describe("a version is the hash of the code", () => {
  const versionOf = async (files: Readonly<Record<string, string>>) =>
    (await load(files)).current.get("one")!.version

  test("equal for equal files, wherever they lie, and whatever the comments say", async () => {
    const version = await versionOf({ "one.ts": good })
    expect(version).toMatch(/^[0-9a-f]{24}$/)
    expect(await versionOf({ "one.ts": good, "two.ts": good })).toBe(version)
    expect(await versionOf({ "one.ts": `// ${Math.PI}\n${good}` })).toBe(version)
  })

  test("another when the file or a helper of it changes", async () => {
    const withHelper = good.replace("export", 'import { n } from "./lib/n"\nexport').replace("0 }", "n }")
    const versions = [
      await versionOf({ "one.ts": good }),
      await versionOf({ "one.ts": good.replace("value: 0", "value: 1") }),
      await versionOf({ "one.ts": withHelper, "lib/n.ts": "export const n = 1" }),
      await versionOf({ "one.ts": withHelper, "lib/n.ts": "export const n = 2" }),
    ]
    expect(new Set(versions).size).toBe(4)
  })
})

describe("a broken file is named with its reason", () => {
  const schemaOf = (schema: string, initial: string) =>
    good.replace("Schema.Struct({ value: Schema.Int })", schema).replace("{ value: 0 }", initial)
  const broken: ReadonlyArray<readonly [string, string, string | RegExp]> = [
    ["a syntax error", "export default {", /^line 1: /],
    ["no default export", "export const a = 1", "it has no default export"],
    [
      "a default export that is no actor",
      "export default { version: 1 }",
      "its default export is not an actor",
    ],
    ["a throw", 'throw new Error("at the top")', "it fails when loaded: at the top"],
    ["a missing module", 'import "./nowhere"\n', /nowhere/],
    ["a missing package", 'import "left-pad"\n', /left-pad/],
    ["a submodule that effect does not have", 'import "effect/Nowhere"\n', /effect\/Nowhere/],
    [
      "a version that is none",
      good.replace("version: 1", "version: 0"),
      "version: expected an integer from 1 to 10000",
    ],
    [
      "a version of which there cannot be so many",
      good.replace("version: 1", "version: 20000000"),
      "version: expected an integer from 1 to 10000",
    ],
    ["a state that is no schema", schemaOf("{}", "{}"), "state: expected a schema"],
    [
      "an initial state that is none",
      good.replace("value: 0", 'value: "0"'),
      /^initial: not a state: at \/value/,
    ],
    [
      "a state that is not JSON",
      schemaOf("Schema.Struct({ at: Schema.Date })", "{ at: new Date(0) }"),
      "state: /at is not JSON (Declaration)",
    ],
    ["a state with a big integer", schemaOf("Schema.BigInt", "0n"), "state: the whole is not JSON (BigInt)"],
    ["no commands", good.replace(/commands: .*/, ""), "commands: expected an object"],
    [
      "a command without a reducer",
      good.replace(/reduce: .*? \}\) \}/, "}"),
      "commands.add.reduce: expected a function",
    ],
    [
      "a command without an output",
      good.replace("output: Schema.Int,", ""),
      "commands.add.output: expected a schema",
    ],
    [
      "an asynchronous reducer",
      good.replace("(state) =>", "async (state) =>"),
      "commands.add.reduce: must be synchronous",
    ],
    [
      "a generator",
      good
        .replace("reduce: (state) =>", "reduce: function* (state)")
        .replace("({ state, result: state.value })", "{}"),
      "must be synchronous",
    ],
    [
      "a misspelt field of a command",
      good.replace("output", "ouput"),
      'commands.add: has no field "ouput": output is meant, most likely',
    ],
    [
      "a misspelt field of a query",
      good.replace("queries: {}", "queries: { value: { output: Schema.Int, raed: ({ value }) => value } }"),
      'queries.value: has no field "raed": read is meant, most likely',
    ],
    [
      "a misspelt field of an actor",
      good.replace("initial", "intial"),
      'an actor has no field "intial": initial is meant, most likely',
    ],
    [
      "misspelt queries, which might have been left out",
      good.replace("queries", "querys"),
      'an actor has no field "querys": queries is meant, most likely',
    ],
    [
      "misspelt migrations, which might have been left out",
      good.replace("queries: {}", "migratoins: {}"),
      'an actor has no field "migratoins": migrate is meant, most likely',
    ],
    [
      "a misspelt way down",
      good
        .replace("version: 1", "version: 2")
        .replace("queries: {}", "migrate: { 2: { up: (state) => state, donw: (state) => state } }"),
      'migrate.2: has no field "donw": down is meant, most likely',
    ],
    [
      "a field of nothing that an actor has",
      good.replace("queries: {}", "colour: 3"),
      'an actor has no field "colour"; there are version, state, initial, commands, queries, migrate, leading',
    ],
    [
      "a field with a name without end",
      good.replace("queries: {}", '["k".repeat(100000)]: 1'),
      `an actor has no field "${"k".repeat(64)}…"; there are version`,
    ],
    [
      "a group that nobody could call so",
      good.replace("queries: {}", 'group: "all/orders"'),
      "group: expected a name of a group: letters, digits, - and _, a letter first, at most 63",
    ],
    [
      "a group that is no text",
      good.replace("queries: {}", "group: null"),
      "group: expected a name of a group",
    ],
    [
      "no shards at all",
      good.replace("queries: {}", "shards: 0"),
      "shards: expected an integer from 1 to 1024",
    ],
    [
      "more shards than there may be",
      good.replace("queries: {}", "shards: 1025"),
      "shards: expected an integer from 1 to 1024",
    ],
    [
      "shards whose groups would have names that are too long",
      good.replace("queries: {}", 'shards: 8, group: "g".repeat(62)'),
      `shards: the last of their groups would be called ${"g".repeat(62)}-8, and 64 characters are more than 63`,
    ],
    ["a command that no URL can name", good.replace("add:", '"a/b":'), "commands.a/b: no name"],
  ]
  for (const [what, text, reason] of broken) {
    test(what, async () => {
      const problems = await problemsOf({ "bad.ts": text, "good.ts": good })
      expect(Object.keys(problems)).toHaveLength(1)
      const [file, said] = Object.entries(problems)[0]!
      expect(file).toMatch(/^bad/)
      if (typeof reason === "string") expect(said).toContain(reason)
      else expect(said).toMatch(reason)
    })
  }

  test("a name that is none", async () => {
    expect((await problemsOf({ "my actor.ts": good }))["my actor.ts"]).toContain("no name for an actor")
  })

  test("two files for one actor", async () => {
    expect(Object.values(await problemsOf({ "one.ts": good, "one/index.ts": good }))).toEqual([
      'the actor "one" is defined twice',
    ])
  })

  test("all of them at once", async () => {
    const problems = await problemsOf({ "a.ts": "export default", "b.ts": "export default", "c.ts": good })
    expect(Object.keys(problems)).toEqual(["a.ts", "b.ts"])
  })

  test("also among definitions at hand", () => {
    const date = actor({ version: 1, state: Schema.Date, initial: new Date(0), commands: {} })
    expect(() => registryOf({ date })).toThrow("date: state: the whole is not JSON")
    const misspelt = { version: 1, state: Schema.Int, initial: 0, commands: {}, Quieries: {} }
    expect(() => registryOf({ count: actor(misspelt) })).toThrow(
      'count: an actor has no field "Quieries": queries is meant',
    )
  })
})

describe("where an actor is to live", () => {
  const plain = { version: 1, state: Schema.Int, initial: 0, commands: {} }

  test("is told of its version, as far as its definition says so", () => {
    const registry = registryOf({
      here: actor(plain),
      there: actor({ ...plain, group: "sales" }),
      spread: actor({ ...plain, group: "sales", shards: 8 }),
    })
    const told = (name: string) => manifestOf(registry.current.get(name)!)
    expect(told("there")).toMatchObject({ group: "sales" })
    expect(told("spread")).toMatchObject({ group: "sales", shards: 8 })
    // What is stored of a definition without them is what it was before there were any.
    expect(Object.keys(told("here"))).not.toContain("group")
    expect(Object.keys(told("here"))).not.toContain("shards")
    expect(Object.keys(told("there"))).not.toContain("shards")
  })

  test("may be said up to the longest name of a group", () => {
    const spread = actor({ ...plain, group: "g".repeat(58), shards: 1024 })
    expect(registryOf({ spread }).current.size).toBe(1)
  })
})

describe("schemas whose encoded side is JSON", () => {
  const Tree: Schema.Codec<{ readonly kids: ReadonlyArray<unknown> }> = Schema.Struct({
    kids: Schema.Array(Schema.suspend((): Schema.Codec<{ readonly kids: ReadonlyArray<unknown> }> => Tree)),
  })
  const allowed: ReadonlyArray<readonly [string, Schema.ConstraintCodec<unknown, unknown, never, never>]> = [
    ["a moment as text", Schema.DateTimeUtcFromString],
    ["an optional field", Schema.Struct({ a: Schema.optional(Schema.Int) })],
    ["any JSON", Schema.Json],
    ["a tuple", Schema.Tuple([Schema.Int, Schema.String])],
    ["a choice", Schema.Union([Schema.Literal("a"), Schema.Null])],
    ["a tree", Tree],
  ]
  for (const [what, schema] of allowed) {
    test(`${what} may be an input`, () => {
      const command = {
        input: schema,
        output: Schema.Null,
        reduce: (state: null) => ({ state, result: null }),
      }
      const one = actor({ version: 1, state: Schema.Null, initial: null, commands: { command } })
      expect(registryOf({ one }).current.size).toBe(1)
    })
  }

  const refused: ReadonlyArray<
    readonly [string, Schema.ConstraintCodec<unknown, unknown, never, never>, string]
  > = [
    ["a map", Schema.HashMap(Schema.String, Schema.Int), "(Declaration)"],
    ["nothing at all", Schema.Void, "use Schema.Null"],
    ["a date deep inside", Schema.Array(Schema.Struct({ at: Schema.Date })), "/*/at is not JSON"],
    ["a symbol", Schema.Symbol, "use a string"],
  ]
  for (const [what, schema, reason] of refused) {
    test(`${what} may not`, () => {
      const command = {
        input: schema,
        output: Schema.Null,
        reduce: (state: null) => ({ state, result: null }),
      }
      const one = actor({ version: 1, state: Schema.Null, initial: null, commands: { command } })
      expect(() => registryOf({ one })).toThrow(reason)
    })
  }
})
