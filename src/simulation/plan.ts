// What does a seed stand for? A script: each seed has its own cluster, its own clients and its own weather.
// What never comes lets other things go far, so each kind of trouble is switched on or off (swarm testing:
// Groce et al., ISSTA 2012).

import type { NodeId } from "../consensus/types.ts"
import { defaultLimits } from "../raft/options.ts"
import { Chance } from "./Chance.ts"
import type { RaftSettings } from "./Cluster.ts"
import { calmLink, type LinkWeather } from "./Link.ts"
import type { ClockOptions } from "./Process.ts"
import type {
  Act,
  Cut,
  Damage,
  Ending,
  Fault,
  PermanentFault,
  PlannedChange,
  PlannedDeploy,
  PlannedOperation,
  PlannedTill,
  Script,
  Target,
} from "./script.ts"
import type { Hang, ReleaseName } from "./till.ts"

export interface PlanOptions {
  /** Nodes of the cluster; null: as the seed draws. */
  readonly nodes: number | null
  /** How long trouble lasts, virtual. */
  readonly troubleMillis: number
}

export const defaultPlan: PlanOptions = { nodes: null, troubleMillis: 8000 }

export const plan = (seed: number, options: PlanOptions = defaultPlan): Script => {
  const chance = new Chance(seed).fork("plan")
  const members = drawMembers(chance.fork("members"), options.nodes)
  const ids = [...new Set([...members.voters, ...members.outgoing, ...members.learners])]
  const spares = drawSpares(chance.fork("spares"), ids)
  const everybody = [...ids, ...spares]
  const raft = drawSettings(chance.fork("settings"))
  const weather = chance.fork("weather")
  const calmAtMillis = Math.round(options.troubleMillis * (0.6 + weather.draw() * 0.8))
  const till = drawTill(chance.fork("till"), members.voters, calmAtMillis)
  return {
    seed,
    ...members,
    spares,
    priorities: drawPriorities(chance.fork("priorities"), everybody),
    raft,
    machineCacheBytesMax: weather.pick([0, 500, 1_000_000]),
    machineDirtyInstancesMax: weather.pick([2, 1000]),
    link: drawLink(weather, 1),
    disk: drawDisk(weather),
    clocks: drawClocks(chance.fork("clocks"), everybody, raft),
    boundaryMillisMax: weather.pick([0, 1, 3]),
    hasLeading: chance.fork("leading").happens(0.3),
    patienceMillis: chance.fork("patience").pick([1, 3000, 3000]),
    operations: inOrder([
      ...drawOperations(chance.fork("operations"), calmAtMillis),
      ...(till === null ? [] : drawPayments(chance.fork("payments"), till, calmAtMillis)),
    ]),
    ...(till === null ? {} : { till }),
    changes: spares.length === 0 ? [] : drawChanges(chance.fork("changes"), everybody, calmAtMillis),
    faults: inOrder([
      ...drawFaults(chance.fork("faults"), everybody, calmAtMillis),
      ...drawCodeFaults(chance.fork("code"), everybody, calmAtMillis, till),
    ]),
    calmAtMillis,
    forGood: drawForGood(chance.fork("for good"), [...members.voters, ...members.outgoing, ...spares]),
    ...drawDisaster(chance.fork("disaster")),
  }
}

const inOrder = <Timed extends { readonly atMillis: number }>(
  given: ReadonlyArray<Timed>,
): ReadonlyArray<Timed> => [...given].sort((left, right) => left.atMillis - right.atMillis)

type Members = Pick<Script, "voters" | "outgoing" | "learners">

const drawMembers = (chance: Chance, nodes: number | null): Members => {
  const named = (count: number): ReadonlyArray<NodeId> =>
    Array.from({ length: count }, (_, at) => `n${at + 1}`)
  if (nodes !== null) return { voters: named(nodes), outgoing: [], learners: [] }
  const dice = chance.draw()
  if (dice < 0.52) return { voters: named(3), outgoing: [], learners: [] }
  if (dice < 0.74) return { voters: named(5), outgoing: [], learners: [] }
  if (dice < 0.84) return { voters: named(3), outgoing: [], learners: ["n4"] }
  if (dice < 0.92) return { voters: named(3), outgoing: ["n3", "n4", "n5"], learners: [] }
  return { voters: named(dice < 0.96 ? 1 : 2), outgoing: [], learners: [] }
}

/** Small on purpose: windows are full, memory is short and logs are cut all the time. */
const drawSettings = (chance: Chance): RaftSettings => {
  const electionTimeoutMinMillis = chance.pick([100, 150, 250])
  const entries = chance.pick([1, 3, 16, 1024])
  return {
    limits: {
      ...defaultLimits,
      electionTimeoutMinMillis,
      electionTimeoutMaxMillis: electionTimeoutMinMillis * 2,
      heartbeatMillis: Math.floor(electionTimeoutMinMillis / 5),
      clockDriftMillis: Math.floor(electionTimeoutMinMillis / 5),
      appendEntriesMax: entries,
      appendBytesMax: chance.pick([200, 1000, 1024 * 1024]),
      inFlightMessagesMax: chance.pick([1, 2, 4, 64]),
      inFlightBytesMax: chance.pick([400, 4000, 8 * 1024 * 1024]),
      cacheBytesMax: chance.pick([0, 400, 4000, 16 * 1024 * 1024]),
    },
    flushMillis: chance.pick([100, 300, 1000]),
    flushEntriesMax: chance.pick([5, 50, 10_000]),
    logMarginEntries: chance.pick([0, 5, 50]),
    compactEntriesMin: chance.pick([1, 10, 100]),
    applyEntriesMax: chance.pick([1, 8, 1024]),
    snapshotChunkBytesMax: chance.pick([300, 300, 2000, 20_000]),
    waitingMax: chance.pick([8, 60, 1000]),
    forwardRetryMillis: chance.pick([200, 600]),
    timerMillis: 50,
    timersMax: chance.pick([1, 256]),
    checkpointEntries: chance.pick([5, 50, 10_000]),
    checkpointMillis: chance.pick([200, 1000]),
    reportMillis: chance.pick([100, 500]),
    scrubMillis: chance.pick([200, 1000]),
    refillRetryMillis: chance.pick([100, 400]),
    repairPauseMillis: 20,
    repairPauseMillisMax: chance.pick([20, 500]),
  }
}

/** One kind of trouble: often not at all, else as often as the seed draws. */
const sometimes = (chance: Chance, most: number): number => (chance.happens(0.4) ? 0 : chance.draw() * most)

const drawLink = (chance: Chance, severity: number): LinkWeather => ({
  ...calmLink,
  latencyMinMillis: chance.between(0, 2),
  latencyMaxMillis: chance.between(2, chance.pick([3, 10, 40])),
  loss: sometimes(chance, 0.12 * severity),
  duplicate: sometimes(chance, 0.15 * severity),
  reorder: sometimes(chance, 0.4 * severity),
  bytesPerMilli: chance.pick([0, 0, 0, 200, 20]),
})

const drawDisk = (chance: Chance): Script["disk"] => {
  const syncMillisMin = chance.between(0, 2)
  return { syncMillisMin, syncMillisMax: syncMillisMin + chance.pick([0, 2, 8, 25]) }
}

/** Clocks that drift apart no more than the limits allow within an election timeout, and walls that are wrong. */
const drawClocks = (
  chance: Chance,
  ids: ReadonlyArray<NodeId>,
  { limits }: RaftSettings,
): Readonly<Record<NodeId, ClockOptions>> => {
  const { clockDriftMillis, electionTimeoutMinMillis } = limits!
  // Half of the allowance for either side; whole milliseconds cost up to two more.
  const drift = chance.happens(0.5) ? 0 : (clockDriftMillis / 2 - 2) / electionTimeoutMinMillis
  return Object.fromEntries(
    ids.map((id) => [
      id,
      {
        originMillis: chance.between(0, 100_000),
        rate: 1 + (chance.draw() * 2 - 1) * drift,
        wallMillis: 1_700_000_000_000 + (chance.happens(0.5) ? 0 : chance.between(-3_600_000, 3_600_000)),
      },
    ]),
  )
}

const drawOperations = (chance: Chance, calmAtMillis: number): ReadonlyArray<PlannedOperation> => {
  const count = chance.between(60, 260)
  const clients = chance.between(1, 8)
  const keys = ["a", "b", "c"].slice(0, chance.between(1, 3))
  const readShare = chance.draw() * 0.5
  const weights = { set: chance.draw(), add: chance.draw(), append: chance.draw(), arm: chance.draw() * 0.4 }
  // Long values fill windows and disks.
  const padding = "x".repeat(chance.pick([0, 0, 30, 300]))
  return Array.from(
    { length: count },
    (_, at): PlannedOperation => ({
      atMillis: chance.below(calmAtMillis),
      client: chance.below(clients),
      act: chance.happens(readShare)
        ? drawRead(chance, keys)
        : drawCommand(chance, keys, weights, `${at}${padding}`),
    }),
  ).sort((left, right) => left.atMillis - right.atMillis)
}

const drawCommand = (
  chance: Chance,
  keys: ReadonlyArray<string>,
  weights: Readonly<Record<"set" | "add" | "append" | "arm", number>>,
  name: string,
): Act => {
  const key = chance.pick(keys)
  let dice = chance.draw() * (weights.set + weights.add + weights.append + weights.arm)
  dice -= weights.set
  if (dice < 0) return { type: "set", key, value: chance.below(1000), conditional: chance.happens(0.5) }
  dice -= weights.add
  // Now and then more than the counter takes.
  if (dice < 0) return { type: "add", key, by: chance.happens(0.1) ? 101 : chance.between(1, 9) }
  dice -= weights.append
  if (dice >= 0) return { type: "arm", key, item: name, afterMillis: chance.between(0, 1500) }
  const count = chance.happens(0.3) ? chance.between(2, 5) : 1
  return { type: "append", key, items: Array.from({ length: count }, (_, at) => `${name}.${at}`) }
}

/** Code that comes in while all else goes on; in most runs. */
const drawTill = (
  chance: Chance,
  voters: ReadonlyArray<NodeId>,
  calmAtMillis: number,
): PlannedTill | null => {
  if (chance.happens(0.35)) return null
  // Two voters cannot do without the one where commands hang, and one alone would call it a majority.
  const alone = voters.length >= 3 && chance.happens(0.5) ? chance.pick(voters) : null
  const draw = (): DeployBody => {
    const isForced = chance.happens(0.5)
    switch (chance.pick(["activate", "activate", "activate", "rollback", "rollback", "repair"] as const)) {
      case "activate":
        return { type: "activate", release: drawRelease(chance), isForged: chance.happens(0.08), isForced }
      case "rollback":
        return { type: "rollback", isForced }
      case "repair":
        return {
          type: "repair",
          how: chance.pick(["before", "rerun", "state"]),
          total: chance.between(0, 500),
        }
    }
  }
  const first = {
    atMillis: chance.between(0, 600),
    type: "activate",
    isForged: false,
    isForced: true,
  } as const
  const later = Array.from(
    { length: chance.between(0, 14) },
    () => ({ atMillis: chance.below(calmAtMillis), ...draw() }) as PlannedDeploy,
  )
  const release = chance.pick(["one", "two"] as const)
  if (chance.happens(0.5)) later.push(...drawRepair(chance, calmAtMillis))
  return {
    source: chance.pick(["upload", "file"]),
    alone,
    deploys: inOrder([{ ...first, release }, ...later]),
  }
}

/** A version that knows better, and what hung is run again by it. */
const drawRepair = (chance: Chance, calmAtMillis: number): ReadonlyArray<PlannedDeploy> => {
  const atMillis = Math.round(calmAtMillis * (0.5 + chance.draw() * 0.3))
  return [
    { atMillis, type: "activate", release: "mended", isForged: false, isForced: true },
    ...Array.from(
      { length: 3 },
      (): PlannedDeploy => ({
        atMillis: atMillis + chance.between(100, 1500),
        type: "repair",
        how: chance.happens(0.7) ? "rerun" : "before",
        total: 0,
      }),
    ),
  ]
}

type DeployBody = PlannedDeploy extends infer One
  ? One extends PlannedDeploy
    ? Omit<One, "atMillis">
    : never
  : never

/** From the last one no way leads back: once it is there, little else happens. */
const drawRelease = (chance: Chance): ReleaseName =>
  chance.happens(0.12) ? "three" : chance.pick(["one", "two", "mended"])

const drawPayments = (
  chance: Chance,
  { alone }: PlannedTill,
  calmAtMillis: number,
): ReadonlyArray<PlannedOperation> => {
  const clients = chance.between(1, 5)
  const keys = ["a", "b", "c", "d"].slice(0, chance.between(1, 4))
  const weights = { pay: 1, refund: chance.draw(), read: chance.draw(), hang: chance.pick([0, 0, 0.05, 0.2]) }
  const ways: ReadonlyArray<Hang> = [
    "always",
    "always",
    "logged",
    ...(alone === null ? [] : ["alone" as const]),
  ]
  const draw = (): Act => {
    const key = chance.pick(keys)
    let dice = chance.draw() * (weights.pay + weights.refund + weights.read + weights.hang)
    dice -= weights.pay
    if (dice < 0) return { type: "pay", key, by: chance.between(1, 9), conditional: chance.happens(0.2) }
    dice -= weights.refund
    if (dice < 0) return { type: "refund", key, by: chance.between(1, 12) }
    dice -= weights.hang
    if (dice < 0) return { type: "hang", key, how: chance.pick(ways) }
    return { ...drawRead(chance, keys), actor: "till" }
  }
  return Array.from({ length: chance.between(20, 90) }, () => ({
    atMillis: chance.below(calmAtMillis),
    client: chance.below(clients),
    act: draw(),
  }))
}

/** Where users' code runs it is slow, or there is no room for it. */
const drawCodeFaults = (
  chance: Chance,
  ids: ReadonlyArray<NodeId>,
  calmAtMillis: number,
  till: PlannedTill | null,
): ReadonlyArray<Fault> => {
  const target = (): Target => chance.pick<Target>([chance.pick(ids), "leader", "leader"])
  const many = (most: number, draw: () => FaultBody) =>
    Array.from(
      { length: Math.round(sometimes(chance, most)) },
      () => ({ atMillis: chance.below(calmAtMillis), ...draw() }) as Fault,
    )
  return [
    ...many(6, () => ({
      type: "slow-code",
      target: target(),
      lane: chance.pick(["log", "door", "door"]),
      // Longer than a client waits for an answer, now and then.
      millisMax: chance.pick([5, 50, 500, 2000, 2000]),
      forMillis: chance.between(100, 3500),
    })),
    ...many(till === null ? 0 : 2, () => ({
      type: "failing-code",
      target: target(),
      forMillis: chance.between(50, 1000),
    })),
    ...many(till?.alone == null ? 0 : 2, () => ({ type: "busy-code", forMillis: chance.between(50, 2500) })),
  ]
}

const drawRead = (chance: Chance, keys: ReadonlyArray<string>): Extract<Act, { readonly type: "read" }> => ({
  type: "read",
  actor: chance.pick(["register", "counter", "list"] as const),
  key: chance.pick(keys),
  consistency: chance.pick(["linearizable", "linearizable", "lease", "local"] as const),
  monotonic: chance.happens(0.3),
  maxStalenessMillis: chance.pick([0, 50, 300]),
})

/** Half of the runs keep their members; in the others operators have up to seven nodes to choose from. */
const drawSpares = (chance: Chance, ids: ReadonlyArray<NodeId>): ReadonlyArray<NodeId> => {
  if (chance.happens(0.5)) return []
  const count = chance.between(1, Math.max(1, 7 - ids.length))
  return Array.from({ length: count }, (_, at) => `n${ids.length + at + 1}`)
}

/** Mostly all are alike. Never 0: whoever makes the last voter one that never leads has nobody to lead. */
const drawPriorities = (chance: Chance, ids: ReadonlyArray<NodeId>): Readonly<Record<NodeId, number>> =>
  chance.happens(0.7) ? {} : Object.fromEntries(ids.map((id) => [id, chance.between(1, 3)]))

/** Sensible or not: what makes no sense is refused. */
const drawChanges = (
  chance: Chance,
  ids: ReadonlyArray<NodeId>,
  calmAtMillis: number,
): ReadonlyArray<PlannedChange> => {
  const draw = (): ChangeBody => {
    const node = chance.pick(ids)
    switch (chance.pick(["add", "add", "remove", "replace", "set", "set", "promote", "transfer"] as const)) {
      case "add":
        return { type: "add", node, as: chance.happens(0.7) ? "voter" : "learner" }
      case "remove":
        return { type: "remove", node }
      case "promote":
        return { type: "promote", node }
      case "replace":
        return { type: "replace", node, by: chance.pick(ids) }
      case "set": {
        const members = chance.some(ids, chance.between(1, Math.min(ids.length, 6)))
        const learners = chance.happens(0.3) ? members.slice(Math.max(1, members.length - 2)) : []
        return { type: "set", voters: members.slice(0, members.length - learners.length), learners }
      }
      case "transfer":
        return { type: "transfer", to: chance.happens(0.5) ? null : node }
    }
  }
  return Array.from(
    { length: chance.between(1, 25) },
    () => ({ atMillis: chance.below(calmAtMillis), ...draw() }) as PlannedChange,
  ).sort((left, right) => left.atMillis - right.atMillis)
}

type ChangeBody = PlannedChange extends infer One
  ? One extends PlannedChange
    ? Omit<One, "atMillis">
    : never
  : never

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

type FaultBody = Fault extends infer One ? (One extends Fault ? Omit<One, "atMillis"> : never) : never

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

const drawDisaster = (chance: Chance): Pick<Script, "disaster"> => {
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
const drawForGood = (chance: Chance, ids: ReadonlyArray<NodeId>): ReadonlyArray<PermanentFault> => {
  const all = [...new Set(ids)]
  if (chance.happens(0.3) || all.length < 3) return []
  return chance.some(all, chance.between(1, 2)).map((node): PermanentFault => {
    const type = chance.pick(forGoodTypes)
    return type === "no-link"
      ? { type, from: node, to: chance.pick(all.filter((id) => id !== node)) }
      : { type, node }
  })
}
