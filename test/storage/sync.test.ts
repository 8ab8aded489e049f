// Has the disk been asked to keep it before somebody is told that it is kept? Seen from outside, in the order of the
// system calls: a process that is only killed loses nothing that it wrote, synced or not. (HAZARDS S1, S8, S9)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { BrokenCode } from "../../src/storage/assert.ts"
import { LogFile } from "../../src/storage/LogFile.ts"
import { openLogDirectory } from "../../src/storage/logDirectory.ts"
import { canTrace } from "../support/strace.ts"
import {
  entriesOf,
  entryOf,
  initial,
  loadMain,
  removeTemporaryDirectories,
  runInDirectory,
  temporaryDirectory,
  writeOf,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

const traced = canTrace()
if (!traced) {
  console.warn(
    "SKIPPED: whether the disk is asked to sync (HAZARDS S1, S2, S9) needs strace and the right to trace",
  )
}

/** What the process did, in order: `said TEXT`, `synced NAME`, `renamed NAME to NAME`. */
const deedsOf = async (task: string): Promise<ReadonlyArray<string>> => {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, "snapshots"))
  const report = join(directory, "report")
  const child = Bun.spawn(
    [
      // With the paths of descriptors, so that it is known what is synced.
      ...["strace", "-f", "-qq", "-y", "-s", "1000", "-o", report],
      ...["-e", "trace=write,fsync,fdatasync,rename,renameat,renameat2"],
      ...[process.execPath, join(import.meta.dir, "syncChild.ts"), task, directory],
    ],
    { stdout: "ignore", stderr: "inherit" },
  )
  expect(await child.exited).toBe(0)
  return readFileSync(report, "utf8")
    .split("\n")
    .flatMap((line) => deedIn(line, directory))
}

const deedIn = (line: string, directory: string): ReadonlyArray<string> => {
  const said = /write\(1<[^>]*>, "([^"]*)\\n"/.exec(line)?.[1]
  if (said !== undefined) return [`said ${said}`]
  const synced = /(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(line)?.[1]
  if (synced !== undefined) return [`synced ${nameOf(synced, directory)}`]
  const renamed = /rename\w*\(.*?"([^"]*)".*?"([^"]*)"/.exec(line)
  return renamed === null
    ? []
    : [`renamed ${nameOf(renamed[1]!, directory)} to ${nameOf(renamed[2]!, directory)}`]
}

/** From the directory of the node; the ids of snapshots are hashes of what they hold. */
const nameOf = (path: string, directory: string): string =>
  (path === directory ? "." : path.replace(`${directory}/`, "")).replace(/[0-9a-f]{64}/, "ID")

/** What lies between two neighbouring words of the process. */
const between = (deeds: ReadonlyArray<string>, from: string, to: string): ReadonlyArray<string> => {
  const [begin, end] = [deeds.indexOf(`said ${from}`), deeds.indexOf(`said ${to}`)]
  expect(begin).toBeGreaterThanOrEqual(0)
  expect(end).toBeGreaterThan(begin)
  return deeds.slice(begin + 1, end)
}

const wordsIn = (deeds: ReadonlyArray<string>): ReadonlyArray<string> =>
  deeds.flatMap((deed) => (deed.startsWith("said ") ? [deed.slice("said ".length)] : []))

// skip: no strace here that may trace
describe.skipIf(!traced)("before a word is said", () => {
  test("every write of the log is synced before it is reported (S1, R8, E2)", async () => {
    const deeds = await deedsOf("log")
    const words = wordsIn(deeds)
    expect(words.length).toBe(8)
    for (const [at, word] of words.slice(1).entries()) {
      expect(between(deeds, words[at]!, word)).toContain("synced log.db-wal")
    }
  })

  test("every flush of the state is synced before the log may be cut behind it (N1)", async () => {
    const deeds = await deedsOf("state")
    const words = wordsIn(deeds)
    expect(words.length).toBe(6)
    for (const [at, word] of words.slice(1).entries()) {
      expect(between(deeds, words[at]!, word)).toContain("synced state.db-wal")
    }
  })

  test("after one failed sync of the log nothing more is taken, though SQLite itself would go on (S2)", async () => {
    const directory = temporaryDirectory()
    const child = Bun.spawn(
      [
        ...["strace", "-f", "-qq", "-o", "/dev/null", "-P", join(directory, "log.db-wal")],
        ...["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=4"],
        ...[process.execPath, join(import.meta.dir, "syncChild.ts"), "stubborn", directory],
      ],
      { stdout: "pipe", stderr: "inherit" },
    )
    expect((await new Response(child.stdout).text()).trim().split("\n")).toEqual([
      "loaded",
      "entry 1 is durable",
      "entry 2 is refused",
      "entry 2 is refused",
      "entry 2 is refused",
      "entry 2 is refused",
    ])
  })

  test("a snapshot gets its name only when its bytes are on disk, and the name is there to stay (S9, N2)", async () => {
    const deeds = await deedsOf("snapshot")
    const filesOf = (from: string, to: string) =>
      between(deeds, from, to).filter((deed) => deed !== "synced snapshots/draft-journal")
    expect(filesOf("begun", "it is made").slice(-3)).toEqual([
      "synced snapshots/draft",
      "renamed snapshots/draft to snapshots/5-ID.db",
      "synced snapshots",
    ])
    expect(filesOf("it is made", "it has arrived")).toEqual([
      "synced snapshots/ID.part",
      "renamed snapshots/ID.part to snapshots/ID.received",
      "synced snapshots",
    ])
    expect(filesOf("it has arrived", "it is installed")).toEqual([
      "synced snapshots/installed.new",
      "renamed snapshots/installed.new to snapshots/installed",
      "synced snapshots",
      "synced .",
      "renamed snapshots/ID.received to state.db",
      "synced .",
      "synced snapshots",
    ])
  })
})

test("a log is cut and appended to in one transaction: when the second fails, the first has not been (S8)", async () => {
  const directory = temporaryDirectory()
  const identity = await runInDirectory(directory, (log) => Effect.as(loadMain(log), log.identity))
  const log = LogFile.open(openLogDirectory(directory, identity))
  const load = () =>
    log.load({
      group: "main",
      initial,
      stateIndex: 0,
      stateTerm: 0,
      stateConfiguration: initial,
      tailBytesMax: 1_000,
    })
  load()
  const write = (part: Parameters<typeof writeOf>[0]): void =>
    log.write([{ group: "main", write: writeOf(part) }])
  write({ entries: entriesOf(1, 5, 1) })
  const gap = { truncateFrom: 3, entries: [entryOf(4, 2)] }
  expect(() => write(gap)).toThrow(BrokenCode)
  expect(load().lastIndex).toBe(5)
  log.close()
})
