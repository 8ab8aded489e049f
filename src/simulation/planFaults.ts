// What goes wrong in a run, and when?

import type { NodeId } from "../consensus/types.ts"
import type { Chance } from "./Chance.ts"
import { drawLink, sometimes } from "./planDice.ts"
import type { Cut, Damage, Ending, Fault, PermanentFault, Script, Target } from "./script.ts"

/** What goes wrong, and when. Damage is for those who know which nodes are still sound. */
export const drawFaults = (
  chance: Chance,
  ids: ReadonlyArray<NodeId>,
  calmAtMillis: number,
): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const target = (): Target => chance.pick<Target>([chance.pick(ids), "leader", "follower"])
  const often = (most: number, draw: () => FaultBody) => {
    for (let left = Math.round(sometimes(chance, most)); left > 0; left--) {
      faults.push({ atMillis: chance.below(calmAtMillis), ...draw() } as Fault)
    }
  }
  const brief = () => chance.between(10, 400)
  const long = () => chance.between(100, 2500)
  const how = (): Ending => chance.pick<Ending>(["power", "power", "kill", "stop"])
  // A restart that takes no longer than a message finds the others as it left them.
  often(12, () => ({
    type: "end",
    target: target(),
    how: how(),
    forMillis: chance.pick([() => chance.between(0, 20), brief, long])(),
  }))
  often(3, () => ({ type: "end", target: target(), how: how(), forMillis: brief(), inInstall: true }))
  often(2, () => ({ type: "end-all", how: chance.pick<Ending>(["power", "kill"]), forMillis: brief() }))
  often(5, () => ({ type: "pause", target: target(), forMillis: chance.happens(0.5) ? brief() : long() }))
  // Long enough for another leader, and short enough for whoever waits for the answer.
  often(5, () => ({
    type: "pause",
    target: "leader",
    forMillis: chance.between(200, 900),
    afterReading: true,
  }))
  often(6, () => ({ type: "cut", cut: drawCut(chance, ids, target), forMillis: long() }))
  often(3, () => ({ type: "weather", weather: drawLink(chance, 3), forMillis: long() }))
  if (ids.length > 1) {
    often(3, () => {
      const [from, to] = chance.some(ids, 2) as [NodeId, NodeId]
      return { type: "hold", from, to, forMillis: long() }
    })
  }
  often(3, () => ({
    type: "disk",
    target: target(),
    weather: { syncMillisMin: 20, syncMillisMax: 200 },
    forMillis: long(),
  }))
  often(2, () => ({ type: "disk", target: target(), weather: { hangs: true }, forMillis: long() }))
  const room = chance.fork("room")
  const full = () => ({ isFull: true, reserveBytes: room.pick(reserves) })
  often(3, () => ({ type: "disk", target: target(), weather: full(), forMillis: long() }))
  for (let left = Math.round(sometimes(room, 2)); left > 0; left--) {
    const [atMillis, forMillis] = [room.below(calmAtMillis), room.between(100, 2500)]
    faults.push({
      atMillis,
      type: "disk",
      target: room.pick(ids),
      weather: full(),
      forMillis,
      inInstall: true,
    })
  }
  often(2, () => ({ type: "disk", target: target(), weather: { failing: "once" }, forMillis: long() }))
  often(1, () => ({ type: "disk", target: target(), weather: { failing: "always" }, forMillis: brief() }))
  const damages: ReadonlyArray<Damage> = ["flip", "flip", "flip-state", "shorten", "shorten", "mark", "wipe"]
  often(3, () => ({ type: "damage", target: target(), damage: chance.pick(damages), forMillis: brief() }))
  // The same node once more, before or after it was repaired; and while its word from before is still under way.
  for (let left = Math.round(sometimes(chance, 2)); left > 0; left--) {
    const struck = chance.pick(ids)
    let atMillis = chance.below(calmAtMillis)
    for (let times = chance.between(1, 3); times > 0; times--) {
      const damage = chance.pick<Damage>(["shorten", "shorten", "flip"])
      const echoMillis = chance.pick([0, 5, 30])
      faults.push({
        atMillis,
        type: "damage",
        target: struck,
        damage,
        forMillis: chance.between(0, 30),
        echoMillis,
      })
      atMillis += chance.between(30, 800)
    }
  }
  often(3, () => ({ type: "wall", target: target(), shiftMillis: chance.between(-3_600_000, 3_600_000) }))
  often(3, () => ({ type: "snapshot", target: target() }))
  often(2, () => ({ type: "flood", target: target(), count: chance.between(20, 120) }))
  faults.push(...drawFullDisks(room, ids, calmAtMillis))
  faults.push(...drawAltered(chance.fork("altered"), ids, calmAtMillis))
  return faults.sort((left, right) => left.atMillis - right.atMillis)
}

/** All disks are full at once, and the leader dies meanwhile: the others must elect one, and serve reads. */
const drawFullDisks = (chance: Chance, ids: ReadonlyArray<NodeId>, calmAtMillis: number): Array<Fault> => {
  if (chance.happens(0.7)) return []
  const [atMillis, forMillis] = [chance.below(calmAtMillis), chance.between(500, 4000)]
  const reserveBytes = chance.pick(reserves)
  const weather = { isFull: true, reserveBytes }
  return [
    ...ids.map((target): Fault => ({ atMillis, type: "disk", target, weather, forMillis })),
    {
      atMillis: atMillis + chance.below(forMillis),
      type: "end",
      target: "leader",
      how: chance.pick<Ending>(["power", "kill"]),
      forMillis: chance.between(10, 1000),
    },
  ]
}

/** Rows of the state that change where they lie, some of them while their node is busy with the one before. */
const drawAltered = (chance: Chance, ids: ReadonlyArray<NodeId>, calmAtMillis: number): Array<Fault> =>
  Array.from({ length: Math.round(sometimes(chance, 8)) }, () => ({
    atMillis: chance.below(calmAtMillis),
    type: "alter",
    target: chance.pick<Target>([chance.pick(ids), "leader", "follower"]),
    fits: chance.happens(0.5),
  }))

/** What a full disk keeps for those who must go on, in bytes of entries: nothing, a few of them, many. */
const reserves = [0, 600, 4000, 40_000]

export type FaultBody = Fault extends infer One ? (One extends Fault ? Omit<One, "atMillis"> : never) : never

const drawCut = (chance: Chance, ids: ReadonlyArray<NodeId>, target: () => Target): Cut => {
  const shape = chance.pick(["halves", "isolate", "deaf", "mute", "bridge", "ring", "links"] as const)
  switch (shape) {
    case "halves":
      return { shape, side: ids.filter(() => chance.happens(0.5)) }
    case "isolate":
    case "deaf":
    case "mute":
      return { shape, target: target() }
    case "bridge": {
      const bridge = chance.pick(ids)
      return { shape, bridge, side: ids.filter((id) => id !== bridge && chance.happens(0.5)) }
    }
    case "ring":
      return { shape }
    case "links": {
      const links = ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to] as const))
      return { shape, links: links.filter(() => chance.happens(0.3)) }
    }
  }
}

export const drawDisaster = (chance: Chance): Pick<Script, "disaster"> => {
  if (chance.happens(0.6)) return {}
  return {
    disaster: {
      survivors: chance.between(1, 2),
      cutsOff: chance.happens(0.6),
      endsAfterMillis: chance.happens(0.5) ? null : chance.between(0, 60),
      rivals: chance.happens(0.5),
    },
  }
}

const forGoodTypes = [
  ...(["down", "paused", "disk-hangs", "disk-full", "isolated", "deaf", "mute", "no-link"] as const),
]

/** What stays wrong, for as many as the run will find that it can do without. */
export const drawForGood = (chance: Chance, ids: ReadonlyArray<NodeId>): ReadonlyArray<PermanentFault> => {
  const all = [...new Set(ids)]
  if (chance.happens(0.3) || all.length < 3) return []
  return chance.some(all, chance.between(1, 2)).map((node): PermanentFault => {
    const type = chance.pick(forGoodTypes)
    return type === "no-link"
      ? { type, from: node, to: chance.pick(all.filter((id) => id !== node)) }
      : { type, node }
  })
}
