// What is a running node made of? The only file that names every live layer.

import { existsSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Layer, Logger } from "effect"
import { version } from "../package.json"
import { type CliFailure, failed, refused } from "./cli/CliFailure.ts"
import { becomeMember } from "./cli/join.ts"
import { main } from "./cli/main.ts"
import type { NodeOptions, Platform, Restored, RestoreOptions } from "./cli/Platform.ts"
import { epochOf, members } from "./consensus/configuration.ts"
import type { Configuration } from "./consensus/types.ts"
import { HttpServer, layerServer } from "./http/Server.ts"
import { layerWorker } from "./machine/hostWorker.ts"
import { layerLeading } from "./machine/leading/layer.ts"
import { openThread } from "./machine/leading/openThread.ts"
import { digestOfState } from "./machine/stateDigest.ts"
import { Metrics } from "./metrics/Metrics.ts"
import { layerRaft } from "./raft/layer.ts"
import type { Observer } from "./raft/observer.ts"
import { defaultOptions } from "./raft/options.ts"
import { Raft } from "./raft/Raft.ts"
import { type DataDirectory, isHeld, openDataDirectory, readDataDirectory } from "./storage/DataDirectory.ts"
import { LogStore } from "./storage/LogStore.ts"
import { layerSqlite as layerLog } from "./storage/logStoreSqlite.ts"
import { restoreBackup } from "./storage/restore.ts"
import { layerSqlite as layerSnapshots } from "./storage/snapshotStoreSqlite.ts"
import { layerSocket, PeerPort } from "./transport/SocketTransport.ts"
import { Transport } from "./transport/Transport.ts"

/** One node: from its directory up to its doors. Runs until it is interrupted, or cannot go on. */
const runNode = (options: NodeOptions): Effect.Effect<never, CliFailure> =>
  Effect.gen(function* () {
    const directory = yield* openDataDirectory({
      directory: options.data,
      clusterId: options.clusterId,
      nodeId: options.id,
    })
    const context = yield* Layer.build(yield* layerNode(options, directory))
    const { url } = Context.get(context, HttpServer)
    const raft = Context.get(context, Raft)
    // While its doors are open still: who comes meanwhile is passed on to the successor.
    yield* Effect.addFinalizer(() => raft.handOver)
    yield* directory.remember({ ...options.startOptions, ...insteadOf(options, raft.status().configuration) })
    yield* Effect.logInfo(`${options.id} serves clients at ${url}`)
    const { superseded } = Context.get(context, PeerPort)
    const given = Effect.flatMap(superseded, (by) =>
      Effect.fail(
        failed(
          `${by} says that this cluster was reset without ${options.id}: its data belongs to nobody any more. ` +
            "Start it with an empty directory and --join",
        ),
      ),
    )
    const ended = Effect.raceFirst(raft.stopped, given)
    if (options.join === null) return yield* ended
    const { configuration } = raft.status()
    const { addresses, learners } = configuration
    const own = Object.hasOwn(addresses, options.id) ? addresses[options.id] : undefined
    const { incarnation } = own ?? directory.identity
    const joining = becomeMember({
      urls: options.join.urls,
      newcomer: {
        id: options.id,
        clusterId: options.clusterId,
        // Who still catches up may not have come to the last reset yet, and has nothing that it was not sent.
        ...(own === undefined ? {} : { epoch: epochOf(configuration) }),
        peer: options.peer,
        ...(options.client === "" ? {} : { client: options.client }),
        ...(incarnation === undefined ? {} : { incarnation }),
        role: learners.includes(options.id) ? "learner" : options.join.role,
      },
      isMember: () => members(raft.status().configuration).includes(options.id),
      anyway: options.join.anyway,
    })
    return yield* Effect.raceFirst(ended, Effect.andThen(joining, Effect.never))
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      DataDirectoryRefused: ({ directory, reason }) => Effect.fail(refused(`${directory}: ${reason}`)),
      ListenFailed: ({ address, message }) => Effect.fail(refused(`cannot listen on ${address}: ${message}`)),
      ListenRefused: ({ message }) => Effect.fail(refused(message)),
      ActorsRefused: ({ message }) => Effect.fail(refused(message)),
      StorageFailed: ({ operation, message }) => Effect.fail(failed(`storage: ${operation}: ${message}`)),
      MachineFailed: ({ operation, message }) => Effect.fail(failed(`machine: ${operation}: ${message}`)),
      GroupStopped: ({ group, message }) => Effect.fail(failed(`group ${group} has stopped: ${message}`)),
    }),
    Effect.provide(Logger.layer([Logger.consoleLogFmt])),
  )

/** Which addresses of the configuration the new contacts stand in for, also at later starts. */
const insteadOf = ({ hasNewContacts }: NodeOptions, { addresses }: Configuration) =>
  hasNewContacts
    ? {
        insteadOf: JSON.stringify(
          Object.fromEntries(Object.entries(addresses).map(([id, { peer }]) => [id, peer])),
        ),
      }
    : {}

/** A backup becomes the data directory of a node that has never run. */
const restore = (options: RestoreOptions): Effect.Effect<Restored, CliFailure> =>
  restoreBackup({
    file: options.file,
    directory: options.data,
    nodeId: options.id,
    group,
    configuration: firstConfiguration(options),
    clusterIdOf: options.clusterIdOf,
    startOptions: options.startOptions,
    digestOf: digestOfState,
  }).pipe(
    Effect.map(({ position: { index, term }, ...restored }) => ({ ...restored, index, term })),
    Effect.catchTags({
      BackupRefused: ({ file, reason }) => Effect.fail(refused(`FILE: ${file}: ${reason}`)),
      DataDirectoryRefused: ({ directory, reason }) =>
        Effect.fail(refused(`--data: ${directory}: ${reason}`)),
      StorageFull: () => Effect.fail(failed(`there is no room for the state beside ${options.data}`)),
      StorageFailed: ({ operation, message }) => Effect.fail(failed(`storage: ${operation}: ${message}`)),
    }),
  )

/** The one group that a node has. */
const group = "main"

const firstConfiguration = ({ cluster }: Pick<NodeOptions, "cluster">): Configuration => ({
  voters: Object.keys(cluster),
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: cluster,
})

/** They know what the rows of a state add up to. */
const snapshotThreads = {
  jobs: new URL("./machine/snapshotThread.ts", import.meta.url),
  scrub: new URL("./machine/scrubThread.ts", import.meta.url),
}

/** A disk that takes longer for one batch is as good as none. */
const DISK_HANGS_MILLIS = 2000

const layerNode = Effect.fnUntraced(function* (options: NodeOptions, directory: DataDirectory) {
  const metrics = new Metrics()
  const observer = makeObserver(metrics, yield* Effect.context<never>())
  const initial = firstConfiguration(options)
  const { client } = options
  const layerTransport = Layer.unwrap(
    Effect.map(LogStore, ({ rememberIncarnation, sequence }) =>
      layerSocket({
        id: options.id,
        clusterId: options.clusterId,
        incarnation: directory.identity.incarnation,
        client,
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
  const layerMachine = layerWorker({
    node: options.id,
    actorsDirectory: options.actors,
    statePath: join(options.data, "state.db"),
    initial,
  })
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const layerLeadingThreads = layerLeading({
    open: openThread,
    told: observer.event,
    printed: (actor, line) =>
      void log(Effect.logInfo(line).pipe(Effect.annotateLogs({ actor, by: "leading" }))),
  })
  const startedAt = performance.now()
  const layerHttp = Layer.unwrap(
    Effect.map(Effect.all([Transport, Raft]), ([transport, raft]) => {
      registerTransport(metrics, transport)
      return layerServer({
        listen: options.listen,
        insecure: options.insecure,
        node: {
          id: options.id,
          clusterId: options.clusterId,
          version,
          peer: options.peer,
          uptimeMillis: () => Math.round(performance.now() - startedAt),
        },
        metrics,
        wedged: () => {
          const { diskBusyMillis } = raft.status()
          return diskBusyMillis < DISK_HANGS_MILLIS
            ? null
            : `the disk has not answered for ${Math.round(diskBusyMillis)} ms`
        },
      })
    }),
  )
  return layerHttp.pipe(
    Layer.provideMerge(
      layerRaft(
        { ...defaultOptions, group, id: options.id, client, initial, contacts: options.contacts },
        observer,
      ),
    ),
    Layer.provideMerge(layerLeadingThreads),
    Layer.provideMerge(Layer.mergeAll(layerMachine, layerTransport)),
    Layer.provideMerge(
      Layer.mergeAll(
        layerLog(directory, options.diskReserveBytes),
        layerSnapshots({ directory: options.data, threads: snapshotThreads }),
      ),
    ),
  )
})

/** Feeds what the rooms measure into the node's metrics and its log. */
const makeObserver = (metrics: Metrics, context: Context.Context<never>): Observer => {
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
  return {
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

const platform: Platform = {
  version,
  program: [process.execPath, import.meta.path],
  isHeld: (directory) =>
    Effect.mapError(isHeld(directory), ({ reason }) => refused(`${directory}: ${reason}`)),
  remembered: (directory) =>
    readDataDirectory(directory).pipe(Effect.mapError(({ reason }) => refused(`${directory}: ${reason}`))),
  runNode,
  restore,
}

/**
 * `bunw run` and `npm run` start at the project's root. The files that an operator names lie where the words were typed; what a
 * node is started with by default lies at the root.
 */
const goToCaller = (verb: string | undefined): void => {
  const { INIT_CWD: caller } = process.env
  const atRoot = process.cwd() === join(import.meta.dir, "..")
  if (caller === undefined || !atRoot || verb === "cluster" || verb === "node") return
  if (existsSync(caller)) process.chdir(caller)
}

if (import.meta.main) {
  const args = process.argv.slice(2)
  goToCaller(args[0])
  main(args, platform)
}
