// `status`: is the cluster healthy, and if not, what is wrong?

import { Clock, Console, Effect, Result } from "effect"
import { Command } from "effect/cli"
import { CliFailure, exitCodes, unreachable } from "../CliFailure.ts"
import { toggle } from "../flags.ts"
import type { ClusterClient } from "./ClusterClient.ts"
import { diagnose, type Report, withOverdueChange } from "./diagnose.ts"
import { allGroupsFlag, everyGroup, overGroups } from "./everyGroup.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"
import { statusText } from "./statusText.ts"
import { survey } from "./survey.ts"

export const statusCommand = Command.make(
  "status",
  { ...operatorFlags, ...allGroupsFlag, watch: toggle("watch", "Look again every second, until Ctrl-C") },
  Effect.fnUntraced(function* ({ watch, ...flags }) {
    const { group, ...others } = overGroups(flags)
    // Of all of them it tells in any case.
    const client = yield* clientOf({ ...others, group: group === everyGroup ? null : group })
    if (watch) return yield* keepLooking(client)
    let report = yield* look(client)
    // Half done is how every change of voters is for a moment. One that stays so has lost a majority.
    if (report.change !== null) {
      const { change } = report
      yield* Effect.sleep(changeMillisMax)
      report = yield* look(client)
      if (report.change === change) report = withOverdueChange(report, changeMillisMax)
    }
    // A group that is handed over is nobody's for a moment. One that stays so is in trouble.
    if (report.leader !== null && report.leaderless.length > 0) {
      const before = new Set(report.leaderless)
      yield* Effect.sleep(handOverMillisMax)
      report = yield* look(client, before)
    }
    yield* showReport(client, report)
    if (report.troubles.length > 0) return yield* troubled(report)
  }),
).pipe(
  Command.withDescription(
    "Who leads, who lags, what is wrong? Asks every member that any of the given nodes knows, and says in a table how " +
      "each is, and in a line per trouble what to look after. " +
      exitCodeText,
  ),
  Command.withShortDescription("Who leads, who lags, what is wrong"),
  Command.withExamples([
    { command: "raftlet status", description: "Of the cluster that `cluster` started" },
    {
      command: "raftlet status --url http://10.0.0.1:4001,http://10.0.0.2:4001 --json",
      description: "For a monitor; exit code 5 when something is wrong",
    },
  ]),
)

const look = Effect.fnUntraced(function* (client: ClusterClient, leaderlessBefore?: ReadonlySet<string>) {
  const visits = yield* survey(client)
  const report = diagnose(visits, leaderlessBefore)
  if (report !== null) return report
  const reasons = visits.map(
    ({ url, silence }) => `${url}: ${silence || "it says nothing about its cluster"}`,
  )
  return yield* unreachable(reasons.join("; "))
})

const showReport = (client: ClusterClient, report: Report, before = "") =>
  show(
    client,
    JSON.stringify({ healthy: report.troubles.length === 0, ...report }),
    () => `${before}${statusText(report)}`,
  )

const troubled = ({ troubles }: Report): CliFailure =>
  new CliFailure({
    message: `${troubles.length} ${troubles.length === 1 ? "thing is" : "things are"} wrong in the cluster`,
    exitCode: exitCodes.troubled,
  })

/** Whatever it finds, it goes on: also while nobody answers. */
const keepLooking = Effect.fnUntraced(function* (client: ClusterClient) {
  let change: string | null = null
  let changedAt = 0
  for (;;) {
    const found = yield* Effect.result(look(client))
    const now = yield* Clock.currentTimeMillis
    if (Result.isFailure(found)) {
      yield* Console.log(`${clear(client)}nobody answers: ${found.failure.message}`)
    } else {
      const report = found.success
      if (report.change !== change) {
        change = report.change
        changedAt = now
      }
      const isOverdue = change !== null && now - changedAt >= changeMillisMax
      yield* showReport(
        client,
        isOverdue ? withOverdueChange(report, now - changedAt) : report,
        clear(client),
      )
    }
    yield* Effect.sleep(watchMillis)
  }
})

/** Cursor to the top and nothing below it: no flicker, unlike an empty screen in between. */
const clear = (client: ClusterClient): string =>
  client.options.json ? "" : process.stdout.isTTY === true ? "\u001b[H\u001b[J" : "\n"

const changeMillisMax = 3000
/** An election or two. */
const handOverMillisMax = 2000
const watchMillis = 1000
