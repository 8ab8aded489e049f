// `recover`: how does a cluster go on that has lost its majority for good? By an operator's word, and with a loss.

import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { parseId } from "../addresses.ts"
import { refused } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"

export const recoverCommand = Command.make(
  "recover",
  {
    ...operatorFlags,
    voters: value(
      "voters",
      "n1,n2,…",
      "The survivors that are the cluster from now on, the asked node among them",
    ),
    yes: toggle("yes", "Do it; without this it is only said what would be lost"),
    force: toggle(
      "force",
      "Also when a node that would be given up answers and knows a leader, or has more in its log",
    ),
  },
  Effect.fnUntraced(function* ({ voters: text, yes, force, ...flags }) {
    const client = yield* clientOf(flags)
    const voters = yield* checking(() => {
      if (text === null) throw refused("--voters n1,n2,… is missing: say who survived")
      return text.split(",").map((name) => parseId(name.trim(), "--voters"))
    })
    // Whose log it is that survives must be somebody's choice, and not that of whoever answered first.
    if (client.options.urls.length > 1) {
      return yield* refused("--url: name the one survivor whose log is to be kept")
    }
    const answer = yield* client.change({
      method: "POST",
      path: client.path("/admin/reset"),
      body: { voters, dryRun: !yes, ...(force ? { force } : {}) },
    })
    yield* show(client, answer.text, () => fieldsText(answer.body))
    if (!yes && !client.options.json) {
      yield* Console.log("Nothing was changed. Say it again with --yes to do it.")
    }
  }),
).pipe(
  Command.withDescription(
    "Majority lost for good: rebuild the cluster from survivors. What only the lost nodes had is lost. First without " +
      "--yes: then it says what would be lost, and changes nothing. Be sure that the others never come back: " +
      `they are fenced, but their clients are not told. ${exitCodeText}`,
  ),
  Command.withShortDescription("Majority lost for good: go on with the survivors"),
  Command.withExamples([
    {
      command: "raftlet recover --url http://10.0.0.1:4001 --voters n1",
      description: "What would be lost if n1 went on alone?",
    },
    { command: "raftlet recover --url http://10.0.0.1:4001 --voters n1 --yes", description: "Do it" },
  ]),
)
