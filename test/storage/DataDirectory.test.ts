// Who may use a data directory? (HAZARDS S6, S10, S12)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { openDataDirectory, readDataDirectory, type StartOptions } from "../../src/storage/DataDirectory.ts"
import type { DataDirectoryRefused } from "../../src/storage/LogStore.ts"
import { LogStore } from "../../src/storage/LogStore.ts"
import { layerSqlite } from "../../src/storage/logStoreSqlite.ts"
import { removeTemporaryDirectories, temporaryDirectory } from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

type Options = Parameters<typeof openDataDirectory>[0]

const optionsOf = (directory: string, options: Partial<Options> = {}): Options => ({
  directory,
  clusterId: "cluster",
  nodeId: "n1",
  ...options,
})

const openOnce = (directory: string, options: Partial<Options> = {}) =>
  openDataDirectory(optionsOf(directory, options)).pipe(Effect.scoped, Effect.runPromise)

const openAndRemember = (directory: string, ...all: ReadonlyArray<StartOptions>) =>
  openDataDirectory(optionsOf(directory)).pipe(
    Effect.tap(({ remember }) => Effect.forEach(all, remember)),
    Effect.scoped,
    Effect.runPromise,
  )

const refusalOf = async (effect: Effect.Effect<unknown, DataDirectoryRefused>): Promise<string> =>
  (await Effect.runPromise(Effect.flip(effect))).reason

const refusalToOpen = (directory: string, options: Partial<Options> = {}) =>
  refusalOf(Effect.scoped(openDataDirectory(optionsOf(directory, options))))

/** Does something with the directory in another process, and says how that ended. */
const elsewhere = async (task: "open" | "ask", directory: string): Promise<string> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "child.ts"), task, directory], {
    stdout: "pipe",
    stderr: "inherit",
  })
  return (await new Response(child.stdout).text()).trim()
}

const openElsewhere = (directory: string) => elsewhere("open", directory)

/** Asked in another process: closing the lock's file here would end the lock of this one. */
const heldElsewhere = (directory: string) => elsewhere("ask", directory)

describe("a data directory", () => {
  test("is made with an incarnation of its own, and keeps it", async () => {
    const [first, second] = [join(temporaryDirectory(), "deep", "n1"), temporaryDirectory()]
    const made = await openOnce(first)
    expect(made.identity).toMatchObject({ clusterId: "cluster", nodeId: "n1" })
    expect((await openOnce(first)).identity).toEqual(made.identity)
    expect((await openOnce(second)).identity.incarnation).not.toBe(made.identity.incarnation)
    rmSync(first, { recursive: true })
    expect((await openOnce(first)).identity.incarnation).not.toBe(made.identity.incarnation)
  })

  test("tells who lives there and how it was started, without knowing either", async () => {
    const directory = temporaryDirectory()
    expect(await Effect.runPromise(readDataDirectory(directory))).toBe(null)
    const startOptions = { listen: "127.0.0.1:4001", cluster: "n1=127.0.0.1:5001", port: 4001, tls: false }
    const { identity } = await openAndRemember(directory, startOptions)
    expect(await Effect.runPromise(readDataDirectory(directory))).toEqual({ identity, startOptions })
    expect((await openOnce(directory)).startOptions).toEqual(startOptions)
    const changed = { ...startOptions, listen: "127.0.0.1:4009" }
    await openAndRemember(directory, changed, startOptions, changed)
    expect((await openOnce(directory)).startOptions).toEqual(changed)
  })

  test("of another cluster or node is refused, and says whose it is (M14)", async () => {
    const directory = temporaryDirectory()
    await openOnce(directory)
    expect(await refusalToOpen(directory, { clusterId: "other" })).toBe(
      "it belongs to cluster cluster, not to other",
    )
    expect(await refusalToOpen(directory, { nodeId: "n2" })).toBe("it belongs to node n1, not to n2")
  })

  test("of another format is refused, and not touched (S12)", async () => {
    const directory = temporaryDirectory()
    await openOnce(directory)
    const path = join(directory, "node.json")
    const newer = readFileSync(path, "utf8").replace('"format": 1', '"format": 2')
    writeFileSync(path, newer)
    expect(await refusalToOpen(directory)).toBe("its node.json has format 2, this program reads format 1")
    expect(readFileSync(path, "utf8")).toBe(newer)
  })

  test("whose node.json was altered or emptied is refused (S5)", async () => {
    for (const alter of [(text: string) => text.replace("n1", "n2"), () => "", () => "{}", () => "null"]) {
      const directory = temporaryDirectory()
      await openOnce(directory)
      const path = join(directory, "node.json")
      writeFileSync(path, alter(readFileSync(path, "utf8")))
      expect(await refusalToOpen(directory)).toBe("its node.json is damaged")
      expect(await refusalOf(readDataDirectory(directory))).toBe("its node.json is damaged")
    }
  })

  test("with a log but without a node.json is refused, not made anew (S6)", async () => {
    const directory = temporaryDirectory()
    await openOnce(directory)
    rmSync(join(directory, "node.json"))
    expect(await refusalToOpen(directory)).toBe("it holds log.db, but no node.json")
    expect(existsSync(join(directory, "node.json"))).toBe(false)
  })

  test("that holds the log of another node is refused", async () => {
    const [mine, other] = [temporaryDirectory(), temporaryDirectory()]
    await openOnce(mine)
    await openOnce(other, { nodeId: "n2" })
    writeFileSync(join(mine, "log.db"), readFileSync(join(other, "log.db")))
    const reason = await refusalOf(
      Effect.gen(function* () {
        const held = yield* openDataDirectory(optionsOf(mine))
        yield* Effect.asVoid(LogStore).pipe(
          Effect.provide(layerSqlite(held)),
          Effect.catchTag("StorageFailed", Effect.die),
        )
      }).pipe(Effect.scoped),
    )
    expect(reason).toBe("log.db belongs to nodeId n2, the directory to n1")
  })

  test("whose making was cut short is made to the end, as the same node", async () => {
    const directory = temporaryDirectory()
    const { identity } = await openOnce(directory)
    const path = join(directory, "node.json")
    const stored = JSON.parse(readFileSync(path, "utf8"))
    const node = { ...stored.node, made: false }
    const checksum = Bun.hash.xxHash64(new TextEncoder().encode(JSON.stringify(node))).toString(16)
    writeFileSync(path, JSON.stringify({ ...stored, node, checksum }))
    writeFileSync(join(directory, "log.db"), "half a file")
    rmSync(join(directory, "log.mark"))
    expect((await openOnce(directory)).identity).toEqual(identity)
    expect(existsSync(join(directory, "log.mark"))).toBe(true)
  })

  test("that another process holds is refused, until that process is gone (S10)", async () => {
    const directory = temporaryDirectory()
    await Effect.runPromise(
      Effect.gen(function* () {
        yield* openDataDirectory(optionsOf(directory))
        expect(yield* Effect.promise(() => openElsewhere(directory))).toBe(
          "refused: another process is using it",
        )
        expect(yield* Effect.promise(() => refusalToOpen(directory))).toBe("another process is using it")
        expect(yield* Effect.promise(() => openElsewhere(directory))).toContain("refused")
        expect(yield* Effect.promise(() => heldElsewhere(directory))).toBe("held")
      }).pipe(Effect.scoped),
    )
    expect(await openElsewhere(directory)).toBe("opened")
    expect(await heldElsewhere(directory)).toBe("free")
  })

  test("that cannot be a directory is refused with the system's reason", async () => {
    const file = join(temporaryDirectory(), "file")
    writeFileSync(file, "")
    expect(await refusalToOpen(file)).toContain("EEXIST")
    expect(await refusalToOpen(join(file, "below"))).toContain("ENOTDIR")
  })

  test("whose lock file was overwritten is refused, and says which file to delete (S10)", async () => {
    const directory = temporaryDirectory()
    await openOnce(directory)
    const path = join(directory, "directory.lock")
    const reason = `its lock file was overwritten: see that no node uses it, delete ${path}, start again`
    for (const garbage of ["garbage".repeat(100), `SQLite format 3\0${"?".repeat(5_000)}`]) {
      writeFileSync(path, garbage)
      expect(await refusalToOpen(directory)).toBe(reason)
    }
    rmSync(path)
    expect((await openOnce(directory)).identity.nodeId).toBe("n1")
  })

  test("whose lock file cannot be opened is refused, and says which file that is", async () => {
    const directory = temporaryDirectory()
    const path = join(directory, "directory.lock")
    mkdirSync(path)
    expect(await refusalToOpen(directory)).toBe(
      `${path} cannot be read and written (SQLITE_CANTOPEN): let the user of this process do both`,
    )
  })

  // skip: to the superuser nothing is closed.
  describe.skipIf(process.getuid?.() === 0)("without permission", () => {
    test("to write is refused, and says what to do", async () => {
      const directory = join(temporaryDirectory(), "closed")
      mkdirSync(directory, { mode: 0o500 })
      expect(await refusalToOpen(directory)).toBe(
        "it cannot be read and written (EACCES): let the user of this process do both",
      )
    })

    test("to write its lock or its log is refused, and neither is replaced", async () => {
      for (const name of ["directory.lock", "log.db", "log.mark"]) {
        const directory = temporaryDirectory()
        await openOnce(directory)
        const path = join(directory, name)
        const before = readFileSync(path)
        chmodSync(path, 0o400)
        const reason = await refusalOf(
          Effect.gen(function* () {
            const held = yield* openDataDirectory(optionsOf(directory))
            yield* Effect.asVoid(LogStore).pipe(
              Effect.provide(layerSqlite(held)),
              Effect.catchTag("StorageFailed", Effect.die),
            )
          }).pipe(Effect.scoped),
        )
        expect(reason).toContain(`${name} cannot be read and written (`)
        expect(readFileSync(path).equals(before)).toBe(true)
      }
    })
  })
})
