// What is one group of a simulated cluster? Its seats at all nodes, and the checkers that see everything of it.

import { isVoter, members } from "../consensus/configuration.ts"
import { mainGroup } from "../consensus/groups.ts"
import type { Message } from "../consensus/message.ts"
import type { Node } from "../consensus/node.ts"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import type { RaftOptions } from "../raft/options.ts"
import { BoundChecks } from "./BoundChecks.ts"
import { CodeChecks } from "./CodeChecks.ts"
import { type Emits, EventChecks } from "./EventChecks.ts"
import { Executions } from "./Executions.ts"
import { Invariants } from "./Invariants.ts"
import { LeadingChecks } from "./LeadingChecks.ts"
import { LeaseChecks } from "./LeaseChecks.ts"
import type { Sightings } from "./markers.ts"
import type { DiskTruth } from "./observed.ts"
import { RestChecks } from "./RestChecks.ts"
import type { Seat, SeatWatcher } from "./Seat.ts"
import { insist } from "./Violation.ts"
import type { World } from "./World.ts"

/** What is the same for all groups. */
export interface GroupSurroundings {
  readonly world: World
  readonly sightings: Sightings
  readonly seats: () => ReadonlyArray<Seat>
  readonly raft: Omit<RaftOptions, "id" | "client">
  readonly emits: Emits | null
  readonly watch: (look: () => void) => void
  readonly tell: (what: string) => void
}

export class SimulatedGroup {
  readonly name: GroupId
  readonly world: World
  readonly sightings: Sightings
  readonly invariants = new Invariants()
  readonly executions = new Executions()
  readonly codeChecks: CodeChecks
  /** That of `main` is known from the beginning; of any other, once it is founded. */
  founding: Configuration | null = null
  /** Some members run it, and not all. */
  isSeated = false
  /** How often a machine has come to an entry that it could not get past. */
  stuckCount = 0
  readonly events: EventChecks
  readonly #around: GroupSurroundings
  readonly #leading = new LeadingChecks()
  readonly #leases: LeaseChecks
  readonly #rests = new RestChecks()
  readonly bounds: BoundChecks
  #isResting = false

  constructor(name: GroupId, around: GroupSurroundings) {
    const { world, sightings, raft } = around
    this.name = name
    this.world = world
    this.sightings = sightings
    this.#around = around
    this.codeChecks = new CodeChecks(sightings, (index) => this.invariants.committedIn(index))
    const onlookers = name === mainGroup ? "onlookers" : `onlookers of ${name}`
    this.events = new EventChecks(this.executions, world.chance.fork(onlookers), around.emits)
    this.#leases = new LeaseChecks(() => this.nodes, this.invariants)
    this.bounds = new BoundChecks(name, raft, this.invariants)
  }

  /** Its seat at each node, in the order of the nodes. */
  get nodes(): ReadonlyArray<Seat> {
    return this.#around.seats()
  }

  seat(id: NodeId): Seat {
    return this.nodes.find((each) => each.id === id)!
  }

  /** Whoever leads the newest term and serves; not one that stands still. */
  get leader(): Seat | null {
    let newest: Seat | null = null
    let newestTerm = 0
    for (const seat of this.nodes) {
      const status = seat.raft?.status()
      if (status?.serving !== true || status.term <= newestTerm || seat.process?.isPaused === true) continue
      newest = seat
      newestTerm = status.term
    }
    return newest
  }

  /** Null: it is not founded yet. */
  get committedConfiguration(): Configuration | null {
    return this.invariants.committedConfiguration ?? this.founding
  }

  /** Any of these may come to rule: the newest that is committed, and what lies behind it in any log. */
  get configurationsInForce(): ReadonlyArray<Configuration> {
    const { committedConfiguration } = this
    if (committedConfiguration === null) return []
    return [committedConfiguration, ...this.invariants.uncommittedConfigurations]
  }

  isMember(id: NodeId): boolean {
    const { committedConfiguration } = this
    return committedConfiguration !== null && members(committedConfiguration).includes(id)
  }

  /** It counts a data directory there that is gone: nobody speaks for it. */
  hasLost(id: NodeId): boolean {
    const named = this.committedConfiguration?.addresses[id]?.incarnation
    return named !== undefined && named !== this.seat(id).disk.identity.incarnation
  }

  /** What a node's disk would show if the power were lost now. */
  readonly truthOf = (id: NodeId): DiskTruth | null => this.seat(id).disk.synced(this.name)

  said(from: NodeId, to: NodeId, message: Message): void {
    const isAnother = this.name !== mainGroup && this.#isAnother(from)
    const stands = message.type === "VoteRequest" && !message.preVote
    insist("lost voter", !(isAnother && stands), `${from} stands in ${this.name} as the one that it was (S6)`)
    // Whoever asks it gets its vote, and must not count it as that of the voter.
    const speaker = isAnother && message.type === "VoteReply" ? `${from}, come back with nothing,` : from
    this.invariants.said(speaker, to, message, this.truthOf(from) ?? nothingOnDisk)
  }

  /** By all configurations that may rule it is a voter that had another data directory: what that one promised is lost (S6). */
  #isAnother(id: NodeId): boolean {
    const { incarnation } = this.seat(id).disk.identity
    const inForce = this.configurationsInForce.filter((each) => isVoter(each, id))
    const isNamedOtherwise = ({ addresses }: Configuration) =>
      (addresses[id]?.incarnation ?? incarnation) !== incarnation
    return inForce.length > 0 && inForce.every(isNamedOtherwise)
  }

  #lookAround({ role }: Node): void {
    const isResting = role.kind === "leader" && role.rest.isResting
    if (isResting && !this.#isResting) this.sightings.see("group at rest")
    if (role.kind === "leader" && !isResting && this.#isResting) this.sightings.see("group woken")
    if (role.kind === "leader") this.#isResting = isResting
    if (this.invariants.changeCount > 0) this.sightings.see("group followed main")
  }

  /** Now and then. */
  look(): void {
    this.bounds.lookAtQueues(this.nodes)
    for (const seat of this.nodes) this.bounds.lookAtFullDisk(seat)
    this.#rests.look(this.nodes, this.#around.raft.limits)
  }

  watcher(): SeatWatcher {
    const { invariants, executions } = this
    const { tell, watch } = this.#around
    const nameOf = ({ id }: Seat) => (this.name === mainGroup ? id : `${this.name} at ${id}`)
    return {
      begins: ({ id }) => invariants.begins(id, this.truthOf(id)),
      started: (seat, appliedIndex) => {
        tell(`${nameOf(seat)} has started, applied ${appliedIndex}`)
        invariants.started(seat.id, appliedIndex)
      },
      turned: (record, turn, nowMillis) => {
        const { committedIndex, leaderCount } = invariants
        invariants.turned(record, turn, this.truthOf, nowMillis)
        const isNew = invariants.committedIndex > committedIndex
        // By what it hears late a node may believe that it leads still.
        for (const seat of isNew ? this.nodes : [this.seat(record.id)]) this.#leases.holdsAll(seat)
        for (const seat of this.nodes) if (seat.record?.role.kind === "leader") this.#leases.isAlone(seat)
        if (invariants.leaderCount > leaderCount) this.#leases.elected(record.id)
        if (this.name !== mainGroup) this.#lookAround(record)
      },
      read: (seat, grounds) => {
        if (grounds === "lease") this.#leases.read(seat)
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
      event: (seat, message, details) => {
        tell(`${nameOf(seat)}: ${message} ${JSON.stringify(details)}`)
        // A state that is given up may cost the log that rests on it, long after the damage itself.
        if (message.startsWith("the log is damaged")) invariants.damaged(seat.id)
        const isSplit = message.startsWith("NO MAJORITY AGREES")
        watch(() =>
          insist("state hash", !isSplit, `${nameOf(seat)}: ${message} (D1)`, JSON.stringify(details)),
        )
        if (message.startsWith("the machine cannot get past")) this.stuckCount++
      },
      leads: ({ id, record }, { term }) => {
        this.#leading.leads(id, term, record)
        this.sightings.see("leading begun")
      },
      leadingProposes: (_seat, { term }, command) => {
        this.#leading.proposes(term, command)
        return () => {}
      },
      applied: ({ id }, entry, outcome) => {
        invariants.applied(id, entry)
        this.#leading.applied(entry)
        executions.note(entry, outcome)
      },
      hashed: ({ id }, index, hash) => invariants.hashed(id, index, hash),
      asks: (entries) => this.events.asks(entries),
      told: ({ id }, answer) => {
        const { resets } = this.events
        this.events.told(id, answer)
        if (this.events.resets > resets) this.sightings.see("events passed over")
      },
      installed: ({ id }, { index, term }) => invariants.installed(id, index, term, this.truthOf(id)),
      gaveUp: (seat) => {
        tell(`${nameOf(seat)} has given its state up`)
        invariants.begins(seat.id, this.truthOf(seat.id))
        invariants.started(seat.id, 0)
      },
    }
  }
}

export const nothingOnDisk: DiskTruth = {
  hardState: { term: 0, votedFor: null },
  standing: "whole",
  base: { index: 0, term: 0 },
  lastIndex: 0,
  termAt: () => undefined,
  holds: () => false,
}
