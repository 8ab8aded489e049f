// Does a seed draw faults that a cluster can come back from, and do they cut what they say?

import { describe, expect, test } from "bun:test"
import { fairWeather, type Link, nodeIds } from "../../scripts/chaos/Network.ts"
import {
  describeFault,
  type Fault,
  faultKinds,
  type Spell,
  spells,
  weatherOf,
  withLeader,
} from "../../scripts/chaos/plan.ts"

const take = (count: number, options: Partial<Parameters<typeof spells>[0]> = {}): ReadonlyArray<Spell> => {
  const drawn = spells({ seed: 1, ids: nodeIds(3), delays: true, ...options })
  return Array.from({ length: count }, () => drawn.next().value)
}

const common = { order: ["n1", "n2", "n3"], leaderFirst: false } as const
const cut = (
  shape: "both" | "outward" | "inward",
  count = 1,
  order: ReadonlyArray<string> = common.order,
): Fault => ({
  ...{ ...common, order, kind: "partition", type: "Cut", shape, count },
})

const linksOf = (fault: Fault): ReadonlyArray<string> =>
  weatherOf([fault]).cut.map(({ from, to }: Link) => `${from} to ${to}`)

describe("the plan", () => {
  test("is the seed's", () => {
    expect(take(40)).toEqual(take(40))
    expect(take(40)).not.toEqual(take(40, { seed: 2 }))
  })

  test("has every kind once before it has one again, and none that the network has no means for", () => {
    const mains = (spells: ReadonlyArray<Spell>) => spells.map(({ faults }) => faults[0]!.kind)
    const { length } = faultKinds
    for (const round of [0, 1, 2]) {
      const kinds = mains(take(length * 3)).slice(round * length, (round + 1) * length)
      expect([...kinds].sort()).toEqual([...faultKinds].sort())
    }
    expect(
      take(200, { delays: false }).flatMap(({ faults }) => faults.map(({ kind }) => kind)),
    ).not.toContain("delay")
  })

  test("puts at most one fault of a process beside one of the network, and none beside the death of all", () => {
    const drawn = take(500, { ids: nodeIds(5) })
    const isOfProcess = ({ type }: Fault) => type === "Kill" || type === "Pause"
    for (const { faults } of drawn) {
      expect(faults.filter(isOfProcess).length).toBeLessThanOrEqual(1)
      expect(faults.filter((fault) => !isOfProcess(fault)).length).toBeLessThanOrEqual(1)
      if (faults.some(({ kind }) => kind === "kill all")) expect(faults).toHaveLength(1)
    }
    expect(drawn.some(({ faults }) => faults.length === 2)).toBe(true)
  })

  test.each([3, 5])("of %p nodes leaves a majority but where it says all", (count) => {
    const minority = (count - 1) / 2
    for (const { faults } of take(300, { ids: nodeIds(count) })) {
      for (const fault of faults) {
        expect([...fault.order].sort()).toEqual([...nodeIds(count)])
        if (fault.type === "Kill" && fault.kind === "kill all") expect(fault.count).toBe(count)
        else if ("count" in fault) expect(fault.count).toBeWithin(1, minority + 1)
      }
    }
  })
})

describe("a fault", () => {
  test("that is about the leader moves it to the front, once it is known", () => {
    const fault: Fault = { ...common, kind: "kill leader", leaderFirst: true, type: "Kill", count: 1 }
    expect(withLeader(fault, "n3").order).toEqual(["n3", "n1", "n2"])
    expect(withLeader(fault, null).order).toEqual(["n1", "n2", "n3"])
    expect(withLeader({ ...fault, leaderFirst: false }, "n3").order).toEqual(["n1", "n2", "n3"])
  })

  test("cuts both ways, out or in", () => {
    expect(linksOf(cut("both"))).toEqual(["n1 to n2", "n1 to n3", "n2 to n1", "n3 to n1"])
    expect(linksOf(cut("outward"))).toEqual(["n1 to n2", "n1 to n3"])
    expect(linksOf(cut("inward"))).toEqual(["n2 to n1", "n3 to n1"])
  })

  test("leaves a bridge that sees both sides", () => {
    const bridge = (order: ReadonlyArray<string>): Fault => ({
      ...common,
      order,
      kind: "bridge",
      type: "Bridge",
    })
    expect(linksOf(bridge(["n2", "n1", "n3"]))).toEqual(["n1 to n3", "n3 to n1"])
    const five = linksOf(bridge(["n5", "n1", "n2", "n3", "n4"]))
    expect(five).toHaveLength(8)
    expect(five.join()).not.toContain("n5")
    expect(five.join()).not.toContain("n1 to n2")
    expect(five.join()).not.toContain("n3 to n4")
  })

  test("says what it does", () => {
    expect([cut("both"), cut("outward"), cut("inward")].map(describeFault)).toEqual([
      "no way between n1 and n2, n3 (partition)",
      "no way n1 to n2, n3 (partition)",
      "no way n1 from n2, n3 (partition)",
    ])
  })
})

test("the weather of several faults is all of them, and of none is fair", () => {
  const loss: Fault = { ...common, kind: "loss", type: "Loss", percent: 7 }
  const kill: Fault = { ...common, kind: "kill one", type: "Kill", count: 1 }
  expect(weatherOf([loss, cut("outward")])).toEqual({
    cut: weatherOf([cut("outward")]).cut,
    lossPercent: 7,
    delayMillis: 0,
  })
  expect(weatherOf([kill])).toEqual(fairWeather)
})
