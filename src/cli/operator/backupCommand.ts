// `backup`: how does an operator get a copy of all state of a group that is good for something?

import { existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Effect, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { refused } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { makeProgress } from "../progress.ts"
import { printable } from "../tables.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import { download } from "./download.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"
import { bytesText } from "./units.ts"

/** All that is wanted of it here. */
const GroupsAnswer = Schema.Struct({ groups: Schema.Array(Schema.Struct({ group: Schema.String })) })

export const backupCommand = Command.make(
  "backup",
  {
    ...operatorFlags,
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("Where the copy goes"),
    ),
    force: toggle("force", "Replace a file that is there; also that happens only when the new one is whole"),
  },
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(flags, secondsDefault)
    const file = resolve(flags.file)
    yield* checking(() => refuseTarget(file, flags.force))
    const response = yield* client.open(client.path("/admin/backup"))
    const progress = makeProgress()
    const made = yield* download(response, file, progress.show).pipe(
      Effect.ensuring(Effect.sync(progress.end)),
    )
    const from = response.headers.get("raftlet-node")
    const index = response.headers.get("raftlet-index")
    const own = client.options.group ?? "main"
    const otherGroups = (yield* groupsOf(client)).filter((one) => one !== own)
    const told = { file, ...made, node: from, index: index && Number(index), group: own, otherGroups }
    yield* show(client, JSON.stringify(told), () =>
      [
        `${flags.file}: ${bytesText(made.bytes)}${from === null ? "" : ` from ${from}`}` +
          (index === null ? "" : `, all state of group ${own} as of index ${index}`),
        `sha-256 ${made.sha256} (${made.isChecked ? "as the node said" : "the node did not say what it should be"})`,
        // Who takes it for the whole cluster's learns that too late.
        ...(otherGroups.length === 0
          ? []
          : [
              `not in it: the groups ${otherGroups.map(printable).join(", ")}. Each has a backup of its own: --group`,
            ]),
      ].join("\n"),
    )
  }),
).pipe(
  Command.withDescription(
    "Copy all state of one group, as of one index, into a SQLite file: whole and on the disk when the command ends with 0, " +
      "and not there at all otherwise. Actors with `group` or `shards` live in groups of their own: say --group for each " +
      `of them. \`restore\` starts a new cluster from the file. ${exitCodeText}`,
  ),
  Command.withShortDescription("Copy all state of a group into a file"),
  Command.withExamples([
    { command: "raftlet backup raftlet-2026-11-23.db", description: "From any node that answers" },
  ]),
)

/** None when nobody says so soon: the backup is made. */
const groupsOf = (client: ClusterClient): Effect.Effect<ReadonlyArray<string>> =>
  client.look("/admin/groups").pipe(
    Effect.flatMap((answer) => decodeAnswer(GroupsAnswer, answer)),
    Effect.map(({ groups }) => groups.map(({ group }) => group)),
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

/** The node copies and adds up before it sends the first byte. */
const secondsDefault = 60
