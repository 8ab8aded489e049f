// What may a `leading` do in its thread, and what can it not do to the node? In real threads.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Cause, Effect, Exit, Option } from "effect"
import type { ThreadLimits } from "../../src/machine/beside/watchOver.ts"
import { bundleSource } from "../../src/machine/bundle.ts"
import type { DoorAnswer, DoorCall } from "../../src/machine/leading/door.ts"
import type { LeadingFault } from "../../src/machine/leading/Leading.ts"
import { openThread } from "../../src/machine/leading/openThread.ts"
import type { Stint } from "../../src/machine/leading/Stint.ts"
import { add, base, places, propose, removeTemporary, run } from "./places.ts"

// Threads take their time on a busy machine.
setDefaultTimeout(60_000)
afterEach(removeTemporary)

const source = (leading: string, above = "") => `
import { Effect, Schema } from "effect"
import { actor } from "raftlet"
${above}
export default actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Struct({ by: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { by }) => ({ state: { value: state.value + by }, result: state.value + by }),
    },
  },
  queries: { value: { output: Schema.Int, read: (state) => state.value } },
  leading: ${leading},
})
`

interface Around {
  readonly limits?: Partial<ThreadLimits>
  readonly answer?: (call: DoorCall) => Effect.Effect<DoorAnswer>
  readonly above?: string
  readonly environment?: Readonly<Record<string, string>>
}

interface Seen {
  readonly asked: Array<DoorCall>
  readonly printed: Array<string>
}

/** `body` has the thread until it ends; what it leaves behind is ended at once. */
const withThread = async <A>(
  leading: string,
  body: (stint: Stint, seen: Seen) => Effect.Effect<A>,
  { limits = {}, answer = () => Effect.never, above = "", environment = {} }: Around = {},
): Promise<{ readonly value: A; readonly seen: Seen }> => {
  const { code, version } = await Effect.runPromise(
    bundleSource({ name: "counter", source: source(leading, above) }),
  )
  const seen: Seen = { asked: [], printed: [] }
  const opened = openThread(
    () => Effect.succeed(code),
    limits,
    environment,
  )({
    actor: "counter",
    version,
    door: {
      about: { group: "main", node: "n1", term: 7 },
      close: () => {},
      ask: (call) =>
        Effect.suspend(() => {
          seen.asked.push(call)
          return answer(call)
        }),
    },
    print: (line) => seen.printed.push(line),
  })
  const value = await Effect.runPromise(
    Effect.scoped(Effect.flatMap(Effect.orDie(opened), (stint) => body(stint, seen))),
  )
  return { value, seen }
}

/** How it ends by itself; null: with success. */
const fateOf = async (leading: string, around: Around = {}) => {
  const { value, seen } = await withThread(leading, ({ over }) => Effect.exit(over), around)
  const fault = Exit.isFailure(value) ? Option.getOrNull(Cause.findErrorOption(value.cause)) : null
  return { fault: fault as LeadingFault | null, ...seen }
}

const untilSo = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!isSo()) yield* Effect.sleep(5)
  })

describe("the thread of a leading", () => {
  test("has the world open, also to what stands at the top of the file", async () => {
    const { fault, printed } = await fateOf(
      `(ctx) => Effect.sync(() => console.log(JSON.stringify({
        term: ctx.term,
        top,
        types: [typeof fetch, typeof setTimeout, typeof WebSocket, typeof Bun.file, typeof process.env],
        global: globalThis === self && globalThis.fetch === fetch,
        fs: typeof process.getBuiltinModule("node:fs").readFileSync,
        random: Math.random() !== Math.random(),
        here: new Date().getFullYear() > 2000 && crypto.randomUUID().length,
      })))`,
      { above: "const top = typeof performance.now()" },
    )
    expect(fault).toBeNull()
    expect(JSON.parse(printed[0]!)).toEqual({
      term: 7,
      top: "number",
      types: ["function", "function", "function", "function", "object"],
      global: true,
      fs: "function",
      random: true,
      here: 36,
    })
  })

  test("finds in its environment what the node tells it, beside the node's own", async () => {
    const { printed } = await fateOf(
      "() => Effect.sync(() => console.log(process.env.RAFTLET_DATA, process.env.PATH === undefined))",
      { environment: { RAFTLET_DATA: "/var/lib/raftlet" } },
    )
    expect(printed).toEqual(["/var/lib/raftlet false"])
  })

  test("waits for promises and timers, and asks its group", async () => {
    const { fault, asked, printed } = await fateOf(
      `(ctx) => Effect.gen(function* () {
        const { result } = yield* ctx.propose({ key: "a", command: "add", input: { by: 2 } })
        yield* Effect.sleep(5)
        const text = yield* Effect.promise(async () => (await fetch("data:text/plain,hello")).text())
        const failed = yield* Effect.flip(ctx.read({ key: "a", query: "value" }))
        console.log(result, text, failed.code, failed._tag)
      })`,
      {
        answer: (call) =>
          Effect.succeed(
            call.type === "propose"
              ? { _tag: "Accepted", result: "9", revision: 1, index: 2, term: 7, replayed: false }
              : { _tag: "Failure", code: "timeout", outcome: "unknown", detail: "late" },
          ),
      },
    )
    expect(fault).toBeNull()
    expect(asked).toMatchObject([
      {
        type: "propose",
        actor: "counter",
        key: "a",
        command: "add",
        input: '{"by":2}',
        idempotencyKey: null,
      },
      { type: "read", query: { type: "query", query: "value" }, consistency: "linearizable" },
    ])
    expect(printed).toEqual(["9 hello timeout ReadFailed"])
  })

  test("is interrupted, and may clean up and propose before it is gone", async () => {
    const { seen } = await withThread(
      `(ctx) => Effect.gen(function* () {
        yield* Effect.addFinalizer(() => Effect.ignore(ctx.propose({ key: "a", command: "add", input: { by: 1 } })))
        console.log("here")
        yield* Effect.never
      })`,
      ({ end }, { printed }) =>
        Effect.andThen(
          untilSo(() => printed.length > 0),
          end,
        ),
      { answer: () => Effect.succeed({ _tag: "Failure", code: "x", outcome: "unknown", detail: "" }) },
    )
    expect(seen.asked).toMatchObject([{ command: "add" }])
  })

  test("that loops is ended all the same, and costs nobody else anything", async () => {
    let ticks = 0
    const { value: fate } = await withThread(
      `() => Effect.sync(() => { console.log("loops"); while (true) {} })`,
      ({ end, over }, { printed }) =>
        Effect.gen(function* () {
          yield* untilSo(() => printed.length > 0)
          for (; ticks < 20; ticks++) yield* Effect.sleep(5)
          // It does not hear that it is to end.
          const ended = yield* Effect.timeoutOption(end, 200)
          expect(Option.isNone(ended)).toBe(true)
          return yield* Effect.timeoutOption(Effect.exit(over), 1)
        }),
    )
    expect(ticks).toBe(20)
    expect(Option.isNone(fate)).toBe(true)
  })

  test("that does not answer for long counts as one in a loop", async () => {
    const { fault } = await fateOf(`() => Effect.sync(() => { while (true) {} })`, {
      limits: { silenceMillisMax: 3000 },
    })
    expect(fault).toEqual({ kind: "deadline", detail: expect.stringMatching(/not answered for \d+ ms/) })
  })

  test("that computes for long is left alone, as long as it lets others in now and then", async () => {
    const { fault } = await fateOf(
      `() => Effect.gen(function* () {
        for (let at = 0; at < 20; at++) {
          for (const until = Date.now() + 100; Date.now() < until; ) {}
          yield* Effect.sleep(0)
        }
      })`,
      { limits: { silenceMillisMax: 10_000 } },
    )
    expect(fault).toBeNull()
  })

  test("that takes too much memory is ended, be it in a loop or bit by bit", async () => {
    const limits = { memoryBytesMax: 150 * 1024 * 1024 }
    for (const leading of [
      `() => Effect.sync(() => { const all = []; while (true) all.push(new Array(1000).fill(Math.random())) })`,
      `() => Effect.gen(function* () {
        const all = []
        while (true) {
          for (let at = 0; at < 1000; at++) all.push(new Array(1000).fill(Math.random()))
          yield* Effect.sleep(1)
        }
      })`,
    ]) {
      const { fault } = await fateOf(leading, { limits })
      expect(fault).toMatchObject({ kind: "memory" })
    }
  })

  test("may fail in every way: each is known by what it was", async () => {
    for (const [leading, kind, detail] of [
      [`() => Effect.fail(new Error("boom"))`, "failed", "boom"],
      [`() => { throw new Error("boom") }`, "failed", "boom"],
      [`() => Promise.resolve()`, "failed", "no Effect"],
      [`() => Effect.promise(() => Promise.reject(new Error("boom")))`, "failed", "boom"],
      [
        `() => Effect.andThen(Effect.sync(() => { setTimeout(() => { throw new Error("boom") }) }), Effect.never)`,
        "crash",
        "boom",
      ],
      [`() => Effect.andThen(Effect.sync(() => process.exit(3)), Effect.never)`, "crash", "ended"],
    ] as const) {
      const { fault } = await fateOf(leading)
      expect(fault).toEqual({ kind, detail: expect.stringContaining(detail) })
    }
  })

  test("may say whatever it likes without being asked, and that is its own end alone", async () => {
    const nonsense = [
      "null",
      "undefined",
      `"ready"`,
      `{ type: "other" }`,
      `{ type: "asks", id: "one" }`,
      `{ type: "prints", line: {} }`,
      `{ type: "pong", heapBytes: NaN }`,
      `{ type: "over", fault: { kind: "other", detail: 1 } }`,
    ]
    for (const said of nonsense) {
      const { fault, printed } = await fateOf(
        `() => Effect.andThen(Effect.sync(() => postMessage(${said})), Effect.never)`,
      )
      expect([said, fault, printed]).toEqual([
        said,
        { kind: "crash", detail: "it says what nobody understands" },
        [],
      ])
    }
  })

  test("whose file does not load, or is not known, says why", async () => {
    const { fault } = await fateOf("Effect.void", { above: `throw new Error("boom")` })
    expect(fault).toEqual({ kind: "load", detail: expect.stringContaining("boom") })
    const door = { about: { group: "main", node: "n1", term: 7 }, close: () => {}, ask: () => Effect.never }
    const asked = { actor: "counter", version: "v", door, print: () => {} }
    const opened = Effect.exit(Effect.scoped(openThread(() => Effect.succeed(null))(asked)))
    expect(await Effect.runPromise(opened)).toEqual(
      Exit.fail({ kind: "load", detail: "the code of this version is not here" }),
    )
  })

  test("prints into the node's log, no more than that can take, and nowhere else", async () => {
    const { printed } = await fateOf(
      `() => Effect.gen(function* () {
        console.error("%s is %d", "it", 3)
        process.stdout.write("written\\n")
        yield* Effect.log("logged")
        console.log("x".repeat(100_000))
        for (let at = 0; at < 100_000; at++) console.log("flood", at)
        yield* Effect.sleep(1500)
      })`,
    )
    expect(printed.slice(0, 2)).toEqual(["it is 3", "written"])
    expect(printed[2]).toContain("logged")
    expect(printed[3]).toHaveLength(2001)
    expect(printed.length).toBeLessThan(200)
    expect(printed.some((line) => /… and \d+ lines more/.test(line))).toBe(true)
  })
})

describe("a file with leading", () => {
  const withLeading = source("(ctx) => Effect.never")

  test("is taken from the actors directory alone; uploaded it is refused, and says what to do", async () => {
    await run(
      places.worker!().layer(withLeading),
      Effect.fnUntraced(function* (host) {
        const [own] = host.own
        expect(own!.manifest.hasLeading).toBe(true)
        const { code } = own!
        expect(yield* host.inspect({ actor: "counter", code, source: "upload" })).toEqual({
          version: own!.version,
          problem: "leading needs the host: put the file into actors/",
          isBlameless: false,
        })
        expect(yield* host.inspect({ actor: "counter", code, source: "file" })).toMatchObject({
          manifest: { hasLeading: true },
        })
        expect(yield* host.led).toEqual([{ actor: "counter", version: own!.version }])
        expect(yield* host.code({ actor: "counter", version: own!.version })).toBe(code)
        expect(yield* host.code({ actor: "counter", version: "other" })).toBeNull()
        expect(yield* host.actors).toMatchObject([{ name: "counter", versions: [{ hasLeading: true }] }])
      }),
    )
  })

  test("has its reducers run in the closed realm as ever, where nobody looks at it", async () => {
    const code = source(`(ctx) => fetch("http://127.0.0.1")`).replace(
      "result: state.value + by",
      "result: Date.now()",
    )
    await run(
      places.worker!().layer(code),
      Effect.fnUntraced(function* (host) {
        expect(host.own).toMatchObject([{ manifest: { hasLeading: true } }])
        const [outcome] = yield* propose(host, base + 1, [add(1)])
        expect(outcome).toMatchObject({
          code: "rejected",
          detail: expect.stringContaining("Date.now is closed"),
        })
      }),
    )
  })

  test("is led only when it is there", async () => {
    await run(
      places.worker!().layer(source("undefined")),
      Effect.fnUntraced(function* (host) {
        expect(yield* host.led).toEqual([])
      }),
    )
  })
})
