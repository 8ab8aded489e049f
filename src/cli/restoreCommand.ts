// `restore`: which backups become the data of which node, in which new cluster?

import { resolve } from "node:path"
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { parseCluster, parseId } from "./addresses.ts"
import { refused } from "./CliFailure.ts"
import { restoredClusterIdOf } from "./clusterId.ts"
import { value } from "./flags.ts"
import { checking } from "./nodeCommand.ts"
import type { Platform, Restored, RestoredGroup, RestoredPart, RestoreOptions } from "./Platform.ts"
import { table, thousands } from "./tables.ts"

interface RestoreFlags {
  readonly file: string
  readonly data: string | null
  readonly id: string | null
  readonly cluster: string | null
  readonly clusterName: string | null
}

export const restoreCommand = (platform: Platform) =>
  Command.make(
    "restore",
    {
      file: Argument.String("file").pipe(
        Argument.withMetavar("FILE"),
        Argument.withDescription("A directory, as `backup --all-groups` makes it, or one backup of main"),
      ),
      data: value("data", "DIR", "The new node's data directory: not there yet, or empty"),
      id: value("id", "ID", "Name of the new node, for ever (default: the only member)"),
      cluster: value(
        "cluster",
        "n1=HOST:PEERPORT,…",
        "The members of the new cluster, this one included (default: n1=127.0.0.1:5001)",
      ),
      clusterName: value(
        "cluster-name",
        "NAME",
        "Tells apart two clusters that are made of the same backups and members; the same for all members",
      ),
    },
    Effect.fnUntraced(function* (flags) {
      const options = yield* checking(() => restoreOptions(flags))
      const restored = yield* platform.restore(options)
      yield* Console.log(reportText(options, restored))
      for (const part of restored.parts) yield* Console.error(partText(options.file, part))
    }),
  ).pipe(
    Command.withDescription(
      "Make the first node of a new cluster from backups: its groups with their instances, timers and idempotency keys as " +
        "of each backup, under a new cluster id, so that no node of the old cluster can join. For a cluster of several " +
        "nodes, run it once for each with the same FILE and --cluster. FILE is checked to the last row, and DIR " +
        "appears whole or not at all. One backup alone is enough where there was no group but main.",
    ),
    Command.withShortDescription("Make a node of a new cluster from backups"),
    Command.withExamples([
      {
        command: "raftlet restore backups/2026-11-23 --data /var/lib/raftlet",
        description: "One node, n1; then: raftlet node --data /var/lib/raftlet --listen 127.0.0.1:4001",
      },
      {
        command:
          "raftlet restore backups/2026-11-23 --data /var/lib/raftlet --id n2 " +
          "--cluster n1=10.0.0.1:5001,n2=10.0.0.2:5001,n3=10.0.0.3:5001",
        description: "The second of three",
      },
    ]),
  )

/** Throws a CliFailure: what is missing or does not fit, in one line. */
export const restoreOptions = (flags: RestoreFlags): RestoreOptions => {
  if (flags.data === null) throw refused("restore: --data DIR is missing")
  const id = flags.id === null ? null : parseId(flags.id, "--id")
  const clusterText = flags.cluster ?? `${id ?? "n1"}=127.0.0.1:5001`
  const cluster = parseCluster(clusterText, "--cluster")
  const ids = Object.keys(cluster)
  const own = id ?? (ids.length === 1 ? ids[0] : undefined)
  if (own === undefined) throw refused(`restore: --id ID is missing: which of ${ids.join(", ")} is this?`)
  if (!ids.includes(own)) throw refused(`--cluster: ${own} is not among ${ids.join(", ")}`)
  const name = flags.clusterName === null ? "" : parseId(flags.clusterName, "--cluster-name")
  return {
    file: flags.file,
    data: resolve(flags.data),
    id: own,
    cluster,
    clusterIdOf: (fileHash) => restoredClusterIdOf(cluster, fileHash, name),
    startOptions: { cluster: clusterText },
  }
}

const reportText = (options: RestoreOptions, restored: Restored): string => {
  const { file, data, id, cluster } = options
  const { clusterId, groups } = restored
  const others = Object.keys(cluster).filter((other) => other !== id)
  return [
    ...(groups.length === 1 ? aloneText(file, groups[0]!) : allText(file, groups)),
    `${data} is ${id} of the new cluster ${clusterId}`,
    ...(others.length === 0
      ? []
      : [`restore ${others.join(", ")} as well, with the same FILE and --cluster`]),
    `start it: ./bunw run node --data ${data} --listen HOST:PORT`,
  ].join("\n")
}

const partText = (file: string, { actor, instances, slots, slotsInAll }: RestoredPart): string =>
  `! ${file} holds ${thousands(instances)} instances of ${actor}, those of one of its groups (${thousands(slots)} of ` +
  `${thousands(slotsInAll)} slots): the other groups of ${actor} are not in it. ` +
  "Restore what `raftlet backup DIR --all-groups` makes instead"

const aloneText = (file: string, { index, term, digest, instances, timers }: RestoredGroup) => [
  `${file}: index ${index}, term ${term}, ${thousands(instances)} instances, ${thousands(timers)} timers`,
  `state hash ${digest}`,
]

const allText = (file: string, groups: ReadonlyArray<RestoredGroup>) => [
  `${file}: ${groups.length} groups`,
  table(
    ["group", "index", "term", "instances", "timers", "state hash"],
    groups.map(({ group, index, term, instances, timers, digest }) => [
      group,
      index,
      term,
      instances,
      timers,
      digest,
    ]),
  ),
]
