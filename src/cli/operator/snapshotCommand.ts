// `snapshot`: flush the state, copy it, cut the log, now. On one node, or on all.

import { Effect, Result, Schema } from "effect"
import { Command } from "effect/cli"
import { CliFailure, refused } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { table } from "../tables.ts"
import { ClusterAnswer } from "./answers.ts"
import { ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import { allGroupsFlag, isOfAll, overGroups, showParts } from "./everyGroup.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { bytesText } from "./units.ts"

export const snapshotCommand = Command.make(
  "snapshot",
  { ...patientFlags, ...allGroupsFlag, all: toggle("all", "On every member, one after the other") },
  Effect.fnUntraced(function* ({ all, ...flags }) {
    const client = yield* clientOf(overGroups(flags), patientSeconds)
    if (all && isOfAll(client)) return yield* refused("--all: of all groups it is made on one node at a time")
    if (all) return yield* snapshotAll(client)
    // Each node makes its own: with two, nobody would know whose this is.
    if (client.options.urls.length > 1) return yield* refused("--url: name one node, or say --all")
    const answer = yield* snapshotOn(client)
    if (isOfAll(client)) return yield* showParts(client, answer, snapshots)
    yield* show(client, answer.text, () => fieldsText(answer.body))
  }),
).pipe(
  Command.withDescription(
    "Flush the state of a node to its disk, copy it, and cut the log behind it. Nodes do so by themselves when they " +
      `must; before an upgrade or a copy of the directory it saves time. ${exitCodeText}`,
  ),
  Command.withShortDescription("Make a snapshot and cut the log"),
  Command.withExamples([
    { command: "raftlet snapshot --url http://127.0.0.1:4002", description: "On that node" },
    { command: "raftlet snapshot --all", description: "On every member" },
    {
      command: "raftlet snapshot --url http://127.0.0.1:4002 --all-groups",
      description: "Of all groups there",
    },
  ]),
)

const snapshotOn = (client: ClusterClient) =>
  client.change({ method: "POST", path: client.path("/admin/snapshot") })

const SnapshotAnswer = Schema.Struct({ index: Schema.Finite, bytes: Schema.Finite })

const snapshots = {
  head: ["index", "size"],
  schema: SnapshotAnswer,
  row: ({ index, bytes }: typeof SnapshotAnswer.Type) => [index, bytesText(bytes)],
}

/** The disk that two nodes share, or the majority that they are, is never busy with more than one. */
const snapshotAll = Effect.fnUntraced(function* (client: ClusterClient) {
  const cluster = yield* client.look(client.path("/admin/cluster"))
  const { members } = yield* decodeAnswer(ClusterAnswer, cluster)
  const made: Record<string, unknown> = {}
  const rows: Array<ReadonlyArray<string | number>> = []
  const failures: Array<CliFailure> = []
  for (const { id, client: url } of members) {
    const asked = yield* Effect.result(
      Effect.gen(function* () {
        if (url === "") return yield* refused(`nobody knows where ${id} serves clients`)
        const answer = yield* snapshotOn(new ClusterClient({ ...client.options, urls: [url] }))
        return { answer, snapshot: yield* decodeAnswer(SnapshotAnswer, answer) }
      }),
    )
    if (Result.isSuccess(asked)) {
      const { answer, snapshot } = asked.success
      made[id] = answer.body
      rows.push([id, snapshot.index, bytesText(snapshot.bytes)])
    } else {
      const { message, exitCode } = asked.failure
      failures.push(new CliFailure({ message: `${id}: ${message}`, exitCode }))
    }
  }
  yield* show(client, JSON.stringify(made), () => table(["id", "index", "size"], rows))
  const [first] = failures
  if (first !== undefined) {
    return yield* new CliFailure({
      message: failures.map(({ message }) => message).join("; "),
      exitCode: first.exitCode,
    })
  }
})
