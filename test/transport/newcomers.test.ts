// Members come and go: whom does a node let in that it does not know yet, and whom no more? (M9, M10, S6)

import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, Queue } from "effect"
import { encode } from "../../src/transport/codec.ts"
import { objectionToStranger } from "../../src/transport/handshake.ts"
import {
  connectAll,
  eventually,
  group,
  helloFrom,
  impostor,
  peerOf,
  run,
  type SocketNode,
  selfOf,
  startSocket,
  stranger,
  take,
  vote,
} from "./support.ts"

const nowhere = { peer: "127.0.0.1:1", client: "" }
const named = (of: SocketNode, incarnation: string) => ({ ...of.address, incarnation })

const refusals = (node: SocketNode): Partial<Record<string, number>> =>
  Object.fromEntries(Object.entries(node.port.counters().refused).filter(([, count]) => count > 0))

/** n1, whose newest configuration stands at 10 and names n2. */
const member = Effect.fnUntraced(function* (options: Parameters<typeof startSocket>[1] = {}) {
  const n1 = yield* startSocket("n1", options)
  yield* n1.transport.connect({ n1: nowhere, n2: nowhere }, 10)
  return n1
})

describe("a caller that is unknown", () => {
  test("is let in when it knows a newer configuration, and is dialed where it says that it is (M8)", () =>
    run(
      Effect.gen(function* () {
        const n9 = yield* impostor((socket, said) => {
          if (said.type === "Hello") socket.write(helloFrom("n9", "n1"))
        })
        const n1 = yield* member()
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(helloFrom("n9", "n1", { asOf: 11, peer: n9.address.peer }))
        yield* eventually("it is welcome", () => caller.heard.length === 1)
        expect(caller.heard[0]).toMatchObject({ type: "Hello", nodeId: "n1", asOf: 10 })
        caller.write(encode(group, vote(7)))
        expect(yield* take(n1)).toEqual({ from: "n9", payload: vote(7) })
        yield* eventually("it is dialed back", () => peerOf(n1, "n9").state === "open")
        expect(n1.transport.send("n9", group, vote(8))).toBe(true)
        expect(n1.transport.connections().map(({ id }) => id)).toEqual(["n2", "n9"])
      }),
    ))

  test("is left again by a configuration that does not name it, and has none newer to say", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* member()
        const caller = yield* stranger(n1.port.listening.port)
        const hello = helloFrom("n9", "n1", { asOf: 11, peer: nowhere.peer })
        caller.write(hello)
        yield* eventually("it is welcome", () => caller.heard.length === 1)
        yield* n1.transport.connect({ n2: nowhere }, 11)
        yield* eventually("it is cut off", () => caller.isClosed())
        expect(n1.transport.connections().map(({ id }) => id)).toEqual(["n2"])
        const again = yield* stranger(n1.port.listening.port)
        again.write(hello)
        yield* eventually("it is refused", () => again.isClosed())
        expect(again.heard).toEqual([{ type: "Refusal", cause: "unknown-node" }])
      }),
    ))

  for (const [what, other] of Object.entries({
    "whose configuration is older, as that of one that was removed (M9)": { asOf: 9, peer: nowhere.peer },
    "whose configuration is the same": { asOf: 10, peer: nowhere.peer },
    "that cannot be dialed back": { asOf: 11, peer: "" },
    "of another cluster, whatever it knows (M14)": { asOf: 11, peer: nowhere.peer, clusterId: "cluster-2" },
    "that looks for somebody else": { asOf: 11, peer: nowhere.peer, recipient: "n3" },
    "that claims to be ourselves": { asOf: 11, peer: nowhere.peer, nodeId: "n1" },
  })) {
    test(`is refused ${what}`, () =>
      run(
        Effect.gen(function* () {
          const asked: Array<string> = []
          const n1 = yield* member({
            rememberIncarnation: (peer) =>
              Effect.sync(() => {
                asked.push(peer)
                return "known"
              }),
          })
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom("n9", "n1", other))
          yield* eventually("it is cut off", () => caller.isClosed())
          expect(caller.heard).toMatchObject([{ type: "Refusal" }])
          expect(asked).toEqual([])
          expect(n1.transport.connections().map(({ id }) => id)).toEqual(["n2"])
        }),
      ))
  }

  test("that a reset gave up stays out though it is still a peer, and a member that lags behind the reset does not (O7)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        yield* n1.transport.connect({ n2: nowhere, n3: nowhere }, 10, 1, new Set(["n3"]))
        const judged = Effect.fnUntraced(function* (id: string) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom(id, "n1", { asOf: 99, peer: nowhere.peer }))
          yield* eventually(`${id} is answered`, () => caller.heard.length === 1)
          return caller.heard[0]
        })
        expect(yield* judged("n2")).toMatchObject({ type: "Hello" })
        expect(yield* judged("n3")).toEqual({ type: "Refusal", cause: "superseded" })
      }),
    ))

  test("waits until this node knows who may come in (O7)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(helloFrom("n3", "n1", { asOf: 99, peer: nowhere.peer }))
        yield* eventually("it is connected", () => n1.port.counters().accepted === 1)
        yield* Effect.sleep(20)
        expect(caller.heard).toEqual([])
        yield* n1.transport.connect({ n2: nowhere }, 100, 1)
        yield* eventually("it is answered", () => caller.heard.length === 1)
        expect(caller.heard[0]).toEqual({ type: "Refusal", cause: "superseded" })
      }),
    ))

  test("is ahead only by a newer configuration, with a place to be found at; one from before a reset never is (O7)", () => {
    const self = selfOf({ id: "n1", clusterId: "c", asOf: 10, epoch: 1 })
    const judged = (
      asOf: number,
      epoch: number,
      of: { readonly peer?: string; readonly nodeId?: string } = {},
    ) =>
      objectionToStranger(
        { nodeId: "n9", peer: "h:1", ...of, asOf, epoch } as Parameters<typeof objectionToStranger>[0],
        self,
      )
    expect([judged(9, 1), judged(10, 1), judged(11, 1), judged(11, 1, { peer: "" })]).toEqual([
      "unknown-node",
      "unknown-node",
      null,
      "unknown-node",
    ])
    expect([judged(99, 0), judged(1, 2), judged(99, 1, { nodeId: "n1" })]).toEqual([
      "superseded",
      null,
      "unknown-node",
    ])
  })

  test("a whole node comes in so, and both hear each other", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        yield* n1.transport.connect({}, 10)
        const listen = yield* freePort
        const n9 = yield* startSocket("n9", { listen, peer: `${listen.hostname}:${listen.port}` })
        yield* n9.transport.connect({ n1: n1.address }, 11)
        yield* eventually(
          "both are connected",
          () => n1.transport.connections()[0]?.state === "open" && peerOf(n9, "n1").state === "open",
        )
        n1.transport.send("n9", group, vote(1))
        n9.transport.send("n1", group, vote(2))
        expect([(yield* take(n9)).payload, (yield* take(n1)).payload]).toEqual([vote(1), vote(2)])
      }),
    ))
})

/** As the kernel gives it; nobody else takes it in the meantime. */
const freePort = Effect.map(Effect.scoped(startSocket("port")), ({ port }) => port.listening)

describe("a node that was given up by a reset", () => {
  test("learns it from whoever knows of a later epoch, when it belongs to anybody (O7)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        yield* n1.transport.connect({}, 10, 1)
        const n2 = yield* startSocket("n2")
        const given = yield* Effect.forkChild(n2.port.superseded)
        yield* n2.transport.connect({ n1: n1.address }, 99, 0)
        yield* eventually("it is refused", () => peerOf(n2, "n1").refused > 0)
        expect(given.pollUnsafe()).toBeUndefined()
        yield* n2.transport.connect({ n1: n1.address, n2: nowhere }, 99, 0)
        expect(yield* Fiber.join(given)).toBe("n1")
      }),
    ))
})

test("who belongs to no cluster yet remembers nobody for good: whom it met may be another by then (S6)", () =>
  run(
    Effect.gen(function* () {
      const asked: Array<string> = []
      const n1 = yield* startSocket("n1", {
        rememberIncarnation: (_peer, incarnation) => {
          asked.push(incarnation)
          return Effect.succeed("known" as const)
        },
      })
      const greets = Effect.fnUntraced(function* (incarnation: string) {
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(helloFrom("n2", "n1", { incarnation }))
        yield* eventually("it is answered", () => caller.heard.length > 0)
        return caller.heard[0]
      })
      yield* n1.transport.connect({ n2: nowhere }, 0)
      expect(yield* greets("first")).toMatchObject({ type: "Hello" })
      expect(yield* greets("second")).toMatchObject({ type: "Hello" })
      expect(asked).toEqual([])
      yield* n1.transport.connect({ n1: nowhere, n2: nowhere }, 5)
      expect(yield* greets("third")).toMatchObject({ type: "Hello" })
      expect(asked).toEqual(["third"])
    }),
  ))

describe("an address that names a data directory", () => {
  test("admits that one only, whatever was seen before (S6, M10)", () =>
    run(
      Effect.gen(function* () {
        const asked: Array<string> = []
        const n1 = yield* startSocket("n1", {
          rememberIncarnation: (peer) =>
            Effect.sync(() => {
              asked.push(peer)
              return "known"
            }),
        })
        yield* n1.transport.connect({ n2: { ...nowhere, incarnation: "second" } }, 1)
        const former = yield* stranger(n1.port.listening.port)
        former.write(helloFrom("n2", "n1", { incarnation: "first" }))
        yield* eventually("the former is cut off", () => former.isClosed())
        expect(former.heard).toEqual([{ type: "Refusal", cause: "other-incarnation" }])
        const present = yield* stranger(n1.port.listening.port)
        present.write(helloFrom("n2", "n1", { incarnation: "second" }))
        yield* eventually("the present one is welcome", () => present.heard.length === 1)
        expect(present.heard[0]).toMatchObject({ type: "Hello" })
        expect([refusals(n1), asked]).toEqual([{ "other-incarnation": 1 }, []])
      }),
    ))

  test("is dialed for that one only", () =>
    run(
      Effect.gen(function* () {
        const n2 = yield* startSocket("n2", { incarnation: "first" })
        const n1 = yield* startSocket("n1")
        yield* n2.transport.connect({ n1: n1.address }, 1)
        yield* n1.transport.connect({ n2: named(n2, "second") }, 1)
        yield* eventually("it is refused", () => peerOf(n1, "n2").refused > 0)
        expect(n1.transport.send("n2", group, vote(1))).toBe(false)
        yield* n1.transport.connect({ n2: named(n2, "first") }, 2)
        yield* eventually("it is taken", () => peerOf(n1, "n2").state === "open")
      }),
    ))

  test("ends the connections of whoever was there under this name, both ways, at once", () =>
    run(
      Effect.gen(function* () {
        const [n1, n2] = [yield* startSocket("n1"), yield* startSocket("n2", { incarnation: "first" })]
        yield* connectAll([n1, n2])
        yield* n1.transport.connect({ n2: named(n2, "second") }, 1)
        expect(n1.port.counters().open).toBe(0)
        yield* eventually(
          "n2 has noticed, and is refused",
          () => (refusals(n1)["other-incarnation"] ?? 0) > 0,
        )
        yield* eventually("nor is it dialed", () => peerOf(n1, "n2").refused > 0)
        expect(peerOf(n1, "n2").state).toBe("connecting")
        n2.transport.send("n1", group, vote(1))
        expect(n1.transport.send("n2", group, vote(2))).toBe(false)
        expect([yield* Queue.size(n1.mailbox), yield* Queue.size(n2.mailbox)]).toEqual([0, 0])
      }),
    ))

  test("leaves alone the others, and the same one at the same place", () =>
    run(
      Effect.gen(function* () {
        const [n1, n2, n3] = [yield* startSocket("n1"), yield* startSocket("n2"), yield* startSocket("n3")]
        yield* connectAll([n1, n2, n3])
        const other = { n2: named(n2, "incarnation of n2"), n3: n3.address }
        for (const asOf of [1, 2, 3]) {
          yield* n1.transport.connect(other, asOf)
          yield* eventually("n2 is there", () => peerOf(n1, "n2").state === "open")
        }
        // Once, when it was named: it is judged again.
        expect([peerOf(n1, "n2").opened, peerOf(n1, "n3").opened]).toEqual([2, 1])
      }),
    ))

  test("holds for one of whom the disk was being asked meanwhile", () =>
    run(
      Effect.gen(function* () {
        const answer = yield* Deferred.make<"known">()
        let isAsked = false
        const n1 = yield* member({
          rememberIncarnation: () =>
            Effect.suspend(() => {
              isAsked = true
              return Deferred.await(answer)
            }),
        })
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(helloFrom("n2", "n1", { incarnation: "first" }))
        yield* eventually("the disk is asked", () => isAsked)
        yield* n1.transport.connect({ n2: { ...nowhere, incarnation: "second" } }, 11)
        yield* Deferred.succeed(answer, "known")
        yield* eventually("it is cut off", () => caller.isClosed())
        expect(caller.heard).toMatchObject([{ type: "Refusal" }])
      }),
    ))
})
