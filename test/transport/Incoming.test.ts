// What does an incoming connection do when its socket is no help? On a wire of our own.

import { expect, test } from "bun:test"
import { decode, encode, encodeGreeting, type Hello, type Said } from "../../src/transport/codec.ts"
import { headerBytes } from "../../src/transport/framing.ts"
import { helloTo } from "../../src/transport/handshake.ts"
import { Incoming } from "../../src/transport/Incoming.ts"
import { group, helloFrom, selfOf, vote } from "./support.ts"

const welcomed = () => {
  const wire = { room: Number.POSITIVE_INFINITY, isTerminated: false, said: [] as Said[] }
  const refused: Array<string> = []
  const arrived: Array<unknown> = []
  const pinged: Array<unknown> = []
  let greeting: Hello | null = null
  const incoming = new Incoming(
    {
      write: (bytes) => {
        if (bytes.length > wire.room) return wire.room
        wire.said.push(decode(bytes.subarray(headerBytes)))
        return bytes.length
      },
      end: () => undefined,
      terminate: () => {
        wire.isTerminated = true
      },
    },
    {
      greeted: (_, hello) => {
        greeting = hello
      },
      heard: () => undefined,
      arrived: (_, __, payload) => arrived.push(payload),
      beaten: (_, beats) => arrived.push(beats),
      pinged: ({ nodeId }, sequence) => pinged.push([nodeId, sequence]),
      refused: (cause) => refused.push(cause),
    },
  )
  incoming.data(helloFrom("n2", "n1"))
  expect(greeting).toMatchObject({ nodeId: "n2" })
  incoming.welcome(helloTo(selfOf({ id: "n1" }), "n2"), greeting!)
  return { incoming, wire, refused, arrived, pinged, guest: greeting! as Hello }
}

const ping = encodeGreeting({ type: "Ping", sequence: 7 })

test("a peer that pings and never reads is cut off: its answers do not pile up", () => {
  const { incoming, wire, refused, arrived } = welcomed()
  wire.room = 3
  incoming.data(Buffer.concat([ping, encode(group, vote(1))]))
  expect(refused).toEqual(["not-reading"])
  expect(wire.isTerminated).toBe(true)
  expect(arrived).toEqual([])
})

test("a ping tells how far the log of its speaker has come", () => {
  const { incoming, pinged } = welcomed()
  incoming.data(ping)
  expect(pinged).toEqual([["n2", 7]])
})

test("a closed connection hears nothing, says nothing and is refused only once", () => {
  const { incoming, wire, refused, arrived } = welcomed()
  incoming.refuse("malformed", "")
  const said = wire.said.length
  incoming.refuse("silent", "")
  incoming.data(encode(group, vote(1)))
  incoming.data(ping)
  incoming.passed(1e9, { handshakeMillis: 1, silenceMillis: 1 })
  expect(refused).toEqual(["malformed"])
  expect(wire.said).toHaveLength(said)
  expect(arrived).toEqual([])
})

test("a welcome that comes after the end is not said", () => {
  const { incoming, wire, guest } = welcomed()
  const said = wire.said.length
  incoming.close()
  incoming.welcome(helloTo(selfOf({ id: "n1" }), "n2"), guest)
  expect(wire.said).toHaveLength(said)
})

test("a process that was stopped for a minute does not find the others silent", () => {
  const { incoming, refused } = welcomed()
  const limits = { handshakeMillis: 2_000, silenceMillis: 5_000 }
  // However late the round comes, it is one round; what the peer sent meanwhile is read before the next.
  incoming.passed(1_000, limits)
  incoming.data(ping)
  for (let round = 0; round < 5; round += 1) incoming.passed(1_000, limits)
  expect(refused).toEqual([])
  incoming.passed(1_000, limits)
  expect(refused).toEqual(["silent"])
})
