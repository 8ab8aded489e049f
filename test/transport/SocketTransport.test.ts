// What happens to a connection in its life: full, slow, silent, lost, found again?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Clock, Duration, Effect, Queue } from "effect"
import { encode, encodeGreeting } from "../../src/transport/codec.ts"
import { frameBytesMax } from "../../src/transport/limits.ts"
import { ListenFailed } from "../../src/transport/SocketTransport.ts"
import type { Payload } from "../../src/transport/Transport.ts"
import {
  bulk,
  connectAll,
  eventually,
  group,
  helloFrom,
  impostor,
  peerOf,
  run,
  startSocket,
  stranger,
  take,
  vote,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const mebibyte = 1024 * 1024

const pair = Effect.gen(function* () {
  const n1 = yield* startSocket("n1")
  const n2 = yield* startSocket("n2")
  yield* connectAll([n1, n2])
  return { n1, n2 }
})

describe("a connection that is lost", () => {
  test("comes back when the peer does, without anybody asking (R14)", () =>
    run(
      Effect.gen(function* () {
        const { n1, n2 } = yield* pair
        let last = n2
        for (let round = 1; round <= 3; round += 1) {
          yield* last.stop
          yield* eventually("n1 has noticed", () => peerOf(n1, "n2").state === "connecting")
          last = yield* startSocket("n2", { listen: n2.port.listening, peers: { n1: n1.address } })
          yield* eventually("n1 is back", () => peerOf(n1, "n2").state === "open")
          expect(n1.transport.send("n2", group, vote(round))).toBe(true)
          expect(yield* take(last)).toEqual({ from: "n1", payload: vote(round) })
          expect(peerOf(n1, "n2").opened).toBe(round + 1)
        }
      }),
    ))

  test("a peer that dials us is dialed at once, however long the pause was to be", () =>
    run(
      Effect.gen(function* () {
        const hour = 3_600_000
        const n2 = yield* startSocket("n2", { peers: {} })
        const n1 = yield* startSocket("n1", {
          peers: { n2: n2.address },
          limits: { backoffMinMillis: hour, backoffMaxMillis: hour },
        })
        yield* eventually("n2 has refused n1", () => peerOf(n1, "n2").refused === 1)
        yield* n2.transport.connect({ n1: n1.address }, 0)
        yield* eventually("both are connected", () =>
          [peerOf(n1, "n2"), peerOf(n2, "n1")].every(({ state }) => state === "open"),
        )
      }),
    ))

  test("in the middle of a flood takes the flood with it, and the next one begins afresh (R14)", () =>
    run(
      Effect.gen(function* () {
        const arrived: Array<Payload> = []
        const n2 = yield* impostor((socket, said) => {
          if (said.type === "Message") arrived.push(said.payload)
          if (said.type !== "Hello") return
          socket.write(helloFrom("n2", "n1"))
          if (n2.sockets.length === 1) socket.pause()
        })
        const n1 = yield* startSocket("n1", { peers: { n2: n2.address } })
        yield* eventually("n1 is connected", () => peerOf(n1, "n2").state === "open")
        for (let id = 0; id < 20; id += 1) n1.transport.send("n2", group, bulk(id, mebibyte))
        yield* eventually("the socket is full", () => peerOf(n1, "n2").outboundBytes < 20 * mebibyte)
        n2.sockets[0]!.terminate()
        yield* eventually("n1 is connected again", () => peerOf(n1, "n2").opened === 2)
        expect(peerOf(n1, "n2").dropped).toBeGreaterThan(0)
        expect(n1.transport.send("n2", group, vote(1))).toBe(true)
        yield* eventually("the message has arrived", () => arrived.length > 0)
        expect(arrived).toEqual([vote(1)])
      }),
    ))

  test("a peer that moved is dialed where it is now", () =>
    run(
      Effect.gen(function* () {
        const { n1, n2 } = yield* pair
        const moved = yield* startSocket("n2")
        yield* moved.transport.connect({ n1: n1.address }, 0)
        yield* n1.transport.connect({ n2: moved.address }, 0)
        yield* eventually("n1 has left the old place", () => peerOf(n1, "n2").opened === 2)
        expect(n1.transport.send("n2", group, vote(1))).toBe(true)
        expect((yield* take(moved)).payload).toEqual(vote(1))
        expect(yield* Queue.size(n2.mailbox)).toBe(0)
        yield* eventually("nobody is left at the old place", () => n2.port.counters().open === 0)
      }),
    ))

  test("a peer that is no longer named is left, even while it is dialed", () =>
    run(
      Effect.gen(function* () {
        const n2 = yield* impostor(() => undefined)
        const n1 = yield* startSocket("n1")
        yield* n1.transport.connect({ n2: n2.address }, 0)
        yield* n1.transport.connect({}, 0)
        yield* eventually(
          "the dial came, and went",
          () => n2.sockets.length === 1 && n2.sockets[0]!.readyState < 1,
        )
      }),
    ))

  test("the pauses between two dials double up to their bound, and no two nodes keep step", () =>
    run(
      Effect.gen(function* () {
        const pauses: Array<number> = []
        const live = yield* Clock.Clock
        const limits = {
          handshakeMillis: 7_777,
          probeMillis: 5_555,
          pulseMillis: 3_333,
          backoffMinMillis: 20,
          backoffMaxMillis: 1_000,
        }
        // Every pause is over at the next turn of the event loop; every other wait never ends.
        const hasty: Clock.Clock = Object.assign(Object.create(live) as Clock.Clock, {
          sleep: (duration: Duration.Duration) => {
            const millis = Duration.toMillis(duration)
            if (millis > limits.backoffMaxMillis) return Effect.never
            pauses.push(millis)
            return pauses.length < 12 ? Effect.yieldNow : Effect.never
          },
        })
        yield* startSocket("n1", { peers: { n2: { peer: "127.0.0.1:1", client: "" } }, limits }).pipe(
          Effect.provideService(Clock.Clock, hasty),
        )
        yield* eventually("it has tried a dozen times", () => pauses.length === 12)
        pauses.forEach((pause, failures) => {
          const ceiling = Math.min(1_000, 20 * 2 ** (failures + 1))
          expect(pause).toBeGreaterThanOrEqual(ceiling / 2)
          expect(pause).toBeLessThanOrEqual(ceiling)
        })
        expect(new Set(pauses).size).toBe(12)
      }),
    ))

  test("an address that is none is tried in vain and breaks nothing (O5)", () =>
    run(
      Effect.gen(function* () {
        const peers = Object.fromEntries(
          ["", "nonsense", "127.0.0.1:99999", "127.0.0.1:0"].map((peer, at) => [
            `n${at + 2}`,
            { peer, client: "" },
          ]),
        )
        const n1 = yield* startSocket("n1", { peers })
        expect(n1.transport.connections().map(({ state }) => state)).toEqual(Array(4).fill("connecting"))
      }),
    ))

  test("a second connection of the same peer takes the place of the first", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { peers: { n2: { peer: "127.0.0.1:1", client: "" } } })
        const first = yield* stranger(n1.port.listening.port)
        first.write(helloFrom("n2", "n1"))
        yield* eventually("the first is welcome", () => first.heard.length === 1)
        const second = yield* stranger(n1.port.listening.port)
        second.write(helloFrom("n2", "n1"))
        yield* eventually("the second is welcome", () => second.heard.length === 1 && first.isClosed())
        second.write(encode(group, vote(2)))
        expect((yield* take(n1)).payload).toEqual(vote(2))
        expect(n1.port.counters().open).toBe(1)
      }),
    ))
})

describe("a peer that is slow", () => {
  test("a hundred megabytes keep the sender within its bound, and a heartbeat overtakes them (R13)", () =>
    run(
      Effect.gen(function* () {
        const [bulkBytesMax, batchBytes] = [4 * mebibyte, 64 * 1024]
        const arrived: Array<Payload> = []
        const slow = yield* impostor((socket, said) => {
          if (said.type === "Message") arrived.push(said.payload)
          if (said.type !== "Hello") return
          socket.write(helloFrom("n2", "n1"))
          socket.pause()
        })
        const n1 = yield* startSocket("n1", {
          peers: { n2: slow.address },
          limits: { bulkBytesMax, silenceMillis: 60_000 },
        })
        yield* eventually("n1 is connected", () => peerOf(n1, "n2").state === "open")
        let taken = 0
        for (let id = 0; id < 1_600; id += 1) {
          if (n1.transport.send("n2", group, bulk(id, batchBytes))) taken += 1
          if (id % 16 === 0) yield* Effect.yieldNow
          // The lane, and the one gathering that is about to leave.
          expect(peerOf(n1, "n2").outboundBytes).toBeLessThanOrEqual(bulkBytesMax + 256 * 1024)
        }
        expect(taken).toBeLessThan(1_600)
        expect(peerOf(n1, "n2").dropped).toBe(1_600 - taken)
        expect(n1.transport.send("n2", group, vote(1))).toBe(true)

        slow.sockets[0]!.resume()
        yield* eventually("all that was taken has arrived", () => arrived.length === taken + 1)
        const ids = arrived.flatMap((payload) => (payload.type === "ForwardRequest" ? [payload.id] : []))
        expect(ids).toEqual(ids.toSorted((one, other) => one - other))
        // What the kernel had taken was before it; what waited here, nearly the whole bound, is behind it.
        const overtaken = arrived.length - 1 - arrived.findIndex(({ type }) => type === "TimeoutNow")
        expect(overtaken * batchBytes).toBeGreaterThan(bulkBytesMax - mebibyte)
      }),
    ))

  test("what arrives for a mailbox that nobody empties is dropped at its bound", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        const n2 = yield* startSocket("n2", { limits: { mailboxMessagesMax: 10 } })
        yield* connectAll([n1, n2])
        for (let term = 1; term <= 25; term += 1) n1.transport.send("n2", group, vote(term))
        yield* eventually("all have arrived", () => peerOf(n2, "n1").receivedMessages === 25)
        expect(n2.port.counters().overflowed).toBe(15)
        const kept = yield* Queue.takeAll(n2.mailbox)
        expect(kept.map(({ payload }) => payload)).toEqual(
          Array.from({ length: 10 }, (_, at) => vote(at + 1)),
        )
      }),
    ))

  test("a message that no frame can hold is dropped here, and the connection lives", () =>
    run(
      Effect.gen(function* () {
        const { n1, n2 } = yield* pair
        expect(n1.transport.send("n2", group, bulk(1, frameBytesMax))).toBe(false)
        expect(n1.transport.send("n2", group, bulk(2, frameBytesMax - 100))).toBe(true)
        expect((yield* take(n2)).payload).toMatchObject({ id: 2 })
        expect(peerOf(n1, "n2")).toMatchObject({ dropped: 1, opened: 1 })
      }),
    ))
})

describe("a peer that is silent", () => {
  const limits = { probeMillis: 10, silenceMillis: 30 }

  test("is left when it answers no ping, though TCP finds nothing wrong (E10)", () =>
    run(
      Effect.gen(function* () {
        const mute = yield* impostor((socket, said) => {
          if (said.type === "Hello") socket.write(helloFrom("n2", "n1"))
        })
        const n1 = yield* startSocket("n1", { peers: { n2: mute.address }, limits })
        yield* eventually("it is dialed anew", () => peerOf(n1, "n2").opened > 1)
      }),
    ))

  test("is left when it stops pinging", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { peers: { n2: { peer: "127.0.0.1:1", client: "" } }, limits })
        const mute = yield* stranger(n1.port.listening.port)
        mute.write(helloFrom("n2", "n1"))
        yield* eventually("it is cut off", () => mute.isClosed())
        expect(mute.heard[1]).toEqual({ type: "Refusal", cause: "silent" })
        expect(n1.port.counters()).toMatchObject({ open: 0, refused: { silent: 1 } })
      }),
    ))

  test("is not left as long as it answers", () =>
    run(
      Effect.gen(function* () {
        let pings = 0
        const n2 = yield* impostor((socket, said) => {
          if (said.type === "Hello") socket.write(helloFrom("n2", "n1"))
          if (said.type !== "Ping") return
          pings += 1
          socket.write(encodeGreeting({ type: "Pong" }))
        })
        const n1 = yield* startSocket("n1", { peers: { n2: n2.address }, limits })
        yield* eventually("three silences have passed", () => pings > 9)
        expect(peerOf(n1, "n2")).toMatchObject({ state: "open", opened: 1 })
      }),
    ))

  test("two nodes with nothing to say stay connected", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { limits })
        const n2 = yield* startSocket("n2", { limits })
        yield* connectAll([n1, n2])
        yield* eventually("three silences have passed", () => peerOf(n1, "n2").sentMessages > 9)
        expect([peerOf(n1, "n2").opened, peerOf(n2, "n1").opened]).toEqual([1, 1])
      }),
    ))

  test("is not waited for in the middle of a handshake", () =>
    run(
      Effect.gen(function* () {
        const mute = yield* impostor(() => undefined)
        yield* startSocket("n1", { peers: { n2: mute.address }, limits: { handshakeMillis: 10 } })
        yield* eventually("it is dialed anew", () => mute.sockets.length > 1)
      }),
    ))
})

describe("the peer port", () => {
  test("that is taken is one clear error (O5)", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        const error = yield* Effect.flip(startSocket("n2", { listen: n1.port.listening }))
        expect(error).toBeInstanceOf(ListenFailed)
        expect(error).toMatchObject({ address: n1.address.peer, message: "the port is in use" })
      }),
    ))

  test("is free again when the node has stopped", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1")
        yield* n1.stop
        yield* startSocket("n1", { listen: n1.port.listening })
      }),
    ))

  test("what is sent in a turn waits for the end of the turn, and leaves in few writes", () =>
    run(
      Effect.gen(function* () {
        let chunks = 0
        let messages = 0
        const n2 = yield* impostor(
          (socket, said) => {
            if (said.type === "Hello") socket.write(helloFrom("n2", "n1"))
            if (said.type === "Message") messages += 1
          },
          () => {
            chunks += 1
          },
        )
        const n1 = yield* startSocket("n1", { peers: { n2: n2.address } })
        yield* eventually("n1 is connected", () => peerOf(n1, "n2").state === "open")
        const before = chunks
        const bytes = encode(group, vote(1)).length
        expect(peerOf(n1, "n2").outboundBytes).toBe(0)
        for (let term = 1; term <= 1_000; term += 1) n1.transport.send("n2", group, vote(term))
        expect(peerOf(n1, "n2").outboundBytes).toBe(1_000 * bytes)
        yield* Effect.promise(() => Promise.resolve())
        expect(peerOf(n1, "n2").outboundBytes).toBe(0)
        yield* eventually("all have arrived", () => messages === 1_000)
        expect(chunks - before).toBeLessThan(10)
      }),
    ))
})
