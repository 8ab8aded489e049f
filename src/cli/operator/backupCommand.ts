// `backup`: how does an operator get a copy of all state of a group, or of all groups, that is good for something?

import { existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { refused } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import type { Platform } from "../Platform.ts"
import { makeProgress } from "../progress.ts"
import { none, printable, table } from "../tables.ts"
import { backupAll, groupsOf, refuseDirectory } from "./backupSet.ts"
import type { ClusterClient } from "./ClusterClient.ts"
import { download } from "./download.ts"
import { allGroupsFlag, isOfAll, overGroups } from "./everyGroup.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { bytesText } from "./units.ts"

export const backupCommand = (platform: Platform) =>
  Command.make(
    "backup",
    {
      ...patientFlags,
      ...allGroupsFlag,
      file: Argument.String("file").pipe(
        Argument.withMetavar("FILE"),
        Argument.withDescription("Where the copy goes; of all groups, a directory"),
      ),
      force: toggle(
        "force",
        "Replace a file that is there; also that happens only when the new one is whole",
      ),
    },
    Effect.fnUntraced(function* ({ file: given, force, ...flags }) {
      const client = yield* clientOf(overGroups(flags), patientSeconds)
      if (isOfAll(client)) return yield* backupGroups(client, given, force, platform)
      yield* backupGroup(client, given, force)
    }),
  ).pipe(
    Command.withDescription(
      "Copy all state of one group, as of one index, into a SQLite file: whole and on the disk when the command ends with 0, " +
        "and not there at all otherwise. Actors with `group` or `shards` live in groups of their own: --all-groups copies " +
        "each group into a directory, which is there when all are, and fit together. Each is as of an index of its own. " +
        `\`restore\` starts a new cluster from the directory, or from the file where there is no group but main. ${exitCodeText}`,
    ),
    Command.withShortDescription("Copy all state of a group, or of all, into files"),
    Command.withExamples([
      {
        command: "raftlet backup raftlet-2026-11-23 --all-groups",
        description: "All of the cluster, into a directory",
      },
      {
        command: "raftlet backup raftlet-2026-11-23.db",
        description: "The group main, from any node that answers",
      },
    ]),
  )

const backupGroup = Effect.fnUntraced(function* (client: ClusterClient, given: string, force: boolean) {
  const file = resolve(given)
  yield* checking(() => refuseTarget(file, force))
  const response = yield* client.open(client.path("/admin/backup"))
  const progress = makeProgress()
  const made = yield* download(response, file, progress.show).pipe(Effect.ensuring(Effect.sync(progress.end)))
  const from = response.headers.get("raftlet-node")
  const index = response.headers.get("raftlet-index")
  const own = client.options.group ?? "main"
  const otherGroups = (yield* groupsSoon(client)).filter((one) => one !== own)
  const told = { file, ...made, node: from, index: index && Number(index), group: own, otherGroups }
  yield* show(client, JSON.stringify(told), () =>
    [
      `${given}: ${bytesText(made.bytes)}${from === null ? "" : ` from ${from}`}` +
        (index === null ? "" : `, all state of group ${own} as of index ${index}`),
      `sha-256 ${made.sha256} (${made.isChecked ? "as the node said" : "the node did not say what it should be"})`,
      // Who takes it for the whole cluster's learns that too late.
      ...(otherGroups.length === 0
        ? []
        : [
            `not in it: the groups ${otherGroups.map(printable).join(", ")}. No cluster is made without them: --all-groups`,
          ]),
    ].join("\n"),
  )
})

const backupGroups = Effect.fnUntraced(function* (
  client: ClusterClient,
  given: string,
  force: boolean,
  { seal }: Platform,
) {
  const directory = resolve(given)
  yield* checking(() => {
    if (force) throw refused("--force: a directory of backups takes nothing's place; say a new one")
    refuseDirectory(directory)
  })
  const progress = makeProgress()
  const { clusterId, groups } = yield* backupAll(client, directory, seal, progress.show).pipe(
    Effect.ensuring(Effect.sync(progress.end)),
  )
  const bytes = groups.reduce((sum, one) => sum + one.bytes, 0)
  yield* show(client, JSON.stringify({ directory, clusterId, bytes, groups }), () =>
    [
      `${given}: ${bytesText(bytes)}, all ${groups.length} groups of the cluster ${printable(clusterId)}`,
      table(
        ["group", "index", "size", "from", "file"],
        groups.map(({ group, index, bytes, node, file }) => [
          group,
          index ?? none,
          bytesText(bytes),
          node ?? none,
          file,
        ]),
      ),
    ].join("\n"),
  )
})

/** None when nobody says so soon: the backup is made. */
const groupsSoon = (client: ClusterClient): Effect.Effect<ReadonlyArray<string>> =>
  groupsOf(client).pipe(
    Effect.timeoutOption("3 seconds"),
    Effect.map(Option.getOrElse((): ReadonlyArray<string> => [])),
    Effect.orElseSucceed((): ReadonlyArray<string> => []),
  )

const refuseTarget = (file: string, force: boolean): void => {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) throw refused(`FILE: ${file} is a directory`)
  if (found !== undefined && !force) throw refused(`FILE: ${file} is there already; say another, or --force`)
  if (!existsSync(dirname(file))) throw refused(`FILE: there is no directory ${dirname(file)}`)
}
