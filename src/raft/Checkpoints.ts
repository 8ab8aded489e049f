// Are all states the same? Replicas tell the leader what theirs had come to at a checkpoint; it compares, and tells those
// who differ from what a majority has.

import { members } from "../consensus/configuration.ts"
import { knownLeader, type Role } from "../consensus/node.ts"
import { type Agreement, quorumAgreement } from "../consensus/quorum.ts"
import type { Index, Millis, NodeId } from "../consensus/types.ts"
import { type Checkpoint, checkpointsMax } from "../machine/system/checkpoint.ts"
import { gotPast, type StateParted, type StateReport } from "../transport/Transport.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Applied } from "./reach.ts"
import type { Stuckness } from "./Stuckness.ts"

/** What a leader has heard about one checkpoint. */
interface Page {
  readonly said: Map<NodeId, string>
  agreement: Agreement
}

export class Checkpoints {
  readonly #group: Group
  readonly #applied: Readonly<Applied>
  readonly #stuckness: Stuckness
  /** This node's own, oldest first. */
  #noted: ReadonlyArray<Checkpoint> = []
  /**
   * When the newest of them was passed; before the first: when this began. A group that rests has it behind it before:
   * it is not to stay awake for its first checkpoint alone.
   */
  notedAt: Millis
  #reportedAt: Millis = Number.NEGATIVE_INFINITY
  /** As of the last turn. */
  #role: Role | null = null
  #leader: NodeId | null = null
  /** Filled while this node leads; the newest ones. */
  readonly #pages = new Map<Index, Page>()

  constructor(group: Group, applied: Readonly<Applied>, stuckness: Stuckness) {
    this.#group = group
    this.#applied = applied
    this.#stuckness = stuckness
    this.notedAt = group.options.rests ? Number.NEGATIVE_INFINITY : nowOf(group.clock)
  }

  /** Null: none since the state was opened. */
  get newest(): Checkpoint | null {
    return this.#noted.at(-1) ?? null
  }

  /** The voter that is furthest of those who have what a majority has at that checkpoint; null: none is known. */
  bestAgreeing(index: Index): NodeId | null {
    const { node } = this.#group
    const { agreement, said } = this.#pages.get(index) ?? {}
    if (agreement?.type !== "agreed" || node.role.kind !== "leader") return null
    const { progress } = node.role
    const matchOf = (id: NodeId) => progress.get(id)?.match ?? 0
    const agreeing = node.configurations.current.voters.filter((id) => said?.get(id) === agreement.value)
    return agreeing.sort((left, right) => matchOf(right) - matchOf(left))[0] ?? null
  }

  /** Leads: nothing was applied behind the newest checkpoint, and a majority has said what its state was there. */
  get isSettled(): boolean {
    const { node } = this.#group
    if (node.role.kind !== "leader") return true
    const newest = this.newest?.index ?? 0
    return newest === node.appliedIndex && this.#pages.get(newest)?.agreement.type === "agreed"
  }

  /** Leads, and too few have said what theirs was at the newest: who took over a state from behind it never does. */
  get isUnheard(): boolean {
    const newest = this.newest?.index ?? 0
    return newest > 0 && this.#pages.get(newest)?.agreement.type === "pending"
  }

  /** The machine has come past a checkpoint, or several. */
  noted(notes: ReadonlyArray<Checkpoint>): void {
    const last = this.newest?.index ?? 0
    this.#noted = notes
    this.notedAt = nowOf(this.#group.clock)
    for (const note of notes) if (note.index > last) this.#report(note)
  }

  /** Another state took the place of the one that was spoken of. */
  installed(): void {
    this.#noted = []
  }

  /** After every turn: whoever leads now has heard nothing yet. */
  look(): void {
    const { role } = this.#group.node
    const leader = knownLeader(this.#group.node)
    if (role === this.#role && leader === this.#leader) return
    const isElected = role !== this.#role && role.kind === "leader"
    this.#role = role
    this.#leader = leader
    if (role.kind !== "leader") this.#pages.clear()
    // A leader's own word counts for each of them; of the others' the next report tells.
    for (const note of isElected ? this.#noted : this.#noted.slice(-1)) this.#report(note)
  }

  /** Now and then: a report or its answer may have been lost, and a leader that is stuck wants to know who is not. */
  sweep(now: Millis): void {
    const millis = this.#stuckness.index > 0 ? STUCK_REPORT_MILLIS : this.#group.options.reportMillis
    if (now - this.#reportedAt >= millis) this.tell()
  }

  /** How far this node is, as of now. */
  tell(): void {
    this.#report(this.newest ?? NONE)
  }

  onReport(from: NodeId, report: StateReport): void {
    const { node } = this.#group
    const { index, hash } = report
    this.#stuckness.onReport(from, report)
    const isMember = members(node.configurations.current).includes(from)
    if (node.role.kind === "leader" && isMember && index > 0) this.#hear(from, { index, hash })
  }

  onParted(from: NodeId, { index, hash }: StateParted): void {
    if (from !== knownLeader(this.#group.node)) return
    if (hash !== gotPast) return this.#heed({ index, hash })
    // The leader got past where this node stands, time and again: what is there is worth more than another try.
    const { stuck } = this.#stuckness
    if (!this.#stuckness.isPassedBy(index) || stuck === null) return
    const { kind, detail } = stuck.fault
    this.#group.partings.part(this.#group, { reason: "stuck", index, details: { fault: kind, detail } })
  }

  #report({ index, hash }: Checkpoint): void {
    const { clock, node, transport } = this.#group
    const leader = knownLeader(node)
    if (leader === null) return
    this.#reportedAt = nowOf(clock)
    if (leader === node.id) return index === 0 ? undefined : this.#hear(leader, { index, hash })
    const [appliedIndex, stuckAt] = [this.#applied.index, this.#stuckness.index]
    transport.send(leader, node.group, { type: "StateReport", index, hash, appliedIndex, stuckAt })
  }

  /** Only a majority's word makes a difference: one replica against another proves nothing. */
  #hear(from: NodeId, { index, hash }: Checkpoint): void {
    const page = this.#page(index)
    page.said.set(from, hash)
    const before = page.agreement
    if (before.type === "agreed") return this.#answer(from, index, before.value)
    page.agreement = quorumAgreement(this.#group.node.configurations.current, (id) => page.said.get(id))
    if (page.agreement.type === "agreed") {
      for (const id of page.said.keys()) this.#answer(id, index, page.agreement.value)
    } else if (page.agreement.type === "split" && before.type !== "split") this.#noteSplit(index, page)
  }

  #answer(to: NodeId, index: Index, agreed: string): void {
    const { node, transport } = this.#group
    if (this.#pages.get(index)?.said.get(to) === agreed) return
    if (to === node.id) this.#heed({ index, hash: agreed })
    else transport.send(to, node.group, { type: "StateParted", index, hash: agreed })
  }

  /** Nobody can tell who is right: an operator has to look. */
  #noteSplit(index: Index, { said }: Page): void {
    this.#group.partings.splits++
    this.#group.observer.event(
      "NO MAJORITY AGREES on the state at a checkpoint: nobody is given up",
      { index, ...Object.fromEntries(said) },
      "warn",
    )
  }

  /** Against this node's own note alone: what was said of a state that it no longer has is nothing to it. */
  #heed({ index, hash: agreed }: Checkpoint): void {
    // Another state is about to take its place.
    if (this.#group.node.pendingInstall !== null) return
    const own = this.#noted.find((note) => note.index === index)
    if (own === undefined || own.hash === agreed) return
    const details = { own: own.hash, agreed }
    this.#group.partings.part(this.#group, { reason: "differs", index, details })
  }

  #page(index: Index): Page {
    const known = this.#pages.get(index)
    if (known !== undefined) return known
    const page: Page = { said: new Map(), agreement: { type: "pending" } }
    this.#pages.set(index, page)
    if (this.#pages.size > checkpointsMax) this.#pages.delete(Math.min(...this.#pages.keys()))
    return page
  }
}

/** Before the first checkpoint. */
const NONE: Checkpoint = { index: 0, hash: "" }
const STUCK_REPORT_MILLIS = 250
