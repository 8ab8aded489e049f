// Do the heartbeats of many groups leave together, and arrive each on its own?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Queue, type Scope } from "effect"
import fc from "fast-check"
import type { GroupId } from "../../src/consensus/types.ts"
import { decode, encode } from "../../src/transport/codec.ts"
import { FrameReader } from "../../src/transport/framing.ts"
import { Gathering } from "../../src/transport/Gathering.ts"
import { beatsBytesMax, beatsMax, frameBytesMax, idLengthMax } from "../../src/transport/limits.ts"
import { MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { isControl, Outbound } from "../../src/transport/Outbound.ts"
import type { Beat, Inbound, Payload } from "../../src/transport/Transport.ts"
import { boxOf } from "./boxOf.ts"
import {
  answerTo,
  ask,
  beat,
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

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

type Start = (id: string) => Effect.Effect<TestNode, unknown, Scope.Scope>

const layers: Readonly<Record<string, () => Start>> = {
  layerSocket: () => (id) => startSocket(id),
  layerMemory: () => {
    const network = new MemoryNetwork()
    return (id) => startMemory(network, id)
  },
}

const names = Array.from({ length: 1_000 }, (_, at) => `group ${at}`)

/** A mailbox for each of the groups. */
const open = Effect.fnUntraced(function* (node: TestNode, groups: ReadonlyArray<GroupId>) {
  const boxes = new Map<GroupId, Queue.Queue<Inbound>>()
  for (const name of groups) {
    const mailbox = yield* Queue.unbounded<Inbound>()
    boxes.set(name, mailbox)
    yield* node.transport.attach(name, boxOf(mailbox))
  }
  return boxes
})

const waiting = (boxes: ReadonlyMap<GroupId, Queue.Queue<Inbound>>): number =>
  [...boxes.values()].reduce((sum, box) => sum + Queue.sizeUnsafe(box), 0)

for (const [name, layer] of Object.entries(layers)) {
  const pair = Effect.gen(function* () {
    const start = layer()
    const [n1, n2] = [yield* start("n1"), yield* start("n2")]
    yield* connectAll([n1, n2])
    return { n1, n2 }
  })

  describe(`${name}: heartbeats`, () => {
    test("of many groups that are said in one burst come in one frame, each to its own group", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          yield* open(n1, names)
          const boxes = yield* open(n2, names)
          names.forEach((name, at) => expect(n1.transport.send("n2", name, ask(at))).toBe(true))
          yield* eventually("all have come", () => waiting(boxes) === names.length)
          expect(peerOf(n2, "n1").receivedMessages).toBe(1)
          for (const [at, name] of names.entries()) {
            expect(yield* Queue.takeAll(boxes.get(name)!)).toEqual([{ from: "n1", payload: ask(at) }])
          }
        }),
      ))

    test("are answered by groups that wake one by one, and no answer is lost", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          const boxes = yield* open(n1, names)
          for (const [name, mailbox] of yield* open(n2, names)) {
            const answering = Effect.gen(function* () {
              for (const { from, payload } of yield* Queue.takeAll(mailbox)) {
                if (payload.type === "HeartbeatRequest")
                  n2.transport.send(from, name, answerTo(payload.round))
              }
            })
            yield* Effect.forkScoped(Effect.forever(answering))
          }
          yield* Effect.sleep(1)
          for (let round = 1; round <= 3; round++) {
            for (const name of names) n1.transport.send("n2", name, ask(round))
            yield* eventually("all have answered", () => waiting(boxes) === round * names.length)
          }
          // Each group has a turn of its own: the answers of one round still leave in a few frames.
          expect(peerOf(n1, "n2").receivedMessages).toBeLessThan(60)
          expect(peerOf(n2, "n1").dropped).toBe(0)
        }),
      ))

    test("for a group that is not here take nobody else's along", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          yield* open(n1, names)
          const boxes = yield* open(n2, ["group 1", "group 3"])
          for (const name of ["group 0", "group 1", "group 2", "group 3"])
            n1.transport.send("n2", name, ask(1))
          yield* eventually("both have come", () => waiting(boxes) === 2)
          yield* n2.transport.detach("group 1")
          for (const name of ["group 1", "group 3"]) n1.transport.send("n2", name, ask(2))
          yield* eventually("the other one has come", () => waiting(boxes) === 3)
          expect(Queue.sizeUnsafe(boxes.get("group 1")!)).toBe(1)
        }),
      ))

    test("keep their order among all that is urgent in their group", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          yield* open(n1, names)
          const boxes = yield* open(n2, names.slice(0, 3))
          const said: Array<[GroupId, Payload]> = []
          const say = (group: GroupId, payload: Payload): void => {
            said.push([group, payload])
            n1.transport.send("n2", group, payload)
          }
          for (let round = 0; round < 30; round++) {
            say("group 0", ask(round))
            say("group 1", ask(round))
            if (round % 3 === 0) say("group 0", vote(round))
            say("group 2", round % 2 === 0 ? ask(round) : vote(round))
            if (round % 7 === 0) yield* Effect.yieldNow
          }
          yield* eventually("all have come", () => waiting(boxes) === said.length)
          for (const [name, mailbox] of boxes) {
            const heard = (yield* Queue.takeAll(mailbox)).map(({ payload }) => payload)
            expect(heard).toEqual(said.flatMap(([group, payload]) => (group === name ? [payload] : [])))
          }
        }),
      ))

    test("of a node with one group wait for nobody", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          n1.transport.send("n2", group, ask(1))
          n1.transport.send("n2", group, ask(2))
          expect([(yield* take(n2)).payload, (yield* take(n2)).payload]).toEqual([ask(1), ask(2)])
          expect(peerOf(n2, "n1").receivedMessages).toBe(2)
        }),
      ))
  })

  describe(`${name}: who speaks for a group`, () => {
    test("is asked for each message, alone or in a frame, and is known by its data directory", () =>
      run(
        Effect.gen(function* () {
          const { n1, n2 } = yield* pair
          yield* open(n1, names)
          const boxes = yield* open(n2, names.slice(0, 2))
          const asked: Array<string> = []
          let isWelcome = false
          yield* n2.transport.attach("group 0", boxOf(boxes.get("group 0")!), (from, incarnation) => {
            asked.push(`${from}: ${incarnation}`)
            return isWelcome
          })
          const say = () => {
            n1.transport.send("n2", "group 0", vote(1))
            for (const name of names.slice(0, 2)) n1.transport.send("n2", name, ask(1))
          }
          say()
          yield* eventually("the one that goes by no directory has heard", () => waiting(boxes) === 1)
          expect(Queue.sizeUnsafe(boxes.get("group 0")!)).toBe(0)
          isWelcome = true
          say()
          yield* eventually("both have heard", () => waiting(boxes) === 4)
          expect(asked).toEqual(Array(4).fill("n1: incarnation of n1"))
          expect(peerOf(n2, "n1").incarnation).toBe("incarnation of n1")
        }),
      ))
  })
}

test("the peer port counts what no mailbox took: unknown, or not admitted", () =>
  run(
    Effect.gen(function* () {
      const n1 = yield* startSocket("n1")
      const n2 = yield* startSocket("n2")
      yield* connectAll([n1, n2])
      yield* open(n1, names)
      yield* n2.transport.attach("group 0", boxOf(yield* Queue.unbounded<Inbound>()), () => false)
      for (const name of names.slice(0, 3)) n1.transport.send("n2", name, ask(1))
      yield* eventually("all were counted", () => n2.port.counters().unknownGroup === 2)
      expect(n2.port.counters()).toMatchObject({ unadmitted: 1, overflowed: 0 })
    }),
  ))

describe("a frame of heartbeats", () => {
  test("never takes more than it reserved, nor than it may", () => {
    fc.assert(
      fc.property(fc.array(beat, { maxLength: 20 }), (beats) => {
        const gathering = new Gathering()
        for (const each of beats) gathering.add(each)
        const reserved = gathering.bytes
        if (beats.length > 0) expect(gathering.take().length).toBeLessThanOrEqual(reserved)
        expect(gathering).toMatchObject({ bytes: 0, size: 0 })
      }),
    )
  })

  test.each([
    ["4,096 heartbeats", "a", beatsMax],
    ["256 KiB", "語".repeat(idLengthMax), 595],
  ])("ends at %s", (_, name, count) => {
    const gathering = new Gathering()
    while (gathering.hasRoomFor({ group: name, payload: ask(1) })) {
      gathering.add({ group: name, payload: ask(1) })
    }
    expect(gathering.size).toBe(count)
    expect(gathering.take().length).toBeLessThanOrEqual(beatsBytesMax)
  })
})

describe("the outbound lanes with heartbeats in the making", () => {
  const limits = { bulkBytesMax: 1e6, controlBytesMax: 1e6, gatherBytesMax: 4_096 }
  const groups = ["a", "b", "c"]
  const acts = fc.array(
    fc.oneof(
      fc.constant("close" as const),
      fc.constant("leave" as const),
      fc.record({
        group: fc.constantFrom(...groups),
        what: fc.constantFrom("beat", "vote", "bulk" as const),
      }),
    ),
    { maxLength: 80 },
  )

  test("lose and repeat nothing, and nothing urgent of a group overtakes what it said before", () => {
    fc.assert(
      fc.property(acts, fc.integer({ min: 1, max: 500 }), (steps, room) => {
        const outbound = new Outbound(limits)
        const heard: Array<Beat | { readonly group: GroupId; readonly payload: Payload }> = []
        const reader = new FrameReader(frameBytesMax)
        const leave = (bytesMax: number): number => {
          const bytes = outbound.next().slice(0, bytesMax)
          reader.push(bytes, (payload) => {
            const said = decode(payload)
            if (said.type === "Beats") heard.push(...said.beats)
            else if (said.type === "Message") heard.push({ group: said.group, payload: said.payload })
            return true
          })
          outbound.wrote(bytes.length)
          return bytes.length
        }
        const said = steps.flatMap((step, at) => {
          if (step === "close") outbound.closeGathering()
          else if (step === "leave") leave(room)
          else {
            const { group, what } = step
            const payload: Payload =
              what === "beat"
                ? ask(at)
                : what === "vote"
                  ? vote(at)
                  : { type: "ForwardReply", id: at, answers: [] }
            const taken =
              payload.type === "HeartbeatRequest"
                ? outbound.gather({ group, payload })
                : outbound.offer(encode(group, payload), isControl(payload.type), group)
            expect(taken).toBe(true)
            return [{ group, payload }]
          }
          return []
        })
        outbound.closeGathering()
        while (leave(room) > 0);
        expect(heard.length).toBe(said.length)
        for (const name of groups) {
          const urgent = (all: typeof heard) =>
            all.filter(({ group, payload }) => group === name && isControl(payload.type))
          expect(urgent(heard)).toEqual(urgent(said))
        }
        expect(outbound.bytes).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  test("take a heartbeat only when it will have room", () => {
    const outbound = new Outbound({ ...limits, controlBytesMax: 300 })
    let taken = 0
    while (outbound.gather({ group: "a", payload: ask(taken) })) taken += 1
    expect(taken).toBe(4)
    expect(outbound.offer(new Uint8Array(100), true)).toBe(false)
    expect(outbound.clear()).toBe(4)
    expect(outbound.offer(new Uint8Array(100), true)).toBe(true)
  })
})
