// Where does everything begin? What a process does that was told to be a node, and the words that it is told so with.

import { existsSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Layer, Logger } from "effect"
import { version } from "../package.json"
import { type CliFailure, failed, refused } from "./cli/CliFailure.ts"
import { becomeMember } from "./cli/join.ts"
import { main } from "./cli/main.ts"
import type { BackupList, NodeOptions, Platform, Restored, RestoreOptions } from "./cli/Platform.ts"
import { epochOf, members } from "./consensus/configuration.ts"
import type { Configuration } from "./consensus/types.ts"
import { Groups } from "./groups/Groups.ts"
import { HttpServer } from "./http/Server.ts"
import { digestOfState } from "./machine/stateDigest.ts"
import { wholeSet } from "./machine/system/wholeSet.ts"
import { firstConfiguration, layerNode } from "./node.ts"
import { BackupRefused } from "./storage/backupFile.ts"
import { sealBackups } from "./storage/backupSet.ts"
import { isHeld, openDataDirectory, readDataDirectory } from "./storage/DataDirectory.ts"
import { restoreBackup } from "./storage/restore.ts"
import { PeerPort } from "./transport/SocketTransport.ts"

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
    const groups = Context.get(context, Groups)
    const { raft } = groups.main
    // While its doors are open still: who comes meanwhile is passed on to the successor.
    yield* Effect.addFinalizer(() => groups.handOver)
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
    const ended = Effect.raceFirst(groups.stopped, given)
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
    configuration: firstConfiguration(options),
    clusterIdOf: options.clusterIdOf,
    startOptions: options.startOptions,
    digestOf: digestOfState,
    judge: wholeSet,
  }).pipe(
    Effect.map(({ clusterId, groups, parts }) => ({
      clusterId,
      parts,
      groups: groups.map(({ position: { index, term }, ...restored }) => ({ ...restored, index, term })),
    })),
    Effect.catchTags({
      BackupRefused: ({ file, reason }) => Effect.fail(refused(`FILE: ${file}: ${reason}`)),
      DataDirectoryRefused: ({ directory, reason }) =>
        Effect.fail(refused(`--data: ${directory}: ${reason}`)),
      StorageFull: () => Effect.fail(failed(`there is no room for the state beside ${options.data}`)),
      StorageFailed: ({ operation, message }) => Effect.fail(failed(`storage: ${operation}: ${message}`)),
    }),
  )

const seal = (directory: string, list: BackupList): Effect.Effect<string | null, CliFailure> =>
  Effect.try({
    try: () => sealBackups(directory, list, wholeSet),
    catch: (error) =>
      failed(
        error instanceof BackupRefused
          ? `${error.file}: ${error.reason}`
          : `${directory}: ${error instanceof Error ? error.message : error}`,
      ),
  })

const platform: Platform = {
  version,
  program: [process.execPath, import.meta.path],
  isHeld: (directory) =>
    Effect.mapError(isHeld(directory), ({ reason }) => refused(`${directory}: ${reason}`)),
  remembered: (directory) =>
    readDataDirectory(directory).pipe(Effect.mapError(({ reason }) => refused(`${directory}: ${reason}`))),
  runNode,
  restore,
  seal,
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
