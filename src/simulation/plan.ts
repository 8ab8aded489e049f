// What does a seed stand for? A script: each seed has its own cluster, its own clients and its own weather.
// What never comes lets other things go far, so each kind of trouble is switched on or off (swarm testing:
// Groce et al., ISSTA 2012).

import type { NodeId } from "../consensus/types.ts"
import { defaultLimits } from "../raft/options.ts"
import { Chance } from "./Chance.ts"
import type { RaftSettings } from "./Cluster.ts"
import type { ClockOptions } from "./Process.ts"
import { drawCodeFaults, drawPayments, drawTill } from "./planCode.ts"
import { drawLink, drawRead, inOrder } from "./planDice.ts"
import { drawDisaster, drawFaults, drawForGood } from "./planFaults.ts"
import { roamers } from "./roaming.ts"
import type { Act, Fault, PlannedChange, PlannedGroup, PlannedOperation, Script } from "./script.ts"

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
  const settings = drawSettings(chance.fork("settings"))
  const raft = { ...settings, ...drawRest(chance.fork("rest"), settings) }
  const weather = chance.fork("weather")
  const calmAtMillis = Math.round(options.troubleMillis * (0.6 + weather.draw() * 0.8))
  const till = drawTill(chance.fork("till"), members.voters, calmAtMillis)
  const groups = withSeats(
    chance.fork("seats"),
    withSplit(chance.fork("split"), drawGroups(chance.fork("groups"), calmAtMillis), calmAtMillis),
  )
  const comeback =
    groups.groups === undefined
      ? { changes: [], faults: [] }
      : drawComeback(chance.fork("comeback"), members.voters, calmAtMillis)
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
    ...groups,
    changes: inOrder([
      ...(spares.length === 0 ? [] : drawChanges(chance.fork("changes"), everybody, calmAtMillis)),
      ...comeback.changes,
    ]),
    faults: inOrder([
      ...drawFaults(chance.fork("faults"), everybody, calmAtMillis),
      ...drawCodeFaults(chance.fork("code"), everybody, calmAtMillis, till),
      ...comeback.faults,
    ]),
    calmAtMillis,
    forGood: drawForGood(chance.fork("for good"), [...members.voters, ...members.outgoing, ...spares]),
    // Nobody decrees for several groups at once here.
    ...(groups.groups === undefined ? drawDisaster(chance.fork("disaster")) : {}),
  }
}

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

/** In a third of the runs the group rests, and soon: there is never peace for long. */
const drawRest = (chance: Chance, { limits = defaultLimits }: RaftSettings): RaftSettings =>
  chance.happens(1 / 3) ? { rests: true, limits: { ...limits, quietBeatsMin: chance.pick([1, 3, 8]) } } : {}

/** One kind of trouble: often not at all, else as often as the seed draws. */
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

/** `name` tells its items from those of others. */
const drawOperations = (chance: Chance, calmAtMillis: number, name = ""): ReadonlyArray<PlannedOperation> => {
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
        : drawCommand(chance, keys, weights, `${name}${at}${padding}`),
    }),
  ).sort((left, right) => left.atMillis - right.atMillis)
}

/** Longer than most moves take. */
const RUSH_MILLIS = 2000

type Groups = Pick<Script, "groups" | "areGroupsRestless" | "split">

/** A third of the runs have other groups besides `main`, each with clients of its own. */
const drawGroups = (chance: Chance, calmAtMillis: number): Groups => {
  if (chance.happens(2 / 3)) return {}
  const groups = Array.from({ length: chance.between(1, 3) }, (_, at): PlannedGroup => {
    const name = `g${at + 1}`
    const operations = drawOperations(chance.fork(name), calmAtMillis)
    // Idle for a while, most of them: then there is something to rest from.
    const share = chance.pick([0.05, 0.2, 0.6])
    return {
      name,
      atMillis: chance.happens(0.4) ? 0 : chance.below(calmAtMillis * 0.7),
      operations: operations.filter(() => chance.happens(share)),
    }
  })
  return { groups, areGroupsRestless: chance.happens(0.3) }
}

/** Half of those that have other groups open one more, and the busiest of them gives keys to it. */
const withSplit = (chance: Chance, drawn: Groups, calmAtMillis: number): Groups => {
  const { groups } = drawn
  if (groups === undefined || chance.happens(0.5)) return drawn
  const from = groups.reduce((busiest, each) =>
    each.operations.length > busiest.operations.length ? each : busiest,
  )
  const atMillis = Math.max(from.atMillis, chance.below(calmAtMillis))
  // While keys go, many want them.
  const rush = drawOperations(chance.fork("rush"), RUSH_MILLIS, "rush ").map((operation) => ({
    ...operation,
    atMillis: atMillis + operation.atMillis,
  }))
  const to: PlannedGroup = {
    name: `g${groups.length + 1}`,
    atMillis: chance.below(calmAtMillis * 0.4),
    operations: [],
  }
  return {
    ...drawn,
    groups: [
      ...groups.map((each) =>
        each === from ? { ...from, operations: inOrder([...from.operations, ...rush]) } : each,
      ),
      to,
    ],
    split: {
      atMillis,
      from: from.name,
      to: to.name,
      actors: chance.some(roamers, chance.between(1, roamers.length)),
      portionLengthMax: chance.pick([20, 200, 2000, 100_000]),
    },
  }
}

/** Half of those that have other groups have each of them run by three members. Who takes keys is where their giver is. */
const withSeats = (chance: Chance, drawn: Groups): Groups => {
  const { groups, split } = drawn
  if (groups === undefined || chance.happens(0.5)) return drawn
  const likeOf = (name: string) => (name === split?.to ? split.from : name)
  return {
    ...drawn,
    groups: groups.map((each) => ({ ...each, seating: { replicas: 3, like: likeOf(each.name) } })),
  }
}

/**
 * A voter is wiped and taken in anew by `main`: other groups still count it as the one that it was. Some of them lose their
 * leader at that very time.
 */
const drawComeback = (
  chance: Chance,
  voters: ReadonlyArray<NodeId>,
  calmAtMillis: number,
): Pick<Script, "changes" | "faults"> => {
  if (voters.length < 3 || chance.happens(0.5)) return { changes: [], faults: [] }
  const node = chance.pick(voters)
  const wipedMillis = chance.between(Math.round(calmAtMillis * 0.2), Math.round(calmAtMillis * 0.7))
  const backMillis = wipedMillis + chance.between(100, 900)
  const ends = chance.some(voters, chance.below(3)).map((target): Fault => {
    const atMillis = backMillis + chance.between(-200, 600)
    return { type: "end", atMillis, target, how: "kill", forMillis: chance.between(0, 300) }
  })
  return {
    changes: [{ type: "add", atMillis: backMillis, node, as: "voter" }],
    faults: [
      {
        type: "damage",
        atMillis: wipedMillis,
        target: node,
        damage: "wipe",
        forMillis: chance.between(0, 50),
      },
      ...ends,
    ],
  }
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
