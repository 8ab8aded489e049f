// How does a script's trouble come over a cluster, and how does it end?

import type { NodeId } from "../consensus/types.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { calmCode } from "./CodeHost.ts"
import type { DiskCopy } from "./Disk.ts"
import type { DiskWeather } from "./diskWeather.ts"
import { calmLink } from "./Link.ts"
import { Session } from "./Session.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import {
  type Damage,
  type Ending,
  type Fault,
  linksOf,
  type PermanentFault,
  type Script,
  type Target,
} from "./script.ts"

const calmDisk = {
  hangs: false,
  isFull: false,
  reserveBytes: 0,
  failing: "no",
} as const satisfies Partial<DiskWeather>

/** As much of a script as trouble needs. */
export type TroubleScript = Pick<Script, "link" | "disk" | "faults" | "till">

export class Troubles {
  readonly #cluster: SimulatedCluster
  readonly #script: TroubleScript
  /** How many cuts a link suffers at the moment. */
  readonly #cuts = new Map<string, number>()
  readonly #copies = new Map<NodeId, DiskCopy>()
  #isCalm = false
  #floods = 0

  constructor(cluster: SimulatedCluster, script: TroubleScript) {
    this.#cluster = cluster
    this.#script = script
    for (const node of cluster.nodes) Object.assign(node.disk.weather, script.disk)
    for (const fault of script.faults) {
      if (fault.type === "damage" && fault.damage === "old-copy") this.#copyBefore(fault)
      cluster.world.after(fault.atMillis, () => {
        if (this.#isCalm) return
        cluster.tell(JSON.stringify(fault))
        this.#strike(fault)
      })
    }
  }

  /** Somebody copies the directories, half the way to when one of them is put back. */
  #copyBefore(fault: Fault): void {
    this.#cluster.world.after(fault.atMillis / 2, () => {
      for (const { id, disk } of this.#cluster.nodes) this.#copies.set(id, disk.copy())
    })
  }

  /** All that was wrong is put right. Who is down starts again. */
  calm(): void {
    const { network, nodes } = this.#cluster
    this.#isCalm = true
    this.#cuts.clear()
    network.healAll()
    for (const link of network.links) {
      if (link.isHeld) link.release()
      link.weather = calmLink
      link.hurry()
    }
    for (const node of nodes) {
      Object.assign(node.disk.weather, this.#script.disk, calmDisk)
      Object.assign(node.code, calmCode())
      node.process?.resume()
      if (!this.#cluster.staysDown.has(node.id)) node.start()
    }
  }

  /**
   * From now on, for good, as far as a majority can do without it and without the nodes that were lost before.
   * Gives back who can take no part any more.
   */
  makePermanent(faults: ReadonlyArray<PermanentFault>): ReadonlySet<NodeId> {
    const affected = new Set<NodeId>(this.#cluster.gone)
    // Nobody can repair these before somebody leads.
    const doubtful = this.#cluster.stillDoubtful
    for (const fault of faults) {
      // Of two that lost a link one may be the leader: then it is the other one that misses something.
      const hit = fault.type === "no-link" ? [fault.from, fault.to] : [fault.node]
      if (!this.#cluster.canDoWithout(new Set([...affected, ...doubtful, ...hit]))) continue
      this.#cluster.tell(`for good: ${JSON.stringify(fault)}`)
      for (const id of hit) affected.add(id)
      this.#strikeForGood(fault)
    }
    return affected
  }

  #strikeForGood(fault: PermanentFault): void {
    const { network, nodes } = this.#cluster
    if (fault.type === "no-link") return network.cut(fault.from, fault.to)
    const node = this.#cluster.node(fault.node)
    if (fault.type === "down") node.kill()
    else if (fault.type === "paused") node.process?.pause()
    else if (fault.type === "disk-hangs") node.disk.weather.hangs = true
    else if (fault.type === "disk-full")
      Object.assign(node.disk.weather, { isFull: true, reserveBytes: 4000 })
    for (const other of nodes) {
      if (other === node) continue
      if (fault.type === "isolated" || fault.type === "deaf") network.cut(other.id, node.id)
      if (fault.type === "isolated" || fault.type === "mute") network.cut(node.id, other.id)
    }
  }

  #strike(fault: Fault): void {
    const { world, nodes, network } = this.#cluster
    switch (fault.type) {
      case "end": {
        const node = this.#who(fault.target)
        return this.#when(node, fault, () => this.#end(node, fault.how, fault.forMillis))
      }
      case "end-all":
        for (const node of nodes) this.#end(node, fault.how, fault.forMillis)
        return this.#cluster.sightings.see("all down at once")
      case "pause":
        return this.#pauseWhen(this.#who(fault.target), fault)
      case "cut":
        return this.#cut(fault.cut, fault.forMillis)
      case "weather": {
        for (const link of this.#allLinks()) link.weather = fault.weather
        return void world.after(fault.forMillis, () => {
          if (this.#isCalm) return
          for (const link of this.#allLinks()) link.weather = this.#script.link
        })
      }
      case "hold": {
        const link = network.link(fault.from, fault.to)
        if (link.isHeld) return
        link.hold()
        return void world.after(fault.forMillis, () => {
          if (link.isHeld) link.release()
        })
      }
      case "disk": {
        const node = this.#who(fault.target)
        return this.#when(node, fault, () => this.#sour(node, fault.weather, fault.forMillis))
      }
      case "damage":
        return this.#damageWithEcho(this.#who(fault.target), fault)
      case "slow-code": {
        const { code } = this.#who(fault.target)
        code.millisMax[fault.lane] = fault.millisMax
        return this.#endLater(fault, () => {
          code.millisMax[fault.lane] = 0
        })
      }
      case "failing-code":
        return this.#failCode(this.#who(fault.target), "host", fault)
      case "busy-code": {
        const { alone } = this.#script.till ?? {}
        return alone == null ? undefined : this.#failCode(this.#cluster.node(alone), "log", fault)
      }
      case "alter":
        return this.#alter(this.#who(fault.target), fault.fits)
      case "wall": {
        const node = this.#who(fault.target)
        if (fault.shiftMillis < 0 && node.record?.role.kind === "leader")
          this.#cluster.sightings.see("wall clock set back")
        return node.process?.shiftWall(fault.shiftMillis)
      }
      case "snapshot":
        return this.#who(fault.target).perform((raft) => raft.snapshot)
      case "flood":
        return this.#flood(this.#who(fault.target), fault.count)
    }
  }

  #failCode({ code }: SimulatedNode, failing: "host" | "log", fault: { readonly forMillis: number }): void {
    code.failing = failing
    this.#endLater(fault, () => {
      code.failing = "no"
    })
  }

  #endLater({ forMillis }: { readonly forMillis: number }, end: () => void): void {
    this.#cluster.world.after(forMillis, end)
  }

  #when(node: SimulatedNode, { inInstall }: { readonly inInstall?: boolean }, strike: () => void): void {
    if (inInstall !== true) return strike()
    node.main.onceInstalling = () => {
      if (!this.#isCalm) strike()
    }
  }

  #sour(node: SimulatedNode, weather: Partial<DiskWeather>, forMillis: number): void {
    this.#cluster.excused.add(node.id)
    Object.assign(node.disk.weather, weather)
    this.#cluster.world.after(forMillis, () => {
      if (!this.#isCalm) Object.assign(node.disk.weather, this.#script.disk, calmDisk)
    })
  }

  #end(node: SimulatedNode, how: Ending, forMillis: number): void {
    const startLater = () =>
      void this.#cluster.world.after(forMillis, () => {
        if (!this.#cluster.staysDown.has(node.id)) node.start()
      })
    if (!node.isUp) return
    if (how === "stop") return node.stop(startLater)
    if (how === "power") node.crash()
    else node.kill()
    startLater()
  }

  #pauseWhen(node: SimulatedNode, fault: Extract<Fault, { readonly type: "pause" }>): void {
    const pause = (): void => this.#pause(node, fault.forMillis)
    if (fault.afterReading !== true) return pause()
    node.main.onceItHasRead = () => {
      if (!this.#isCalm) pause()
    }
  }

  #pause(node: SimulatedNode, forMillis: number): void {
    const { process } = node
    if (process === null || process.isPaused) return
    const wasLeader = node.record?.role.kind === "leader"
    process.pause()
    this.#cluster.world.after(forMillis, () => {
      const isDeposed = (this.#cluster.leader?.record?.term ?? 0) > (node.record?.term ?? 0)
      if (wasLeader && isDeposed && !process.isDead)
        this.#cluster.sightings.see("stood still and was deposed")
      if (!this.#isCalm) process.resume()
    })
  }

  #cut(cut: Extract<Fault, { readonly type: "cut" }>["cut"], forMillis: number): void {
    const { network, nodes, world } = this.#cluster
    const ids = nodes.map(({ id }) => id)
    const links = linksOf(cut, ids, (target) => this.#who(target).id)
    const count = ([from, to]: readonly [NodeId, NodeId], by: number): void => {
      const key = `${from} ${to}`
      const cuts = Math.max(0, (this.#cuts.get(key) ?? 0) + by)
      this.#cuts.set(key, cuts)
      if (cuts > 0) network.cut(from, to)
      else network.heal(from, to)
    }
    for (const link of links) count(link, 1)
    world.after(forMillis, () => {
      if (!this.#isCalm) for (const link of links) count(link, -1)
    })
  }

  #damageWithEcho(node: SimulatedNode, fault: Extract<Fault, { readonly type: "damage" }>): void {
    const { damage, forMillis, echoMillis = 0 } = fault
    if (echoMillis === 0) return this.#damage(node, damage, forMillis)
    const { network, nodes, world } = this.#cluster
    const links = nodes.flatMap((other) => (other === node ? [] : [network.link(node.id, other.id)]))
    for (const link of links) link.hold()
    world.after(echoMillis, () => {
      if (!this.#isCalm) this.#damage(node, damage, forMillis)
    })
    world.after(echoMillis + forMillis + world.chance.between(0, 3 * echoMillis), () => {
      for (const link of links) if (link.isHeld) link.releaseMixed()
    })
  }

  /** Only while a majority of each half is without any doubt: more than that nobody can make good. */
  #damage(node: SimulatedNode, damage: Damage, forMillis: number): void {
    const { excused, staysDown, tellingLoss, invariants, world } = this.#cluster
    if (!this.#cluster.canDoWithout(new Set([...this.#cluster.stillDoubtful, node.id]))) return
    // Who has never met a node takes whoever comes first for it.
    if (damage === "wipe" && !this.#isKnownToAll(node.id)) return
    node.crash()
    const found = this.#harm(node, damage)
    this.#cluster.tell(`${node.id} is damaged: ${found}`)
    if (found !== null) {
      excused.add(node.id)
      if (damage === "flip-state") this.#cluster.alterations.note(node, world.nowMillis)
      else this.#cluster.doubtful.set(node.id, node.starts)
      for (const group of [this.#cluster.main, ...this.#cluster.groups]) group.invariants.damaged(node.id)
    }
    const isTold = found !== null && (damage === "shorten" || damage === "mark")
    if (isTold) tellingLoss.add(node.id)
    else if (damage === "wipe" || damage === "old-copy") tellingLoss.delete(node.id)
    if (damage === "wipe") {
      staysDown.add(node.id)
      // With an empty disk and the flags of the first start it could begin the first cluster once more, if that was
      // small: whoever starts it knows that members have changed since, and lets it join.
      if (invariants.committedConfiguration !== null) node.joins()
    }
    world.after(forMillis, () => node.start())
  }

  /** Under the running process, and only where others have a state to give. */
  #alter(node: SimulatedNode, fits: boolean): void {
    const { alterations, stillDoubtful, world } = this.#cluster
    if (!node.isServing || !this.#cluster.canDoWithout(new Set([...stillDoubtful, node.id]))) return
    const altered = fits ? node.disk.alterState() : node.disk.flipBit(["state"])
    if (altered === null) return
    this.#cluster.tell(`${altered} of ${node.id} is altered`)
    alterations.note(node, world.nowMillis)
  }

  #isKnownToAll(id: NodeId): boolean {
    const { network, nodes } = this.#cluster
    return nodes.every((other) => other.id === id || network.haveMet(id, other.id))
  }

  /** What was done to its disk; null when there was nothing to damage. */
  #harm({ id, disk }: SimulatedNode, damage: Damage): string | null {
    switch (damage) {
      case "flip":
        return disk.flipBit(["entry", "hard state", "snapshot"])
      case "flip-state":
        return disk.flipBit(["state"])
      case "shorten":
        return disk.shortenLog()
      case "mark":
        return disk.damageMark()
      case "wipe":
        disk.wipe(this.#cluster.newIdentity(id))
        return "its directory is new"
      case "old-copy": {
        const copy = this.#copies.get(id)
        if (copy === undefined) return null
        disk.restore(copy)
        return "its directory is an older one"
      }
    }
  }

  #flood(node: SimulatedNode, count: number): void {
    const flood = this.#floods++
    const session = new Session(this.#cluster, `flood ${flood}`, {
      hopMillisMax: 0,
      replyLoss: 0,
      attemptMillis: 500,
      patienceMillis: 1,
    })
    session.startAt(node.id)
    const wishes = Array.from({ length: count }, (_, at) => ({
      actor: "counter",
      key: "flood",
      command: "add",
      input: JSON.stringify({ by: 1 }),
      idempotencyKey: `flood-${flood}-${at}`,
      ifRevision: null,
    }))
    for (const wish of wishes) session.propose([wish], () => {})
  }

  #who(target: Target): SimulatedNode {
    const { nodes, leader, world } = this.#cluster
    if (target === "leader") return leader ?? world.chance.pick(nodes)
    if (target === "follower") return world.chance.pick(nodes.filter((node) => node !== leader)) ?? nodes[0]!
    return this.#cluster.node(target)
  }

  #allLinks() {
    const { nodes, network } = this.#cluster
    return nodes.flatMap((from) =>
      nodes.filter((to) => to !== from).map((to) => network.link(from.id, to.id)),
    )
  }
}
