// Does a simulated network lose, delay, repeat and reorder as it is told to, and let in whom the real one would?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Context, Effect, Layer, Queue, Scope } from "effect"
import { calmLink, type LinkWeather } from "../../src/simulation/Link.ts"
import { defaultNetworkLimits, layerNetwork, Network } from "../../src/simulation/Network.ts"
import { World } from "../../src/simulation/World.ts"
import type { Acquaintance } from "../../src/transport/handshake.ts"
import { type Inbound, Transport } from "../../src/transport/Transport.ts"
import { selfOf } from "../transport/support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const addresses = Object.fromEntries(["a", "b"].map((id) => [id, { peer: `${id}:1`, client: "" }]))

/** Two processes and what each has heard. */
const pair = (weather: Partial<LinkWeather> = {}, welcome: Acquaintance = "known") => {
  const world = new World(1)
  const lost: Array<boolean> = []
  const network = new Network(world, { ...calmLink, ...weather }, defaultNetworkLimits, {
    sent: () => {},
    lost: (_from, _to, _payload, isGone) => lost.push(isGone),
    arrived: () => {},
    refused: () => {},
  })
  const start = (id: string) => {
    const process = world.startProcess(id)
    const heard: Array<number> = []
    let transport: Transport["Service"] | null = null
    process.fork(
      Effect.gen(function* () {
        const layer = layerNetwork({
          network,
          process,
          self: selfOf({ id, clusterId: "c", incarnation: `${id}-1` }),
          limits: defaultNetworkLimits,
          acquaintance: () => Effect.succeed(id === "b" ? welcome : "known"),
        })
        const context = yield* Layer.buildWithScope(layer, Scope.makeUnsafe())
        transport = Context.get(context, Transport)
        const mailbox = yield* Queue.unbounded<Inbound>()
        yield* transport.attach("g", mailbox)
        yield* transport.connect(addresses, 0)
        while (true) {
          const { payload } = yield* Queue.take(mailbox)
          if (payload.type === "ForwardReply") heard.push(payload.id)
        }
      }),
    )
    return {
      process,
      heard,
      send: (to: string, number: number) =>
        transport!.send(to, "g", { type: "ForwardReply", id: number, answers: [] }),
    }
  }
  const nodes = { a: start("a"), b: start("b") }
  world.runFor(200)
  return { world, network, lost, start, ...nodes }
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)

test("on a calm link everything arrives once, in order, each way", () => {
  const { world, a, b } = pair({ latencyMinMillis: 1, latencyMaxMillis: 30 })
  for (const number of numbers(50)) expect(a.send("b", number)).toBe(true)
  b.send("a", 7)
  world.runFor(1000)
  expect(b.heard).toEqual(numbers(50))
  expect(a.heard).toEqual([7])
})

test("in bad weather messages are lost, repeated and overtaken", () => {
  const { world, a, b } = pair({ loss: 0.3, duplicate: 0.3, reorder: 0.5, latencyMaxMillis: 10 })
  for (const number of numbers(200)) a.send("b", number)
  world.runFor(1000)
  const once = new Set(b.heard)
  expect(once.size).toBeLessThan(180)
  expect(b.heard.length).toBeGreaterThan(once.size)
  expect(b.heard).not.toEqual(b.heard.toSorted((left, right) => left - right))
})

test("what a slow line has let wait arrives soon when it is put right, in its order and once", () => {
  const { world, network, a, b } = pair({ bytesPerMilli: 1 })
  const numbers = Array.from({ length: 8 }, (_, at) => at)
  for (const number of numbers) a.send("b", number)
  world.runFor(20)
  const link = network.link("a", "b")
  link.weather = calmLink
  link.hurry()
  world.runFor(5)
  expect(b.heard).toEqual(numbers)
  a.send("b", 8)
  world.runFor(5)
  expect(b.heard.at(-1)).toBe(8)
  world.runFor(10_000)
  expect(b.heard.length).toBe(9)
})

test("a narrow link takes its time", () => {
  const { world, a, b } = pair({ bytesPerMilli: 1 })
  a.send("b", 1)
  a.send("b", 2)
  world.runFor(10)
  expect(b.heard).toEqual([])
  world.runFor(200)
  expect(b.heard).toEqual([1, 2])
})

describe("a link that is cut", () => {
  test("lets nothing through one way, and everything the other, and the sender does not know", () => {
    const { world, network, lost, a, b } = pair()
    network.cut("a", "b")
    expect(a.send("b", 1)).toBe(true)
    b.send("a", 2)
    world.runFor(100)
    expect(b.heard).toEqual([])
    expect(a.heard).toEqual([2])
    expect(lost).toEqual([false])
  })

  test("for long breaks the connections, and they are there again after it heals", () => {
    const { world, network, a, b } = pair()
    network.cut("a", "b")
    world.runFor(defaultNetworkLimits.silenceMillis + 10)
    expect(a.send("b", 1)).toBe(false)
    expect(b.send("a", 1)).toBe(false)
    network.heal("a", "b")
    world.runFor(500)
    expect(a.send("b", 2)).toBe(true)
    world.runFor(10)
    expect(b.heard).toEqual([2])
  })
})

test("what is held arrives when it is released, as far as the weather keeps it in its order", () => {
  const { world, network, a, b } = pair()
  network.link("a", "b").hold()
  for (const number of numbers(5)) a.send("b", number)
  world.runFor(500)
  expect(b.heard).toEqual([])
  network.link("a", "b").release()
  world.runFor(10)
  expect(b.heard).toEqual(numbers(5))
})

test("a process that ended hears nothing any more, and its successor nothing that was sent to it", () => {
  const { world, network, lost, start, a, b } = pair({ latencyMinMillis: 20, latencyMaxMillis: 20 })
  a.send("b", 1)
  b.process.kill()
  network.unplug("b")
  const successor = start("b")
  world.runFor(500)
  expect(b.heard).toEqual([])
  expect(successor.heard).toEqual([])
  expect(lost).toEqual([true])
  a.send("b", 2)
  world.runFor(50)
  expect(successor.heard).toEqual([2])
})

test("a process that stands still hears everything when it goes on", () => {
  const { world, a, b } = pair()
  b.process.pause()
  a.send("b", 1)
  world.runFor(50)
  expect(b.heard).toEqual([])
  b.process.resume()
  world.runFor(10)
  expect(b.heard).toEqual([1])
})

test.each(["other-incarnation", "unavailable"] as const)(
  "whom the other side meets with %s has no connection",
  (welcome) => {
    const { world, a, b } = pair({}, welcome)
    world.runFor(1000)
    expect(a.send("b", 1)).toBe(false)
    expect(b.send("a", 1)).toBe(false)
  },
)
