// `recover`: how does a cluster go on that has lost its majority for good? By an operator's word, and with a loss.

import { Console, Effect, Option, Schema } from "effect"
import { Command } from "effect/cli"
import { parseId } from "../addresses.ts"
import { failed, refused } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { printable, thousands } from "../tables.ts"
import { everyGroup } from "./everyGroup.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"

type Part = Readonly<Record<string, unknown>> & { readonly group: string; readonly status: number }

/** A node of before groups says nothing of them. */
const partsIn = (body: unknown): { readonly main: unknown; readonly others: ReadonlyArray<Part> } => {
  const { groups } = body as { readonly groups?: ReadonlyArray<Part> }
  if (!Array.isArray(groups)) return { main: body, others: [] }
  const [first, ...others] = groups as ReadonlyArray<Part>
  const { group: _, status: __, ...main } = first ?? {}
  return { main, others }
}

/** How many groups go with `main`, and a line for each that has more to say. */
const othersText = (others: ReadonlyArray<Part>, isDone: boolean): ReadonlyArray<string> => {
  if (others.length === 0) return []
  const refused = others.filter(({ status }) => status >= 400)
  const led = others.filter(({ status, leader }) => status < 400 && typeof leader === "string")
  const reset = others.filter((part) => !refused.includes(part) && !led.includes(part))
  const losses = reset.flatMap(lossText)
  const lines = [
    ...(reset.length === 0
      ? []
      : [`${thousands(reset.length)} other groups ${isDone ? "are reset" : "would be reset"} with it`]),
    ...(led.length === 0 ? [] : [`${thousands(led.length)} with a leader, left as it is`]),
    ...losses.slice(0, linesMax),
    ...refused.slice(0, linesMax).map(({ group, code, detail }) => `! ${group}: ${code}: ${detail}`),
    ...(refused.length > linesMax ? [`! and ${thousands(refused.length - linesMax)} more`] : []),
  ]
  return ["", ...lines.map(printable)]
}

const Range = Schema.Struct({ from: Schema.Finite, to: Schema.Finite })

const Losses = Schema.Struct({
  uncertain: Schema.NullOr(Range),
  cut: Schema.Array(Schema.Struct({ id: Schema.String, ...Range.fields })),
})

/** What is kept without anybody knowing of it, and what is given up; empty: nothing. */
const lossText = (part: Part): ReadonlyArray<string> => {
  const losses = Option.getOrNull(Schema.decodeUnknownOption(Losses)(part))
  if (losses === null) return []
  const { uncertain, cut } = losses
  const told = [
    ...(uncertain === null ? [] : [`${rangeText(uncertain)} kept, though perhaps never acknowledged`]),
    ...cut.map(({ id, ...range }) => `${rangeText(range)} of ${id} given up`),
  ]
  return told.length === 0 ? [] : [`${part.group}: ${told.join("; ")}`]
}

const rangeText = ({ from, to }: typeof Range.Type): string =>
  `entries ${thousands(from)} to ${thousands(to)}`

const linesMax = 20

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
      path: client.path("/admin/reset", client.options.group === null ? { group: everyGroup } : {}),
      body: { voters, dryRun: !yes, ...(force ? { force } : {}) },
    })
    const { main, others } = partsIn(answer.body)
    yield* show(client, answer.text, () => [fieldsText(main), ...othersText(others, yes)].join("\n"))
    if (!yes && !client.options.json) {
      yield* Console.log("Nothing was changed. Say it again with --yes to do it.")
    }
    const refusals = others.filter(({ status }) => status >= 400)
    if (refusals.length > 0) {
      return yield* failed(
        `${refusals.length} of ${others.length + 1} groups cannot go on yet; said again it goes on with them`,
      )
    }
  }),
).pipe(
  Command.withDescription(
    "Majority lost for good: rebuild the cluster from survivors, `main` first and then all groups that have lost theirs with " +
      "it; --group means one alone, once `main` is reset. What only the lost nodes had is lost. First without " +
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
