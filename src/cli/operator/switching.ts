// How does an operator come from a plan to another active version? It is shown, somebody says yes, it is done.

import { Console, Effect } from "effect"
import { Asker } from "../Asker.ts"
import { CliFailure, exitCodes, failed } from "../CliFailure.ts"
import { thousands } from "../tables.ts"
import { type ActorAnswer, ActorsAnswer, PlanAnswer, SwitchedAnswer } from "./actorAnswers.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import { inGroupsText, planText, shortId, versionText } from "./planText.ts"

/** What somebody is asked about. */
export interface Decision {
  readonly plan: PlanAnswer
  /** It need not be asked for. */
  readonly isDecided: boolean
  /** Words behind `raftlet` that do it later. */
  readonly later: string
}

export const actorPath = (name: string, verb: string): string =>
  `/admin/actors/${encodeURIComponent(name)}/${verb}`

/** The plan of a version or of code, as the node has it. */
export const askPlan = Effect.fnUntraced(function* (client: ClusterClient, name: string, body: object) {
  const path = client.path(actorPath(name, "plan"))
  const answer = yield* client.consult({ method: "POST", path, body })
  return { answer, plan: yield* decodeAnswer(PlanAnswer, answer) }
})

/** Fails when something is in its way: nothing but another version helps. */
export const refuseHindered = ({ actor, to, hindrances }: PlanAnswer): Effect.Effect<void, CliFailure> =>
  hindrances.length === 0
    ? Effect.void
    : failed(`${actor}: ${versionText(to)} cannot be switched on: ${hindrances.join("; ")}`)

/** Succeeds when it is to be done; otherwise fails with what to say to have it done later. */
export const decide = Effect.fnUntraced(function* (client: ClusterClient, decision: Decision) {
  const { plan, isDecided, later } = decision
  if (isDecided) return
  const asker = yield* Asker
  const isAsked = asker.isThere && !client.options.json
  if (isAsked && (yield* asker.ask(`Switch ${plan.actor} to ${versionText(plan.to)}?`))) return
  const hint = isAsked ? "to do it later" : "to do it"
  if (!client.options.json) yield* Console.log(`\nNothing was switched. Say ${hint}:\n\n  ${later}`)
  return yield* new CliFailure({
    message: `${plan.actor} was planned and not switched; it is for you to decide`,
    exitCode: exitCodes.undecided,
  })
})

/** Sent once: whether it has happened, `raftlet actors` shows. */
export const switchTo = Effect.fnUntraced(function* (
  client: ClusterClient,
  name: string,
  verb: "activate" | "rollback",
  body: object,
  parameters: Readonly<Record<string, number>> = {},
) {
  const path = client.path(actorPath(name, verb), parameters)
  const answer = yield* client.change({ method: "POST", path, body }, "actors")
  return { answer, switched: yield* decodeAnswer(SwitchedAnswer, answer) }
})

export const switchedText = (
  name: string,
  { active, previous, changed, index, groups = [] }: typeof SwitchedAnswer.Type,
): string => {
  if (!changed) return `${name}: ${shortId(active)} was active already`
  const before = previous === null ? "" : `; a rollback leads to ${shortId(previous)}`
  const since =
    index === undefined
      ? inGroupsText(groups.map(({ group }) => group))
      : ` from entry ${thousands(index)} on`
  return `${name}: ${shortId(active)} is active${since}${before}`
}

/** An actor may live in a thousand groups, each of which is asked. */
export const actorsMillisMax = 15_000

/** What is known of one actor; fails when there is none of that name. */
export const askActor = Effect.fnUntraced(function* (client: ClusterClient, name: string) {
  const answer = yield* client.look(client.path("/admin/actors"), actorsMillisMax)
  const { actors } = yield* decodeAnswer(ActorsAnswer, answer)
  const found = actors.find((actor) => actor.name === name)
  return found ?? (yield* failed(`unknown-actor: There is no actor "${name}".`))
})

/** The one version whose id begins so. */
export const versionOf = (actor: ActorAnswer, start: string): Effect.Effect<string, CliFailure> => {
  const found = actor.versions.filter(({ version }) => version.startsWith(start))
  const [first] = found
  if (first !== undefined && (found.length === 1 || first.version === start)) {
    return Effect.succeed(first.version)
  }
  return found.length > 1
    ? failed(`${actor.name} has ${found.length} versions that begin with ${start}`)
    : failed(`not-found: ${actor.name} has no version ${start}; see \`raftlet actors ${actor.name}\``)
}

export const showPlan = (client: ClusterClient, plan: PlanAnswer): Effect.Effect<void> =>
  client.options.json ? Effect.void : Console.log(planText(plan))
