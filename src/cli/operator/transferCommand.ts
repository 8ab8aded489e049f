// `transfer`: how does another node come to lead, without an outage?

import { Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { parseId } from "../addresses.ts"
import { checking } from "../nodeCommand.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"

export const transferCommand = Command.make(
  "transfer",
  {
    ...operatorFlags,
    to: Argument.String("to").pipe(
      Argument.withMetavar("ID"),
      Argument.withDescription("Who is to lead (default: whoever is best off)"),
      Argument.optional,
    ),
  },
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(flags)
    const to = Option.getOrNull(flags.to)
    const body = to === null ? {} : { to: yield* checking(() => parseId(to, "ID")) }
    const answer = yield* client.change({ method: "POST", path: client.path("/admin/transfer"), body })
    yield* show(client, answer.text, () => fieldsText(answer.body))
  }),
).pipe(
  Command.withDescription(
    `Hand leadership over, for instance before the leader's machine is stopped. ${exitCodeText}`,
  ),
  Command.withShortDescription("Hand leadership over"),
  Command.withExamples([
    { command: "raftlet transfer", description: "To the best candidate" },
    { command: "raftlet transfer n2", description: "To n2" },
  ]),
)
