// What is the course of a run? Trouble first; then trouble that stays, on a minority, while the rest must go on; then
// peace, in which all must agree; and at the end everything that the clients saw is held against one machine.

import type { GroupId, Index, NodeId } from "../consensus/types.ts"
import type { Clients } from "./Clients.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import type { Deployer } from "./Deployer.ts"
import { Disaster } from "./Disaster.ts"
import { Ending } from "./Ending.ts"
import type { Founder } from "./Founder.ts"
import type { Operator } from "./Operator.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import type { Splitter } from "./Splitter.ts"
import type { Script } from "./script.ts"
import type { Troubles } from "./Troubles.ts"
import { insist } from "./Violation.ts"

/** How clients are on their way to nodes, and how long they have patience. */
export const sessionOptions = {
  hopMillisMax: 3,
  replyLoss: 0.05,
  attemptMillis: 700,
  patienceMillis: 3000,
}

/** Of one run, phase by phase. */
export class Course {
  readonly #cluster: SimulatedCluster
  readonly #script: Script
  readonly #troubles: Troubles
  readonly #operator: Operator
  readonly #deployer: Deployer
  readonly #founder: Founder
  readonly #splitter: Splitter | null
  readonly #main: Ending
  /** Of the groups besides `main`, those that are there and have their actors. */
  #further: ReadonlyArray<Ending> = []
  readonly #clients: ReadonlyMap<GroupId, Clients>

  constructor(parts: {
    readonly cluster: SimulatedCluster
    readonly script: Script
    readonly troubles: Troubles
    readonly operator: Operator
    readonly deployer: Deployer
    readonly founder: Founder
    /** Null: no keys go from group to group. */
    readonly splitter: Splitter | null
    /** Of each group. */
    readonly clients: ReadonlyMap<GroupId, Clients>
  }) {
    this.#cluster = parts.cluster
    this.#script = parts.script
    this.#troubles = parts.troubles
    this.#operator = parts.operator
    this.#deployer = parts.deployer
    this.#founder = parts.founder
    this.#splitter = parts.splitter
    this.#clients = parts.clients
    this.#main = this.#endingOf(parts.cluster.main)
  }

  run(): void {
    this.#cluster.runFor(this.#script.calmAtMillis)
    this.#minorityLost()
    this.#peace()
    this.#majorityLost()
    for (const ending of this.#all) ending.account()
  }

  /** Whatever a minority suffers for good, the rest elects, commits and agrees in bounded time (E8–E10, R14). */
  #minorityLost(): void {
    const { nodes } = this.#cluster
    this.#troubles.calm()
    this.#operator.stop()
    this.#deployer.stop()
    // What it has asked for comes to its end, or to a configuration that waits for somebody.
    this.#cluster.runUntil(() => this.#operator.isIdle && this.#deployer.isIdle, OPERATOR_MILLIS_MAX)
    if (this.#cluster.groups.length > 0) this.#groupsFounded()
    const affected = this.#troubles.makePermanent(this.#script.forGood)
    const rest = nodes.filter(({ id }) => !affected.has(id))
    this.#agree(rest, "with a minority lost for good")
    if (this.#hasRoomToLead()) this.#stayQuiet(rest)
  }

  /** What is not there by now, because `main` was busy with its members, never comes. */
  #groupsFounded(): void {
    this.#cluster.runUntil(() => this.#founder.isIdle, FOUNDING_MILLIS_MAX)
    this.#founder.stop()
    const splitter = this.#splitter
    if (splitter !== null && this.#founder.isIdle) {
      this.#cluster.runUntil(() => splitter.isIdle, FOUNDING_MILLIS_MAX)
    }
    splitter?.stop()
    this.#further = this.#cluster.groups
      .filter(({ name }) => this.#founder.hasFounded(name))
      .map((group) => this.#endingOf(group))
  }

  #endingOf(group: SimulatedGroup): Ending {
    const clients = this.#clients.get(group.name)!
    const homes = this.#splitter?.homes ?? null
    return new Ending(this.#cluster, group, { clients, script: this.#script, homes })
  }

  get #all(): ReadonlyArray<Ending> {
    return [this.#main, ...this.#further]
  }

  /** Waits until a leader on a full disk has given way; it need not while that disk can help itself. */
  #hasRoomToLead(): boolean {
    const { limits } = this.#cluster.raft
    const hasRoom = () => this.#cluster.leader?.disk.weather.isFull === false
    this.#cluster.runUntil(hasRoom, 10 * limits.electionTimeoutMaxMillis)
    const { record, process } = this.#cluster.leader ?? {}
    const shortMillis = record?.isShort === true ? process!.nowMillis - record.shortSince : 0
    const isInTime = shortMillis < 10 * limits.electionTimeoutMaxMillis
    insist("liveness", isInTime, "a leader without room gives way", record?.id, shortMillis)
    return hasRoom()
  }

  #peace(): void {
    const { nodes, gone } = this.#cluster
    this.#troubles.calm()
    const all = nodes.filter(({ id }) => !gone.has(id))
    this.#agree(all, "when all is well again")
    this.#splitter?.comesToItsEnd()
    this.#letClientsFinish()
    this.#agree(all, "when all clients are done")
    for (const ending of this.#further) ending.follows()
    if (this.#further.length > 0) this.#agree(all, "when all groups have followed")
    this.#lookAtStates(all)
    this.#lookAtTimers()
    this.#splitter?.looksAtBoth(this.#clients.get(this.#splitter.homes.from.name)!)
  }

  /** What has not rung still waits (D9): in one of two groups, where keys go from the one to the other. */
  #lookAtTimers(): void {
    const { from, to } = this.#splitter?.homes ?? {}
    const looks = this.#all.map((ending) => ({ group: ending.group, look: ending.lookAtTimers() }))
    const together = Map.groupBy(looks, ({ group }) => (group === to ? from : group))
    for (const each of together.values()) {
      if (each.some(({ look }) => look === null)) continue
      const timers = each.reduce((sum, { look }) => sum + look!.timers, 0)
      const waiting = each.reduce((sum, { look }) => sum + look!.waiting, 0)
      insist("timers", timers === waiting, "each that was set and has not rung waits", timers, waiting)
    }
  }

  /** By an operator's word the rest goes on, with all that was promised, and who was given up stays out (O7). */
  #majorityLost(): void {
    if (this.#script.disaster === undefined) return
    const disaster = new Disaster(this.#cluster, this.#script.disaster)
    const survivors = disaster.strike()
    if (survivors.length === 0) return
    disaster.decree()
    this.#agree(survivors, "by decree")
    const back = disaster.giveBack()
    this.#main.probe(back.id, (index: Index) => {
      const isAnotherLife = !this.#cluster.fenced.has(back.id)
      insist("given up", isAnotherLife, `${back.id} was given up and accepts nothing (O7)`, index)
    })
    this.#cluster.runFor(QUIET_MILLIS)
    this.#agree(survivors, "while one that was given up is back")
    this.#stayQuiet(survivors)
    disaster.takeIn()
    this.#agree(
      this.#cluster.nodes.filter(({ id }) => this.#isMember(id)),
      "when all are taken in anew",
    )
  }

  /** However many operations wait: each of them gets an answer, or is given up, in its time. */
  #letClientsFinish(): void {
    const { attemptMillis, patienceMillis } = sessionOptions
    const clients = [...this.#clients.values()]
    const isIdle = () => clients.every((each) => each.isIdle)
    const finishedOf = () => clients.reduce((sum, { finished }) => sum + finished, 0)
    while (!isIdle()) {
      const finished = finishedOf()
      const isFurther = () => finishedOf() > finished || isIdle()
      const inTime = this.#cluster.runUntil(isFurther, patienceMillis + 2 * attemptMillis + 1000)
      insist("liveness", inTime, "every client gets an answer or gives up")
    }
  }

  /** A new command of each group is executed through each of these nodes, on all of them, with the same state. */
  #agree(nodes: ReadonlyArray<SimulatedNode>, when: string): void {
    const ids = nodes.map(({ id }) => id)
    for (const ending of this.#all) ending.agree(ids, when)
  }

  #isMember(id: NodeId): boolean {
    return this.#main.takesPart(id)
  }

  /** While nothing happens no term grows (E7, E9), however many groups are awake. */
  #stayQuiet(nodes: ReadonlyArray<SimulatedNode>): void {
    const ids = nodes.map(({ id }) => id)
    const taking = this.#all.map((ending) => ids.filter((id) => ending.takesPart(id)))
    const termsOf = () => this.#all.map((ending, at) => ending.termsOf(taking[at]!))
    const configurationsOf = () => this.#all.map(({ group }) => group.committedConfiguration)
    const startsOf = () =>
      nodes.reduce(
        (sum, { starts, seats, isUp }) =>
          sum + starts + seats.reduce((all, { repairs }) => all + repairs, 0) + (isUp ? 0 : 1),
        // Who leads without room leaves that to who has some.
        this.#cluster.shortages,
      )
    const stuckOf = () => this.#all.map(({ group }) => group.stuckCount)
    const before = termsOf()
    const configurations = configurationsOf()
    const starts = startsOf()
    const stuck = stuckOf()
    const followed = this.#all.map((ending) => ending.hasFollowed && ending.isLedByVoter)
    const rest = this.#further.map((ending) => ending.keepAwake(ids))
    this.#cluster.runFor(QUIET_MILLIS)
    for (const stop of rest) stop()
    // A bad page that was met only now ended a process, or a disk filled up: then something has happened.
    if (startsOf() !== starts || this.#cluster.committedConfiguration !== configurations[0]) return
    const after = termsOf()
    const evenedMillis = this.#cluster.world.nowMillis - this.#cluster.evenedAtMillis
    const isEvened = evenedMillis <= QUIET_MILLIS + EVENING_MILLIS
    for (const [at, ending] of this.#all.entries()) {
      if (ending.group.committedConfiguration !== configurations[at]) continue
      // A leader that alone cannot get past an entry hands over to who can.
      if (ending.group.stuckCount !== stuck[at]) continue
      // Who was let go by `main`, or by the group itself, and leads it still, is about to hand it over.
      if (!followed[at]) continue
      // Other groups are handed over, until each node leads as many as the next.
      if (ending !== this.#main && isEvened) continue
      insist(
        "terms stay",
        JSON.stringify(after[at]) === JSON.stringify(before[at]),
        `${ending.group.name}, while nothing happened for ${QUIET_MILLIS} ms`,
        after[at],
        before[at],
      )
    }
  }

  /** No state is altered any more, and all that have come equally far are equal (D1). */
  #lookAtStates(nodes: ReadonlyArray<SimulatedNode>): void {
    const { alterations, raft } = this.#cluster
    const boundMillis = 4 * raft.scrubMillis + 20 * raft.limits.electionTimeoutMaxMillis + 3000
    const altered = () => nodes.filter(({ id }) => this.#isMember(id) && alterations.nodes.includes(id))
    const inTime = this.#cluster.runUntil(() => altered().length === 0, boundMillis)
    const still = altered().map(({ id }) => id)
    insist(
      "altered state",
      inTime,
      `every state that was altered is made good within ${boundMillis} ms`,
      still,
    )
    const ids = nodes.map(({ id }) => id)
    for (const ending of this.#all) ending.lookAtHashes(ids)
  }
}

const OPERATOR_MILLIS_MAX = 3500
/** How long groups may take to be opened once nothing is in their way. */
const FOUNDING_MILLIS_MAX = 10_000
/** How long a hand-over may take that makes leaders even. */
const EVENING_MILLIS = 2000
/** How long nothing happens while nobody's term may grow. */
const QUIET_MILLIS = 2000
