// Where do actors live, and does each key have one group that executes its commands?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Result, Schema } from "effect"
import fc from "fast-check"
import { mainGroup } from "../../src/consensus/groups.ts"
import type { Entry, GroupId } from "../../src/consensus/types.ts"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { Work } from "../../src/machine/Executor.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { MachineCore } from "../../src/machine/MachineCore.ts"
import { isElsewhere, type Outcome } from "../../src/machine/outcome.ts"
import { loadActor, registryOf } from "../../src/machine/Registry.ts"
import { Runner } from "../../src/machine/Runner.ts"
import {
  evenShards,
  everySlot,
  homeOf,
  type Placement,
  type SlotRange,
  slotOf,
  united,
  wholeIn,
} from "../../src/machine/slots.ts"
import { encodeSystem, type SystemInput } from "../../src/machine/system/commands.ts"
import { groupsMax } from "../../src/machine/system/groups.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { Bench, command, entry, initial, refusalOf } from "./Bench.ts"
import { SystemBench } from "./SystemBench.ts"

// A busy machine may take long for as many groups as there may be.
setDefaultTimeout(60_000)

const counter = actor({
  version: 1,
  state: Schema.Int,
  initial: 0,
  commands: {
    add: {
      output: Schema.Int,
      reduce: (state, _input, ctx) => {
        ctx.emit("added")
        return { state: state + 1, result: state + 1 }
      },
    },
    later: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(10, "add", null)
        return { state, result: null }
      },
    },
  },
  queries: { value: { output: Schema.Int, read: (state) => state } },
  leading: () => Effect.void,
})
const code = "// the counter"
const version = versionOf(code)
const loaded = Result.getOrThrow(loadActor("counter", version, counter))

const [lower, upper] = evenShards(2) as [SlotRange, SlotRange]
const halves: Placement = [
  { group: "west", ...lower },
  { group: "east", ...upper },
]
/** Some keys of each half. */
const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
const isLower = (key: string) => slotOf(key) <= lower.to
const low = keys.find(isLower)!
const high = keys.find((key) => !isLower(key))!

const settle = (at: SystemBench, name: string, placement: Placement, by = "n1"): unknown =>
  at.system("$place/settle", name, { placement, by })

const own = (at: SystemBench, ranges: ReadonlyArray<SlotRange>, name = "counter"): unknown =>
  at.system("$shard/own", name, { ranges })

/** Switches the actor on. */
const bringIn = (at: SystemBench): void => {
  at.bringIn(loaded, code, "file")
  at.system("$actor/activate", "counter", { version, from: null })
}

/** A group that has the actor's code. */
const groupBench = (group: GroupId = "west"): SystemBench => {
  const at = new SystemBench([loaded], {}, group)
  bringIn(at)
  return at
}

const add = (key: string, more = {}) => command({ actor: "counter", key, version, ...more })

/** What becomes of every kind of question about a key: its code when it is refused. */
const asked = (at: Bench, key: string) => {
  const { machine } = at
  const name = { actor: "counter", key }
  const codeOf = (answer: { readonly _tag: string } | undefined) =>
    answer !== undefined && "code" in answer ? answer.code : "answered"
  const admission = machine.admit([encodeCommand(add(key))])[0]!
  const [query, state] = machine.query([
    { type: "query", ...name, query: "value", input: "null" },
    { type: "state", ...name },
  ])
  return {
    admitted: admission._tag === "Settled" ? codeOf(admission.outcome) : "answered",
    applied: codeOf(at.apply(add(key))),
    query: codeOf(query),
    state: codeOf(state),
    watch: codeOf(machine.events([{ ...name, after: null }]).outcomes[0]),
    watchAgain: codeOf(machine.events([{ ...name, after: 0 }]).outcomes[0]),
  }
}
const all = (each: string) => ({
  admitted: each,
  applied: each,
  query: each,
  state: each,
  watch: each,
  watchAgain: each,
})

const list = (at: Bench, name = "counter") =>
  at.machine.query([{ type: "list", actor: name, prefix: "", after: "", limit: 1000 }])[0]!

describe("where an actor lives", () => {
  test("is settled once: whoever comes second is told what stands", () => {
    const at = new SystemBench([])
    expect(at.machine.places()).toEqual({ index: 0, places: [] })
    expect(settle(at, "orders", halves)).toEqual({ settled: [...halves], isNew: true })
    expect(settle(at, "orders", wholeIn("other"), "n2")).toEqual({ settled: [...halves], isNew: false })
    expect(settle(at, "bills", wholeIn("main"), "n2")).toEqual({ settled: [...wholeIn("main")], isNew: true })
    expect(at.machine.places()).toEqual({
      index: 3,
      places: [
        { actor: "bills", placement: wholeIn("main"), by: "n2", index: 3 },
        { actor: "orders", placement: halves, by: "n1", index: 1 },
      ],
    })
  })

  test("is main, whatever anybody asks for, when main has a version of it", () => {
    const at = groupBench(mainGroup)
    expect(asked(at, low)).toEqual(all("answered"))
    const here = [...wholeIn("main")]
    expect(settle(at, "counter", halves)).toEqual({ settled: here, isNew: false })
    expect(settle(at, "counter", wholeIn("west"))).toEqual({ settled: here, isNew: false })
    expect(at.machine.places().places).toMatchObject([{ actor: "counter", placement: here }])
    expect(asked(at, high)).toEqual(all("answered"))
  })

  test("is main when main has always had it", () => {
    const at = new Bench(registryOf({ counter }))
    const input = { placement: halves, by: "n1" }
    at.applyBytes(encodeSystem("$place/settle", { key: "counter", input, id: "s", door: "n1" }))
    expect(at.machine.places().places).toMatchObject([{ actor: "counter", placement: wholeIn("main") }])
  })

  test("is in the state: in its hash, and there again after a restart", () => {
    const at = new SystemBench([])
    const before = at.machine.stateHash().hash
    settle(at, "counter", halves)
    const { hash } = at.machine.stateHash()
    expect(hash).not.toBe(before)
    const places = at.machine.places()
    at.machine.flush()
    at.restart()
    expect(at.machine.places()).toEqual(places)
    expect(at.machine.stateHash().hash).toBe(hash)
    expect(asked(at, low)).toEqual(all("elsewhere"))
  })

  test("is told alike by who has applied all of it and by who has started again since", () => {
    const [one, other] = [new SystemBench([]), new SystemBench([])]
    for (const at of [one, other]) settle(at, "orders", halves)
    other.machine.flush()
    other.restart()
    for (const at of [one, other]) settle(at, "orders", wholeIn("other"), "n2")
    expect(other.machine.stateHash()).toEqual(one.machine.stateHash())
  })

  test("is not settled by what is no placement, for no actor, or in another group than main", () => {
    const at = new SystemBench([])
    const bad: ReadonlyArray<unknown> = [
      [],
      null,
      "main",
      [{ group: "main", from: 0, to: 65_534 }],
      [{ group: "main", from: 1, to: 65_535 }],
      [{ group: "$place", ...everySlot }],
      [{ group: "main", from: 0, to: "65535" }],
      [...wholeIn("main"), ...wholeIn("east")],
    ]
    for (const placement of bad) {
      expect(settle(at, "orders", placement as Placement)).toMatchObject({ code: "invalid-input" })
    }
    for (const name of ["$actor", "a/b", "1", "a".repeat(64)]) {
      expect(settle(at, name, halves)).toMatchObject({ code: "invalid-input" })
    }
    expect(at.machine.places().places).toEqual([])
    const east = new SystemBench([], {}, "east")
    expect(settle(east, "orders", halves)).toMatchObject({ code: "invalid-input" })
    expect(east.machine.places()).toEqual({ index: 0, places: [] })
  })

  test("keeps its groups from being closed, and has room for them before they are opened", () => {
    const at = new SystemBench([])
    const addresses = { n1: { peer: "n1:1", client: "" } }
    const configuration = { voters: ["n1"], learners: [], addresses }
    const open = (group: string) => at.system("$group/open", group, { configuration })
    const close = (group: string) => at.system("$group/close", group, {})
    open("west")
    settle(at, "orders", halves)
    expect(close("west")).toMatchObject({ code: "in-use" })
    // It is named, and could be opened yet.
    expect(close("east")).toMatchObject({ code: "in-use" })
    for (let count = 0; count < groupsMax - 3; count++) open(`g${count}`)
    // Three groups have a name now, and one of them is not open.
    expect(settle(at, "bills", homeOf("bills", { shards: 2 }))).toMatchObject({ code: "invalid-input" })
    expect(settle(at, "bills", wholeIn("g1"))).toMatchObject({ isNew: true })
    expect(open("last")).toMatchObject({ isNew: true })
    expect(open("more")).toMatchObject({ code: "invalid-input" })
    expect(settle(at, "notes", wholeIn("more"))).toMatchObject({ code: "invalid-input" })
    expect(open("east")).toMatchObject({ isNew: true })
    expect(at.machine.groups().groups).toHaveLength(groupsMax)
  })
})

test("what a definition asks for is told of its version, to whoever looks after a node", () => {
  const spread = { ...loaded, home: { group: "sales", shards: 8 } }
  const at = new SystemBench([loaded])
  at.bringIn(loaded, code)
  expect(at.machine.actors()).toMatchObject([{ name: "counter", versions: [{ group: null, shards: null }] }])
  const other = new SystemBench([spread])
  other.bringIn(spread, code)
  expect(other.machine.actors()).toMatchObject([{ versions: [{ group: "sales", shards: 8 }] }])
  for (const home of [{ group: "a/b" }, { shards: 0 }, { shards: 1025 }]) {
    const wrong = { ...loaded, home }
    expect(new SystemBench([wrong]).bringIn(wrong, code)).toMatchObject({ code: "invalid-input" })
  }
})

describe("main has an actor's keys", () => {
  test("when nobody has settled where it lives", () => {
    const at = groupBench(mainGroup)
    expect(asked(at, low)).toEqual(all("answered"))
    expect(asked(at, high)).toEqual(all("answered"))
  })

  test("as far as its placement gives them to main", () => {
    const at = new SystemBench([loaded], {}, mainGroup)
    settle(at, "counter", [{ group: "main", ...lower }, halves[1]!])
    bringIn(at)
    expect(asked(at, low)).toEqual(all("answered"))
    expect(asked(at, high)).toEqual(all("elsewhere"))
    expect(list(at)).toMatchObject({ _tag: "Answered" })
  })

  test("and none of those that live elsewhere, though nothing of the actor is known here", () => {
    const at = new SystemBench([])
    expect(refusalOf(list(at))).toMatchObject({ code: "unknown-actor" })
    settle(at, "counter", halves)
    expect(asked(at, low)).toEqual(all("elsewhere"))
    expect(isElsewhere(list(at))).toBe(true)
    expect(refusalOf(list(at, "nobody"))).toMatchObject({ code: "unknown-actor" })
    expect(refusalOf(list(at, "$place"))).toMatchObject({ code: "unknown-actor" })
  })

  test("of which it is never given any in another way", () => {
    const at = groupBench(mainGroup)
    expect(own(at, [everySlot])).toMatchObject({ code: "invalid-input" })
  })

  test("and says what is wrong with a key that is none", () => {
    const at = new SystemBench([])
    settle(at, "counter", halves)
    for (const key of ["", "\u0000", "x".repeat(513)]) {
      expect(asked(at, key)).toMatchObject({ admitted: "invalid-input", applied: "invalid-input" })
    }
  })
})

describe("another group has an actor's keys", () => {
  test("none of them before it was given any, though it has the code", () => {
    const at = groupBench()
    expect(asked(at, low)).toEqual(all("elsewhere"))
    expect(isElsewhere(list(at))).toBe(true)
  })

  test("in the slots that it was given, from that entry on", () => {
    const at = groupBench()
    expect(own(at, [lower])).toEqual({ actor: "counter", ranges: [lower], isNew: true })
    expect(asked(at, low)).toEqual(all("answered"))
    expect(asked(at, high)).toEqual(all("elsewhere"))
    expect(list(at)).toMatchObject({
      body: JSON.stringify({ instances: [{ key: low, revision: 1 }], next: null }),
    })
    at.machine.flush()
    at.restart()
    expect(asked(at, low)).toEqual(all("answered"))
    expect(asked(at, high)).toEqual(all("elsewhere"))
  })

  test("and more of them, when it is given more, but never fewer", () => {
    const at = groupBench()
    own(at, [{ from: 10, to: 20 }])
    expect(own(at, [{ from: 10, to: 20 }])).toMatchObject({ isNew: false })
    expect(own(at, [{ from: 21, to: 30 }])).toMatchObject({ code: "in-use" })
    expect(own(at, [{ from: 10, to: 19 }])).toMatchObject({ code: "in-use" })
    // In any order, and in pieces: what counts are the slots.
    const more = [
      { from: 40, to: 50 },
      { from: 15, to: 30 },
      { from: 5, to: 14 },
    ]
    const ranges = [
      { from: 5, to: 30 },
      { from: 40, to: 50 },
    ]
    expect(own(at, more)).toEqual({ actor: "counter", ranges, isNew: true })
    expect(own(at, ranges)).toEqual({ actor: "counter", ranges, isNew: false })
    expect(own(at, [everySlot])).toEqual({ actor: "counter", ranges: [everySlot], isNew: true })
  })

  test("but not of what is no range, and of no actor", () => {
    const at = groupBench()
    const bad: ReadonlyArray<unknown> = [
      [],
      null,
      [{ from: 1, to: 0 }],
      [{ from: -1, to: 0 }],
      [{ from: 0, to: 65_536 }],
      [{ from: 0, to: 0.5 }],
      [{ from: 0 }],
      Array.from({ length: 1025 }, (_, at) => ({ from: at, to: at })),
    ]
    for (const ranges of bad) {
      expect(own(at, ranges as ReadonlyArray<SlotRange>)).toMatchObject({ code: "invalid-input" })
    }
    expect(own(at, [everySlot], "$actor")).toMatchObject({ code: "invalid-input" })
    expect(asked(at, low)).toEqual(all("elsewhere"))
  })

  test("each actor its own", () => {
    const at = groupBench()
    own(at, [everySlot], "bills")
    expect(asked(at, low)).toEqual(all("elsewhere"))
  })
})

describe("what is refused because its key is elsewhere", () => {
  test("is not remembered: asked again where the key has come to, it is executed", () => {
    const at = groupBench()
    const once = add(low, { idempotencyKey: "once" })
    expect(refusalOf(at.apply(once))).toMatchObject({ code: "elsewhere", replayed: false })
    const { outcomes } = at.machine.status()
    const { hash } = at.machine.stateHash()
    expect(refusalOf(at.apply(once))).toMatchObject({ code: "elsewhere", replayed: false })
    expect(at.machine.status().outcomes).toBe(outcomes)
    expect(at.machine.stateHash().hash).toBe(hash)
    own(at, [lower])
    expect(at.propose(once)).toMatchObject({ result: "1", replayed: false })
    expect(at.propose(once)).toMatchObject({ result: "1", replayed: true })
  })

  test("is refused between others of one batch as well", () => {
    const at = groupBench()
    own(at, [lower])
    const commands = keys.map((key) => add(key))
    const entries = commands.map((one) => entry(++at.index, encodeCommand(one)))
    const outcomes = at.machine.apply(entries)
    expect(outcomes.map((outcome) => !isElsewhere(outcome!))).toEqual(keys.map(isLower))
  })

  test("may be the repair of an instance, and then nothing of that is remembered either", () => {
    const at = groupBench()
    const input = { how: "before", state: null, force: false } as const
    const bytes = encodeSystem("$instance/repair", { key: `counter/${low}`, input, id: "r", door: "n1" })
    const admission = at.machine.admit([bytes])[0]!
    expect(admission._tag === "Settled" && isElsewhere(admission.outcome)).toBe(true)
    const { outcomes } = at.machine.status()
    expect(refusalOf(at.applyBytes(bytes))).toMatchObject({ code: "elsewhere" })
    expect(at.machine.status().outcomes).toBe(outcomes)
    own(at, [lower])
    expect(refusalOf(at.applyBytes(bytes))).toMatchObject({ code: "not-found" })
  })
})

/** A machine whose state can be reached into. */
class Open {
  readonly core: MachineCore
  readonly #runner: Runner
  #index = 0

  constructor(group: GroupId) {
    const registry = registryOf({ counter })
    const disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })
    this.core = new MachineCore({
      store: openMemoryStateStore(disk, { group, initial }),
      group,
      preset: registry,
    })
    this.#runner = new Runner(registry, defaultLimits)
  }

  apply(...commands: ReadonlyArray<Uint8Array>): ReadonlyArray<Outcome | null> {
    return this.#run(this.core.apply(commands.map((bytes): Entry => entry(++this.#index, bytes, 1_000))))
  }

  admit(bytes: Uint8Array) {
    return this.#run(this.core.admit([bytes]))[0]!
  }

  own(ranges: ReadonlyArray<SlotRange>): void {
    this.core.state.whereabouts.putShard("counter", { ranges }, this.#index)
  }

  #run<Value>(work: Work<Value>): Value {
    let step = this.core.advance(work, [])
    while (step.done !== true) step = this.core.advance(work, this.#runner.run(step.value))
    return step.value
  }
}

describe("what runs by itself runs where its key is:", () => {
  test("timers, and one whose key has gone waits and is kept", () => {
    const at = new Open("west")
    at.own([lower])
    at.apply(encodeCommand(command({ key: low, command: "later", version: "v1" })))
    expect(at.core.nextTimer()).toBe(1_010)
    const [due] = at.core.due(2_000, 10)
    // As it will be when keys can be moved.
    at.own([upper])
    expect(at.core.nextTimer()).toBeNull()
    expect(at.core.due(2_000, 10)).toEqual([])
    const admission = at.admit(due!)
    expect(admission._tag === "Settled" && isElsewhere(admission.outcome)).toBe(true)
    expect(isElsewhere(at.apply(due!)[0]!)).toBe(true)
    expect(at.core.status().timers).toBe(1)
    at.own([everySlot])
    expect(at.core.nextTimer()).toBe(1_010)
  })

  test("leading, in each group that has some of its keys", () => {
    const led = (at: Bench) => at.machine.led().map((one) => one.actor)
    const west = groupBench("west")
    const east = groupBench("east")
    expect([led(west), led(east)]).toEqual([[], []])
    own(west, [lower])
    own(east, [upper])
    expect([led(west), led(east)]).toEqual([["counter"], ["counter"]])
    const main = groupBench(mainGroup)
    expect(led(main)).toEqual(["counter"])
    const other = new SystemBench([loaded])
    settle(other, "counter", halves)
    bringIn(other)
    expect(led(other)).toEqual([])
  })
})

describe("all groups together", () => {
  test("have each key once, wherever a definition puts its actor", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 30, size: "max" }),
        (shards, some) => {
          const home = homeOf("counter", { shards })
          const main = new SystemBench([])
          settle(main, "counter", home)
          const groups = home.map(({ group, ...range }) => {
            const at = groupBench(group)
            own(at, [range])
            return at
          })
          for (const key of some.filter((one) => !one.includes("\u0000"))) {
            const outcomes = [main, ...groups].map((at) => at.apply(add(key)))
            expect(outcomes.filter((outcome) => outcome._tag === "Accepted")).toHaveLength(1)
            expect(outcomes.filter((outcome) => !isElsewhere(outcome))).toHaveLength(1)
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  test("execute what they have, and come to the same however batches are cut and restarts fall", () => {
    const range = fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 7 })).map(([one, other]): SlotRange => {
      const [from, to] = [Math.min(one, other), Math.max(one, other) + 1]
      return { from: from * 8192, to: to * 8192 - 1 }
    })
    const step = fc.oneof(
      { arbitrary: fc.record({ own: range }), weight: 1 },
      { arbitrary: fc.record({ key: fc.nat({ max: 20 }), id: fc.nat({ max: 8 }) }), weight: 4 },
    )
    const steps = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 9 })), { maxLength: 60, size: "max" })
    fc.assert(
      fc.property(steps, (all) => {
        const [single, batched] = [groupBench(), groupBench()]
        let owned: ReadonlyArray<SlotRange> = []
        const executed = new Map<string, number>()
        const counts = new Map<string, number>()
        let waiting: Array<Entry> = []
        for (const [at, [one, dice]] of all.entries()) {
          const bytes =
            "own" in one
              ? encodeSystem("$shard/own", {
                  key: "counter",
                  input: { ranges: [...owned, one.own] } satisfies SystemInput<"$shard/own">,
                  id: `o${at}`,
                  door: "n1",
                })
              : encodeCommand(add(`k${one.key}`, { idempotencyKey: `i${one.id}` }))
          const outcome = single.applyBytes(bytes)
          if ("own" in one) owned = united([...owned, one.own])
          else {
            const key = `k${one.key}`
            const slot = slotOf(key)
            const isOwned = owned.some(({ from, to }) => from <= slot && slot <= to)
            expect(isElsewhere(outcome)).toBe(!isOwned)
            if (isOwned) {
              const id = `${key} i${one.id}`
              const count = executed.get(id) ?? (counts.get(key) ?? 0) + 1
              expect(outcome).toMatchObject({ result: String(count), replayed: executed.has(id) })
              executed.set(id, count)
              counts.set(key, Math.max(count, counts.get(key) ?? 0))
            }
          }
          waiting.push(entry(single.index, bytes))
          if (dice < 3) {
            batched.machine.apply(waiting)
            batched.index = single.index
            waiting = []
          }
          if (dice === 0) {
            batched.machine.flush()
            batched.restart()
          }
        }
        if (waiting.length > 0) batched.machine.apply(waiting)
        expect(batched.machine.stateHash()).toEqual(single.machine.stateHash())
      }),
      { numRuns: 50 },
    )
  })
})

describe("a node's log is told", () => {
  const told = (at: Bench) => at.machine.changes(0).changes

  test("where an actor lives, once", () => {
    const at = new SystemBench([])
    settle(at, "counter", [...halves.slice(0, 1), { ...upper, group: "west" }])
    settle(at, "counter", halves)
    expect(told(at)).toEqual([{ what: "placed", index: 1, actor: "counter", groups: ["west"], by: "n1" }])
  })

  test("what a group has of an actor, when that has changed", () => {
    const at = groupBench()
    const { index } = at
    own(at, [lower])
    own(at, [lower])
    own(at, [{ from: 0, to: 9 }])
    own(at, [lower, upper])
    expect(told(at).filter((one) => one.index > index)).toEqual([
      { what: "owns", index: index + 1, actor: "counter", ranges: [lower] },
      { what: "owns", index: index + 4, actor: "counter", ranges: [everySlot] },
    ])
  })
})
