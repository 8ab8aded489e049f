// What does one node of a run consist of? The node record, its disk, and the work that its lives would do.

import { assert } from "../../src/consensus/assert.ts"
import { isVoter } from "../../src/consensus/configuration.ts"
import type { Message, SnapshotChunk } from "../../src/consensus/message.ts"
import { applicableIndex, type Input, type Limits, type Node } from "../../src/consensus/node.ts"
import type { Progress } from "../../src/consensus/Progress.ts"
import { isResting, watchedPeers } from "../../src/consensus/quiet.ts"
import { appendFrom, isSentAll, nextSending, type Sending } from "../../src/consensus/replication.ts"
import { step } from "../../src/consensus/step.ts"
import { takeTurn } from "../../src/consensus/turn.ts"
import type { Configuration, Entry, Index, Millis, NodeId, Write } from "../../src/consensus/types.ts"
import type { Checker, Waiting } from "./Checker.ts"
import { Disk } from "./Disk.ts"
import type { Random } from "./Random.ts"

const snapshotBytes = 3
const chunksWaitingMax = 3

/** What a host sees of the cluster around it. */
export interface Surroundings {
  readonly options: {
    readonly configuration: Configuration
    readonly limits: Limits
    readonly faults: { readonly drift: boolean }
  }
  readonly time: number
  readonly random: Random
  /** How often several inputs share a turn. */
  readonly batching: number
  readonly checker: Checker
  readonly disks: ReadonlyMap<NodeId, Disk>
  readonly hosts: ReadonlyArray<{ readonly id: NodeId }>
  readonly checkLeases: () => void
  /** Groups may rest: the processes of the nodes hear each other's pulses. */
  readonly hasPulses: boolean
  /** The process of `from`, when it is heard by `to` now. */
  readonly pulseOf: (from: NodeId, to: NodeId) => string | null
  readonly send: (from: NodeId, to: NodeId, message: Message) => void
}

export class Host {
  readonly id: NodeId
  readonly cluster: Surroundings
  readonly disk: Disk
  /** Null while it is down. */
  node: Node | null = null
  /** Handed to the disk and not yet confirmed; the first `#written` of them are on the platter. */
  writes: Array<Write> = []
  /** Its process stands still until then (world time): nothing happens on it. */
  pausedUntil = 0
  /** Its disk takes nothing in. */
  diskHangs = false
  /** Its clock: `origin + world time × rate`. */
  origin = 0
  rate = 1

  /** What has come and no turn has taken yet. */
  #mail: Array<Input> = []
  /** How far the machine is; the node hears of it by `Applied`. */
  #appliedIndex: Index = 0
  #timeoutMillis = 0
  #heartbeatDueAt: Millis = 0
  #written = 0
  #chunks: Array<{ readonly from: NodeId; readonly chunk: SnapshotChunk }> = []
  /** The part of an incoming snapshot; survives a crash. */
  #part = { id: "", received: 0 }
  /** The other processes, as far as this one has heard of them. */
  #pulses = new Map<NodeId, { process: string; heardAt: Millis; isSilent: boolean }>()
  /** Since when it has rested, and whether it has asked since; null: it is awake. */
  #rested: { readonly since: Millis; askedAt: Millis | null } | null = null
  /** Counts its processes. */
  starts = 0
  /** Entries on their way from the disk to a replicator. */
  #readings: Array<{ readonly progress: Progress; readonly to: NodeId; readonly entries: Array<Entry> }> = []
  /** Reads that wait for the machine. */
  #reads: Array<{ readonly origin: Waiting; readonly index: Index }> = []

  constructor(id: NodeId, cluster: Surroundings) {
    this.id = id
    this.cluster = cluster
    this.disk = new Disk(cluster.options.configuration)
  }

  get now(): Millis {
    return Math.floor(this.origin + this.cluster.time * this.rate)
  }

  get isRunning(): boolean {
    return this.node !== null && this.cluster.time >= this.pausedUntil
  }

  start(): void {
    const { random, options } = this.cluster
    this.starts++
    this.#pulses.clear()
    this.#rested = null
    this.origin = random.between(0, 100_000)
    this.rate = options.faults.drift ? 0.98 + random.next() * 0.04 : 1
    this.node = this.disk.start({
      id: this.id,
      limits: options.limits,
      now: this.now,
      tailBytesMax: random.between(0, 600),
    })
    this.#appliedIndex = this.node.appliedIndex
    this.cluster.checker.clockRestarted(this.id)
    this.cluster.checker.started(this.id, this.#appliedIndex)
    this.#drawTimeout()
  }

  /** What was not durable is gone; of the writes on their way any first few may have reached the platter. */
  crash(): void {
    const { random } = this.cluster
    const reached = random.between(this.#written, this.writes.length)
    for (const write of this.writes.slice(this.#written, reached)) this.disk.write(write)
    for (const { origin } of this.#reads) origin.answered("lost")
    this.node = null
    this.writes = []
    this.#mail = []
    this.#written = 0
    this.#chunks = []
    this.#readings = []
    this.#reads = []
    if (random.chance(0.3)) this.#part = { id: "", received: 0 }
  }

  /** Into the mailbox; a turn takes it at once, or later with more. */
  post(input: Input): void {
    this.#mail.push(input)
    if (!this.cluster.random.chance(this.cluster.batching)) this.turn()
  }

  /** One turn: all mail, one after another, then everything that follows from it. */
  turn(): void {
    const { node } = this
    const inputs = this.#mail
    this.#mail = []
    if (node === null || inputs.length === 0) return
    const before = node.role.kind
    const { committedIndex } = this.cluster.checker
    if (this.cluster.hasPulses) {
      const isHeard = watchedOrAll(node).every((peer) => this.#pulses.has(peer))
      step(node, { type: "RestAllowed", isAllowed: isHeard && this.#reads.length === 0 }, this.now)
      this.#look(node)
    }
    for (const input of inputs) step(node, input, this.now)
    if (this.cluster.hasPulses) this.#look(node)
    const turn = takeTurn(node)
    this.cluster.checker.turn(node, turn, this.cluster.disks, this.now)
    if (this.cluster.checker.committedIndex > committedIndex) this.cluster.checkLeases()
    for (const { to, message } of turn.messages) this.cluster.send(this.id, to, message)
    this.#chunks = [...this.#chunks, ...turn.chunks].slice(0, chunksWaitingMax)
    for (const { origin, index } of turn.reads) this.#reads.push({ origin: origin as Waiting, index })
    if (node.role.kind === "leader" && before !== "leader") this.#heartbeatDueAt = this.now
    // The replicators are woken before the leader's own write (DESIGN, one proposal through the rooms).
    if (this.cluster.random.chance(0.7)) this.replicate()
    if (turn.write !== null) this.writes.push(turn.write)
    if (turn.compacted !== null) this.disk.compact(turn.compacted.through, turn.compacted.configuration)
    this.#serve()
  }

  receive(from: NodeId, message: Message): void {
    this.post({ type: "Received", from, message })
  }

  /** What has come of the other processes' pulses since the last time. */
  feel(): void {
    if (!this.cluster.hasPulses || !this.isRunning) return
    for (const { id } of this.cluster.hosts) {
      if (id === this.id) continue
      const process = this.cluster.pulseOf(id, this.id)
      const known = this.#pulses.get(id)
      if (process !== null) {
        this.#pulses.set(id, { process, heardAt: this.now, isSilent: false })
        if (known !== undefined && known.process !== process) this.#tell({ type: "PeerAnother", peer: id })
      } else if (known !== undefined && !known.isSilent) {
        if (this.now - known.heardAt <= this.cluster.options.limits.electionTimeoutMinMillis) continue
        known.isSilent = true
        this.#tell({ type: "PeerSilent", peer: id })
      }
    }
  }

  #tell(input: Extract<Input, { readonly peer: NodeId }>): void {
    if (this.node !== null && watchedPeers(this.node).includes(input.peer)) this.post(input)
  }

  #look(node: Node): void {
    const pulses = watchedPeers(node).flatMap((peer) => {
      const pulse = this.#pulses.get(peer)
      return pulse === undefined ? [] : [{ peer, ...pulse }]
    })
    step(node, { type: "PulsesSeen", pulses }, this.now)
  }

  /** Who rests asks now and then whether its leader still leads. */
  #doubt(node: Node): void {
    this.#rested ??= { since: this.now, askedAt: null }
    const { since, askedAt } = this.#rested
    const { role } = node
    if (role.kind !== "follower" || this.now - since < 2_000) return
    if (askedAt === null) {
      this.#rested.askedAt = this.now
      this.post({ type: "RestDoubted" })
    } else if (this.now - askedAt >= node.limits.electionTimeoutMaxMillis) {
      this.#rested = null
      if (role.rest?.isDoubted === true) this.post({ type: "Stirred" })
    }
  }

  /** The timers that have run out by now; each may fire late, never early. */
  fireTimers(): void {
    const { node } = this
    if (node === null) return
    if (isResting(node)) return this.#doubt(node)
    this.#rested = null
    if (node.role.kind === "leader") {
      if (this.now < this.#heartbeatDueAt) return
      this.#heartbeatDueAt = this.now + node.limits.heartbeatMillis
      this.post({ type: "HeartbeatDue" })
    } else if (this.now - node.role.timerBeganAt >= this.#timeoutMillis) {
      const after = this.#timeoutMillis
      this.#drawTimeout()
      this.post({ type: "ElectionTimedOut", after, asks: this.cluster.hasPulses })
    }
  }

  /** The platter takes up to `count` writes in, in order; the node hears of it at once or with later ones. */
  completeWrites(count: number, confirm = true): void {
    const { node } = this
    if (node === null || this.diskHangs) return
    const written = Math.min(this.writes.length, Math.max(this.#written, count))
    for (const write of this.writes.slice(this.#written, written)) this.disk.write(write)
    this.#written = written
    if (!confirm || written === 0) return
    const last = this.writes[written - 1]!
    this.writes.splice(0, written)
    this.#written = 0
    this.post({ type: "Persisted", sequence: last.sequence })
  }

  /** There is room for term and vote alone: they become durable ahead of what was to be written with them. */
  writeHardState(): void {
    const { node } = this
    // What is on the platter already, the node has yet to hear of.
    if (node === null || this.diskHangs || this.#written > 0) return
    const newest = this.writes.findLast(({ hardState }) => hardState !== null)
    if (newest === undefined) return
    this.disk.hardState = newest.hardState!
    this.writes = this.writes.map((write) => ({ ...write, hardState: null }))
    this.post({ type: "HardStatePersisted", sequence: this.writes.at(-1)!.sequence })
  }

  /** The machine takes in up to `count` entries, or the file of a snapshot. */
  apply(count: number): void {
    const { node } = this
    if (node === null) return
    const { pendingInstall } = node
    if (pendingInstall !== null && pendingInstall.index > this.#appliedIndex) {
      // The log on disk rests on the snapshot before the state does (N2).
      if (node.log.persistedIndex < pendingInstall.index) return
      const { state } = this.disk
      this.disk.finishInstall()
      if (this.disk.state === state) return
      this.cluster.checker.installed(this.id, this.disk.state.index, this.disk.state.term, this.disk)
      this.#appliedIndex = this.disk.state.index
      this.post({ type: "Applied", index: this.#appliedIndex })
      return
    }
    const to = Math.min(applicableIndex(node), this.#appliedIndex + count)
    if (to <= this.#appliedIndex) return
    for (let index = this.#appliedIndex + 1; index <= to; index++) {
      this.cluster.checker.appliedAt(this.id, index, this.disk.termAt(index))
      const entry = node.log.entryAt(index)
      if (entry === undefined || entry.origin === null) continue
      const waiting = entry.origin as Waiting
      entry.origin = null
      waiting.answered("applied")
    }
    this.#appliedIndex = to
    this.post({ type: "Applied", index: to })
  }

  flush(): void {
    const { node } = this
    const index = this.#appliedIndex
    if (node === null || node.pendingInstall !== null || index <= this.disk.state.index) return
    // The log on disk may have begun anew, by a write that the node has not heard of yet.
    if (this.disk.termAt(index) === undefined) return
    this.disk.flush(index, node.configurations.asOf(index))
  }

  /** Cuts the log behind the state on disk, less a margin for slow peers. */
  compact(margin: number): void {
    const { node, disk } = this
    if (node === null) return
    const index = Math.min(disk.state.index, node.appliedIndex) - margin
    const term = node.log.termAt(index)
    if (index <= node.log.base.index || term === undefined) return
    this.post({ type: "Compacted", through: { index, term } })
  }

  /** Keeps one piece of an incoming snapshot. */
  keepChunk(): void {
    const { node } = this
    const work = this.#chunks.shift()
    if (node === null || work === undefined) return
    const { from, chunk } = work
    if (this.#part.id !== chunk.id) this.#part = { id: chunk.id, received: 0 }
    if (chunk.offset === this.#part.received) this.#part.received += chunk.bytes.length
    const isComplete = this.#part.received === chunk.totalBytes
    if (isComplete) this.post({ type: "SnapshotCompleted", from, chunk })
    else this.post({ type: "ChunkKept", from, chunk, received: this.#part.received })
  }

  /** As a replicator per peer would: everything that the windows allow. */
  replicate(): void {
    const { node } = this
    if (node?.role.kind !== "leader") return
    for (const [to, progress] of node.role.progress) {
      const sendingsMax = node.limits.inFlightMessagesMax + 2
      for (let count = 0; count <= sendingsMax; count++) {
        assert(count < sendingsMax, `a replicator comes to rest (R13)`, to, count)
        const isWaiting = isSentAll(node, progress)
        const sending = nextSending(node, progress, this.now)
        assert(
          !isWaiting || sending.type === "wait",
          `who is not woken has nothing to send`,
          to,
          sending.type,
        )
        if (!this.#send(node, to, progress, sending)) break
      }
      if (progress.state === "snapshot") this.#sendChunk(node, to, progress)
    }
  }

  /** Hands entries that were read from the disk to their replicator. */
  finishReading(): void {
    const reading = this.#readings.shift()
    const { node } = this
    if (reading === undefined || node?.role.kind !== "leader") return
    const { progress, to, entries } = reading
    if (node.role.progress.get(to) === progress)
      this.#send(node, to, progress, appendFrom(node, progress, entries, this.now))
  }

  get readingCount(): number {
    return this.#readings.length
  }

  #send(node: Node, to: NodeId, progress: Progress, sending: Sending): boolean {
    if (sending.type === "append") {
      this.cluster.send(this.id, to, sending.message)
      return true
    }
    if (sending.type === "read") {
      const entries = this.disk.read(sending.from, sending.to)
      assert(entries.length === sending.to - sending.from + 1, "what is not in memory is on disk", sending.to)
      this.#readings.push({ progress, to, entries })
      if (this.cluster.random.chance(0.7)) this.finishReading()
    }
    if (sending.type === "snapshot") {
      const { index, term } = this.disk.state
      assert(index >= node.log.base.index, "the state covers what was cut", index, node.log.base.index)
      progress.sendSnapshot(`${this.id}:${index}:${term}`, index)
    }
    return false
  }

  #sendChunk(node: Node, to: NodeId, progress: Progress): void {
    const { id, index, received } = progress.snapshot!
    const term = node.log.termAt(index)
    // Cut away since: what the peer needs is in a newer one.
    if (term === undefined) return progress.probeFrom(node.log.base.index)
    const offset = this.cluster.random.chance(0.1) ? 0 : received
    this.cluster.send(this.id, to, {
      type: "SnapshotChunk",
      term: node.term,
      snapshot: { index, term, configuration: node.configurations.asOf(index) },
      id,
      totalBytes: snapshotBytes,
      offset,
      bytes: new Uint8Array(1),
      checksum: 0,
      repairThrough: progress.whole ? 0 : progress.repairThrough,
      session: progress.session,
    })
  }

  #serve(): void {
    this.#reads = this.#reads.filter(({ origin, index }) => {
      if (index > this.#appliedIndex) return true
      origin.answered("served")
      return false
    })
  }

  #drawTimeout(): void {
    const { limits } = this.cluster.options
    this.#timeoutMillis = this.cluster.random.between(
      limits.electionTimeoutMinMillis,
      limits.electionTimeoutMaxMillis,
    )
  }

  /** A voter whose log may be counted on. */
  get isSound(): boolean {
    return this.disk.standing === "whole" && isVoter(this.cluster.options.configuration, this.id)
  }
}

/** Whose pulses must be known before the node may rest. */
const watchedOrAll = ({ role }: Node): ReadonlyArray<NodeId> => {
  if (role.kind === "leader") return [...role.progress.keys()]
  return role.kind === "follower" && role.leader !== null ? [role.leader] : []
}
