// Does a script break a promise? A cluster, its clients and its troubles are made of it, and run their course.

import { mainGroup } from "../consensus/groups.ts"
import type { Index } from "../consensus/types.ts"
import type { Actor } from "../machine/actor.ts"
import { Registry, registryOf } from "../machine/Registry.ts"
import alarm from "./actors/alarm.ts"
import counter from "./actors/counter.ts"
import herald from "./actors/herald.ts"
import list from "./actors/list.ts"
import register from "./actors/register.ts"
import { Clients } from "./Clients.ts"
import { SimulatedCluster } from "./Cluster.ts"
import { Course, sessionOptions } from "./Course.ts"
import { Deployer } from "./Deployer.ts"
import type { Emits } from "./EventChecks.ts"
import { Founder } from "./Founder.ts"
import { Homes } from "./Homes.ts"
import type { Operation } from "./history.ts"
import type { Marker } from "./markers.ts"
import { configurationOf } from "./members.ts"
import { Operator } from "./Operator.ts"
import { faultsOf, releases, tillName } from "./Releases.ts"
import { roamingName } from "./roaming.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"
import { Splitter } from "./Splitter.ts"
import type { PlannedOperation, Script } from "./script.ts"
import { Troubles } from "./Troubles.ts"
import { Violation } from "./Violation.ts"

export interface Report {
  readonly seed: number
  /** Null: every promise was kept. */
  readonly failure: Failure | null
  /** Tasks run, on all processes: an event each. */
  readonly steps: number
  readonly virtualMillis: number
  /** The same for the same script and code, in any process. */
  readonly trace: string
  readonly seen: ReadonlyArray<Marker>
  readonly committed: Index
  readonly operations: Readonly<Record<Operation["outcome"], number>>
  /** Changes of members that came to their end. */
  readonly changes: number
}

export interface Failure {
  readonly checker: string
  readonly message: string
  readonly step: number
  readonly atMillis: number
  /** What each node was at. */
  readonly nodes: string
  /** What had happened. */
  readonly notes: ReadonlyArray<string>
}

const actors = { alarm, counter, list, register }
/** Of some seeds: not every cluster has something to run where it leads. */
const leadingActors = { ...actors, herald }
/** The till comes in by entries: it is at hand for whoever runs what these name. */
const registryFor = (present: Readonly<Record<string, Actor>>): Registry =>
  new Registry(
    [...registryOf(present).current.values()],
    Object.values(releases).map(({ loaded }) => loaded),
  )
/** An alarm that is armed tells nobody, nor does a state that an operator gives; all other commands tell their result. */
const emits: Emits = ({ command, outcome, instance }) => {
  const isSilent = command === "arm" || (command === "set" && instance.startsWith(`${tillName}/`))
  return isSilent || outcome._tag !== "Accepted" ? [] : [`${command} ${outcome.result}`]
}

export const run = (script: Script): Report => {
  const present = script.hasLeading === true ? leadingActors : actors
  const split = splitOf(script)
  const roaming = Object.fromEntries((split?.actors ?? []).map((kind) => [roamingName(kind), actors[kind]]))
  const registry = registryFor({ ...present, ...roaming })
  const registryOfMain = registryFor(present)
  const cluster = new SimulatedCluster({
    seed: script.seed,
    configuration: configurationOf(script),
    spares: script.spares,
    groups: script.groups?.map(({ name }) => name) ?? [],
    groupsRest: script.areGroupsRestless !== true,
    registry,
    // What it has, or has had, nobody can settle elsewhere.
    presetOf: (group) => (group === mainGroup ? registryOfMain : registry),
    faultsOf: (id) => faultsOf(id, script.till?.alone ?? null),
    isCodeApart: script.till !== undefined || script.faults.some(({ type }) => type === "slow-code"),
    raft: script.raft,
    machine: {
      cacheBytesMax: script.machineCacheBytesMax,
      dirtyInstancesMax: script.machineDirtyInstancesMax,
      // So few that watchers come too late.
      eventsKeptMax: 10,
      ...(split === undefined ? {} : { portionLengthMax: split.portionLengthMax }),
    },
    emits,
    link: script.link,
    clockOf: (id) => script.clocks[id]!,
    boundaryMillisMax: script.boundaryMillisMax,
  })
  for (const { name, seating } of script.groups ?? []) cluster.group(name).isSeated = seating !== undefined
  const troubles = new Troubles(cluster, script)
  const operator = new Operator(cluster, script)
  const deployer = new Deployer(cluster, script.till, sessionOptions)
  const { patienceMillis = sessionOptions.patienceMillis } = script
  const homes = split === undefined ? null : new Homes(cluster, split)
  const clientsOf = (group: SimulatedGroup, operations: ReadonlyArray<PlannedOperation>) =>
    new Clients(group, operations, {
      ...sessionOptions,
      patienceMillis,
      ...(group === homes?.from ? { homes } : {}),
      stalenessSlackMillis: stalenessSlackOf(script),
    })
  const clients = new Map([[cluster.main.name, clientsOf(cluster.main, script.operations)]])
  for (const { name, operations } of script.groups ?? []) {
    clients.set(name, clientsOf(cluster.group(name), operations))
  }
  const founder = new Founder(cluster, script.groups ?? [], (group) => [
    ...Object.keys(present),
    ...(group === split?.from ? Object.keys(roaming) : []),
  ])
  const splitter = homes === null ? null : new Splitter(cluster, founder, homes, split!)
  let failure: Failure | null = null
  try {
    new Course({ cluster, script, troubles, operator, deployer, founder, splitter, clients }).run()
  } catch (error) {
    failure = {
      checker: error instanceof Violation ? error.checker : "broken code",
      message:
        error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error),
      step: cluster.world.steps,
      atMillis: cluster.world.nowMillis,
      nodes: cluster.describe(),
      notes: cluster.notes,
    }
  }
  const count = (outcome: Operation["outcome"]) =>
    [...clients.values()].flatMap(({ history }) => history.filter((each) => each.outcome === outcome)).length
  return {
    seed: script.seed,
    failure,
    steps: cluster.world.steps,
    virtualMillis: cluster.world.nowMillis,
    trace: cluster.world.trace,
    seen: cluster.sightings.seen,
    committed: cluster.invariants.committedIndex,
    changes: cluster.invariants.changeCount,
    operations: {
      ok: count("ok"),
      refused: count("refused"),
      rejected: count("rejected"),
      unknown: count("unknown"),
    },
  }
}

/** Undefined also when one of the two groups is not opened, as in what is left of a script. */
const splitOf = ({ split, groups = [] }: Script): Script["split"] =>
  [split?.from, split?.to].every((name) => groups.some((group) => group.name === name)) ? split : undefined

/** By the slowest way that a heartbeat may take; links that are held or narrow have no such. */
const stalenessSlackOf = ({ link, faults }: Script): number => {
  const links = [link, ...faults.flatMap((fault) => (fault.type === "weather" ? [fault.weather] : []))]
  const isBounded =
    faults.every(({ type }) => type !== "hold") && links.every((each) => each.bytesPerMilli === 0)
  return isBounded ? 60 + Math.max(...links.map((each) => each.latencyMaxMillis)) : Number.POSITIVE_INFINITY
}
