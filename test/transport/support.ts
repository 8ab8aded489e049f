// What do the tests of this room need: nodes on either layer, every kind of message, raw sockets.

import { Context, Effect, Exit, Layer, Logger, Queue, Scope } from "effect"
import fc from "fast-check"
import type { Address, Configuration, Entry, NodeId } from "../../src/consensus/types.ts"
import { formatAddress } from "../../src/transport/address.ts"
import { decode, encodeGreeting, type Hello, type Said } from "../../src/transport/codec.ts"
import { FrameReader } from "../../src/transport/framing.ts"
import { helloTo, type Self } from "../../src/transport/handshake.ts"
import { frameBytesMax, type SocketLimits } from "../../src/transport/limits.ts"
import { layerMemory, type MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { layerSocket, PeerPort, type SocketOptions } from "../../src/transport/SocketTransport.ts"
import { type Beat, type Inbound, type Payload, Transport } from "../../src/transport/Transport.ts"
import { Witness } from "../../src/transport/Witness.ts"
import { boxOf } from "./boxOf.ts"

export const clusterId = "cluster-1"
export const group = "main"

/** A running node: its transport, its mailbox, and how to end it. */
export interface TestNode {
  readonly id: NodeId
  readonly transport: Transport["Service"]
  readonly mailbox: Queue.Queue<Inbound>
  readonly address: Address
  readonly stop: Effect.Effect<void>
}

export interface SocketNode extends TestNode {
  readonly port: PeerPort["Service"]
}

const nowhere: Address = { peer: "", client: "" }

/** Times short enough for a test that waits for them to end. */
export const quick: Partial<SocketLimits> = { backoffMinMillis: 1, backoffMaxMillis: 20 }

export const startSocket = Effect.fnUntraced(function* (
  id: NodeId,
  options: Partial<SocketOptions> = {},
): Effect.fn.Return<SocketNode, unknown, Scope.Scope> {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const context = yield* Layer.buildWithScope(
    layerSocket({
      id,
      clusterId,
      incarnation: `incarnation of ${id}`,
      listen: { hostname: "127.0.0.1", port: 0 },
      ...options,
      limits: { ...quick, ...options.limits },
    }),
    scope,
  )
  const transport = Context.get(context, Transport)
  const port = Context.get(context, PeerPort)
  const mailbox = yield* Queue.unbounded<Inbound>()
  yield* transport.attach(group, boxOf(mailbox))
  const address = { peer: formatAddress(port.listening), client: "" }
  return { id, transport, port, mailbox, address, stop: Scope.close(scope, Exit.void) }
})

export const startMemory = Effect.fnUntraced(function* (
  network: MemoryNetwork,
  id: NodeId,
  incarnation = `incarnation of ${id}`,
): Effect.fn.Return<TestNode, unknown, Scope.Scope> {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const transport = Context.get(
    yield* Layer.buildWithScope(layerMemory({ network, id, incarnation }), scope),
    Transport,
  )
  const mailbox = yield* Queue.unbounded<Inbound>()
  yield* transport.attach(group, boxOf(mailbox))
  return { id, transport, mailbox, address: nowhere, stop: Scope.close(scope, Exit.void) }
})

/** Everybody names everybody; done when every link is open. */
export const connectAll = Effect.fnUntraced(function* (nodes: ReadonlyArray<TestNode>) {
  const peers = Object.fromEntries(nodes.map((node) => [node.id, node.address]))
  for (const node of nodes) yield* node.transport.connect(peers, 0)
  yield* eventually("all are connected", () =>
    nodes.every((node) => node.transport.connections().every((peer) => peer.state === "open")),
  )
})

/** Waits for the kernel, turn by turn of the event loop, whatever Effect's clock says; gives up loudly. */
export const eventually = (what: string, isSo: () => boolean): Effect.Effect<void> =>
  Effect.promise(async () => {
    const deadline = performance.now() + 4_000
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
      await Bun.sleep(1)
    }
  })

export const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(effect).pipe(Effect.provide(Logger.layer([]))))

export const take = (node: TestNode): Effect.Effect<Inbound> =>
  Queue.take(node.mailbox).pipe(
    Effect.timeoutOrElse({ duration: 4_000, orElse: () => Effect.die(new Error("nothing arrived")) }),
  )

export const peerOf = (node: TestNode, id: NodeId) => {
  const peer = node.transport.connections().find((connection) => connection.id === id)
  if (peer === undefined) throw new Error(`${node.id} has no peer ${id}`)
  return peer
}

/** A small message that carries a number. */
export const vote = (term: number): Payload => ({ type: "TimeoutNow", term })

/** A bulk message that carries a number. */
export const bulk = (id: number, bytes: number): Payload => ({
  type: "ForwardRequest",
  id,
  commands: [new Uint8Array(bytes)],
})

const count = fc.maxSafeNat()
const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" })
const bytes = fc.uint8Array({ maxLength: 200 })

const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: fc.array(text),
  outgoing: fc.array(text),
  learners: fc.array(text),
  learnersNext: fc.array(text),
  addresses: fc
    .dictionary(
      fc.oneof(text, fc.constant("__proto__")),
      fc.record({ peer: text, client: fc.string({ maxLength: 20 }) }),
      {
        noNullPrototype: true,
      },
    )
    .map((addresses) => Object.fromEntries(Object.entries(addresses))),
})

const append: fc.Arbitrary<Payload> = fc
  .record({
    prevIndex: fc.nat(),
    prevTerm: fc.nat({ max: 1_000 }),
    steps: fc.array(
      fc.record({
        rise: fc.nat({ max: 3 }),
        time: count,
        kind: fc.constantFrom("noop", "command", "configuration" as const),
        data: bytes,
      }),
      { maxLength: 20 },
    ),
    commit: count,
    repairThrough: count,
    session: count,
  })
  .map(({ prevIndex, prevTerm, steps, ...rest }) => {
    let term = prevTerm
    const entries = steps.map(({ rise, time, kind, data }, offset): Entry => {
      term += rise
      const body = kind === "noop" ? new Uint8Array(0) : data
      return { index: prevIndex + 1 + offset, term, time, kind, data: body, origin: null }
    })
    return { type: "AppendRequest", term, prevIndex, prevTerm, entries, ...rest }
  })

const chunk: fc.Arbitrary<Payload> = fc
  .record({
    term: count,
    snapshot: fc.record({ index: count, term: count, configuration }),
    id: text,
    offset: fc.nat(),
    bytes,
    behind: fc.nat(),
    checksum: fc.nat({ max: 0xffffffff }),
    repairThrough: count,
    session: count,
  })
  .map(({ behind, ...rest }) => ({
    type: "SnapshotChunk",
    ...rest,
    totalBytes: rest.offset + rest.bytes.length + behind,
  }))

const of = <T extends Payload["type"]>(
  type: T,
  fields: {
    [K in Exclude<keyof Extract<Payload, { type: T }>, "type">]: fc.Arbitrary<
      Extract<Payload, { type: T }>[K]
    >
  },
): fc.Arbitrary<Payload> =>
  fc
    .record(fields as Record<string, fc.Arbitrary<unknown>>)
    .map((body) => ({ type, ...body }) as unknown as Payload)

/** Well-formed messages, each type on its own. */
export const messages: Readonly<Record<Payload["type"], fc.Arbitrary<Payload>>> = {
  VoteRequest: of("VoteRequest", {
    term: count,
    preVote: fc.boolean(),
    lastIndex: count,
    lastTerm: count,
    transfer: fc.boolean(),
  }),
  VoteReply: of("VoteReply", { term: count, preVote: fc.boolean(), granted: fc.boolean() }),
  AppendRequest: append,
  AppendReply: of("AppendReply", {
    term: count,
    accepted: fc.boolean(),
    index: count,
    hintIndex: count,
    hintTerm: count,
    whole: fc.boolean(),
    session: count,
  }),
  HeartbeatRequest: of("HeartbeatRequest", {
    term: count,
    commit: count,
    acknowledged: count,
    round: count,
    sentAt: count,
    rest: fc.boolean(),
  }),
  HeartbeatReply: of("HeartbeatReply", {
    term: count,
    round: count,
    sentAt: count,
    lastIndex: count,
    whole: fc.boolean(),
    isShort: fc.boolean(),
    rests: fc.boolean(),
  }),
  SnapshotChunk: chunk,
  SnapshotReply: of("SnapshotReply", {
    term: count,
    id: text,
    received: count,
    installedIndex: count,
    whole: fc.boolean(),
    session: count,
  }),
  ReadIndexRequest: of("ReadIndexRequest", { term: count, id: count }),
  ReadIndexReply: of("ReadIndexReply", { term: count, id: count, index: count }),
  TimeoutNow: of("TimeoutNow", { term: count }),
  ForwardRequest: fc.record({
    type: fc.constant("ForwardRequest" as const),
    id: count,
    commands: fc.array(bytes, { maxLength: 10 }),
  }),
  ForwardReply: fc.record({
    type: fc.constant("ForwardReply" as const),
    id: count,
    answers: fc.array(fc.json(), { maxLength: 10 }),
  }),
  QueryRequest: fc.record({
    type: fc.constant("QueryRequest" as const),
    id: count,
    queries: fc.array(fc.json(), { maxLength: 10 }),
  }),
  QueryReply: fc.record({
    type: fc.constant("QueryReply" as const),
    id: count,
    answers: fc.array(fc.json(), { maxLength: 10 }),
  }),
  StateReport: fc
    .record({
      type: fc.constant("StateReport" as const),
      index: count,
      hash: text,
      appliedIndex: count,
      stuckAt: count,
    })
    .map((report) => (report.index === 0 ? { ...report, hash: "" } : report)),
  StateParted: of("StateParted", { index: count, hash: text }),
  StateRequest: of("StateRequest", { index: count, id: fc.oneof(text, fc.constant("")), offset: count }),
  StatePiece: fc
    .record({
      type: fc.constant("StatePiece" as const),
      index: count,
      term: count,
      id: text,
      offset: fc.nat(),
      bytes,
      behind: fc.nat(),
      checksum: fc.nat({ max: 0xffffffff }),
    })
    .map(({ behind, ...rest }) => ({ ...rest, totalBytes: rest.offset + rest.bytes.length + behind })),
}

/** A heartbeat of some group. */
export const beat: fc.Arbitrary<Beat> = fc.record({
  group: text,
  payload: fc.oneof(messages.HeartbeatRequest, messages.HeartbeatReply) as fc.Arbitrary<Beat["payload"]>,
})

/** A heartbeat that carries a number. */
export const ask = (round: number): Beat["payload"] => ({
  type: "HeartbeatRequest",
  term: 7,
  commit: 3,
  acknowledged: 3,
  round,
  sentAt: 1_000,
  rest: false,
})

/** What answers it. */
export const answerTo = (round: number): Beat["payload"] => ({
  type: "HeartbeatReply",
  term: 7,
  round,
  sentAt: 1_000,
  lastIndex: 3,
  whole: true,
  isShort: false,
  rests: false,
})

/** A socket without manners: what it writes is up to the test, what it hears is kept. */
export interface Stranger {
  readonly write: (bytes: Uint8Array) => void
  readonly heard: Array<Said>
  readonly isClosed: () => boolean
  /** Nothing more is read from the socket until `resume`. */
  readonly pause: () => void
  readonly resume: () => void
  readonly close: () => void
}

export const stranger = (port: number): Effect.Effect<Stranger, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const reader = new FrameReader(1024)
      const heard: Array<Said> = []
      let isClosed = false
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          data: (_, chunk) => reader.push(chunk, (payload) => heard.push(decode(payload)) > 0),
          close: () => {
            isClosed = true
          },
          error: () => undefined,
        },
      })
      return {
        write: (bytes: Uint8Array) => void socket.write(bytes),
        heard,
        isClosed: () => isClosed,
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        close: () => socket.terminate(),
      }
    }),
    (socket) => Effect.sync(() => socket.close()),
  )

/** A listener without manners. `serve` sees each frame, `chunked` each piece in which they come. */
export const impostor = (
  serve: (socket: Bun.Socket<FrameReader>, said: Said) => void,
  chunked: () => void = () => undefined,
): Effect.Effect<Impostor, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const sockets: Array<Bun.Socket<FrameReader>> = []
      const listener = Bun.listen<FrameReader>({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          open: (socket) => {
            socket.data = new FrameReader(frameBytesMax)
            sockets.push(socket)
          },
          data: (socket, chunk) => {
            chunked()
            socket.data.push(chunk, (payload) => {
              serve(socket, decode(payload))
              return true
            })
          },
          error: () => undefined,
        },
      })
      return { listener, sockets, address: { peer: `127.0.0.1:${listener.port}`, client: "" } }
    }),
    ({ listener }) => Effect.sync(() => listener.stop(true)),
  )

interface Impostor {
  readonly address: Address
  /** All that ever dialed, in order. */
  readonly sockets: ReadonlyArray<Bun.Socket<FrameReader>>
}

/** A node, as its transport knows it. */
export const selfOf = (of: Partial<Self> & Pick<Self, "id">): Self => ({
  clusterId,
  incarnation: `incarnation of ${of.id}`,
  client: "",
  peer: "",
  asOf: 0,
  epoch: 0,
  outsiders: new Set(),
  witness: new Witness(() => ({ incarnation: of.incarnation ?? `incarnation of ${of.id}`, sequence: 0 })),
  session: `session of ${of.id}`,
  ...of,
})

/** What `from` says first when it dials `to`. */
export const helloFrom = (from: NodeId, to: NodeId, other: Partial<Hello> = {}): Uint8Array =>
  encodeGreeting({
    ...helloTo(selfOf({ id: from }), to),
    ...other,
  })
