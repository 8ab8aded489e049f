// `import-access-log`: how does a log that already exists get into the metering actor, whatever fails meanwhile?

import { statSync } from "node:fs"
import { Console, Effect, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { emptyTally, type FileTally, readCalls } from "./accessLogFile.ts"
import { parseUrls, parseWhole } from "./addresses.ts"
import { failed, refused } from "./CliFailure.ts"
import { value } from "./flags.ts"
import { type BatchResult, makeMeterClient } from "./meterClient.ts"
import { checking } from "./nodeCommand.ts"
import { makeProgress } from "./progress.ts"
import { thousands } from "./tables.ts"
import { totalsText } from "./totals.ts"

const batchMax = 200
const batchesInFlightMax = 4
const namedMax = 5

export const importCommand = Command.make(
  "import-access-log",
  {
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("An OpenStack API log"),
    ),
    url: value("url", "U1,U2,…", "The nodes to talk to (default: http://127.0.0.1:4001)"),
    patience: value("patience", "SECONDS", "How long a batch is tried over all nodes (default: 60)"),
  },
  Effect.fnUntraced(function* ({ file, url, patience }) {
    const { urls, patienceMillis } = yield* checking(() => ({
      urls: parseUrls(url ?? "http://127.0.0.1:4001", "--url"),
      patienceMillis: parseWhole(patience ?? "60", "--patience", 1, 86_400) * 1000,
    }))
    yield* checking(() => refuseUnreadable(file))
    const client = makeMeterClient({ urls, patienceMillis })
    const tally = emptyTally()
    const progress = makeProgress()
    const sum = { recorded: 0, known: 0, refused: [] as string[], unanswered: [] as string[] }
    yield* Stream.fromAsyncIterable(readCalls(file, tally, batchMax), (cause) =>
      failed(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`),
    ).pipe(
      // A few at a time: the log does not say which calls depend on each other, and counting does not care.
      Stream.mapEffect(client.record, { concurrency: batchesInFlightMax, unordered: true }),
      Stream.runForEach((result: BatchResult) =>
        Effect.sync(() => {
          sum.recorded += result.recorded
          sum.known += result.known
          sum.refused.push(...result.refused)
          sum.unanswered.push(...result.unanswered)
          progress.show(
            `${thousands(sum.recorded + sum.known)} of ${thousands(tally.calls)} calls read so far`,
          )
        }),
      ),
      Effect.ensuring(Effect.sync(progress.end)),
    )
    yield* Console.log(reportText(file, tally, sum))
    yield* Console.log(totalsText(yield* client.readAll))
    yield* Console.log(whereFilesAre)
    const lost = sum.refused.length + sum.unanswered.length
    if (lost > 0) {
      return yield* failed(`${thousands(lost)} of ${thousands(tally.calls)} calls were not recorded`)
    }
  }),
).pipe(
  Command.withDescription(
    "Record every API call of an OpenStack log in the metering actor, once: the request id is the idempotency " +
      "key, so a call is counted once however often it is sent, and a second import changes nothing. Prints " +
      "the totals that it reads back.",
  ),
  Command.withShortDescription("Record an access log in the metering actor"),
  Command.withExamples([
    {
      command:
        "raftlet import-access-log api.log " +
        "--url http://127.0.0.1:4001,http://127.0.0.1:4002,http://127.0.0.1:4003",
      description: "Over three nodes; any of them may die meanwhile",
    },
  ]),
)

/** A node is asked for nothing that lies on its disk. */
const whereFilesAre =
  "\nFiles of each minute, hour and day follow as these close, in RAFTLET_METERING_DIR of the nodes, or else in metering/ of\n" +
  "each node's data directory (docs/METERING.md)."

const refuseUnreadable = (file: string): void => {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw refused(`FILE: there is no file ${file}`)
  if (found.isDirectory()) throw refused(`FILE: ${file} is a directory`)
}

const reportText = (file: string, tally: FileTally, sum: BatchResult): string =>
  [
    `${file}: ${thousands(tally.lines)} lines, ${thousands(tally.calls)} calls: ` +
      `${thousands(sum.recorded)} recorded, ${thousands(sum.known)} recorded before`,
    ...named("malformed, skipped", tally.malformed, tally.malformedExamples),
    ...named("refused", sum.refused.length, sum.refused),
    ...named("without an answer", sum.unanswered.length, sum.unanswered),
    "",
  ].join("\n")

const named = (what: string, count: number, examples: ReadonlyArray<string>): ReadonlyArray<string> =>
  count === 0
    ? []
    : [`${thousands(count)} ${what}, such as`, ...examples.slice(0, namedMax).map((line) => `  ${line}`)]
