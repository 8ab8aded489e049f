// `actors`: which actors are there, in which versions, and is anything wrong with them?

import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { groupsText } from "../../consensus/groups.ts"
import { none, printable, table, thousands } from "../tables.ts"
import { type ActorAnswer, ActorsAnswer } from "./actorAnswers.ts"
import { decodeAnswer } from "./ClusterClient.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { inGroupsText, shortened, shortId, versionText } from "./planText.ts"
import { actorsMillisMax, askActor } from "./switching.ts"
import { bytesText } from "./units.ts"

export const actorsCommand = Command.make(
  "actors",
  {
    ...patientFlags,
    name: Argument.String("name").pipe(
      Argument.withMetavar("NAME"),
      Argument.withDescription("All that is known of one actor (default: a line for each)"),
      Argument.optional,
    ),
  },
  Effect.fnUntraced(function* (flags) {
    const client = yield* clientOf(flags, patientSeconds)
    const name = Option.getOrNull(flags.name)
    if (name !== null) {
      const actor = yield* askActor(client, name)
      return yield* Console.log(client.options.json ? JSON.stringify(actor) : actorText(actor))
    }
    const answer = yield* client.look(client.path("/admin/actors"), actorsMillisMax)
    const { actors, silent = [] } = yield* decodeAnswer(ActorsAnswer, answer)
    yield* show(client, answer.text, () =>
      [
        actorsText(actors),
        ...silent.map(
          ({ group, detail }) => `\n! group ${printable(group)} is missing here: ${printable(detail)}`,
        ),
      ].join("\n"),
    )
  }),
).pipe(
  Command.withDescription(
    "The actors of the cluster: which version is active, since which entry of the log, what other versions are there, how " +
      "many instances each has written, how many are in quarantine, and which nodes have other files in their actors " +
      `directory than what is active. ${exitCodeText}`,
  ),
  Command.withShortDescription("The actors, their versions, and what is in quarantine"),
  Command.withExamples([
    { command: "raftlet actors", description: "A line for each" },
    { command: "raftlet actors orders", description: "Its versions, and its instances in quarantine" },
  ]),
)

const actorsText = (actors: ReadonlyArray<ActorAnswer>): string =>
  actors.length === 0
    ? "there are no actors yet: `raftlet deploy FILE` brings one in"
    : table(
        [
          ...["actor", "active", "number", "since", "versions"],
          ...["instances", "by version", "quarantined", "other files"],
          ...(isSpread(actors) ? ["groups"] : []),
        ],
        actors.map((actor) => [
          actor.name,
          actor.active === null ? none : shortId(actor.active),
          activeOf(actor)?.declared ?? none,
          actor.active === null ? none : actor.activatedAt,
          actor.versions.length,
          actor.versions.reduce((sum, { instances }) => sum + instances, 0),
          byVersionText(actor),
          actor.suspendedSince === null ? actor.quarantinedCount : `${actor.quarantinedCount}, suspended`,
          otherFiles(actor)
            .map(({ node }) => node)
            .join(",") || none,
          ...(isSpread(actors) ? [homesText(actor)] : []),
        ]),
      )

/** Any of them lives elsewhere than in `main`. */
const isSpread = (actors: ReadonlyArray<ActorAnswer>): boolean =>
  actors.some(({ groups = [] }) => groups.some((group) => group !== "main"))

const homesText = ({ groups = [], divided = [] }: ActorAnswer): string => {
  const names = groupsText(groups)
  return divided.length === 0 ? names : `${names}, divided`
}

const actorText = (actor: ActorAnswer): string => {
  const active = activeOf(actor)
  const { activatedAt, previous, quarantined, quarantinedCount, versions } = actor
  const back = previous === null ? "" : `; a rollback leads to ${shortId(previous)}`
  const head =
    active === undefined
      ? "no version has been switched on yet"
      : `${versionText(active)} is active since entry ${thousands(activatedAt)}${back}`
  const more = quarantinedCount - quarantined.length
  return [
    `${printable(actor.name)}: ${head}`,
    ...(isSpread([actor])
      ? [`it lives${inGroupsText(actor.groups ?? [])}; entries are of the first of them`]
      : []),
    ...(actor.divided ?? [])
      .slice(0, dividedShownMax)
      .map(
        ({ group, active: other }) =>
          `\n! in ${printable(group)} ${other === null ? "no version" : shortId(other)} is active: the switch that was begun goes on ` +
          "by the same words",
      ),
    // Of others nobody will miss them.
    ...versions.flatMap(({ version, missingIn = [] }, at) =>
      missingIn.length === 0 || (version !== actor.active && at < versions.length - 1)
        ? []
        : [
            `\n! ${shortId(version)} is missing in ${shortened(missingIn.map(printable))}: upload it once more`,
          ],
    ),
    ...(actor.suspendedSince === null
      ? []
      : [
          `\n! suspended since entry ${thousands(actor.suspendedSince)}: too many instances are in quarantine, so none takes ` +
            "commands until another version is active, or some are repaired",
        ]),
    "",
    table(
      ["", "version", "number", "from", "registered", "size", "instances"],
      versions.map((row) => [
        row.version === actor.active ? "*" : "",
        row.version,
        row.declared,
        `${row.by} (${row.source})`,
        new Date(row.at).toISOString(),
        bytesText(row.bytes),
        row.instances,
      ]),
    ),
    ...otherFiles(actor).map(
      ({ node, version, declared }) =>
        `\nnote: ${printable(node)} has ${versionText({ version, declared })} in its actors directory`,
    ),
    ...(quarantinedCount === 0
      ? []
      : [
          `\n${thousands(quarantinedCount)} in quarantine; \`raftlet repair ${actor.name} KEY\` brings them out:`,
          table(
            [
              ...(isSpread([actor]) ? ["group"] : []),
              "key",
              "since",
              "command",
              "input",
              "because of",
              "detail",
            ],
            quarantined.map(({ group, key, index, command, input, fault, detail, voided }) => [
              ...(isSpread([actor]) ? [group ?? none] : []),
              key,
              index,
              command,
              cut(JSON.stringify(input) ?? ""),
              voided ? `${fault}, voided` : fault,
              cut(detail),
            ]),
          ),
          ...(quarantined.some(({ voided }) => voided)
            ? [
                "\nvoided: the command was in the log already, and somebody may have been told that it was executed. Until it is",
                "repaired the instance is not read; `--with rerun` executes the command, and only with `--force` it is dropped.",
              ]
            : []),
          ...(more > 0 ? [`and ${thousands(more)} more`] : []),
        ]),
  ].join("\n")
}

const activeOf = ({ active, versions }: ActorAnswer) => versions.find(({ version }) => version === active)

/** What has written instances, when that is more than one version: by its author's number, the newest first. */
const byVersionText = ({ versions }: ActorAnswer): string => {
  const written = versions.filter(({ instances }) => instances > 0).reverse()
  if (written.length < 2) return none
  return written
    .map(({ version, declared, instances }) => {
      const isAlone = versions.filter((one) => one.declared === declared).length === 1
      return `${thousands(instances)} by ${isAlone ? declared : shortId(version)}`
    })
    .join(", ")
}

/** Nodes that have other files than what is active. */
const otherFiles = ({ active, offers }: ActorAnswer) =>
  Object.entries(offers)
    .filter(([, { version }]) => version !== active)
    .map(([node, offer]) => ({ node, ...offer }))

const dividedShownMax = 8

const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
