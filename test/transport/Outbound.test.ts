// Does everything leave once and in order, the urgent first, and never more than fits?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isControl, Outbound } from "../../src/transport/Outbound.ts"
import { messages } from "./support.ts"

const limits = { bulkBytesMax: 1_000, controlBytesMax: 100, gatherBytesMax: 64 }
const frame = (mark: number, bytes = 10): Uint8Array => new Uint8Array(bytes).fill(mark)

/** Lets everything leave through a socket that takes `room` bytes at a time. */
const drain = (outbound: Outbound, room: number): ReadonlyArray<number> => {
  const left: Array<number> = []
  for (let bytes = outbound.next(); bytes.length > 0; bytes = outbound.next()) {
    left.push(...bytes.subarray(0, room))
    outbound.wrote(Math.min(room, bytes.length))
  }
  return left
}

describe("the outbound lanes", () => {
  test("what one turn says leaves in one write", () => {
    const outbound = new Outbound(limits)
    for (let mark = 1; mark <= 3; mark += 1) outbound.offer(frame(mark), false)
    expect([...outbound.next()]).toEqual([...frame(1), ...frame(2), ...frame(3)])
  })

  test("control overtakes bulk that has not begun to leave", () => {
    const outbound = new Outbound(limits)
    for (let mark = 1; mark <= 10; mark += 1) outbound.offer(frame(mark), false)
    const first = outbound.next()
    outbound.offer(frame(99), true)
    outbound.wrote(5)
    // The rest of what has begun, then the heartbeat, then the other bulk.
    const left = drain(outbound, 1_000)
    const marks = left.filter((mark, at) => mark !== left[at - 1])
    expect(first.length).toBeLessThanOrEqual(limits.gatherBytesMax)
    expect(marks).toEqual([1, 2, 3, 4, 5, 6, 99, 7, 8, 9, 10])
  })

  test("a full bulk lane takes no more bulk, and still every heartbeat", () => {
    const outbound = new Outbound(limits)
    while (outbound.offer(frame(1, 100), false))
      expect(outbound.bytes).toBeLessThanOrEqual(limits.bulkBytesMax)
    expect(outbound.bytes).toBe(limits.bulkBytesMax)
    expect(outbound.offer(frame(2), true)).toBe(true)
  })

  test("the bulk of each group leaves in its order, one frame of each in turn: a flood costs another one frame", () => {
    const outbound = new Outbound({ ...limits, gatherBytesMax: 10 })
    for (let mark = 1; mark <= 4; mark += 1) outbound.offer(frame(mark), false, "flooded")
    const begun = outbound.next()
    outbound.offer(frame(91), false, "quiet")
    outbound.offer(frame(92), false, "quiet")
    outbound.wrote(begun.length)
    const left = drain(outbound, 1_000)
    expect(left.filter((_, at) => at % 10 === 0)).toEqual([2, 91, 3, 92, 4])
    expect([outbound.bytes, outbound.frames]).toEqual([0, 0])
  })

  test("a group that floods the lane leaves room for another, and what may wait stays bounded", () => {
    const outbound = new Outbound({ ...limits, bulkBytesMax: 1_600 })
    const fill = (group: string) => {
      let taken = 0
      while (outbound.offer(frame(1, 50), false, group)) taken += 1
      return taken
    }
    expect(fill("flooded")).toBe(32)
    expect(fill("quiet")).toBe(2)
    for (let at = 0; at < 100; at += 1) fill(`g${at}`)
    expect(outbound.bytes).toBe(3_200)
    expect(outbound.clear()).toBe(64)
    expect(fill("quiet")).toBe(32)
  })

  test("every byte leaves once, each lane in its order, through a socket that takes what it likes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ control: fc.boolean(), bytes: fc.integer({ min: 1, max: 90 }) }), {
          maxLength: 60,
        }),
        fc.integer({ min: 1, max: 70 }),
        (frames, room) => {
          const outbound = new Outbound({ ...limits, bulkBytesMax: 1e6, controlBytesMax: 1e6 })
          frames.forEach(({ control, bytes }, at) => outbound.offer(frame(at, bytes), control))
          const inLanes = [true, false].flatMap((lane) =>
            frames.flatMap(({ control, bytes }, at) => (control === lane ? [...frame(at, bytes)] : [])),
          )
          expect(drain(outbound, room)).toEqual(inLanes)
          expect(outbound.bytes).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  })

  test("a frame larger than a gathering leaves alone and uncopied", () => {
    const outbound = new Outbound(limits)
    const large = frame(1, 500)
    outbound.offer(large, false)
    outbound.offer(frame(2), false)
    expect(outbound.next()).toBe(large)
  })

  test("when the connection is lost, everything goes with it, half a frame too", () => {
    const outbound = new Outbound(limits)
    for (let mark = 1; mark <= 20; mark += 1) outbound.offer(frame(mark), false)
    outbound.next()
    outbound.wrote(3)
    expect(outbound.clear()).toBe(14)
    expect(outbound.bytes).toBe(0)
    expect(outbound.next()).toHaveLength(0)
  })

  test("elections, heartbeats, acknowledgements and reads are control; what carries data is bulk", () => {
    const bulk = Object.keys(messages).filter((type) => !isControl(type as keyof typeof messages))
    expect(bulk.sort()).toEqual([
      "AppendRequest",
      "ForwardReply",
      "ForwardRequest",
      "QueryReply",
      "QueryRequest",
      "SnapshotChunk",
      "StatePiece",
    ])
  })
})
