// `backup`: how does an operator get a copy of all state that is good for something?

import { existsSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { refused } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { makeProgress } from "../progress.ts"
import { download } from "./download.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"
import { bytesText } from "./units.ts"

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
    yield* show(client, JSON.stringify({ file, ...made, node: from, index: index && Number(index) }), () =>
      [
        `${flags.file}: ${bytesText(made.bytes)}${from === null ? "" : ` from ${from}`}` +
          (index === null ? "" : `, all state as of index ${index}`),
        `sha-256 ${made.sha256} (${made.isChecked ? "as the node said" : "the node did not say what it should be"})`,
      ].join("\n"),
    )
  }),
).pipe(
  Command.withDescription(
    "Copy all state, as of one index, into a SQLite file: whole and on the disk when the command ends with 0, and not " +
      `there at all otherwise. \`restore\` starts a new cluster from it. ${exitCodeText}`,
  ),
  Command.withShortDescription("Copy all state into a file"),
  Command.withExamples([
    { command: "raftlet backup raftlet-2026-11-23.db", description: "From any node that answers" },
  ]),
)

const refuseTarget = (file: string, force: boolean): void => {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) throw refused(`FILE: ${file} is a directory`)
  if (found !== undefined && !force) throw refused(`FILE: ${file} is there already; say another, or --force`)
  if (!existsSync(dirname(file))) throw refused(`FILE: there is no directory ${dirname(file)}`)
}

/** The node copies and adds up before it sends the first byte. */
const secondsDefault = 60
