// `members`: who takes part, and how far is everybody?

import { Effect } from "effect"
import { Command } from "effect/cli"
import { none, table } from "../tables.ts"
import { ClusterAnswer } from "./answers.ts"
import { decodeAnswer } from "./ClusterClient.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"
import { durationText } from "./units.ts"

export const membersCommand = Command.make(
  "members",
  operatorFlags,
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(flags)
    const answer = yield* client.look(client.path("/admin/cluster"))
    const cluster = yield* decodeAnswer(ClusterAnswer, answer)
    yield* show(client, answer.text, () => membersText(cluster))
  }),
).pipe(
  Command.withDescription(`The members, in the leader's words where it can be reached. ${exitCodeText}`),
  Command.withShortDescription("The members, and how far everybody is"),
  Command.withExamples([{ command: "raftlet members", description: "A table" }]),
)

const membersText = ({ members, leader }: ClusterAnswer): string =>
  table(
    ["id", "role", "log", "match", "lag", "heard", "peer", "client"],
    members.map((member) => [
      member.id,
      member.id === leader ? "leader" : member.role,
      (member.id === leader ? null : member.state) ?? none,
      member.matchIndex ?? none,
      member.lag ?? none,
      member.id === leader || member.lastContactMs === null ? none : durationText(member.lastContactMs),
      member.peer || none,
      member.client || none,
    ]),
  )
