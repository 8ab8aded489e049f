// Who opens groups in a simulated cluster? Somebody who asks node after node until each is there, with its actors.

import { Effect } from "effect"
import type { Configuration, GroupId } from "../consensus/types.ts"
import { foundingNow } from "../groups/hearing.ts"
import type { Outcome } from "../machine/outcome.ts"
import { seatsOf } from "../machine/seats.ts"
import { everySlot } from "../machine/slots.ts"
import { encodeSystem, type SystemInput } from "../machine/system/commands.ts"
import type { Failure } from "../raft/Raft.ts"
import type { Chance } from "./Chance.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import type { PlannedGroup } from "./script.ts"

/** As a door chooses them. */
const seatsIn = (
  { voters, addresses }: Configuration,
  seating: PlannedGroup["seating"],
): Pick<SystemInput<"$group/open">, "seating"> => {
  if (seating === undefined) return {}
  const candidates = voters.map((id) => ({ id, priority: addresses[id]?.priority }))
  return { seating: { ...seating, seats: seatsOf(seating.like, seating.replicas, candidates) } }
}

const ATTEMPT_MILLIS = 1000
const RETRY_MILLIS = 200

export class Founder {
  readonly #cluster: SimulatedCluster
  readonly #chance: Chance
  readonly #actorsOf: (group: GroupId) => ReadonlyArray<string>
  readonly #founded = new Set<GroupId>()
  readonly #planned: ReadonlyArray<PlannedGroup>
  #attempts = 0
  #isStopped = false

  constructor(
    cluster: SimulatedCluster,
    groups: ReadonlyArray<PlannedGroup>,
    actorsOf: (group: GroupId) => ReadonlyArray<string>,
  ) {
    this.#cluster = cluster
    this.#actorsOf = actorsOf
    this.#planned = groups
    this.#chance = cluster.world.chance.fork("founder")
    for (const { name, atMillis } of groups) cluster.world.after(atMillis, () => this.#open(name))
  }

  /** All are there. */
  get isIdle(): boolean {
    return this.#planned.every(({ name }) => this.#founded.has(name))
  }

  /** It is there, and has its actors. */
  hasFounded(group: GroupId): boolean {
    return this.#founded.has(group)
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Any node opens it, with whom it believes to be there. */
  #open(name: GroupId): void {
    if (this.#isStopped) return
    const { leader, nodes, world } = this.#cluster
    if (this.#cluster.group(name).founding !== null) return this.#furnish(name)
    const node = leader !== null && this.#chance.happens(0.7) ? leader : this.#chance.pick(nodes)
    this.#ask(node, name)
    world.after(this.#chance.between(1, RETRY_MILLIS), () => this.#open(name))
  }

  #ask(node: SimulatedNode, name: GroupId): void {
    const { id, incarnations: seen, disk } = node
    if (seen === null) return
    node.perform((raft) =>
      Effect.gen({ self: this }, function* () {
        const known = yield* Effect.orElseSucceed(seen, () => new Map<string, string>())
        const deadline = raft.now() + ATTEMPT_MILLIS
        const incarnations = new Map([...known, [id, disk.identity.incarnation]])
        const configuration = yield* foundingNow(raft, incarnations, deadline)
        if (typeof configuration === "string" || this.#isStopped) return
        const { seating } = this.#planned.find((each) => each.name === name)!
        const command = encodeSystem("$group/open", {
          key: name,
          input: { configuration, ...seatsIn(configuration, seating) },
          id: `open ${name} ${this.#attempts++}`,
          door: id,
        })
        this.#cluster.tell(`${id} opens ${name} with ${configuration.voters}`)
        raft.propose([{ command, deadline, forward: true, answer: (given) => this.#hears(given) }])
      }),
    )
  }

  #hears(given: Outcome | Failure): void {
    if (given._tag === "Failure" && given.code === "change-in-progress") {
      this.#cluster.sightings.see("group refused for other members")
    }
  }

  /** All keys of its actors are its own. */
  #furnish(name: GroupId): void {
    if (this.#isStopped) return
    const { world } = this.#cluster
    const { leader } = this.#cluster.group(name)
    const again = () => void world.after(this.#chance.between(1, RETRY_MILLIS), () => this.#furnish(name))
    const { process, raft, id } = leader ?? {}
    if (process == null || raft == null || id === undefined) return again()
    const actors = this.#actorsOf(name)
    let missing = actors.length
    let isOver = false
    const answer = (given: Outcome | Failure): void => {
      if (given._tag === "Accepted") missing--
      if (missing > 0 || isOver) return
      isOver = true
      this.#founded.add(name)
      this.#cluster.sightings.see("group opened")
      this.#cluster.tell(`${name} is there`)
    }
    process.post(() =>
      raft.propose(
        actors.map((actor) => ({
          command: encodeSystem("$shard/own", {
            key: actor,
            input: { ranges: [everySlot] },
            id: `own ${this.#attempts++}`,
            door: id,
          }),
          deadline: raft.now() + ATTEMPT_MILLIS,
          forward: true,
          answer,
        })),
      ),
    )
    world.after(ATTEMPT_MILLIS + RETRY_MILLIS, () => {
      if (isOver) return
      isOver = true
      this.#furnish(name)
    })
  }
}
