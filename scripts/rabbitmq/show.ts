// Does RabbitMQ let in whom the auth actor knows, nobody else, and does it go on when a node of ours dies?

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ChannelModel, connect } from "amqplib"
import { client } from "raftlet/client"
import type auth from "../../actors/auth/index.ts"
import { businessActors, Cluster, loopbackPlaces } from "../../test/process/support/Cluster.ts"
import { until } from "../../test/process/support/wait.ts"
import { Broker } from "./Broker.ts"

const tenant = "acme"
const exchange = "orders"
const queue = "orders.mail"
const rules = [
  { id: "own", effect: "allow", actions: ["publish", "subscribe", "admin"], pattern: "orders.#", keys: null },
  { id: "not-these", effect: "deny", actions: ["publish"], pattern: "orders.secret", keys: null },
] as const

/** Says each thing as it is seen. Throws of the first that is not as it should be. */
export const show = async (say: (line: string) => void): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-rabbitmq-"))
  const cluster = new Cluster(loopbackPlaces(3), { directory, actors: businessActors })
  const connections: Array<ChannelModel> = []
  let broker: Broker | null = null
  try {
    for (const node of cluster.nodes) node.start()
    const leader = await until("a leader of auth", () => leaderOf(cluster))
    const cloud = client<{ auth: typeof auth }>(cluster.urls)
    await cloud.propose({ actor: "auth", key: tenant, command: "open" })
    for (const input of rules) await cloud.propose({ actor: "auth", key: tenant, command: "setRule", input })
    const made = await cloud.request(`/x/auth/tenants/${tenant}/keys`, {
      method: "POST",
      body: JSON.stringify({ label: "RabbitMQ" }),
    })
    const { key, secret } = (await made.json()) as { readonly key: string; readonly secret: string }
    say(`the auth actor has issued ${key}`)

    // One node's address. Where several nodes serve many brokers, a load balancer's would stand here.
    const follower = cluster.nodes.find((node) => node !== leader)!
    broker = new Broker({
      directory: join(directory, "rabbitmq"),
      authUrl: `${follower.url}/x/auth/rabbitmq`,
      vhost: tenant,
    })
    await broker.begin()
    const { port } = broker
    const login = async (username: string, password: string): Promise<ChannelModel> => {
      const connection = await connect({ hostname: "127.0.0.1", port, username, password, vhost: tenant })
      connection.on("error", () => {})
      connections.push(connection)
      return connection
    }
    say("RabbitMQ has started, and asks the cluster")

    const connection = await login(key, secret)
    const channel = await connection.createConfirmChannel()
    await channel.assertExchange("orders", "topic", { durable: true })
    await channel.assertQueue(queue, { durable: true })
    await channel.bindQueue(queue, exchange, "orders.eu.*")
    const consumed: Array<string> = []
    await channel.consume(queue, (message) => {
      if (message === null) return
      consumed.push(message.content.toString())
      channel.ack(message)
    })
    const publish = async (bodies: ReadonlyArray<string>): Promise<void> => {
      for (const body of bodies) channel.publish(exchange, "orders.eu.new", Buffer.from(body))
      await channel.waitForConfirms()
    }
    await publish(["1", "2", "3"])
    await until("the messages to be consumed", () => consumed.length === 3 || null)
    say("published and consumed with the issued key")

    await refused("a wrong secret", () => login(key, `${secret}!`))
    await refused("a key that there never was", () => login(`${tenant}.k99`, secret))
    await refused("the key of another tenant", () => login("globex.k1", secret))
    say("a wrong secret, an unknown key and another tenant's are refused")
    await refused("a topic that is denied", () => publishAlone(connection, "orders.secret"))
    await refused("a topic that no rule allows", () => publishAlone(connection, "bills.eu"))
    say("denied topics are refused")

    const killed = await until("a leader of auth", () => leaderOf(cluster))
    if (killed === follower) throw new Error("the leader is the node that RabbitMQ asks")
    await killed.kill("SIGKILL")
    say(`kill -9 of ${killed.id}, which led auth`)
    await publish(["4", "5"])
    const again = await until("a login after the leader was killed", () => login(key, secret), 30_000)
    const second = await again.createConfirmChannel()
    second.publish(exchange, "orders.eu.again", Buffer.from("6"))
    await second.waitForConfirms()
    await until("all messages to be consumed", () => consumed.length === 6 || null)
    if (consumed.join() !== "1,2,3,4,5,6") throw new Error(`consumed were ${consumed.join()}`)
    await refused("a wrong secret", () => login(key, `${secret}!`))
    say("who is connected goes on, who comes is let in, who should not be is not")

    await cloud.propose({
      actor: "auth",
      key: tenant,
      command: "revokeKey",
      input: { id: key.split(".")[1]! },
    })
    await refused("a key that was taken back", () => login(key, secret))
    say("a key that was taken back is refused from then on")
    cloud.close()
  } catch (error) {
    cluster.showLogs()
    throw error
  } finally {
    for (const connection of connections) await connection.close().catch(() => {})
    await broker?.end()
    await cluster.remove()
    rmSync(directory, { recursive: true, force: true })
  }
}

const leaderOf = async (cluster: Cluster) => {
  for (const node of cluster.running) {
    const { groups } = await node.report()
    if (groups.some(({ group, role, ready }) => group === "auth" && role === "leader" && ready)) return node
  }
  return null
}

/** On a channel of its own: RabbitMQ closes it when it refuses. */
const publishAlone = async (connection: ChannelModel, topic: string): Promise<void> => {
  const channel = await connection.createConfirmChannel()
  const { promise, reject } = Promise.withResolvers<never>()
  channel.on("error", reject)
  channel.publish(exchange, topic, Buffer.from("not for you"))
  await Promise.race([channel.waitForConfirms(), promise])
}

const refused = async (what: string, attempt: () => Promise<unknown>): Promise<void> => {
  try {
    await attempt()
  } catch (error) {
    if (String(error).includes("ACCESS_REFUSED") || String(error).includes("ACCESS-REFUSED")) return
    throw new Error(`${what} was not refused, but: ${error}`)
  }
  throw new Error(`${what} was let in`)
}
