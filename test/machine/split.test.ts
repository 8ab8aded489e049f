// Can a shard be split while commands come in, with nothing lost and nothing done twice, whoever drives it and however often
// that one dies?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { mainGroup } from "../../src/consensus/groups.ts"
import { decodeCommand, encodeCommand } from "../../src/machine/command.ts"
import { Outcomes, outcomeSlot } from "../../src/machine/Outcomes.ts"
import { isElsewhere, type Outcome } from "../../src/machine/outcome.ts"
import { fingerprintOf } from "../../src/machine/outcomeRows.ts"
import { isWithin, sizeOf, slotOf, slotsCount, united, upperHalf, without } from "../../src/machine/slots.ts"
import type { Taking } from "../../src/machine/system/Whereabouts.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { initial } from "./Bench.ts"
import { Shards, upper, version } from "./Shards.ts"

setDefaultTimeout(120_000)

const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
/** What goes when counter-2 is split. */
const [going] = upperHalf([upper])
const goes = (key: string) => slotOf(key) >= going!.from
const moved = keys.filter(goes)
const stays = keys.filter((key) => slotOf(key) >= upper.from && !goes(key))

/** Steps until the move has come so far, and no further. */
const driveUntil = (all: Shards, isThere: () => boolean): void => {
  for (let steps = 0; !isThere(); steps++) {
    if (steps > 1000 || !all.drive()) throw new Error("it does not come there")
  }
}
const isReleased = (all: Shards) => () => all.shard("counter-2")?.underWay !== undefined
const isAdopted = (all: Shards) => () => (all.shard("counter-3")?.ranges.length ?? 0) > 0
const isAssigned = (all: Shards) => () => all.move?.phase === "moved"

describe("slots", () => {
  test("are halved without losing one, and the lowest one stays", () => {
    const range = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 40 }))
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (given) => {
        const ranges = united(given.map(([from, more]) => ({ from, to: from + more })))
        const half = upperHalf(ranges)
        const rest = without(ranges, half)
        expect(sizeOf(half)).toBe(Math.floor(sizeOf(ranges) / 2))
        expect(sizeOf(rest) + sizeOf(half)).toBe(sizeOf(ranges))
        expect(united([...rest, ...half])).toEqual([...ranges])
        expect(isWithin(half, ranges)).toBe(true)
        expect(rest[0]!.from).toBe(ranges[0]!.from)
        expect(half.every(({ from }) => from > rest.at(-1)!.to)).toBe(true)
      }),
    )
  })
})

const quarantine = {
  version,
  kind: "deadline",
  detail: "",
  by: "n1",
  command: "add",
  input: "null",
  commandId: "c",
  timer: "",
  voidFrom: null,
} as const

describe("a shard", () => {
  test("is split: its keys go with state, outcomes and timers, and each is in one group", () => {
    const all = new Shards()
    const first = keys.map((key) => all.send(all.groupOf(key), key, "add", "one"))
    for (const key of keys) all.send(all.groupOf(key), key, "later", "two")
    const states = keys.map((key) => all.state(key))
    expect(all.split("counter-2", "counter-3")).toMatchObject({
      move: { from: "counter-2", phase: "moving" },
    })
    all.driveAll()
    expect(all.place.placement).toEqual([
      { group: "counter-1", from: 0, to: 32767 },
      { group: "counter-2", from: 32768, to: 49151 },
      { group: "counter-3", from: 49152, to: 65535 },
    ])
    expect(all.place.move).toBeUndefined()
    expect(new Set(all.listed("counter-3"))).toEqual(new Set(moved))
    expect(new Set(all.listed("counter-2"))).toEqual(new Set(stays))
    expect(keys.map((key) => all.state(key))).toEqual(
      states.map((state) => ({ ...state, index: expect.any(Number) })),
    )
    for (const [at, key] of keys.entries()) {
      // Byte for byte, with the index and the term of then.
      expect(all.send(all.groupOf(key), key, "add", "one")).toEqual({ ...first[at]!, replayed: true })
      expect(all.send(all.groupOf(key), key, "add", "new")).toMatchObject({ result: "2" })
    }
    all.time += 100
    for (const group of all.groups.keys()) all.fire(group)
    expect(keys.map((key) => all.state(key).state.rung)).toEqual(keys.map(() => 1))
    // Nothing of them is left where they were.
    const { machine } = all.at("counter-2")
    const instancesOf = () => machine.actors()[0]!.versions[0]!.instances
    expect([machine.status().timers, instancesOf()]).toEqual([0, stays.length])
    machine.flush()
    expect(instancesOf()).toBe(stays.length)
    for (const shard of all.groups.values()) expect(shard.machine.stateHash().hash).toBe(shard.hashOfAnother)
  })

  test("shows keys that are on their way nowhere, and takes no command of theirs", () => {
    const all = new Shards()
    for (const key of keys) all.send(all.groupOf(key), key, "add", "one")
    all.split("counter-2", "counter-3")
    for (const isThere of [isReleased(all), isAdopted(all), isAssigned(all)]) {
      driveUntil(all, isThere)
      const [key] = moved
      const isTaker = isThere !== undefined && isAdopted(all)()
      const said = ["counter-2", "counter-3"].map((group) => all.send(group, key!, "add", "while"))
      expect(said.map(isElsewhere)).toEqual([true, !isTaker])
      expect(new Set(all.listed("counter-2"))).toEqual(new Set(stays))
      expect(all.listed("counter-3").length).toBe(isTaker ? moved.length : 0)
      // Who takes the group to have what it had is told to look again.
      const query = { type: "list", actor: "counter", prefix: "", after: "", limit: 10 } as const
      const [whole, own] = all.at("counter-2").machine.query([
        { ...query, slots: [upper] },
        { ...query, slots: without([upper], [going!]) },
      ])
      expect([isElsewhere(whole!), isElsewhere(own!)]).toEqual([true, false])
    }
  })

  test("tells whoever watched a key that goes its state, in place of what may be missing", () => {
    const all = new Shards()
    const [key] = moved as [string]
    for (let count = 0; count < 50; count++) all.send("counter-2", key, "add", `${count}`)
    const asked = (group: string, after: number | null, move?: number) => {
      const given = { actor: "counter", key, after, ...(move === undefined ? {} : { move }) }
      return all.at(group).machine.events([given]).outcomes[0]!
    }
    const { index } = all.at("counter-2")
    expect(asked("counter-2", index)).toMatchObject({ _tag: "Events", entries: [] })
    all.split("counter-2", "counter-3")
    const move = all.move!.id
    driveUntil(all, isReleased(all))
    expect(isElsewhere(asked("counter-2", index))).toBe(true)
    all.driveAll()
    expect(asked("counter-3", null)).toMatchObject({ _tag: "Events", entries: [], move })
    // Both ahead of the new group's log and behind it: what they count is another log.
    for (const after of [0, 3, index, index + 100]) {
      expect(asked("counter-3", after)).toMatchObject({ _tag: "Reset", move })
    }
    const from = all.at("counter-3").index
    all.send("counter-3", key, "add", "new")
    const next = asked("counter-3", from, move)
    expect(next).toMatchObject({ _tag: "Events", entries: [{ events: [{ event: "added" }] }], move })
  })

  test("goes through in spite of large states and answers, in entries of a bounded size", () => {
    const all = new Shards()
    for (const [at, key] of moved.entries())
      all.send("counter-2", key, "fill", "fill", at % 4 === 0 ? 60_000 : 300)
    const pads = moved.map((key) => all.state(key).state.pad.length)
    expect(Math.max(...pads)).toBeGreaterThan(200_000)
    all.split("counter-2", "counter-3")
    all.driveAll()
    expect(moved.map((key) => all.state(key).state.pad.length)).toEqual(pads)
    // Also when it is read from the disk: all of one entry stands together there.
    all.at("counter-3").machine.flush()
    all.at("counter-3").restart()
    for (const [at, key] of moved.entries()) {
      const again = all.send("counter-3", key, "fill", "fill", at % 4 === 0 ? 60_000 : 300)
      expect(again).toMatchObject({ _tag: "Accepted", replayed: true })
      expect(JSON.parse((again as { result: string }).result).length).toBe(pads[at]!)
    }
    const largest = Math.max(...all.sent.map(({ bytes }) => bytes.byteLength))
    expect(largest).toBeLessThan(1024 * 1024)
    for (const shard of all.groups.values()) expect(shard.machine.stateHash().hash).toBe(shard.hashOfAnother)
  })

  test("whose oldest answers are forgotten while they are handed over, is split all the same", () => {
    const all = new Shards({ outcomesMax: 30 })
    for (const key of moved) all.send("counter-2", key, "tell", "tell", 40_000)
    all.split("counter-2", "counter-3")
    // In the middle of the first one.
    driveUntil(all, () => ((all.shard("counter-3")?.underWay as Taking | undefined)?.parts ?? 0) > 0)
    // Until it is forgotten, and not the ones behind it: three came before it, of how the group began.
    const more = 30 - all.at("counter-2").machine.status().outcomes + 4
    for (let count = 0; count < more; count++) all.send("counter-2", stays[0]!, "add", `${count}`)
    all.driveAll()
    expect(moved.map((key) => all.state(key).revision)).toEqual(moved.map(() => 1))
    const again = moved.map((key) => all.send("counter-3", key, "tell", "tell", 40_000))
    expect(again.map(({ replayed }) => replayed)).toEqual(moved.map((_, at) => at > 0))
    for (const shard of all.groups.values()) expect(shard.machine.stateHash().hash).toBe(shard.hashOfAnother)
  })

  test("with more outcomes than the new group may remember keeps to its limit", () => {
    const all = new Shards({ outcomesMax: 12 })
    for (let count = 0; count < 30; count++) all.send("counter-2", moved[0]!, "add", `${count}`)
    all.split("counter-2", "counter-3")
    all.driveAll()
    for (const count of [1, 30]) {
      for (let at = 0; at < count; at++) all.send("counter-3", moved[0]!, "add", `new ${count} ${at}`)
      all.at("counter-3").machine.flush()
      all.at("counter-3").restart()
      const { machine, hashOfAnother } = all.at("counter-3")
      expect(machine.status().outcomes).toBeLessThanOrEqual(12)
      expect(machine.stateHash().hash).toBe(hashOfAnother)
    }
  })

  test("whose answers come by one entry in a larger number than may be remembered, keeps as many as may", () => {
    const disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })
    const store = openMemoryStateStore(disk, { group: "g", initial })
    const outcomes = new Outcomes(store, 2, "0".repeat(16))
    const row = (key: string) => {
      return {
        actor: "counter",
        key,
        idempotencyKey: "i",
        request: fingerprintOf({ command: "add", input: "" }),
      }
    }
    const outcome = {
      _tag: "Accepted",
      result: "1",
      revision: 1,
      index: 3,
      term: 1,
      replayed: false,
    } as const
    for (const key of ["a", "b", "c"]) outcomes.take(row(key), { index: 9, term: 1 }, outcome)
    const found = ["a", "b", "c"].map((key) => outcomes.find(outcomeSlot("counter", key, "i"))?.outcome)
    expect(found).toEqual([outcome, outcome, undefined])
    expect([outcomes.count, outcomes.forgetBelow, [...outcomes.behind(0)].length]).toEqual([2, 0, 2])
  })

  test("is taken over when all of it is there, and not before", () => {
    const all = new Shards()
    for (const key of keys) all.send(all.groupOf(key), key, "add", "one")
    all.split("counter-2", "counter-3")
    const move = all.move!.id
    const adopt = (portions: number, digest: string) =>
      all.system("counter-3", "$shard/adopt", "counter", { move, portions, digest, time: 0 })
    expect(adopt(0, "")).toMatchObject({ code: "version-conflict" })
    driveUntil(all, () => all.shard("counter-3")?.underWay !== undefined)
    const taking = () => all.shard("counter-3")!.underWay as Taking
    expect(adopt(taking().portions, "0")).toMatchObject({ code: "version-conflict" })
    expect(adopt(taking().portions + 1, taking().digest)).toMatchObject({ code: "version-conflict" })
    // Half of the next thing.
    const { from, slots } = all.move!
    const half = { move, from, slots, portion: taking().portions, items: ["c[]"], isOpen: true, cursor: "" }
    expect(all.system("counter-3", "$shard/take", "counter", half)).toMatchObject({
      portions: half.portion + 1,
    })
    expect(adopt(taking().portions, taking().digest)).toMatchObject({ code: "version-conflict" })
    expect(all.send("counter-3", moved[0]!, "add", "two")).toMatchObject({ code: "elsewhere" })
    // A portion that comes a second time, or from who knows of others, changes nothing.
    const { hash } = all.at("counter-3").machine.stateHash()
    for (const portion of [0, half.portion, half.portion + 5]) {
      all.system("counter-3", "$shard/take", "counter", { ...half, portion })
    }
    expect(all.at("counter-3").machine.stateHash().hash).toBe(hash)
  })

  test("is split again, and again", () => {
    const all = new Shards()
    for (const key of keys) all.send(all.groupOf(key), key, "add", "one")
    all.split("counter-2", "counter-3")
    all.driveAll()
    all.split("counter-3", "counter-4")
    all.driveAll()
    expect(all.place.placement.map(({ group }) => group)).toEqual([
      "counter-1",
      "counter-2",
      "counter-3",
      "counter-4",
    ])
    for (const key of keys) {
      expect(all.send(all.groupOf(key), key, "add", "one")).toMatchObject({ result: "1", replayed: true })
      expect(all.send(all.groupOf(key), key, "add", "two")).toMatchObject({ result: "2", replayed: false })
    }
  })

  test("tells its reducers of no earlier time than before, wherever the clocks of leaders stand", () => {
    const all = new Shards()
    const [key] = moved as [string]
    all.time = 90_000
    all.send("counter-2", key, "add", "one")
    all.split("counter-2", "counter-3")
    driveUntil(all, isReleased(all))
    all.time = 2_000
    all.driveAll()
    expect(all.send("counter-3", key, "add", "two")).toMatchObject({ result: "2" })
  })

  test("is not split while one of the keys that would go waits for an operator, and never by a late copy", () => {
    const all = new Shards()
    all.system("counter-2", "$instance/quarantine", `counter/${moved[0]}`, quarantine)
    all.split("counter-2", "counter-3")
    const { id } = all.move!
    all.driveAll()
    expect(all.place.refused?.move).toBe(id)
    expect(all.place.refused?.reason).toContain("quarantine")
    expect(all.place.placement).toHaveLength(2)
    expect(
      all.system("counter-2", "$instance/repair", `counter/${moved[0]}`, {
        how: "before",
        state: null,
        force: false,
      }),
    ).toMatchObject({ how: "before" })
    // What was refused stays refused, though nothing would be in the way now.
    const late = { move: id, to: "counter-3", slots: [going!] }
    expect(all.system("counter-2", "$shard/release", "counter", late)).toMatchObject({ released: false })
    expect(all.send("counter-2", moved[0]!, "add", "one")).toMatchObject({ result: "1" })
    expect(all.split("counter-2", "counter-3")).toMatchObject({ code: "not-found" })
    expect(all.split("counter-2", "counter-4")).toMatchObject({ move: { to: "counter-4" } })
    all.driveAll()
    expect(all.send("counter-4", moved[0]!, "add", "two")).toMatchObject({ result: "2" })
  })

  test("keeps its versions as they are while a part of it is between two groups", () => {
    const all = new Shards()
    const activate = (group: string) =>
      all.system(group, "$actor/activate", "counter", { version, from: null })
    all.split("counter-2", "counter-3")
    expect(activate("counter-2")).toMatchObject({ active: version })
    driveUntil(all, isReleased(all))
    const offer = { node: "n1", version, declared: 1, voters: ["n1"] }
    for (const said of [
      activate("counter-2"),
      all.system("counter-2", "$actor/offer", "counter", offer),
      all.system("counter-2", "$actor/rollback", "counter", { to: null, from: null }),
    ]) {
      expect(said).toMatchObject({ code: "overloaded" })
    }
    const refused = all.sent.at(-1)!
    expect(activate("counter-1")).toMatchObject({ active: version })
    all.driveAll()
    // Who asks again by the same words is heard now.
    expect(all.at("counter-2").propose(refused.bytes, all.time)).toMatchObject({ code: "version-conflict" })
    for (const group of ["counter-2", "counter-3"]) expect(activate(group)).toMatchObject({ active: version })
    const { active, versions } = all.at("counter-3").machine.actors()[0]!
    expect([active, versions.map((one) => one.version)]).toEqual([version, [version]])
    expect(all.at("counter-3").machine.stateHash().hash).toBe(all.at("counter-3").hashOfAnother)
  })

  test("answers late copies of what it has executed as before, wherever the key is: else who asks is told that it was not", () => {
    const all = new Shards()
    const before = all.send("counter-2", moved[0]!, "add", "one")
    all.split("counter-2", "counter-3")
    for (const isThere of [isReleased(all), isAdopted(all), isAssigned(all), () => all.move === undefined]) {
      driveUntil(all, isThere)
      expect(all.send("counter-2", moved[0]!, "add", "one")).toEqual({ ...before, replayed: true })
      expect(all.send("counter-2", moved[0]!, "add", "two")).toMatchObject({ code: "elsewhere" })
    }
  })

  test("never takes keys back by a late copy of what first gave them", () => {
    const all = new Shards()
    const own = (ranges: ReadonlyArray<{ from: number; to: number }>, group = "counter-2") =>
      all.system(group, "$shard/own", "counter", { ranges })
    all.split("counter-2", "counter-3")
    for (const isThere of [isReleased(all), isAdopted(all), isAssigned(all), () => all.move === undefined]) {
      driveUntil(all, isThere)
      expect(own([upper])).toMatchObject({ isNew: false })
      expect(all.send("counter-2", moved[0]!, "add", "one")).toMatchObject({ code: "elsewhere" })
      const held = all.system("counter-2", "$instance/quarantine", `counter/${moved[0]}`, quarantine)
      expect(held).toMatchObject({ code: "elsewhere" })
    }
    // Whoever knows more than the first placement, or less, changes nothing either.
    expect(own([going!], "counter-3")).toMatchObject({ isNew: false })
    expect(own([{ from: 49_152, to: 50_000 }], "counter-3")).toMatchObject({ isNew: false })
    expect(all.shard("counter-3")!.ranges).toEqual([going!])
  })
})

describe("main begins no move", () => {
  const refused = (
    change: (given: { from: string; to: string; slots: Array<{ from: number; to: number }> }) => object,
  ) => {
    const all = new Shards()
    const given = { from: "counter-2", to: "counter-3", slots: [{ ...going! }] }
    return all.system(mainGroup, "$place/split", "counter", { ...given, by: "n1", ...change(given) } as never)
  }

  test("of an actor that nobody has settled, out of main, or into it", () => {
    const all = new Shards()
    const input = { from: "counter-2", to: "counter-3", slots: [going!], by: "n1" }
    expect(all.system(mainGroup, "$place/split", "other", input)).toMatchObject({ code: "not-found" })
    expect(refused(() => ({ from: "main" }))).toMatchObject({ code: "invalid-input" })
    expect(refused(() => ({ to: "main" }))).toMatchObject({ code: "invalid-input" })
    expect(all.system("counter-2", "$place/split", "counter", input)).toMatchObject({ code: "invalid-input" })
    expect(
      all.system(mainGroup, "$shard/release", "counter", { move: 1, to: "a", slots: [going!] }),
    ).toMatchObject({
      code: "invalid-input",
    })
  })

  test("of slots that the group does not have, or of all that it has", () => {
    expect(refused(() => ({ slots: [{ from: 0, to: 5 }] }))).toMatchObject({ code: "in-use" })
    expect(refused(() => ({ slots: [upper] }))).toMatchObject({ code: "invalid-input" })
    expect(refused(() => ({ slots: [] }))).toMatchObject({ code: "invalid-input" })
    expect(refused(() => ({ slots: [{ from: 5, to: slotsCount }] }))).toMatchObject({ code: "invalid-input" })
  })

  test("into a group that is not open, or has some of the actor's keys", () => {
    expect(refused(() => ({ to: "nowhere" }))).toMatchObject({ code: "not-found" })
    expect(refused(() => ({ to: "counter-1" }))).toMatchObject({ code: "in-use" })
  })

  test("while another one is under way; and the group that keys are on their way to is not closed", () => {
    const all = new Shards()
    all.split("counter-2", "counter-3")
    expect(all.split("counter-1", "counter-4")).toMatchObject({ code: "in-use" })
    expect(all.system(mainGroup, "$group/close", "counter-3", {})).toMatchObject({ code: "in-use" })
    all.driveAll()
    expect(all.system(mainGroup, "$group/close", "counter-3", {})).toMatchObject({ code: "in-use" })
    expect(all.split("counter-1", "counter-4")).toMatchObject({ move: { to: "counter-4" } })
  })
})

test("whoever drives a split, dies at any step and is heard again later: every command stands once", () => {
  const step = fc.oneof(
    {
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        key: fc.nat({ max: 39 }),
        id: fc.nat({ max: 6 }),
      }),
      weight: 6,
    },
    { arbitrary: fc.record({ do: fc.constant("later" as const), key: fc.nat({ max: 39 }) }), weight: 2 },
    { arbitrary: fc.record({ do: fc.constant("fill" as const), key: fc.nat({ max: 39 }) }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant("drive" as const) }), weight: 5 },
    {
      arbitrary: fc.record({
        do: fc.constant("late" as const),
        which: fc.nat({ max: 10_000 }),
        isNew: fc.boolean(),
      }),
      weight: 3,
    },
    { arbitrary: fc.record({ do: fc.constant("flush" as const), group: fc.nat({ max: 4 }) }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant("restart" as const), group: fc.nat({ max: 4 }) }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant("wait" as const), millis: fc.nat({ max: 15 }) }), weight: 1 },
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 160, size: "max" }), (steps) => {
      const all = new Shards()
      const names = [...all.groups.keys()]
      const answers = new Map<string, Outcome>()
      const counts = new Map<string, number>()
      const timers = new Map<string, number>()
      let ids = 0
      let splits = 0
      /**
       * At all groups: one of them executes it, or none, while the key is on its way. Who asks once more gets the first answer
       * wherever the key is or was, and nobody executes it.
       */
      const send = (key: string, name: string, id: string, json: unknown = null): Outcome | null => {
        const said = names.slice(1).map((group) => all.send(group, key, name, id, json))
        const [first, ...others] = said.filter((outcome) => !isElsewhere(outcome))
        for (const other of others) {
          expect(other).toEqual(first!)
          expect(other.replayed).toBe(true)
        }
        return first ?? null
      }
      const add = (key: string, id: string): void => {
        const before = answers.get(`${key} ${id}`)
        const said = send(key, "add", id)
        if (said === null) return
        if (before !== undefined) return expect(said).toEqual({ ...before, replayed: true })
        counts.set(key, (counts.get(key) ?? 0) + 1)
        expect(said).toMatchObject({ _tag: "Accepted", replayed: false, result: `${counts.get(key)}` })
        answers.set(`${key} ${id}`, said)
      }
      for (const one of steps) {
        all.time++
        switch (one.do) {
          case "send":
            add(`k${one.key}`, `i${one.id}`)
            break
          case "later":
            if (send(`k${one.key}`, "later", `t${++ids}`) !== null) {
              timers.set(`k${one.key}`, (timers.get(`k${one.key}`) ?? 0) + 1)
            }
            break
          case "fill":
            send(`k${one.key}`, "fill", `f${++ids}`, 30_000)
            break
          case "drive":
            if (!all.drive() && splits < 2)
              all.split(splits++ === 0 ? "counter-2" : "counter-3", splits === 1 ? "counter-3" : "counter-4")
            break
          case "late": {
            const { group, bytes } = all.sent[one.which % all.sent.length]!
            // A retry by the door, or what somebody else has proposed before.
            if (one.isNew) all.at(group).apply(withAnotherId(bytes, ++ids), all.time)
            else all.at(group).apply(bytes, all.time)
            break
          }
          case "flush":
            all.at(names[one.group]!).machine.flush()
            break
          case "restart":
            all.at(names[one.group]!).restart()
            break
          case "wait":
            all.time += one.millis
            for (const group of names) all.fire(group)
        }
      }
      all.driveAll()
      all.time += 1_000
      for (const group of names) all.fire(group)
      for (const key of keys) {
        const expected = { count: counts.get(key) ?? 0, rung: timers.get(key) ?? 0 }
        expect(all.state(key).state).toMatchObject(expected)
        const shown = names.slice(1).filter((group) => all.listed(group).includes(key))
        expect(shown).toEqual(all.state(key).revision === 0 ? [] : [all.groupOf(key)])
      }
      for (const [id, outcome] of answers) {
        const [key, idempotencyKey] = id.split(" ") as [string, string]
        expect(all.send(all.groupOf(key), key, "add", idempotencyKey)).toEqual({ ...outcome, replayed: true })
      }
      for (const shard of all.groups.values()) {
        expect(shard.machine.stateHash().hash).toBe(shard.hashOfAnother)
        shard.machine.flush()
        shard.restart()
        expect(shard.machine.stateHash().hash).toBe(shard.hashOfAnother)
      }
    }),
    { numRuns: 40, endOnFailure: true },
  )
})

/** The same command of the machine's own, proposed anew. */
const withAnotherId = (bytes: Uint8Array, id: number): Uint8Array => {
  const command = decodeCommand(bytes)!
  return encodeCommand({ ...command, idempotencyKey: `late${id}` })
}
