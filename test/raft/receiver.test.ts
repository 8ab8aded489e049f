// What does a node keep of the snapshots that are sent to it? Never so much that the one it rests on is lost.

import { expect, test } from "bun:test"
import { crc32 } from "node:zlib"
import { Effect } from "effect"
import type { SnapshotChunk } from "../../src/consensus/message.ts"
import type { Turn } from "../../src/consensus/node.ts"
import type { Group } from "../../src/raft/Group.ts"
import { Mailbox } from "../../src/raft/Mailbox.ts"
import { Partings } from "../../src/raft/Partings.ts"
import { Refill } from "../../src/raft/Refill.ts"
import { Receiver } from "../../src/raft/snapshotter.ts"
import { World } from "../../src/simulation/World.ts"
import type { StatePiece } from "../../src/transport/Transport.ts"

const configuration = { voters: ["a"], outgoing: [], learners: [], learnersNext: [], addresses: {} }
const bytes = new Uint8Array([1, 2, 3])

const whole = (id: string, index: number): Turn["chunks"][number] => {
  const chunk: SnapshotChunk = {
    type: "SnapshotChunk",
    term: 1,
    snapshot: { index, term: 1, configuration },
    id,
    totalBytes: bytes.length,
    offset: 0,
    bytes,
    checksum: crc32(bytes),
    repairThrough: 0,
    session: 1,
  }
  return { from: "b", chunk }
}

/** A receiver over a store that forgets all other snapshots when one is asked for, as the real ones do. */
const receiving = (voters = ["a", "c"]) => {
  const world = new World(1)
  const asked: Array<string> = []
  const sent: Array<string> = []
  const node = {
    group: "main",
    commitIndex: 0,
    appliedIndex: 0,
    pendingInstall: null as null | { snapshotId: string; index: number },
    stateFrom: 0,
    log: { base: { index: 0, term: 0 }, persistedIndex: 0, termAt: () => undefined },
    configurations: { current: { ...configuration, voters } },
    role: { kind: "follower", leader: "c" },
    id: "a",
  }
  const mailbox = new Mailbox<unknown>()
  const partings = new Partings()
  partings.begin(() => {})
  const group = {
    node,
    partings,
    clock: { monotonicTimeNanosUnsafe: () => BigInt(world.nowMillis) * 1_000_000n },
    options: { refillRetryMillis: 200 },
    transport: { send: (to: string) => sent.push(to) > 0 },
    mailbox,
    observer: { event: () => {} },
    snapshots: {
      received: (id: string) =>
        Effect.sync(() => {
          asked.push(id)
          return 0
        }),
      receive: () => Effect.succeed(bytes.length),
      finish: () => Effect.void,
    },
  } as unknown as Group
  const refill = new Refill(group, () => {})
  const receiver = new Receiver(group, refill, (life) => void world.root.fork(Effect.orDie(life)))
  return {
    asked,
    sent,
    node,
    arrives: (id: string, index: number) => {
      receiver.offer(whole(id, index))
      world.runFor(10)
    },
    pieceArrives: (id: string, index: number) => {
      const piece: StatePiece = {
        type: "StatePiece",
        index,
        term: 1,
        id,
        totalBytes: 2 * bytes.length,
        offset: 0,
        bytes,
        checksum: crc32(bytes),
      }
      receiver.offer({ from: "c", piece })
      world.runFor(10)
    },
    pause: (millis = 300) => world.runFor(millis),
    looksForState: (baseIndex: number) => {
      node.log.base.index = baseIndex
      world.root.fork(refill.life())
      world.runFor(10)
    },
    turnTakesNote: () => {
      receiver.taken()
      world.runFor(10)
    },
  }
}

test("nothing of another snapshot is asked for between a complete one and the turn that hears of it (N2, N9)", () => {
  const { asked, arrives, turnTakesNote, node } = receiving()
  arrives("first", 10)
  arrives("second", 20)
  expect(asked).toEqual(["first"])
  // The log rests on it now, and the state does not yet.
  node.pendingInstall = { snapshotId: "first", index: 10 }
  turnTakesNote()
  expect(asked).toEqual(["first"])
  arrives("second", 20)
  expect(asked).toEqual(["first"])
  node.pendingInstall = null
  arrives("second", 20)
  expect(asked).toEqual(["first", "second"])
})

test("a state that was asked for makes room for a leader's snapshot: each would make the store forget the other (N6)", () => {
  const { arrives, asked, looksForState, pause, pieceArrives, turnTakesNote } = receiving()
  looksForState(5)
  pieceArrives("state", 7)
  expect(asked).toEqual(["state"])
  arrives("snapshot", 10)
  pieceArrives("state", 7)
  expect(asked).toEqual(["state", "snapshot"])
  // The leader's turn has found that it does not need it, and it sends no more.
  turnTakesNote()
  pause()
  pieceArrives("state", 7)
  expect(asked).toEqual(["state", "snapshot", "state"])
})

test("of a state only what was asked for is kept: a late piece of another one would make the store forget it (N6)", () => {
  const { asked, looksForState, pieceArrives } = receiving()
  pieceArrives("nobody asked", 7)
  expect(asked).toEqual([])
  looksForState(5)
  pieceArrives("too old", 4)
  pieceArrives("state", 7)
  pieceArrives("state", 7)
  expect(asked).toEqual(["state"])
})

test("who is silent about a state is asked once more before the next: an answer may be lost, and a copy is of one peer", () => {
  const { looksForState, pause, pieceArrives, sent } = receiving(["a", "c", "d"])
  looksForState(5)
  pause(900)
  expect(sent).toEqual(["c", "c", "d", "d", "c"])
  // A piece has come: its peer is asked for the next one, and again.
  pieceArrives("state", 7)
  pause(500)
  expect(sent).toEqual(["c", "c", "d", "d", "c", "c", "c", "d"])
})
