// The process or the disk fails in the middle: what was reported durable is there. (HAZARDS S1, S2, S3, S7)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"

import { join } from "node:path"
import { Effect } from "effect"
import { LogFile } from "../../src/storage/LogFile.ts"
import { type LoadedGroup, StorageFailed, StorageFull } from "../../src/storage/LogStore.ts"
import { openLogThread } from "../../src/storage/LogThread.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import { layerSqlite } from "../../src/storage/logStoreSqlite.ts"
import { fillDisk, freeDisk, mountSmall, unmountSmall } from "../support/smallDisk.ts"
import {
  entriesOf,
  entryOf,
  initial,
  loadMain,
  plain,
  removeTemporaryDirectories,
  runInDirectory,
  temporaryDirectory,
  writeMain,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

/** Runs until it has said `lines` durable positions, then is killed without warning. */
const writeAndKill = async (directory: string, lines: number) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "child.ts"), "write", directory], {
    stdout: "pipe",
    stderr: "inherit",
  })
  let said = ""
  for await (const piece of child.stdout) {
    said += new TextDecoder().decode(piece)
    if (said.split("\n").length > lines) break
  }
  child.kill("SIGKILL")
  await child.exited
  const last = said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1)!
  const [index, term] = last.split(" ").map(Number) as [number, number]
  return { index, term }
}

test("kill -9 in the middle of writes: everything reported durable is there, and the log is whole (S1)", async () => {
  const directory = temporaryDirectory()
  for (const lines of [1, 7, 60, 200]) {
    const { index, term } = await writeAndKill(directory, lines)
    const loaded = await runInDirectory(directory, (log) => loadMain(log))
    expect(loaded).toMatchObject({ standing: "whole", suspicion: "", hardState: { term, votedFor: "n1" } })
    expect(loaded.lastIndex).toBeGreaterThanOrEqual(index)
    // At most the batch that was under way came with it.
    expect(loaded.lastIndex).toBeLessThanOrEqual(index + 2 * 5)
    expect(plain(loaded.tail).map((entry) => entry.data)).toEqual(
      Array.from({ length: loaded.lastIndex }, (_, at) => `entry ${at + 1}`),
    )
  }
}, 30_000)

const openLog = async (directory: string): Promise<LogFile> => {
  const identity = await runInDirectory(directory, (log) => Effect.succeed(log.identity))
  return LogFile.open(openLogDirectory(directory, identity))
}

const load = (log: LogFile): LoadedGroup =>
  log.load({
    group: "main",
    initial,
    stateIndex: 0,
    stateTerm: 0,
    stateConfiguration: initial,
    tailBytesMax: 1_000,
  })

const write = (log: LogFile, part: Parameters<typeof writeOf>[0]): void =>
  log.write([{ group: "main", write: writeOf(part) }])

describe("a failed disk", () => {
  test("ends the store: the failed call and every later one fail, and nothing is tried again (S2)", async () => {
    const log = await openLog(temporaryDirectory())
    load(log)
    log.tables.close()
    expect(() => write(log, { entries: [entryOf(1, 1)] })).toThrow(StorageFailed)
    expect(() => write(log, { entries: [entryOf(1, 1)] })).toThrow(StorageFailed)
    expect(() => load(log)).toThrow(StorageFailed)
    expect(() => log.rememberIncarnation("n2", "a")).toThrow(StorageFailed)
    log.close()
  })

  test("a mistake of the caller does not end the store", async () => {
    const log = await openLog(temporaryDirectory())
    load(log)
    expect(() => write(log, { entries: [entryOf(2, 1)] })).toThrow("entry 2 behind a log that ends at 0")
    write(log, { entries: [entryOf(1, 1)] })
    log.close()
  })
})

test("a compaction cut short is finished at the next start (N1)", async () => {
  const directory = temporaryDirectory()
  const log = await openLog(directory)
  load(log)
  write(log, { entries: entriesOf(1, 12_000, 1) })
  log.moveBase({ group: "main", through: { index: 11_990, term: 1 }, configuration: initial })
  expect(log.sweep("main")).toBe(true)
  expect(log.tables.lowestIndex(1, 12_000)).toBe(5_001)
  log.close()
  const again = await openLog(directory)
  const loaded = again.load({
    group: "main",
    initial,
    stateIndex: 11_995,
    stateTerm: 1,
    stateConfiguration: initial,
    tailBytesMax: 1_000_000,
  })
  expect(loaded).toMatchObject({ standing: "whole", base: { index: 11_990, term: 1 }, lastIndex: 12_000 })
  expect(loaded.tail.length).toBe(10)
  expect(again.tables.lowestIndex(1, 12_000)).toBe(11_991)
  again.close()
})

test("writes pass while a compaction removes its rows", async () => {
  await runInDirectory(
    temporaryDirectory(),
    (log) =>
      Effect.gen(function* () {
        yield* loadMain(log)
        yield* writeMain(log, { entries: entriesOf(1, 30_000, 1) })
        const done: Array<string> = []
        const compact = log
          .compact({ group: "main", through: { index: 29_990, term: 1 }, configuration: initial })
          .pipe(Effect.tap(() => Effect.sync(() => done.push("compacted"))))
        const writes = Effect.forEach([30_001, 30_002, 30_003], (index) =>
          Effect.tap(writeMain(log, { entries: [entryOf(index, 1)] }), () =>
            Effect.sync(() => done.push(`written ${index}`)),
          ),
        )
        yield* Effect.all([compact, writes], { concurrency: "unbounded" })
        expect(done).toEqual(["written 30001", "written 30002", "written 30003", "compacted"])
      }),
    layerSqlite,
  )
})

/** Runs the child with its disk syncs tampered with; null where there is no strace to do it. */
const runTampered = async (
  task: string,
  directory: string,
  tamper: string,
  calls = "fsync,fdatasync",
): Promise<string | null> => {
  if (Bun.which("strace") === null) {
    console.warn(`SKIPPED: ${tamper} needs strace`)
    return null
  }
  const child = Bun.spawn(
    [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-e",
      `trace=${calls}`,
      "-e",
      `inject=${calls}:${tamper}`,
    ].concat(process.execPath, join(import.meta.dir, "child.ts"), task, directory),
    { stdout: "pipe", stderr: "ignore" },
  )
  return (await new Response(child.stdout).text()).trim()
}

test("a sync that fails once ends the store; what was reported before is there after a restart (S2)", async () => {
  for (const when of [20, 21]) {
    const directory = temporaryDirectory()
    await runInDirectory(directory, (log) => loadMain(log))
    const said = await runTampered("write", directory, `error=EIO:when=${when}`)
    if (said === null) return
    const lines = said.split("\n")
    expect(lines.at(-1)).toStartWith("failed: write: SQLITE_IOERR_FSYNC")
    const reported = Number(lines.at(-2)?.split(" ")[0])
    expect(reported).toBeGreaterThan(5)
    const loaded = await runInDirectory(directory, (log) => loadMain(log))
    expect(loaded.standing).toBe("whole")
    expect(loaded.lastIndex).toBeGreaterThanOrEqual(reported)
  }
}, 30_000)

test("killed at any write or sync of the disk, the log comes back whole and complete (S3)", async () => {
  const directory = temporaryDirectory()
  for (const [calls, when] of [
    ["pwrite64", 12],
    ["pwrite64", 77],
    ["pwrite64", 90],
    ["fdatasync,fsync", 11],
  ] as const) {
    const said = await runTampered("write", directory, `signal=KILL:when=${when}`, calls)
    if (said === null) return
    const [index, term] = (said.split("\n").at(-1) || "0 0").split(" ").map(Number) as [number, number]
    const loaded = await runInDirectory(directory, (log) => loadMain(log))
    expect(loaded).toMatchObject({ standing: "whole", suspicion: "" })
    expect(loaded.lastIndex).toBeGreaterThanOrEqual(index)
    expect(loaded.hardState.term).toBeGreaterThanOrEqual(term)
    expect(loaded.tail.length).toBe(loaded.lastIndex)
  }
}, 30_000)

test("a slow sync holds up its commit, and not the thread that sends heartbeats (S13)", async () => {
  const directory = temporaryDirectory()
  await runInDirectory(directory, (log) => loadMain(log))
  const said = await runTampered("stall", directory, "delay_enter=300000")
  if (said === null) return
  const [commitMillis, stallMillis] = said.split(" ").map(Number) as [number, number]
  expect(commitMillis).toBeGreaterThanOrEqual(300)
  expect(stallMillis).toBeLessThan(150)
}, 30_000)

describe("a storage thread that dies", () => {
  test.each([
    ["by an error", "onmessage = () => { throw new Error('broken') }"],
    ["by ending", "onmessage = () => process.exit(0)"],
  ])("%s fails what is under way and everything after", async (_, code) => {
    const module = new URL(URL.createObjectURL(new Blob([code])))
    await Effect.runPromise(
      Effect.gen(function* () {
        const { call } = yield* openLogThread(module)
        const failures = yield* Effect.all([call("idle"), call("write", [])].map(Effect.flip), {
          concurrency: "unbounded",
        })
        failures.push(yield* Effect.flip(call("idle")))
        expect(failures.map(({ _tag }) => _tag)).toEqual(["StorageFailed", "StorageFailed", "StorageFailed"])
      }).pipe(Effect.scoped),
    )
  })

  test("or is done keeps no process alive", async () => {
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "child.ts"), "abandon", temporaryDirectory()],
      { stdout: "pipe" },
    )
    expect((await new Response(child.stdout).text()).trim()).toBe("abandoned")
    expect(await child.exited).toBe(0)
  })
})

test("a full disk refuses the batch as a whole, and takes it when there is room again (S7)", async () => {
  const directory = join(temporaryDirectory(), "small")
  if (!mountSmall(directory, "2m")) {
    console.warn("SKIPPED: a full disk needs a small tmpfs, and this user may not mount one")
    return
  }
  try {
    const log = await openLog(directory)
    load(log)
    write(log, { hardState: { term: 1, votedFor: "n1" }, entries: entriesOf(1, 10, 1) })
    fillDisk(directory)
    const batch = { hardState: { term: 2, votedFor: "n2" }, entries: entriesOf(11, 60, 2, "x".repeat(2_000)) }
    for (let attempt = 0; attempt < 3; attempt++) expect(() => write(log, batch)).toThrow(StorageFull)
    expect(log.read({ group: "main", from: 1, to: 10, bytesMax: 10_000 }).length).toBe(10)
    freeDisk(directory)
    write(log, batch)
    log.close()
    expect(load(await openLog(directory))).toMatchObject({
      standing: "whole",
      hardState: { term: 2, votedFor: "n2" },
      lastIndex: 60,
    })
  } finally {
    unmountSmall(directory)
  }
})
