// What must one group come to in the end? All nodes agree, terms stay, timers ring, and what clients saw holds together.

import type { Effect } from "effect"
import { isSettled, isVoter } from "../consensus/configuration.ts"
import type { Index, NodeId } from "../consensus/types.ts"
import { hasFollowed, hasTaken } from "../groups/following.ts"
import { seatsOf } from "../machine/seats.ts"
import { askSeat } from "./askSeat.ts"
import { type Clients, queries } from "./Clients.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { checkHistory } from "./checkHistory.ts"
import type { Homes } from "./Homes.ts"
import type { Operation } from "./history.ts"
import { tillName } from "./Releases.ts"
import { isRoaming, kindOf, roamingName } from "./roaming.ts"
import type { Seat } from "./Seat.ts"
import { isAccepted, Session } from "./Session.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"
import type { Script } from "./script.ts"
import { totalIn } from "./till.ts"
import { insist, Violation } from "./Violation.ts"

export class Ending {
  readonly group: SimulatedGroup
  readonly clients: Clients
  readonly #cluster: SimulatedCluster
  readonly #script: Script
  readonly #homes: Homes | null
  readonly #of: string
  #probes = 0
  /** Counts the times that all had to agree: who was not asked for the last time asks no more. */
  #probing = 0

  constructor(
    cluster: SimulatedCluster,
    group: SimulatedGroup,
    parts: { readonly clients: Clients; readonly script: Script; readonly homes: Homes | null },
  ) {
    const { clients, script, homes } = parts
    this.#cluster = cluster
    this.#homes = homes
    this.group = group
    this.clients = clients
    this.#script = script
    this.#of = group === cluster.main ? "" : ` of ${group.name}`
  }

  /** A new command is executed through each of these nodes, on all of them, with the same state. */
  agree(nodes: ReadonlyArray<NodeId>, when: string): void {
    const { limits } = this.#cluster.raft
    // Where commands hang on one node alone, it tries three times before it takes the state of the others.
    const isSlow = this.#script.till?.alone != null
    // Where commands hang for everybody, the word of a voter that is gone is waited for (raft/Stuckness.ts).
    const isWaiting = this.#script.till != null && nodes.length < this.#cluster.nodes.length
    const boundMillis =
      20 * limits.electionTimeoutMaxMillis +
      (isSlow ? 6000 : 3000) +
      (isWaiting ? 12_000 : 0) +
      (this.#isMain ? 0 : FOLLOWING_MILLIS)
    const accepted = new Map<string, Index>()
    for (const id of nodes) this.probe(id, (index) => accepted.set(id, index))
    const isSound = ({ raft }: Seat) => raft?.status().parted === null
    const isAgreed = (): boolean => {
      // Whom a change has removed hears of nothing any more; whoever waits to be taken in, of nothing yet.
      const taking = nodes.filter((id) => this.takesPart(id)).map((id) => this.group.seat(id))
      if (!taking.every(({ id }) => accepted.has(id)) || !this.isLedByVoter) return false
      const goal = Math.max(...taking.map(({ id }) => accepted.get(id)!))
      const term = this.group.leader?.record?.term
      return taking.every(
        (seat) =>
          seat.record?.term === term &&
          seat.record?.standing === "whole" &&
          seat.record.appliedIndex >= goal &&
          isSound(seat),
      )
    }
    const inTime = this.#cluster.runUntil(isAgreed, boundMillis)
    this.#probing++
    insist(
      "liveness",
      inTime,
      `${when}, a command${this.#of} is executed through every node within ${boundMillis} ms`,
      [...accepted.keys()],
    )
  }

  /** The members are those of `main`, as far as `main` knows its own and all whom it names are there. */
  follows(): void {
    const { main, gone } = this.#cluster
    const isHindered = () =>
      !isSettled(main.committedConfiguration!) || [...gone].some((id) => main.isMember(id))
    // One seat after the other.
    const boundMillis = this.group.isSeated ? 3 * FOLLOWING_MILLIS : FOLLOWING_MILLIS
    const inTime = this.#cluster.runUntil(() => this.hasFollowed || isHindered(), boundMillis)
    const { committedConfiguration: own, name } = this.group
    insist(
      "members follow",
      inTime,
      `${name} has the members of main, or those who have a seat, within ${boundMillis} ms`,
      JSON.stringify([own, this.#cluster.leader?.groups?.seatingOf(name)]),
      JSON.stringify(main.committedConfiguration),
    )
    if (this.group.isSeated && this.hasFollowed) this.#runsAtSeats()
  }

  /** `main` itself has nobody to follow. */
  get hasFollowed(): boolean {
    const { main } = this.#cluster
    const { committedConfiguration: own } = this.group
    if (this.group === main) return true
    if (!this.group.isSeated) return hasFollowed(main.committedConfiguration!, own!)
    const groups = this.#cluster.leader?.groups
    const seating = groups?.seatingOf(this.group.name)
    if (groups == null || seating == null || !seating.isReached || !hasTaken(seating, own!)) return false
    const { voters, addresses } = main.committedConfiguration!
    const candidates = voters.map((id) => ({ id, priority: addresses[id]?.priority }))
    const wanted = seatsOf(seating.like, seating.replicas, candidates)
    return own!.voters.toSorted().join() === wanted.toSorted().join()
  }

  /** Those who have a seat run it, and nobody else does, once they know (G11). */
  #runsAtSeats(): void {
    const { main, gone } = this.#cluster
    const { name, nodes } = this.group
    // Who is no member any more hears no more of it.
    const running = () =>
      nodes.flatMap(({ raft, id }) => (raft !== null && main.isMember(id) && !gone.has(id) ? [id] : []))
    const isRight = () => running().every((id) => this.group.isMember(id)) || !this.hasFollowed
    const inTime = this.#cluster.runUntil(isRight, FOLLOWING_MILLIS)
    const { voters } = this.group.committedConfiguration!
    insist("members follow", inTime, `${name} runs where it has a seat alone`, running(), voters)
  }

  /** Hears what is said in it. */
  takesPart(id: NodeId): boolean {
    return this.group.isMember(id) && !this.#cluster.isAbsent(this.group, id)
  }

  termsOf(nodes: ReadonlyArray<NodeId>): ReadonlyArray<number> {
    return nodes.map((id) => this.group.seat(id).record?.term ?? 0)
  }

  /** Clients of it come and go until it is told to stop. */
  keepAwake(nodes: ReadonlyArray<NodeId>): () => void {
    const { world } = this.#cluster
    let isOver = false
    const again = (): void => {
      if (isOver) return
      const [id] = nodes.filter((each) => this.takesPart(each))
      if (id !== undefined) this.probe(id, () => {})
      world.after(AWAKE_MILLIS, again)
    }
    again()
    return () => {
      isOver = true
      this.#probing++
    }
  }

  /** A leader whom a change has removed is about to step down. */
  get isLedByVoter(): boolean {
    const { leader, committedConfiguration } = this.group
    return leader !== null && isVoter(committedConfiguration!, leader.id)
  }

  get #isMain(): boolean {
    return this.group === this.#cluster.main
  }

  probe(id: NodeId, accepted: (index: Index) => void): void {
    const probe = this.#probes++
    const session = new Session(this.group, `probe ${probe}${this.#of}`, {
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
      session.startAt(id)
      session.propose([wish], ([fate]) => {
        if (fate !== undefined && isAccepted(fate)) accepted(fate.outcome.index)
        else this.#cluster.world.after(20, attempt)
      })
    }
    attempt()
  }

  /** All that have come equally far are equal (D1). */
  lookAtHashes(nodes: ReadonlyArray<NodeId>): void {
    const hashes = new Map<Index, string>()
    for (const id of nodes) {
      const seat = this.group.seat(id)
      const { machine, process } = seat
      if (machine === null || process === null || !this.takesPart(id)) continue
      const { index, hash } = this.#ask(seat, machine.stateHash)
      insist("state hash", (hashes.get(index) ?? hash) === hash, `states at ${index} in the end (D1): ${id}`)
      hashes.set(index, hash)
    }
  }

  /** What is due has rung (D9). How many timers there are, and how many should be by what was executed here; null: nobody knows. */
  lookAtTimers(): { readonly timers: number; readonly waiting: number } | null {
    const isRung = (): boolean => {
      const { leader } = this.group
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
    const { leader, executions } = this.group
    if (leader?.machine == null) throw new Violation("liveness", "a leader while all timers ring")
    const { appliedIndex, timers } = this.#ask(leader, leader.machine.status)
    const counted = (command: string) =>
      executions.acceptedCount("alarm", command, appliedIndex) +
      executions.acceptedCount(roamingName("alarm"), command, appliedIndex)
    const waiting = counted("arm") - counted("ring")
    return executions.isToldUpTo(appliedIndex) ? { timers, waiting } : null
  }

  /** Everything that clients were told, against what is there. */
  account(): void {
    this.clients.checkRejected()
    this.group.codeChecks.settle()
    const violations = checkHistory([...this.clients.history, ...this.#repairs(), ...this.#finals()])
    const [first] = violations
    if (first !== undefined) {
      throw new Violation("linearizability", `${first.message}${this.#of}\n${first.evidence}`)
    }
  }

  /** What operators have made of instances: when, only the log knows. */
  #repairs(): ReadonlyArray<Operation> {
    return this.group.executions.repairs.map(({ instance, command, input }) => ({
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
    const { codeChecks } = this.group
    const now = this.#cluster.world.nowMillis
    return this.clients.instances.flatMap((instance): ReadonlyArray<Operation> => {
      const [actor, key] = instance.split("/") as [keyof typeof queries, string]
      if (actor === tillName && codeChecks.active === null) return []
      const query = queries[kindOf(actor) as keyof typeof queries]
      const isElsewhere = isRoaming(instance) && this.#homes!.isAtLast(actor, key) !== this.group
      const home = isElsewhere ? this.#homes!.to : this.group
      // The lead may be on its way just now, so that leaders are even (seed 264).
      this.#cluster.runUntil(
        () => home.leader?.machine != null,
        20 * this.#cluster.raft.limits.electionTimeoutMaxMillis,
      )
      const { leader } = home
      if (leader?.machine == null) throw new Violation("liveness", `a leader${this.#of} at the end`)
      const [answer] = this.#ask(
        leader,
        leader.machine.query([{ type: "query", actor, key, query, input: "null" }]),
      )
      if (actor === tillName && codeChecks.isHeldBack(key)) {
        insist("quarantine", answer?._tag === "Refused", `${instance} is held back, and read`, answer)
        return []
      }
      if (answer?._tag !== "Answered") throw new Violation("liveness", `${instance} can be read at the end`)
      const { result, revision } = JSON.parse(answer.body)
      this.clients.checkFinal(instance, result)
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
  #ask<A, E>(seat: Seat, effect: Effect.Effect<A, E>): A {
    return askSeat(this.#cluster, seat, effect)
  }
}

const TIMER_LOOKS_MAX = 100
/** Within which a group comes to the members of `main`: it looks twice a second, and newcomers catch up. */
const FOLLOWING_MILLIS = 15_000
/** Less than it takes a group to come to rest. */
const AWAKE_MILLIS = 150
