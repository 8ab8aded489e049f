// When may something be said? Not before the disk holds what it rests on.

import type { Message } from "./message.ts"
import { emptyTurn, type Held, type Node, type Outgoing, type Turn } from "./node.ts"
import type { Entry, HardState, Index, NodeId, Write } from "./types.ts"

/**
 * Sends a message as soon as it is true on disk: term, vote and standing, and the entries up to `through`.
 * What is already durable leaves with this turn, the rest with the write that makes it so
 * (HAZARDS E2, E3, R8).
 */
export const say = (node: Node, to: NodeId, message: Message, through: Index = 0): void => {
  if (through > node.log.persistedIndex || isFactPending(node)) {
    node.turn.draft.whenDurable.push({ to, message, through })
  } else {
    node.turn.messages.push({ to, message })
  }
}

/** Term or vote changed: both go to disk with this turn's write. */
export const recordHardState = (node: Node): void => {
  const hardState: HardState = { term: node.term, votedFor: node.votedFor }
  node.turn.draft.hardState = hardState
}

/** Appends to the log, in memory now and on disk with this turn's write. */
export const appendEntry = (node: Node, entry: Entry): void => {
  node.log.append(entry)
  node.configurations.append(entry)
  node.lastTime = Math.max(node.lastTime, entry.time)
  node.turn.draft.entries.push(entry)
}

/** Cuts the log, in memory now; on disk in the same transaction as what is appended behind (HAZARDS S8). */
export const truncateLog = (node: Node, from: Index): void => {
  for (const origin of node.log.takeOrigins(from)) node.turn.dismissed.push({ origin, reason: "lost" })
  node.log.truncateFrom(from)
  node.configurations.truncateFrom(from)
  const { draft } = node.turn
  draft.truncateFrom = Math.min(draft.truncateFrom ?? from, from)
  draft.entries = draft.entries.filter((entry) => entry.index < from)
  // A write that is still on its way may confirm entries that were replaced since: it must not vouch for
  // their successors at the same index (HAZARDS R9).
  for (const write of node.pendingWrites) write.lastIndex = Math.min(write.lastIndex, from - 1)
}

/** Closes the turn: what is to be written gets its number, and what rests on it waits there. */
export const takeTurn = (node: Node): Turn => {
  const { turn } = node
  const { draft } = turn
  const { whenDurable } = draft
  const factual = draft.hardState !== null || draft.install !== null || draft.standing !== null
  if (factual || draft.truncateFrom !== null || draft.entries.length > 0) {
    const write: Write = {
      sequence: node.nextSequence++,
      hardState: draft.hardState,
      install: draft.install,
      truncateFrom: draft.truncateFrom,
      entries: draft.entries,
      standing: draft.standing,
    }
    turn.write = write
    node.pendingWrites.push({
      sequence: write.sequence,
      lastIndex: node.log.lastIndex,
      factual,
      isHardStateOnly: draft.install === null && draft.standing === null,
      messages: whenDurable,
    })
  } else if (whenDurable.length > 0) {
    const last = node.pendingWrites.at(-1)
    if (last === undefined) turn.messages.push(...whenDurable.map(released))
    else last.messages.push(...whenDurable)
  }
  node.turn = emptyTurn()
  return turn
}

/** All writes up to `sequence` are durable: what rested on them may leave. */
export const confirmWrites = (node: Node, sequence: number): void => {
  const ready: Array<Outgoing> = []
  while (node.pendingWrites.length > 0 && node.pendingWrites[0]!.sequence <= sequence) {
    const write = node.pendingWrites.shift()!
    node.log.persistedIndex = Math.max(node.log.persistedIndex, write.lastIndex)
    ready.push(...write.messages.map(released))
  }
  node.turn.messages.push(...ready)
}

/**
 * Term and vote of all writes up to `sequence` are durable, ahead of entries for which the disk has no room: what waited
 * for no entry may leave (HAZARDS S7). Nobody has heard of those entries from this node, as if it had never received
 * them; a term or a vote that is durable earlier than what was written before it binds the node only the more.
 */
export const confirmHardState = (node: Node, sequence: number): void => {
  const { pendingWrites, log, turn } = node
  for (const write of pendingWrites) {
    if (write.sequence <= sequence && write.isHardStateOnly) write.factual = false
  }
  for (const write of pendingWrites) {
    if (write.factual) return
    const isReady = ({ through }: Held) => through <= log.persistedIndex
    turn.messages.push(...write.messages.filter(isReady).map(released))
    write.messages = write.messages.filter((held) => !isReady(held))
  }
}

const released = ({ to, message }: Held): Outgoing => ({ to, message })

/** Term, vote and standing are on disk as they are in memory. */
export const isFactDurable = (node: Node): boolean => !isFactPending(node)

const isFactPending = (node: Node): boolean =>
  node.turn.draft.hardState !== null ||
  node.turn.draft.install !== null ||
  node.turn.draft.standing !== null ||
  node.pendingWrites.some((write) => write.factual)
