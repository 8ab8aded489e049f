// Does the packet filter of each node drop what its weather says, and nothing that clients say?

import { expect, test } from "bun:test"
import { fairWeather, nodeIds } from "../../scripts/chaos/Network.ts"
import { rulesOf } from "../../scripts/chaos/namespaces.ts"

const drops = (id: string, weather: Partial<typeof fairWeather>): ReadonlyArray<string> =>
  rulesOf(id, nodeIds(3), "198.18.7", { ...fairWeather, ...weather })
    .split("\n")
    .filter((line) => line.includes("drop"))

test("fair weather drops nothing, and takes the place of what was there", () => {
  expect(drops("n1", {})).toEqual([])
  expect(rulesOf("n1", nodeIds(3), "198.18.7", fairWeather)).toContain("flush table inet chaos")
})

test("a cut link is dropped where it arrives, and only there", () => {
  const cut = [{ from: "n1", to: "n2" }]
  expect(drops("n1", { cut })).toEqual([])
  expect(drops("n2", { cut })).toEqual(["ip saddr 198.18.7.1 drop"])
  expect(drops("n3", { cut })).toEqual([])
})

test("loss is by chance, of every other node's packets", () => {
  expect(drops("n2", { lossPercent: 7 })).toEqual([
    "ip saddr 198.18.7.1 numgen random mod 100 < 7 drop",
    "ip saddr 198.18.7.3 numgen random mod 100 < 7 drop",
  ])
})
