// What if the machine cannot get past an entry, because the code that it runs fails each time? A replica alone waits for
// the others, who may have got past it. When all voters are stuck there, or a majority is and the others stay silent for
// long, the leader voids it by an entry (HAZARDS D5).

import { knownLeader } from "../consensus/node.ts"
import { quorumVote } from "../consensus/quorum.ts"
import type { Configuration, Entry, Index, Millis, NodeId } from "../consensus/types.ts"
import { isGuilt } from "../machine/fault.ts"
import type { Stuck } from "../machine/MachineHost.ts"
import { voidingFor } from "../machine/system/voiding.ts"
import { gotPast, type StateReport } from "../transport/Transport.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Hands } from "./Hands.ts"
import type { Applied } from "./reach.ts"

/** What a member has said of how far it is. */
interface Word {
  readonly appliedIndex: Index
  readonly stuckAt: Index
  readonly heardAt: Millis
}

export class Stuckness {
  readonly #group: Group
  readonly #applied: Readonly<Applied>
  readonly #today: () => Hands
  #current: { readonly stuck: Stuck; readonly entry: Entry; attempts: number } | null = null
  readonly #words = new Map<NodeId, Word>()
  /** The entry that this leader has proposed to void, as long as that proposal is under way. */
  #voiding: Index = 0
  /** Since when a majority has stood there, as far as this leader knows. */
  #agreedSince: { readonly index: Index; readonly at: Millis } | null = null
  #handedOverAt: Millis = Number.NEGATIVE_INFINITY
  #lookedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(group: Group, applied: Readonly<Applied>, today: () => Hands) {
    this.#group = group
    this.#applied = applied
    this.#today = today
  }

  /** The entry at which the machine stands because of what its code does; 0: at none. */
  get index(): Index {
    const stuck = this.#current?.stuck
    return stuck !== undefined && isGuilt(stuck.fault) ? stuck.index : 0
  }

  get stuck(): Stuck | null {
    return this.#current?.stuck ?? null
  }

  /** The machine has tried, and failed, once more. */
  noted(stuck: Stuck, entry: Entry): void {
    if (this.#current?.stuck.index === stuck.index) {
      this.#current.attempts++
      return
    }
    this.#current = { stuck, entry, attempts: 1 }
    const { index, actor, key, fault } = stuck
    const details = { index, actor, key, fault: fault.kind, detail: fault.detail }
    this.#group.observer.event("the machine cannot get past an entry", details, "warn")
  }

  passed(): void {
    this.#current = null
  }

  onReport(from: NodeId, { appliedIndex, stuckAt }: StateReport): void {
    const { clock, node, transport } = this.#group
    if (node.role.kind !== "leader") return
    this.#words.set(from, { appliedIndex, stuckAt, heardAt: nowOf(clock) })
    // Here it ran: the state of now is worth more to that member than another try.
    // Also where this node is stuck further on: nobody could say so together with a member that does not come there.
    if (stuckAt > 0 && this.#applied.index >= stuckAt) {
      transport.send(from, node.group, { type: "StateParted", index: stuckAt, hash: gotPast })
    }
  }

  /** The leader got past where this node stands: true when it has tried often enough, and should take its state. */
  isPassedBy(index: Index): boolean {
    return this.#current?.stuck.index === index && this.#current.attempts >= attemptsMax
  }

  /** Now and then, while it stands: what a leader does about it. */
  sweep(now: Millis): void {
    const { node } = this.#group
    if (node.role.kind !== "leader") this.#words.clear()
    if (this.#current === null || now - this.#lookedAt < lookMillis) return
    this.#lookedAt = now
    if (node.role.kind === "leader" && knownLeader(node) === node.id) this.#decide(this.#current.stuck, now)
  }

  #decide(stuck: Stuck, now: Millis): void {
    const { node } = this.#group
    const { current } = node.configurations
    // Who got past it by that has seen it first.
    if (this.#voiding === stuck.index) return
    const fresh = (id: NodeId) => {
      const word = this.#words.get(id)
      return word !== undefined && now - word.heardAt <= freshMillis ? word : undefined
    }
    const further = votersOf(current).find((id) => (fresh(id)?.appliedIndex ?? 0) >= stuck.index)
    if (further !== undefined) return this.#handOver(further, now)
    const { fault } = stuck
    // What this node could not run, others may: it is not voided by anybody's word.
    if (!isGuilt(fault)) return
    if (!this.#mayVoid(stuck, (id) => fresh(id)?.stuckAt ?? 0, now)) return
    this.#voiding = stuck.index
    const settled = () => {
      this.#voiding = 0
    }
    this.#today().proposals.addOwn([voidingFor(stuck, fault, this.#current!.entry, node.id)], settled)
  }

  /** Who is missing may have got past it, and answered: it gets the time in which a process comes back. */
  #mayVoid({ index }: Stuck, stuckAt: (id: NodeId) => Index, now: Millis): boolean {
    const { id: self, configurations } = this.#group.node
    const isThere = (id: NodeId) => id === self || stuckAt(id) === index
    if (votersOf(configurations.current).every(isThere)) return true
    if (quorumVote(configurations.current, isThere) !== "won") this.#agreedSince = null
    else if (this.#agreedSince?.index !== index) this.#agreedSince = { index, at: now }
    return this.#agreedSince !== null && now - this.#agreedSince.at >= absentMillis
  }

  /** Whoever got past it is the better leader. */
  #handOver(to: NodeId, now: Millis): void {
    const { electionTimeoutMaxMillis } = this.#group.options.limits
    if (now - this.#handedOverAt < 4 * electionTimeoutMaxMillis) return
    this.#handedOverAt = now
    this.#today().operations.transfer(
      { to, deadline: now + 2 * electionTimeoutMaxMillis, answer: () => {} },
      true,
    )
  }
}

const votersOf = ({ voters, outgoing }: Configuration): ReadonlyArray<NodeId> => [...voters, ...outgoing]

/** Of the whole way, each in a new place and with patience, before a state is taken from somebody else. */
const attemptsMax = 3
const lookMillis = 100
/** Older words are not counted: who has restarted may get past it now. */
const freshMillis = 2_000
/** How long the others wait for the word of a voter that says nothing, or is not there yet. */
const absentMillis = 10_000
