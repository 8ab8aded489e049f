// `watch`: what do the commands of an instance tell, whichever nodes live?

import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { EventParser, type StreamEvent } from "../../client/eventStream.ts"
import { type CliFailure, refused, unreachable } from "../CliFailure.ts"
import { value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { printable } from "../tables.ts"
import type { ClusterClient } from "./ClusterClient.ts"
import { clientOf, exitCodeText, operatorFlags } from "./operatorFlags.ts"

export const watchCommand = Command.make(
  "watch",
  {
    ...operatorFlags,
    group: value("group", "GROUP", "The Raft group that is meant (default: where the instance lives)"),
    actor: Argument.String("actor").pipe(
      Argument.withMetavar("ACTOR"),
      Argument.withDescription("The type of actor"),
    ),
    key: Argument.String("key").pipe(
      Argument.withMetavar("KEY"),
      Argument.withDescription("Which instance of it"),
    ),
    after: value("after", "ID", "Everything behind this index of the log (default: from now on)"),
  },
  Effect.fnUntraced(function* ({ actor, key, after, ...flags }) {
    const client = yield* clientOf(flags)
    yield* checking(() => {
      if (actor === "") throw refused("ACTOR: it is empty")
      if (key === "") throw refused("KEY: it is empty")
      if (after !== null && !/^\d{1,16}(?:\.\d{3})?(?:@\d{1,16})?$/.test(after)) {
        throw refused(`--after: ${JSON.stringify(after)} is no id of an event, such as 123`)
      }
    })
    return yield* follow(client, `/watch/${encodeURIComponent(actor)}/${encodeURIComponent(key)}`, after)
  }),
).pipe(
  Command.withDescription(
    "What the commands of an instance emit, as it happens, until Ctrl-C. When a node goes away it goes on at another one, " +
      "where it was: every event comes once, in order. What is too old to be had is told as one `reset`, with the state " +
      `up to which events are missing. ${exitCodeText}`,
  ),
  Command.withShortDescription("What an instance's commands emit"),
  Command.withExamples([
    { command: "raftlet watch counter a", description: "From now on" },
    {
      command: "raftlet watch counter a --after 0 --json",
      description: "As far back as there is, a line each",
    },
  ]),
)

/** Fails only while nothing has been watched yet. */
const follow = Effect.fnUntraced(function* (client: ClusterClient, path: string, after: string | null) {
  let cursor = after
  for (let isFirst = true; ; isFirst = false) {
    const parameters = cursor === null ? {} : { after: cursor }
    const opening = client.open(client.path(path, parameters), nodeMillisMax)
    const response = yield* isFirst ? opening : untilOpen(opening)
    const ended = yield* read(response, (event) => {
      cursor = event.id ?? cursor
      return event.event === null ? Effect.void : Console.log(lineOf(client, event, cursor))
    }).pipe(Effect.flip)
    yield* Console.error(`raftlet: ${ended.message}; going on behind ${cursor ?? "what comes next"}`)
    yield* Effect.sleep(pauseMillis)
  }
})

/** Says what is in the way, and tries again: whoever watches wants to know when it is over. */
const untilOpen = Effect.fnUntraced(function* (opening: Effect.Effect<Response, CliFailure>) {
  for (;;) {
    const opened = yield* Effect.result(opening)
    if (opened._tag === "Success") return opened.success
    yield* Console.error(`raftlet: ${opened.failure.message}; trying again`)
    yield* Effect.sleep(pauseMillisMax)
  }
})

/** Fails when the stream has ended, for whatever reason: it has no other end. */
const read = (
  response: Response,
  take: (event: StreamEvent) => Effect.Effect<void>,
): Effect.Effect<never, CliFailure> =>
  Effect.gen(function* () {
    const reader = yield* Effect.acquireRelease(
      Effect.sync(() => response.body?.getReader()),
      (reader) => Effect.promise(async () => reader?.cancel().catch(() => undefined)),
    )
    const node = printable(response.headers.get("raftlet-node") ?? "the node")
    if (reader === undefined) return yield* unreachable(`${node} said nothing`)
    const parser = new EventParser()
    for (;;) {
      const { done, value } = yield* Effect.tryPromise({
        try: () => reader.read(),
        catch: () => unreachable(`the connection to ${node} was lost`),
      }).pipe(
        Effect.timeoutOrElse({
          duration: silenceMillisMax,
          orElse: () => unreachable(`${node} has said nothing for ${silenceMillisMax / 1000} s`),
        }),
      )
      if (done) return yield* unreachable(`${node} has ended the stream`)
      const events = yield* Effect.try({
        try: () => parser.feed(value),
        catch: () => unreachable(`what ${node} says is no stream of events`),
      })
      yield* Effect.forEach(events, take, { discard: true })
    }
  }).pipe(Effect.scoped)

const lineOf = (client: ClusterClient, { event, data }: StreamEvent, cursor: string | null): string => {
  const id = cursor ?? ""
  const index = Math.ceil(Number.parseFloat(id || "0"))
  if (client.options.json) {
    return `{"id":${JSON.stringify(id)},"index":${index},"event":${JSON.stringify(event)},"data":${data}}`
  }
  const text = data.length > dataCharactersMax ? `${data.slice(0, dataCharactersMax)}…` : data
  return [`${index}`.padStart(9), printable(event ?? "").padEnd(20), printable(text)].join("  ")
}

const dataCharactersMax = 1000
/** A machine that is off swallows a question: the next one is asked instead. */
const nodeMillisMax = 3000
/** A node speaks every 15 s. */
const silenceMillisMax = 40_000
const pauseMillis = 100
const pauseMillisMax = 1000
