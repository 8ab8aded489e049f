// What is a running node made of? One of two files that name live layers: this one puts them together.

import { edenGC, fullGC, heapSize } from "bun:jsc"
import { rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Context, Effect, Layer } from "effect"
import { version } from "../package.json"
import type { NodeOptions } from "./cli/Platform.ts"
import { mainGroup } from "./consensus/groups.ts"
import type { Configuration, GroupId } from "./consensus/types.ts"
import { Groups } from "./groups/Groups.ts"
import { foundingNow } from "./groups/hearing.ts"
import { layerGroups } from "./groups/layer.ts"
import type { PartsOfGroups } from "./groups/parts.ts"
import { layerServer, type ServerOptions } from "./http/Server.ts"
import { Crowd } from "./machine/Crowd.ts"
import { layerMachines } from "./machine/hostWorker.ts"
import { Leading, type LeadingService } from "./machine/leading/Leading.ts"
import { makeLeading } from "./machine/leading/layer.ts"
import { type Environment, openThread } from "./machine/leading/openThread.ts"
import { MachineHost } from "./machine/MachineHost.ts"
import { Machines } from "./machine/Machines.ts"
import { makeStages, type StagesOptions } from "./machine/routes/Stages.ts"
import { Metrics } from "./metrics/Metrics.ts"
import { Lateness } from "./raft/Lateness.ts"
import { layerRaft } from "./raft/layer.ts"
import { Neighbours } from "./raft/Neighbours.ts"
import type { Observer } from "./raft/observer.ts"
import { defaultOptions } from "./raft/options.ts"
import { makePolls, makeWakes } from "./raft/Places.ts"
import { Unrest } from "./raft/Unrest.ts"
import type { DataDirectory } from "./storage/DataDirectory.ts"
import { directoryOf } from "./storage/groupDirectory.ts"
import { LogStore, StorageFailed } from "./storage/LogStore.ts"
import { layerSqlite as layerLog } from "./storage/logStoreSqlite.ts"
import { SnapshotStore } from "./storage/SnapshotStore.ts"
import { SnapshotStores } from "./storage/SnapshotStores.ts"
import { layerStoresSqlite } from "./storage/snapshotStoreSqlite.ts"
import { layerSocket } from "./transport/SocketTransport.ts"
import { Transport } from "./transport/Transport.ts"

/** What `main` begins with where nothing of it is there. */
export const firstConfiguration = ({ cluster }: Pick<NodeOptions, "cluster">): Configuration => ({
  voters: Object.keys(cluster),
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: cluster,
})

/** From the log up to the doors. */
export const layerNode = Effect.fnUntraced(function* (options: NodeOptions, directory: DataDirectory) {
  const metrics = new Metrics()
  const observer = makeObserver(metrics, yield* Effect.context<never>())
  const { id, client } = options
  const initial = firstConfiguration(options)
  const layerStorage = Layer.mergeAll(
    layerLog(directory, options.diskReserveBytes),
    layerStoresSqlite({ threads: snapshotThreads }),
  )
  const { threads, actors: actorsDirectory } = options
  const layerMachineThreads = layerMachines({ node: id, actorsDirectory, threads })
  const leadingOf = yield* openLeading(observer, { RAFTLET_DATA: resolve(options.data) })
  const limits = { ...defaultOptions.limits, quietBeatsMin: QUIET_BEATS_OF_MAIN }
  const raft = {
    ...defaultOptions,
    limits,
    id,
    client,
    neighbours: new Neighbours(),
    crowd: new Crowd(),
    unrest: new Unrest(),
    lateness: new Lateness(),
    rests: true,
  }
  const layerMain = layerRaft(
    { ...raft, group: mainGroup, initial, contacts: options.contacts },
    observer.of(mainGroup),
  ).pipe(Layer.provideMerge(layerPartsOfMain(options, initial, leadingOf)))
  const layerAll = Layer.unwrap(
    Effect.map(Effect.all([Machines, SnapshotStores]), ([machines, stores]) =>
      layerGroups({
        id,
        incarnation: directory.identity.incarnation,
        zone: options.zone,
        raft: {
          ...raft,
          connects: false,
          polls: makePolls(raft.limits),
          vainEntriesMax: VAIN_ENTRIES_MAX,
          wakes: makeWakes(raft.limits),
          limits: { ...raft.limits, quietBeatsMin: QUIET_BEATS },
        },
        observer: observer.of(mainGroup),
        collector: { young: edenGC, all: collectAll },
        parts: partsOfGroups(options.data, { machines, stores, leadingOf, observer }),
      }),
    ),
  )
  return layerHttp(options, directory, metrics, yield* openStages(options.id, observer)).pipe(
    Layer.provideMerge(layerAll),
    Layer.provideMerge(layerMain),
    Layer.provideMerge(Layer.mergeAll(layerMachineThreads, layerTransport(options, directory))),
    Layer.provideMerge(layerStorage),
  )
})

/** Of a large heap it takes longer than a leader may be silent. */
const collectAll = (): void => {
  if (heapSize() < COLLECTED_BYTES_MAX) fullGC()
}

const COLLECTED_BYTES_MAX = 256 * 1024 * 1024

/** A fifth of a second without anything to do: of many groups most are idle, and each costs as long as it is awake. */
const QUIET_BEATS = 4
/**
 * Five seconds: it is one group, and who is elected after a rest is elected a little later than otherwise. Of what is in use
 * that is never so.
 */
const QUIET_BEATS_OF_MAIN = 100

/** They know what the rows of a state add up to. */
const snapshotThreads = {
  jobs: new URL("./machine/snapshotThread.ts", import.meta.url),
  scrub: new URL("./machine/scrubThread.ts", import.meta.url),
}

const layerTransport = (options: NodeOptions, { identity }: DataDirectory) =>
  Layer.unwrap(
    Effect.map(LogStore, ({ rememberIncarnation, sequence }) =>
      layerSocket({
        id: options.id,
        clusterId: options.clusterId,
        incarnation: identity.incarnation,
        client: options.client,
        peer: options.peer,
        listen: { hostname: options.peerListen.host, port: options.peerListen.port },
        rememberIncarnation,
        sequence,
        limits: {
          pulseMillis: defaultOptions.limits.heartbeatMillis,
          silentMillis: defaultOptions.limits.electionTimeoutMinMillis,
        },
      }),
    ),
  )

type LeadingOf = (machine: MachineHost["Service"]) => LeadingService

/** What users have run where a group leads, each in a thread of its own. */
const openLeading = Effect.fnUntraced(function* (observer: NodeObserver, environment: Environment) {
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const leadingOf: LeadingOf = (machine) =>
    makeLeading(machine, {
      open: (code) => openThread(code, {}, environment),
      told: observer.event,
      printed: (actor, line) =>
        void log(Effect.logInfo(line).pipe(Effect.annotateLogs({ actor, by: "leading" }))),
    })
  return leadingOf
})

/** What answers requests of actors, each in a thread of its own. */
const openStages = Effect.fnUntraced(function* (node: string, observer: NodeObserver) {
  const log = Effect.runForkWith(yield* Effect.context<never>())
  return (groups: Groups["Service"], serve: StagesOptions["serve"]) =>
    makeStages({
      node,
      serve,
      // Of an actor that lives in several it is the first that runs here that says which version is active.
      machineOf: (actor) => {
        const homes = groups.placementOf(actor)?.map(({ group }) => group) ?? [mainGroup]
        return homes.map((group) => groups.find(group)).find((found) => found !== undefined)?.machine ?? null
      },
      told: observer.event,
      printed: (actor, line) =>
        void log(Effect.logInfo(line).pipe(Effect.annotateLogs({ actor, by: "routes" }))),
    })
})

/** Those of `main` lie in the data directory itself. */
const layerPartsOfMain = ({ data }: NodeOptions, initial: Configuration, leadingOf: LeadingOf) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const snapshots = yield* (yield* SnapshotStores).open(data)
      const machine = yield* (yield* Machines).open({
        group: mainGroup,
        statePath: join(data, "state.db"),
        initial,
        snapshots,
      })
      return Context.make(SnapshotStore, snapshots).pipe(
        Context.add(MachineHost, machine),
        Context.add(Leading, leadingOf(machine)),
      )
    }),
  )

/** Those of any other group lie in a directory of its own, which is made when there is something to keep. */
const partsOfGroups = (
  data: string,
  around: {
    readonly machines: Machines["Service"]
    readonly stores: SnapshotStores["Service"]
    readonly leadingOf: LeadingOf
    readonly observer: NodeObserver
  },
): PartsOfGroups => ({
  open: Effect.fnUntraced(function* (group, initial) {
    const directory = directoryOf(data, group)
    const snapshots = yield* around.stores.open(directory)
    const statePath = join(directory, "state.db")
    const machine = yield* around.machines.open({ group, statePath, initial, snapshots })
    return { machine, snapshots, leading: around.leadingOf(machine), observer: around.observer.of(group) }
  }),
  forget: (group) =>
    Effect.try({
      try: () => rmSync(directoryOf(data, group), { recursive: true, force: true }),
      catch: (cause) => new StorageFailed({ operation: "forget", message: String(cause), cause }),
    }),
})

/** Of about thirty starts. */
const VAIN_ENTRIES_MAX = 64

/** A disk that takes longer for one batch is as good as none. */
const DISK_HANGS_MILLIS = 2000

const layerHttp = (
  options: NodeOptions,
  { identity }: DataDirectory,
  metrics: Metrics,
  openRoutes: NonNullable<ServerOptions["openRoutes"]>,
) => {
  const startedAt = performance.now()
  const { id } = options
  return Layer.unwrap(
    Effect.map(Effect.all([Transport, Groups, LogStore]), ([transport, groups, log]) => {
      registerTransport(metrics, transport)
      const { raft } = groups.main
      return layerServer({
        listen: options.listen,
        insecure: options.insecure,
        node: {
          id,
          clusterId: options.clusterId,
          version,
          peer: options.peer,
          uptimeMillis: () => Math.round(performance.now() - startedAt),
        },
        metrics,
        openRoutes,
        founding: async (deadline) => {
          const known = await Effect.runPromise(Effect.orElseSucceed(log.incarnations, () => new Map()))
          const incarnations = new Map([...known, [id, identity.incarnation]])
          return Effect.runPromise(foundingNow(raft, incarnations, deadline))
        },
        wedged: () => {
          const { diskBusyMillis } = raft.status()
          return diskBusyMillis < DISK_HANGS_MILLIS
            ? null
            : `the disk has not answered for ${Math.round(diskBusyMillis)} ms`
        },
      })
    }),
  )
}

/** Of all groups; what is said of one other than `main` names it. */
interface NodeObserver extends Observer {
  readonly of: (group: GroupId) => Observer
}

/** Feeds what the rooms measure into the node's metrics and its log. */
const makeObserver = (metrics: Metrics, context: Context.Context<never>): NodeObserver => {
  const stages = {
    admit: metrics.histogram(
      "raftlet_admit_seconds",
      "From the door to the turn: what the machine says first.",
    ),
    commit: metrics.histogram("raftlet_commit_seconds", "From the leader's log to a majority of disks."),
    apply: metrics.histogram("raftlet_apply_seconds", "From commit to the machine's answer."),
  }
  const syncs = metrics.histogram("raftlet_sync_seconds", "One batch of writes to the log, synced.")
  const entries = metrics.counter("raftlet_synced_entries_total", "Entries made durable.")
  const reads = metrics.counter(
    "raftlet_reads_total",
    "Reads answered by this node, by what made the answer safe: lease, round of heartbeats, bound on its age.",
    ["grounds"],
  )
  const log = Effect.runForkWith(context)
  const observer: Observer = {
    stage: (stage, millis) => stages[stage].observe(millis),
    synced: (millis, count) => {
      syncs.observe(millis)
      entries.add(count)
    },
    read: (grounds) => reads.add(1, grounds),
    turned: () => {},
    event: (message, details, level = "info") => {
      const line = level === "warn" ? Effect.logWarning(message) : Effect.logInfo(message)
      log(Effect.annotateLogs(line, details))
    },
  }
  const of = (group: GroupId): Observer =>
    group === mainGroup
      ? observer
      : {
          ...observer,
          event: (message, details, level) => observer.event(message, { group, ...details }, level),
        }
  return { ...observer, of }
}

const registerTransport = (metrics: Metrics, transport: Transport["Service"]): void => {
  const perPeer = (
    name: string,
    help: string,
    value: (peer: ReturnType<typeof transport.connections>[number]) => number,
  ) =>
    metrics.gauge(name, help, ["peer"], () =>
      transport.connections().map((peer) => ({ labels: [peer.id], value: value(peer) })),
    )
  perPeer("raftlet_peer_connected", "1 while there is a connection to the peer.", ({ state }) =>
    state === "open" ? 1 : 0,
  )
  perPeer(
    "raftlet_peer_outbound_bytes",
    "Bytes that wait to leave for the peer.",
    ({ outboundBytes }) => outboundBytes,
  )
  perPeer(
    "raftlet_peer_dropped_messages",
    "Messages dropped for want of a connection or of room.",
    ({ dropped }) => dropped,
  )
}
