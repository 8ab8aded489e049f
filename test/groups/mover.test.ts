// Does a move of keys come to its end, whichever node leads main, and whoever dies meanwhile? On virtual time.

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { evenShards, type Placement, shardAt, slotOf } from "../../src/machine/slots.ts"
import type { Place } from "../../src/machine/system/Whereabouts.ts"
import { GroupsCluster, type TestNode } from "./Cluster.ts"

const [lower, upper] = evenShards(2)
const halves: Placement = [
  { group: "a", ...lower! },
  { group: "b", ...upper! },
]
const keys = Array.from({ length: 30 }, (_, at) => `k${at}`)
const slots = [{ from: 49_152, to: 65_535 }]

class Counters {
  readonly cluster: GroupsCluster
  readonly #added = new Set<string>()

  constructor(seed: number) {
    this.cluster = new GroupsCluster(seed, ["n1", "n2", "n3"], { hasCounters: false })
    const { cluster } = this
    for (const group of ["a", "b", "c"]) this.openEmpty(group)
    cluster.system("$place/settle", "counter", { placement: halves, by: "n1" })
    for (const { group, from, to } of halves) {
      cluster.system("$shard/own", "counter", { ranges: [{ from, to }] }, group)
    }
  }

  openEmpty(group: string): void {
    this.cluster.begin(group)
    this.cluster.led(group)
  }

  place(at: TestNode = this.cluster.led("main")): Place {
    let found: Place | null = null
    const asked = Effect.map(at.groups!.main.machine.places, ({ places }) => {
      found = places[0]!
    })
    this.cluster.fork(asked)
    this.cluster.until(() => found !== null, "places are told")
    return found!
  }

  /**
   * Where it is by now, until it is done; with one key over all attempts. The result, and whether it was told as that of an earlier
   * call: that of an attempt of this one is not, whose answer was lost, or which a leader that is gone had passed on.
   */
  add(key: string, id: string): unknown {
    const name = `${key} ${id}`
    for (let attempt = 0; attempt < 200; attempt++) {
      const { group } = shardAt(this.place().placement, slotOf(key))!
      const command = encodeCommand({
        actor: "counter",
        key,
        command: "add",
        input: "1",
        idempotencyKey: id,
        ifRevision: null,
        version: "",
        seed: new Uint8Array(16),
        caller: "",
        door: "n1",
      })
      const said = this.cluster.propose(group, command)
      if (said._tag === "Accepted") {
        const isOfEarlier = said.replayed && this.#added.has(name)
        this.#added.add(name)
        return [said.result, isOfEarlier]
      }
      this.cluster.pass(100)
    }
    throw new Error(`nobody takes ${key}`)
  }

  split(): number {
    const input = { from: "b", to: "c", slots, by: "n1" }
    const said = this.cluster.system("$place/split", "counter", input)
    if (said._tag !== "Accepted") throw new Error(JSON.stringify(said))
    return JSON.parse(said.result).move.id
  }

  get isOver(): boolean {
    const leader = this.cluster.leaderOf("main")
    return leader?.groups != null && this.place(leader).move === undefined
  }
}

describe("keys that are on their way", () => {
  test("come to the other group, and are forgotten where they were", () => {
    const all = new Counters(1)
    for (const key of keys) expect(all.add(key, "one")).toEqual(["1", false])
    all.split()
    for (let waited = 0; !all.isOver; waited++) {
      if (waited > 100) throw new Error("it does not end")
      all.cluster.pass(100)
    }
    expect(all.place().placement).toEqual([
      halves[0]!,
      { group: "b", from: 32_768, to: 49_151 },
      { group: "c", ...slots[0]! },
    ])
    for (const key of keys) {
      expect(all.add(key, "one")).toEqual(["1", true])
      expect(all.add(key, "two")).toEqual(["2", false])
    }
  }, 60_000)

  test("come there also when nothing belongs to them yet", () => {
    const all = new Counters(9)
    all.split()
    for (let waited = 0; !all.isOver; waited++) {
      if (waited > 100) throw new Error("it does not end")
      all.cluster.pass(100)
    }
    for (const key of keys) expect(all.add(key, "one")).toEqual(["1", false])
  }, 60_000)

  for (const [seed, millis] of [0, 60, 110, 130, 150, 200, 400].entries()) {
    test(`come there also when main's leader dies ${millis} ms after the beginning, and the next one`, () => {
      const all = new Counters(seed + 2)
      const { cluster } = all
      for (const key of keys) all.add(key, "one")
      all.split()
      for (let deaths = 0; deaths < 2; deaths++) {
        cluster.pass(millis)
        const dead = cluster.led("main")
        cluster.stop(dead)
        // As many commands as there are keys, while nobody drives it.
        for (const key of keys.slice(0, 5))
          expect(all.add(key, `while ${deaths}`)).toEqual([`${deaths + 2}`, false])
        cluster.start(dead)
      }
      for (let waited = 0; !all.isOver; waited++) {
        if (waited > 100) throw new Error("it does not end")
        cluster.pass(200)
      }
      for (const [at, key] of keys.entries()) {
        expect(all.add(key, "one")).toEqual(["1", true])
        expect(all.add(key, "two")).toEqual([at < 5 ? "4" : "2", false])
      }
    }, 120_000)
  }
})
