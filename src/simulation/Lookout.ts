// Has this ever been seen? Looks at all that nodes do and say, for the situations that a hunt must have met.

import { isJoint, isVoter } from "../consensus/configuration.ts"
import type { AppendReply, Message } from "../consensus/message.ts"
import type { Node, Role, Turn } from "../consensus/node.ts"
import { isResting } from "../consensus/quiet.ts"
import type { Entry, GroupId, Index, NodeId, Standing, Term } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Payload } from "../transport/Transport.ts"
import type { Sightings } from "./markers.ts"
import type { Seat } from "./Seat.ts"

/** What was last seen of a node. */
interface Glance {
  readonly role: Role
  readonly term: Term
  readonly commit: Index
  readonly standing: Standing
  readonly configuration: { readonly index: Index; readonly isJoint: boolean; readonly term: Term }
  readonly isShort: boolean
  /** Its log rests on a snapshot that its state has not taken over yet. */
  readonly isInstalling: boolean
}

export class Lookout {
  readonly #sightings: Sightings
  readonly #nodeOf: (id: NodeId) => Seat
  readonly #glances = new Map<NodeId, Glance>()
  readonly #candidates = new Map<Term, NodeId>()
  /** The term that a node knew when it started. */
  /** Of each group and node. */
  readonly #startTerms = new Map<string, Term>()
  /** Who sends a snapshot to whom at the moment. */
  readonly #senders = new Map<NodeId, NodeId>()
  /** Receivers that were just asked how much of a snapshot they have. */
  readonly #asked = new Set<NodeId>()
  readonly #questions = new Map<NodeId, number>()
  /** The term in which each timer was set, by the index of the entry that set it. */
  readonly #armed = new Map<string, Term>()
  #lastLeader: NodeId | null = null

  constructor(sightings: Sightings, nodeOf: (id: NodeId) => Seat) {
    this.#sightings = sightings
    this.#nodeOf = nodeOf
  }

  /** `seats`: of all groups. */
  started(node: Seat, seats: ReadonlyArray<Seat>): void {
    const { id } = node
    if (this.#glances.get(id)?.isInstalling === true) this.#sightings.see("crash in an install")
    this.#glances.delete(id)
    if (node.starts <= 1) return
    for (const { group, disk } of seats) {
      this.#startTerms.set(`${group} ${id}`, disk.synced(group)?.hardState.term ?? 0)
    }
  }

  gaveUp({ id }: Seat): void {
    this.#glances.delete(id)
    this.#sightings.see("state given up")
  }

  event(message: string, details: Readonly<Record<string, unknown>>): void {
    if (message.startsWith("the machine cannot get past")) this.#sightings.see("machine stuck")
    if (details["reason"] === "stuck") this.#sightings.see("stuck alone and repaired")
    if (message.startsWith("the log is damaged")) this.#sightings.see("log found damaged")
    if (message.startsWith("this node's state is repaired")) this.#sightings.see("state repaired")
    if (message.startsWith("giving a peer a state")) this.#sightings.see("state given to a peer")
  }

  turned(node: Node, turn: Turn): void {
    const { id, role, term, log } = node
    const before = this.#glances.get(id)
    if (before !== undefined) this.#changed(node, before)
    if (turn.write?.truncateFrom != null) this.#sightings.see("suffix replaced")
    if (turn.compacted !== null) this.#sightings.see("log cut")
    if (turn.dismissed.some(({ reason }) => reason === "lost")) this.#sightings.see("proposal lost")
    if (role.kind === "leader") {
      const { inFlightMessagesMax, inFlightBytesMax } = node.limits
      for (const progress of role.progress.values()) {
        if (progress.isWindowFull(inFlightMessagesMax, inFlightBytesMax)) this.#sightings.see("window full")
      }
    }
    if (isResting(node)) this.#sightings.see(role.kind === "leader" ? "leader at rest" : "follower at rest")
    const { pendingInstall } = node
    const isInstalling = pendingInstall !== null && log.persistedIndex >= pendingInstall.index
    const { current, currentIndex } = node.configurations
    const configuration = {
      index: currentIndex,
      isJoint: isJoint(current),
      term: log.termAt(currentIndex) ?? 0,
    }
    if (before !== undefined) this.#configured(node, turn, before)
    this.#glances.set(id, {
      role,
      term,
      commit: node.commitIndex,
      standing: node.standing,
      isShort: node.isShort,
      configuration,
      isInstalling,
    })
  }

  #configured({ role, term, configurations, id }: Node, turn: Turn, before: Glance): void {
    const { index, isJoint: wasJoint, term: by } = before.configuration
    const { current, currentIndex } = configurations
    if (turn.write?.truncateFrom != null && turn.write.truncateFrom <= index) {
      this.#sightings.see("configuration cut away")
    }
    const isLeft = wasJoint && currentIndex > index && !isJoint(current)
    if (role.kind === "leader" && isLeft && by !== term) this.#sightings.see("joint left by another")
    const hasStopped = before.role.kind === "leader" && role.kind === "follower"
    if (hasStopped && !isVoter(current, id)) this.#sightings.see("leader retired")
  }

  sent(from: NodeId, to: NodeId, message: Message): void {
    const see = this.#sightings.see.bind(this.#sightings)
    switch (message.type) {
      case "VoteReply":
        if (message.preVote && !message.granted) see("pre-vote refused")
        if (!message.preVote && message.granted) this.#lookAtVote(this.#nodeOf(from))
        return
      case "VoteRequest": {
        if (message.preVote) return
        const other = this.#candidates.get(message.term) ?? from
        if (other !== from) see("split vote")
        this.#candidates.set(message.term, from)
        return
      }
      case "AppendRequest": {
        const first = message.entries[0]
        const cachedFrom = this.#nodeOf(from).record?.log.cachedFrom ?? 0
        if (first !== undefined && first.index < cachedFrom) see("entries read from disk")
        return
      }
      case "SnapshotChunk":
        if (message.bytes.length === 0) {
          if (message.offset === 0) this.#asked.add(to)
          return
        }
        see("snapshot sent")
        if (this.#asked.delete(to) && message.offset > 0) see("snapshot resumed")
        return
      case "ReadIndexRequest":
        if (this.#questions.get(from) === message.id) see("read index asked again")
        this.#questions.set(from, message.id)
        return
      case "ReadIndexReply":
        if (message.index > 0) see("read at a follower")
        return
      default:
        return
    }
  }

  /** In whichever group. */
  asked(group: GroupId, to: NodeId, payload: Payload): void {
    const isVote = payload.type === "VoteRequest" && !payload.preVote
    if (isVote && payload.term === this.#startTerms.get(`${group} ${to}`)) {
      this.#sightings.see("asked after a restart")
    }
  }

  forwarded(payload: Payload): void {
    if (payload.type === "ForwardRequest") this.#sightings.see("proposal forwarded")
    if (payload.type === "QueryReply") this.#sightings.see("read handed on")
  }

  lost(payload: Payload, isGone: boolean): void {
    if (payload.type === "VoteReply" && payload.granted && !payload.preVote)
      this.#sightings.see("vote reply lost")
    if (isGone) this.#sightings.see("old connection broken")
  }

  arrived(from: NodeId, to: NodeId, payload: Payload): void {
    const node = this.#nodeOf(to).record
    if (node === null) return
    if (payload.type === "AppendReply" && !payload.accepted) this.#lookAtHint(node, payload)
    if (payload.type === "AppendRequest") {
      const last = payload.entries.at(-1)
      if (last !== undefined && node.log.termAt(last.index) === last.term)
        this.#sightings.see("append overtaken")
    }
    if (payload.type === "SnapshotChunk" && payload.bytes.length > 0) this.#senders.set(to, from)
  }

  installed(id: NodeId): void {
    this.#senders.delete(id)
    this.#sightings.see("snapshot installed")
  }

  applied(entry: Entry, outcome: Outcome | null): void {
    if (entry.kind !== "command" || outcome === null) return
    if (outcome.replayed) this.#sightings.see("retry replayed")
    const timer = decodeCommand(entry.data)?.timer ?? ""
    const setAt = timer.split(".")[0] ?? ""
    const armedIn = this.#armed.get(setAt)
    if (timer === "") this.#armed.set(String(entry.index), entry.term)
    else if (outcome._tag === "Accepted" && armedIn !== undefined && armedIn !== entry.term) {
      this.#sightings.see("timer under another leader")
    }
  }

  #isFull(id: NodeId): boolean {
    return this.#nodeOf(id).disk.weather.isFull
  }

  #lookAtVote({ id, record }: Seat): void {
    if (!this.#isFull(id) || record === null) return
    this.#sightings.see("vote on a full disk")
    if (record.log.persistedIndex < record.log.lastIndex) this.#sightings.see("vote ahead of entries")
  }

  #changed(node: Node, before: Glance): void {
    const { id, role, term } = node
    if (role.kind === "leader" && before.role !== role) {
      if (this.#lastLeader !== null && this.#lastLeader !== id) this.#sightings.see("another leader")
      this.#lastLeader = id
      if (node.configurations.current.outgoing.length > 0) this.#sightings.see("joint election")
    }
    if (role.kind === "leader" && before.role === role && node.commitIndex > before.commit) {
      const first = node.log.termAt(before.commit + 1)
      if (first !== undefined && first < term) this.#sightings.see("old term committed")
      const isNoOp = before.commit < role.firstIndexOfTerm
      if (isNoOp && node.isShort && this.#isFull(id)) this.#sightings.see("elected on a full disk")
    }
    if (before.isShort && !node.isShort && this.#isFull(id)) this.#sightings.see("full disk freed itself")
    if (before.role.kind === "leader" && role.kind !== "leader") {
      if (term > before.term) this.#sightings.see("deposed by a newer term")
      else if (this.#nodeOf(id).disk.weather.hangs) this.#sightings.see("leader with a stuck disk")
      else if (before.isShort) this.#sightings.see("gave way for want of room")
      else this.#sightings.see("stepped down without a quorum")
    }
    if (before.standing === "suspect" && node.standing === "whole")
      this.#sightings.see("damaged log repaired")
    const sender = this.#senders.get(id)
    if (sender !== undefined && role.kind === "follower" && role.leader !== null && role.leader !== sender) {
      this.#senders.delete(id)
      this.#sightings.see("leader changed in a snapshot")
    }
  }

  /** How many terms of the leader's log one refusal lets it skip. */
  #lookAtHint(leader: Node, reply: AppendReply): void {
    const terms = new Set<Term>()
    for (let index = reply.hintIndex + 1; index <= reply.index; index++) {
      const term = leader.log.termAt(index)
      if (term !== undefined) terms.add(term)
    }
    if (terms.size >= 3) this.#sightings.see("hint across three terms")
  }
}
