// Leaders come and go on virtual time: is the set of metering files complete, without another one of the same name, and equal
// to what the state says?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { type Chance, testCluster } from "raftlet/testing"
import { FileFailed, type OpenFiles } from "../../actors/metering/files.ts"
import { metering } from "../../actors/metering/metering.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(120_000)

const tenants = ["acme", "Bolt", "-"]
const minute = 60_000
/** Long before the log's time: so windows close when the grace has passed. */
const base = Date.UTC(1999, 11, 31, 23)

/** A directory that all nodes share. Nothing is ever there by halves; whoever writes takes a while, and may fail. */
class FakeDirectory {
  readonly texts = new Map<string, string>()
  /** By path: terms of those who found it there, and had the same. */
  readonly again: Array<string> = []
  readonly terms = new Set<number>()
  #puts = 0
  readonly #troubleEvery: number

  constructor(troubleEvery: number) {
    this.#troubleEvery = troubleEvery
  }

  readonly open: OpenFiles = ({ term }) =>
    Effect.succeed({
      put: (texts) =>
        Effect.gen({ self: this }, function* () {
          for (const [path, text] of Object.entries(texts)) yield* this.#put(path, text, term)
        }),
    })

  readonly #put = (path: string, text: string, term: number) =>
    Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(3)
      if (++this.#puts % this.#troubleEvery === 0) return yield* new FileFailed({ path, message: "no room" })
      const found = this.texts.get(path)
      if (found !== undefined && found !== text)
        return yield* new FileFailed({ path, message: "there is another one" })
      if (found !== undefined) this.again.push(path)
      this.texts.set(path, text)
      this.terms.add(term)
      // Whoever dies here has written, and not confirmed.
      yield* Effect.sleep(3)
    })
}

const recordOf = (chance: Chance, id: number) => {
  const tenant = tenants[chance.below(tenants.length)]!
  const requestId = `req-${id}`
  return {
    actor: "metering",
    key: tenant,
    command: "record",
    idempotencyKey: requestId,
    input: {
      time: base + chance.below(8) * minute + chance.below(minute),
      method: "GET",
      route: `/${chance.below(3)}`,
      status: chance.happens(0.1) ? 500 : 200,
      bytes: chance.below(1000),
      latencyMillis: chance.below(100_000) / 1000,
      requestId,
    },
  }
}

test("however leaders change, every call is in one file of each kind", () => {
  let leaderships = 0
  for (let seed = 1; seed <= 4; seed++) {
    const directory = new FakeDirectory(101)
    const cluster = testCluster({ actors: { metering: metering(directory.open) }, seed })
    for (const key of tenants)
      cluster.execute({ actor: "metering", key, command: "configure", input: { graceMillis: 300 } })
    let calls = 0
    const seen = cluster.survive({ millis: 6000, clients: 6, next: (chance) => recordOf(chance, ++calls) })
    const known = seen.filter(({ answer }) => answer.outcome === "executed")
    const unknown = seen.filter(({ answer }) => answer.outcome === "unknown")
    expect(known.length).toBeGreaterThan(50)

    const ask = (key: string, query: string) => cluster.query("metering", key, query)
    const isDone = () =>
      tenants.every((key) => `${JSON.stringify([ask(key, "windows"), ask(key, "waiting")])}` === "[[],[]]")
    // What has failed again and again waits for a minute, and a clock that was set back for as long as it takes to come there again.
    for (let patience = 480; !isDone() && patience > 0; patience--) cluster.runFor(10_000)
    expect(isDone()).toBe(true)
    cluster.settle()

    const lines = linesIn(directory, ".jsonl")
    // What the state says was written is there, and nothing else.
    let total = 0
    const named: Array<string> = []
    for (const key of tenants) {
      const { written, totals } = ask(key, "files") as {
        readonly written: ReadonlyArray<{
          readonly name: string
          readonly calls: number
          readonly sha256: string
        }>
        readonly totals: Readonly<Record<string, { readonly files: number; readonly calls: number }>>
      }
      const own = key === "Bolt" ? "%42olt" : key
      for (const { name, calls, sha256 } of written) {
        const path = `${name}/${own}.jsonl`
        named.push(path, `${name}/${own}.csv`)
        const text = directory.texts.get(path)!
        expect(new Bun.CryptoHasher("sha256").update(text).digest("hex")).toBe(sha256)
        expect(sum(lines.filter(({ file, tenant }) => file === name && tenant === key))).toBe(calls)
      }
      const { calls } = ask(key, "total") as { readonly calls: number }
      total += calls
      for (const kind of ["minute", "hour", "day"]) {
        expect(totals[kind]?.calls ?? 0).toBe(calls)
        expect(sum(lines.filter((line) => line.kind === kind && line.tenant === key))).toBe(calls)
      }
    }
    expect(new Set(named)).toEqual(new Set(directory.texts.keys()))
    expect(named).toHaveLength(directory.texts.size)
    // All that was acknowledged is in them, once; of what nobody knows, some.
    expect(total).toBeGreaterThanOrEqual(known.length)
    expect(total).toBeLessThanOrEqual(known.length + unknown.length)
    const bytes = known.reduce(
      (sum, { command }) => sum + (command.input as { readonly bytes: number }).bytes,
      0,
    )
    const written = lines.filter(({ kind }) => kind === "day").reduce((sum, line) => sum + line.bytes, 0)
    expect(written).toBeGreaterThanOrEqual(bytes)
    if (unknown.length === 0) expect(written).toBe(bytes)
    leaderships += directory.terms.size
  }
  expect(leaderships).toBeGreaterThan(4)
})

test("a leader that dies between a file and its confirmation leaves the next one the same file to write", () => {
  const directory = new FakeDirectory(Number.POSITIVE_INFINITY)
  const cluster = testCluster({ actors: { metering: metering(directory.open) }, seed: 3 })
  const configure = { actor: "metering", key: "acme", command: "configure", input: { graceMillis: 0 } }
  cluster.execute(configure)
  const requestId = "req-1"
  const input = { time: base, method: "GET", route: "/", status: 200, bytes: 1, latencyMillis: 1, requestId }
  cluster.execute({ actor: "metering", key: "acme", command: "record", input, idempotencyKey: requestId })
  cluster.runUntil("the first file to be written", () => directory.texts.size === 2, 60_000)
  cluster.crash(cluster.leader!)
  const done = () => JSON.stringify(cluster.query("metering", "acme", "waiting")) === "[]"
  for (let patience = 100; !done() && patience > 0; patience--) cluster.runFor(500)
  expect(done()).toBe(true)
  expect(directory.again.length).toBeGreaterThan(0)
  expect(directory.texts.size).toBe(6)
})

interface Line {
  readonly tenant: string
  readonly file: string
  readonly kind: string
  readonly calls: number
  readonly bytes: number
}

const linesIn = ({ texts }: FakeDirectory, extension: string): ReadonlyArray<Line> =>
  [...texts].flatMap(([path, text]) =>
    path.endsWith(extension)
      ? text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Line)
      : [],
  )

const sum = (lines: ReadonlyArray<Line>): number => lines.reduce((calls, line) => calls + line.calls, 0)
