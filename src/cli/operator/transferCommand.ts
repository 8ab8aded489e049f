// `transfer`: how does another node come to lead, without an outage?

import { Effect, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { parseId } from "../addresses.ts"
import { refused } from "../CliFailure.ts"
import { checking } from "../nodeCommand.ts"
import { allGroupsFlag, isOfAll, overGroups, showParts } from "./everyGroup.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"

const transferred = {
  head: ["leader", "term"],
  schema: Schema.Struct({ leader: Schema.String, term: Schema.Finite }),
  row: ({ leader, term }: { readonly leader: string; readonly term: number }) => [leader, term],
}

export const transferCommand = Command.make(
  "transfer",
  {
    ...operatorFlags,
    ...allGroupsFlag,
    to: Argument.String("to").pipe(
      Argument.withMetavar("ID"),
      Argument.withDescription("Who is to lead (default: whoever is best off)"),
      Argument.optional,
    ),
  },
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(overGroups(flags))
    const to = Option.getOrNull(flags.to)
    // Which of them are meant depends on who is asked.
    if (isOfAll(client) && to === null && client.options.urls.length > 1) {
      return yield* refused("--url: name the node that is to hand over all that it leads, or say to whom")
    }
    const body = to === null ? {} : { to: yield* checking(() => parseId(to, "ID")) }
    const answer = yield* client.change({ method: "POST", path: client.path("/admin/transfer"), body })
    if (isOfAll(client)) return yield* showParts(client, answer, transferred)
    yield* show(client, answer.text, () => fieldsText(answer.body))
  }),
).pipe(
  Command.withDescription(
    "Hand leadership over, for instance before the leader's machine is stopped. Of all groups: those that the named node " +
      `leads, or, when it is said to whom, all there are. ${exitCodeText}`,
  ),
  Command.withShortDescription("Hand leadership over"),
  Command.withExamples([
    { command: "raftlet transfer", description: "To the best candidate" },
    { command: "raftlet transfer n2", description: "To n2" },
    { command: "raftlet transfer n2 --all-groups", description: "All groups to n2" },
  ]),
)
