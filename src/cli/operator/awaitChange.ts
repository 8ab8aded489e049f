// Is a change of members done? How far has it come until then?

import { Clock, Effect } from "effect"
import { type CliFailure, exitCodes, unknown } from "../CliFailure.ts"
import { makeProgress } from "../progress.ts"
import { thousands } from "../tables.ts"
import { ClusterAnswer } from "./answers.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"

/** What is to be true in the end. Nobody else is looked at. */
export interface Goal {
  readonly voters: ReadonlyArray<string>
  readonly learners: ReadonlyArray<string>
  readonly gone: ReadonlyArray<string>
  /** Who is no member before the change: once it is, the change was taken. */
  readonly newcomer: string | null
}

export interface Waiting {
  readonly patienceMillis: number
  /** Why nobody knows whether the change was taken at all; null when it was. */
  readonly doubt: CliFailure | null
}

/**
 * Looks until the goal is reached, and shows on stderr how far it is. Fails with the doubt when nothing of the change
 * is seen for as long as one question may take, and as unknown when patience ends: the cluster goes on with it.
 */
export const awaitChange = (
  client: ClusterClient,
  goal: Goal,
  waiting: Waiting,
): Effect.Effect<void, CliFailure> =>
  Effect.suspend(() => {
    const progress = makeProgress()
    return Effect.ensuring(keepLooking(client, goal, waiting, progress.show), Effect.sync(progress.end))
  })

const keepLooking = Effect.fnUntraced(function* (
  client: ClusterClient,
  goal: Goal,
  waiting: Waiting,
  show: (text: string) => void,
) {
  const beganAt = yield* Clock.currentTimeMillis
  let { doubt } = waiting
  for (;;) {
    const cluster = yield* look(client)
    const missing = cluster === null ? "nobody answers" : whatIsMissing(cluster, goal)
    if (missing === null) return
    if (cluster !== null && hasBegun(cluster, goal)) doubt = null
    const millis = (yield* Clock.currentTimeMillis) - beganAt
    if (doubt !== null && millis >= client.options.timeoutMillis) return yield* doubt
    if (millis >= waiting.patienceMillis) {
      return yield* unknown(`not done after ${Math.round(millis / 1000)} s, and it goes on: ${missing}`)
    }
    show(missing)
    yield* Effect.sleep(pollMillis)
  }
})

/** Null while nobody leads or answers: then nothing moves, and nothing is lost. */
const look = (client: ClusterClient): Effect.Effect<ClusterAnswer | null, CliFailure> =>
  client.look(client.path("/admin/cluster")).pipe(
    Effect.flatMap((answer) => decodeAnswer(ClusterAnswer, answer)),
    Effect.catchIf(
      ({ exitCode }) => exitCode === exitCodes.unreachable,
      () => Effect.succeed(null),
    ),
  )

/** Null when nothing is. */
const whatIsMissing = ({ members, change }: ClusterAnswer, goal: Goal): string | null => {
  const find = (id: string) => members.find((member) => member.id === id)
  const lacks = (id: string, roles: ReadonlyArray<string>): ReadonlyArray<string> => {
    const member = find(id)
    if (member === undefined) return [`${id} is no member yet`]
    return roles.includes(member.role) ? [] : [progressOf(member)]
  }
  const remaining = goal.gone.filter((id) => find(id) !== undefined)
  const missing = [
    ...goal.voters.flatMap((id) => lacks(id, ["voter"])),
    ...goal.learners.flatMap((id) => lacks(id, ["learner"])),
    // Who replaces becomes what the other was: known by that one's going.
    ...(goal.newcomer === null || [...goal.voters, ...goal.learners].includes(goal.newcomer)
      ? []
      : lacks(goal.newcomer, remaining.length === 0 ? ["voter", "learner"] : [])),
    ...remaining.map((id) => `${id} is still a member`),
  ]
  if (missing.length > 0) return missing.join("; ")
  // Roles are as they will be, while the old voters still have a say.
  const { outgoing = [], voters = [], groups = [] } = change ?? {}
  if (outgoing.length > 0) return `the voters change from ${outgoing.join(",")} to ${voters.join(",")}`
  return groups.length === 0 ? null : `${thousands(groups.length)} groups have yet to follow`
}

const progressOf = ({ id, role, lag, state }: ClusterAnswer["members"][number]): string =>
  [
    `${id} is a ${role}`,
    ...(lag === null ? [] : [`${thousands(lag)} entries behind`]),
    ...(state === "snapshot" ? ["receives a snapshot"] : []),
  ].join(", ")

const hasBegun = ({ members, change }: ClusterAnswer, { newcomer }: Goal): boolean =>
  (change ?? null) !== null || members.some(({ id }) => id === newcomer)

const pollMillis = 300
