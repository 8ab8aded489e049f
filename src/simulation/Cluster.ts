// What is a simulated cluster? Nodes with real lives on a world of one seed, and checkers that see everything.

import type { ConfigurationHistory } from "../consensus/ConfigurationHistory.ts"
import { members } from "../consensus/configuration.ts"
import type { Configuration, NodeId } from "../consensus/types.ts"
import type { CallRunner } from "../machine/Executor.ts"
import type { Unanswered } from "../machine/leading/Leading.ts"
import { defaultLimits, type MachineLimits } from "../machine/limits.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"
import { Runner } from "../machine/Runner.ts"
import { defaultOptions, type RaftOptions } from "../raft/options.ts"
import type { Identity } from "../storage/LogStore.ts"
import type { Payload } from "../transport/Transport.ts"
import { Alterations } from "./Alterations.ts"
import { BoundChecks } from "./BoundChecks.ts"
import { CodeChecks } from "./CodeChecks.ts"
import type { Faults } from "./CodeHost.ts"
import { SimulatedDisk } from "./Disk.ts"
import { isDisksDoing, isForWantOfRoom } from "./diskDamage.ts"
import { type Emits, EventChecks } from "./EventChecks.ts"
import { Executions } from "./Executions.ts"
import { Invariants } from "./Invariants.ts"
import { LeadingChecks } from "./LeadingChecks.ts"
import { LeaseChecks } from "./LeaseChecks.ts"
import { calmLink, type LinkWeather } from "./Link.ts"
import { Lookout } from "./Lookout.ts"
import { Sightings } from "./markers.ts"
import { addressOf, nobody } from "./members.ts"
import { defaultNetworkLimits, type Limits, Network } from "./Network.ts"
import type { DiskTruth } from "./observed.ts"
import { type ClockOptions, plainClock } from "./Process.ts"
import { type NodeWatcher, SimulatedNode, type Surroundings } from "./SimulatedNode.ts"
import { insist, Violation } from "./Violation.ts"
import { World } from "./World.ts"

export type RaftSettings = Partial<Omit<RaftOptions, "group" | "id" | "client" | "initial" | "contacts">>

export interface ClusterOptions {
  readonly seed: number
  readonly configuration: Configuration
  /** Run as well, and are in no configuration until a change takes them in. */
  readonly spares?: ReadonlyArray<NodeId>
  readonly registry: Registry
  /** What runs users' code in a process that starts now: the registry's when not given. `found`: ends the run. */
  readonly openRunner?: (found: (violation: Violation) => void) => CallRunner
  /** What users' code does at a node to whoever runs it: nothing when not given. */
  readonly faultsOf?: (id: NodeId) => Faults
  /** Users' code may take its time at some nodes. */
  readonly isCodeApart?: boolean
  readonly raft?: RaftSettings
  readonly machine?: Partial<MachineLimits>
  readonly emits?: Emits
  readonly link?: LinkWeather
  readonly network?: Partial<Limits>
  readonly clockOf?: (id: NodeId) => ClockOptions
  /** How long each step between consensus and machine may take. */
  readonly boundaryMillisMax?: number
  readonly onLeadingProposal?: OnLeadingProposal
}

/** What users have run where the group leads proposes a command. Gives back what is to be called with the answer. */
export type OnLeadingProposal = (node: NodeId, command: Uint8Array) => (answer: Outcome | Unanswered) => void

/** How long a process that its world has ended stays down, at the least and at the most. */
const RESTART_MILLIS = [20, 400] as const

export class SimulatedCluster {
  readonly world: World
  readonly network: Network
  readonly nodes: ReadonlyArray<SimulatedNode>
  readonly invariants = new Invariants()
  readonly executions = new Executions()
  readonly sightings = new Sightings()
  readonly codeChecks = new CodeChecks(this.sightings, (index) => this.invariants.committedIn(index))
  readonly configuration: Configuration
  readonly raft: Omit<RaftOptions, "id" | "client">
  /** Nodes that do not come back by themselves. */
  readonly staysDown = new Set<NodeId>()
  /** Nodes whose disks were made to fail or lie: only these may end by themselves. */
  readonly excused = new Set<NodeId>()
  /** Given up by decree, and running all the same. */
  readonly fenced = new Set<NodeId>()
  /** Wiped, and started again by somebody who has asked for them to be taken in anew. */
  readonly returning = new Set<NodeId>()
  /** Disks that may have lost something that nobody has made good yet: in which process each of them was. */
  readonly doubtful = new Map<NodeId, number>()
  /** States that are not what was written, by nobody's order. */
  readonly alterations: Alterations
  /** Disks that lost something which the next start over them has to find. */
  readonly tellingLoss = new Set<NodeId>()
  /** Voters that an operator has asked for, and does not know yet whether they will be. */
  readonly askedFor = new Set<ReadonlyArray<NodeId>>()
  /** How often a machine has come to an entry that it could not get past. */
  stuckCount = 0
  /** What has happened to nodes, in words, for those who read of a failure. */
  readonly notes: Array<string> = []
  readonly #lookout: Lookout
  readonly #events: EventChecks
  readonly #leading = new LeadingChecks()
  readonly #leases = new LeaseChecks(() => this.nodes, this.invariants)
  readonly #bounds: BoundChecks
  readonly #onLeadingProposal: OnLeadingProposal
  #found: Violation | null = null
  /** Events since time has last gone on. */
  #stepsInMilli = 0
  #incarnations = 0

  constructor(options: ClusterOptions) {
    const { seed, configuration, registry } = options
    this.configuration = configuration
    this.world = new World(seed)
    this.#events = new EventChecks(
      this.executions,
      this.world.chance.fork("onlookers"),
      options.emits ?? null,
    )
    this.#onLeadingProposal = options.onLeadingProposal ?? (() => () => {})
    const { heartbeatMillis, electionTimeoutMinMillis } = {
      ...defaultOptions.limits,
      ...options.raft?.limits,
    }
    const pulse = { pulseMillis: heartbeatMillis, silentMillis: electionTimeoutMinMillis }
    const limits = { ...defaultNetworkLimits, ...pulse, ...options.network }
    this.#lookout = new Lookout(this.sightings, (id) => this.node(id))
    this.network = new Network(this.world, options.link ?? calmLink, limits, {
      sent: (from, to, payload) => this.watch(() => this.#sent(from, to, payload)),
      lost: (_from, _to, payload, isGone) => this.#lookout.lost(payload, isGone),
      arrived: (from, to, payload) => this.#lookout.arrived(from, to, payload),
      refused: (from, to) => {
        this.tell(`${from} and ${to} refuse each other`)
        this.sightings.see("wiped node refused")
      },
    })
    const spares = options.spares ?? []
    const ids = [...members(configuration), ...spares]
    // Whoever starts a node tells it who is there.
    const contacts = Object.fromEntries(ids.map((id) => [id, configuration.addresses[id] ?? addressOf(id)]))
    this.raft = { ...defaultOptions, ...options.raft, group: "main", initial: configuration, contacts }
    this.#bounds = new BoundChecks(this.raft, this.invariants)
    this.alterations = new Alterations({ scrubMillis: this.raft.scrubMillis, configuration })
    const around: Surroundings = {
      world: this.world,
      network: this.network,
      watcher: this.#watcher(),
      registry,
      openRunner: () =>
        options.openRunner?.((violation) => this.#fails(violation)) ??
        new Runner(registry, { ...defaultLimits, ...options.machine }),
      faultsOf: options.faultsOf ?? (() => () => null),
      isCodeApart: options.isCodeApart ?? false,
      raft: this.raft,
      machine: options.machine ?? {},
      mailboxes: limits,
      boundaryMillisMax: options.boundaryMillisMax ?? 0,
      watch: (look) => this.watch(look),
    }
    this.nodes = ids.map(
      (id) =>
        new SimulatedNode(around, {
          id,
          initial: spares.includes(id) ? nobody : configuration,
          disk: new SimulatedDisk(this.newIdentity(id), this.world.chance.fork(`disk ${id}`)),
          clock: options.clockOf?.(id) ?? plainClock,
        }),
    )
    for (const node of this.nodes) node.start()
  }

  /** Of a data directory that is made now. */
  readonly newIdentity = (nodeId: NodeId): Identity => ({
    clusterId: "simulated",
    nodeId,
    incarnation: `${nodeId}-${++this.#incarnations}`,
  })

  node(id: NodeId): SimulatedNode {
    const node = this.nodes.find((each) => each.id === id)
    if (node === undefined) throw new Error(`there is no node ${id}`)
    return node
  }

  /** Whoever leads the newest term and serves; not one that stands still. */
  get leader(): SimulatedNode | null {
    let newest: SimulatedNode | null = null
    let newestTerm = 0
    for (const node of this.nodes) {
      const status = node.raft?.status()
      if (status?.serving !== true || status.term <= newestTerm || node.process?.isPaused === true) continue
      newest = node
      newestTerm = status.term
    }
    return newest
  }

  /** Any of these may come to rule: the newest that is committed, and what lies behind it in any log. */
  get configurationsInForce(): ReadonlyArray<Configuration> {
    return [this.committedConfiguration, ...this.invariants.uncommittedConfigurations]
  }

  get committedConfiguration(): Configuration {
    return this.invariants.committedConfiguration ?? this.configuration
  }

  /** Nobody takes these for the members that they were, or not yet for new ones. */
  get gone(): ReadonlySet<NodeId> {
    const { addresses } = this.committedConfiguration
    const isOut = (id: NodeId) => addresses[id]?.incarnation !== this.node(id).disk.identity.incarnation
    return new Set([...this.staysDown, ...[...this.returning].filter(isOut)])
  }

  /** Disks that were damaged, and not found whole or made good since; states that were altered, or are in repair. */
  get stillDoubtful(): ReadonlyArray<NodeId> {
    for (const [id, damagedAt] of [...this.doubtful]) {
      const { record, starts } = this.node(id)
      const isGood = starts > damagedAt && record?.standing === "whole" && !this.gone.has(id)
      if (isGood) this.doubtful.delete(id)
    }
    // A failed sync and a loss of power may cost as much as damage.
    const suspects = this.nodes.filter(({ disk }) => disk.synced("main")?.standing === "suspect")
    return [...this.doubtful.keys(), ...this.alterations.nodes, ...suspects.map(({ id }) => id)]
  }

  /** Whether the rest can go on without these, whichever configuration comes to rule. */
  canDoWithout(missing: ReadonlySet<NodeId>): boolean {
    const inForce = this.configurationsInForce.flatMap(({ voters, outgoing, goal }) => [
      voters,
      outgoing,
      goal?.voters ?? [],
    ])
    return [...inForce, ...this.askedFor].every(
      (half) => half.length === 0 || half.filter((id) => !missing.has(id)).length * 2 > half.length,
    )
  }

  /** One event; throws what a checker has found in it. False when nothing is left to do. */
  step(): boolean {
    const { world } = this
    const before = world.nowMillis
    const went = world.step()
    this.#stepsInMilli = world.nowMillis === before ? this.#stepsInMilli + 1 : 0
    insist("liveness", this.#stepsInMilli < STEPS_IN_MILLI_MAX, "time goes on", this.#stepsInMilli)
    if (this.#found !== null) throw this.#found
    if (this.world.steps % LOOK_EVERY_STEPS === 0) {
      this.#bounds.lookAtQueues(this.nodes)
      for (const node of this.nodes) {
        this.#bounds.lookAtFullDisk(node)
        this.alterations.look(node, world.nowMillis, this.invariants.committedIndex)
      }
    }
    return went
  }

  /** Until it is so, at most for so much virtual time. True when it became so. */
  runUntil(isSo: () => boolean, atMostMillis: number): boolean {
    const { world } = this
    let isOver = false
    const cancel = world.after(atMostMillis, () => {
      isOver = true
    })
    while (!isOver && !isSo()) this.step()
    cancel()
    return isSo()
  }

  runFor(millis: number): void {
    this.runUntil(() => false, millis)
  }

  /** Runs a checker. What it throws ends the run, wherever it was called from. */
  watch(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#found ??= error instanceof Violation ? error : new Violation("checker broken", String(error))
      throw error
    }
  }

  readonly #fails = (violation: Violation): void => {
    this.watch(() => {
      throw violation
    })
  }

  /** Takes down what has happened. */
  tell(what: string): void {
    this.notes.push(`${this.world.nowMillis} ms: ${what}`)
  }

  /** What each node is at, for those who read of a failure. */
  describe(): string {
    return this.nodes
      .map((node) => {
        const { id, process, record, raft } = node
        const state =
          process === null ? "down" : process.isPaused ? "stands still" : raft === null ? "starts" : "up"
        const hears = this.nodes.filter((other) => this.network.isOpen(other.id, id)).map((other) => other.id)
        if (record === null) return `  ${id} ${state}`
        const { role, term, standing, log, commitIndex, appliedIndex } = record
        return `  ${id} ${state}: ${role.kind} of term ${term}, ${standing}, log ${log.base.index}–${log.lastIndex}@${log.lastTerm}, on disk ${log.persistedIndex}, committed ${commitIndex}, applied ${appliedIndex}, hears ${hears.join(" ") || "nobody"}, ${describeConfiguration(record.configurations)}`
      })
      .join("\n")
  }

  /** What a node's disk would show if the power were lost now. */
  readonly #truthOf = (id: NodeId): DiskTruth | null => this.node(id).disk.synced("main")

  #sent(from: NodeId, to: NodeId, payload: Payload): void {
    if (payload.type === "ForwardRequest") {
      const isOfItsOwnClients = payload.commands.every((command) => this.node(from).hasTaken(command))
      insist("forwarded once", isOfItsOwnClients, `${from} hands on to ${to} what its own clients asked (C3)`)
    }
    insist(
      "stranger kept out",
      !this.staysDown.has(from) || this.invariants.hasLostData(to),
      `${to} lets ${from} in, which has lost its data, as the one that it was (S6)`,
    )
    const knowsOfDecree = this.committedConfiguration.voters.includes(to)
    const isLetIn = knowsOfDecree && this.fenced.has(from)
    insist("given up", !isLetIn, `${to} lets ${from} in, which was given up by decree (O7)`)
    switch (payload.type) {
      case "ForwardRequest":
      case "ForwardReply":
      case "QueryRequest":
      case "QueryReply":
      case "StateReport":
      case "StateParted":
      case "StateRequest":
      case "StatePiece":
        return this.#lookout.forwarded(payload)
    }
    this.invariants.said(from, to, payload, this.#truthOf(from) ?? nothingOnDisk)
    this.#lookout.sent(from, to, payload)
  }

  #watcher(): NodeWatcher {
    const { invariants, executions } = this
    return {
      begins: ({ id }) => invariants.begins(id, this.#truthOf(id)),
      started: (node, appliedIndex) => {
        this.tell(`${node.id} has started, applied ${appliedIndex}`)
        invariants.started(node.id, appliedIndex)
        const mustDoubt = this.tellingLoss.delete(node.id)
        const standing = this.#truthOf(node.id)?.standing
        insist(
          "loss is found",
          !mustDoubt || standing === "suspect",
          `${node.id} starts on a disk that has lost something (S4)`,
          standing,
        )
        this.#lookout.started(node)
      },
      crashed: ({ kept, lost }) => {
        if (kept > 0) this.sightings.see("unsynced kept")
        if (lost > 0) this.sightings.see("unsynced lost")
      },
      turned: (record, turn, nowMillis) => {
        const { committedIndex, leaderCount } = invariants
        invariants.turned(record, turn, this.#truthOf, nowMillis)
        const isNew = invariants.committedIndex > committedIndex
        // By what it hears late a node may believe that it leads still.
        for (const node of isNew ? this.nodes : [this.node(record.id)]) this.#leases.holdsAll(node)
        for (const node of this.nodes) if (node.record?.role.kind === "leader") this.#leases.isAlone(node)
        if (invariants.leaderCount > leaderCount) this.#leases.elected(record.id)
        this.#lookout.turned(record, turn)
        this.world.note(record.commitIndex + record.log.lastIndex * 31 + record.term * 1009)
      },
      read: (node, grounds) => {
        if (grounds === "lease") this.#leases.read(node)
      },
      readArrived: ({ consistency }) => {
        const { committedIndex } = invariants
        return ({ id }, answer) => {
          if (consistency === "local" || answer._tag !== "Answered") return
          insist(
            "read misses nothing",
            answer.index >= committedIndex,
            `${id} reads what was committed when it was asked (L1 to L5)`,
            answer.index,
            committedIndex,
          )
        }
      },
      event: (node, message, details) => {
        this.tell(`${node.id}: ${message} ${JSON.stringify(details)}`)
        // A state that is given up may cost the log that rests on it, long after the damage itself.
        if (message.startsWith("the log is damaged")) this.invariants.damaged(node.id)
        const isGivenUp = message.startsWith("this node's state is not what it should be")
        const isAlarm = isGivenUp && details["reason"] !== "stuck" && !this.alterations.isHidden(node.id)
        const isSplit = message.startsWith("NO MAJORITY AGREES")
        this.watch(() =>
          insist("state hash", !isAlarm && !isSplit, `${node.id}: ${message} (D1)`, JSON.stringify(details)),
        )
        if (message.startsWith("the machine cannot get past")) this.stuckCount++
        this.#lookout.event(message, details)
      },
      leads: ({ id, record }, { term }) => {
        this.#leading.leads(id, term, record)
        this.sightings.see("leading begun")
      },
      leadingProposes: (node, { term }, command) => {
        this.#leading.proposes(term, command)
        return this.#onLeadingProposal(node.id, command)
      },
      applied: (node, entry, outcome) => {
        invariants.applied(node.id, entry)
        this.#leading.applied(entry)
        executions.note(entry, outcome)
        if (!this.alterations.isHidden(node.id)) this.codeChecks.applied(node.id, entry, outcome)
        this.#lookout.applied(entry, outcome)
      },
      hashed: ({ id }, index, hash) => {
        if (!this.alterations.isHidden(id)) return invariants.hashed(id, index, hash)
        this.alterations.hashed(id, hash, invariants.hashAt(index))
      },
      asks: (entries) => this.#events.asks(entries),
      told: ({ id }, answer) => {
        const { resets } = this.#events
        this.#events.told(id, answer)
        if (this.#events.resets > resets) this.sightings.see("events passed over")
      },
      installed: (node, { index, term }) => {
        invariants.installed(node.id, index, term, this.#truthOf(node.id))
        this.#lookout.installed(node.id)
      },
      gaveUp: (node) => {
        this.tell(`${node.id} has given its state up`)
        invariants.begins(node.id, this.#truthOf(node.id))
        invariants.started(node.id, 0)
        this.alterations.gaveUp(node.id, invariants.committedIndex)
        this.#lookout.gaveUp(node)
      },
      ended: (node, fault, reason) => {
        this.tell(`${node.id} ended: ${reason}`)
        insist("broken code", fault === "world" && isDisksDoing(reason), `${node.id} ended`, reason)
        insist(
          "full disk",
          !isForWantOfRoom(reason),
          `a full disk ends no node that runs (S7): ${node.id}`,
          reason,
        )
        insist("ended for no reason", this.excused.has(node.id), `${node.id} ended`, reason)
        this.sightings.see("node stopped by its disk")
        const [least, most] = RESTART_MILLIS
        this.world.after(this.world.chance.between(least, most), () => {
          if (!this.staysDown.has(node.id)) node.start()
        })
      },
    }
  }
}

const describeConfiguration = ({ current, currentIndex }: ConfigurationHistory): string => {
  const { voters, outgoing, learners, goal } = current
  const sets = [
    `voters ${voters.join(" ")}`,
    outgoing.length > 0 ? `and ${outgoing.join(" ")}` : "",
    learners.length > 0 ? `learners ${learners.join(" ")}` : "",
    goal === undefined ? "" : `on the way to ${goal.voters.join(" ")}`,
  ]
  return `by ${currentIndex} ${sets.filter((set) => set !== "").join(", ")}`
}

const LOOK_EVERY_STEPS = 256
/** Measured: a few hundred at the most. Lives that only wake each other would keep the run from ever ending. */
const STEPS_IN_MILLI_MAX = 100_000

const nothingOnDisk: DiskTruth = {
  hardState: { term: 0, votedFor: null },
  standing: "whole",
  base: { index: 0, term: 0 },
  lastIndex: 0,
  termAt: () => undefined,
  holds: () => false,
}
