// What can a scenario do to its cluster? It names nodes, and waits until what it asked for is true.

import { rmSync } from "node:fs"
import { ask } from "../../test/process/support/Cluster.ts"
import { NodeProcess, type Place } from "../../test/process/support/NodeProcess.ts"
import { until } from "../../test/process/support/wait.ts"
import { fairWeather, type Link, type Network } from "../chaos/Network.ts"

/** What a scenario is about: the leader of its group, or of its first group, is hit. */
export type Service = "auth" | "metering"

export interface WorldOptions {
  readonly network: Network
  readonly directory: string
  readonly actors: string
  readonly environment: Readonly<Record<string, string>>
  readonly service: Service
  /** How many of the network's places run from the beginning; the others stand by. */
  readonly nodes: number
  /** How long everything that happens to it takes together. */
  readonly hitMillis: number
  readonly say: (line: string) => void
}

const readyMillisMax = 60_000

export class World {
  readonly #options: WorldOptions
  readonly #nodes = new Map<string, NodeProcess>()
  readonly #members: Set<string>

  constructor(options: WorldOptions) {
    this.#options = options
    const places = options.network.places.slice(0, options.nodes)
    for (const place of places) this.#nodes.set(place.id, this.#process(founding(place, places)))
    this.#members = new Set(this.#nodes.keys())
  }

  /** Those that run now. */
  get running(): ReadonlyArray<NodeProcess> {
    return [...this.#nodes.values()].filter(({ isRunning }) => isRunning)
  }

  get urls(): ReadonlyArray<string> {
    return this.running.map(({ url }) => url)
  }

  /** Ids of those that were never members. */
  get spare(): ReadonlyArray<string> {
    return this.#options.network.places.slice(this.#options.nodes).map(({ id }) => id)
  }

  async begin(): Promise<void> {
    for (const node of this.#nodes.values()) node.start()
    await this.allReady()
  }

  /** The ids of all members, the leader of the service first. */
  async leaderFirst(): Promise<ReadonlyArray<string>> {
    const leader = await until("a leader of the service", () => this.#leader())
    return [leader, ...[...this.#members].filter((id) => id !== leader)]
  }

  async kill(ids: ReadonlyArray<string>): Promise<void> {
    this.#say(`kill -9 ${ids.join(", ")}`)
    await Promise.all(ids.map((id) => this.#node(id).kill("SIGKILL")))
  }

  async start(ids: ReadonlyArray<string>): Promise<void> {
    this.#say(`${ids.join(", ")} started again`)
    for (const id of ids) this.#node(id).start()
    await this.allReady()
  }

  /** `outward`: nobody hears it; `inward`: it hears nobody; `both`. Clients reach everybody. */
  async cut(shape: "both" | "outward" | "inward", id: string, others: ReadonlyArray<string>): Promise<void> {
    const words = { both: "hears nobody and is not heard", outward: "is not heard", inward: "hears nobody" }
    this.#say(`${id} ${words[shape]}`)
    const out: ReadonlyArray<Link> = others.map((to) => ({ from: id, to }))
    const back: ReadonlyArray<Link> = others.map((from) => ({ from, to: id }))
    const cut = [...(shape === "inward" ? [] : out), ...(shape === "outward" ? [] : back)]
    await this.#options.network.setWeather({ ...fairWeather, cut })
  }

  async heal(): Promise<void> {
    this.#say("everybody hears everybody")
    await this.#options.network.setWeather(fairWeather)
    await this.allReady()
  }

  /** Nodes that have nothing: they ask to be taken in, all at the same time. */
  async add(ids: ReadonlyArray<string>): Promise<void> {
    this.#say(`${ids.join(", ")} added`)
    const join = this.urls.join(",")
    for (const id of ids) {
      const place = this.#options.network.places.find((place) => place.id === id)!
      const node = this.#process({ ...place, join, peerHost: place.clientAddress.split(":")[0]! })
      this.#nodes.set(id, node)
      node.start()
    }
    await until(
      `${ids.join(", ")} to be voters`,
      async () => {
        const voters = await this.#voters()
        return ids.every((id) => voters.includes(id)) || null
      },
      readyMillisMax,
    )
    for (const id of ids) this.#members.add(id)
    await this.allReady()
  }

  /** By an operator, all in one change; then their processes and all that they had are gone. */
  async remove(ids: ReadonlyArray<string>): Promise<void> {
    this.#say(`${ids.join(", ")} removed`)
    const staying = [...this.#members].filter((id) => !ids.includes(id))
    await until(
      `${ids.join(", ")} to be let go`,
      async () => {
        // A change that another group has not followed yet is refused for a while.
        await this.#ask("/admin/members", {
          method: "PUT",
          body: JSON.stringify({ voters: staying, learners: [] }),
        })
        return true
      },
      readyMillisMax,
    )
    for (const id of ids) this.#members.delete(id)
    await until(
      "all groups to have followed",
      async () => {
        const groups = await this.#groupsOf(staying[0]!)
        const all = await Promise.all(groups.map((group) => this.#voters(group)))
        return all.every((voters) => voters.every((id) => staying.includes(id))) || null
      },
      readyMillisMax,
    )
    for (const id of ids) {
      const node = this.#node(id)
      await node.remove()
      rmSync(node.data, { recursive: true, force: true })
    }
  }

  /** Hands the service over to this node. */
  async leadAt(id: string): Promise<void> {
    this.#say(`${id} to lead`)
    await until(`${id} to lead`, async () => {
      const [leader] = await this.leaderFirst()
      if (leader === id) return true
      const group = await this.#group()
      await this.#ask(`/admin/transfer?group=${group}`, { method: "POST", body: JSON.stringify({ to: id }) })
      return null
    })
  }

  /** A part of the time that there is for all that happens. */
  pass(part: number): Promise<void> {
    return Bun.sleep(part * this.#options.hitMillis)
  }

  async allReady(): Promise<void> {
    await Promise.all(this.running.map((node) => node.ready(readyMillisMax)))
  }

  async end(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.remove()))
  }

  async #leader(): Promise<string | null> {
    const reports = await Promise.all(this.running.map((node) => node.report().catch(() => null)))
    const leading = reports.flatMap((report) =>
      (report?.groups ?? [])
        .filter(({ group, role, ready }) => isOf(group, this.#options.service) && role === "leader" && ready)
        .map(({ group, term }) => ({ id: report!.id, group, term })),
    )
    // Of a service of several groups, that of the first.
    const first = leading.map(({ group }) => group).sort()[0]
    const newest = leading.filter(({ group }) => group === first).sort((a, b) => b.term - a.term)[0]
    return newest !== undefined && this.#members.has(newest.id) ? newest.id : null
  }

  async #group(): Promise<string> {
    const groups = await this.#groupsOf([...this.#members][0]!)
    return groups.filter((group) => isOf(group, this.#options.service)).sort()[0]!
  }

  async #groupsOf(id: string): Promise<ReadonlyArray<string>> {
    return (await this.#node(id).report()).groups.map(({ group }) => group)
  }

  async #voters(group = "main"): Promise<ReadonlyArray<string>> {
    const { members } = await this.#ask<ClusterReport>(`/admin/cluster?group=${group}`)
    return members.filter(({ role }) => role === "voter").map(({ id }) => id)
  }

  /** Of a member that is not on its way out. */
  #ask<A>(path: string, init: RequestInit = {}): Promise<A> {
    const node = this.running.find(({ id }) => this.#members.has(id))!
    return ask<A>(`${node.url}${path}`, { ...init, headers: { "Content-Type": "application/json" } })
  }

  #node(id: string): NodeProcess {
    return this.#nodes.get(id)!
  }

  #process(place: Place): NodeProcess {
    return new NodeProcess(place, this.#options)
  }

  #say(line: string): void {
    this.#options.say(line)
  }
}

interface ClusterReport {
  readonly members: ReadonlyArray<{ readonly id: string; readonly role: "voter" | "learner" }>
}

const isOf = (group: string, service: Service): boolean =>
  group === service || group.startsWith(`${service}-`)

/** The network knows more places than begin. */
const founding = (place: Place, places: ReadonlyArray<Place>): Place => {
  const ids = places.map(({ id }) => id)
  const members = place.members.split(",").filter((member) => ids.includes(member.split("=")[0]!))
  return { ...place, members: members.join(",") }
}
