// Does a simulated network lose, delay, repeat and reorder as it is told to, and let in whom the real one would?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Context, Effect, Layer, Queue, Scope } from "effect"
import { calmLink, type LinkWeather } from "../../src/simulation/Link.ts"
import { defaultNetworkLimits, layerNetwork, Network } from "../../src/simulation/Network.ts"
import { World } from "../../src/simulation/World.ts"
import type { Acquaintance } from "../../src/transport/handshake.ts"
import { socketLimits } from "../../src/transport/limits.ts"
import { type Inbound, Transport } from "../../src/transport/Transport.ts"
import { boxOf } from "../transport/boxOf.ts"
import { ask, selfOf, vote } from "../transport/support.ts"

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
    const told: Array<string> = []
    let transport: Transport["Service"] | null = null
    let isTold = false
    const other = id === "a" ? "b" : "a"
    const beats: Array<string> = []
    process.fork(
      Effect.gen(function* () {
        const layer = layerNetwork({
          network,
          process,
          self: selfOf({ id, clusterId: "c", incarnation: `${id}-1`, session: `${process.number}` }),
          limits: defaultNetworkLimits,
          acquaintance: () => Effect.succeed(id === "b" ? welcome : "known"),
        })
        const context = yield* Layer.buildWithScope(layer, Scope.makeUnsafe())
        transport = Context.get(context, Transport)
        const mailbox = yield* Queue.unbounded<Inbound>()
        yield* transport.attach("g", boxOf(mailbox))
        yield* transport.connect(addresses, 0)
        while (true) {
          const { payload } = yield* Queue.take(mailbox)
          if (payload.type === "ForwardReply") heard.push(payload.id)
          else if (payload.type === "HeartbeatRequest") beats.push(`g ${payload.round}`)
          else if (payload.type === "TimeoutNow") beats.push(`g vote ${payload.term}`)
        }
      }),
    )
    process.fork(
      Effect.gen(function* () {
        while (transport === null) yield* Effect.sleep(1)
        const mailbox = yield* Queue.unbounded<Inbound>()
        yield* transport.attach("h", boxOf(mailbox))
        while (true) {
          const { payload } = yield* Queue.take(mailbox)
          if (payload.type === "HeartbeatRequest") beats.push(`h ${payload.round}`)
        }
      }),
    )
    return {
      process,
      heard,
      beats,
      /** What it is told of the other one, from the first time that this is asked for. */
      told: () => {
        if (!isTold) transport!.onPulse((_, what) => told.push(what))
        isTold = true
        return told
      },
      pulse: () => transport!.pulse(other),
      onPulse: () => transport!.onPulse(() => {}),
      beat: (group: string, round: number) => transport!.send(other, group, ask(round)),
      vote: (term: number) => transport!.send(other, "g", vote(term)),
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

describe("heartbeats that a process says at one moment", () => {
  test("arrive together, each in its group", () => {
    const { world, a, b } = pair({ latencyMinMillis: 1, latencyMaxMillis: 50 })
    for (let round = 0; round < 10; round++) {
      a.beat("g", round)
      a.beat("h", round)
      world.runUntil(() => b.beats.length > 0, 1_000)
      const { nowMillis } = world
      world.runUntil(() => b.beats.length > 1, 1_000)
      expect(world.nowMillis).toBe(nowMillis)
      expect(b.beats.splice(0).sort()).toEqual([`g ${round}`, `h ${round}`])
      world.runFor(5)
    }
  })

  test("travel without what is said a moment later", () => {
    const { world, a, b } = pair({ latencyMinMillis: 20, latencyMaxMillis: 20 })
    a.beat("g", 1)
    world.runFor(5)
    a.beat("h", 2)
    world.runFor(17)
    expect(b.beats).toEqual(["g 1"])
    world.runFor(5)
    expect(b.beats).toEqual(["g 1", "h 2"])
  })

  test("are lost together, and repeated together", () => {
    const { world, lost, a, b } = pair({ loss: 0.4, duplicate: 0.4 })
    for (const round of numbers(100)) {
      a.beat("g", round)
      a.beat("h", round)
      world.runFor(5)
    }
    const of = (group: string) =>
      b.beats.filter((beat) => beat.startsWith(group)).map((beat) => beat.slice(1))
    expect(of("g")).toEqual(of("h"))
    expect(new Set(of("g")).size).toBeLessThan(90)
    expect(of("g").length).toBeGreaterThan(new Set(of("g")).size)
    expect(lost.length).toBe(2 * (100 - new Set(of("g")).size))
  })

  test("are not overtaken by what their group says before them, nor overtake it", () => {
    const { world, a, b } = pair()
    a.beat("g", 1)
    a.vote(2)
    a.beat("g", 3)
    a.beat("h", 3)
    world.runFor(20)
    expect(b.beats.filter((beat) => beat.startsWith("g"))).toEqual(["g 1", "g vote 2", "g 3"])
  })
})

describe("the pulse of a peer", () => {
  const { silentMillis, pulseMillis } = socketLimits
  const longest = silentMillis + 2 * pulseMillis

  test("costs nothing while nobody wants to be told, and one task per period and node when somebody does", () => {
    const { world, a } = pair()
    world.runFor(1_000)
    const before = world.steps
    world.runFor(10_000)
    expect(world.steps).toBe(before)
    expect(a.pulse()!.heardAt).toBe(world.nowMillis)
    a.onPulse()
    a.onPulse()
    world.runFor(10_000)
    expect(world.steps - before).toBe(10_000 / pulseMillis)
  })

  test.each([
    ["cut", (network: Network) => network.cut("b", "a"), (network: Network) => network.heal("b", "a")],
    [
      "held",
      (network: Network) => network.link("b", "a").hold(),
      (network: Network) => network.link("b", "a").release(),
    ],
    [
      "losing all",
      (network: Network) => Object.assign(network.link("b", "a"), { weather: { ...calmLink, loss: 1 } }),
      (network: Network) => Object.assign(network.link("b", "a"), { weather: calmLink }),
    ],
  ])("is not heard over a link that is %s, and again when it is not", (_, begin, end) => {
    const { world, network, a, b } = pair()
    const told = a.told()
    b.told()
    world.runFor(1_000)
    const since = a.pulse()!.heardAt
    begin(network)
    world.runFor(silentMillis - pulseMillis)
    expect(told).toEqual([])
    world.runFor(2 * pulseMillis)
    expect(told).toEqual(["silent"])
    expect(a.pulse()!.heardAt - since).toBeLessThanOrEqual(pulseMillis)
    end(network)
    world.runFor(2 * pulseMillis)
    expect(told).toEqual(["silent", "heard"])
    expect(b.told()).toEqual([])
  })

  test("stops with a process that stands still; that one itself finds nobody silent when it goes on", () => {
    const { world, a, b } = pair()
    const told = a.told()
    const toldPaused = b.told()
    b.process.pause()
    world.runFor(10_000)
    expect(told).toEqual(["silent"])
    b.process.resume()
    world.runFor(longest)
    expect(told).toEqual(["silent", "heard"])
    expect(toldPaused).toEqual([])
  })

  test("of a process that has ended is another's when its successor is met", () => {
    const { world, network, start, a, b } = pair()
    const told = a.told()
    const { session } = a.pulse()!
    b.process.kill()
    network.unplug("b")
    start("b")
    world.runFor(200)
    expect(told).toEqual(["another"])
    expect(a.pulse()!.session).not.toBe(session)
  })

  test("is not taken from what its predecessor has left under way", () => {
    const { world, network, start, a, b } = pair({ latencyMinMillis: 150, latencyMaxMillis: 150 })
    world.runFor(1_000)
    const told = a.told()
    b.beat("g", 1)
    b.process.kill()
    network.unplug("b")
    start("b")
    world.runFor(1_000)
    expect(a.beats).toEqual(["g 1"])
    expect(told).toEqual(["another"])
  })

  test("in weather that loses much is missed now and then, and seldom for long", () => {
    const { world, a } = pair({ loss: 0.3 })
    const told = a.told()
    world.runFor(600_000)
    const silences = told.filter((what) => what === "silent").length
    // 12,000 periods: five in a row are lost at about one in 600 of them.
    expect(silences).toBeGreaterThan(3)
    expect(silences).toBeLessThan(60)
  })
})
