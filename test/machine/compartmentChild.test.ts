// What does a child process promise beyond what every compartment does: limits, and no trace of itself?

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { getPriority } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import type { Compartment } from "../../src/machine/compartment/Compartment.ts"
import { until } from "../process/support/wait.ts"
import { ask, isGone, provoke, within } from "./compartments.ts"

// The machine may be busy, and a child gives way.
setDefaultTimeout(60_000)

const megabyte = 1024 * 1024

/** Of what a process's file in /proc says, one line. */
const lineOf = (pid: string | number, file: string, begin: string): string =>
  readFileSync(`/proc/${pid}/${file}`, "latin1")
    .split("\n")
    .find((line) => line.startsWith(begin))!

const processOf = (thread: string): number => Number.parseInt(thread, 10)

const shellOf = (thread: string): number =>
  Number(lineOf(processOf(thread), "status", "PPid:").split("\t")[1])

const computedMillis = (thread: string): number =>
  Number.parseInt(readFileSync(`/proc/${thread}/schedstat`, "latin1"), 10) / 1e6

const alive = new Set<Bun.Subprocess>()
afterEach(() => {
  for (const parent of alive) parent.kill("SIGKILL")
  alive.clear()
})

/** A process with a compartment, and the thread in there that serves. */
const startParent = async (...words: ReadonlyArray<string>) => {
  const parent = Bun.spawn([process.execPath, join(import.meta.dir, "compartmentParent.ts"), ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  alive.add(parent)
  const { value } = await parent.stdout.getReader().read()
  return { parent, thread: new TextDecoder().decode(value).trim() }
}

// skip: elsewhere nothing tells what a process holds in memory, or what it computes.
describe.skipIf(process.platform !== "linux")("a compartment in a child", () => {
  const takers = {
    objects: /^memory: \d+ bytes in memory, and 134217728 are allowed$/,
    // So fast that the other limit may be met first.
    arrays: /^memory: /,
    atOnce: /^memory: RangeError: Out of memory$/,
  }
  for (const [act, message] of Object.entries(takers)) {
    test(`that takes more memory than it may is ended, and costs the node none: ${act}`, () =>
      within(
        "child",
        { memoryBytesMax: 128 * megabyte },
        Effect.fnUntraced(function* (compartment) {
          const thread = yield* ask(compartment, "whoServes")
          const before = process.memoryUsage.rss()
          expect((yield* provoke(compartment, act, "", 30_000)).message).toMatch(message)
          expect(process.memoryUsage.rss() - before).toBeLessThan(64 * megabyte)
          expect(isGone(thread)).toBe(true)
        }),
      ))
  }

  test("may make as much garbage as it likes", () =>
    within(
      "child",
      { memoryBytesMax: 128 * megabyte },
      Effect.fnUntraced(function* (compartment) {
        expect(yield* ask(compartment, "garbage", "20", 30_000)).toBe("survived")
        expect(yield* compartment.memoryBytes).toBeLessThan(128 * megabyte)
      }),
    ))

  test("has no more address space than twice its memory, for what is taken between two looks", () =>
    within(
      "child",
      { memoryBytesMax: 128 * megabyte },
      Effect.fnUntraced(function* (compartment) {
        const pid = processOf(yield* ask(compartment, "whoServes"))
        const bytes = 2 * 128 * megabyte + 512 * megabyte
        expect(lineOf(pid, "limits", "Max data size").split(/\s{2,}/)[1]).toBe(`${bytes}`)
      }),
    ))

  test("has its code compiled below that limit", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const compiles = Number(yield* ask(compartment, "compiled", "", 30_000))
        expect(compiles).toBeGreaterThan(0)
        // What it says where nothing can be compiled.
        expect(compiles).toBeLessThan(1_000_000)
      }),
    ))

  test("sees nothing of the node's environment, and stands in no directory of it", async () => {
    process.env.RAFTLET_TEST_SECRET = "secret"
    try {
      await within(
        "child",
        {},
        Effect.fnUntraced(function* (compartment) {
          const { env, cwd } = JSON.parse(yield* ask(compartment, "surroundings"))
          expect(
            Object.keys(env).filter((name) => !/^(BUN_\w+|DO_NOT_TRACK|PATH|PWD|SHLVL|_)$/.test(name)),
          ).toEqual([])
          expect([env.PATH, cwd]).toEqual(["/usr/bin:/bin", "/"])
        }),
      )
    } finally {
      delete process.env.RAFTLET_TEST_SECRET
    }
  })

  test("gives way to the node's own threads as far as it is told to", () =>
    within(
      "child",
      { niceness: 5 },
      Effect.fnUntraced(function* (compartment) {
        const pid = processOf(yield* ask(compartment, "whoServes"))
        // A test run may be nice itself, and nothing is nicer than 19.
        expect(getPriority(pid)).toBe(Math.min(getPriority() + 5, 19))
      }),
    ))

  test("may print: that is no answer", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        expect(yield* ask(compartment, "print", "0123456789", 10_000)).toBe("printed")
        expect(yield* ask(compartment, "length", "123")).toBe("3")
      }),
    ))

  test("that dies has what it printed last among what is known", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const { kind, detail } = yield* provoke(compartment, "lastWords", "0123456789")
        expect(kind).toBe("crash")
        expect(detail).toStartWith("the process ended (7): x")
        expect(detail).toEndWith("x\n0123456789")
        expect(detail.length).toBeLessThan(2_100)
      }),
    ))

  for (const [signal, code] of Object.entries({ SIGSEGV: 139, SIGABRT: 134, SIGKILL: 137 })) {
    test(`that a signal ends has crashed: ${signal}`, () =>
      within(
        "child",
        {},
        Effect.fnUntraced(function* (compartment) {
          const { kind, detail } = yield* provoke(compartment, "signal", signal)
          expect(kind).toBe("crash")
          expect(detail).toStartWith(`the process ended (${code})`)
        }),
      ))
  }

  test("goes on when a terminal or a service manager means the node", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const thread = yield* ask(compartment, "whoServes")
        for (const pid of [processOf(thread), shellOf(thread)]) {
          for (const signal of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const) process.kill(pid, signal)
        }
        expect(yield* ask(compartment, "length", "123")).toBe("3")
      }),
    ))

  const head = (length: number, number: number, status: number): string => {
    const bytes = Buffer.alloc(9)
    bytes.writeUInt32LE(length, 0)
    bytes.writeUInt32LE(number, 4)
    bytes.writeUInt8(status, 8)
    return bytes.toString("hex")
  }
  const rubbish: Record<string, readonly [hex: string, detail: string]> = {
    "more than there may be": [
      head(3_000_000_000, 1, 0),
      "the answer has 3000000000 bytes, and 67108864 are",
    ],
    "the answer to another request": [head(0, 7, 0), "it answered request 7, not 1"],
    "no known status": [head(0, 1, 9), "what it said is no answer"],
    "more than an answer": [`${head(0, 1, 0)}00`, "it said more than its answer"],
  }
  for (const [what, [hex, detail]] of Object.entries(rubbish)) {
    test(`that says ${what} has crashed`, () =>
      within(
        "child",
        {},
        Effect.fnUntraced(function* (compartment) {
          const crashed = yield* provoke(compartment, "say", hex)
          expect(crashed.kind).toBe("crash")
          expect(crashed.detail).toStartWith(detail)
        }),
      ))
  }

  test("that answers twice has crashed, and nobody gets what was meant for another", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        // The second may come with the first, or behind it.
        yield* Effect.exit(ask(compartment, "answerTwice", head(0, 1, 0)))
        const { message } = yield* provoke(compartment, "length", "123")
        expect(message).toMatch(/crash: it (said more than|spoke without|answered request 1, not 2)/)
      }),
    ))

  test("that speaks without being asked has crashed at once", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const thread = yield* ask(compartment, "whoServes")
        yield* ask(compartment, "sayLater", head(0, 3, 0))
        yield* Effect.promise(() => until("it to be gone", () => isGone(thread) || null))
        const { message } = yield* provoke(compartment, "length", "123")
        expect(message).toBe("crash: it spoke without being asked")
      }),
    ))

  for (const act of ["closeAnswers", "closeRequests"]) {
    test(`that closes its pipe has crashed: ${act}`, () =>
      within(
        "child",
        {},
        Effect.fnUntraced(function* (compartment) {
          const both = [
            ask(compartment, act, "", 60_000),
            ask(compartment, "length", "x".repeat(1_000_000), 60_000),
          ]
          expect(yield* Effect.flip(Effect.all(both))).toMatchObject({ kind: "crash" })
        }),
      ))
  }

  test("that is ended while it is idle is known to be dead by the next who asks", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const thread = yield* ask(compartment, "whoServes")
        const shell = shellOf(thread)
        process.kill(processOf(thread), "SIGKILL")
        yield* Effect.promise(() => until("its shell to be gone", () => isGone(`${shell}`) || null))
        expect((yield* provoke(compartment, "length")).message).toStartWith("crash: the process ended (137)")
      }),
    ))

  test("that has lost its shell does not outlive its end", () =>
    within(
      "child",
      {},
      Effect.fnUntraced(function* (compartment) {
        const thread = yield* ask(compartment, "whoServes")
        process.kill(shellOf(thread), "SIGKILL")
        expect(yield* provoke(compartment, "loop")).toMatchObject({ kind: "deadline" })
        yield* Effect.promise(() => until("it to be gone", () => isGone(thread) || null))
      }),
    ))

  test("leaves neither descriptors nor processes behind, however it ends", async () => {
    const held = () =>
      readdirSync("/proc/self/fd").length +
      readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").split(" ").length
    const endings = [
      ...["loop", "throw", "exit", "closeAnswers"].map(
        (act) => (compartment: Compartment) => provoke(compartment, act),
      ),
      (compartment: Compartment) => ask(compartment, "length"),
    ]
    for (const end of endings) await within("child", {}, end)
    const before = held()
    for (const end of endings) await within("child", {}, end)
    await until("all to be given back", () => held() <= before || null)
  })

  for (const place of ["main", "thread"]) {
    test(`does not outlive the process that opened it, be it in a loop: ${place}`, async () => {
      const { parent, thread } = await startParent("child", place, "loop")
      const shell = shellOf(thread)
      await until("it to be in its loop", () => computedMillis(thread) > 100 || null)
      parent.kill("SIGKILL")
      await until("both to be gone", () => (isGone(thread) && isGone(`${shell}`)) || null)
    })
  }

  test("does not outlive a thread that is ended without closing it", async () => {
    const { parent, thread } = await startParent("child", "thread", "loop")
    await until("it to be in its loop", () => computedMillis(thread) > 100 || null)
    parent.kill("SIGUSR2")
    await until("it to be gone", () => isGone(thread) || null)
    expect(parent.exitCode).toBe(null)
  })

  for (const kind of ["child", "worker"]) {
    test(`keeps no process alive in which nobody waits: ${kind}`, async () => {
      const { parent, thread } = await startParent(kind, "main", "length")
      expect(await parent.exited).toBe(0)
      await until("it to be gone", () => isGone(thread) || null)
    })
  }
})
