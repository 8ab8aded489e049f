// What do all verbs of an operator have in common? Whom to ask, for how long, and how to show the answer.

import { Config, Console, type Effect } from "effect"
import { Flag } from "effect/cli"
import { parseUrls, parseWhole } from "../addresses.ts"
import { type CliFailure, refused } from "../CliFailure.ts"
import { toggle, value, variableOf } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { ClusterClient, urlDefault } from "./ClusterClient.ts"

const timeoutFlag = (seconds: number) =>
  value("timeout", "SECONDS", `How long the nodes are tried in turn (default: ${seconds})`)

export const operatorFlags = {
  url: Flag.String("url").pipe(
    Flag.withMetavar("U1,U2,…"),
    Flag.withDescription(
      `Nodes of the cluster, as a list or one by one; any of them will do (default: ${urlDefault}) ` +
        `[${variableOf("url")}]`,
    ),
    Flag.atLeast(1),
    Flag.withFallbackConfig(Config.map(Config.String(variableOf("url")), (text) => [text])),
    Flag.withDefault([]),
  ),
  token: value("token", "TOKEN", "Who is asking; better given by the environment, which others cannot see"),
  group: value("group", "GROUP", "The Raft group that is meant (default: main)"),
  timeout: timeoutFlag(10),
  json: toggle("json", "Answer as JSON, for programs"),
}

/** What takes its time: large states are copied, code is run, groups have to wake. */
export const patientSeconds = 60

/** The same of verbs that take `patientSeconds` when nobody says otherwise. */
export const patientFlags = { ...operatorFlags, timeout: timeoutFlag(patientSeconds) }

export interface OperatorFlags {
  readonly url: ReadonlyArray<string>
  readonly token: string | null
  readonly group: string | null
  readonly timeout: string | null
  readonly json: boolean
}

/** The client that the flags describe. */
export const clientOf = (
  flags: OperatorFlags,
  secondsDefault = 10,
): Effect.Effect<ClusterClient, CliFailure> =>
  checking(() => {
    const texts = flags.url.filter((text) => text !== "")
    const urls = (texts.length === 0 ? [urlDefault] : texts).flatMap((text) => parseUrls(text, "--url"))
    if (flags.token !== null && !/^[\x21-\x7e]+$/.test(flags.token)) {
      throw refused("--token: it has a character that no token has")
    }
    return new ClusterClient({
      urls: [...new Set(urls)],
      token: flags.token,
      group: flags.group,
      timeoutMillis: parseWhole(flags.timeout ?? String(secondsDefault), "--timeout", 1, 86_400) * 1000,
      json: flags.json,
    })
  })

/** The cluster's own words for a program, or ours for a person. */
export const show = (client: ClusterClient, json: string, text: () => string): Effect.Effect<void> =>
  Console.log(client.options.json ? json : text())

/** What stands in the help of every verb. */
export const exitCodeText =
  "Exit codes: 0 done; 1 the cluster said no, or the work failed here; 2 a wrong command line; 3 nobody could be " +
  "reached, or nobody leads; 4 it was sent and no answer came: it may have happened; 5 status found something wrong; 6 a switch was planned and not done, for nobody " +
  "has said yes."
