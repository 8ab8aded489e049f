// Does a metering file come to its place whole, under a name of its own, and is nothing ever written over?

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Option } from "effect"
import fc from "fast-check"
import { ReadFailed } from "raftlet"
import { openDiskFiles } from "../../actors/metering/diskFiles.ts"
import { FileFailed, type Files, inName, pathOf } from "../../actors/metering/files.ts"
import { type Desk, keepFiling } from "../../actors/metering/filing.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const { RAFTLET_METERING_DIR, RAFTLET_DATA } = process.env
const temporary: Array<string> = []
afterEach(() => {
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true })
  for (const [name, value] of Object.entries({ RAFTLET_METERING_DIR, RAFTLET_DATA })) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

/** A place for files, as the nodes of a cluster find it that share a directory. */
const place = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-metering-"))
  temporary.push(directory)
  process.env["RAFTLET_METERING_DIR"] = join(directory, "shared")
  return join(directory, "shared")
}

const open = (node = "n1", term = 1): Promise<Files> =>
  Effect.runPromise(openDiskFiles({ node, group: "metering-1", term }))

const put = (files: Files, path: string, text: string): Promise<void> =>
  Effect.runPromise(files.put({ [path]: text }))

describe("a directory for files", () => {
  test("holds each file whole, and nothing else", async () => {
    const root = place()
    const files = await open()
    await put(files, "hour/2026-01-01T00Z/acme.jsonl", "one\n")
    await put(files, "hour/2026-01-01T00Z/acme.csv", "two\n")
    expect(readFileSync(join(root, "hour/2026-01-01T00Z/acme.jsonl"), "utf8")).toBe("one\n")
    expect(readdirSync(join(root, "hour/2026-01-01T00Z")).sort()).toEqual(["acme.csv", "acme.jsonl"])
    expect(readdirSync(join(root, ".unfinished/n1/metering-1/1"))).toEqual([])
  })

  test("takes the same file again, of another leader or the same, and leaves it as it is", async () => {
    const root = place()
    await put(await open("n1", 1), "day/2026-01-01/acme.jsonl", "one\n")
    const { ino } = statSync(join(root, "day/2026-01-01/acme.jsonl"))
    await put(await open("n2", 2), "day/2026-01-01/acme.jsonl", "one\n")
    expect(statSync(join(root, "day/2026-01-01/acme.jsonl")).ino).toBe(ino)
  })

  test("writes over nothing: another file of that name is a failure that says what may be wrong", async () => {
    const root = place()
    const files = await open()
    mkdirSync(join(root, "day/2026-01-01"), { recursive: true })
    writeFileSync(join(root, "day/2026-01-01/acme.jsonl"), "another\n")
    const failure = await Effect.runPromise(Effect.flip(files.put({ "day/2026-01-01/acme.jsonl": "one\n" })))
    expect(failure.message).toContain("day/2026-01-01/acme.jsonl: there is another file of this name")
    expect(readFileSync(join(root, "day/2026-01-01/acme.jsonl"), "utf8")).toBe("another\n")
  })

  test("is written over by nobody, also when two clusters come with other bytes at once", async () => {
    const root = place()
    const clusters = [await open("n1", 1), await open("n2", 1)]
    for (let at = 0; at < 50; at++) {
      const path = `minute/w${at}/acme.jsonl`
      const done = await Promise.allSettled(clusters.map((files, which) => put(files, path, `${which}\n`)))
      const told = done.findIndex(({ status }) => status === "fulfilled")
      expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
      expect(readFileSync(join(root, path), "utf8")).toBe(`${told}\n`)
    }
    // Two nodes of one cluster come with the same.
    for (let at = 0; at < 50; at++)
      await Promise.all(clusters.map((files) => put(files, `minute/w${at}/other.jsonl`, "one\n")))
    expect(readdirSync(join(root, ".unfinished/n2/metering-1/1"))).toEqual([])
  })

  test("waits for nothing that is no file: a pipe, a folder, a link to nowhere", async () => {
    const root = place()
    const files = await open()
    mkdirSync(join(root, "day/folder.jsonl"), { recursive: true })
    symlinkSync(join(root, "nowhere"), join(root, "day/link.jsonl"))
    Bun.spawnSync(["mkfifo", join(root, "day/pipe.jsonl")])
    for (const name of ["folder", "link", "pipe"]) {
      const put = Effect.timeoutOption(
        Effect.flip(files.put({ [`day/${name}.jsonl`]: "one\n" })),
        "5 seconds",
      )
      expect([name, Option.isSome(await Effect.runPromise(put))]).toEqual([name, true])
    }
    expect(existsSync(join(root, "nowhere"))).toBe(false)
  })

  test("forgets what an earlier leadership on this node has left unfinished, and no other's", async () => {
    const root = place()
    for (const [node, group] of [
      ["n1", "metering-1"],
      ["n1", "metering-2"],
      ["n2", "metering-1"],
    ]) {
      mkdirSync(join(root, ".unfinished", node!, group!, "1"), { recursive: true })
      writeFileSync(join(root, ".unfinished", node!, group!, "1", "1"), "ha")
    }
    await open("n1", 2)
    expect(existsSync(join(root, ".unfinished/n1/metering-1/1"))).toBe(false)
    expect(existsSync(join(root, ".unfinished/n1/metering-2/1/1"))).toBe(true)
    expect(existsSync(join(root, ".unfinished/n2/metering-1/1/1"))).toBe(true)
  })

  test("is in the node's data directory where nobody says another one, and is none without either", async () => {
    const root = place()
    delete process.env["RAFTLET_METERING_DIR"]
    process.env["RAFTLET_DATA"] = join(root, "..", "n1")
    await put(await open(), "day/2026-01-01/acme.csv", "one\n")
    expect(readFileSync(join(root, "../n1/metering/day/2026-01-01/acme.csv"), "utf8")).toBe("one\n")
    delete process.env["RAFTLET_DATA"]
    await expect(open()).rejects.toThrow("neither RAFTLET_METERING_DIR nor RAFTLET_DATA")
  })

  test("takes a tenant of any name", async () => {
    const root = place()
    const files = await open()
    const tenants = ["../../etc/passwd", ".", "a/b", "Ä\u0000ß\n", "x".repeat(512), "%2f", "-"]
    for (const tenant of tenants) await put(files, pathOf("day/2026-01-01", tenant, "jsonl"), tenant)
    const found = readdirSync(join(root, "day/2026-01-01"), { recursive: true, withFileTypes: true })
    const texts = found.flatMap((one) =>
      one.isFile() ? [readFileSync(join(one.parentPath, one.name), "utf8")] : [],
    )
    expect(texts.toSorted()).toEqual(tenants.toSorted())
  })
})

describe("the name of a tenant as that of a file", () => {
  test("is another one for each, also where capitals and small letters are the same", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 40 }),
        fc.string({ maxLength: 40 }),
        (one, other) => {
          const isSame = inName(one).toLowerCase() === inName(other).toLowerCase()
          expect(isSame).toBe(one === other)
        },
      ),
    )
    expect(["Acme", "acme", ".acme", "a+b"].map(inName)).toEqual(["%41cme", "acme", "%2eacme", "a%2bb"])
  })

  test("has parts that every file system takes, and no part is a folder to one and a file to another", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 512 }), (tenant) => {
        const parts = pathOf("day/2026-01-01", tenant, "jsonl").split("/").slice(2)
        for (const part of parts) expect(part).toMatch(/^[a-z0-9%_.-]{1,206}\+?$/)
        expect(parts.map((part) => part.endsWith("+"))).toEqual(parts.map((_, at) => at < parts.length - 1))
      }),
      { numRuns: 30 },
    )
  })
})

/** Tenants whose file, one each, waits until it is confirmed. */
class FakeDesk implements Desk {
  readonly waiting_: Map<string, boolean>
  asked: Array<string> = []
  readonly elsewhere: string | null

  constructor(tenants: ReadonlyArray<string>, elsewhere: string | null = null) {
    this.waiting_ = new Map(tenants.map((tenant) => [tenant, true]))
    this.elsewhere = elsewhere
  }

  readonly tenants: Desk["tenants"] = (after) => {
    const all = [...this.waiting_.keys()].sort().filter((key) => key > after)
    const page = all.slice(0, 2)
    const instances = page.map((key) => ({ key, revision: this.waiting_.get(key) === true ? 1 : 2 }))
    return Effect.succeed({ instances, next: all.length > 2 ? page[1]! : null })
  }
  readonly waiting: Desk["waiting"] = (tenant) =>
    Effect.suspend(() => {
      this.asked.push(tenant)
      if (tenant === this.elsewhere)
        return Effect.fail(new ReadFailed({ code: "elsewhere", message: "", reason: null }))
      const isWaiting = this.waiting_.get(tenant) === true
      return Effect.succeed({ result: isWaiting ? ["day/2026-01-01"] : [], revision: isWaiting ? 1 : 2 })
    })
  readonly texts: Desk["texts"] = () => Effect.succeed({ result: { jsonl: "text\n", csv: "csv\n" } })
  readonly confirm: Desk["confirm"] = (tenant) => Effect.sync(() => void this.waiting_.set(tenant, false))
}

describe("whoever writes files", () => {
  test("writes those of all others when one cannot be written, and fails then", async () => {
    const desk = new FakeDesk(["a", "b", "c", "d", "e"])
    const written: Array<string> = []
    const files: Files = {
      put: (texts) => {
        const [path = ""] = Object.keys(texts)
        return path.includes("/b.")
          ? Effect.fail(new FileFailed({ path, message: "no room" }))
          : Effect.sync(() => void written.push(...Object.keys(texts)))
      },
    }
    const failure = await Effect.runPromise(Effect.flip(keepFiling(files, desk)))
    expect(failure.message).toBe("no room")
    expect([...desk.waiting_].filter(([, isWaiting]) => isWaiting).map(([tenant]) => tenant)).toEqual(["b"])
    expect(written).toHaveLength(8)
  })

  test("leaves tenants alone that have gone elsewhere, and asks nobody again who has not changed", async () => {
    const desk = new FakeDesk(["a", "b", "c"], "b")
    const files: Files = { put: () => Effect.void }
    const exit = await Effect.runPromise(
      Effect.exit(keepFiling(files, desk).pipe(Effect.timeoutOption("2500 millis"))),
    )
    expect(Exit.isSuccess(exit)).toBe(true)
    expect(desk.asked.filter((tenant) => tenant !== "b")).toEqual(["a", "a", "c", "c"])
  })
})
