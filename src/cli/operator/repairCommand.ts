// `repair`: how does an instance come out of quarantine?

import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { refused } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { checking } from "../nodeCommand.ts"
import { fieldsText } from "./fields.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { actorPath } from "./switching.ts"

export const repairCommand = Command.make(
  "repair",
  {
    ...patientFlags,
    actor: Argument.String("actor").pipe(
      Argument.withMetavar("ACTOR"),
      Argument.withDescription("The type of actor"),
    ),
    key: Argument.String("key").pipe(
      Argument.withMetavar("KEY"),
      Argument.withDescription("Which instance of it"),
    ),
    how: value("with", "before|rerun|state", "The state before, the command run again, or a state of yours"),
    state: value("state", "JSON|@FILE", "The state, for --with state"),
    force: toggle("force", "Drop also a command that was in the log already, and may have been acknowledged"),
  },
  Effect.fnUntraced(function* ({ actor, key, how, state, force, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const body = yield* checking(() => bodyOf(how, state))
    yield* checking(() => {
      if (actor === "") throw refused("ACTOR: it is empty")
      if (key === "") throw refused("KEY: it is empty")
    })
    const to = actorPath(actor, `instances/${encodeURIComponent(key)}/repair`)
    const path = client.path(to, force ? { force: 1 } : {})
    const answer = yield* client.change({ method: "POST", path, body }, "actors")
    yield* show(client, answer.text, () => fieldsText(withJson(answer.body)))
  }),
).pipe(
  Command.withDescription(
    "Bring an instance out of quarantine, where it came because a command of it did not come to an end or took its host " +
      "down. `before` leaves the state as it was before that command, which was never executed. `rerun` runs that command " +
      "again, under the version that is active now: deploy the mended code first. `state` gives it another state. A command " +
      "that was in the log already, and was voided there, may have been acknowledged: it is dropped with --force alone. " +
      exitCodeText,
  ),
  Command.withShortDescription("Bring an instance out of quarantine"),
  Command.withExamples([
    { command: "raftlet repair orders 4711 --with before", description: "Without the command" },
    { command: "raftlet repair orders 4711 --with rerun", description: "With it, under mended code" },
    { command: "raftlet repair orders 4711 --with state --state @order.json", description: "By hand" },
  ]),
)

/** A state and a result are the actor's own: shown as they are, not taken apart. */
const withJson = (body: unknown): unknown =>
  typeof body !== "object" || body === null
    ? body
    : Object.fromEntries(
        Object.entries(body).map(([name, value]) => [
          name,
          name === "state" || name === "result" ? JSON.stringify(value) : value,
        ]),
      )

const bodyOf = (how: string | null, state: string | null): object => {
  if (how !== "before" && how !== "rerun" && how !== "state") {
    throw refused("--with: say before, rerun or state")
  }
  if (how !== "state") {
    if (state !== null) throw refused("--state: it belongs to --with state")
    return { with: how }
  }
  if (state === null) throw refused("--state JSON|@FILE is missing: say which state it is to have")
  return { with: how, state: jsonOf(state.startsWith("@") ? textOf(state.slice(1)) : state) }
}

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    throw refused(`--state: ${file} cannot be read`)
  }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw refused("--state: it is not JSON")
  }
}
