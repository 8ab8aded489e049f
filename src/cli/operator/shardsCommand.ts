// `shards` and `split`: where do actors live, and how does a part of one come to a group of its own?

import { Clock, Effect, Option, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { type CliFailure, exitCodes, failed, unknown } from "../CliFailure.ts"
import { value } from "../flags.ts"
import { makeProgress } from "../progress.ts"
import { none, printable, table, thousands } from "../tables.ts"
import { type ClusterClient, decodeAnswer, type Question } from "./ClusterClient.ts"
import type { Answer } from "./nodeRequest.ts"
import { clientOf, exitCodeText, operatorFlags, patientFlags, patientSeconds, show } from "./operatorFlags.ts"

const Slots = Schema.Array(Schema.Struct({ from: Schema.Finite, to: Schema.Finite }))

const Place = Schema.Struct({
  actor: Schema.String,
  shards: Schema.Array(Schema.Struct({ group: Schema.String, from: Schema.Finite, to: Schema.Finite })),
  move: Schema.NullOr(
    Schema.Struct({
      id: Schema.Finite,
      from: Schema.String,
      to: Schema.String,
      step: Schema.String,
      portions: Schema.NullOr(Schema.Finite),
    }),
  ),
  refused: Schema.NullOr(Schema.Struct({ move: Schema.Finite, reason: Schema.String })),
})

type Place = typeof Place.Type

const ShardsAnswer = Schema.Struct({
  actors: Schema.Array(Place),
  instance: Schema.optionalKey(
    Schema.Struct({ actor: Schema.String, key: Schema.String, slot: Schema.Finite, group: Schema.String }),
  ),
})

const SplitAnswer = Schema.Struct({
  actor: Schema.String,
  move: Schema.Finite,
  from: Schema.String,
  to: Schema.String,
  slots: Slots,
  done: Schema.Boolean,
})

const { group: _, ...flagsOfAll } = operatorFlags

export const shardsCommand = Command.make(
  "shards",
  {
    ...flagsOfAll,
    actor: Argument.String("actor").pipe(
      Argument.withMetavar("ACTOR"),
      Argument.withDescription("Of this one alone"),
      Argument.optional,
    ),
    key: Argument.String("key").pipe(
      Argument.withMetavar("KEY"),
      Argument.withDescription("In which group that instance is, or would be"),
      Argument.optional,
    ),
  },
  Effect.fnUntraced(function* ({ actor, key, ...flags }) {
    const client = yield* clientOf({ ...flags, group: null })
    const asked = [...nameOf("actor", actor), ...nameOf("key", key)].join("&")
    const answer = yield* client.look(`/admin/shards${asked === "" ? "" : `?${asked}`}`)
    const { actors, instance } = yield* decodeAnswer(ShardsAnswer, answer)
    yield* show(client, answer.text, () => {
      if (instance !== undefined) {
        return `${printable(instance.key)} has slot ${instance.slot}, in the group ${printable(instance.group)}`
      }
      const whose = Option.match(actor, { onNone: () => "every actor", onSome: printable })
      return actors.length === 0 ? `${whose} lives in main` : textOf(actors)
    })
  }),
).pipe(
  Command.withDescription(
    "Where each actor lives that is not in main: its groups, and the slots of its keys that they have, of 65,536; and what " +
      `is on its way from one to another. ${exitCodeText}`,
  ),
  Command.withShortDescription("Which group has which part of an actor"),
  Command.withExamples([
    { command: "raftlet shards", description: "A table" },
    { command: "raftlet shards orders alice", description: "Where the instance alice of orders is" },
  ]),
)

const nameOf = (name: string, given: Option.Option<string>): ReadonlyArray<string> =>
  Option.match(given, { onNone: () => [], onSome: (text) => [`${name}=${encodeURIComponent(text)}`] })

const textOf = (actors: ReadonlyArray<Place>): string => {
  const rows = actors.flatMap(({ actor, shards, move }) =>
    shards.map(({ group, from, to }) => [
      printable(actor),
      printable(group),
      `${from}-${to}`,
      to - from + 1,
      move?.from === group ? stepText(move) : none,
    ]),
  )
  return table(["actor", "group", "slots", "how many", "on its way"], rows)
}

const stepText = ({ step, portions, to }: NonNullable<Place["move"]>): string =>
  `${step}${portions === null ? "" : `, ${thousands(portions)} portions`}, to ${printable(to)}`

export const splitCommand = Command.make(
  "split",
  {
    ...patientFlags,
    group: value("group", "GROUP", "Which shard (default: the one with the most slots)"),
    actor: Argument.String("actor").pipe(
      Argument.withMetavar("ACTOR"),
      Argument.withDescription("Whose: one that its definition has spread, or put into a group of its own"),
    ),
  },
  Effect.fnUntraced(function* ({ actor, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const { group } = client.options
    const body = group === null ? { actor } : { actor, group }
    const answer = yield* asked(client, { method: "POST", path: "/admin/shards/split", body })
    const given = yield* decodeAnswer(SplitAnswer, answer)
    if (!given.done) yield* untilOver(client, given)
    const slots = given.slots.map(({ from, to }) => `${from}-${to}`).join(", ")
    const json = JSON.stringify({ ...given, done: true })
    yield* show(
      client,
      json,
      () =>
        `${printable(given.actor)}: slots ${slots} have gone from ${given.from} to the new group ${given.to}`,
    )
  }),
).pipe(
  Command.withDescription(
    "Split a shard of an actor: the upper half of what a group has of it goes to a new group, with states, timers and the " +
      "answers to retries. Commands for those keys wait meanwhile; nothing is lost or done twice. Whoever leads the " +
      "group goes on with it, whatever becomes of this command. What was split cannot be merged again. " +
      exitCodeText,
  ),
  Command.withShortDescription("Give half of a shard to a new group"),
  Command.withExamples([
    { command: "raftlet split orders", description: "The widest shard of orders" },
    { command: "raftlet split orders --group orders-2", description: "That one" },
  ]),
)

/** Shows on stderr meanwhile what keeps it from an answer: a node that knows no leader waits as long as it may. */
const asked = (client: ClusterClient, question: Question): Effect.Effect<Answer, CliFailure> =>
  Effect.suspend(() => {
    const progress = makeProgress()
    let why = "waiting for an answer"
    const showing = Effect.forever(
      Effect.suspend(() => {
        progress.show(why)
        return Effect.sleep(pollMillis)
      }),
    )
    const answered = client.change(question, "shards", (text) => {
      why = text
    })
    return Effect.raceFirst(answered, showing).pipe(Effect.ensuring(Effect.sync(progress.end)))
  })

/** Looks until the move is over, and shows on stderr how far it is. */
const untilOver = (client: ClusterClient, given: typeof SplitAnswer.Type): Effect.Effect<void, CliFailure> =>
  Effect.suspend(() => {
    const progress = makeProgress()
    return Effect.ensuring(keepLooking(client, given, progress.show), Effect.sync(progress.end))
  })

const keepLooking = Effect.fnUntraced(function* (
  client: ClusterClient,
  { actor, move: id, from, to }: typeof SplitAnswer.Type,
  tell: (text: string) => void,
) {
  const began = yield* Clock.currentTimeMillis
  for (;;) {
    const place = yield* placeNow(client, actor)
    if (place?.refused?.move === id) return yield* failed(`nothing was moved: ${place.refused.reason}`)
    // A node that lags does not know of it yet: it shows neither the move nor where it leads.
    const isThere = place?.shards.some(({ group }) => group === to) === true
    if (isThere && place.move?.id !== id) return
    const millis = (yield* Clock.currentTimeMillis) - began
    if (millis >= client.options.timeoutMillis) {
      return yield* unknown(`not done yet, and it goes on: see \`${client.command("shards")}\``)
    }
    tell(`${from}: ${place?.move == null ? "nobody says how far it is" : stepText(place.move)}`)
    yield* Effect.sleep(pollMillis)
  }
})

/** Null while nobody answers. */
const placeNow = (client: ClusterClient, actor: string): Effect.Effect<Place | null, CliFailure> =>
  client.look("/admin/shards").pipe(
    Effect.flatMap((answer) => decodeAnswer(ShardsAnswer, answer)),
    Effect.map(({ actors }) => actors.find((one) => one.actor === actor) ?? null),
    Effect.catchIf(
      ({ exitCode }) => exitCode === exitCodes.unreachable,
      () => Effect.succeed(null),
    ),
  )

const pollMillis = 300
