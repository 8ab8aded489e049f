// `log`: what was decided, entry by entry?

import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import { parseWhole } from "../addresses.ts"
import { toggle, value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { none, printable } from "../tables.ts"
import { LogAnswer, type LogEntry } from "./answers.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import type { Answer } from "./nodeRequest.ts"
import { clientOf, exitCodeText, operatorFlags } from "./operatorFlags.ts"

export const logCommand = Command.make(
  "log",
  {
    ...operatorFlags,
    from: value("from", "INDEX", "The first entry to show (default: so that the newest are shown)"),
    limit: value("limit", "N", "How many entries (default: 20)"),
    follow: toggle("follow", "Go on with every entry that is committed, until Ctrl-C"),
  },
  Effect.fnUntraced(function* ({ from, limit, follow, ...flags }) {
    const client = yield* clientOf(flags)
    const wanted = yield* checking(() => ({
      from: from === null ? null : parseWhole(from, "--from", 0, Number.MAX_SAFE_INTEGER),
      limit: parseWhole(limit ?? "20", "--limit", 1, 100_000),
    }))
    const { json } = client.options
    // A program that follows gets an entry a line; one that does not gets one document.
    const print = json ? (follow ? jsonLines : () => Effect.void) : textLines()
    const first = wanted.from ?? (yield* newestFrom(client, wanted.limit))
    const read = yield* readEntries(client, first, wanted.limit, print)
    if (json && !follow) yield* Console.log(JSON.stringify(read.document))
    for (let { end } = read; follow; ) {
      yield* Effect.sleep(followMillis)
      end = (yield* readEntries(client, end, Number.POSITIVE_INFINITY, print)).end
    }
  }),
).pipe(
  Command.withDescription(
    "The committed entries, from the log of the first of the nodes that answers. What was committed is the same on all; " +
      `how far back a log goes is not. ${exitCodeText}`,
  ),
  Command.withShortDescription("The committed entries"),
  Command.withExamples([
    { command: "raftlet log", description: "The newest 20" },
    { command: "raftlet log --from 1000 --limit 500 --json", description: "Part of it, for a program" },
    { command: "raftlet log --follow", description: "As it grows" },
  ]),
)

type RawEntry = Readonly<Record<string, unknown>>
type Print = (entries: ReadonlyArray<LogEntry>, raw: ReadonlyArray<unknown>) => Effect.Effect<void>

const page = Effect.fnUntraced(function* (client: ClusterClient, from: number, limit: number) {
  const path = client.path("/admin/log", { from, limit: Math.min(limit, pageMax) })
  const answer = yield* client.look(path)
  return { log: yield* decodeAnswer(LogAnswer, answer), raw: rawEntries(answer) }
})

/** As they came, with what this version does not know. */
const rawEntries = ({ body }: Answer): ReadonlyArray<RawEntry> =>
  (body as { readonly entries: ReadonlyArray<RawEntry> }).entries

const newestFrom = Effect.fnUntraced(function* (client: ClusterClient, count: number) {
  const { log } = yield* page(client, 0, 1)
  return Math.max(log.firstIndex, log.lastIndex - count + 1)
})

/** Page by page, so many entries or as many as there are; at `end` goes on who follows. */
const readEntries = Effect.fnUntraced(function* (
  client: ClusterClient,
  from: number,
  limit: number,
  print: Print,
) {
  const entries: Array<RawEntry> = []
  let end = from
  for (;;) {
    const { log, raw } = yield* page(client, end, limit - entries.length)
    yield* print(log.entries, raw)
    if (limit !== Number.POSITIVE_INFINITY) entries.push(...raw)
    end = (log.entries.at(-1)?.index ?? end - 1) + 1
    const { firstIndex, lastIndex, next } = log
    if (next === null || entries.length >= limit) {
      return { end, document: { firstIndex, lastIndex, entries, next } }
    }
  }
})

const jsonLines: Print = (_, raw) => Effect.forEach(raw, (entry) => Console.log(JSON.stringify(entry)))
/** The head comes with the first page: where there is none, the failure alone is said. */
const textLines = (): Print => {
  let head = [line(["index", "term", "time", "what", "input"])]
  return (entries) => {
    const lines = [...head, ...entries.map(entryLine)]
    head = []
    return Effect.forEach(lines, (text) => Console.log(text), { discard: true })
  }
}

const entryLine = (entry: LogEntry): string =>
  line([
    `${entry.index}`,
    `${entry.term}`,
    // A no-op has the time of the entry before it, and the first one none.
    entry.kind === "noop" ? none : entry.time,
    printable(whatOf(entry)),
    printable(shorten(inputOf(entry))),
  ])

/** Fixed widths: what comes later fits to what came before. */
const line = ([index = "", term = "", time = "", what = "", input = ""]: ReadonlyArray<string>): string =>
  [index.padStart(9), term.padStart(5), time.padEnd(24), what.padEnd(28), input].join("  ").trimEnd()

const whatOf = ({ kind, actor, key, command, timer, unreadable, configuration }: LogEntry): string => {
  if (kind === "noop") return "a leader's term begins"
  if (configuration !== undefined) {
    const { voters, outgoing, learners, resetFrom } = configuration
    return [
      `members: ${voters.join(",")}`,
      ...(outgoing.length === 0 ? [] : [`with ${outgoing.join(",")}`]),
      ...(learners.length === 0 ? [] : [`learners ${learners.join(",")}`]),
      ...(resetFrom === undefined ? [] : [`by recover, before: ${resetFrom.join(",")}`]),
    ].join(" ")
  }
  if (actor === undefined) return unreadable === true ? "of a later version" : kind
  return `${actor}/${key} ${command}${timer === undefined ? "" : " (timer)"}`
}

const inputOf = ({ input, truncated, command }: LogEntry): string => {
  if (command === undefined) return ""
  if (truncated === true) return String(input)
  return input === undefined ? none : JSON.stringify(input)
}

const shorten = (text: string): string =>
  text.length > inputCharactersMax ? `${text.slice(0, inputCharactersMax)}…` : text

const inputCharactersMax = 60
/** As the node bounds it. */
const pageMax = 1000
const followMillis = 500
