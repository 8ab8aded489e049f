// What does the transport cost? Two nodes in one process over loopback: both ends share one core, and the
// kernel's part of the work is in the figures. No disk, no consensus.

import { Context, Effect, Layer, Queue } from "effect"
import type { Entry } from "../src/consensus/types.ts"
import { formatAddress } from "../src/transport/address.ts"
import { decode, encode } from "../src/transport/codec.ts"
import { headerBytes } from "../src/transport/framing.ts"
import { layerSocket, PeerPort } from "../src/transport/SocketTransport.ts"
import { type Inbound, type Payload, Transport } from "../src/transport/Transport.ts"
import { boxOf } from "../test/transport/boxOf.ts"

const group = "main"

const entries = Array.from(
  { length: 64 },
  (_, at): Entry => ({
    index: 1_001 + at,
    term: 7,
    time: 1_790_000_000_000 + at,
    kind: "command",
    data: new Uint8Array(128).fill(at),
    origin: null,
  }),
)
const append: Payload = {
  type: "AppendRequest",
  term: 7,
  prevIndex: 1_000,
  prevTerm: 7,
  entries,
  commit: 990,
  repairThrough: 0,
  session: 1,
}
const heartbeat: Payload = {
  type: "HeartbeatRequest",
  term: 7,
  commit: 990,
  acknowledged: 999,
  round: 12,
  sentAt: 123_456,
  rest: false,
}
const forward: Payload = { type: "ForwardRequest", id: 1, commands: [new Uint8Array(200)] }

const codecMicros = (payload: Payload, rounds: number): string => {
  let frame = encode(group, payload)
  for (let round = 0; round < rounds / 4; round += 1) decode(encode(group, payload).subarray(headerBytes))
  const startedAt = performance.now()
  for (let round = 0; round < rounds; round += 1) frame = encode(group, payload)
  const encodedAt = performance.now()
  const bytes = frame.subarray(headerBytes)
  for (let round = 0; round < rounds; round += 1) decode(bytes)
  const decodedAt = performance.now()
  const each = (millis: number): string => ((millis / rounds) * 1_000).toFixed(2)
  return `${frame.length} bytes, encode ${each(encodedAt - startedAt)} µs, decode ${each(decodedAt - encodedAt)} µs`
}

const start = Effect.fnUntraced(function* (id: string) {
  const context = yield* Layer.build(
    layerSocket({ id, clusterId: "bench", incarnation: id, listen: { hostname: "127.0.0.1", port: 0 } }),
  )
  const transport = Context.get(context, Transport)
  const mailbox = yield* Queue.unbounded<Inbound>()
  yield* transport.attach(group, boxOf(mailbox))
  const address = { peer: formatAddress(Context.get(context, PeerPort).listening), client: "" }
  return { transport, mailbox, address }
})

type Node = Effect.Success<ReturnType<typeof start>>

/** `turn` messages at once, the next turn when they have arrived. */
const throughput = Effect.fnUntraced(function* (
  from: Node,
  to: Node,
  payload: Payload,
  turn: number,
  turns: number,
) {
  const startedAt = performance.now()
  for (let round = 0; round < turns; round += 1) {
    for (let each = 0; each < turn; each += 1) from.transport.send("n2", group, payload)
    let arrived = 0
    while (arrived < turn) arrived += (yield* Queue.takeAll(to.mailbox)).length
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const bytes = encode(group, payload).length * turn * turns
  const rate = Math.round((turn * turns) / seconds).toLocaleString("en")
  return `${rate} messages/s, ${(bytes / seconds / 1e6).toFixed(0)} MB/s in turns of ${turn}`
})

const answer: Payload = {
  type: "HeartbeatReply",
  term: 7,
  round: 12,
  sentAt: 123_456,
  lastIndex: 999,
  whole: true,
  isShort: false,
  rests: false,
}

const sentBy = ({ transport }: Node): number => transport.connections()[0]!.sentMessages

/** So many groups of two members beat every 50 ms, all of them with their leader on one node. */
const heartbeats = Effect.fnUntraced(function* (from: Node, to: Node, groups: number, seconds: number) {
  let answered = 0
  const beat = Effect.fnUntraced(function* (name: string) {
    // Their leaders were elected at different moments.
    yield* Effect.sleep(Math.random() * 50)
    while (true) {
      yield* Effect.sleep(50)
      from.transport.send("n2", name, heartbeat)
    }
  })
  const each = Effect.fnUntraced(function* (mailbox: Queue.Queue<Inbound>, run: (count: number) => void) {
    while (true) run((yield* Queue.takeAll(mailbox)).length)
  })
  for (let at = 0; at < groups; at += 1) {
    const name = `group ${at}`
    const asked = yield* Queue.unbounded<Inbound>()
    const replies = yield* Queue.unbounded<Inbound>()
    yield* to.transport.attach(name, boxOf(asked))
    yield* from.transport.attach(name, boxOf(replies))
    yield* Effect.forkScoped(each(asked, () => void to.transport.send("n1", name, answer)))
    const countReplies = (count: number): void => {
      answered += count
    }
    yield* Effect.forkScoped(each(replies, countReplies))
    yield* Effect.forkScoped(beat(name))
  }
  yield* Effect.sleep(500)
  answered = 0
  const [asking, answering] = [sentBy(from), sentBy(to)]
  const cpu = process.cpuUsage()
  yield* Effect.sleep(seconds * 1_000)
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (count: number): string => Math.round(count / seconds).toLocaleString("en")
  const frames = `${perSecond(sentBy(from) - asking)} + ${perSecond(sentBy(to) - answering)} frames/s`
  const load = `${((user + system) / 1e4 / seconds).toFixed(0)} % of a core for both ends`
  return `${perSecond(answered)} answered/s, ${frames}, ${load}`
})

const program = Effect.gen(function* () {
  console.log(`codec, append of 64 × 128 bytes: ${codecMicros(append, 20_000)}`)
  console.log(`codec, heartbeat:                ${codecMicros(heartbeat, 200_000)}`)
  const n1 = yield* start("n1")
  const n2 = yield* start("n2")
  const peers = { n1: n1.address, n2: n2.address }
  yield* n1.transport.connect(peers, 0)
  yield* n2.transport.connect(peers, 0)
  while (n1.transport.connections().some(({ state }) => state !== "open")) yield* Effect.sleep(1)
  yield* throughput(n1, n2, heartbeat, 1_000, 50)
  console.log(`loopback, heartbeats:            ${yield* throughput(n1, n2, heartbeat, 1_000, 500)}`)
  console.log(`loopback, 200-byte commands:     ${yield* throughput(n1, n2, forward, 1_000, 300)}`)
  console.log(`loopback, appends of 64 × 128:   ${yield* throughput(n1, n2, append, 32, 300)}`)
  console.log(`loopback, one at a time:         ${yield* throughput(n1, n2, heartbeat, 1, 5_000)}`)
  console.log(`1,000 groups that beat:          ${yield* heartbeats(n1, n2, 1_000, 5)}`)
})

await Effect.runPromise(Effect.scoped(program))
