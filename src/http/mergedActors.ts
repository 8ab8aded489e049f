// What is known of an actor that lives in many groups? Each has versions and instances of its own: here is the sum.

import type { GroupId } from "../consensus/types.ts"
import type { ActorStatus } from "../machine/MachineHost.ts"
import type { Quarantine } from "../machine/system/Quarantines.ts"
import { describeInput } from "./log.ts"

/** What a group has of an actor; null: nothing. */
export interface ActorAt {
  readonly group: GroupId
  readonly status: ActorStatus | null
}

/**
 * As operators see it. Of what differs from group to group, such as the index of an entry, the first group's stands there,
 * and which groups say something else.
 */
export const mergeActor = (name: string, homes: ReadonlyArray<ActorAt>) => {
  const present = homes.flatMap(({ group, status }) => (status === null ? [] : [{ group, status }]))
  const first = present.at(0)?.status
  const active = first?.active ?? null
  const suspended = present.filter(({ status }) => status.suspendedSince !== null)
  const quarantined = present.flatMap(({ group, status }) =>
    status.quarantined.map((one) => ({ group, ...describeQuarantine(one) })),
  )
  return {
    name,
    groups: homes.map(({ group }) => group),
    active,
    previous: first?.previous ?? null,
    activatedAt: first?.activatedAt ?? 0,
    divided: homes
      .map(({ group, status }) => ({ group, active: status?.active ?? null }))
      .filter((one) => one.active !== active),
    suspendedSince: suspended.at(0)?.status.suspendedSince ?? null,
    suspendedIn: suspended.map(({ group }) => group),
    versions: mergeVersions(homes),
    offers: Object.assign(
      {},
      ...present.map(({ status }) => status.offers).reverse(),
    ) as ActorStatus["offers"],
    quarantined: quarantined.slice(0, quarantinedShownMax),
    quarantinedCount: quarantined.length,
  }
}

/** In the order of the first group that has them. */
const mergeVersions = (homes: ReadonlyArray<ActorAt>) => {
  const rows = homes.flatMap(({ group, status }) =>
    (status?.versions ?? []).map((row) => ({ home: group, row })),
  )
  return Array.from(Map.groupBy(rows, ({ row }) => row.version).values(), (all) => {
    const known = new Set(all.map(({ home }) => home))
    return {
      ...all[0]!.row,
      instances: all.reduce((sum, { row }) => sum + row.instances, 0),
      missingIn: homes.flatMap(({ group }) => (known.has(group) ? [] : [group])),
    }
  })
}

const describeQuarantine = ({
  key,
  version,
  fault,
  index,
  at,
  revision,
  by,
  command,
  input,
  isVoid,
}: Quarantine) => ({
  key,
  version,
  command,
  ...describeInput(input),
  fault: fault.kind,
  detail: fault.detail,
  index,
  at,
  revision,
  by,
  voided: isVoid,
})

/** Of one actor, in one answer. */
export const quarantinedShownMax = 100
