// What do cut cables do, and nothing but they?

import { expect, test } from "bun:test"
import { Effect, Queue } from "effect"
import { MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { connectAll, group, peerOf, run, startMemory, vote } from "./support.ts"

const pair = Effect.gen(function* () {
  const network = new MemoryNetwork()
  const n1 = yield* startMemory(network, "n1")
  const n2 = yield* startMemory(network, "n2")
  yield* connectAll([n1, n2])
  return { network, n1, n2 }
})

test("a message has arrived when send returns", () =>
  run(
    Effect.gen(function* () {
      const { n1, n2 } = yield* pair
      n1.transport.send("n2", group, vote(1))
      expect(Queue.sizeUnsafe(n2.mailbox)).toBe(1)
    }),
  ))

test("a cable cut one way carries the other way", () =>
  run(
    Effect.gen(function* () {
      const { network, n1, n2 } = yield* pair
      network.cutOneWay("n1", "n2")
      expect(n1.transport.send("n2", group, vote(1))).toBe(false)
      expect(n2.transport.send("n1", group, vote(2))).toBe(true)
      expect(Queue.sizeUnsafe(n2.mailbox)).toBe(0)
      expect(Queue.sizeUnsafe(n1.mailbox)).toBe(1)
      expect(peerOf(n1, "n2")).toMatchObject({ state: "connecting", dropped: 1 })
      network.healOneWay("n1", "n2")
      expect(n1.transport.send("n2", group, vote(3))).toBe(true)
    }),
  ))

test("a cut cable carries nothing until it is healed", () =>
  run(
    Effect.gen(function* () {
      const { network, n1, n2 } = yield* pair
      network.cut("n1", "n2")
      expect([n1.transport.send("n2", group, vote(1)), n2.transport.send("n1", group, vote(1))]).toEqual([
        false,
        false,
      ])
      network.heal("n2", "n1")
      expect([n1.transport.send("n2", group, vote(1)), n2.transport.send("n1", group, vote(1))]).toEqual([
        true,
        true,
      ])
      network.cut("n1", "n2")
      network.healAll()
      expect(n1.transport.send("n2", group, vote(1))).toBe(true)
    }),
  ))

test("a node that has stopped can come back under its name", () =>
  run(
    Effect.gen(function* () {
      const { network, n1, n2 } = yield* pair
      yield* n2.stop
      expect(n1.transport.send("n2", group, vote(1))).toBe(false)
      const again = yield* startMemory(network, "n2")
      yield* again.transport.connect({ n1: n1.address }, 0)
      expect(n1.transport.send("n2", group, vote(2))).toBe(true)
      expect(Queue.sizeUnsafe(again.mailbox)).toBe(1)
    }),
  ))

test("what would not survive the wire throws at its sender", () =>
  run(
    Effect.gen(function* () {
      const { n1 } = yield* pair
      expect(() => n1.transport.send("n2", group, vote(-1))).toThrow("counts nothing")
    }),
  ))
