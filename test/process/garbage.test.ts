// Strangers talk to the peer ports of nodes that are at work: does anything change? (HAZARDS X1, X2)

import { expect, test } from "bun:test"
import { encode, encodeGreeting, type Hello } from "../../src/transport/codec.ts"
import { headerBytes } from "../../src/transport/framing.ts"
import { socketLimits } from "../../src/transport/limits.ts"
import { type Cluster, withCluster } from "./support/Cluster.ts"
import { Load } from "./support/load.ts"
import type { NodeProcess } from "./support/NodeProcess.ts"
import { expectKept } from "./support/verify.ts"

const roundsMax = 6

test(
  "whatever strangers send to the peer ports, all nodes go on in the same term (X1, X2)",
  () =>
    withCluster(async (cluster) => {
      const load = new Load(cluster.urls)
      await load.goOn(300)
      const before = await standings(cluster)
      for (let round = 0; round < roundsMax; round++) {
        for (const node of cluster.nodes) {
          await Promise.all((await nonsense(node)).map((bytes) => tell(node, bytes)))
        }
        await load.goOn(100)
      }
      // More than a node lets in, and none of them says a word.
      const silent = await Promise.all(
        cluster.nodes.flatMap((node) =>
          Array.from({ length: socketLimits.incomingMax + 20 }, () => connect(node)),
        ),
      )
      await load.goOn(300)
      expect(await standings(cluster)).toEqual(before)

      // Nor do they keep a node from coming back to its peers for long.
      const [follower] = (await cluster.followers()) as [NodeProcess]
      await follower.kill("SIGKILL")
      follower.start()
      await follower.ready()
      for (const socket of silent) socket?.end()
      await expectKept(cluster, load, "strangers")
    }),
  60_000,
)

const standings = (cluster: Cluster) =>
  Promise.all(
    cluster.nodes.map(async (node) => {
      const { pid, groups } = await node.report()
      const { role, term, leader, standing } = groups[0]!
      return { pid, role, term, leader, standing }
    }),
  )

/** From noise to what only lacks the right to be said. */
const nonsense = async (node: NodeProcess): Promise<ReadonlyArray<Uint8Array>> => {
  const { clusterId } = await node.report()
  const hello: Hello = {
    type: "Hello",
    oldestProtocol: 1,
    newestProtocol: 1,
    clusterId,
    nodeId: "n9",
    incarnation: "stranger",
    recipient: node.id,
    client: "",
    peer: "",
    asOf: 0,
    epoch: 0,
    sequence: 0,
    witnessed: { incarnation: "", sequence: 0 },
    session: "s-9",
  }
  const vote = encode("main", {
    type: "VoteRequest",
    term: Number.MAX_SAFE_INTEGER,
    preVote: false,
    lastIndex: Number.MAX_SAFE_INTEGER,
    lastTerm: Number.MAX_SAFE_INTEGER,
    transfer: true,
  })
  const introduced = (of: Partial<Hello>) => Buffer.concat([encodeGreeting({ ...hello, ...of }), vote])
  const huge = new Uint8Array(headerBytes).fill(0xff)
  return [
    crypto.getRandomValues(new Uint8Array(4096)),
    crypto.getRandomValues(new Uint8Array(60_000)),
    new TextEncoder().encode(`GET /admin/node HTTP/1.1\r\nHost: ${node.id}\r\n\r\n`),
    huge,
    vote,
    vote.subarray(0, vote.length - 1),
    introduced({}),
    introduced({ clusterId: "other" }),
    introduced({ nodeId: "n2", incarnation: "reborn", recipient: "n1" }),
    introduced({ nodeId: "n1", incarnation: "reborn", recipient: "n2" }),
    introduced({ nodeId: node.id, incarnation: "twin" }),
    introduced({ oldestProtocol: 99, newestProtocol: 99 }),
  ]
}

/** Says it and listens until the node has had enough, or for a moment. */
const tell = async (node: NodeProcess, bytes: Uint8Array): Promise<void> => {
  const closed = Promise.withResolvers<void>()
  const socket = await connect(node, closed.resolve)
  socket?.write(bytes)
  await Promise.race([closed.promise, Bun.sleep(100)])
  socket?.end()
}

const connect = async (node: NodeProcess, close: () => void = () => {}): Promise<Bun.Socket | null> => {
  try {
    return await Bun.connect({
      hostname: "127.0.0.1",
      port: node.peerPort,
      socket: { data: () => {}, close, error: () => {} },
    })
  } catch {
    return null
  }
}
