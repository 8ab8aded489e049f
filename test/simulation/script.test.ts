// Is a run all in its script, and does a script shrink to what matters?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { plan } from "../../src/simulation/plan.ts"
import { type Report, run } from "../../src/simulation/run.ts"
import { linksOf, type Script } from "../../src/simulation/script.ts"
import { shrink } from "../../src/simulation/shrink.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const seeds = Array.from({ length: 400 }, (_, at) => at + 1)

test("a script that was kept as JSON is the same run", () => {
  const script = plan(3)
  const kept = JSON.parse(JSON.stringify(script)) as Script
  const [first, again] = [run(script), run(kept)]
  expect(again.trace).toBe(first.trace)
  expect(again).toEqual(first)
})

test("seeds draw every kind of trouble, every cut and every shape of cluster, and leave each out as well", () => {
  const scripts = seeds.map((seed) => plan(seed))
  const typesOf = ({ faults }: Script) => new Set<string>(faults.map(({ type }) => type))
  const types = [
    "end",
    "end-all",
    "pause",
    "cut",
    "weather",
    "hold",
    "disk",
    "damage",
    "wall",
    "snapshot",
    "flood",
    "slow-code",
    "failing-code",
    "busy-code",
  ]
  for (const type of types) {
    const having = scripts.filter((script) => typesOf(script).has(type)).length
    expect({ type, isSometimes: having > 20 && having < seeds.length }).toEqual({ type, isSometimes: true })
  }
  const faults = scripts.flatMap((script) => script.faults)
  const shapes = new Set(faults.flatMap((fault) => (fault.type === "cut" ? [fault.cut.shape] : [])))
  expect([...shapes].sort()).toEqual(["bridge", "deaf", "halves", "isolate", "links", "mute", "ring"])
  const damages = new Set(faults.flatMap((fault) => (fault.type === "damage" ? [fault.damage] : [])))
  expect([...damages].sort()).toEqual(["flip", "flip-state", "mark", "shorten", "wipe"])
  const disks = new Set(faults.flatMap((fault) => (fault.type === "disk" ? Object.keys(fault.weather) : [])))
  expect([...disks].sort()).toEqual([
    "failing",
    "hangs",
    "isFull",
    "reserveBytes",
    "syncMillisMax",
    "syncMillisMin",
  ])
  const tills = scripts.flatMap(({ till }) => (till === undefined ? [] : [till]))
  expect(tills.length).toBeLessThan(seeds.length)
  const releases = new Set(
    tills.flatMap(({ deploys }) => deploys.flatMap((one) => (one.type === "activate" ? [one.release] : []))),
  )
  expect([...releases].sort()).toEqual(["mended", "one", "three", "two"])
  const ways = new Set(
    scripts.flatMap(({ operations }) =>
      operations.flatMap(({ act }) => (act.type === "hang" ? [act.how] : [])),
    ),
  )
  expect([...ways].sort()).toEqual(["alone", "always", "logged"])
  expect(new Set(scripts.map(({ voters }) => voters.length))).toEqual(new Set([1, 2, 3, 5]))
  expect(scripts.some(({ outgoing }) => outgoing.length > 0)).toBe(true)
  expect(scripts.some(({ learners }) => learners.length > 0)).toBe(true)
})

describe("a cut", () => {
  const ids = ["a", "b", "c", "d"]
  const cutOf = (cut: Parameters<typeof linksOf>[0]) =>
    linksOf(cut, ids, (target) => (target === "leader" ? "a" : target)).map(([from, to]) => `${from}${to}`)

  test("into halves takes all links between them, each way", () => {
    expect(cutOf({ shape: "halves", side: ["a", "b"] }).sort()).toEqual("ac ad bc bd ca cb da db".split(" "))
  })

  test("that makes one deaf or mute takes one way only", () => {
    expect(cutOf({ shape: "deaf", target: "leader" })).toEqual(["ba", "ca", "da"])
    expect(cutOf({ shape: "mute", target: "leader" })).toEqual(["ab", "ac", "ad"])
    expect(cutOf({ shape: "isolate", target: "leader" }).sort()).toEqual("ab ac ad ba ca da".split(" "))
  })

  test("with a bridge leaves one that sees both sides, a ring leaves each its neighbours", () => {
    expect(cutOf({ shape: "bridge", bridge: "a", side: ["b"] }).sort()).toEqual("bc bd cb db".split(" "))
    expect(cutOf({ shape: "ring" }).sort()).toEqual("ac bd ca db".split(" "))
  })
})

test("shrinking leaves what the failure needs, and nothing else", () => {
  const script = plan(8)
  expect(script.operations.length).toBeGreaterThan(20)
  const [needed] = script.operations.filter(({ act }) => act.type === "append")
  const fails = (candidate: Script): Report => ({
    seed: candidate.seed,
    failure: candidate.operations.includes(needed!)
      ? { checker: "made up", message: "", step: 0, atMillis: 0, nodes: "", notes: [] }
      : null,
    steps: 0,
    virtualMillis: 0,
    trace: "",
    seen: [],
    committed: 0,
    changes: 0,
    operations: { ok: 0, refused: 0, rejected: 0, unknown: 0 },
  })
  const { failure } = fails(script)
  const least = shrink({ script, failure: failure!, run: fails, runsMax: 1000 })
  expect(least.script.operations).toEqual([needed!])
  expect(least.script.faults).toEqual([])
  expect(least.script.forGood).toEqual([])
  expect(least.runs).toBeLessThan(200)
})
