// Is a retry safe? One idempotency key is executed once per instance, and every retry gets the first answer.

import { describe, expect, test } from "bun:test"
import counter from "../../actors/counter.ts"
import { outcomeSlot } from "../../src/machine/Outcomes.ts"
import { rowsOf } from "../../src/machine/outcomeRows.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { Bench, command, initial, refusalOf } from "./Bench.ts"

const registry = registryOf({ counter })

describe("a retry (contract §3, HAZARDS C1, C6)", () => {
  const restarts: ReadonlyArray<readonly [string, (at: Bench) => void]> = [
    ["at once", () => {}],
    ["after a flush", (at) => void at.machine.flush()],
    [
      "after a flush and a restart",
      (at) => {
        at.machine.flush()
        at.restart()
      },
    ],
  ]
  for (const [when, between] of restarts) {
    test(`${when} gets the first answer and executes nothing`, () => {
      const at = new Bench(registry)
      const add = command({ json: { by: 3 }, idempotencyKey: "once" })
      const first = at.propose(add)
      at.propose(command({ json: { by: 10 } }))
      between(at)
      expect(at.apply(add)).toEqual({ ...first, replayed: true } as never)
      expect(at.propose(add)).toEqual({ ...first, replayed: true } as never)
      expect(at.read("value")).toMatchObject({ result: 13, revision: 2 })
    })

    test(`${when} of a rejected command stays rejected, also when it would now succeed`, () => {
      const at = new Bench(registry)
      at.propose(command({ json: { by: 2 ** 53 - 1 } }))
      const add = command({ json: { by: 1 }, idempotencyKey: "once" })
      const first = at.propose(add)
      expect(refusalOf(first)).toMatchObject({ code: "rejected", reason: { code: "out-of-range" } })
      at.propose(command({ json: { by: -10 } }))
      between(at)
      expect(at.apply(add)).toEqual({ ...first, replayed: true } as never)
      expect(at.read("value")).toMatchObject({ revision: 2 })
    })

    test(`${when} of a command that met another revision is refused again, also when the revision fits now`, () => {
      const at = new Bench(registry)
      const add = command({ json: { by: 1 }, idempotencyKey: "once", ifRevision: 1 })
      const first = at.apply(add)
      expect(refusalOf(first)).toMatchObject({ code: "revision-mismatch", revision: 0 })
      at.propose(command({ json: { by: 10 } }))
      between(at)
      expect(at.apply(add)).toEqual({ ...first, replayed: true } as never)
      expect(at.read("value")).toMatchObject({ result: 10, revision: 1 })
    })

    test(`${when} with another input or command is a mismatch, and leaves the first answer in place`, () => {
      const at = new Bench(registry)
      const add = command({ json: { by: 3 }, idempotencyKey: "once" })
      const first = at.propose(add)
      between(at)
      for (const other of [
        { ...add, input: '{"by":4}' },
        { ...add, command: "sub" },
      ]) {
        expect(refusalOf(at.propose(other))).toMatchObject({ code: "idempotency-mismatch", replayed: false })
        expect(refusalOf(at.apply(other))).toMatchObject({ code: "idempotency-mismatch", replayed: false })
      }
      expect(at.propose(add)).toEqual({ ...first, replayed: true } as never)
      expect(at.read("value")).toMatchObject({ result: 3, revision: 1 })
    })
  }

  test("written with other white space or order of keys is the same request", () => {
    const at = new Bench(registry)
    at.propose(command({ input: '{"by":3}', idempotencyKey: "once" }))
    expect(at.propose(command({ input: ' {"by" :\n3.0} ', idempotencyKey: "once" }))).toMatchObject({
      replayed: true,
    })
  })

  test("with another expected revision gets the first answer: the key names the request", () => {
    const at = new Bench(registry)
    at.propose(command({ json: { by: 3 }, idempotencyKey: "once" }))
    expect(at.propose(command({ json: { by: 3 }, idempotencyKey: "once", ifRevision: 1 }))).toMatchObject({
      _tag: "Accepted",
      replayed: true,
    })
  })

  test("under the same key of another instance is another command", () => {
    const at = new Bench(registry)
    at.propose(command({ json: { by: 3 }, idempotencyKey: "once" }))
    expect(at.propose(command({ key: "b", json: { by: 3 }, idempotencyKey: "once" }))).toMatchObject({
      replayed: false,
    })
  })

  test("in the same batch is executed once", () => {
    const at = new Bench(registry)
    const add = command({ json: { by: 3 }, idempotencyKey: "once" })
    expect([at.apply(add), at.apply(add)]).toMatchObject([{ replayed: false }, { replayed: true }])
    expect(at.read("value")).toMatchObject({ result: 3 })
  })
})

describe("the last outcomes of the group are remembered (contract §3)", () => {
  const remembered = (at: Bench, key: string): boolean => {
    const admission = at.admit(command({ json: { by: 1 }, idempotencyKey: key }))
    return admission._tag === "Settled"
  }

  test("as many as the limit, oldest first forgotten, whether flushed, restarted or not", () => {
    for (const every of [1, 2, 3, 5, 100]) {
      const at = new Bench(registry, { outcomesMax: 4 })
      for (let round = 1; round <= 12; round++) {
        at.propose(command({ json: { by: 1 }, idempotencyKey: `k${round}` }))
        if (round % every === 0) {
          at.machine.flush()
          at.restart()
        }
        const known = Array.from({ length: round }, (_, back) => remembered(at, `k${back + 1}`))
        expect(known).toEqual(known.map((_, back) => back >= round - 4))
        expect(at.machine.status().outcomes).toBe(Math.min(round, 4))
      }
      at.machine.flush()
      const store = openMemoryStateStore(at.disk, { group: "main", initial })
      const [chunks, outcomesFrom] = [[...store.outcomes()], store.outcomesForgottenBelow()]
      const stored = chunks.flatMap((chunk) => Array.from(rowsOf(chunk), ({ row }) => row))
      expect(
        stored.filter(({ index }) => index >= outcomesFrom).map(({ idempotencyKey }) => idempotencyKey),
      ).toEqual(["k9", "k10", "k11", "k12"])
      // A chunk goes as a whole, as soon as none of it is remembered.
      expect(chunks.every(({ lastIndex }) => lastIndex >= outcomesFrom)).toBe(true)
    }
  })

  test("an executed command whose outcome was forgotten is executed again, and remembered anew", () => {
    const at = new Bench(registry, { outcomesMax: 2 })
    const add = command({ json: { by: 1 }, idempotencyKey: "k" })
    at.propose(add)
    at.machine.flush()
    for (let other = 0; other < 2; other++) at.propose(command({ json: { by: 1 } }))
    expect(at.propose(add)).toMatchObject({ replayed: false, revision: 4 })
    at.machine.flush()
    expect(at.propose(add)).toMatchObject({ replayed: true, revision: 4 })
  })

  test("two keys whose hashes clash are still two keys", () => {
    const [one, other] = clash()
    const at = new Bench(registry, { outcomesMax: 2 })
    const add = (idempotencyKey: string) => at.propose(command({ json: { by: 1 }, idempotencyKey }))
    expect([add(one), add(other)]).toMatchObject([{ replayed: false }, { replayed: false }])
    at.machine.flush()
    expect([remembered(at, one), remembered(at, other)]).toEqual([true, true])
    add("third")
    // The first row is still on disk, and the second holds its hash: only its index says that it is forgotten.
    expect([remembered(at, one), remembered(at, other)]).toEqual([false, true])
    add("fourth")
    expect([remembered(at, one), remembered(at, other)]).toEqual([false, false])
  })

  test("refusals at the door are not remembered: they never stood in the log", () => {
    const at = new Bench(registry)
    at.propose(command({ json: { by: "x" }, idempotencyKey: "k" }))
    expect(at.propose(command({ json: { by: 1 }, idempotencyKey: "k" }))).toMatchObject({ replayed: false })
  })
})

/** Two idempotency keys of the instance "a" with one hash: among some ten thousand there are. */
const clash = (): readonly [string, string] => {
  const seen = new Map<number, string>()
  for (let number = 0; ; number++) {
    const key = `clash-${number}`
    const { hash } = outcomeSlot("counter", "a", key)
    const earlier = seen.get(hash)
    if (earlier !== undefined) return [earlier, key]
    seen.set(hash, key)
  }
}
