// What does an operator do to a simulated cluster? Asks node after node until one does it or says why not.

import { Effect } from "effect"
import { aimOf, isRefusal } from "../consensus/membership.ts"
import type { Address, Change, NodeId } from "../consensus/types.ts"
import { obstacleTo } from "../groups/following.ts"
import { failure } from "../raft/failure.ts"
import type { Changed, ChangeRequest, Failure, Raft } from "../raft/Raft.ts"
import type { Chance } from "./Chance.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { addressOf } from "./members.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import type { PlannedChange, Script } from "./script.ts"

/** How long it tries, and how long one node may take. */
const PATIENCE_MILLIS = 3000
const ATTEMPT_MILLIS = 1500
const RETRY_MILLIS = 60

export class Operator {
  readonly #cluster: SimulatedCluster
  readonly #chance: Chance
  readonly #priorities: Readonly<Record<NodeId, number>>
  readonly #alone: NodeId | null
  #open = 0
  #isStopped = false

  constructor(cluster: SimulatedCluster, script: Pick<Script, "changes" | "priorities" | "till">) {
    this.#cluster = cluster
    this.#alone = script.till?.alone ?? null
    this.#priorities = script.priorities ?? {}
    this.#chance = cluster.world.chance.fork("operator")
    for (const change of script.changes) cluster.world.after(change.atMillis, () => this.#carryOut(change))
  }

  /** Nothing that it has asked for waits for an answer. */
  get isIdle(): boolean {
    return this.#open === 0
  }

  /** It asks for nothing more. */
  stop(): void {
    this.#isStopped = true
  }

  #carryOut(planned: PlannedChange): void {
    const { world } = this.#cluster
    if (this.#isStopped) return
    const voters = this.#votersAfter(planned)
    // Nobody can know at once that a node has lost something; to make it the one to vote would be the end.
    const { gone, stillDoubtful } = this.#cluster
    const lost = voters.filter((id) => gone.has(id) || stillDoubtful.includes(id))
    if (lost.length > 0 && lost.length * 2 >= voters.length) return
    // Where code fails on one node alone, that node is not to become a majority, and call it everybody's.
    if (this.#alone !== null && voters.length <= 2 && voters.includes(this.#alone)) return
    this.#cluster.askedFor.add(voters)
    this.#open++
    this.#cluster.tell(`an operator asks for ${JSON.stringify(planned)}`)
    for (const id of newcomersOf(planned)) this.#prepare(id)
    const until = world.nowMillis + PATIENCE_MILLIS
    const attempt = (): void => {
      if (this.#isStopped || world.nowMillis > until) return this.#close(voters)
      const { leader, nodes } = this.#cluster
      // Mostly it knows who leads.
      const asked = leader !== null && this.#chance.happens(0.8) ? leader : this.#chance.pick(nodes)
      this.#ask(asked, planned, (answer) => {
        if (answer === null || ("_tag" in answer && isWorthAnother(answer))) {
          world.after(this.#chance.between(1, RETRY_MILLIS), attempt)
        } else {
          this.#close(voters)
          this.#conclude(planned, answer)
        }
      })
    }
    attempt()
  }

  #close(voters: ReadonlyArray<NodeId>): void {
    this.#cluster.askedFor.delete(voters)
    this.#open--
  }

  /** A new array each time. */
  #votersAfter(planned: PlannedChange): ReadonlyArray<NodeId> {
    if (planned.type === "transfer") return []
    const aim = aimOf(this.#cluster.committedConfiguration, this.#changeOf(planned))
    return isRefusal(aim) ? [] : [...aim.voters]
  }

  #changeOf(planned: Exclude<PlannedChange, { readonly type: "transfer" }>): Change {
    switch (planned.type) {
      case "add":
        return { kind: "add", id: planned.node, address: this.#addressOf(planned.node), as: planned.as }
      case "remove":
      case "promote":
        return { kind: planned.type, id: planned.node }
      case "replace": {
        const { node, by } = planned
        return { kind: "replace", id: node, by, address: this.#addressOf(by) }
      }
      case "set": {
        const { voters, learners } = planned
        const addresses = Object.fromEntries([...voters, ...learners].map((id) => [id, this.#addressOf(id)]))
        return { kind: "set", voters, learners, addresses }
      }
    }
  }

  /** Of a node that has lost its data it says which directory is meant, as the node itself would. */
  #addressOf(id: NodeId): Address {
    const { returning } = this.#cluster
    const address = addressOf(id, this.#priorities[id])
    const { incarnation } = this.#cluster.node(id).disk.identity
    return returning.has(id) ? { ...address, incarnation } : address
  }

  /** Whoever takes a node in has started it, and told it who is there. */
  #prepare(id: NodeId): void {
    const { staysDown, returning } = this.#cluster
    const node = this.#cluster.node(id)
    if (staysDown.delete(id)) returning.add(id)
    else if (this.#isMember(id)) return
    if (node.isUp) node.kill()
    node.start()
  }

  #isMember(id: NodeId): boolean {
    return this.#cluster.configurationsInForce.some(({ addresses }) => addresses[id] !== undefined)
  }

  #ask(
    node: SimulatedNode,
    planned: PlannedChange,
    done: (answer: Changed | { readonly leader: NodeId } | Failure | null) => void,
  ): void {
    if (!node.isServing) return done(null)
    node.ask<Changed | { readonly leader: NodeId } | Failure>(
      (raft, answer) => {
        const deadline = raft.now() + ATTEMPT_MILLIS
        if (planned.type === "transfer") raft.transfer({ to: planned.to, deadline, answer })
        else
          node.perform(() => this.#change(node, raft, { change: this.#changeOf(planned), deadline, answer }))
      },
      2 * ATTEMPT_MILLIS,
      done,
    )
  }

  /** As the node's door does it: with what it knows of the groups. */
  readonly #change = Effect.fnUntraced(function* (
    this: Operator,
    { groups }: SimulatedNode,
    raft: Raft["Service"],
    { change, deadline, answer }: Pick<ChangeRequest, "change" | "deadline" | "answer">,
  ) {
    if (groups === null) return raft.change({ change, force: false, deadline, answer })
    yield* groups.look
    const { asOf, awaited, seated } = groups.directory()
    const [, ...others] = groups.all()
    const running = others
      .filter(({ raft }) => groups.seatingOf(raft.group) === null)
      .map(({ raft }) => ({ group: raft.group, ...raft.glance() }))
    const main = raft.glance().committed
    const obstacle = obstacleTo(change, { main, running, seated, awaited })
    if (obstacle !== null) return answer(failure(obstacle.code, "rejected", obstacle.detail))
    raft.change({ change, force: false, seen: asOf, deadline, answer })
  })

  #conclude(planned: PlannedChange, answer: Changed | { readonly leader: NodeId } | Failure): void {
    this.#cluster.tell(`the operator hears of ${JSON.stringify(planned)}: ${JSON.stringify(answer)}`)
    const { sightings } = this.#cluster
    if (!("_tag" in answer)) {
      const { returning, gone } = this.#cluster
      if (newcomersOf(planned).some((id) => returning.has(id) && !gone.has(id))) {
        sightings.see("wiped node back")
      }
      if (planned.type === "transfer") sightings.see("leadership handed over")
      else if ("isDone" in answer && !answer.isDone) sightings.see("newcomer lagged")
    } else if (answer.code === "transfer-failed") sightings.see("successor failed")
    else if (answer.code === "would-lose-quorum") sightings.see("change refused for want of live voters")
  }
}

/** What was asked for may not be known to have happened; to ask again does no harm. */
const isWorthAnother = ({ code }: Failure): boolean =>
  ["not-leader", "no-leader", "leadership-lost", "shutting-down", "change-in-progress", "timeout"].includes(
    code,
  )

const newcomersOf = (planned: PlannedChange): ReadonlyArray<NodeId> => {
  if (planned.type === "add") return [planned.node]
  if (planned.type === "replace") return [planned.by]
  return planned.type === "set" ? [...planned.voters, ...planned.learners] : []
}
