// What would another version change of an actor that lives in many groups? Each has states and a log of its own, and is
// planned by itself: here is the sum, and one token that stands for all of it.

import type { GroupId } from "../consensus/types.ts"
import { type Plan, shownMax, tokenOf } from "../machine/system/plan.ts"

export interface PlanOf {
  readonly group: GroupId
  readonly plan: Plan
}

/** Where an actor's group is: what is active there, and since which of its entries. */
export interface Standing {
  readonly group: GroupId
  readonly active: string | null
  readonly since: number
}

/** What a token of several groups stands for. */
export interface Planned {
  readonly from: string | null
  readonly version: string
  readonly digest: string
}

/** Never of no group. Of one it is the plan of that. */
export const mergePlans = (plans: ReadonlyArray<PlanOf>) => {
  const [first] = plans
  if (plans.length === 1) return { ...first!.plan, groups: [first!.group], token: tokenOf(first!.plan) }
  // Groups that have it already are asked for no change.
  const all = plans.map(({ plan }) => plan)
  const lead = all.find(({ from, to }) => from?.version !== to.version) ?? first!.plan
  const { activatedAt: _, ...rest } = lead
  const hindered = plans.filter(({ plan }) => plan.hindrances.length > 0)
  const from = lead.from?.version ?? null
  const standings = plans.map(({ group, plan }) => {
    return { group, active: plan.from?.version ?? null, since: plan.activatedAt }
  })
  return {
    ...rest,
    groups: plans.map(({ group }) => group),
    divided: standings
      .filter(({ active }) => active !== from)
      .map(({ group, active }) => ({ group, active })),
    stateChanged: all.some(({ stateChanged }) => stateChanged),
    states: {
      checked: sum(all, ({ states }) => states.checked),
      of: sum(all, ({ states }) => states.of),
      isCutShort: all.some(({ states }) => states.isCutShort),
      failed: sum(all, ({ states }) => states.failed),
      failures: plans
        .flatMap(({ group, plan }) => plan.states.failures.map((failure) => ({ group, ...failure })))
        .slice(0, shownMax),
      withoutStep: union(all.map(({ states }) => states.withoutStep)),
    },
    replay: {
      commands: sum(all, ({ replay }) => replay.commands),
      same: sum(all, ({ replay }) => replay.same),
      isCutShort: all.some(({ replay }) => replay.isCutShort),
      different: plans
        .flatMap(({ group, plan }) => plan.replay.different.map((one) => ({ group, ...one })))
        .slice(0, shownMax),
    },
    rollback: {
      possible: all.every(({ rollback }) => rollback.possible),
      withoutStep: union(all.map(({ rollback }) => rollback.withoutStep)),
    },
    hindrances: hindrancesOf(hindered),
    isForcible: hindered.length > 0 && hindered.every(({ plan }) => plan.isForcible),
    token: tokenOfAll(rest.actor, { from, version: rest.to.version, digest: digestOf(standings) }),
  }
}

/** The first ones, each with its group, and how many groups more have some. */
const hindrancesOf = (hindered: ReadonlyArray<PlanOf>): ReadonlyArray<string> => {
  const told = hindered
    .slice(0, hinderedShownMax)
    .flatMap(({ group, plan }) => plan.hindrances.map((hindrance) => `group ${group}: ${hindrance}`))
  const more = hindered.length - hinderedShownMax
  return more > 0 ? [...told, `and so in ${more} more groups`] : told
}

/** Of where all groups are: another switch in any of them makes another one. */
export const digestOf = (standings: ReadonlyArray<Standing>): string =>
  new Bun.CryptoHasher("sha256")
    .update(JSON.stringify(standings.map(({ group, active, since }) => [group, active, since])))
    .digest("base64url")
    .slice(0, digestLength)

/** Short however many groups there are: what is to be active in those that have not switched, and a digest of where all were. */
const tokenOfAll = (actor: string, { from, version, digest }: Planned): string =>
  Buffer.from(JSON.stringify([actor, from, version, digest])).toString("base64url")

/** Null when it is no token of several groups of this actor. */
export const readTokenOfAll = (actor: string, token: string): Planned | null => {
  try {
    const read = JSON.parse(Buffer.from(token, "base64url").toString()) as ReadonlyArray<unknown>
    const [name, from, version, digest] = read
    const isOne = name === actor && typeof version === "string" && (from === null || typeof from === "string")
    return isOne && typeof digest === "string" ? { from: from as string | null, version, digest } : null
  } catch {
    return null
  }
}

const sum = (plans: ReadonlyArray<Plan>, count: (plan: Plan) => number): number =>
  plans.reduce((total, plan) => total + count(plan), 0)

const union = (lists: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<number> =>
  [...new Set(lists.flat())].toSorted((left, right) => left - right)

/** 96 bits: that two are the same by chance nobody will see. */
const digestLength = 16
const hinderedShownMax = 10
