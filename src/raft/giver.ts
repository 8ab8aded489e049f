// How does a peer that has lost its state get a copy of this node's? It asks for it, piece by piece.

import { crc32 } from "node:zlib"
import { Effect } from "effect"
import type { NodeId } from "../consensus/types.ts"
import type { StateRequest } from "../transport/Transport.ts"
import type { Group } from "./Group.ts"
import type { Inbox } from "./Inbox.ts"
import { isInRepair } from "./repair.ts"
import { snapshotAtLeast } from "./snapshotter.ts"

export interface Asked {
  readonly from: NodeId
  readonly request: StateRequest
}

/** One piece at a time, to whoever asked first: who is not answered asks again. */
export const giveAll = Effect.fnUntraced(function* (group: Group, asked: Inbox<Asked>) {
  for (let next = asked.take(); next !== undefined; next = asked.take()) {
    const { from, request } = next
    if (isInRepair(group)) continue
    yield* give(group, from, request).pipe(
      Effect.catchTags({
        // Another one took its place meanwhile: the next request gets that.
        SnapshotCorrupt: () => Effect.void,
        StorageFull: () => Effect.void,
      }),
    )
  }
})

const give = Effect.fnUntraced(function* (group: Group, to: NodeId, { index, id, offset }: StateRequest) {
  const { node, options, snapshots, transport } = group
  const snapshot = yield* snapshotAtLeast(group, index)
  if (snapshot === null) return
  // Of another one it has nothing yet.
  const from = snapshot.id === id ? Math.min(offset, snapshot.bytes) : 0
  const bytes = yield* snapshots.read({
    id: snapshot.id,
    offset: from,
    bytesMax: options.snapshotChunkBytesMax,
  })
  if (offset === 0) group.observer.event("giving a peer a state", { peer: to, index: snapshot.index })
  transport.send(to, node.group, {
    type: "StatePiece",
    index: snapshot.index,
    term: snapshot.term,
    id: snapshot.id,
    totalBytes: snapshot.bytes,
    offset: from,
    bytes,
    checksum: crc32(bytes),
  })
})
