// How does a test get a cluster of real processes, and how is nothing of it left behind?

import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Environment, NodeProcess, type Place } from "./NodeProcess.ts"
import { freePorts } from "./ports.ts"
import { until } from "./wait.ts"

const logLinesShown = 40

/** Also those of a test that this process did not see the end of. */
const directories = new Set<string>()
process.on("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** All that ship. */
export const businessActors = join(import.meta.dir, "../../../actors")
export const meteringAlone = join(import.meta.dir, "meters")
const counterAlone = join(import.meta.dir, "actors")

/** Runs `body` with a cluster that has a leader. When it throws, the last words of all nodes are shown. */
export const withCluster = async (
  body: (cluster: Cluster) => Promise<void>,
  options: {
    readonly nodes?: number
    readonly actors?: string
    readonly directory?: string
    readonly environment?: Environment
    /** Of the nodes in their order. */
    readonly zones?: ReadonlyArray<string>
  } = {},
): Promise<void> => {
  const { nodes = 3, zones = [], ...kept } = options
  const places = loopbackPlaces(nodes).map((place, at) => ({
    ...place,
    ...(zones[at] === undefined ? {} : { flags: ["--zone", zones[at]] }),
  }))
  const cluster = new Cluster(places, kept)
  try {
    for (const node of cluster.nodes) node.start()
    await cluster.leader()
    for (const node of cluster.nodes) await node.ready()
    await body(cluster)
  } catch (error) {
    cluster.showLogs()
    throw error
  } finally {
    await cluster.remove()
  }
}

export class Cluster {
  readonly #nodes: Array<NodeProcess>
  readonly directory: string
  readonly #kept: { readonly directory: string; readonly actors: string; readonly environment: Environment }

  /** Without a directory it makes one that goes away with this process; a given one is its owner's. */
  constructor(
    places: ReadonlyArray<Place>,
    options: {
      readonly directory?: string
      readonly actors?: string
      readonly environment?: Environment
    } = {},
  ) {
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), "raftlet-process-"))
    if (options.directory === undefined) directories.add(this.directory)
    const { actors = counterAlone, environment = {} } = options
    this.#kept = { directory: this.directory, actors, environment }
    this.#nodes = places.map((place) => new NodeProcess(place, this.#kept))
  }

  get nodes(): ReadonlyArray<NodeProcess> {
    return this.#nodes
  }

  /** A further node, that is not started yet: it asks those who run now to be taken in. */
  newcomer(id: string, flags: ReadonlyArray<string> = []): NodeProcess {
    const [client, peer] = freePorts(2)
    const join = this.running.map(({ url }) => url).join(",")
    const place = { id, clientAddress: `127.0.0.1:${client}`, peerPort: peer!, members: "", join, flags }
    const node = new NodeProcess(place, this.#kept)
    this.#nodes.push(node)
    return node
  }

  /** It has left for good. */
  async dismiss(node: NodeProcess): Promise<void> {
    this.#nodes.splice(this.#nodes.indexOf(node), 1)
    await node.remove()
  }

  get urls(): ReadonlyArray<string> {
    return this.nodes.map(({ url }) => url)
  }

  get running(): ReadonlyArray<NodeProcess> {
    return this.nodes.filter(({ isRunning }) => isRunning)
  }

  /** The node that leads and serves, and that a majority knows as such. */
  async leader(
    options: { readonly not?: NodeProcess; readonly millisMax?: number } = {},
  ): Promise<NodeProcess> {
    return until(
      "a leader",
      async () => {
        const groups = await Promise.all(
          this.running.map(async (node) => ({ node, group: await node.group().catch(() => null) })),
        )
        const leading = groups.filter(({ group }) => group?.role === "leader" && group.ready)
        const highest = Math.max(...leading.map(({ group }) => group?.term ?? 0))
        const leader = leading.find(({ group }) => group?.term === highest)?.node
        if (leader === undefined || leader === options.not) return null
        const followers = groups.filter(({ group }) => group?.leader === leader.id)
        return followers.length * 2 > this.nodes.length ? leader : null
      },
      options.millisMax,
    )
  }

  async followers(): Promise<ReadonlyArray<NodeProcess>> {
    const leader = await this.leader()
    return this.running.filter((node) => node !== leader)
  }

  /** Waits until all running nodes have applied the same, and nothing more is under way. */
  async quiet(millisMax = 30_000): Promise<number> {
    return until(
      "all nodes to have applied the same",
      async () => {
        const groups = await Promise.all(this.running.map((node) => node.group()))
        const indexes = groups.flatMap(({ lastIndex, commitIndex, appliedIndex }) => [
          lastIndex,
          commitIndex,
          appliedIndex,
        ])
        return new Set(indexes).size === 1 ? indexes[0]! : null
      },
      millisMax,
    )
  }

  /** The same, and all of it is in their state files. Gives its index. */
  async quietOnDisk(): Promise<number> {
    return until("all state to be on disk", async () => {
      const index = await this.quiet()
      const groups = await Promise.all(this.running.map((node) => node.group()))
      return groups.every(({ snapshotIndex }) => snapshotIndex >= index) ? index : null
    })
  }

  /**
   * What each running node has for itself, once all is quiet: every instance of the actor with its revision and
   * state, read locally, and the machine's running hash, read from its flushed state file.
   */
  async contents(actor: string): Promise<ReadonlyArray<NodeContent>> {
    // A leader may put a checkpoint into the log at any time.
    return until(
      "all nodes to have flushed up to the same entry",
      async () => {
        await this.quiet()
        const contents = await Promise.all(this.running.map((node) => contentOf(node, actor)))
        return new Set(contents.map(({ position }) => position.index)).size === 1 ? contents : null
      },
      120_000,
    )
  }

  showLogs(): void {
    for (const node of this.nodes) {
      const lines = node.log().trimEnd().split("\n").slice(-logLinesShown)
      console.error(`--- ${node.id}, its last ${lines.length} lines:\n${lines.join("\n")}`)
    }
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()))
    if (directories.delete(this.directory)) rmSync(this.directory, { recursive: true, force: true })
  }
}

/** All on this machine's loopback, each with ports of its own. */
export const loopbackPlaces = (count: number): ReadonlyArray<Place> => {
  const ports = freePorts(count * 2)
  const places = Array.from({ length: count }, (_, at) => ({
    id: `n${at + 1}`,
    clientAddress: `127.0.0.1:${ports[at]}`,
    peerPort: ports[count + at]!,
  }))
  const members = places
    .map(({ id, clientAddress, peerPort }) => `${id}=127.0.0.1:${peerPort}@${clientAddress}`)
    .join(",")
  return places.map((place) => ({ ...place, members }))
}

export interface InstanceContent {
  readonly state: unknown
  readonly revision: number
}

export interface NodeContent {
  readonly node: string
  readonly instances: Readonly<Record<string, InstanceContent>>
  /** As the state file has it. */
  readonly position: { readonly index: number; readonly digest: string }
}

interface ListAnswer {
  readonly instances: ReadonlyArray<{ readonly key: string }>
  readonly next: string | null
}

/** The body of an answer that must be 200. */
export const ask = async <A>(url: string, init: RequestInit = {}): Promise<A> => {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text}`)
  return JSON.parse(text) as A
}

const contentOf = async (node: NodeProcess, actor: string): Promise<NodeContent> => {
  const instances: Record<string, InstanceContent> = {}
  for (let after = ""; ; ) {
    const page = await ask<ListAnswer>(
      `${node.url}/read/${actor}?consistency=local&limit=1000&after=${encodeURIComponent(after)}`,
    )
    for (const { key } of page.instances) {
      const { state, revision } = await ask<InstanceContent>(
        `${node.url}/read/${actor}/${encodeURIComponent(key)}?consistency=local`,
      )
      instances[key] = { state, revision }
    }
    if (page.next === null) break
    after = page.next
  }
  await flush(node)
  return { node: node.id, instances, position: positionOf(node) }
}

/** All that it has applied is in its state file. On a busy machine that may take longer than one request. */
export const flush = (node: NodeProcess): Promise<unknown> =>
  until(
    `${node.id} to have taken a snapshot`,
    () => ask(`${node.url}/admin/snapshot`, { method: "POST" }),
    60_000,
  )

const positionOf = (node: NodeProcess) => {
  const database = new Database(join(node.data, "state.db"), { readonly: true })
  try {
    return database
      .query<{ readonly index: number; readonly digest: string }, []>(
        'SELECT entry_index AS "index", digest FROM position',
      )
      .get()!
  } finally {
    database.close()
  }
}
