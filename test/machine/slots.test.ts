// Where does a key belong? The same place for ever, and each place to one group.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import {
  evenShards,
  everySlot,
  homeOf,
  homeProblem,
  isWithin,
  type Placement,
  placementProblem,
  type SlotRange,
  shardAt,
  shardsMax,
  slotOf,
  slotsCount,
  united,
  wholeIn,
} from "../../src/machine/slots.ts"

// A busy machine may take long for hashes that are made digit by digit.
setDefaultTimeout(30_000)

/** XXH64 as its paper has it, digit by digit (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). */
const xxh64 = (text: string, seed: bigint): bigint => {
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const
  const wrap = (value: bigint) => BigInt.asUintN(64, value)
  const turn = (value: bigint, by: bigint) => wrap((value << by) | (value >> (64n - by)))
  const round = (sum: bigint, lane: bigint) => wrap(turn(wrap(sum + lane * p2), 31n) * p1)
  const bytes = new TextEncoder().encode(text)
  const read = (at: number, length: number) =>
    bytes.slice(at, at + length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  let at = 0
  let sum = wrap(seed + p5)
  if (bytes.length >= 32) {
    let sums = [wrap(seed + p1 + p2), wrap(seed + p2), seed, wrap(seed - p1)]
    for (; at + 32 <= bytes.length; at += 32)
      sums = sums.map((one, lane) => round(one, read(at + 8 * lane, 8)))
    sum = wrap([1n, 7n, 12n, 18n].reduce((all, by, lane) => all + turn(sums[lane]!, by), 0n))
    for (const one of sums) sum = wrap((sum ^ round(0n, one)) * p1 + p4)
  }
  sum = wrap(sum + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8) sum = wrap(turn(sum ^ round(0n, read(at, 8)), 27n) * p1 + p4)
  for (; at + 4 <= bytes.length; at += 4) sum = wrap(turn(sum ^ wrap(read(at, 4) * p1), 23n) * p2 + p3)
  for (; at < bytes.length; at++) sum = wrap(turn(sum ^ wrap(read(at, 1) * p5), 11n) * p1)
  sum = wrap((sum ^ (sum >> 33n)) * p2)
  sum = wrap((sum ^ (sum >> 29n)) * p3)
  return sum ^ (sum >> 32n)
}

const slot = fc.integer({ min: 0, max: slotsCount - 1 })
const range = fc.tuple(slot, slot).map(([one, other]): SlotRange => {
  return { from: Math.min(one, other), to: Math.max(one, other) }
})
/** Short ones as well, which touch and leave gaps. */
const ranges = fc.array(
  fc.oneof(
    range,
    fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5 })).map(([from, more]) => ({
      from,
      to: from + more,
    })),
  ),
  { maxLength: 40, size: "max" },
)

const has = (all: ReadonlyArray<SlotRange>, one: number) =>
  all.some(({ from, to }) => from <= one && one <= to)

describe("a key's slot", () => {
  test("is the same for ever", () => {
    const known: Readonly<Record<string, number>> = {
      a: 63_845,
      b: 43_387,
      "order-1": 58_596,
      "order-2": 62_694,
      "0": 18_697,
      naïve: 14_707,
      ключ: 26_388,
      "😀": 44_061,
      "user/42": 2_325,
      ["x".repeat(31)]: 38_430,
      ["x".repeat(32)]: 64_260,
      ["x".repeat(33)]: 14_784,
      ["x".repeat(512)]: 25_563,
    }
    for (const [key, expected] of Object.entries(known)) expect([key, slotOf(key)]).toEqual([key, expected])
  })

  test("is xxHash64 of its UTF-8 with the seed 7, modulo 65,536", () => {
    expect(xxh64("", 0n)).toBe(0xef46db3751d8e999n)
    expect(xxh64("abc", 0n)).toBe(0x44bc2cf5ad770999n)
    const keys = fc.oneof(
      fc.string({ maxLength: 200, size: "max" }),
      fc.string({ unit: "binary", maxLength: 200, size: "max" }),
    )
    fc.assert(
      fc.property(keys, (key) => {
        expect(slotOf(key)).toBe(Number(xxh64(key, 7n) % BigInt(slotsCount)))
      }),
    )
  })

  test("does not favour any: 100,000 keys in 16 shards", () => {
    const shards = evenShards(16)
    const counts = new Map<SlotRange, number>()
    for (let count = 0; count < 100_000; count++) {
      const shard = shardAt(shards, slotOf(`order-${count}`))!
      counts.set(shard, (counts.get(shard) ?? 0) + 1)
    }
    expect(counts.size).toBe(16)
    for (const count of counts.values()) expect(Math.abs(count - 6_250)).toBeLessThan(400)
  })
})

describe("even shards", () => {
  test("have every slot once, and none has more than one slot more than another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: shardsMax }), (count) => {
        const shards = evenShards(count)
        expect(shards).toHaveLength(count)
        expect(placementProblem(shards.map((one) => ({ group: "a", ...one })))).toBeNull()
        const sizes = shards.map(({ from, to }) => to - from + 1)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test("are found by a slot", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: shardsMax }), slot, (count, one) => {
        const shards = evenShards(count)
        expect(shardAt(shards, one)).toBe(shards.find(({ from, to }) => from <= one && one <= to)!)
      }),
    )
  })
})

describe("ranges", () => {
  test("are united into as few as can be, with the same slots", () => {
    fc.assert(
      fc.property(ranges, fc.array(slot, { maxLength: 50, size: "max" }), (given, slots) => {
        const joined = united(given)
        for (const one of [...slots, ...given.flatMap(({ from, to }) => [from - 1, from, to, to + 1])]) {
          expect(shardAt(joined, one) !== undefined).toBe(has(given, one))
        }
        for (const [at, { from }] of joined.entries()) {
          if (at > 0) expect(from).toBeGreaterThan(joined[at - 1]!.to + 1)
        }
        expect(united(joined)).toEqual(joined)
      }),
    )
  })

  test("lie within others when every slot of them does", () => {
    fc.assert(
      fc.property(ranges, ranges, (inner, outer) => {
        const ends = [...inner, ...outer].flatMap(({ from, to }) => [from - 1, from, to, to + 1])
        const isInside = ends.every((one) => !has(inner, one) || has(outer, one))
        expect(isWithin(united(inner), united(outer))).toBe(isInside)
        expect(isWithin(united(inner), united([...inner, ...outer]))).toBe(true)
      }),
    )
  })
})

describe("a placement", () => {
  const parts = (...ends: ReadonlyArray<number>): Placement =>
    ends.slice(1).map((end, at) => ({ group: `g${at + 1}`, from: ends[at]!, to: end - 1 }))

  test("has every slot once, in their order", () => {
    expect(placementProblem(parts(0, 10, 65_536))).toBeNull()
    expect(placementProblem(wholeIn("main"))).toBeNull()
    // One group may have several parts.
    expect(placementProblem(parts(0, 10, 20, 65_536).map((one) => ({ ...one, group: "a" })))).toBeNull()
  })

  const broken: ReadonlyArray<readonly [string, Placement, string]> = [
    ["nothing", [], "nobody has slot 0"],
    ["the first is missing", parts(1, 65_536), "nobody has slot 0"],
    ["the last is missing", parts(0, 65_535), "nobody has slot 65535"],
    ["a gap", [...parts(0, 10), { group: "b", from: 11, to: 65_535 }], "nobody has slot 10"],
    ["one twice", [...parts(0, 10), { group: "b", from: 9, to: 65_535 }], "slot 9 comes a second time"],
    ["another order", [...parts(0, 10, 65_536)].reverse(), "nobody has slot 0"],
    ["more than there are", parts(0, 65_537), "0 to 65536 is no range of slots"],
    ["a range of none", [{ group: "a", from: 0, to: -1 }, ...wholeIn("a")], "0 to -1 is no range of slots"],
    ["half a slot", [{ group: "a", from: 0, to: 0.5 }, ...wholeIn("a")], "0 to 0.5 is no range of slots"],
    ["no name", wholeIn("$place"), "a group has a name that is none"],
    ["too many", evenShards(shardsMax + 1).map((one) => ({ group: "a", ...one })), "1025 ranges are more"],
  ]
  for (const [what, given, reason] of broken) {
    test(`is none: ${what}`, () => {
      expect(placementProblem(given)).toContain(reason)
    })
  }
})

describe("by its definition an actor is to live", () => {
  test("in main when that says nothing", () => {
    expect(homeOf("orders", {})).toEqual([{ group: "main", ...everySlot }])
  })

  test("in the group that it names", () => {
    expect(homeOf("orders", { group: "sales" })).toEqual([{ group: "sales", ...everySlot }])
  })

  test("in as many groups as it has shards, which are called by the actor, or by what it names", () => {
    expect(homeOf("orders", { shards: 2 })).toEqual([
      { group: "orders-1", from: 0, to: 32_767 },
      { group: "orders-2", from: 32_768, to: 65_535 },
    ])
    expect(homeOf("orders", { group: "sales", shards: 1 })).toEqual([{ group: "sales-1", ...everySlot }])
  })

  test("where a placement can say it, whatever a definition may have", () => {
    // Of every length up to the longest, as likely as any other.
    const name = fc.integer({ min: 1, max: 63 }).map((length) => "g".repeat(length))
    const shards = fc.option(fc.integer({ min: -1, max: shardsMax + 1 }), { nil: undefined })
    fc.assert(
      fc.property(name, fc.option(name, { nil: undefined }), shards, (actor, group, count) => {
        const given = {
          ...(group === undefined ? {} : { group }),
          ...(count === undefined ? {} : { shards: count }),
        }
        if (homeProblem(actor, given) !== null) return
        expect(placementProblem(homeOf(actor, given))).toBeNull()
      }),
    )
  })
})
