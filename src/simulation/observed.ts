// What do checkers look at? A node as it was after its last turn, and its disk as it would be if power were lost now.

import type { VoteRequest } from "../consensus/message.ts"
import type { Node } from "../consensus/node.ts"
import type { Configuration, HardState, Index, LogBase, NodeId, Standing, Term } from "../consensus/types.ts"

/** What would be there if power were lost now. */
export interface DiskTruth {
  readonly hardState: HardState
  readonly standing: Standing
  readonly base: LogBase
  readonly lastIndex: Index
  readonly termAt: (index: Index) => Term | undefined
  /** The entry, or a snapshot that covers it. */
  readonly holds: (index: Index, term: Term) => boolean
}

/** A node after a turn. */
export interface Seen {
  readonly votedFor: NodeId | null
  /** Nothing waited for the disk: what leaves with the next turn was decided in it. */
  readonly isIdle: boolean
  readonly standing: Standing
  readonly commit: Index
  readonly role: string
  readonly term: Term
  readonly end: LogEnd
  /** Null: of a turn that was not seen. */
  readonly configuration: Configuration | null
}

/** For the next turn to be compared with. */
export const seenOf = (node: Node): Seen => ({
  votedFor: node.votedFor,
  isIdle: node.pendingWrites.length === 0,
  standing: node.standing,
  commit: node.commitIndex,
  role: node.role.kind,
  term: node.term,
  end: endOf(node),
  configuration: node.configurations.current,
})

/** Before the first turn of a node that was seen: nothing is known but what cannot be wrong. */
export const unseen = (node: Node): Seen => ({
  ...seenOf(node),
  isIdle: false,
  commit: node.log.base.index,
  role: "follower",
  configuration: null,
})

/** With what a log ends, as voters compare it. */
export type LogEnd = Pick<VoteRequest, "lastIndex" | "lastTerm">

const endOf = ({ log }: Node): LogEnd => ({ lastIndex: log.lastIndex, lastTerm: log.lastTerm })

/** The order of §5.4.1. */
export const isBehind = (one: LogEnd, other: LogEnd): boolean =>
  one.lastTerm < other.lastTerm || (one.lastTerm === other.lastTerm && one.lastIndex < other.lastIndex)

/** An entry's place, as one number: index and term both stay far below their halves of it in a run. */
export const keyOf = ({ index, term }: { readonly index: Index; readonly term: Term }): number =>
  index * 2 ** 22 + term
