// What does every layer of the transport promise?

import { describe, expect, test } from "bun:test"
import { Effect, Queue, type Scope } from "effect"
import { MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import type { Inbound } from "../../src/transport/Transport.ts"
import { boxOf } from "./boxOf.ts"
import {
  bulk,
  connectAll,
  eventually,
  group,
  peerOf,
  run,
  startMemory,
  startSocket,
  type TestNode,
  take,
  vote,
} from "./support.ts"

type Start = (id: string) => Effect.Effect<TestNode, unknown, Scope.Scope>

const layers: Readonly<Record<string, () => Start>> = {
  layerSocket: () => (id) => startSocket(id),
  layerMemory: () => {
    const network = new MemoryNetwork()
    return (id) => startMemory(network, id)
  },
}

for (const [name, layer] of Object.entries(layers)) {
  const cluster = Effect.fnUntraced(function* (...ids: ReadonlyArray<string>) {
    const start = layer()
    const nodes = yield* Effect.forEach(ids, start)
    yield* connectAll(nodes)
    return nodes
  })

  describe(`${name}: a transport`, () => {
    test("delivers to the named node alone, and says who sent it", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2, n3] = yield* cluster("n1", "n2", "n3")
          expect(n1!.transport.send("n2", group, vote(7))).toBe(true)
          expect(yield* take(n2!)).toEqual({ from: "n1", payload: vote(7) })
          expect(n2!.transport.send("n1", group, vote(8))).toBe(true)
          expect(yield* take(n1!)).toEqual({ from: "n2", payload: vote(8) })
          expect(yield* Queue.size(n3!.mailbox)).toBe(0)
        }),
      ))

    test("keeps the order of what it delivers", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          for (let term = 1; term <= 1_000; term += 1) {
            n1!.transport.send("n2", group, vote(term))
            if (term % 100 === 0) yield* Effect.yieldNow
          }
          for (let term = 1; term <= 1_000; term += 1) {
            expect((yield* take(n2!)).payload).toEqual(vote(term))
          }
        }),
      ))

    test("delivers a batch of a megabyte", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          expect(n1!.transport.send("n2", group, bulk(1, 1024 * 1024))).toBe(true)
          expect((yield* take(n2!)).payload).toEqual(bulk(1, 1024 * 1024))
        }),
      ))

    test("delivers to the mailbox of the message's group, and drops what has none", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          const other = yield* Queue.unbounded<Inbound>()
          yield* n2!.transport.attach("other", boxOf(other))
          n1!.transport.send("n2", "nobody's", vote(1))
          n1!.transport.send("n2", "other", vote(2))
          n1!.transport.send("n2", group, vote(3))
          expect(yield* Queue.take(other)).toEqual({ from: "n1", payload: vote(2) })
          expect((yield* take(n2!)).payload).toEqual(vote(3))
        }),
      ))

    test("a mailbox attached anew takes over", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          const second = yield* Queue.unbounded<Inbound>()
          yield* n2!.transport.attach(group, boxOf(second))
          n1!.transport.send("n2", group, vote(1))
          expect((yield* Queue.take(second)).payload).toEqual(vote(1))
          expect(yield* Queue.size(n2!.mailbox)).toBe(0)
        }),
      ))

    test("says no to who is not a peer: a stranger, itself, one no longer named", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          expect(n1!.transport.send("n9", group, vote(1))).toBe(false)
          expect(n1!.transport.send("n1", group, vote(1))).toBe(false)
          yield* n1!.transport.connect({}, 0)
          expect(n1!.transport.connections()).toEqual([])
          expect(n1!.transport.send("n2", group, vote(1))).toBe(false)
          // Both ends: whom we no longer name cannot reach us either.
          yield* eventually("n2 has lost n1", () => peerOf(n2!, "n1").state === "connecting")
          n2!.transport.send("n1", group, vote(2))
          expect(yield* Queue.size(n1!.mailbox)).toBe(0)
        }),
      ))

    test("connecting again to the same peers changes nothing", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          const peers = { n1: n1!.address, n2: n2!.address }
          yield* n1!.transport.connect(peers, 0)
          yield* n1!.transport.connect(peers, 0)
          expect(peerOf(n1!, "n2")).toMatchObject({ state: "open", opened: 1 })
          expect(n1!.transport.send("n2", group, vote(1))).toBe(true)
          expect((yield* take(n2!)).payload).toEqual(vote(1))
        }),
      ))

    test("drops and counts what is sent to a node that has stopped", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          yield* n2!.stop
          yield* eventually("n1 has noticed", () => peerOf(n1!, "n2").state === "connecting")
          const before = peerOf(n1!, "n2").dropped
          expect(n1!.transport.send("n2", group, vote(1))).toBe(false)
          expect(peerOf(n1!, "n2")).toMatchObject({ dropped: before + 1, outboundBytes: 0 })
        }),
      ))

    test("counts what it sends and receives", () =>
      run(
        Effect.gen(function* () {
          const [n1, n2] = yield* cluster("n1", "n2")
          n1!.transport.send("n2", group, bulk(1, 100))
          yield* take(n2!)
          expect(peerOf(n1!, "n2").sentMessages).toBeGreaterThanOrEqual(1)
          expect(peerOf(n1!, "n2").sentBytes).toBeGreaterThan(100)
          expect(peerOf(n2!, "n1")).toMatchObject({ receivedMessages: 1 })
          expect(peerOf(n2!, "n1").receivedBytes).toBeGreaterThan(100)
        }),
      ))
  })
}
