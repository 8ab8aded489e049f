// `plan`, `activate`, `rollback`: how does an operator switch between versions that are there?

import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { failed } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { isActive, planText } from "./planText.ts"
import {
  askActor,
  askPlan,
  decide,
  refuseHindered,
  showPlan,
  switchedText,
  switchTo,
  versionOf,
} from "./switching.ts"

const name = Argument.String("name").pipe(Argument.withMetavar("NAME"), Argument.withDescription("The actor"))

export const planCommand = Command.make(
  "plan",
  {
    ...patientFlags,
    name,
    to: value("to", "VERSION", "The version's id, or how it begins (default: the one that came last)"),
  },
  Effect.fnUntraced(function* ({ name, to, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const version = to === null ? null : yield* versionOf(yield* askActor(client, name), to)
    const { answer, plan } = yield* askPlan(client, name, version === null ? {} : { version })
    yield* show(client, answer.text, () =>
      plan.hindrances.length > 0 || isActive(plan)
        ? planText(plan)
        : `${planText(plan)}\n\n  ${client.command(`activate ${name} ${plan.token}`)}`,
    )
    yield* refuseHindered(plan)
  }),
).pipe(
  Command.withDescription(
    "What another version of an actor would change: commands, queries, the shape of the state; whether the stored states " +
      "fit it, and what the newest commands of the log come to under it. Nothing is changed by it. " +
      `It ends with 1 when something is in the version's way. ${exitCodeText}`,
  ),
  Command.withShortDescription("What another version would change"),
  Command.withExamples([
    { command: "raftlet plan orders", description: "Of the version that came last" },
    { command: "raftlet plan orders --to 9f8e7d", description: "Of another one" },
  ]),
)

export const activateCommand = Command.make(
  "activate",
  {
    ...patientFlags,
    name,
    planned: Argument.String("planned").pipe(
      Argument.withMetavar("TOKEN"),
      Argument.withDescription("What the plan has given: what was read is what is switched on"),
    ),
  },
  Effect.fnUntraced(function* ({ name, planned, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const { answer, switched } = yield* switchTo(client, name, "activate", { token: planned })
    yield* show(client, answer.text, () => switchedText(name, switched))
  }),
).pipe(
  Command.withDescription(
    "Switch an actor to the version that a plan was made of. It is refused when another version than at the time of the " +
      `plan is active, or when stored states do not fit. ${exitCodeText}`,
  ),
  Command.withShortDescription("Switch to the version that was planned"),
  Command.withExamples([
    {
      command: "raftlet activate orders WyJvcmRlcnMi…",
      description: "As `deploy` or `plan` have printed it",
    },
  ]),
)

export const rollbackCommand = Command.make(
  "rollback",
  {
    ...patientFlags,
    name,
    to: value(
      "to",
      "VERSION",
      "The version's id, or how it begins (default: the one that was active before)",
    ),
    yes: toggle("yes", "Switch without a question, unless something is in the way"),
    force: toggle(
      "force",
      "Also when some stored states will not fit: their instances reject every command then, and keep their state",
    ),
  },
  Effect.fnUntraced(function* ({ name, to, yes, force, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const actor = yield* askActor(client, name)
    // Half of it may have gone back: where it was before is not the same everywhere.
    if (to === null && (actor.divided ?? []).length > 0) {
      return yield* failed(`${name}: its groups have different versions active; say --to`)
    }
    const version = to === null ? actor.previous : yield* versionOf(actor, to)
    if (version === null) return yield* failed(`${name}: no version was active before this one; say --to`)
    const { plan } = yield* askPlan(client, name, { version })
    yield* showPlan(client, plan)
    if (isActive(plan))
      return yield* client.options.json ? Console.log(JSON.stringify({ plan })) : Effect.void
    if (!force || !plan.isForcible) yield* refuseHindered(plan)
    const words = `rollback ${name} --to ${version} --yes${force ? " --force" : ""}`
    yield* decide(client, { plan, isDecided: yes, later: client.command(words) }).pipe(
      Effect.tapError(() => (client.options.json ? Console.log(JSON.stringify({ plan })) : Effect.void)),
    )
    const parameters = force ? { force: 1 } : {}
    const token = { token: plan.token }
    const { answer, switched } = yield* switchTo(client, name, "rollback", token, parameters)
    if (client.options.json) yield* Console.log(answer.text)
    else yield* Console.log(`\n${switchedText(name, switched)}`)
  }),
).pipe(
  Command.withDescription(
    "Switch an actor back to the version that was active before, or to another one that is there. Instances that the later " +
      "version has written go down by its migration; without one they hinder it. Shows what it would change, and asks. " +
      exitCodeText,
  ),
  Command.withShortDescription("Switch back to an earlier version"),
  Command.withExamples([
    { command: "raftlet rollback orders", description: "To the version before" },
    { command: "raftlet rollback orders --to 9f8e7d --yes", description: "To that one, without a question" },
  ]),
)
