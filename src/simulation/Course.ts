// What is the course of a run? Trouble first; then trouble that stays, on a minority, while the rest must go on; then
// peace, in which all must agree; and at the end everything that the clients saw is held against one machine.

import { type Effect, Exit } from "effect"
import { isVoter, members } from "../consensus/configuration.ts"
import type { Index, NodeId } from "../consensus/types.ts"
import { type Clients, queries } from "./Clients.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { checkHistory } from "./checkHistory.ts"
import type { Deployer } from "./Deployer.ts"
import { Disaster } from "./Disaster.ts"
import type { Operation } from "./history.ts"
import type { Operator } from "./Operator.ts"
import { tillName } from "./Releases.ts"
import { isAccepted, Session } from "./Session.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import type { Script } from "./script.ts"
import type { Troubles } from "./Troubles.ts"
import { totalIn } from "./till.ts"
import { insist, Violation } from "./Violation.ts"

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
  readonly #clients: Clients
  #probes = 0
  /** Counts the times that all had to agree: who was not asked for the last time asks no more. */
  #probing = 0

  constructor(parts: {
    readonly cluster: SimulatedCluster
    readonly script: Script
    readonly troubles: Troubles
    readonly operator: Operator
    readonly deployer: Deployer
    readonly clients: Clients
  }) {
    this.#cluster = parts.cluster
    this.#script = parts.script
    this.#troubles = parts.troubles
    this.#operator = parts.operator
    this.#deployer = parts.deployer
    this.#clients = parts.clients
  }

  run(): void {
    this.#cluster.runFor(this.#script.calmAtMillis)
    this.#minorityLost()
    this.#peace()
    this.#majorityLost()
    this.#account()
  }

  /** Whatever a minority suffers for good, the rest elects, commits and agrees in bounded time (E8–E10, R14). */
  #minorityLost(): void {
    const { nodes } = this.#cluster
    this.#troubles.calm()
    this.#operator.stop()
    this.#deployer.stop()
    // What it has asked for comes to its end, or to a configuration that waits for somebody.
    this.#cluster.runUntil(() => this.#operator.isIdle && this.#deployer.isIdle, OPERATOR_MILLIS_MAX)
    const affected = this.#troubles.makePermanent(this.#script.forGood)
    const rest = nodes.filter(({ id }) => !affected.has(id))
    this.#agree(rest, "with a minority lost for good")
    if (this.#hasRoomToLead()) this.#stayQuiet(rest)
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
    this.#letClientsFinish()
    this.#agree(all, "when all clients are done")
    this.#lookAtStates(all)
    this.#lookAtTimers()
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
    this.#probe(back, (index) => {
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
    while (!this.#clients.isIdle) {
      const { finished } = this.#clients
      const isFurther = () => this.#clients.finished > finished || this.#clients.isIdle
      const inTime = this.#cluster.runUntil(isFurther, patienceMillis + 2 * attemptMillis + 1000)
      insist("liveness", inTime, "every client gets an answer or gives up")
    }
  }

  /** A new command is executed through each of these nodes, on all of them, with the same state. */
  #agree(nodes: ReadonlyArray<SimulatedNode>, when: string): void {
    const { limits } = this.#cluster.raft
    // Where commands hang on one node alone, it tries three times before it takes the state of the others.
    const isSlow = this.#script.till?.alone != null
    // Where commands hang for everybody, the word of a voter that is gone is waited for (raft/Stuckness.ts).
    const isWaiting = this.#script.till != null && nodes.length < this.#cluster.nodes.length
    const boundMillis =
      20 * limits.electionTimeoutMaxMillis + (isSlow ? 6000 : 3000) + (isWaiting ? 12_000 : 0)
    const accepted = new Map<string, Index>()
    for (const node of nodes) this.#probe(node, (index) => accepted.set(node.id, index))
    const isSound = ({ raft }: SimulatedNode) => raft?.status().parted === null
    const isAgreed = (): boolean => {
      // Whom a change has removed hears of nothing any more; whoever waits to be taken in, of nothing yet.
      const taking = nodes.filter(({ id }) => this.#isMember(id))
      if (!taking.every(({ id }) => accepted.has(id)) || !this.#isLedByVoter) return false
      const goal = Math.max(...taking.map(({ id }) => accepted.get(id)!))
      const term = this.#cluster.leader?.record?.term
      return taking.every(
        (node) =>
          node.record?.term === term &&
          node.record?.standing === "whole" &&
          node.record.appliedIndex >= goal &&
          isSound(node),
      )
    }
    const inTime = this.#cluster.runUntil(isAgreed, boundMillis)
    this.#probing++
    insist("liveness", inTime, `${when}, a command is executed through every node within ${boundMillis} ms`, [
      ...accepted.keys(),
    ])
  }

  /** A leader whom a change has removed is about to step down. */
  get #isLedByVoter(): boolean {
    const { leader, committedConfiguration } = this.#cluster
    return leader !== null && isVoter(committedConfiguration, leader.id)
  }

  #isMember(id: NodeId): boolean {
    return members(this.#cluster.committedConfiguration).includes(id)
  }

  #probe(node: SimulatedNode, accepted: (index: Index) => void): void {
    const probe = this.#probes++
    const session = new Session(this.#cluster, `probe ${probe}`, {
      hopMillisMax: 0,
      replyLoss: 0,
      attemptMillis: 2000,
      patienceMillis: 1,
    })
    const wish = {
      actor: "counter",
      key: "probe",
      command: "add",
      input: `{"by":1}`,
      idempotencyKey: `probe-${probe}`,
      ifRevision: null,
    }
    const series = this.#probing
    const attempt = (): void => {
      if (series !== this.#probing) return
      session.startAt(node.id)
      session.propose([wish], ([fate]) => {
        if (fate !== undefined && isAccepted(fate)) accepted(fate.outcome.index)
        else this.#cluster.world.after(20, attempt)
      })
    }
    attempt()
  }

  /** While nothing happens no term grows (E7, E9). */
  #stayQuiet(nodes: ReadonlyArray<SimulatedNode>): void {
    const termsOf = () => nodes.filter(({ id }) => this.#isMember(id)).map(({ record }) => record?.term ?? 0)
    const configuration = this.#cluster.committedConfiguration
    const startsOf = () =>
      nodes.reduce((sum, { starts, repairs, isUp }) => sum + starts + repairs + (isUp ? 0 : 1), 0)
    const before = termsOf()
    const starts = startsOf()
    const { stuckCount } = this.#cluster
    this.#cluster.runFor(QUIET_MILLIS)
    // A bad page that was met only now ended a process: then something has happened.
    if (startsOf() !== starts || this.#cluster.committedConfiguration !== configuration) return
    // A leader that alone cannot get past an entry hands over to who can.
    if (this.#cluster.stuckCount !== stuckCount) return
    insist(
      "terms stay",
      JSON.stringify(termsOf()) === JSON.stringify(before),
      `while nothing happened for ${QUIET_MILLIS} ms`,
      termsOf(),
      before,
    )
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
    const hashes = new Map<Index, string>()
    for (const { id, machine, process } of nodes) {
      if (machine === null || process === null || !this.#isMember(id)) continue
      const { index, hash } = this.#ask(this.#cluster.node(id), machine.stateHash)
      insist("state hash", (hashes.get(index) ?? hash) === hash, `states at ${index} in the end (D1): ${id}`)
      hashes.set(index, hash)
    }
  }

  /** What is due has rung, and what has not rung still waits (D9). */
  #lookAtTimers(): void {
    const isRung = (): boolean => {
      const { leader } = this.#cluster
      if (leader?.process == null || leader.machine === null || leader.record === null) return false
      const next = this.#ask(leader, leader.machine.nextTimer)
      const now = Math.max(leader.process.wallMillis, leader.record.lastTime)
      return next === null || next > now
    }
    // One look decides: asking takes time, in which another timer may come due.
    let hasRung = isRung()
    for (let attempts = 0; attempts < TIMER_LOOKS_MAX && !hasRung; attempts++) {
      this.#cluster.runFor(100)
      hasRung = isRung()
    }
    insist("timers", hasRung, "what is due rings")
    const { leader, executions } = this.#cluster
    if (leader?.machine == null) throw new Violation("liveness", "a leader while all timers ring")
    const { appliedIndex, timers } = this.#ask(leader, leader.machine.status)
    const counted = (command: string) => executions.acceptedCount("alarm", command, appliedIndex)
    const waiting = counted("arm") - counted("ring")
    if (!executions.isToldUpTo(appliedIndex)) return
    insist("timers", timers === waiting, "each that was set and has not rung waits", timers, waiting)
  }

  /** Everything that clients were told, against what is there. */
  #account(): void {
    this.#clients.checkRejected()
    this.#cluster.codeChecks.settle()
    const violations = checkHistory([...this.#clients.history, ...this.#repairs(), ...this.#finals()])
    const [first] = violations
    if (first !== undefined) throw new Violation("linearizability", `${first.message}\n${first.evidence}`)
  }

  /** What operators have made of instances: when, only the log knows. */
  #repairs(): ReadonlyArray<Operation> {
    return this.#cluster.executions.repairs.map(({ instance, command, input }) => ({
      client: "operator",
      op: `${tillName}.${command}`,
      instance,
      input: command === "set" ? { total: totalIn(JSON.parse(input)) } : JSON.parse(input),
      output: null,
      start: 0,
      end: null,
      outcome: "unknown",
    }))
  }

  /** A last look at every instance, once nobody writes any more. */
  #finals(): ReadonlyArray<Operation> {
    const leader = this.#cluster.leader
    if (leader?.machine == null) throw new Violation("liveness", "a leader at the end")
    const now = this.#cluster.world.nowMillis
    return this.#clients.instances.flatMap((instance): ReadonlyArray<Operation> => {
      const [actor, key] = instance.split("/") as [keyof typeof queries, string]
      if (actor === tillName && this.#cluster.codeChecks.active === null) return []
      const query = queries[actor]
      const [answer] = this.#ask(
        leader,
        leader.machine!.query([{ type: "query", actor, key, query, input: "null" }]),
      )
      if (actor === tillName && this.#cluster.codeChecks.isHeldBack(key)) {
        insist("quarantine", answer?._tag === "Refused", `${instance} is held back, and read`, answer)
        return []
      }
      if (answer?._tag !== "Answered") throw new Violation("liveness", `${instance} can be read at the end`)
      const { result, revision } = JSON.parse(answer.body)
      this.#clients.checkFinal(instance, result)
      return [
        {
          client: "end",
          op: `${actor}?${query}`,
          instance,
          input: null,
          output: { result, revision },
          start: now,
          end: now,
          outcome: "ok",
        },
      ]
    })
  }

  /** Runs an effect on a node's process to its end. */
  #ask<A, E>(node: SimulatedNode, effect: Effect.Effect<A, E>): A {
    const fiber = node.process!.fork(effect)
    this.#cluster.runUntil(() => fiber.pollUnsafe() !== undefined, 1000)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || !Exit.isSuccess(exit))
      throw new Violation("liveness", `${node.id} answers at the end`)
    return exit.value
  }
}

const OPERATOR_MILLIS_MAX = 3500
const TIMER_LOOKS_MAX = 100
/** How long nothing happens while nobody's term may grow. */
const QUIET_MILLIS = 2000
