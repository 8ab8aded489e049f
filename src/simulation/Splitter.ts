// Who splits shards in a simulated cluster? Somebody who asks node after node until `main` has it in its log; what follows is
// the doing of the nodes. And what must have become of it in the end?

import type { Outcome } from "../machine/outcome.ts"
import { everySlot, type SlotRange, shardAt, slotOf, upperHalf, wholeIn, without } from "../machine/slots.ts"
import { encodeSystem, type SystemInput, type SystemName } from "../machine/system/commands.ts"
import type { Place } from "../machine/system/Whereabouts.ts"
import type { Failure } from "../raft/Raft.ts"
import { askSeat } from "./askSeat.ts"
import type { Chance } from "./Chance.ts"
import type { Clients } from "./Clients.ts"
import type { SimulatedCluster } from "./Cluster.ts"
import type { Founder } from "./Founder.ts"
import type { Homes } from "./Homes.ts"
import type { PlannedSplit } from "./roaming.ts"
import type { Seat } from "./Seat.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"
import { insist, Violation } from "./Violation.ts"

const ATTEMPT_MILLIS = 1000
const RETRY_MILLIS = 200
/** A driver looks ten times a second, and waits for an answer that was lost for five seconds; groups may have to follow `main`. */
const OVER_MILLIS_MAX = 30_000
const REPEATS_MILLIS_MAX = 10_000

const upper = upperHalf([everySlot])

type Ranges = ReadonlyArray<SlotRange>

export class Splitter {
  readonly homes: Homes
  readonly #cluster: SimulatedCluster
  readonly #founder: Founder
  readonly #chance: Chance
  readonly #settled = new Set<string>()
  readonly #begun = new Set<string>()
  #isStopped = false

  constructor(cluster: SimulatedCluster, founder: Founder, homes: Homes, split: PlannedSplit) {
    this.#cluster = cluster
    this.#founder = founder
    this.homes = homes
    this.#chance = cluster.world.chance.fork("splitter")
    for (const actor of homes.actors) {
      this.#until(this.#settled, actor, split.from, () => {
        this.#ask("$place/settle", actor, { placement: wholeIn(split.from), by: "simulation" }, this.#settled)
      })
      cluster.world.after(split.atMillis, () => {
        this.#until(this.#begun, actor, split.to, () => {
          if (!this.#settled.has(actor)) return
          const { from, to } = split
          this.#ask("$place/split", actor, { from, to, slots: upper, by: "simulation" }, this.#begun)
        })
      })
    }
  }

  /** All that was asked for is in the log of `main`. */
  get isIdle(): boolean {
    return this.homes.actors.every((actor) => this.#begun.has(actor))
  }

  stop(): void {
    this.#isStopped = true
  }

  /** By what the leader of `main` knows: who asked may not have heard of it. */
  #isBegun(actor: string): boolean {
    const place = this.#placeOf(actor)
    return place?.move !== undefined || (place?.placement.length ?? 0) > 1
  }

  #placeOf(actor: string): Place | null {
    return this.#cluster.leader?.groups?.placeOf(actor) ?? null
  }

  /** Every move that was begun is over, whoever drove it (G6). */
  comesToItsEnd(): void {
    // Who was told that one has begun knows it, and who was not may be in time.
    const isOver = (): boolean =>
      this.#cluster.leader?.groups != null &&
      this.homes.actors.every((actor) =>
        this.#begun.has(actor) || this.#isBegun(actor) ? isDone(this.#placeOf(actor)) : true,
      )
    const inTime = this.#cluster.runUntil(isOver, OVER_MILLIS_MAX)
    const standing = this.homes.actors.map((actor) => this.#placeOf(actor))
    insist("liveness", inTime, `keys have moved within ${OVER_MILLIS_MAX} ms`, JSON.stringify(standing))
  }

  /** Each slot is one group's, and what belongs to it is there alone; who asks again is told what it was told before (G6, G7). */
  looksAtBoth(clients: Clients): void {
    const { from, to } = this.homes
    if (!this.#founder.hasFounded(from.name)) return
    this.comesToItsEnd()
    for (const actor of this.homes.actors) {
      const isMoved = this.#isBegun(actor)
      const [given, taken] = [from, to].map((group) => this.#rangesIn(group, actor)) as [Ranges, Ranges]
      const expected = isMoved ? [without([everySlot], upper), upper] : [[everySlot], []]
      insist(
        "owned once",
        JSON.stringify([given, taken]) === JSON.stringify(expected),
        `slots of ${actor} in ${from.name} and in ${to.name} (G6)`,
        JSON.stringify([given, taken]),
        JSON.stringify(expected),
      )
      if (isMoved) this.#instancesOf(actor)
    }
    this.#repeats(clients)
  }

  /** What each of them shows is of its own slots. */
  #instancesOf(actor: string): void {
    const { from, to } = this.homes
    const isUpper = (key: string) => shardAt(upper, slotOf(key)) !== undefined
    for (const group of [from, to]) {
      const keys = this.#keysIn(group, actor)
      const strangers = keys.filter((key) => isUpper(key) !== (group === to))
      insist("owned once", strangers.length === 0, `what ${group.name} has of ${actor} (G6)`, strangers)
    }
  }

  #keysIn(group: SimulatedGroup, actor: string): ReadonlyArray<string> {
    const seat = seatOf(group)
    const list = { type: "list", actor, prefix: "", after: "", limit: 1000 } as const
    const [answer] = askSeat(this.#cluster, seat, seat.machine!.query([list]))
    if (answer?._tag !== "Answered") throw new Violation("owned once", `${group.name} lists ${actor}`)
    const { instances } = JSON.parse(answer.body) as {
      readonly instances: ReadonlyArray<{ readonly key: string }>
    }
    return instances.map(({ key }) => key)
  }

  #rangesIn(group: SimulatedGroup, actor: string): Ranges {
    if (!this.#founder.hasFounded(group.name)) return []
    const seat = seatOf(group)
    const shard = askSeat(this.#cluster, seat, seat.machine!.shard(actor))
    insist(
      "owned once",
      shard?.underWay === undefined,
      `${group.name} is done with ${actor}`,
      shard?.underWay,
    )
    return (shard?.ranges ?? []).map(({ from, to }) => ({ from, to }))
  }

  #repeats(clients: Clients): void {
    let told = 0
    this.homes.isOver = true
    const { leader } = this.#cluster
    if (leader === null) throw new Violation("liveness", "a leader at the end")
    const asked = clients.askAgain(leader.id, ({ wish, outcome }, again) => {
      told++
      const isSame = again._tag === "Accepted" && again.replayed
      this.#cluster.watch(() =>
        insist(
          "answer is its own",
          isSame && again.index === outcome.index && again.result === outcome.result,
          `${wish.actor}/${wish.key}: ${wish.idempotencyKey} once more (G7)`,
          JSON.stringify(again),
          JSON.stringify(outcome),
        ),
      )
    })
    const inTime = this.#cluster.runUntil(() => told === asked, REPEATS_MILLIS_MAX)
    insist("liveness", inTime, "who asks once more is answered", told, asked)
  }

  /** Again and again, once the group is there. */
  #until(done: ReadonlySet<string>, actor: string, group: string, ask: () => void): void {
    if (this.#isStopped || done.has(actor)) return
    if (this.#founder.hasFounded(group)) ask()
    this.#cluster.world.after(this.#chance.between(1, RETRY_MILLIS), () =>
      this.#until(done, actor, group, ask),
    )
  }

  /** Whoever is asked, and however often: under one name, so that it is done once. */
  #ask<Name extends SystemName>(name: Name, key: string, input: SystemInput<Name>, done: Set<string>): void {
    const { id, raft, process } = this.#chance.pick(this.#cluster.nodes)
    if (raft === null || process === null) return
    const answer = (given: Outcome | Failure): void => {
      if (given._tag === "Refused")
        this.#cluster.watch(() => insist("split", false, `${name} of ${key}`, given))
      if (given._tag !== "Accepted" || done.has(key)) return
      done.add(key)
      this.#cluster.tell(`${name} of ${key}: ${given.result}`)
    }
    const command = encodeSystem(name, { key, input, id: `${name} ${key}`, door: id })
    process.post(() =>
      raft.propose([{ command, deadline: raft.now() + ATTEMPT_MILLIS, forward: true, answer }]),
    )
  }
}

/** Another group has all that it was to have. */
const isDone = (place: Place | null): boolean =>
  place !== null && place.move === undefined && place.refused === undefined && place.placement.length > 1

const seatOf = (group: SimulatedGroup): Seat => {
  const { leader } = group
  if (leader?.machine == null) throw new Violation("liveness", `a leader of ${group.name} at the end`)
  return leader
}
