// The process dies at any call to the disk, or the disk fails at any: does the node find what it had said, and
// nothing half done? (HAZARDS S1, S2, S3, S7, S9, N1, N2)

import { afterAll, expect, test } from "bun:test"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { canTrace } from "../support/strace.ts"
import { removeTemporaryDirectories, temporaryDirectory } from "./support.ts"
import { arrivedIndex, foundAfter, steps } from "./walk.ts"
import { type Arrived, makeArrived, reopen } from "./walkDisk.ts"

const traced = canTrace()
if (!traced) {
  console.warn("SKIPPED: the death of a node at every call to its disk needs strace and the right to trace")
}

afterAll(removeTemporaryDirectories)

/** All that changes a file or makes a change durable. */
const changes =
  "write,writev,pwrite64,pwritev,copy_file_range,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir"
const syncs = "fsync,fdatasync"
const writes = "write,pwrite64,copy_file_range"

// skip: no strace here that may trace
test.skipIf(!traced)(
  "killed at each of its calls to the disk, a node finds all that it had said, and no step half done (S1, S3, S9, N1, N2)",
  async () => {
    const arrived = makeArrived(temporaryDirectory(), arrivedIndex)
    const calls = await callsOf(arrived, `${changes},${syncs}`)
    await few(calls, async (call) => {
      const { directory, steps: count, end } = await walk(arrived, call, "signal=KILL")
      expect({ call, count, end }).toEqual({ call, count: call.step, end: "killed" })
      expectWhole(directory, call)
    })
    console.log(`killed at each of ${calls.length} calls to the disk, in ${steps.length} steps`)
    expect(calls.length).toBeGreaterThan(200)
  },
  300_000,
)

// skip: no strace here that may trace
test.skipIf(!traced)(
  "at each sync that fails a node says nothing more and stops; what it had said is there (S2)",
  async () => {
    const arrived = makeArrived(temporaryDirectory(), arrivedIndex)
    const calls = await callsOf(arrived, syncs)
    const ignored: Array<Call> = []
    await few(calls, async (call) => {
      const { directory, steps: count, end } = await walk(arrived, call, "error=EIO")
      if (end === "closed") {
        ignored.push(call)
        return
      }
      const failed = expect.stringMatching(/^failed: /)
      expect({ call, count, end }).toEqual({ call, count: call.step, end: failed })
      expectWhole(directory, call)
    })
    console.log(`failed at each of ${calls.length} syncs`)
    expect(ignored.filter((call) => !mayBeIgnored(call))).toEqual([])
    expect(calls.length).toBeGreaterThan(50)
  },
  120_000,
)

// skip: no strace here that may trace
test.skipIf(!traced)(
  "at each write that finds no room, a node has what it had said, and the step as a whole or not at all (S7)",
  async () => {
    const arrived = makeArrived(temporaryDirectory(), arrivedIndex)
    const calls = await callsOf(arrived, writes)
    await few(calls, async (call) => {
      const { directory, steps: count, end } = await walk(arrived, call, "error=ENOSPC")
      // Without room for it a checkpoint is put off; everything else is refused.
      if (end !== "closed") expect({ call, count }).toEqual({ call, count: call.step })
      expectWhole(directory, end === "closed" ? { ...call, step: steps.length } : call)
    })
    console.log(`no room for each of ${calls.length} writes`)
    expect(calls.length).toBeGreaterThan(100)
  },
  120_000,
)

/**
 * SQLite itself syncs the directory of a file that it has made, and asks nobody what came of it. And what is being
 * closed has said all that it had to say: its write-ahead log stays when it cannot be moved into the file.
 */
const mayBeIgnored = ({ file, step }: Call): boolean =>
  file === "the directory" ||
  file === "snapshots" ||
  step === steps.length ||
  (steps[step]!.name === "the install" && file.startsWith("state.db"))

/** The n-th of its kind, the file that it is about, and how many steps were taken before. */
interface Call {
  readonly name: string
  readonly when: number
  readonly file: string
  readonly step: number
}

const show = ({ name, when, file, step }: Call): string =>
  `${name} ${when} (${file}, at ${steps[step]?.name ?? "the end"})`

/** All that an untouched walk makes, in order. */
const callsOf = async (arrived: Arrived, names: string): Promise<ReadonlyArray<Call>> => {
  const trace = join(temporaryDirectory(), "trace")
  const { end } = await tracedWalk(arrived, ["-y", "-o", trace, "-e", `trace=${optional(names)},write`])
  if (end !== "closed") throw new Error(`an untouched walk ends with ${end}`)
  const counts = new Map<string, number>()
  let step = -1
  const calls: Array<Call> = []
  for (const line of readFileSync(trace, "utf8").trim().split("\n")) {
    const [, name = "", words = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? []
    const file = /\/n1(?:\/([^>"]*))?[>"]/.exec(words)
    const when = (counts.get(name) ?? 0) + 1
    counts.set(name, when)
    if (file === null) step += 1
    else if (names.split(",").includes(name))
      calls.push({ name, when, file: file[1] ?? "the directory", step: Math.max(0, step) })
  }
  return calls
}

/** Not every machine has all of them. */
const optional = (names: string): string => names.replaceAll(/\w+/g, "?$&")

interface Walked {
  readonly directory: string
  /** That it has said to have taken. */
  readonly steps: number
  /** `killed`, `closed`, or how it failed. */
  readonly end: string
}

/** A fresh node's storage walks until the tampered call, or to its end. */
const walk = (arrived: Arrived, { name, when }: Call, tamper: string): Promise<Walked> =>
  tracedWalk(arrived, [
    ...["-o", "/dev/null", "-e", `trace=${name}`],
    ...["-e", `inject=${name}:${tamper}:when=${when}`],
  ])

/** One file: it starts some hundred times, and under a tracer every file that it opens counts. */
const bundled = (async () => {
  const outdir = temporaryDirectory()
  await Bun.build({ entrypoints: [join(import.meta.dir, "walk.ts")], target: "bun", outdir })
  return join(outdir, "walk.js")
})()

const tracedWalk = async (arrived: Arrived, words: ReadonlyArray<string>): Promise<Walked> => {
  const place = temporaryDirectory()
  const [directory, said] = [join(place, "n1"), join(place, "said")]
  const child = Bun.spawn(
    [
      ...["strace", "-f", "-qq", ...words],
      ...[said, ...pathsOf(directory, arrived)].flatMap((path) => ["-P", path]),
      ...[process.execPath, await bundled, directory, said],
      ...[arrived.path, arrived.id, String(arrived.bytes)],
    ],
    { stdout: "ignore", stderr: "ignore" },
  )
  await child.exited
  const lines = existsSync(said) ? readFileSync(said, "utf8").trim().split("\n") : []
  const last = lines.at(-1) ?? ""
  const taken = lines.filter((line) => /^\d+$/.test(line)).map(Number)
  return { directory, steps: taken.at(-1) ?? 0, end: /^\d*$/.test(last) ? "killed" : last }
}

/** Every file that the walk ever writes. */
const pathsOf = (directory: string, { id }: Arrived): ReadonlyArray<string> =>
  [
    "",
    ...["directory.lock", "directory.lock-journal", "node.json", "node.json.new"],
    ...["log.db", "log.db-wal", "log.db-journal", "log.mark", "reserve"],
    ...["state.db", "state.db-wal", "state.db-shm", "state.db-journal"],
    ...["snapshots", "snapshots/draft", "snapshots/draft-journal"],
    ...[`snapshots/${id}.part`, `snapshots/${id}.received`],
    ...["snapshots/installed", "snapshots/installed.new"],
  ].map((name) => join(directory, name))

/** The step that it was at is there or not. */
const expectWhole = (directory: string, call: Call): void => {
  let found: unknown
  try {
    found = reopen(directory)
  } catch (error) {
    throw new Error(`${show(call)}: it does not start again`, { cause: error })
  }
  if (!Bun.deepEquals(found, foundAfter(call.step + 1))) {
    expect({ call: show(call), found }).toEqual({ call: show(call), found: foundAfter(call.step) })
  }
  rmSync(directory, { recursive: true })
}

/** A few at a time. */
const few = async <A>(values: ReadonlyArray<A>, body: (value: A) => Promise<void>): Promise<void> => {
  const left = [...values]
  const worker = async (): Promise<void> => {
    for (let value = left.shift(); value !== undefined; value = left.shift()) await body(value)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}
