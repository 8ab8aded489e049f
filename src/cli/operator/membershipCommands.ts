// `add`, `remove`, `promote`, `replace`, `configure`: how does an operator change who takes part?

import { Console, Effect, Result } from "effect"
import { Argument, Command } from "effect/cli"
import { formatHostPort, parseId, parseReachable, parseUrls, parseWhole } from "../addresses.ts"
import { type CliFailure, exitCodes, refused } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { awaitChange, type Goal } from "./awaitChange.ts"
import type { Question } from "./ClusterClient.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, type OperatorFlags, operatorFlags, show } from "./operatorFlags.ts"

const changeFlags = {
  ...operatorFlags,
  noWait: toggle(
    "no-wait",
    "End as soon as the cluster has taken the change, and do not wait until it is done",
  ),
  force: toggle(
    "force",
    "Also when too few of the voters that are left would be alive and they may never decide again, or when a member " +
      "that is alive would lose its name, address or vote",
  ),
  patience: value("patience", "SECONDS", "How long to wait until it is done (default: 600)"),
}

interface ChangeFlags extends OperatorFlags {
  readonly force: boolean
  readonly noWait: boolean
  readonly patience: string | null
}

const id = (name: string, description: string) =>
  Argument.String(name.toLowerCase()).pipe(Argument.withMetavar(name), Argument.withDescription(description))

const peer = id("PEER", "HOST:PORT of its peer port")
const clientUrl = value("client", "URL", "Where it serves clients, such as http://10.0.0.4:4001")

export const addCommand = Command.make(
  "add",
  {
    ...changeFlags,
    id: id("ID", "The new node"),
    peer,
    client: clientUrl,
    learner: toggle("learner", "It gets the log, and never votes"),
  },
  Effect.fnUntraced(function* (flags) {
    const address = yield* addressOf(flags)
    const { learner } = flags
    yield* change(flags, {
      question: {
        method: "POST",
        path: "/admin/members",
        body: { ...address, ...(learner ? { role: "learner" } : {}) },
      },
      goal: {
        voters: learner ? [] : [address.id],
        learners: learner ? [address.id] : [],
        gone: [],
        newcomer: address.id,
      },
      done: `${address.id} is a ${learner ? "learner" : "voter"} now`,
    })
  }),
).pipe(
  Command.withDescription(
    "Add a node. It catches up as a learner first, and votes when it has what the others have. Start it with " +
      `\`node --id ID --join URL\`, which asks for the same. ${exitCodeText}`,
  ),
  Command.withShortDescription("Add a node"),
  Command.withExamples([
    { command: "raftlet add n4 10.0.0.4:5001", description: "Wait until it votes" },
    { command: "raftlet add n5 10.0.0.5:5001 --learner", description: "A copy that never votes" },
  ]),
)

export const removeCommand = Command.make(
  "remove",
  { ...changeFlags, id: id("ID", "The member that goes") },
  Effect.fnUntraced(function* (flags) {
    const gone = yield* idOf(flags.id, "ID")
    yield* change(flags, {
      question: { method: "DELETE", path: memberPath(gone) },
      goal: { ...nothing, gone: [gone] },
      done: `${gone} is no member any more; stop its process`,
    })
  }),
).pipe(
  Command.withDescription(`Remove a member, dead or alive. ${exitCodeText}`),
  Command.withShortDescription("Remove a member"),
  Command.withExamples([{ command: "raftlet remove n3", description: "The others are the cluster then" }]),
)

export const promoteCommand = Command.make(
  "promote",
  { ...changeFlags, id: id("ID", "The learner that is to vote") },
  Effect.fnUntraced(function* (flags) {
    const voter = yield* idOf(flags.id, "ID")
    yield* change(flags, {
      question: { method: "POST", path: memberPath(voter, "/promote") },
      goal: { ...nothing, voters: [voter] },
      done: `${voter} is a voter now`,
    })
  }),
).pipe(
  Command.withDescription(`Make a learner a voter, once it has caught up. ${exitCodeText}`),
  Command.withShortDescription("Make a learner a voter"),
  Command.withExamples([{ command: "raftlet promote n4", description: "Wait until it votes" }]),
)

export const replaceCommand = Command.make(
  "replace",
  {
    ...changeFlags,
    old: id("OLD", "The member that goes, dead or alive"),
    id: id("NEW", "The node that takes its place"),
    peer,
    client: clientUrl,
  },
  Effect.fnUntraced(function* (flags) {
    const old = yield* idOf(flags.old, "OLD")
    const address = yield* addressOf(flags)
    if (address.id === old) {
      return yield* refused(`NEW: ${old} cannot take its own place; a node without its data needs a new id`)
    }
    yield* change(flags, {
      question: { method: "POST", path: memberPath(old, "/replace"), body: address },
      goal: { ...nothing, gone: [old], newcomer: address.id },
      done: `${address.id} has taken the place of ${old}`,
    })
  }),
).pipe(
  Command.withDescription(
    "Put a new node in the place of a member, in one change: the new one catches up first, so the cluster never has " +
      `one voter less because of it. ${exitCodeText}`,
  ),
  Command.withShortDescription("Put a new node in a member's place"),
  Command.withExamples([
    { command: "raftlet replace n3 n4 10.0.0.4:5001", description: "n3 is dead, n4 is its successor" },
  ]),
)

export const configureCommand = Command.make(
  "configure",
  {
    ...changeFlags,
    voters: value("voters", "n1,n2,…", "Who votes"),
    learners: value("learners", "n4,…", "Who gets the log and does not vote (default: nobody)"),
  },
  Effect.fnUntraced(function* (flags) {
    const { voters, learners } = yield* checking(() => ({
      voters: namesOf(flags.voters, "--voters"),
      learners: namesOf(flags.learners, "--learners"),
    }))
    if (voters.length === 0)
      return yield* refused("--voters n1,n2,… is missing: without a voter nothing goes on")
    yield* change(flags, {
      question: { method: "PUT", path: "/admin/members", body: { voters, learners } },
      goal: { ...nothing, voters, learners },
      done: `voters ${voters.join(",")}; learners ${learners.join(",") || "none"}`,
    })
  }),
).pipe(
  Command.withDescription(
    `Set who votes and who learns, in one change; who is in neither list goes. ${exitCodeText}`,
  ),
  Command.withShortDescription("Set voters and learners in one change"),
  Command.withExamples([
    { command: "raftlet configure --voters n1,n2,n4 --learners n5", description: "From whatever there was" },
  ]),
)

interface Change {
  readonly question: Question
  readonly goal: Goal
  /** What is true then, for a person. */
  readonly done: string
}

/** Asks for it once; then looks until it is done. */
const change = Effect.fnUntraced(function* (flags: ChangeFlags, { question, goal, done }: Change) {
  const client = yield* clientOf(flags)
  const patienceMillis = yield* checking(
    () => parseWhole(flags.patience ?? "600", "--patience", 1, 86_400) * 1000,
  )
  const path = client.path(question.path, {
    ...(flags.force ? { force: 1 } : {}),
    ...(flags.noWait ? { wait: 0 } : {}),
  })
  const asked = yield* Effect.result(client.change({ ...question, path }))
  if (Result.isSuccess(asked)) {
    const { body, text } = asked.success
    yield* show(client, text, () => fieldsText(body))
  } else if (flags.noWait || !mayGoOn(asked.failure)) return yield* asked.failure
  if (flags.noWait) return
  const doubt = Result.isFailure(asked) ? asked.failure : null
  yield* awaitChange(client, goal, { patienceMillis, doubt })
  if (!client.options.json) yield* Console.log(done)
  // Its own answer never came, and a program reads one in any case.
  else if (doubt !== null) yield* Console.log(JSON.stringify({ done }))
})

/** Whether it was taken nobody has said: whoever waits for it will see. */
const mayGoOn = ({ exitCode }: CliFailure): boolean => exitCode === exitCodes.unknown

const nothing: Goal = { voters: [], learners: [], gone: [], newcomer: null }

const memberPath = (member: string, verb = ""): string =>
  `/admin/members/${encodeURIComponent(member)}${verb}`

const idOf = (text: string, name: string): Effect.Effect<string, CliFailure> =>
  checking(() => parseId(text, name))

const namesOf = (text: string | null, flag: string): ReadonlyArray<string> =>
  text === null ? [] : text.split(",").map((name) => parseId(name.trim(), flag))

const addressOf = (flags: { readonly id: string; readonly peer: string; readonly client: string | null }) =>
  checking(() => ({
    id: parseId(flags.id, "ID"),
    peer: formatHostPort(parseReachable(flags.peer, "PEER")),
    ...(flags.client === null ? {} : { client: parseUrls(flags.client, "--client")[0]! }),
  }))
