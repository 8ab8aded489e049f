// `deploy`: how does a file become the version that a running cluster executes?

import { Console, Effect, Result } from "effect"
import { Argument, Command } from "effect/cli"
import { bundleActor } from "../../machine/bundle.ts"
import { type CliFailure, refused } from "../CliFailure.ts"
import { toggle, value } from "../flags.ts"
import { type PlanAnswer, UploadedAnswer } from "./actorAnswers.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import { clientOf, exitCodeText, patientFlags, patientSeconds, show } from "./operatorFlags.ts"
import { isActive, planText, versionText } from "./planText.ts"
import { actorPath, askPlan, decide, refuseHindered, showPlan, switchedText, switchTo } from "./switching.ts"

export const deployCommand = Command.make(
  "deploy",
  {
    ...patientFlags,
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("The actor: a .ts or .js file, or a folder with an index"),
    ),
    name: value("name", "NAME", "The actor's name (default: the file's)"),
    plan: toggle("plan", "Only say what it would change: nothing is uploaded"),
    yes: toggle("yes", "Switch it on without a question, unless something is in its way"),
  },
  Effect.fnUntraced(function* ({ file, name, plan: isPlanOnly, yes, ...flags }) {
    const client = yield* clientOf(flags, patientSeconds)
    const module = yield* bundled(file, name)
    if (isPlanOnly) return yield* planOnly(client, module)
    const uploaded = yield* upload(client, module)
    const { answer, plan } = yield* askPlan(client, module.name, { version: uploaded.version })
    yield* showPlan(client, plan)
    const isDone = isActive(plan)
    const stop = yield* Effect.result(isDone ? Effect.void : mayGoOn(client, plan, yes || plan.from === null))
    const done =
      isDone || Result.isFailure(stop)
        ? null
        : yield* switchTo(client, module.name, "activate", { token: plan.token })
    const document = { uploaded, plan: answer.body, activated: done?.answer.body ?? null }
    if (client.options.json) yield* Console.log(JSON.stringify(document))
    else if (done !== null) yield* Console.log(`\n${switchedText(module.name, done.switched)}`)
    if (Result.isFailure(stop)) return yield* stop.failure
  }),
).pipe(
  Command.withDescription(
    "Bundle an actor here, bring it into a running cluster, show what it would change, and switch it on: on all nodes at " +
      "one index of the log, and no request fails for it. A new actor is switched on at once; of another version you are " +
      "asked, or, where there is no terminal, told what to say. Until then the old version stays, and so it does when " +
      `something is in the way of the new one. ${exitCodeText}`,
  ),
  Command.withShortDescription("Bring an actor's code into a running cluster"),
  Command.withExamples([
    { command: "raftlet deploy actors/orders.ts", description: "Show what it would change, and ask" },
    { command: "raftlet deploy actors/orders.ts --plan", description: "Only show it" },
    { command: "raftlet deploy build/orders.js --name orders --yes", description: "From a script" },
  ]),
)

interface Module {
  readonly name: string
  readonly code: string
}

const bundled = (path: string, name: string | null): Effect.Effect<Module, CliFailure> =>
  Effect.mapError(bundleActor(path, name ?? undefined), ({ message }) => refused(`FILE: ${message}`))

const planOnly = Effect.fnUntraced(function* (client: ClusterClient, { name, code }: Module) {
  const { answer, plan } = yield* askPlan(client, name, { bundle: code })
  yield* show(client, answer.text, () => planText(plan))
  yield* refuseHindered(plan)
})

/** The same code a second time is the same version: it may be sent again. */
const upload = Effect.fnUntraced(function* (client: ClusterClient, { name, code }: Module) {
  const path = client.path(actorPath(name, "versions"))
  const answer = yield* client.consult({ method: "POST", path, body: { bundle: code } })
  const uploaded = yield* decodeAnswer(UploadedAnswer, answer)
  const how = uploaded.known ? "was there already" : "is uploaded"
  if (!client.options.json) yield* Console.error(`${name}: ${versionText(uploaded)} ${how}`)
  return uploaded
})

const mayGoOn = Effect.fnUntraced(function* (client: ClusterClient, plan: PlanAnswer, isDecided: boolean) {
  yield* refuseHindered(plan)
  yield* decide(client, { plan, isDecided, later: client.command(`activate ${plan.actor} ${plan.token}`) })
})
