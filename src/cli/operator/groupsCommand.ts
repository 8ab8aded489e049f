// `groups`: which Raft groups are there, who leads them, and how do others come and go?

import { Effect, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import { parseWhole } from "../addresses.ts"
import { value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { none, printable, table } from "../tables.ts"
import { decodeAnswer } from "./ClusterClient.ts"
import { clientOf, exitCodeText, operatorFlags, show } from "./operatorFlags.ts"

const Shown = Schema.Struct({
  group: Schema.String,
  leader: Schema.NullOr(Schema.String),
  term: Schema.NullOr(Schema.Finite),
  members: Schema.NullOr(
    Schema.Struct({ voters: Schema.Array(Schema.String), learners: Schema.Array(Schema.String) }),
  ),
  // Absent in what an older node says, where all members run every group.
  replicas: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
  settled: Schema.optionalKey(Schema.Boolean),
})

const GroupsAnswer = Schema.Struct({ groups: Schema.Array(Shown) })

const OpenedAnswer = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({ group: Schema.String, isNew: Schema.Boolean, leader: Schema.NullOr(Schema.String) }),
  ),
})

/** As nodes have it. */
const replicasMin = 3
const replicasMax = 100

const { group: _, ...flagsOfAll } = operatorFlags

const listCommand = Effect.fnUntraced(function* (flags: Parameters<typeof clientOf>[0]) {
  const client = yield* clientOf(flags)
  const answer = yield* client.look("/admin/groups")
  const { groups } = yield* decodeAnswer(GroupsAnswer, answer)
  yield* show(client, answer.text, () =>
    table(
      ["group", "leader", "term", "voters", "learners", "replicas"],
      groups.map(({ group, leader, term, members, replicas = null, settled = true }) => [
        printable(group),
        leader ?? none,
        term ?? none,
        members?.voters.join(", ") || none,
        members?.learners.join(", ") || none,
        `${replicas ?? "all"}${settled ? "" : ", on their way"}`,
      ]),
    ),
  )
})

const openCommand = Command.make(
  "open",
  {
    ...flagsOfAll,
    replicas: value("replicas", "N", "By how many members each is run, spread over zones (default: by all)"),
    names: Argument.String("groups").pipe(
      Argument.withMetavar("GROUP"),
      Argument.withDescription(
        "How it is to be called: letters, digits, - and _, a letter first, at most 63",
      ),
      Argument.atLeast(1),
    ),
  },
  Effect.fnUntraced(function* ({ names, replicas, ...flags }) {
    const client = yield* clientOf({ ...flags, group: null })
    const count = yield* checking(() =>
      replicas === null ? null : parseWhole(replicas, "--replicas", replicasMin, replicasMax),
    )
    const body = { groups: names, ...(count === null ? {} : { replicas: count }) }
    const answer = yield* client.change({ method: "POST", path: "/admin/groups", body }, "groups")
    const { groups } = yield* decodeAnswer(OpenedAnswer, answer)
    yield* show(client, answer.text, () =>
      table(
        ["group", "leader", ""],
        groups.map(({ group, leader, isNew }) => [
          printable(group),
          leader ?? none,
          isNew ? "" : "was there already",
        ]),
      ),
    )
  }),
).pipe(
  Command.withDescription(`Open groups, on all members of the cluster or on some. ${exitCodeText}`),
  Command.withShortDescription("Open groups"),
  Command.withExamples([
    { command: "raftlet groups open orders bills", description: "Two of them" },
    { command: "raftlet groups open orders --replicas 3", description: "On three members" },
  ]),
)

const closeCommand = Command.make(
  "close",
  {
    ...flagsOfAll,
    name: Argument.String("group").pipe(
      Argument.withMetavar("GROUP"),
      Argument.withDescription("Which one: all that it holds goes, for good, and so does its name"),
    ),
  },
  Effect.fnUntraced(function* ({ name, ...flags }) {
    const client = yield* clientOf({ ...flags, group: null })
    const path = `/admin/groups/${encodeURIComponent(name)}`
    const answer = yield* client.change({ method: "DELETE", path }, "groups")
    yield* show(client, answer.text, () => `${printable(name)} is closed`)
  }),
).pipe(
  Command.withDescription(
    `Close a group. All that it holds goes, for good, and no other group is ever called so. ${exitCodeText}`,
  ),
  Command.withShortDescription("Close a group, with all that it holds"),
  Command.withExamples([{ command: "raftlet groups close orders", description: "And what it held" }]),
)

export const groupsCommand = Command.make(
  "groups",
  flagsOfAll,
  Effect.fnUntraced(function* (flags) {
    yield* listCommand({ ...flags, group: null })
  }),
).pipe(
  Command.withDescription(
    `All Raft groups of the cluster, and who leads them, as the node knows that is asked. ${exitCodeText}`,
  ),
  Command.withShortDescription("The Raft groups, and who leads them"),
  Command.withExamples([{ command: "raftlet groups", description: "A table" }]),
  Command.withSubcommands([openCommand, closeCommand]),
)
