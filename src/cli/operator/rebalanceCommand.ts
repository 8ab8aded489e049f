// `rebalance`: who leads how many groups, and how does that come to be even now?

import { Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { CliFailure, exitCodes } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import { printable, table } from "../tables.ts"
import { decodeAnswer } from "./ClusterClient.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"

const Rebalanced = Schema.Struct({
  moves: Schema.Array(
    Schema.Struct({
      group: Schema.String,
      from: Schema.String,
      to: Schema.String,
      outcome: Schema.optionalKey(Schema.String),
    }),
  ),
})

const { group: _, ...flagsOfAll } = patientFlags

export const rebalanceCommand = Command.make(
  "rebalance",
  { ...flagsOfAll, dryRun: toggle("dry-run", "Only say what would be handed over") },
  Effect.fnUntraced(function* ({ dryRun, ...flags }) {
    const client = yield* clientOf({ ...flags, group: null }, patientSeconds)
    const question = { method: "POST", path: "/admin/rebalance", body: { dryRun } } as const
    const answer = yield* dryRun ? client.consult(question) : client.change(question, "groups")
    const { moves } = yield* decodeAnswer(Rebalanced, answer)
    yield* show(client, answer.text, () =>
      moves.length === 0
        ? "leadership is even"
        : table(
            ["group", "from", "to", ""],
            moves.map(({ group, from, to, outcome = "" }) => [printable(group), from, to, outcome]),
          ),
    )
    const left = moves.filter(({ outcome = "done" }) => outcome !== "done").length
    if (left > 0) {
      const message = `${left} of ${moves.length} groups were not handed over now: nodes do so by themselves, as long as leadership is not even`
      return yield* new CliFailure({ message, exitCode: exitCodes.unknown })
    }
  }),
).pipe(
  Command.withDescription(
    "Spread the leadership of all groups evenly over the nodes, now. Nodes do so by themselves within some seconds, a " +
      `few groups at a time. ${exitCodeText}`,
  ),
  Command.withShortDescription("Spread leadership evenly"),
  Command.withExamples([
    { command: "raftlet rebalance", description: "After a node has come back" },
    { command: "raftlet rebalance --dry-run", description: "Only say what would be done" },
  ]),
)
