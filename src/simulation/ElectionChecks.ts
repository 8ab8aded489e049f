// Who may lead, who may vote, and who must stand? (Raft §5.2, §5.4.1; thesis §4.2.2, §6.4.1, §9.6)

import { isVoter } from "../consensus/configuration.ts"
import type { Message } from "../consensus/message.ts"
import type { Node, Turn } from "../consensus/node.ts"
import { quorumReached } from "../consensus/quorum.ts"
import type { Millis, NodeId, Term } from "../consensus/types.ts"
import type { Ledger } from "./Ledger.ts"
import { type DiskTruth, isBehind, type LogEnd, type Seen } from "./observed.ts"
import { insist } from "./Violation.ts"

export class ElectionChecks {
  readonly #ledger: Ledger
  readonly #leaders = new Map<Term, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  /** When each node last heard a leader, by its own clock, before it restarted as well. */
  readonly #heardAt = new Map<NodeId, Millis>()
  /** How long each leader has led without having heard a majority. */
  readonly #unheard = new Lasting()
  /** How long each voter has waited for more than it may, and not stood. */
  readonly #idle = new Lasting()
  /** Who was asked to stand by the leader whom it follows, in which term. */
  readonly #successors = new Set<string>()
  /** Who may lead by decree, and who does so in which term: nobody votes for it. */
  readonly #permitted = new Set<NodeId>()
  readonly #decreed = new Set<string>()
  /** With what log each candidate asked who would vote for it in a term: its best. */
  readonly #pleas = new Map<string, LogEnd>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Terms that have had a leader. */
  get leaderCount(): number {
    return this.#leaders.size
  }

  permitsDecree(id: NodeId): void {
    this.#permitted.add(id)
  }

  /** `term`: as its disk has it. */
  begins(id: NodeId, term: Term): void {
    this.#unheard.ends(id)
    this.#idle.ends(id)
    // It has answered no leader whose term had not come to its disk, so nobody's lease rests on it.
    if (term === 0) this.#heardAt.delete(id)
  }

  /** Its clock shows another time than before. */
  clockRestarted(id: NodeId): void {
    this.#heardAt.delete(id)
  }

  turned(node: Node, turn: Turn, before: Seen, now: Millis): void {
    if (node.role.kind === "candidate" && node.role.decree !== null) {
      insist("decree", this.#permitted.has(node.id), `${node.id} leads by an operator's word`)
      this.#decreed.add(voteKey(node.id, node.term))
    }
    // Its leader, which has no lease any more, told it to stand: what it promised that one is over.
    if (node.role.kind === "candidate" && node.role.transfer) this.#heardAt.delete(node.id)
    if (node.role.kind === "leader" && (before.role !== "leader" || before.term !== node.term))
      this.#leads(node)
    this.#keepsQuiet(node, turn, before, now)
    this.#encourages(node, turn, before)
    this.#staysHeard(node, now)
    this.#stands(node, now)
    if (node.role.kind === "follower") {
      this.#heardAt.set(node.id, Math.max(this.#heardAtOf(node.id), node.role.leaderHeardAt))
    }
  }

  said(from: NodeId, to: NodeId, message: Message, disk: DiskTruth): void {
    if (message.type === "VoteReply" && !message.preVote && message.granted)
      this.#votesFor(from, message.term, to, disk)
    if (message.type !== "VoteRequest") return
    const key = voteKey(from, message.term)
    if (message.transfer) this.#successors.add(key)
    if (!message.preVote) return this.#votesFor(from, message.term, from, disk)
    const best = this.#pleas.get(key)
    if (best === undefined || isBehind(best, message)) this.#pleas.set(key, message)
  }

  #votesFor(voter: NodeId, term: Term, candidate: NodeId, disk: DiskTruth): void {
    const key = voteKey(voter, term)
    const earlier = this.#votes.get(key) ?? candidate
    insist("one vote a term", earlier === candidate, `the vote of ${key} (§5.2)`, candidate, earlier)
    this.#votes.set(key, candidate)
    if (disk.hardState.term === term) {
      const { votedFor } = disk.hardState
      insist("said is on disk", votedFor === candidate, `the vote of ${key}`, candidate, votedFor)
    }
    insist("suspect is silent", disk.standing === "whole", `a suspect node does not vote (S4): ${key}`)
  }

  /** Election Safety (§5.2) and Leader Completeness (§5.4.3). */
  #leads(node: Node): void {
    const other = this.#leaders.get(node.term) ?? node.id
    insist("one leader a term", other === node.id, `leaders of term ${node.term} (E1)`, other, node.id)
    this.#leaders.set(node.term, node.id)
    const { voters, outgoing } = node.configurations.current
    const isDecreed = this.#decreed.has(voteKey(node.id, node.term))
    for (const half of isDecreed ? [] : [voters, outgoing]) {
      const votes = half.filter((id) => id === node.id || this.#votes.get(voteKey(id, node.term)) === node.id)
      insist(
        "elected by majorities",
        half.length === 0 || votes.length * 2 > half.length,
        `${node.id} leads term ${node.term} by votes of ${half} (§5.2, §6)`,
        votes,
      )
    }
    for (let index = node.log.base.index + 1; index <= this.#ledger.lastIndex; index++) {
      const { term, by } = this.#ledger.at(index)!
      // A majority's votes may come so late that a leader of a newer term has committed meanwhile.
      if (by >= node.term) return
      const own = node.log.termAt(index)
      insist(
        "leader completeness",
        own === term,
        `leader ${node.id} of term ${node.term} holds committed ${index} (R16)`,
        own ?? "nothing",
        term,
      )
    }
  }

  /**
   * Nobody votes, or says that it would, within the shortest election timeout after it heard a leader: leases rest
   * on it, and a node that hears nobody must not depose the one whom the others hear (E7, L5).
   */
  #keepsQuiet(node: Node, turn: Turn, before: Seen, now: Millis): void {
    const isQuiet = now - this.#heardAtOf(node.id) < node.limits.electionTimeoutMinMillis
    if (!isQuiet) return
    const { votedFor } = node
    const isNew =
      votedFor !== null && votedFor !== node.id && (votedFor !== before.votedFor || node.term > before.term)
    // A damaged node that a leader has repaired counts as having voted for it. A leader's own successor may be voted
    // for at once: that leader has no lease any more.
    const isSuccessor = votedFor !== null && this.#successors.has(voteKey(votedFor, node.term))
    const hasVoted = isNew && before.standing === "whole" && !isSuccessor
    insist(
      "keeps its leader",
      !hasVoted,
      `${node.id} votes for ${votedFor}`,
      `heard a leader ${now - this.#heardAtOf(node.id)} ms ago`,
    )
    if (!before.isIdle) return
    const would = turn.messages.find(
      ({ to, message }) =>
        message.type === "VoteReply" &&
        message.granted &&
        (message.preVote || !this.#successors.has(voteKey(to, message.term))),
    )
    insist(
      "keeps its leader",
      would === undefined,
      `${node.id} would vote for ${would?.to}`,
      `heard a leader ${now - this.#heardAtOf(node.id)} ms ago`,
    )
  }

  /** Nobody says that it would vote for a log that lacks what its own has (§5.4.1, E4). */
  #encourages({ id, log }: Node, turn: Turn, before: Seen): void {
    // What had waited for the disk was decided earlier, over another log perhaps; and later in this very turn it may
    // have become a leader and appended.
    if (!before.isIdle) return
    for (const { to, message } of turn.messages) {
      if (message.type !== "VoteReply" || !message.preVote || !message.granted) continue
      const plea = this.#pleas.get(voteKey(to, message.term))
      if (plea === undefined) continue
      insist(
        "would vote for a whole log",
        !isBehind(plea, log) || !isBehind(plea, before.end),
        `${id} would vote for ${to} in term ${message.term} (E4)`,
        `${plea.lastIndex} of term ${plea.lastTerm}`,
        `${log.lastIndex} of term ${log.lastTerm}`,
      )
    }
  }

  /**
   * Who hears no majority does not lead on (E11). Some time is left to find that out, and to see a pause end; more to one that is
   * late itself, as it has found.
   */
  #staysHeard({ id, role, limits, configurations }: Node, now: Millis): void {
    const heardAt = (voter: NodeId) =>
      role.kind !== "leader" || voter === id ? now : (role.progress.get(voter)?.heardAt ?? role.since)
    const patienceMillis = role.kind === "leader" ? role.patienceMillis : 0
    const heardAgo = now - quorumReached(configurations.current, heardAt)
    const isHeard = heardAgo <= limits.electionTimeoutMaxMillis + patienceMillis
    if (isHeard) return this.#unheard.ends(id)
    const millis = this.#unheard.goesOn(id, now, limits.heartbeatMillis)
    insist("leads by a majority", millis <= 3 * limits.heartbeatMillis, `${id} leads unheard (E11)`, millis)
  }

  /**
   * A voter that hears no leader stands, also one whom a configuration leaves out that is not committed yet: nobody
   * else may be able to win (thesis §4.2.2). One that is short of room or in repair waits once more for the longest
   * timeout, one that stood still for twice that (`Patience`), and as much again when its node's timers were late lately
   * (`leniencyMillis`): six of them in all, as in seeds 543 and 7. At rest a pulse is what it hears.
   */
  #stands(
    { id, role, standing, pendingInstall, configurations, commitIndex, limits }: Node,
    now: Millis,
  ): void {
    const isVoterStill = () => configurations.from(commitIndex).some((each) => isVoter(each, id))
    const isIdle =
      role.kind === "follower" &&
      role.rest === null &&
      standing === "whole" &&
      pendingInstall === null &&
      now - role.timerBeganAt > 6 * limits.electionTimeoutMaxMillis &&
      isVoterStill()
    if (!isIdle) return this.#idle.ends(id)
    const millis = this.#idle.goesOn(id, now, limits.electionTimeoutMinMillis)
    insist("stands unheard", millis <= limits.electionTimeoutMaxMillis, `${id} never stands`, millis)
  }

  #heardAtOf(id: NodeId): Millis {
    return this.#heardAt.get(id) ?? Number.NEGATIVE_INFINITY
  }
}

/** How long something has lasted at a node, of the time in which that one did not stand still. */
class Lasting {
  readonly #nodes = new Map<NodeId, { readonly atMillis: Millis; readonly millis: Millis }>()

  /** Gives back for how long. Between two turns of a node that is awake lies no more than `pauseMillisMax`. */
  goesOn(id: NodeId, now: Millis, pauseMillisMax: Millis): Millis {
    const { atMillis, millis } = this.#nodes.get(id) ?? { atMillis: now, millis: 0 }
    const longer = millis + Math.min(now - atMillis, pauseMillisMax)
    this.#nodes.set(id, { atMillis: now, millis: longer })
    return longer
  }

  ends(id: NodeId): void {
    this.#nodes.delete(id)
  }
}

const voteKey = (voter: NodeId, term: Term): string => `${voter} in term ${term}`
