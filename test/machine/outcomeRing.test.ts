// Is every remembered outcome found by its hash, and no forgotten one? Against a slow twin.

import { expect, test } from "bun:test"
import fc from "fast-check"
import { OutcomeRing } from "../../src/machine/OutcomeRing.ts"

test("the ring finds what a list would find, however hashes clash and cells run together", () => {
  // Few hashes, at both ends of the table: runs of taken cells meet and wrap around.
  const hashes = fc.constantFrom(0, 1, 2, 7, 8, 15, 2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 8)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(hashes, { maxLength: 60 }), (max, added) => {
      const ring = new OutcomeRing(max)
      const twin: Array<{ readonly index: number; readonly hash: number }> = []
      for (const [at, hash] of added.entries()) {
        const index = at * 3 + 1
        if (ring.isFull) {
          const oldest = twin.shift()!
          expect(ring.removeOldest()).toEqual({ index: oldest.index, digest: BigInt(oldest.index) })
        }
        ring.add(index, hash, BigInt(index))
        twin.push({ index, hash })
        expect(ring.count).toBe(twin.length)
        for (const asked of [0, 1, 2, 7, 8, 15, 2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 8]) {
          const expected = twin.filter((one) => one.hash === asked).map((one) => one.index)
          expect([...ring.find(asked)].sort((left, right) => left - right)).toEqual(expected)
        }
      }
      while (ring.count > 0) expect(ring.removeOldest().index).toBe(twin.shift()!.index)
      expect(ring.find(0)).toEqual([])
    }),
    { numRuns: 200 },
  )
})

test("a ring of a hundred thousand stays quick when it turns over", () => {
  const ring = new OutcomeRing(100_000)
  let longest = 0
  for (let index = 1; index <= 300_000; index++) {
    const hash = Bun.hash.xxHash32(`key ${index}`)
    longest = Math.max(longest, ring.find(hash).length)
    if (ring.isFull) ring.removeOldest()
    ring.add(index, hash, 0n)
  }
  expect(longest).toBeLessThan(4)
  for (const index of [200_001, 300_000])
    expect(ring.find(Bun.hash.xxHash32(`key ${index}`))).toContain(index)
  expect(ring.find(Bun.hash.xxHash32("key 200000"))).not.toContain(200_000)
})
