// How do snapshots behave without a disk? The twin of the SQLite snapshot store, over the same memory disk.

import { Effect, Layer } from "effect"
import type { GroupId } from "../consensus/types.ts"
import { StorageFailed } from "./LogStore.ts"
import type { MemoryDisk, MemorySnapshots, MemoryState } from "./MemoryDisk.ts"
import { type Snapshot, SnapshotCorrupt, SnapshotStore } from "./SnapshotStore.ts"

export const layerMemory = (options: { readonly disk: MemoryDisk; readonly group: GroupId }) => {
  const { disk, group } = options
  const kept = (): MemorySnapshots => disk.snapshots.get(group) ?? nothing
  const keep = (change: Partial<MemorySnapshots>): void => {
    disk.snapshots.set(group, { ...kept(), ...change })
  }
  const readIds = new Set<string>()
  const partOf = (id: string) => (kept().part?.id === id ? kept().part : null)
  const finishedOf = (id: string) => (kept().finished?.id === id ? kept().finished : null)

  const received = (id: string): number => {
    if (kept().part !== null && partOf(id) === null) keep({ part: null })
    if (kept().finished !== null && finishedOf(id) === null) keep({ finished: null })
    return (partOf(id) ?? finishedOf(id))?.bytes.byteLength ?? 0
  }

  return Layer.succeed(
    SnapshotStore,
    SnapshotStore.of({
      create: Effect.suspend(() => {
        const state = disk.states.get(group)
        if (state === undefined) return Effect.fail(failed("create snapshot", "there is no state yet"))
        const bytes = encodeState(state)
        const { index, term, configuration } = state.position
        const snapshot: Snapshot = { index, term, configuration, id: hashOf(bytes), bytes: bytes.byteLength }
        const older = kept().own.filter(
          (own) => own.snapshot.id !== snapshot.id && readIds.has(own.snapshot.id),
        )
        readIds.clear()
        keep({ own: [{ snapshot, bytes }, ...older] })
        return Effect.succeed(snapshot)
      }),
      latest: Effect.sync(() => kept().own[0]?.snapshot ?? null),
      read: ({ id, offset, bytesMax }) =>
        Effect.suspend(() => {
          const own = kept().own.find(({ snapshot }) => snapshot.id === id)
          if (own === undefined) return Effect.fail(new SnapshotCorrupt({ id, reason: "it is not here" }))
          readIds.add(id)
          return Effect.succeed(own.bytes.slice(offset, offset + bytesMax))
        }),
      received: (id) => Effect.sync(() => received(id)),
      receive: ({ id, offset, bytes }) =>
        Effect.sync(() => {
          const here = received(id)
          if (offset !== here || bytes.byteLength === 0) return here
          keep({ part: { id, bytes: Buffer.concat([partOf(id)?.bytes ?? new Uint8Array(), bytes]) } })
          return offset + bytes.byteLength
        }),
      finish: ({ id, bytes }) =>
        Effect.suspend(() => {
          if (finishedOf(id)?.bytes.byteLength === bytes) return Effect.void
          const part = partOf(id)
          keep({ part: null })
          const reason = refusal(part?.bytes ?? null, id, bytes)
          if (reason !== "" || part === null) return Effect.fail(new SnapshotCorrupt({ id, reason }))
          keep({ finished: part })
          return Effect.void
        }),
      install: (id) =>
        Effect.suspend(() => {
          const finished = finishedOf(id)
          if (finished !== null) {
            disk.states.set(group, decodeState(finished.bytes))
            keep({ finished: null, installed: id })
          }
          return kept().installed === id
            ? Effect.void
            : Effect.fail(failed("install snapshot", `snapshot ${id} is neither received nor installed`))
        }),
    }),
  )
}

const nothing: MemorySnapshots = { own: [], part: null, finished: null, installed: "" }

const refusal = (bytes: Uint8Array | null, id: string, expected: number): string => {
  if (bytes === null) return "nothing of it is here"
  if (bytes.byteLength !== expected) return `it has ${bytes.byteLength} bytes instead of ${expected}`
  return hashOf(bytes) === id ? "" : `its hash is ${hashOf(bytes)}`
}

const encodeState = ({ instances, outcomes, timers, ...state }: MemoryState): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      ...state,
      instances: [...instances],
      outcomes: outcomes.map((chunk) => ({ ...chunk, rows: Buffer.from(chunk.rows).toString("base64") })),
      timers: [...timers],
    }),
  )

/** The bytes were verified against their hash: they are what `encodeState` made. */
const decodeState = (bytes: Uint8Array): MemoryState => {
  const decoded = JSON.parse(new TextDecoder().decode(bytes))
  return {
    ...decoded,
    instances: new Map(decoded.instances),
    outcomes: decoded.outcomes.map((chunk: { readonly rows: string }) => ({
      ...chunk,
      rows: Uint8Array.fromBase64(chunk.rows),
    })),
    timers: new Map(decoded.timers),
  }
}

const hashOf = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex")

const failed = (operation: string, message: string): StorageFailed =>
  new StorageFailed({ operation, message, cause: message })
