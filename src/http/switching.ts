// How does an operator switch an actor on and back, wherever it lives? Group after group, each by an entry of its own; what
// was begun can be gone on with by the same words.

import { mainGroup } from "../consensus/groups.ts"
import { readToken } from "../machine/system/plan.ts"
import { type Body, bodyOf } from "./actorCode.ts"
import { type ActorsOptions, actorOf, answer, textIn } from "./actorRoutes.ts"
import { command, type Sender } from "./deploy.ts"
import {
  type Asked,
  askedOf,
  groupOf,
  homesOf,
  inEach,
  machineOf,
  named,
  seen,
  statusesIn,
  statusIn,
} from "./homes.ts"
import { digestOf, type Planned, readTokenOfAll, type Standing } from "./mergedPlans.ts"
import { fromRefused, Problem } from "./problem.ts"
import { refuseWhileMoving } from "./shards.ts"

type Segments = ReadonlyArray<string>

/** `POST /admin/actors/{name}/activate`: what the token of a plan stands for. */
export const activateVersion = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const asked = askedOf(doors, request)
  const actor = actorOf(segments[0]!)
  const planned = tokenIn(await bodyOf(bodies, request, ["token"]), actor)
  if (planned === null) throw new Problem("bad-request", 'The body must be {"token"}, of a plan.')
  const { version } = planned
  const homes = await homesOf(asked, actor)
  refuseWhileMoving(doors, actor)
  const steps = "digest" in planned ? await stepsOf(homes, actor, planned) : oneStep(homes, planned)
  await inEach(
    steps.map(({ home }) => home),
    (home) => refuseMisfit(home, actor, version),
  )
  const switched = await switchAll({ actor, version, homes, steps }, ({ home, from, since }) =>
    command(home, "$actor/activate", actor, { version, from, ...atEntry(since) }),
  )
  await refuseIfSplit(asked, actor, homes)
  return answer(asked, { actor, ...switched }, switched.index)
}

/** `POST /admin/actors/{name}/rollback`: to the version before, or to one that is named. */
export const rollBackVersion = async (
  { doors, bodies }: ActorsOptions,
  request: Request,
  segments: Segments,
): Promise<Response> => {
  const asked = askedOf(doors, request, ["force"])
  const actor = actorOf(segments[0]!)
  const body = await bodyOf(bodies, request, ["to", "token"])
  const named = textIn(body, "to", "a version's id")
  const planned = tokenIn(body, actor)
  if (named !== null && planned !== null && named !== planned.version) {
    throw new Problem("bad-request", "to and token name different versions.")
  }
  const homes = await homesOf(asked, actor)
  refuseWhileMoving(doors, actor)
  const statuses = await statusesIn(homes, actor)
  const version = planned?.version ?? named ?? versionBefore(actor, statuses)
  const steps =
    planned === null
      ? // What was looked at is what is left: a second request that was sent for one lost answer goes no further back.
        homes.flatMap((home, at) => {
          const from = statuses[at]?.active ?? null
          return homes.length > 1 && from === version ? [] : [{ home, from }]
        })
      : "digest" in planned
        ? await stepsOf(homes, actor, planned)
        : oneStep(homes, planned)
  // Whoever is in distress may go back although some states will not be readable then.
  if (!asked.isForced) {
    await inEach(
      steps.map(({ home }) => home),
      (home) => refuseMisfit(home, actor, version),
    )
  }
  const switched = await switchAll({ actor, version, homes, steps }, ({ home, from, since }) =>
    command(home, "$actor/rollback", actor, { to: version, from, ...atEntry(since) }),
  )
  await refuseIfSplit(asked, actor, homes)
  return answer(asked, { actor, ...switched }, switched.index)
}

/** A group that came by keys of the actor meanwhile has what was active before. */
const refuseIfSplit = async (asked: Asked, actor: string, homes: ReadonlyArray<Sender>): Promise<void> => {
  if (asked.group !== undefined || homes.every((home) => groupOf(home) === mainGroup)) return
  const now = await homesOf(asked, actor)
  const isNew = (home: Sender) => homes.every((known) => groupOf(known) !== groupOf(home))
  const added = now.filter(isNew).map(groupOf)
  if (added.length === 0) return
  throw new Problem(
    "version-conflict",
    `"${actor}" was split meanwhile: it is switched everywhere but in ${added.join(", ")}. Ask again.`,
  )
}

/** What one group is to leave. `since`: the entry that switched it on; absent: whichever. */
interface Step {
  readonly home: Sender
  readonly from: string | null
  readonly since?: number
}

const atEntry = (since: number | undefined) => (since === undefined ? {} : { since })

type Token = Planned | NonNullable<ReturnType<typeof readToken>>

const tokenIn = ({ token }: Body, actor: string): Token | null => {
  if (token === undefined) return null
  const text = typeof token === "string" ? token : ""
  const planned = readToken(actor, text) ?? readTokenOfAll(actor, text)
  if (planned !== null) return planned
  throw new Problem("bad-request", `token must be what a plan of "${actor}" has given.`)
}

/** Of a plan of one group: the entry judges the rest. */
const oneStep = (
  homes: ReadonlyArray<Sender>,
  { from, since }: Exclude<Token, Planned>,
): ReadonlyArray<Step> => {
  if (homes.length > 1) throw otherGroups
  return [{ home: homes[0]!, from, since }]
}

/**
 * What is left to be done of a plan of several groups. Either all of them are where they were planned, or it was begun: some
 * have switched, in their order, and the others still have what they are to leave.
 */
const stepsOf = async (
  homes: ReadonlyArray<Sender>,
  actor: string,
  { from, version, digest }: Planned,
): Promise<ReadonlyArray<Required<Step>>> => {
  if (homes.length === 1) throw otherGroups
  const standings = await inEach(homes, async (home): Promise<Standing> => {
    const status = await statusIn(home, actor)
    return { group: groupOf(home), active: status?.active ?? null, since: status?.activatedAt ?? 0 }
  })
  const steps = homes.flatMap((home, at) => {
    const { active, since } = standings[at]!
    return active === version ? [] : [{ home, from: active, since }]
  })
  const isBegun = steps.length < homes.length
  const areLast = steps.every(({ home }, at) => home === homes[homes.length - steps.length + at])
  const isGoingOn = isBegun && areLast && steps.every((step) => step.from === from)
  if (digestOf(standings) === digest || isGoingOn) return steps
  const active = standings.map(({ group, active }) => ({ group, active }))
  throw new Problem(
    "version-conflict",
    `"${actor}" has been switched in some of its groups since the plan.`,
    {
      extra: JSON.stringify({ groups: active }),
    },
  )
}

const otherGroups = new Problem("version-conflict", "The plan was made of other groups: plan it again.")

/** Where each group is, or came from last: so a rollback that has stopped half-way goes on, and no further back. */
const versionBefore = (
  actor: string,
  statuses: ReadonlyArray<{ readonly active: string | null; readonly previous: string | null } | null>,
): string => {
  const before = new Set(statuses.flatMap((status) => status?.previous ?? []))
  if (before.size === 0) {
    throw new Problem("version-conflict", `No version of "${actor}" was active before this one.`)
  }
  const common = [...before].filter((version) =>
    statuses.every((status) => status?.active === version || status?.previous === version),
  )
  if (common.length === 1) return common[0]!
  throw new Problem(
    "version-conflict",
    `The groups of "${actor}" come from different versions: say which, by to.`,
  )
}

/** A version whose states do not fit is refused, and the old one stays: the log judges only what it can without code. */
const refuseMisfit = async (home: Sender, actor: string, version: string): Promise<void> => {
  const plan = await seen(home, machineOf(home).plan({ actor, version, manifest: null, recorded: [] }))
  if ("_tag" in plan) throw fromRefused(plan)
  const { hindrances, states } = plan
  if (hindrances.length === 0) return
  throw new Problem("version-conflict", `${hindrances.join("; ")}.`, {
    extra: JSON.stringify({ hindrances, failures: states.failures }),
  })
}

/** What an entry has answered. */
interface Switched {
  readonly active: string | null
  readonly previous: string | null
  readonly changed: boolean
}

/** Of one group with the index of its entry, of several with what each has answered that was asked. */
interface Done extends Switched {
  readonly index?: number
  readonly groups?: ReadonlyArray<Switched & { readonly group: string; readonly index: number }>
}

interface Switch {
  readonly actor: string
  readonly version: string
  readonly homes: ReadonlyArray<Sender>
  /** What is left of it. */
  readonly steps: ReadonlyArray<Step>
}

/** Ends with the first group that does not switch. Throws a problem that says which have, and which have not. */
const switchAll = async (
  { actor, version, homes, steps }: Switch,
  propose: (step: Step) => ReturnType<typeof command>,
): Promise<Done> => {
  const groups: Array<Switched & { readonly group: string; readonly index: number }> = []
  for (const [at, step] of steps.entries()) {
    try {
      const { result, index } = await propose(step)
      groups.push({ group: groupOf(step.home), ...(JSON.parse(result) as Switched), index })
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause
      const left = steps.slice(at).map(({ home }) => home)
      throw left.length === homes.length
        ? named(homes, step.home, cause)
        : stoppedAt({ actor, version, homes, left, cause })
    }
  }
  if (homes.length === 1) {
    const { group: _, ...alone } = groups[0]!
    return alone
  }
  const previous = groups.at(0)?.previous ?? null
  return { active: version, previous, changed: groups.some(({ changed }) => changed), groups }
}

const stoppedAt = ({
  actor,
  version,
  homes,
  left,
  cause,
}: Omit<Switch, "steps"> & { readonly left: ReadonlyArray<Sender>; readonly cause: Problem }): Problem => {
  const switched = homes.filter((home) => !left.includes(home)).map(groupOf)
  const [stopped] = left
  const detail =
    `"${actor}" has ${version} in ${switched.length} of ${homes.length} groups, and ${groupOf(stopped!)} did not switch: ` +
    `${cause.detail} The same request again goes on there.`
  return new Problem("partly-switched", detail, {
    extra: JSON.stringify({ switched, left: left.map(groupOf), because: cause.code }),
  })
}
