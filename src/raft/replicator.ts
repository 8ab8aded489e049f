// How does one follower get the log? An errand per peer, that sends as long as there is room in its window.

import { crc32 } from "node:zlib"
import { Effect } from "effect"
import type { Progress } from "../consensus/Progress.ts"
import { appendFrom, nextSending, type Sending, speaksFor } from "../consensus/replication.ts"
import type { NodeId } from "../consensus/types.ts"
import type { Snapshot } from "../storage/SnapshotStore.ts"
import type { Errand } from "./Errand.ts"
import { type Group, nowOf } from "./Group.ts"
import { snapshotAtLeast } from "./snapshotter.ts"

const EMPTY = new Uint8Array(0)

/** Sends until the follower has everything or its window is full. `errand`: by which that is done. */
export const replicate = Effect.fnUntraced(function* (
  group: Group,
  peer: NodeId,
  progress: Progress,
  errand: Errand,
) {
  while (true) {
    const sending = nextSending(group.node, progress, nowOf(group.clock))
    if (sending.type === "wait") return
    if (sending.type === "append") send(group, peer, progress, sending)
    else if (sending.type === "snapshot") yield* sendSnapshot(group, peer, progress, errand)
    else {
      const read = {
        group: group.node.group,
        from: sending.from,
        to: sending.to,
        bytesMax: group.options.limits.appendBytesMax,
      }
      // Compacted meanwhile: the next decision will say that a snapshot is needed.
      const entries = yield* group.log.read(read).pipe(Effect.catchTag("Compacted", () => Effect.succeed([])))
      if (entries.length > 0)
        send(group, peer, progress, appendFrom(group.node, progress, entries, nowOf(group.clock)))
    }
  }
})

const send = (group: Group, peer: NodeId, progress: Progress, sending: Sending): void => {
  if (sending.type !== "append") return
  if (group.transport.send(peer, group.node.group, sending.message)) return
  // Nobody is there, or its buffer is full: do not run ahead of it. The answer to a heartbeat begins again. A probe asks
  // the same again: where the logs agree is not known yet, and to begin from the first entry would take a snapshot.
  if (progress.state === "replicate") progress.probeFrom(progress.match + 1)
  progress.probing = true
}

/**
 * Sends a snapshot piece by piece, each when the one before was kept, from where an earlier attempt ended
 * (Raft §7). Ends when the follower has installed it, or when the progress has left the state for another
 * reason.
 */
const sendSnapshot = Effect.fnUntraced(
  function* (group: Group, peer: NodeId, progress: Progress, errand: Errand) {
    const { node, options } = group
    const snapshot = yield* snapshotAtLeast(group, node.log.base.index)
    if (snapshot === null) return yield* giveUp(group, peer, progress, "this node has no state to copy")
    progress.sendSnapshot(snapshot.id, snapshot.index)
    group.observer.event("sending a snapshot", { peer, index: snapshot.index, bytes: snapshot.bytes })
    // An empty piece first: it asks how much the follower has already.
    let bytes: Uint8Array = EMPTY
    let offset = 0
    while (progress.snapshot?.id === snapshot.id && speaksFor(node, progress)) {
      const { replies } = progress.snapshot
      sendPiece(group, peer, progress, snapshot, offset, bytes)
      const isAnswered = () => progress.snapshot?.id !== snapshot.id || progress.snapshot.replies > replies
      yield* waitUntil(errand, isAnswered, options.limits.electionTimeoutMaxMillis)
      if (progress.snapshot?.id !== snapshot.id) return
      offset = Math.min(progress.snapshot.received, snapshot.bytes)
      bytes =
        offset === snapshot.bytes
          ? EMPTY
          : yield* group.snapshots.read({ id: snapshot.id, offset, bytesMax: options.snapshotChunkBytesMax })
    }
  },
  (effect, group, peer, progress) =>
    effect.pipe(
      Effect.catchTags({
        // A newer snapshot took its place, or its file is damaged: begin again with another one.
        SnapshotCorrupt: (error) => giveUp(group, peer, progress, error.reason),
        StorageFull: () => giveUp(group, peer, progress, "no room for a snapshot"),
      }),
    ),
)

const sendPiece = (
  group: Group,
  peer: NodeId,
  progress: Progress,
  snapshot: Snapshot,
  offset: number,
  bytes: Uint8Array,
): void => {
  group.transport.send(peer, group.node.group, {
    type: "SnapshotChunk",
    term: group.node.term,
    snapshot: { index: snapshot.index, term: snapshot.term, configuration: snapshot.configuration },
    id: snapshot.id,
    totalBytes: snapshot.bytes,
    offset,
    bytes,
    checksum: crc32(bytes),
    repairThrough: progress.whole ? 0 : progress.repairThrough,
    session: progress.session,
  })
}

const giveUp = (group: Group, peer: NodeId, progress: Progress, reason: string) => {
  // As far down as this log can ask: the follower may hold it after all.
  progress.probeFrom(Math.max(progress.match, group.node.log.base.index) + 1)
  group.observer.event("a snapshot was not sent", { peer, reason })
  return Effect.sleep(group.options.limits.electionTimeoutMaxMillis)
}

/** Waits for the truth, at most so long. */
const waitUntil = Effect.fnUntraced(function* (errand: Errand, isTrue: () => boolean, atMostMillis: number) {
  const waiting = Effect.gen(function* () {
    while (!isTrue()) {
      yield* errand.raised
      errand.lower()
    }
  })
  yield* Effect.timeoutOption(waiting, atMostMillis)
})
