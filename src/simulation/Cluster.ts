// What is a simulated cluster? Nodes with real lives on a world of one seed, and checkers that see everything.

import type { ConfigurationHistory } from "../consensus/ConfigurationHistory.ts"
import { members } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { Configuration, Entry, GroupId, NodeId } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import type { CallRunner } from "../machine/Executor.ts"
import type { Unanswered } from "../machine/leading/Leading.ts"
import { defaultLimits, type MachineLimits } from "../machine/limits.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Registry } from "../machine/Registry.ts"
import { Runner } from "../machine/Runner.ts"
import { foundingIn } from "../machine/system/founders.ts"
import { defaultOptions, type RaftOptions } from "../raft/options.ts"
import type { Identity } from "../storage/LogStore.ts"
import type { Payload } from "../transport/Transport.ts"
import { Alterations } from "./Alterations.ts"
import type { CodeChecks } from "./CodeChecks.ts"
import type { Faults } from "./CodeHost.ts"
import { SimulatedDisk } from "./Disk.ts"
import { isDisksDoing, isForWantOfRoom } from "./diskDamage.ts"
import type { Emits } from "./EventChecks.ts"
import type { Executions } from "./Executions.ts"
import type { Invariants } from "./Invariants.ts"
import { calmLink, type LinkWeather } from "./Link.ts"
import { Lookout } from "./Lookout.ts"
import { Moves } from "./Moves.ts"
import { Sightings } from "./markers.ts"
import { addressOf, nobody } from "./members.ts"
import { defaultNetworkLimits, type Limits, Network } from "./Network.ts"
import { type ClockOptions, plainClock } from "./Process.ts"
import type { Seat, SeatWatcher } from "./Seat.ts"
import { SimulatedGroup } from "./SimulatedGroup.ts"
import { type NodeWatcher, SimulatedNode, type Surroundings } from "./SimulatedNode.ts"
import { insist, Violation } from "./Violation.ts"
import { World } from "./World.ts"

export type RaftSettings = Partial<Omit<RaftOptions, "group" | "id" | "client" | "initial" | "contacts">>

export interface ClusterOptions {
  readonly seed: number
  readonly configuration: Configuration
  /** Run as well, and are in no configuration until a change takes them in. */
  readonly spares?: ReadonlyArray<NodeId>
  /** May be opened besides `main`. */
  readonly groups?: ReadonlyArray<GroupId>
  /** Those stop ticking when nobody wants anything of them: they do, when nothing is said. */
  readonly groupsRest?: boolean
  readonly registry: Registry
  /** What is there of it in a group from the beginning; without it: all. */
  readonly presetOf?: (group: GroupId) => Registry
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
  readonly sightings = new Sightings()
  readonly main: SimulatedGroup
  /** Those that are opened besides `main`. */
  readonly groups: ReadonlyArray<SimulatedGroup>
  readonly invariants: Invariants
  readonly executions: Executions
  readonly codeChecks: CodeChecks
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
  /** How often a node's disk has become short of room. */
  shortages = 0
  /** When a node last handed groups over for no other reason than that leaders be even. */
  evenedAtMillis = Number.NEGATIVE_INFINITY
  /** What has happened to nodes, in words, for those who read of a failure. */
  readonly notes: Array<string> = []
  readonly #lookout: Lookout
  readonly #onLeadingProposal: OnLeadingProposal
  readonly #seats = new Map<GroupId, ReadonlyArray<Seat>>()
  #found: Violation | null = null
  readonly #moves = new Moves()
  /** Who has handed on steps of moves, by their names. */
  readonly #drivers = new Map<string, NodeId>()
  /** Events since time has last gone on. */
  #stepsInMilli = 0
  #incarnations = 0

  constructor(options: ClusterOptions) {
    const { seed, configuration, registry } = options
    this.configuration = configuration
    this.world = new World(seed)
    this.#onLeadingProposal = options.onLeadingProposal ?? (() => () => {})
    const { heartbeatMillis, electionTimeoutMinMillis } = {
      ...defaultOptions.limits,
      ...options.raft?.limits,
    }
    const pulse = { pulseMillis: heartbeatMillis, silentMillis: electionTimeoutMinMillis }
    const limits = { ...defaultNetworkLimits, ...pulse, ...options.network }
    this.#lookout = new Lookout(this.sightings, (id) => this.main.seat(id))
    this.network = new Network(this.world, options.link ?? calmLink, limits, {
      sent: (from, to, payload, group) => this.watch(() => this.#sent(from, to, payload, group)),
      lost: (_from, _to, payload, isGone) => this.#lookout.lost(payload, isGone),
      arrived: (from, to, payload, group) => {
        this.#lookout.asked(group, to, payload)
        if (group === this.main.name) this.#lookout.arrived(from, to, payload)
      },
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
    const groupOf = (name: GroupId) =>
      new SimulatedGroup(name, {
        world: this.world,
        sightings: this.sightings,
        seats: () => this.#seatsOf(name),
        raft: this.raft,
        emits: options.emits ?? null,
        watch: (look) => this.watch(look),
        tell: (what) => this.tell(what),
      })
    this.main = groupOf(this.raft.group)
    this.main.founding = configuration
    this.groups = (options.groups ?? []).map(groupOf)
    this.invariants = this.main.invariants
    this.executions = this.main.executions
    this.codeChecks = this.main.codeChecks
    this.alterations = new Alterations({ scrubMillis: this.raft.scrubMillis, configuration })
    const around: Surroundings = {
      world: this.world,
      network: this.network,
      watcher: this.#nodeWatcher(),
      watcherOf: (name) =>
        name === this.main.name ? this.#mainWatcher() : this.#watcherOf(this.group(name)),
      groups: options.groups ?? [],
      groupsRest: options.groupsRest ?? true,
      registry,
      presetOf: options.presetOf ?? (() => registry),
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

  /** `main`, and those that were opened. */
  get founded(): ReadonlyArray<SimulatedGroup> {
    return [this.main, ...this.groups.filter(({ founding }) => founding !== null)]
  }

  group(name: GroupId): SimulatedGroup {
    const group = [this.main, ...this.groups].find((each) => each.name === name)
    if (group === undefined) throw new Error(`there is no group ${name}`)
    return group
  }

  #seatsOf(name: GroupId): ReadonlyArray<Seat> {
    const known = this.#seats.get(name) ?? this.nodes.map((node) => node.seat(name))
    this.#seats.set(name, known)
    return known
  }

  node(id: NodeId): SimulatedNode {
    const node = this.nodes.find((each) => each.id === id)
    if (node === undefined) throw new Error(`there is no node ${id}`)
    return node
  }

  /** Of `main`: whoever leads the newest term and serves; not one that stands still. */
  get leader(): SimulatedNode | null {
    const { leader } = this.main
    return leader === null ? null : this.node(leader.id)
  }

  get configurationsInForce(): ReadonlyArray<Configuration> {
    return this.main.configurationsInForce
  }

  get committedConfiguration(): Configuration {
    return this.main.committedConfiguration ?? this.configuration
  }

  get stuckCount(): number {
    return this.main.stuckCount
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
      const node = this.node(id)
      const { starts } = node
      const isWhole = this.founded.every((group) => isWholeIn(group, id))
      const isGood = starts > damagedAt && isWhole && !this.gone.has(id)
      if (isGood) this.doubtful.delete(id)
    }
    // A failed sync and a loss of power may cost as much as damage.
    const isSuspect = ({ disk, id }: SimulatedNode) =>
      this.founded.some(
        // What lies there of a group that it does not run any more is nobody's.
        (group) =>
          disk.synced(group.name)?.standing === "suspect" && !(group.isSeated && !group.isMember(id)),
      )
    const suspects = this.nodes.filter(isSuspect)
    return [...this.doubtful.keys(), ...this.alterations.nodes, ...suspects.map(({ id }) => id)]
  }

  /** Whether the rest can go on without these in all groups, whichever configurations come to rule. */
  canDoWithout(missing: ReadonlySet<NodeId>): boolean {
    return this.founded.every((group) => this.#canDoWithoutIn(group, missing))
  }

  #canDoWithoutIn(group: SimulatedGroup, missing: ReadonlySet<NodeId>): boolean {
    const inForce = group.configurationsInForce.flatMap(({ voters, outgoing, goal }) => [
      voters,
      outgoing,
      goal?.voters ?? [],
    ])
    const isThere = (id: NodeId) => !missing.has(id) && !this.isAbsent(group, id) && !this.#mayGo(group, id)
    const asked = group === this.main ? this.askedFor : []
    return [...inForce, ...asked].every(
      (half) => half.length === 0 || half.filter(isThere).length * 2 > half.length,
    )
  }

  /** `main` is about to let it go, and other groups with it. */
  #mayGo(group: SimulatedGroup, id: NodeId): boolean {
    if (group === this.main) return false
    const aims = this.main.configurationsInForce.map((each) => each.goal ?? each)
    const isOut = ({ voters, learners }: Pick<Configuration, "voters" | "learners">) =>
      !voters.includes(id) && !learners.includes(id)
    return aims.some(isOut) || [...this.askedFor].some((voters) => voters.length > 0 && !voters.includes(id))
  }

  /** Nobody hears it in that group: its directory is another one there, or `main` has let it go, and all connections. */
  isAbsent(group: SimulatedGroup, id: NodeId): boolean {
    return group !== this.main && (group.hasLost(id) || !this.main.isMember(id))
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
      for (const group of this.founded) group.look()
      for (const node of this.nodes) {
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
    return this.founded.map((group) => this.#describeIn(group)).join("\n")
  }

  #describeIn(group: SimulatedGroup): string {
    const heading = group === this.main ? "" : ` of ${group.name}`
    return group.nodes
      .map((node) => {
        const { id, process, record, raft } = node
        const state =
          process === null ? "down" : process.isPaused ? "stands still" : raft === null ? "starts" : "up"
        const hears = this.nodes.filter((other) => this.network.isOpen(other.id, id)).map((other) => other.id)
        if (record === null) return `  ${id}${heading} ${state}`
        const { role, term, standing, log, commitIndex, appliedIndex } = record
        return `  ${id}${heading} ${state}: ${role.kind} of term ${term}, ${standing}, log ${log.base.index}–${log.lastIndex}@${log.lastTerm}, on disk ${log.persistedIndex}, committed ${commitIndex}, applied ${appliedIndex}, hears ${hears.join(" ") || "nobody"}, ${describeConfiguration(record.configurations)}`
      })
      .join("\n")
  }

  #sent(from: NodeId, to: NodeId, payload: Payload, name: GroupId): void {
    const group = this.group(name)
    if (payload.type === "ForwardRequest") {
      const seat = group.seat(from)
      const isItsOwn = (command: Uint8Array) => seat.hasTaken(command) || this.#drives(from, command)
      const isOfItsOwnClients = payload.commands.every(isItsOwn)
      insist("forwarded once", isOfItsOwnClients, `${from} hands on to ${to} what its own clients asked (C3)`)
    }
    insist(
      "stranger kept out",
      !this.staysDown.has(from) || this.invariants.hasLostData(to) || this.#isNewTo(to, from),
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
    group.said(from, to, payload)
    if (group === this.main) this.#lookout.sent(from, to, payload)
  }

  /**
   * Whether it does not take the other for what that was: it names the directory that is there now; or it names none, and
   * the other is a learner, who has promised nobody anything.
   */
  #isNewTo(id: NodeId, other: NodeId): boolean {
    const known = this.main.seat(id).record?.configurations.current
    if (known === undefined) return false
    const named = known.addresses[other]?.incarnation
    if (named !== undefined) return named === this.node(other).disk.identity.incarnation
    const isVoter = known.voters.includes(other) || known.outgoing.includes(other)
    return !isVoter && [...known.learners, ...known.learnersNext].includes(other)
  }

  /** Whether it proposes a step of a move, or what follows from seats: under a name that nobody else has, and it is the first to hand it on. */
  #drives(id: NodeId, command: Uint8Array): boolean {
    const { idempotencyKey = "" } = decodeCommand(command) ?? {}
    if (!/^(?:move|life):/.test(idempotencyKey)) return false
    const driver = this.#drivers.get(idempotencyKey) ?? id
    this.#drivers.set(idempotencyKey, driver)
    return driver === id
  }

  #watcherOf(group: SimulatedGroup): SeatWatcher {
    const watcher = group.watcher()
    return {
      ...watcher,
      applied: (seat, entry, outcome) => {
        watcher.applied(seat, entry, outcome)
        this.#moves.appliedIn(group, entry, outcome)
      },
    }
  }

  /** What is looked at in `main` alone. */
  #mainWatcher(): SeatWatcher {
    const watcher = this.main.watcher()
    return {
      ...watcher,
      started: (seat, appliedIndex) => {
        watcher.started(seat, appliedIndex)
        this.#findsLoss(seat)
        this.#lookout.started(seat, this.node(seat.id).seats)
      },
      turned: (record, turn, nowMillis) => {
        watcher.turned(record, turn, nowMillis)
        this.#lookout.turned(record, turn)
        this.world.note(record.commitIndex + record.log.lastIndex * 31 + record.term * 1009)
      },
      event: (seat, message, details) => {
        watcher.event(seat, message, details)
        if (message.startsWith("the disk is full")) this.shortages++
        const isGivenUp = message.startsWith("this node's state is not what it should be")
        const isAlarm = isGivenUp && details["reason"] !== "stuck" && !this.alterations.isHidden(seat.id)
        this.watch(() =>
          insist("state hash", !isAlarm, `${seat.id}: ${message} (D1)`, JSON.stringify(details)),
        )
        this.#lookout.event(message, details)
      },
      leadingProposes: (seat, leadership, command) => {
        watcher.leadingProposes(seat, leadership, command)
        return this.#onLeadingProposal(seat.id, command)
      },
      applied: (seat, entry, outcome) => {
        watcher.applied(seat, entry, outcome)
        if (!this.alterations.isHidden(seat.id)) this.codeChecks.applied(seat.id, entry, outcome)
        this.#lookout.applied(entry, outcome)
        if (this.groups.length === 0) return
        this.#founds(entry, outcome)
        this.#moves.appliedIn(this.main, entry, outcome)
      },
      hashed: (seat, index, hash) => {
        if (!this.alterations.isHidden(seat.id)) return watcher.hashed(seat, index, hash)
        this.alterations.hashed(seat.id, hash, this.invariants.hashAt(index))
      },
      installed: (seat, position) => {
        watcher.installed(seat, position)
        this.#lookout.installed(seat.id)
      },
      gaveUp: (seat) => {
        watcher.gaveUp(seat)
        this.alterations.gaveUp(seat.id, this.invariants.committedIndex)
        this.#lookout.gaveUp(seat)
      },
    }
  }

  /** From the entry on that opens it a group is there, with the members that stand there. */
  #founds({ kind, data }: Entry, outcome: Outcome | null): void {
    const command = kind === "command" && outcome?._tag === "Accepted" ? decodeCommand(data) : null
    if (command?.actor !== "$group" || command.command !== "open") return
    const group = this.group(command.key)
    group.founding ??= foundingIn(data)
  }

  /** What was lost may have been of one group alone. */
  #findsLoss({ id, disk }: Seat): void {
    const mustDoubt = this.tellingLoss.delete(id)
    const standings = this.founded.map(({ name }) => disk.synced(name)?.standing)
    const isFound = standings[0] === "suspect" || standings.slice(1).some((standing) => standing !== "whole")
    insist(
      "loss is found",
      !mustDoubt || isFound,
      `${id} starts on a disk that has lost something (S4)`,
      standings.join(" "),
    )
  }

  #nodeWatcher(): NodeWatcher {
    return {
      crashed: ({ kept, lost }) => {
        if (kept > 0) this.sightings.see("unsynced kept")
        if (lost > 0) this.sightings.see("unsynced lost")
      },
      told: ({ id }, message, details) => {
        this.tell(`${id}: ${message} ${JSON.stringify(details)}`)
        if (!message.startsWith("keys are on their way")) this.evenedAtMillis = this.world.nowMillis
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

/** All that the group counts on at that node is there. */
const isWholeIn = (group: SimulatedGroup, id: NodeId): boolean => {
  const { record } = group.seat(id)
  return record?.standing === "whole" || (group.name !== mainGroup && !group.isMember(id))
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
