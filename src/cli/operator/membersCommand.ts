// `members`: who takes part, and how far is everybody?

import { Effect } from "effect"
import { Command } from "effect/cli"
import { none, table, thousands } from "../tables.ts"
import { ClusterAnswer } from "./answers.ts"
import { decodeAnswer } from "./ClusterClient.ts"
import { allGroupsFlag, isOfAll, overGroups, showParts } from "./everyGroup.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"
import { durationText } from "./units.ts"

export const membersCommand = Command.make(
  "members",
  { ...operatorFlags, ...allGroupsFlag },
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(overGroups(flags))
    const answer = yield* client.look(client.path("/admin/cluster"))
    if (isOfAll(client)) return yield* showParts(client, answer, groups)
    const cluster = yield* decodeAnswer(ClusterAnswer, answer)
    yield* show(client, answer.text, () => membersText(cluster))
  }),
).pipe(
  Command.withDescription(`The members, in the leader's words where it can be reached. ${exitCodeText}`),
  Command.withShortDescription("The members, and how far everybody is"),
  Command.withExamples([
    { command: "raftlet members", description: "A table" },
    { command: "raftlet members --all-groups", description: "A line for each group" },
  ]),
)

const groups = {
  head: ["leader", "term", "voters", "learners", "furthest behind"],
  schema: ClusterAnswer,
  row: ({ leader, term, members }: ClusterAnswer) => {
    const ids = (role: string) => members.flatMap((member) => (member.role === role ? [member.id] : []))
    const [slowest] = members.toSorted((left, right) => (right.lag ?? 0) - (left.lag ?? 0))
    const isBehind = slowest?.lag != null && slowest.lag > 0
    return [
      ...[leader ?? none, term, ids("voter").join(", ") || none, ids("learner").join(", ") || none],
      isBehind ? `${slowest.id}, ${thousands(slowest.lag ?? 0)} entries` : none,
    ]
  },
}

const membersText = ({ members, leader }: ClusterAnswer): string =>
  table(
    ["id", "role", "log", "match", "lag", "heard", "zone", "peer", "client"],
    members.map((member) => [
      member.id,
      member.id === leader ? "leader" : member.role,
      (member.id === leader ? null : member.state) ?? none,
      member.matchIndex ?? none,
      member.lag ?? none,
      member.id === leader || member.lastContactMs === null ? none : durationText(member.lastContactMs),
      member.zone ?? none,
      member.peer || none,
      member.client || none,
    ]),
  )
