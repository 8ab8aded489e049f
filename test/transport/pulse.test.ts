// Is it known of a peer whether its process lives, whatever it has to say?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Clock, Context, Effect, Exit, Layer, Random, Scheduler, Scope } from "effect"
import { World } from "../../src/simulation/World.ts"
import { encodeBeats } from "../../src/transport/codec.ts"
import { socketLimits } from "../../src/transport/limits.ts"
import { layerMemory, MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { Pulses } from "../../src/transport/Pulses.ts"
import { Transport } from "../../src/transport/Transport.ts"
import {
  connectAll,
  eventually,
  group,
  helloFrom,
  impostor,
  peerOf,
  run,
  startSocket,
  stranger,
  type TestNode,
  vote,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const nowhere = { peer: "127.0.0.1:1", client: "" }
/** Short, and long enough for a machine that is busy with something else. */
const limits = { pulseMillis: 10, silentMillis: 100 }

/** All that is told of its peers. */
const tales = (transport: Transport["Service"]): Array<string> => {
  const told: Array<string> = []
  transport.onPulse((peer, what) => told.push(`${peer} ${what}`))
  return told
}

const heardAt = (node: TestNode, peer: string): number => node.transport.pulse(peer)?.heardAt ?? 0

describe("what is counted of a pulse", () => {
  const counted = () => {
    const pulses = new Pulses(250)
    const told: Array<string> = []
    const end = pulses.on((peer, what) => told.push(`${peer} ${what} ${pulses.of(peer)?.session}`))
    return { pulses, told, end }
  }

  test("nothing is known of whom nobody has heard, and never told", () => {
    const { pulses, told } = counted()
    for (let round = 0; round < 100; round++) pulses.passed(50)
    expect(pulses.of("n2")).toBeNull()
    expect(told).toEqual([])
  })

  test("silence is told once, when 250 ms have passed in whole rounds, and its end as well", () => {
    const { pulses, told } = counted()
    pulses.hears("n2", "s", 1_000)
    for (let round = 0; round < 5; round++) pulses.passed(50)
    expect(told).toEqual(["n2 heard s"])
    for (let round = 0; round < 20; round++) pulses.passed(50)
    expect(told.splice(0)).toEqual(["n2 heard s", "n2 silent s"])
    expect(pulses.of("n2")).toEqual({ session: "s", heardAt: 1_000 })
    pulses.hears("n2", "s", 3_000)
    pulses.hears("n2", "s", 3_001)
    expect(told).toEqual(["n2 heard s"])
    expect(pulses.of("n2")).toEqual({ session: "s", heardAt: 3_001 })
  })

  test("who is heard in every fifth round is never silent", () => {
    const { pulses, told } = counted()
    for (let round = 0; round < 100; round++) {
      if (round % 5 === 0) pulses.hears("n2", "s", round * 50)
      pulses.passed(50)
    }
    expect(told).toEqual(["n2 heard s"])
  })

  test("a process that stood still for a minute finds nobody silent: it is one round", () => {
    const { pulses, told } = counted()
    pulses.hears("n2", "s", 0)
    pulses.passed(50)
    pulses.passed(50)
    pulses.hears("n2", "s", 60_000)
    pulses.passed(50)
    expect(told).toEqual(["n2 heard s"])
  })

  test("rounds are twice as long while nobody is missed, and somebody is when no pulse came for two and a half", () => {
    const { pulses } = counted()
    expect(pulses.roundMillis(0, 50)).toBe(100)
    pulses.hears("n2", "s", 1_000)
    pulses.hears("n3", "s", 1_125)
    expect(pulses.roundMillis(1_125, 50)).toBe(100)
    expect(pulses.roundMillis(1_126, 50)).toBe(50)
    pulses.hears("n2", "s", 1_126)
    expect(pulses.roundMillis(1_126, 50)).toBe(100)
    // Who is silent is waited for as patiently as who was never heard.
    for (let round = 0; round < 6; round++) pulses.passed(50)
    expect(pulses.roundMillis(9_000, 50)).toBe(100)
  })

  test("another process is told at once, and before the end of a silence", () => {
    const { pulses, told } = counted()
    pulses.hears("n2", "s", 0)
    pulses.hears("n2", "t", 10)
    for (let round = 0; round < 6; round++) pulses.passed(50)
    pulses.hears("n2", "u", 500)
    expect(told).toEqual(["n2 heard s", "n2 another t", "n2 silent t", "n2 another u", "n2 heard u"])
  })

  test("who is no peer any more is silent, and unknown when it comes back", () => {
    const { pulses, told } = counted()
    pulses.hears("n2", "s", 0)
    pulses.forget("n2")
    pulses.forget("n2")
    expect(pulses.of("n2")).toBeNull()
    pulses.hears("n2", "t", 10)
    expect(told).toEqual(["n2 heard s", "n2 silent undefined", "n2 heard t"])
  })

  test("who has had enough is told nothing more, and nobody else with it", () => {
    const { pulses, told, end } = counted()
    const others: Array<string> = []
    pulses.on((peer) => others.push(peer))
    end()
    pulses.hears("n2", "s", 0)
    expect(told).toEqual([])
    expect(others).toEqual(["n2"])
  })
})

describe("over sockets", () => {
  test("nodes that have nothing to say hear of each other once a period", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { limits })
        const n2 = yield* startSocket("n2", { limits })
        const told = tales(n1.transport)
        expect(n1.transport.pulse("n2")).toBeNull()
        yield* connectAll([n1, n2])
        yield* eventually("n2 was heard", () => n1.transport.pulse("n2") !== null)
        const { heardAt: first, session } = n1.transport.pulse("n2")!
        yield* eventually("and is heard for long", () => heardAt(n1, "n2") - first > 300)
        expect(told).toEqual(["n2 heard"])
        expect(n1.transport.pulse("n2")!.session).toBe(session)
        // It is no message of a group.
        expect(peerOf(n1, "n2").receivedMessages).toBe(0)
      }),
    ))

  test("an empty frame leaves once a round, whatever else leaves", () =>
    run(
      Effect.gen(function* () {
        let pulses = 0
        const n2 = yield* impostor((socket, said) => {
          if (said.type === "Hello") socket.write(helloFrom("n2", "n1"))
          if (said.type === "Beats" && said.beats.length === 0) pulses += 1
        })
        const n1 = yield* startSocket("n1", { peers: { n2: n2.address }, limits: { pulseMillis: 40 } })
        yield* eventually("n1 is connected", () => peerOf(n1, "n2").state === "open")
        const since = performance.now()
        yield* eventually("some rounds have passed", () => pulses >= 8)
        // Nobody is missed, as n2 was never heard: rounds of 80 ms, of which the first may be shorter.
        expect(pulses).toBeLessThanOrEqual((performance.now() - since) / 80 + 2)
        const before = pulses
        let sent = 0
        yield* eventually("and some more while there is something to say", () => {
          n1.transport.send("n2", group, vote(sent++))
          return pulses >= before + 4
        })
      }),
    ))

  test("a peer that keeps its connection and says nothing is silent, until it speaks; a new process is another", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { peers: { n2: nowhere }, limits })
        const told = tales(n1.transport)
        const first = yield* stranger(n1.port.listening.port)
        first.write(helloFrom("n2", "n1", { session: "s" }))
        yield* eventually("n2 is silent", () => told.length === 2)
        first.write(encodeBeats([]))
        yield* eventually("n2 is heard", () => told.length === 3)
        const second = yield* stranger(n1.port.listening.port)
        second.write(helloFrom("n2", "n1", { session: "t" }))
        yield* eventually("n2 is another", () => told.length === 4)
        expect(told).toEqual(["n2 heard", "n2 silent", "n2 heard", "n2 another"])
        expect(n1.transport.pulse("n2")!.session).toBe("t")
      }),
    ))

  test("a node that stops is silent; started again it is another, and then heard", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { limits })
        const n2 = yield* startSocket("n2", { limits })
        yield* connectAll([n1, n2])
        yield* eventually("n2 was heard", () => n1.transport.pulse("n2") !== null)
        const told = tales(n1.transport)
        yield* n2.stop
        yield* eventually("n2 is silent", () => told.length === 1)
        yield* startSocket("n2", { listen: n2.port.listening, peers: { n1: n1.address }, limits })
        yield* eventually("n2 is back", () => told.length === 3)
        expect(told).toEqual(["n2 silent", "n2 another", "n2 heard"])
      }),
    ))

  test("a peer that is no longer named is silent at once", () =>
    run(
      Effect.gen(function* () {
        const n1 = yield* startSocket("n1", { limits })
        const n2 = yield* startSocket("n2", { limits })
        yield* connectAll([n1, n2])
        yield* eventually("n2 was heard", () => n1.transport.pulse("n2") !== null)
        const told = tales(n1.transport)
        yield* n1.transport.connect({}, 0)
        expect(told).toEqual(["n2 silent"])
        expect(n1.transport.pulse("n2")).toBeNull()
      }),
    ))
})

describe("in memory", () => {
  const cluster = () => {
    const world = new World(1)
    const network = new MemoryNetwork()
    const context = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, world.scheduler),
      Context.add(Clock.Clock, world.clock(0)),
      Context.add(Random.Random, world.random),
    )
    const peers = { n1: nowhere, n2: nowhere }
    const start = (id: string) => {
      const scope = Scope.makeUnsafe()
      let transport: Transport["Service"] | null = null
      const life = Effect.gen(function* () {
        transport = Context.get(yield* Layer.buildWithScope(layerMemory({ network, id }), scope), Transport)
        yield* transport.connect(peers, 0)
      })
      Effect.runForkWith(context)(life)
      world.runUntil(() => transport !== null, 1)
      world.runFor(0)
      return { transport: transport!, stop: () => Effect.runForkWith(context)(Scope.close(scope, Exit.void)) }
    }
    const n1 = start("n1")
    return { world, network, n1, n2: start("n2"), start, told: tales(n1.transport) }
  }

  test("as long as nothing changes, what is heard costs not one task", () => {
    const { world, n1, told } = cluster()
    const before = world.steps
    world.runFor(600_000)
    expect(world.steps - before).toBe(0)
    expect(n1.transport.pulse("n2")!.heardAt).toBe(600_000)
    expect(told).toEqual([])
  })

  test("a cut is silence after 250 to 300 ms, and a heal is heard at once", () => {
    const { world, network, n1, n2, told } = cluster()
    world.runFor(1_000)
    network.cutOneWay("n2", "n1")
    world.runFor(socketLimits.silentMillis)
    expect(told).toEqual([])
    world.runFor(socketLimits.pulseMillis)
    expect(told).toEqual(["n2 silent"])
    expect(n1.transport.pulse("n2")!.heardAt).toBe(1_000)
    // The other way was not cut.
    expect(n2.transport.pulse("n1")!.heardAt).toBe(1_300)
    network.healAll()
    expect(told).toEqual(["n2 silent", "n2 heard"])
    const before = world.steps
    world.runFor(10_000)
    expect(world.steps - before).toBe(0)
  })

  test("a short cut is no silence", () => {
    const { world, network, told } = cluster()
    for (let time = 0; time < 5; time++) {
      network.cut("n1", "n2")
      world.runFor(240)
      network.heal("n1", "n2")
      world.runFor(100)
    }
    expect(told).toEqual([])
  })

  test("who starts anew is another, before it could be silent", () => {
    const { world, n1, n2, start, told } = cluster()
    const { session } = n1.transport.pulse("n2")!
    n2.stop()
    world.runFor(100)
    start("n2")
    expect(told).toEqual(["n2 another"])
    expect(n1.transport.pulse("n2")!.session).not.toBe(session)
    world.runFor(1_000)
    expect(told).toEqual(["n2 another"])
  })
})
