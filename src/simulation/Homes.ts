// Which group does a node ask for a key that may have gone to another one? As a door does: whatever the node's `main` says.

import type { NodeId } from "../consensus/types.ts"
import type { LoggedCommand } from "../machine/command.ts"
import type { Outcome } from "../machine/outcome.ts"
import { shardAt, slotOf } from "../machine/slots.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import type { Execution } from "./Executions.ts"
import { isRoaming, type PlannedSplit, roamingName } from "./roaming.ts"

import type { SimulatedGroup } from "./SimulatedGroup.ts"

type Command = Pick<LoggedCommand, "actor" | "key" | "idempotencyKey">

/** Of the clients of the group that keys go away from. */
export class Homes {
  readonly from: SimulatedGroup
  readonly to: SimulatedGroup
  readonly actors: ReadonlyArray<string>
  readonly #cluster: SimulatedCluster
  /** What is asked from now on is asked to see whether it holds. */
  isOver = false

  constructor(cluster: SimulatedCluster, { from, to, actors }: PlannedSplit) {
    this.#cluster = cluster
    this.from = cluster.group(from)
    this.to = cluster.group(to)
    this.actors = actors.map(roamingName)
    this.to.executions.continues(this.from.executions, this.actors)
  }

  /** By the name that it has where it roams, if it does. */
  nameOf(kind: string): string {
    return this.actors.find((name) => name === `roaming-${kind}`) ?? kind
  }

  /** As far as that node knows. Before anybody has settled it clients know where it is. */
  at(id: NodeId, actor: string, key: string): SimulatedGroup {
    const placement = this.actors.includes(actor) ? this.#cluster.node(id).groups?.placementOf(actor) : null
    return placement == null ? this.from : this.#cluster.group(shardAt(placement, slotOf(key))!.group)
  }

  /** By what the leader of `main` knows. */
  isAtLast(actor: string, key: string): SimulatedGroup {
    const { leader } = this.#cluster
    return leader === null ? this.from : this.at(leader.id, actor, key)
  }

  /** The key has come there from another group. */
  hasMoved(id: NodeId, actor: string, key: string): boolean {
    const { moved = [] } = this.#cluster.node(id).groups?.placeOf(actor) ?? {}
    return shardAt(moved, slotOf(key)) !== undefined
  }

  /** A client was told so by that group. */
  answered(by: unknown, { actor, key, idempotencyKey }: Command, { replayed }: Outcome): void {
    const { executions, sightings } = this.to
    if (this.isOver || by !== this.to || !replayed) return
    if (executions.hasTakenOver(`${actor}/${key}`, idempotencyKey)) {
      sightings.see("retry answered by another group")
    }
  }

  /** In whichever of the two groups it was executed. */
  find(instance: string, idempotencyKey: string): Execution | undefined {
    const here = this.from.executions.find(instance, idempotencyKey)
    return here ?? (isRoaming(instance) ? this.to.executions.find(instance, idempotencyKey) : undefined)
  }
}
