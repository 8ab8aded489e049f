// Who should lead which group? Every member as many as any other, as far as it may lead them at all.

import type { GroupId, NodeId } from "../consensus/types.ts"

/** A group as the balance sees it. */
export interface Led {
  readonly group: GroupId
  /** Null: nobody is known to lead it. */
  readonly leader: NodeId | null
  /** Who may lead it as well as anybody: its voters of the highest priority. */
  readonly able: ReadonlyArray<NodeId>
}

/** Leadership that should be handed over. */
export interface Move {
  readonly group: GroupId
  readonly from: NodeId
  readonly to: NodeId
}

/**
 * What makes leadership even: afterwards no member leads two groups more than another that could take one of them, where all
 * groups may be led by the same members, as they may: they follow those of `main`. As few as will do, and the same on every
 * node that sees the same. Groups without a leader are left to their election; `fixed` ones count and stay where they are.
 */
export const movesFor = (
  groups: ReadonlyArray<Led>,
  members: ReadonlyArray<NodeId>,
  fixed: ReadonlySet<GroupId>,
): ReadonlyArray<Move> => {
  const counts = new Map(members.map((id) => [id, 0]))
  const movable = new Map<NodeId, Array<Led>>()
  for (const led of groups.toSorted((left, right) => (left.group < right.group ? -1 : 1))) {
    if (led.leader === null || !counts.has(led.leader)) continue
    counts.set(led.leader, counts.get(led.leader)! + 1)
    if (fixed.has(led.group)) continue
    const own = movable.get(led.leader) ?? []
    own.push(led)
    movable.set(led.leader, own)
  }
  const moves: Array<Move> = []
  for (;;) {
    const move = nextMove(counts, movable)
    if (move === null) return moves
    moves.push(move)
    counts.set(move.from, counts.get(move.from)! - 1)
    counts.set(move.to, counts.get(move.to)! + 1)
  }
}

/** From whoever leads the most to whoever leads the least and can; takes it out of what can be moved. */
const nextMove = (counts: ReadonlyMap<NodeId, number>, movable: Map<NodeId, Array<Led>>): Move | null => {
  const byCount = [...counts].sort(([one, left], [other, right]) => left - right || (one < other ? -1 : 1))
  for (const [from, most] of byCount.toReversed()) {
    for (const [to, least] of byCount) {
      if (most - least < 2) break
      const own = movable.get(from) ?? []
      const at = own.findLastIndex(({ able }) => able.includes(to))
      if (at === -1) continue
      const [moved] = own.splice(at, 1)
      return { group: moved!.group, from, to }
    }
  }
  return null
}
