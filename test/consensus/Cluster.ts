// What can happen to a whole cluster? Nodes, disks and a network in one process, moved by a seed alone.

import { assert } from "../../src/consensus/assert.ts"
import { members } from "../../src/consensus/configuration.ts"
import type { Message } from "../../src/consensus/message.ts"
import type { Limits } from "../../src/consensus/node.ts"
import { leaseHolds } from "../../src/consensus/reading.ts"
import type { Configuration, Index, NodeId } from "../../src/consensus/types.ts"
import { Checker, Waiting } from "./Checker.ts"
import type { Disk } from "./Disk.ts"
import { Host } from "./Host.ts"
import { Random } from "./Random.ts"

/** How often each kind of weather comes, 0 to 1. */
export interface Faults {
  readonly drop: number
  readonly duplicate: number
  readonly reorder: number
  readonly crash: number
  readonly damage: number
  /** More disks than a minority may lose something: then nothing may go wrong, but all may stand still. */
  readonly damageMany: boolean
  readonly partition: number
  readonly pause: number
  readonly compact: number
  readonly slowDisk: number
  /** How often a disk takes term and vote alone, while it has no room for the writes that they came with. */
  readonly fullDisk: number
  readonly batching: number
  readonly drift: boolean
  /** The group may rest. */
  readonly rests?: boolean
}

export interface ClusterOptions {
  readonly seed: number
  readonly configuration: Configuration
  readonly limits: Limits
  readonly faults: Faults
}

interface Envelope {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

const networkMax = 300

export class Cluster {
  readonly options: ClusterOptions
  readonly random: Random
  readonly checker = new Checker()
  readonly hosts: ReadonlyArray<Host>
  readonly disks: ReadonlyMap<NodeId, Disk>
  /** World time, ms. */
  time = 0
  /** How often what comes to a node waits for more, 0 to 1. */
  batching: number

  #network: Array<Envelope> = []
  /** `from>to` of links that lose everything. */
  readonly #cut = new Set<string>()
  #proposed = 0

  constructor(options: ClusterOptions) {
    this.options = options
    this.random = new Random(options.seed)
    this.batching = options.faults.batching
    this.hosts = members(options.configuration).map((id) => new Host(id, this))
    this.disks = new Map(this.hosts.map((host) => [host.id, host.disk]))
    for (const host of this.hosts) host.start()
  }

  host(id: NodeId): Host {
    return this.hosts.find((host) => host.id === id)!
  }

  get hasPulses(): boolean {
    return this.options.faults.rests === true
  }

  pulseOf(from: NodeId, to: NodeId): string | null {
    const host = this.host(from)
    const isHeard = host.node !== null && host.isRunning && !this.#cut.has(`${from}>${to}`)
    return isHeard ? `${from} ${host.starts}` : null
  }

  send(from: NodeId, to: NodeId, message: Message): void {
    const { faults } = this.options
    if (this.#cut.has(`${from}>${to}`) || this.random.chance(faults.drop)) return
    const envelope = { from, to, message: asSent(message) }
    this.#network.push(envelope)
    if (this.random.chance(faults.duplicate)) this.#network.push({ ...envelope, message: asSent(message) })
    if (this.#network.length > networkMax)
      this.#network.splice(Math.floor(this.random.next() * this.#network.length), 1)
  }

  /** Delivers one message. False when there is none. */
  deliver(): boolean {
    const { faults } = this.options
    if (this.#network.length === 0) return false
    const position = this.random.chance(faults.reorder) ? this.random.between(0, this.#network.length - 1) : 0
    const { from, to, message } = this.#network.splice(position, 1)[0]!
    const host = this.host(to)
    // What comes to a node that stands still comes later.
    if (host.node !== null && !host.isRunning) this.#network.push({ from, to, message })
    else host.receive(from, message)
    return true
  }

  propose(host: Host): void {
    const count = this.random.between(1, 4)
    const origins = Array.from({ length: count }, () => new Waiting("proposal", 0))
    host.post({
      type: "Proposed",
      time: this.random.between(1, 1000) + Math.floor(this.time),
      proposals: origins.map((origin) => {
        this.#proposed++
        return { kind: "command", data: new Uint8Array([this.#proposed, this.#proposed >> 8]), origin }
      }),
    })
  }

  read(host: Host): void {
    const origin = new Waiting("read", this.checker.committedIndex)
    host.post({ type: "ReadRequested", origins: [origin], lease: this.random.chance(0.5) })
  }

  /** One of the ways in which links fail; each time another. */
  partition(): void {
    this.#cut.clear()
    const ids = this.hosts.map((host) => host.id)
    const shape = this.random.between(0, 4)
    if (shape === 0) return
    const alone = this.random.pick(ids)
    const side = new Set(shape === 1 ? ids.filter(() => this.random.chance(0.5)) : [alone])
    for (const from of ids) {
      for (const to of ids) {
        const crosses = side.has(from) !== side.has(to)
        if (shape <= 2 && crosses) this.#cut.add(`${from}>${to}`)
        if (shape === 3 && crosses && side.has(from)) this.#cut.add(`${from}>${to}`)
        if (shape === 4 && this.random.chance(0.3)) this.#cut.add(`${from}>${to}`)
      }
    }
  }

  /** Restarts a node whose disk has lost its newest entries. */
  damage(host: Host): void {
    const { configuration, faults } = this.options
    const isMinority = [configuration.voters, configuration.outgoing].every((half) => {
      const sound = half.filter((id) => id !== host.id && this.host(id).isSound)
      return half.length === 0 || sound.length * 2 > half.length
    })
    if (!isMinority && !faults.damageMany) return
    if (host.node !== null) host.crash()
    this.checker.damaged(host.id)
    host.disk.damage(this.random.between(host.disk.base.index, host.disk.lastIndex))
    host.start()
  }

  /** Whoever may serve reads by its lease has everything that is committed (L5). */
  checkLeases(): void {
    for (const { node, now } of this.hosts) {
      if (node === null || !leaseHolds(node, now)) continue
      const { committedIndex } = this.checker
      assert(
        node.commitIndex >= committedIndex,
        `${node.id} has a lease and all that is committed (L5)`,
        node.commitIndex,
        committedIndex,
      )
    }
  }

  /** One of the things that may happen next. */
  step(): void {
    const { faults } = this.options
    const { random } = this
    const host = random.pick(this.hosts)
    if (random.chance(0.002 * faults.partition)) return this.partition()
    if (random.chance(0.002 * faults.damage)) return this.damage(host)
    if (host.node === null) {
      if (random.chance(0.02)) host.start()
    } else if (random.chance(0.003 * faults.crash)) {
      return host.crash()
    } else if (random.chance(0.002 * faults.pause)) {
      host.pausedUntil = this.time + random.between(50, 500)
    }
    const dice = random.next()
    if (dice < 0.12) return this.pass(random.between(1, 12))
    if (dice < 0.55) {
      this.deliver()
      return
    }
    if (!host.isRunning) return
    if (random.chance(0.3)) host.turn()
    if (dice < 0.7) {
      if (!random.chance(faults.slowDisk)) host.completeWrites(random.between(0, 3), random.chance(0.8))
      else if (faults.fullDisk > 0 && random.chance(faults.fullDisk)) host.writeHardState()
    } else if (dice < 0.8) host.apply(random.between(1, 5))
    else if (dice < 0.84) this.propose(host)
    else if (dice < 0.88) this.read(host)
    else if (dice < 0.93) host.replicate()
    else if (dice < 0.95) host.finishReading()
    else if (dice < 0.97) host.keepChunk()
    else if (dice < 0.985) host.flush()
    else if (random.chance(faults.compact)) host.compact(random.between(0, 3))
  }

  /** Time goes by; timers fire, on some nodes late. */
  pass(millis: number): void {
    this.time += millis
    for (const host of this.hosts) host.feel()
    for (const host of this.hosts) if (host.isRunning && this.random.chance(0.8)) host.fireTimers()
  }

  /** From now on what leaves on these links (`from>to`) is lost. */
  cut(links: Iterable<string>): void {
    this.#cut.clear()
    for (const link of links) this.#cut.add(link)
  }

  /** All is well from now on: within twenty election timeouts all nodes agree on a new entry. */
  settle(): void {
    this.cut([])
    this.batching = 0
    Object.assign(this.options.faults, { drop: 0, duplicate: 0, reorder: 0 })
    for (const host of this.hosts) {
      if (host.node === null) host.start()
      host.pausedUntil = 0
      host.diskHangs = false
    }
    let goal: Index | null = null
    const until = this.time + 20 * this.options.limits.electionTimeoutMaxMillis
    while (this.time < until) {
      this.passCalmly()
      const leader = this.hosts.find((host) => host.node?.role.kind === "leader")?.node
      if (goal === null && leader != null && leader.appliedIndex === leader.log.lastIndex) {
        goal = leader.log.lastIndex + 1
        this.propose(this.host(leader.id))
      }
      // Whom a change has removed hears of nothing any more.
      const taking = leader == null ? [] : members(leader.configurations.current).map((id) => this.host(id))
      if (goal !== null && leader != null && taking.every((host) => this.#agrees(host, goal!))) return
    }
    assert(false, "a healed cluster agrees (E8–E10, R14)", this.describe())
  }

  describe(): string {
    return this.hosts
      .map(({ id, node, disk }) => {
        const shown =
          node === null
            ? "down"
            : `${node.role.kind} term ${node.term} ${node.standing} base ${node.log.base.index} applied ${node.appliedIndex} commit ${node.commitIndex} persisted ${node.log.persistedIndex} last ${node.log.lastIndex}@${node.log.lastTerm}`
        const progress =
          node?.role.kind === "leader"
            ? [...node.role.progress].map(
                ([peer, one]) =>
                  `${peer}: ${one.state} match ${one.match} next ${one.next}${one.whole ? "" : " suspect"}`,
              )
            : []
        return `\n  ${id} ${shown} (disk ${disk.lastIndex} ${disk.standing}) ${progress.join("; ")}`
      })
      .join("")
  }

  #agrees(host: Host, goal: Index): boolean {
    const { node } = host
    return node !== null && node.appliedIndex >= goal && node.standing === "whole"
  }

  /** A millisecond in which all that may happen does, and messages take no time. */
  passCalmly(): void {
    this.time++
    for (const host of this.hosts) host.feel()
    for (const host of this.hosts) {
      if (!host.isRunning) continue
      host.turn()
      host.fireTimers()
      host.completeWrites(host.writes.length)
      host.finishReading()
      host.keepChunk()
      host.apply(10)
      host.replicate()
    }
    for (let left = this.#network.length; left > 0 && this.deliver(); left--);
    for (const host of this.hosts) if (this.random.chance(0.01)) host.flush()
  }
}

/** As it would come out of a wire: nothing shared with the sender, nobody who waits. */
const asSent = (message: Message): Message =>
  message.type === "AppendRequest"
    ? { ...message, entries: message.entries.map((entry) => ({ ...entry, origin: null })) }
    : message
