// Which members run a group that not all of them are to run? A choice that is the same wherever it is made, even over the
// members, and moves little when one comes or goes.

import type { GroupId, NodeId } from "../consensus/types.ts"

/** Who may be given a seat. */
export interface Candidate {
  readonly id: NodeId
  /** What fails together, as a rack or a site; undefined: this node says nothing, and stands for itself. */
  readonly zone?: string | undefined
  /** 0: it never leads. Such nodes come last: a group of them alone would have no leader. */
  readonly priority?: number | undefined
}

/** With fewer a group would not outlive the loss of one, and no member of it could be let go. */
export const replicasMin = 3
/** As many as a cluster may have members. */
export const replicasMax = 100

/**
 * `replicas` of them, or all where there are fewer: those with the highest weights, one in each zone as long as zones last, then
 * second ones. `name`: what weights are made of; groups of one name have the same seats. In order of their weights.
 */
export const seatsOf = (
  name: GroupId,
  replicas: number,
  candidates: ReadonlyArray<Candidate>,
): ReadonlyArray<NodeId> => {
  let left = candidates
    .map((each) => ({ ...each, weight: weightOf(name, each.id) }))
    .sort((one, other) => mayLead(other) - mayLead(one) || byWeight(one, other))
  const chosen: Array<NodeId> = []
  while (chosen.length < replicas && left.length > 0) {
    const zones = new Set<string>()
    const waiting: typeof left = []
    for (const each of left) {
      const zone = zoneOf(each)
      if (zones.has(zone) || chosen.length === replicas) waiting.push(each)
      else {
        zones.add(zone)
        chosen.push(each.id)
      }
    }
    left = waiting
  }
  return chosen
}

/**
 * The next step from the seats of now to those that are wanted, one seat at a time; null: nothing is left to do. Who is no
 * member any more is left out at once.
 */
export const nextSeats = (
  now: ReadonlyArray<NodeId>,
  wanted: ReadonlyArray<NodeId>,
  members: ReadonlyArray<NodeId>,
): ReadonlyArray<NodeId> | null => {
  const staying = now.filter((id) => members.includes(id))
  const missing = wanted.find((id) => !staying.includes(id))
  const surplus = staying.findLast((id) => !wanted.includes(id))
  if (missing === undefined) {
    if (surplus !== undefined) return staying.filter((id) => id !== surplus)
    return staying.length === now.length ? null : staying
  }
  const isFull = staying.length >= wanted.length
  return [...staying.filter((id) => !isFull || id !== surplus), missing]
}

/** As evenly as seats allow: who should lead each group, in this order; later ones move none of those before. */
export const leadersOf = (
  groups: ReadonlyArray<{ readonly group: GroupId; readonly able: ReadonlyArray<NodeId> }>,
): ReadonlyMap<GroupId, NodeId> => {
  const counts = new Map<NodeId, number>()
  const countOf = (id: NodeId) => counts.get(id) ?? 0
  return new Map(
    groups.flatMap(({ group, able }) => {
      const [first, ...others] = able
      if (first === undefined) return []
      const leader = others.reduce((best, id) => {
        const fewer = countOf(id) - countOf(best)
        return fewer < 0 || (fewer === 0 && weightOf(group, id) > weightOf(group, best)) ? id : best
      }, first)
      counts.set(leader, countOf(leader) + 1)
      return [[group, leader] as const]
    }),
  )
}

/** The same for ever, on every machine: otherwise seats would move when a node is upgraded. */
const weightOf = (name: GroupId, id: NodeId): bigint => Bun.hash.xxHash64(`${name}\0${id}`, 11n)

const byWeight = (
  one: { readonly weight: bigint; readonly id: NodeId },
  other: { readonly weight: bigint; readonly id: NodeId },
): number => {
  if (one.weight !== other.weight) return one.weight > other.weight ? -1 : 1
  return one.id < other.id ? -1 : 1
}

const mayLead = ({ priority = 1 }: Candidate): number => (priority > 0 ? 1 : 0)

const zoneOf = ({ id, zone }: Candidate): string => (zone === undefined ? `node ${id}` : `zone ${zone}`)
