// Who gets in, and what can the others do to us? Every case speaks to a real port.

import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Logger, Queue } from "effect"
import fc from "fast-check"
import { encode, encodeGreeting, type Hello } from "../../src/transport/codec.ts"
import type { RefusalCause } from "../../src/transport/handshake.ts"
import { handshakeBytesMax } from "../../src/transport/limits.ts"
import {
  bulk,
  connectAll,
  eventually,
  group,
  helloFrom,
  impostor,
  peerOf,
  run,
  type SocketNode,
  startSocket,
  stranger,
  take,
  vote,
} from "./support.ts"

const nowhere = { peer: "127.0.0.1:1", client: "" }

/** n1, which knows n2, but never reaches it. */
const alone = (options: Parameters<typeof startSocket>[1] = {}) =>
  startSocket("n1", { peers: { n1: nowhere, n2: nowhere }, ...options })

const refusals = (node: SocketNode): Partial<Record<string, number>> =>
  Object.fromEntries(Object.entries(node.port.counters().refused).filter(([, count]) => count > 0))

/** Nothing of what the strangers did has touched the node: it still serves an honest peer. */
const isUnharmed = Effect.fnUntraced(function* (n1: SocketNode) {
  const honest = yield* stranger(n1.port.listening.port)
  honest.write(helloFrom("n2", "n1"))
  yield* eventually("the honest one is welcome", () => honest.heard.length === 1)
  expect(honest.heard[0]).toMatchObject({ type: "Hello", nodeId: "n1", recipient: "n2" })
  honest.write(encode(group, vote(42)))
  expect(yield* take(n1)).toEqual({ from: "n2", payload: vote(42) })
  expect(yield* Queue.size(n1.mailbox)).toBe(0)
})

describe("a hello is refused", () => {
  const cases: Readonly<Record<string, readonly [Partial<Hello>, RefusalCause]>> = {
    "of another cluster (M14, R15)": [{ clusterId: "cluster-2" }, "other-cluster"],
    "of a node that was never named (R15)": [{ nodeId: "n9" }, "unknown-node"],
    "of a node that claims to be ourselves": [{ nodeId: "n1" }, "unknown-node"],
    "that looks for somebody else (R15)": [{ recipient: "n3" }, "wrong-recipient"],
    "of a protocol that is newer than ours (O1)": [
      { oldestProtocol: 2, newestProtocol: 3 },
      "other-protocol",
    ],
  }
  for (const [what, [other, cause]] of Object.entries(cases)) {
    test(what, () =>
      run(
        Effect.gen(function* () {
          const asked: Array<string> = []
          const n1 = yield* alone({
            rememberIncarnation: (_, incarnation) =>
              Effect.sync(() => {
                asked.push(incarnation)
                return "known"
              }),
          })
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom("n2", "n1", other))
          yield* eventually("it is told and cut off", () => caller.isClosed())
          expect(caller.heard).toEqual([{ type: "Refusal", cause }])
          expect(refusals(n1)).toEqual({ [cause]: 1 })
          // The first incarnation seen is kept for ever: no stranger gets to choose it.
          expect(asked).toEqual([])
          yield* isUnharmed(n1)
        }),
      ),
    )
  }

  test("a protocol range that overlaps ours is welcome (O1)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(helloFrom("n2", "n1", { oldestProtocol: 1, newestProtocol: 9 }))
        yield* eventually("it is answered", () => caller.heard.length === 1)
        expect(caller.heard[0]).toMatchObject({ type: "Hello" })
      }),
    ))

  test("of a node that came back without its data, for ever (S6, M10)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        yield* isUnharmed(n1)
        const wiped = yield* stranger(n1.port.listening.port)
        wiped.write(helloFrom("n2", "n1", { incarnation: "another" }))
        yield* eventually("it is cut off", () => wiped.isClosed())
        expect(wiped.heard).toEqual([{ type: "Refusal", cause: "other-incarnation" }])
        yield* isUnharmed(n1)
      }),
    ))

  test("the disk is asked for the incarnation; while it cannot answer nobody gets in", () =>
    run(
      Effect.gen(function* () {
        const asked: Array<string> = []
        const answers = [Effect.fail("disk"), Effect.die("bug"), Effect.succeed("another" as const)]
        const n1 = yield* alone({
          rememberIncarnation: (peer, incarnation) => {
            asked.push(`${peer} ${incarnation}`)
            return answers.shift() ?? Effect.succeed("known")
          },
        })
        for (const cause of ["unavailable", "unavailable", "other-incarnation"]) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom("n2", "n1"))
          yield* eventually("it is cut off", () => caller.isClosed())
          expect(caller.heard).toEqual([{ type: "Refusal", cause }])
        }
        expect(asked).toEqual(Array(3).fill("n2 incarnation of n2"))
        yield* isUnharmed(n1)
      }),
    ))
})

test("who stops being a peer while the disk is asked about it stays outside (M9)", () =>
  run(
    Effect.gen(function* () {
      const answer = yield* Deferred.make<"known">()
      let isAsked = false
      const n1 = yield* alone({
        rememberIncarnation: () =>
          Effect.suspend(() => {
            isAsked = true
            return Deferred.await(answer)
          }),
      })
      const caller = yield* stranger(n1.port.listening.port)
      caller.write(helloFrom("n2", "n1"))
      yield* eventually("the disk is asked", () => isAsked)
      yield* n1.transport.connect({}, 0)
      yield* Deferred.succeed(answer, "known")
      yield* eventually("it is cut off", () => caller.isClosed())
      expect(caller.heard).toEqual([{ type: "Refusal", cause: "unknown-node" }])
    }),
  ))

describe("bytes from strangers change nothing (X1, X2)", () => {
  test("a well-formed message before the handshake is not heard, whatever its term", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(encode(group, vote(Number.MAX_SAFE_INTEGER)))
        yield* eventually("it is cut off", () => caller.isClosed())
        expect(caller.heard).toEqual([{ type: "Refusal", cause: "malformed" }])
        yield* isUnharmed(n1)
      }),
    ))

  test("nothing right behind the hello is heard: we have not answered yet", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        for (const next of [
          encode(group, vote(7)),
          helloFrom("n2", "n1"),
          encodeGreeting({ type: "Ping", sequence: 0 }),
        ]) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(Buffer.concat([helloFrom("n2", "n1"), next]))
          yield* eventually("it is cut off", () => caller.isClosed())
          expect(caller.heard).toEqual([{ type: "Refusal", cause: "malformed" }])
        }
        yield* isUnharmed(n1)
      }),
    ))

  test("a hello longer than a hello can be is cut off at its header", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        const caller = yield* stranger(n1.port.listening.port)
        caller.write(encode(group, bulk(1, handshakeBytesMax)).subarray(0, 100))
        yield* eventually("it is cut off", () => caller.isClosed())
        expect(refusals(n1)).toEqual({ malformed: 1 })
        yield* isUnharmed(n1)
      }),
    ))

  test("random, cut and altered bytes", () =>
    run(
      Effect.gen(function* () {
        // A second is long for the honest one and short for 60 strangers who keep their connection.
        const n1 = yield* alone({ limits: { handshakeMillis: 1_000 } })
        const hello = helloFrom("n2", "n1")
        const altered = fc
          .tuple(fc.nat({ max: hello.length - 1 }), fc.integer({ min: 1, max: 255 }))
          .map(([at, by]) => {
            const bytes = hello.slice()
            bytes[at]! ^= by
            return bytes
          })
        const cut = fc.nat({ max: hello.length - 1 }).map((at) => hello.subarray(0, at))
        const attacks = fc.sample(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), altered, cut), 60)
        for (const bytes of attacks) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(bytes)
          if (bytes.length % 2 === 0) caller.close()
        }
        yield* isUnharmed(n1)
      }),
    ))

  test("a hello byte by byte is a hello", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        const caller = yield* stranger(n1.port.listening.port)
        for (const byte of helloFrom("n2", "n1")) {
          caller.write(new Uint8Array([byte]))
          yield* Effect.yieldNow
        }
        yield* eventually("it is answered", () => caller.heard.length === 1)
        expect(caller.heard[0]).toMatchObject({ type: "Hello" })
      }),
    ))

  test("who does not finish a hello is cut off in time, however busily it writes", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone({ limits: { handshakeMillis: 40 } })
        const idle = yield* stranger(n1.port.listening.port)
        const slow = yield* stranger(n1.port.listening.port)
        const hello = helloFrom("n2", "n1", { incarnation: "i".repeat(200) })
        let at = 0
        yield* eventually("both are cut off", () => {
          if (at < hello.length - 1) slow.write(hello.subarray(at, ++at))
          return idle.isClosed() && slow.isClosed()
        })
        expect(refusals(n1)).toEqual({ "handshake-timeout": 2 })
        expect(at).toBeLessThan(hello.length - 1)
      }),
    ))

  test("a crowd of strangers makes room for a peer", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone({ limits: { incomingMax: 4 } })
        const crowd = yield* Effect.forEach(Array(10).fill(n1.port.listening.port), stranger)
        yield* eventually("the oldest have left", () => crowd.filter((one) => one.isClosed()).length === 6)
        expect(crowd.slice(0, 6).every((one) => one.isClosed())).toBe(true)
        yield* isUnharmed(n1)
        expect(n1.port.counters().open).toBe(1)
      }),
    ))

  test("after the handshake too, a frame that says nothing sensible ends the connection", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* alone()
        for (const nonsense of [
          helloFrom("n2", "n1"),
          encodeGreeting({ type: "Pong" }),
          encode(group, vote(-1)),
          new Uint8Array(50).fill(1),
        ]) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom("n2", "n1"))
          yield* eventually("it is welcome", () => caller.heard.length === 1)
          caller.write(nonsense)
          yield* eventually("it is cut off", () => caller.isClosed())
          expect(caller.heard[1]).toEqual({ type: "Refusal", cause: "malformed" })
        }
        yield* isUnharmed(n1)
      }),
    ))

  test("a hundred refusals for one cause are a hundred in the counter and one line in the log", () =>
    run(
      Effect.gen(function* () {
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => lines.push(String(message)))
        const n1 = yield* alone({ peers: {} }).pipe(Effect.provide(Logger.layer([logger])))
        for (let round = 0; round < 100; round += 1) {
          const caller = yield* stranger(n1.port.listening.port)
          caller.write(helloFrom("n2", "n1", { clusterId: `evil\n${round}` }))
          yield* eventually("it is cut off", () => caller.isClosed())
        }
        expect(refusals(n1)).toEqual({ "other-cluster": 100 })
        expect(lines).toHaveLength(1)
        // Its words are quoted: it cannot begin a line of its own.
        expect(lines[0]).toContain('cluster "evil\\n0"')
      }),
    ))
})

describe("a dialer is careful too", () => {
  const answering = Effect.fnUntraced(function* (answer: Uint8Array) {
    const liar = yield* impostor((socket, said) => {
      if (said.type === "Hello") socket.write(answer)
    })
    const n1 = yield* startSocket("n1", { peers: { n2: liar.address } })
    yield* eventually("it is refused, and dialed again", () => peerOf(n1, "n2").refused > 1)
    expect(peerOf(n1, "n2")).toMatchObject({ state: "connecting", opened: 0 })
  })

  test("somebody else at the peer's address gets no message", () => run(answering(helloFrom("n3", "n1"))))
  test("a peer that takes us for somebody else gets none", () => run(answering(helloFrom("n2", "n3"))))
  test("a peer of another cluster gets none (M14)", () =>
    run(answering(helloFrom("n2", "n1", { clusterId: "cluster-2" }))))
  test("who talks nonsense gets none (X2)", () => run(answering(new Uint8Array(100).fill(9))))
  test("who refuses us is dialed again later", () =>
    run(answering(encodeGreeting({ type: "Refusal", cause: "unknown-node" }))))

  test("who introduces itself twice is left (X2)", () =>
    run(
      Effect.gen(function* () {
        const hello = helloFrom("n2", "n1")
        const liar = yield* impostor((socket, said) => {
          if (said.type === "Hello") socket.write(Buffer.concat([hello, hello]))
        })
        const n1 = yield* startSocket("n1", { peers: { n2: liar.address } })
        yield* eventually("it is refused, and dialed again", () => peerOf(n1, "n2").refused > 1)
      }),
    ))

  test("a wiped peer at the old address gets no message (S6)", () =>
    run(
      Effect.gen(function* () {
        const [n1, n2] = [yield* startSocket("n1"), yield* startSocket("n2")]
        yield* connectAll([n1, n2])
        yield* n2.stop
        const wiped = yield* startSocket("n2", { incarnation: "wiped", listen: n2.port.listening })
        yield* wiped.transport.connect({ n1: n1.address }, 0)
        yield* eventually("it is refused", () => peerOf(n1, "n2").refused > 0)
        yield* eventually("both ways", () => (refusals(n1)["other-incarnation"] ?? 0) > 0)
        expect(n1.transport.send("n2", group, vote(1))).toBe(false)
        wiped.transport.send("n1", group, vote(2))
        expect(yield* Queue.size(n1.mailbox)).toBe(0)
      }),
    ))
})
