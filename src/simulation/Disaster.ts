// A majority is lost for good: an operator decrees who goes on. Who was given up comes back, and stays out until it is
// taken in anew, with an empty disk.

import { epochOf } from "../consensus/configuration.ts"
import { knownLeader } from "../consensus/node.ts"
import type { Address, NodeId } from "../consensus/types.ts"
import type { Changed, Failure } from "../raft/Raft.ts"
import type { Chance } from "./Chance.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import { addressOf } from "./members.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import type { Script } from "./script.ts"
import { insist } from "./Violation.ts"

type Plan = NonNullable<Script["disaster"]>

const RETRY_MILLIS = 50
const ATTEMPT_MILLIS = 1500
const QUIET_MILLIS_MAX = 3000
const DECREE_MILLIS_MAX = 20_000
const DOWN_MILLIS_MAX = 200

export class Disaster {
  readonly #cluster: SimulatedCluster
  readonly #plan: Plan
  readonly #chance: Chance
  #lost: ReadonlyArray<SimulatedNode> = []
  #survivors: ReadonlyArray<SimulatedNode> = []
  /** Lives on, and reaches nobody. */
  #cutOff: SimulatedNode | null = null

  constructor(cluster: SimulatedCluster, plan: Plan) {
    this.#cluster = cluster
    this.#plan = plan
    this.#chance = cluster.world.chance.fork("disaster")
  }

  /**
   * A majority is gone, at a moment in which everybody holds all that is committed: nothing that was promised is lost
   * with it. Gives back who is left; nobody: there is no majority that could be lost so.
   */
  strike(): ReadonlyArray<SimulatedNode> {
    const cluster = this.#cluster
    const { voters, outgoing, goal } = cluster.committedConfiguration
    const isWhole = outgoing.length === 0 && goal === undefined && voters.length > 1
    if (!isWhole || voters.some((id) => cluster.gone.has(id))) return []
    if (!cluster.runUntil(() => this.#isQuiet(voters), QUIET_MILLIS_MAX)) return []
    const count = Math.min(this.#plan.survivors, Math.floor(voters.length / 2))
    const left = this.#chance.some(voters, count)
    this.#survivors = left.map((id) => cluster.node(id))
    this.#lost = voters.filter((id) => !left.includes(id)).map((id) => cluster.node(id))
    const { leader } = cluster
    if (this.#plan.cutsOff && leader !== null && this.#lost.includes(leader)) this.#cutOff = leader
    cluster.tell(`lost for good: ${this.#lost.map(({ id }) => id)}, cut off ${this.#cutOff?.id ?? "nobody"}`)
    for (const node of this.#lost) {
      if (node === this.#cutOff) this.#isolate(node.id)
      else this.#end(node)
    }
    return this.#survivors
  }

  /** The operator asks until it is done; the first node that it asks may die in the middle. */
  decree(): void {
    const { invariants, sightings } = this.#cluster
    const asked = this.#chance.some(this.#survivors, this.#plan.rivals === true ? 2 : 1)
    const voters = this.#survivors.map(({ id }) => id)
    // Each of them refuses while it knows a leader, and one that is faster would be the other's.
    const isFree = ({ record }: SimulatedNode) => record !== null && knownLeader(record) === null
    if (asked.length > 1) this.#cluster.runUntil(() => asked.every(isFree), QUIET_MILLIS_MAX)
    for (const node of asked) {
      invariants.permitsDecree(node.id)
      this.#decreeAt(node, voters)
    }
    const [first] = asked
    let mayEnd = this.#plan.endsAfterMillis !== null
    const inTime = this.#cluster.runUntil(() => {
      if (mayEnd && isDecreed(first!)) {
        mayEnd = false
        this.#endSoon(first!, this.#plan.endsAfterMillis!)
      }
      if (asked.length > 1 && asked.every(isDecreed)) sightings.see("two decrees at once")
      return this.#isDone
    }, DECREE_MILLIS_MAX)
    insist("liveness", inTime, `by decree ${voters} go on`)
    sightings.see("went on by decree")
  }

  get #isDone(): boolean {
    return epochOf(this.#cluster.committedConfiguration) > 0
  }

  #decreeAt(node: SimulatedNode, voters: ReadonlyArray<NodeId>): void {
    const attempt = (): void => {
      if (this.#isDone) return
      node.ask<Changed | Failure>(
        (raft, answer) => raft.reset({ voters, deadline: raft.now() + ATTEMPT_MILLIS, answer }),
        2 * ATTEMPT_MILLIS,
        (answer) => {
          this.#cluster.tell(`of the decree at ${node.id} the operator hears ${JSON.stringify(answer)}`)
          this.#cluster.world.after(RETRY_MILLIS, attempt)
        },
      )
    }
    attempt()
  }

  #endSoon(node: SimulatedNode, afterMillis: number): void {
    const { world } = this.#cluster
    world.after(afterMillis, () => {
      if (!node.isUp) return
      node.crash()
      world.after(this.#chance.between(1, DOWN_MILLIS_MAX), () => node.start())
    })
  }

  /** One of those who were given up: alone it is no majority of anything. */
  giveBack(): SimulatedNode {
    const { network, staysDown, fenced } = this.#cluster
    const back = this.#cutOff ?? this.#chance.pick(this.#lost)
    fenced.add(back.id)
    this.#cluster.tell(`${back.id} is back`)
    network.healAll()
    staysDown.delete(back.id)
    back.start()
    return back
  }

  /** All who were given up, with empty disks. */
  takeIn(): void {
    const { fenced, returning, staysDown } = this.#cluster
    for (const node of this.#lost) {
      this.#end(node)
      node.disk.wipe(this.#cluster.newIdentity(node.id))
      node.joins()
      fenced.delete(node.id)
      staysDown.delete(node.id)
      returning.add(node.id)
      node.start()
    }
    for (const { id, disk } of this.#lost)
      this.#add(id, { ...addressOf(id), incarnation: disk.identity.incarnation })
    this.#cluster.sightings.see("given up and taken in anew")
  }

  #add(id: NodeId, address: Address): void {
    const isIn = () => !this.#cluster.gone.has(id) && this.#cluster.committedConfiguration.voters.includes(id)
    const attempt = (): void => {
      const { leader, world } = this.#cluster
      const again = () => world.after(RETRY_MILLIS, attempt)
      if (isIn()) return
      if (leader === null) return void again()
      leader.ask<Changed | Failure>(
        (raft, answer) =>
          raft.change({
            change: { kind: "add", id, address, as: "voter" },
            force: false,
            deadline: raft.now() + ATTEMPT_MILLIS,
            answer,
          }),
        2 * ATTEMPT_MILLIS,
        again,
      )
    }
    attempt()
    const inTime = this.#cluster.runUntil(isIn, DECREE_MILLIS_MAX)
    insist("liveness", inTime, `${id} is taken in anew`)
  }

  /** Everybody's disk holds the same, and all of it is committed. */
  #isQuiet(voters: ReadonlyArray<NodeId>): boolean {
    const { committedIndex } = this.#cluster.invariants
    return voters.every((id) => {
      const { record, disk } = this.#cluster.node(id)
      const isHeld = record?.log.lastIndex === committedIndex && record.log.persistedIndex === committedIndex
      return isHeld && record.standing === "whole" && disk.synced("main")?.lastIndex === committedIndex
    })
  }

  #isolate(id: NodeId): void {
    const { network, nodes } = this.#cluster
    for (const other of nodes) {
      if (other.id === id) continue
      network.cut(id, other.id)
      network.cut(other.id, id)
    }
  }

  #end(node: SimulatedNode): void {
    this.#cluster.staysDown.add(node.id)
    if (node.isUp) node.crash()
  }
}

/** It is about to lead by an operator's word. */
const isDecreed = ({ record }: SimulatedNode): boolean =>
  record?.role.kind === "candidate" && record.role.decree !== null
