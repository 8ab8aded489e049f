// A page of log.db is bad: what of it can still be trusted, and how does the store go on without the rest?
//
// Nothing is written to a damaged tree. What can be verified is copied into a new file, which takes the
// place of the old one; the old one is kept as evidence, the last one only.

import { mainGroup } from "../consensus/groups.ts"
import type { Index } from "../consensus/types.ts"
import { followChain } from "./chain.ts"
import { damageOf } from "./damage.ts"
import type { LogMedium } from "./LogMedium.ts"
import type { LogTables } from "./LogTables.ts"

/** Builds the log anew from what `tables` still gives; from nothing when it gives nothing. */
export const salvage = (options: {
  readonly medium: LogMedium
  readonly tables: LogTables | null
  readonly sequence: number
  /** Why groups that cannot be found are suspect. */
  readonly suspicion: string
  /** The files are there already, from before anything was opened. */
  readonly evidenceKept: boolean
}): void => {
  const { medium, tables, sequence, suspicion, evidenceKept } = options
  medium.replace({
    damaged: tables,
    evidenceKept,
    fill: (fresh) => {
      const copied = tables === null ? { damage: suspicion, lostThrough: 0 } : copyVerified(tables, fresh)
      fresh.putMeta({ sequence, suspicion: suspicion || copied.damage, lostThrough: copied.lostThrough })
    },
  })
}

/** `damage`: why groups that were not copied are missing; empty when all were. */
const copyVerified = (
  from: LogTables,
  to: LogTables,
): { readonly damage: string; readonly lostThrough: Index } => {
  let lostThrough = readableLoss(from)
  // A forgotten peer is remembered again at its next handshake.
  for (const [peer, incarnation] of from.peers().peers) to.putPeer(peer, incarnation)
  for (const [number, group] of from.forgotten().forgotten) to.forgetGroup(number, group)
  const { records, damage } = from.groups()
  for (const record of records) {
    const { damage: broken, ...end } = followChain(from, record, ({ entry, hash }) => {
      to.insert(record.number, entry, hash)
    })
    to.putGroup({ ...record, ...end, suspicion: record.suspicion || broken })
    to.putBase(record)
    if (record.group === mainGroup) lostThrough = Math.max(lostThrough, end.lastIndex)
  }
  return { damage, lostThrough }
}

const readableLoss = (tables: LogTables): Index => {
  try {
    return tables.meta().lostThrough
  } catch (error) {
    damageOf(error)
    return 0
  }
}
