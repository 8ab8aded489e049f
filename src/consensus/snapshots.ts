// How does a follower that fell behind the log get a whole state? (Raft §7)

import { becomeWhole } from "./follower.ts"
import type { SnapshotChunk, SnapshotReply } from "./message.ts"
import type { Input, Leader, Node } from "./node.ts"
import { isBelieved, onMatched } from "./replication.ts"
import { say } from "./turn.ts"
import type { Index, Millis, NodeId } from "./types.ts"

/** A piece arrived. Old news are answered at once; the rest is for the snapshotter to keep. */
export const onSnapshotChunk = (node: Node, from: NodeId, chunk: SnapshotChunk): void => {
  // State never goes back (HAZARDS N5).
  if (chunk.snapshot.index <= node.commitIndex) reply(node, from, chunk, 0, node.commitIndex)
  else node.turn.chunks.push({ from, chunk })
}

export const onChunkKept = (node: Node, input: Extract<Input, { type: "ChunkKept" }>): void => {
  if (input.chunk.term === node.term) reply(node, input.from, input.chunk, input.received, 0)
}

/**
 * The file is complete and durable: log and state begin behind it. In one write the old log goes, and what
 * conflicts with the snapshot goes with it (HAZARDS N2, N3), as do configurations that it does not know of
 * (N4). The machine takes the file over when that write is durable; a crash in between is finished at the
 * next start.
 */
export const onSnapshotCompleted = (
  node: Node,
  input: Extract<Input, { type: "SnapshotCompleted" }>,
): void => {
  const { from, chunk } = input
  const { index, term, configuration } = chunk.snapshot
  if (chunk.term !== node.term || node.role.kind !== "follower") return
  if (index <= node.commitIndex) return reply(node, from, chunk, 0, node.commitIndex)
  if (node.log.termAt(index) === term) {
    // The log holds the snapshot's last entry, and so everything before it (§5.3): there is nothing to install.
    node.commitIndex = index
    becomeWhole(node, chunk, index)
    return reply(node, from, chunk, chunk.totalBytes, index)
  }
  for (const origin of node.log.takeOrigins(0)) node.turn.dismissed.push({ origin, reason: "lost" })
  // Until the write is durable only the state that is there now counts as being on disk.
  const persistedIndex = Math.min(node.log.persistedIndex, node.commitIndex)
  for (const write of node.pendingWrites) write.lastIndex = Math.min(write.lastIndex, persistedIndex)
  node.log.reset({ index, term })
  node.log.persistedIndex = persistedIndex
  node.configurations.reset({ index, configuration })
  node.commitIndex = index
  node.pendingInstall = { snapshotId: chunk.id, index }
  node.turn.draft.entries = []
  node.turn.draft.truncateFrom = null
  node.turn.draft.install = { index, term, configuration, snapshotId: chunk.id }
  becomeWhole(node, chunk, index)
  reply(node, from, chunk, chunk.totalBytes, index)
}

const reply = (node: Node, to: NodeId, chunk: SnapshotChunk, received: number, installedIndex: Index): void =>
  say(
    node,
    to,
    {
      type: "SnapshotReply",
      term: node.term,
      id: chunk.id,
      received,
      installedIndex,
      whole: node.standing === "whole",
      session: chunk.session,
    },
    installedIndex,
  )

/** The follower's word on a snapshot. The caller has checked the term. */
export const onSnapshotReply = (
  node: Node,
  leader: Leader,
  from: NodeId,
  reply: SnapshotReply,
  now: Millis,
): void => {
  const progress = leader.progress.get(from)
  const held = reply.installedIndex > 0 ? reply.installedIndex : null
  if (progress === undefined || !isBelieved(node, progress, reply, held, now)) return
  if (held !== null) {
    progress.acknowledged(reply.installedIndex)
    progress.probeFrom(reply.installedIndex + 1)
    onMatched(node, leader, progress, reply.installedIndex, now)
  } else if (progress.snapshot?.id === reply.id) {
    progress.snapshot.received = reply.received
    progress.snapshot.replies++
  }
}
