// Does what arrives equal what was sent, and is everything else refused?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  decode,
  encode,
  encodeBeats,
  encodeGreeting,
  type Hello,
  type Said,
} from "../../src/transport/codec.ts"
import { headerBytes, Malformed } from "../../src/transport/framing.ts"
import { beatsMax, idLengthMax } from "../../src/transport/limits.ts"
import * as wire from "../../src/transport/raft.generated.js"
import type { Payload } from "../../src/transport/Transport.ts"
import { beat, group, messages } from "./support.ts"

const reread = (frame: Uint8Array): Said => decode(frame.subarray(headerBytes))

const hello: Hello = {
  type: "Hello",
  oldestProtocol: 1,
  newestProtocol: 2,
  clusterId: "cluster-1",
  nodeId: "n1",
  incarnation: "first",
  recipient: "n2",
  client: "http://127.0.0.1:4001",
  peer: "127.0.0.1:5001",
  asOf: 7,
  epoch: 1,
  sequence: 12,
  witnessed: { incarnation: "i-2", sequence: 11 },
  session: "s-1",
}

/** A frame as a node with other ideas would write it. */
const foreign = (frame: Partial<wire.Frame>): Uint8Array => wire.Frame.encode({ group, ...frame }).finish()

describe("what is sent arrives", () => {
  for (const [type, message] of Object.entries(messages)) {
    test(`every ${type} reads back as it was written`, () => {
      fc.assert(
        fc.property(message, (payload) => {
          expect(reread(encode(group, payload))).toEqual({ type: "Message", group, payload })
        }),
        { numRuns: 200 },
      )
    })
  }

  test("the longest group name and numbers up to 2^53 - 1 arrive exactly (H8)", () => {
    const name = "g".repeat(idLengthMax)
    const payload: Payload = {
      type: "ReadIndexReply",
      term: Number.MAX_SAFE_INTEGER,
      id: Number.MAX_SAFE_INTEGER - 1,
      index: 0,
    }
    expect(reread(encode(name, payload))).toEqual({ type: "Message", group: name, payload })
  })

  test("heartbeats of many groups read back as they were written, and so does a frame of none", () => {
    fc.assert(
      fc.property(fc.array(beat, { maxLength: 30 }), (beats) => {
        expect(reread(encodeBeats(beats))).toEqual({ type: "Beats", beats })
      }),
      { numRuns: 200 },
    )
  })

  test("a greeting reads back as it was written", () => {
    for (const greeting of [
      hello,
      { type: "Refusal", cause: "other-cluster" },
      { type: "Ping", sequence: 9 },
      { type: "Pong" },
    ] as const) {
      expect(reread(encodeGreeting(greeting))).toEqual(greeting)
    }
  })

  test("a decoded message keeps nothing of the frame alive and does not change with it", () => {
    const data = new Uint8Array([1, 2, 3])
    const frame = encode(group, { type: "ForwardRequest", id: 1, commands: [data] })
    const said = reread(frame)
    frame.fill(0)
    if (said.type !== "Message" || said.payload.type !== "ForwardRequest") throw new Error(said.type)
    expect(said.payload.commands).toEqual([data])
    expect(said.payload.commands[0]!.buffer.byteLength).toBe(3)
  })

  test("who waits for an entry stays at home", () => {
    const entry = {
      index: 1,
      term: 1,
      time: 0,
      kind: "noop",
      data: new Uint8Array(0),
      origin: { who: 1 },
    } as const
    const said = reread(
      encode(group, {
        type: "AppendRequest",
        term: 1,
        prevIndex: 0,
        prevTerm: 0,
        entries: [entry],
        commit: 0,
        repairThrough: 0,
        session: 0,
      }),
    )
    expect(said).toMatchObject({ payload: { entries: [{ index: 1, origin: null }] } })
  })

  test("a failed encoding does not spoil the next frame", () => {
    const broken = { type: "ForwardReply", id: 1, answers: [null] } as unknown as Payload
    expect(() => encode(group, broken)).toThrow()
    const payload: Payload = { type: "TimeoutNow", term: 7 }
    expect(reread(encode(group, payload))).toEqual({ type: "Message", group, payload })
  })
})

describe("what is not well-formed is refused", () => {
  for (const [what, value] of [
    ["negative", -1],
    ["fractional", 1.5],
    ["beyond 2^53 - 1", 2 ** 53],
    ["not a number", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
  ] as const) {
    test(`a term that is ${what}`, () => {
      expect(() => decode(foreign({ timeoutNow: { term: value } }))).toThrow(Malformed)
    })
  }

  test("-0 is read as the 0 that it means", () => {
    const said = decode(foreign({ timeoutNow: { term: -0 } }))
    expect(said).toEqual({ type: "Message", group, payload: { type: "TimeoutNow", term: 0 } })
  })

  const entry = { term: 3, time: 5, kind: wire.EntryKind.COMMAND, data: new Uint8Array(1) }
  const append = (
    entries: ReadonlyArray<wire.Entry>,
    rest: Partial<wire.AppendRequest> = {},
  ): Partial<wire.Frame> => ({
    appendRequest: {
      term: 3,
      prevIndex: 4,
      prevTerm: 3,
      entries,
      commit: 0,
      repairThrough: 0,
      session: 0,
      ...rest,
    },
  })
  const configuration = {
    voters: ["n1"],
    outgoing: [],
    learners: [],
    learnersNext: [],
    addresses: {},
    epoch: 0,
    resetFrom: [],
  }
  const chunk = (rest: Partial<wire.SnapshotChunk>): Partial<wire.Frame> => ({
    snapshotChunk: {
      term: 1,
      snapshot: { index: 1, term: 1, configuration },
      id: "hash",
      totalBytes: 10,
      offset: 0,
      bytes: new Uint8Array(10),
      checksum: 0,
      repairThrough: 0,
      session: 0,
      ...rest,
    },
  })
  const beatRequest = { term: 1, commit: 1, round: 1, sentAt: 1, acknowledged: 1, rest: false }
  const beatReply = { term: 1, round: 1, sentAt: 1, lastIndex: 1, whole: true, isShort: false, rests: false }
  const wireHello = { ...hello, witnessedIncarnation: "", witnessedSequence: 0 }
  const bad: Readonly<Record<string, Partial<wire.Frame>>> = {
    "a frame without a message": {},
    "a frame with two messages": {
      timeoutNow: { term: 1 },
      voteReply: { term: 1, preVote: false, granted: true },
    },
    "a message without a group": { group: "", timeoutNow: { term: 1 } },
    "a greeting with a group": { ping: { sequence: 0 } },
    "a group name that is too long": { group: "g".repeat(idLengthMax + 1), timeoutNow: { term: 1 } },
    "an entry of an unknown kind": append([{ ...entry, kind: 0 }]),
    "an entry of a kind from the future": append([{ ...entry, kind: 9 as wire.EntryKind }]),
    "a no-op with a command": append([{ ...entry, kind: wire.EntryKind.NOOP }]),
    "an entry older than the one before it": append([{ ...entry, term: 2 }]),
    "an entry of a term after the leader's": append([{ ...entry, term: 4 }]),
    "an entry whose term is not a number": append([{ ...entry, term: Number.NaN }]),
    "entries beyond the last index there is": append([entry], { prevIndex: Number.MAX_SAFE_INTEGER }),
    "a piece without a snapshot": chunk({ snapshot: null }),
    "a snapshot without a configuration": chunk({ snapshot: { index: 1, term: 1 } }),
    "a piece beyond the end of its snapshot": chunk({ offset: 1 }),
    "a snapshot without an id": chunk({ id: "" }),
    "a member without a name": chunk({
      snapshot: { index: 1, term: 1, configuration: { ...configuration, voters: [""] } },
    }),
    "more members than any cluster has": chunk({
      snapshot: { index: 1, term: 1, configuration: { ...configuration, voters: Array(2_000).fill("n") } },
    }),
    "a report of a checkpoint without a hash": {
      stateReport: { index: 4, hash: "", appliedIndex: 5, stuckAt: 0 },
    },
    "a report of a hash at no checkpoint": {
      stateReport: { index: 0, hash: "ab", appliedIndex: 5, stuckAt: 0 },
    },
    "a piece beyond the end of its state": {
      statePiece: {
        index: 1,
        term: 1,
        id: "ab",
        totalBytes: 1,
        offset: 1,
        bytes: new Uint8Array(1),
        checksum: 0,
      },
    },
    "a parting that names no hash": { stateParted: { index: 4, hash: "" } },
    "heartbeats with a group around them": { beats: { beats: [] } },
    "a heartbeat of no group": { group: "", beats: { beats: [{ group: "", request: beatRequest }] } },
    "a heartbeat that says nothing": { group: "", beats: { beats: [{ group }] } },
    "a heartbeat that asks and answers": {
      group: "",
      beats: { beats: [{ group, request: beatRequest, reply: beatReply }] },
    },
    "a heartbeat that counts nothing": {
      group: "",
      beats: { beats: [{ group, request: { ...beatRequest, round: -1 } }] },
    },
    "more heartbeats than a frame may have": {
      group: "",
      beats: { beats: Array(beatsMax + 1).fill({ group, request: beatRequest }) },
    },
    "a hello without a session": { group: "", hello: { ...wireHello, session: "" } },
    "a hello without a name": { group: "", hello: { ...wireHello, nodeId: "" } },
    "a hello without a protocol": { group: "", hello: { ...wireHello, oldestProtocol: 0 } },
    "a hello whose protocols run backwards": { group: "", hello: { ...wireHello, oldestProtocol: 3 } },
  }
  for (const [what, frame] of Object.entries(bad)) {
    test(what, () => expect(() => decode(foreign(frame))).toThrow(Malformed))
  }

  test("any bytes read as a well-formed message or are malformed, and nothing else happens (X2)", () => {
    const sometimes = fc.oneof(...Object.values(messages)).map((payload) => encode(group, payload))
    fc.assert(
      fc.property(
        sometimes,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }))),
        fc.nat(),
        (frame, hits, cut) => {
          const bytes = frame.slice(headerBytes)
          for (const [at, value] of hits) bytes[at % bytes.length] = value
          try {
            const said = decode(bytes.subarray(0, cut % (bytes.length + 1)))
            // What was let in must be fit to be said again.
            if (said.type === "Message") expect(reread(encode(said.group, said.payload))).toEqual(said)
          } catch (error) {
            expect(error).toBeInstanceOf(Malformed)
          }
        },
      ),
      { numRuns: 2_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
