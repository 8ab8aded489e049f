// Do frames survive being cut anywhere, and does a lie about their length cost nothing?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { FrameReader, headerBytes, Malformed, seal } from "../../src/transport/framing.ts"

const frameOf = (payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(headerBytes + payload.length)
  frame.set(payload, headerBytes)
  return seal(frame)
}

/** A stream of the frames, cut at the given places. */
const cut = (frames: ReadonlyArray<Uint8Array>, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const stream = new Uint8Array(Buffer.concat(frames))
  const ends = [...places.map((place) => place % (stream.length + 1)), stream.length].sort((a, b) => a - b)
  return ends.map((end, at) => stream.subarray(ends[at - 1] ?? 0, end))
}

const readAll = (reader: FrameReader, chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const read: Array<Uint8Array> = []
  for (const chunk of chunks) reader.push(chunk, (payload) => read.push(payload.slice()) > 0)
  return read
}

describe("frames", () => {
  test("come out whole and in order, wherever the stream was cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (payloads, places) => {
          const read = readAll(new FrameReader(300), cut(payloads.map(frameOf), places))
          expect(read).toEqual(payloads)
        },
      ),
      { numRuns: 500 },
    )
  })

  test("come out when every byte comes alone", () => {
    const payloads = [new Uint8Array(0), new Uint8Array(3).fill(1), new Uint8Array(1_000).fill(2)]
    const stream = new Uint8Array(Buffer.concat(payloads.map(frameOf)))
    const bytes = [...stream.keys()].map((at) => stream.subarray(at, at + 1))
    expect(readAll(new FrameReader(1_000), bytes)).toEqual(payloads)
  })

  test("a flipped bit anywhere is found, or never completes a frame", () => {
    const frame = frameOf(new Uint8Array(20).fill(7))
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const broken = frame.slice()
      broken[bit >> 3]! ^= 1 << (bit & 7)
      let read = 0
      try {
        new FrameReader(1_000).push(broken, () => {
          read += 1
          return true
        })
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
      expect(read).toBe(0)
    }
  })

  test("a length beyond the bound is refused before anything is kept (X2)", () => {
    const reader = new FrameReader(100)
    const header = frameOf(new Uint8Array(101)).subarray(0, headerBytes)
    expect(() => reader.push(header, () => true)).toThrow(Malformed)
    expect(reader.bufferedBytes).toBe(0)
    const slow = new FrameReader(100)
    slow.push(header.subarray(0, 7), () => true)
    expect(() => slow.push(header.subarray(7), () => true)).toThrow(Malformed)
  })

  test("an announced length costs no memory until its bytes have come (X2)", () => {
    const reader = new FrameReader(16 * 1024 * 1024)
    const frame = frameOf(new Uint8Array(8 * 1024 * 1024))
    reader.push(frame.subarray(0, 1_000), () => true)
    expect(reader.bufferedBytes).toBe(1_000)
    for (let at = 1_000; at < 100_000; at += 1) reader.push(frame.subarray(at, at + 1), () => true)
    expect(reader.bufferedBytes).toBeLessThanOrEqual(2 * 100_000)
  })

  test("a large frame in small pieces is put together in linear time", () => {
    const frame = frameOf(new Uint8Array(8 * 1024 * 1024).fill(3))
    const pieces: Array<Uint8Array> = []
    for (let at = 0; at < frame.length; at += 1_000) pieces.push(frame.subarray(at, at + 1_000))
    const reader = new FrameReader(8 * 1024 * 1024)
    const startedAt = performance.now()
    expect(readAll(reader, pieces)).toHaveLength(1)
    // Copying what is there for each of 8,389 pieces would move 35 GB.
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect(reader.bufferedBytes).toBe(0)
  })

  test("who stops reading gets nothing more of the chunk", () => {
    const frames = [frameOf(new Uint8Array([1])), frameOf(new Uint8Array([2]))]
    const reader = new FrameReader(10)
    const read: Array<number> = []
    reader.push(new Uint8Array(Buffer.concat(frames)), (payload) => {
      read.push(payload[0]!)
      return false
    })
    expect(read).toEqual([1])
  })
})
