// What must hold whatever happens? Everything that nodes decide, say and apply is held against it, step by step.

import type { Recorded } from "../consensus/ConfigurationHistory.ts"
import { decodeConfiguration, isVoter } from "../consensus/configuration.ts"
import { entryBytes } from "../consensus/Log.ts"
import type { Message, VoteRequest } from "../consensus/message.ts"
import type { Leader, Node, Turn } from "../consensus/node.ts"
import type { Progress } from "../consensus/Progress.ts"
import { quorumReached } from "../consensus/quorum.ts"
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  LogBase,
  Millis,
  NodeId,
  SnapshotPosition,
  Standing,
  Term,
} from "../consensus/types.ts"
import { insist } from "./Violation.ts"

/** What would be there if power were lost now. */
export interface DiskTruth {
  readonly hardState: HardState
  readonly standing: Standing
  readonly base: LogBase
  readonly lastIndex: Index
  readonly termAt: (index: Index) => Term | undefined
  /** The entry, or a snapshot that covers it. */
  readonly holds: (index: Index, term: Term) => boolean
}

interface Seen {
  readonly votedFor: NodeId | null
  /** Nothing waited for the disk: what leaves with the next turn was decided in it. */
  readonly isIdle: boolean
  readonly standing: Standing
  readonly commit: Index
  readonly role: string
  readonly term: Term
  readonly end: LogEnd
  /** Null: of a turn that was not seen. */
  readonly configuration: Configuration | null
}

/**
 * The promises of Raft (figure 3), and what follows from "nothing is said before it is on disk". One for a run
 * of one group; nodes that restart are told with {@link started}. What is broken is thrown.
 */
export class Invariants {
  readonly #leaders = new Map<Term, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  /** What stands at (index, term): a hash of the entry and of the term before it. */
  readonly #entries = new Map<number, bigint>()
  /** What each configuration that was ever appended says. */
  readonly #appointments = new Map<number, string>()
  /** Configurations that were committed, and where; in order. */
  readonly #configurations: Array<Recorded> = []
  /** Behind the commit of each node, as of its last turn. */
  readonly #pending = new Map<NodeId, ReadonlyArray<Recorded>>()
  /** What was committed, by index − 1: its term, and the term of the leader that committed it. */
  readonly #committed: Array<{ readonly term: Term; readonly by: Term }> = []
  readonly #hashes = new Map<Index, { readonly id: NodeId; readonly hash: string }>()
  /** As of the last turn. */
  readonly #seen = new Map<NodeId, Seen>()
  /** When each node last heard a leader, by its own clock, before it restarted as well. */
  readonly #heardAt = new Map<NodeId, Millis>()
  /** The end of the machine of each node. */
  readonly #applied = new Map<NodeId, Index>()
  /** Since when each leader has led without having heard a majority. */
  readonly #unheardSince = new Map<NodeId, Millis>()
  /** Since when each voter has waited for longer than it may, and not stood. */
  readonly #idleSince = new Map<NodeId, Millis>()
  /** Who was asked to stand by the leader whom it follows, in which term. */
  readonly #successors = new Set<string>()
  /** With what log each candidate asked who would vote for it in a term: its best. */
  readonly #pleas = new Map<string, LogEnd>()
  /** False once a disk has lost something: what was said no longer proves what is there. */
  #disksKeep = true
  /** How often each disk has lost something, and what was committed when it last did. */
  readonly #damages = new Map<NodeId, { readonly count: number; readonly committed: Index }>()
  /** What a leader began anew with a follower, and how often that one's disk had lost something by then. */
  readonly #sessions = new WeakMap<Progress, { readonly session: number; readonly damages: number }>()
  /** The largest entry so far, as a limit in bytes counts it: one fits wherever none does. */
  entryBytesMax = 0

  /** Terms that have had a leader. */
  get leaderCount(): number {
    return this.#leaders.size
  }

  get committedIndex(): Index {
    return this.#committed.length
  }

  /** Null: none since the beginning. */
  get committedConfiguration(): Configuration | null {
    return this.#configurations.at(-1)?.configuration ?? null
  }

  /** In the log of any node, behind the newest that is committed. */
  get uncommittedConfigurations(): ReadonlyArray<Configuration> {
    const committed = this.#configurations.at(-1)?.index ?? 0
    return [...this.#pending.values()].flatMap((pending) =>
      pending.filter(({ index }) => index > committed).map(({ configuration }) => configuration),
    )
  }

  /** Changes of members that came to their end: configurations that are not joint and wait for nobody. */
  get changeCount(): number {
    return this.#configurations.filter(
      ({ configuration: { outgoing, goal } }) => outgoing.length === 0 && goal === undefined,
    ).length
  }

  /** A process of the node begins: what an earlier one had in memory is gone. */
  begins(id: NodeId): void {
    this.#seen.delete(id)
    this.#applied.delete(id)
    this.#unheardSince.delete(id)
    this.#idleSince.delete(id)
  }

  /** Its clock shows another time than before. */
  clockRestarted(id: NodeId): void {
    this.#heardAt.delete(id)
  }

  /** A node begins anew, from its disk. */
  started(id: NodeId, appliedIndex: Index): void {
    this.#seen.delete(id)
    this.#applied.set(id, appliedIndex)
  }

  /** A disk has lost something, whether or not its node will notice. */
  damaged(id: NodeId): void {
    this.#disksKeep = false
    this.#damages.set(id, { count: this.#damagesOf(id) + 1, committed: this.committedIndex })
  }

  /** After every turn, before anything of it leaves. */
  turned(node: Node, turn: Turn, disks: (id: NodeId) => DiskTruth | null, now: Millis): void {
    const before = this.#seen.get(node.id) ?? {
      votedFor: node.votedFor,
      isIdle: false,
      standing: node.standing,
      commit: node.log.base.index,
      role: "follower",
      term: node.term,
      end: endOf(node),
      configuration: null,
    }
    this.#entriesMatch(node, turn)
    insist("term goes forward", node.term >= before.term, `term of ${node.id}`, node.term, before.term)
    if (node.role.kind === "leader" && (before.role !== "leader" || before.term !== node.term))
      this.#leads(node)
    this.#keepsQuiet(node, turn, before, now)
    this.#encourages(node, turn, before)
    if (node.role.kind === "leader") this.#changesOneByOne(node, node.role, turn)
    this.#windows(node)
    this.#staysHeard(node, now)
    this.#stands(node, now)
    this.#beginsWith(node.id, turn)
    this.#rulesByItsLog(node)
    this.#repairs(node, before, disks)
    insist(
      "commit goes forward",
      node.commitIndex >= before.commit,
      `commit of ${node.id}`,
      node.commitIndex,
      before.commit,
    )
    insist(
      "commit within the log",
      node.commitIndex <= node.log.lastIndex,
      `commit of ${node.id} (R10)`,
      node.commitIndex,
      node.log.lastIndex,
    )
    insist(
      "applied is committed",
      node.appliedIndex <= node.commitIndex,
      node.id,
      node.appliedIndex,
      node.commitIndex,
    )
    if (node.commitIndex > this.committedIndex) this.#commitsAnew(node, before, disks)
    for (let index = Math.max(before.commit, node.log.base.index) + 1; index <= node.commitIndex; index++) {
      const term = node.log.termAt(index)
      const committed = this.#committed[index - 1]!.term
      insist(
        "state machine safety",
        term === committed,
        `${node.id} commits the one entry at ${index}`,
        term,
        committed,
      )
    }
    this.#pending.set(node.id, node.configurations.behind(node.commitIndex))
    const disk = disks(node.id)
    if (disk !== null) this.#persisted(node, disk)
    if (node.role.kind === "follower") {
      this.#heardAt.set(node.id, Math.max(this.#heardAtOf(node.id), node.role.leaderHeardAt))
    }
    this.#seen.set(node.id, {
      votedFor: node.votedFor,
      isIdle: node.pendingWrites.length === 0,
      standing: node.standing,
      commit: node.commitIndex,
      role: node.role.kind,
      term: node.term,
      end: endOf(node),
      configuration: node.configurations.current,
    })
  }

  /** A leader commits: in its own term, and on the disks of a quorum of both halves (R4, R7, R8). */
  #commitsAnew(node: Node, before: Seen, disks: (id: NodeId) => DiskTruth | null): void {
    const by = node.role.kind === "leader" ? node.term : before.term
    const isLeader = node.role.kind === "leader" || before.role === "leader"
    insist(
      "only a leader commits anew",
      isLeader,
      `${node.id} commits ${node.commitIndex} (R5, R10)`,
      this.committedIndex,
    )
    const index = node.commitIndex
    const term = node.log.termAt(index)
    insist(
      "commit by counting",
      term === by,
      `only an entry of the own term is committed by counting (R4): ${index}`,
      term,
      by,
    )
    for (let next = this.committedIndex + 1; next <= index; next++) {
      this.#committed.push({ term: node.log.termAt(next)!, by })
    }
    for (const recorded of node.configurations.behind(before.commit)) {
      if (recorded.index <= index && recorded.index > (this.#configurations.at(-1)?.index ?? 0))
        this.#configurations.push(recorded)
    }
    if (!this.#disksKeep) return
    const holds = (id: NodeId) => disks(id)?.holds(index, by) === true
    const isHeld = ({ voters, outgoing }: Configuration): boolean =>
      [voters, outgoing].every((half) => half.length === 0 || half.filter(holds).length * 2 > half.length)
    const { current } = node.configurations
    // In one turn a configuration may be committed, and the next one appended.
    const isSafe = isHeld(current) || (before.configuration !== null && isHeld(before.configuration))
    insist(
      "committed is on disk",
      isSafe,
      `a majority of ${current.voters} has ${index} of term ${by} on disk (R8)`,
      `only ${[...new Set([...current.voters, ...current.outgoing])].filter(holds)}`,
    )
  }

  /** The machine takes an entry in: the one that was appended, and committed. */
  applied(id: NodeId, entry: Entry): void {
    this.appliedAt(id, entry.index, entry.term)
    const known = this.#entries.get(keyOf(entry))
    const isSame = known === undefined || known % 2n ** 56n === contentOf(entry)
    insist("state machine safety", isSame, `${id} applies what was appended at ${entry.index}`)
  }

  /** The same, of an entry of which only the term is known. */
  appliedAt(id: NodeId, index: Index, term: Term | undefined): void {
    const next = (this.#applied.get(id) ?? 0) + 1
    insist("applied in order", index === next, `${id} applies without a gap`, index, next)
    this.#applied.set(id, index)
    const committed = this.#committed[index - 1]?.term
    insist(
      "state machine safety",
      committed === term,
      `all machines apply the same at ${index} (§5.4.3): ${id}`,
      term ?? "nothing",
      committed ?? "nothing",
    )
  }

  /** A snapshot took the place of the state. */
  installed(id: NodeId, index: Index, term: Term, disk: DiskTruth | null): void {
    // It had arrived, and was lost since: the node begins anew.
    if (index === 0) return
    insist(
      "state rests on the log",
      disk?.holds(index, term) === true,
      `${id} installs at ${index} what its log on disk rests on (N2)`,
      disk?.base.index,
    )
    const committed = this.#committed[index - 1]?.term
    insist(
      "state machine safety",
      committed === term,
      `${id} installs what was committed at ${index}`,
      term,
      committed ?? "nothing",
    )
    const last = this.#applied.get(id) ?? 0
    insist("applied goes forward", index >= last, `${id} installs a snapshot (N5)`, index, last)
    this.#applied.set(id, index)
  }

  /** Equal logs give equal states (D1). */
  hashed(id: NodeId, index: Index, hash: string): void {
    const known = this.#hashes.get(index)
    if (known === undefined) this.#hashes.set(index, { id, hash })
    else
      insist(
        "state hash",
        known.hash === hash,
        `states at ${index} (D1): ${id} and ${known.id}`,
        hash,
        known.hash,
      )
  }

  /** Nothing is said that the disk does not hold (E2, E3, R8). */
  said(from: NodeId, to: NodeId, message: Message, disk: DiskTruth): void {
    const { hardState } = disk
    const isPreVote = (message.type === "VoteRequest" || message.type === "VoteReply") && message.preVote
    if (!isPreVote) {
      insist(
        "said is on disk",
        message.term <= hardState.term,
        `${message.type} of ${from}: its term`,
        message.term,
        hardState.term,
      )
    }
    if (message.type === "VoteRequest" && !message.preVote) this.#votesFor(from, message.term, from, disk)
    if (message.type === "VoteRequest" && message.transfer) {
      this.#successors.add(voteKey(from, message.term))
    }
    if (message.type === "VoteRequest" && message.preVote) {
      const key = voteKey(from, message.term)
      const best = this.#pleas.get(key)
      if (best === undefined || isBehind(best, message)) this.#pleas.set(key, message)
    }
    if (message.type === "VoteReply" && !message.preVote && message.granted)
      this.#votesFor(from, message.term, to, disk)
    const isOfNow = message.term === hardState.term
    if (message.type === "AppendReply" && message.accepted && isOfNow) {
      insist(
        "said is on disk",
        disk.lastIndex >= message.index,
        `${from} acknowledges (R8)`,
        message.index,
        disk.lastIndex,
      )
    }
    if (message.type === "SnapshotReply" && isOfNow) {
      insist(
        "said is on disk",
        disk.lastIndex >= message.installedIndex,
        `${from} has installed`,
        message.installedIndex,
        disk.lastIndex,
      )
    }
    // One look at each snapshot: its first piece only asks.
    if (message.type === "SnapshotChunk" && message.bytes.length === 0)
      this.#describes(from, message.snapshot)
    if ("whole" in message && message.whole) {
      insist(
        "suspect is silent",
        disk.standing === "whole",
        `only a whole disk says so (S4): ${from}`,
        message.type,
      )
    }
  }

  /** A snapshot carries the configuration as of its index, never a later one (N4). */
  #describes(from: NodeId, { index, configuration }: SnapshotPosition): void {
    this.#isAsOf(index, configuration, "snapshot's configuration", `${from} sends a snapshot (N4)`)
  }

  /** A log that is cut begins with the configuration as of there (M3). */
  #beginsWith(id: NodeId, { compacted }: Turn): void {
    if (compacted === null) return
    const { through, configuration } = compacted
    this.#isAsOf(through.index, configuration, "configuration of its log", `${id} cuts its log (M3)`)
  }

  #isAsOf(index: Index, configuration: Configuration, checker: string, what: string): void {
    const committed = this.#configurations.findLast((recorded) => recorded.index <= index)
    if (committed === undefined) return
    const [given, expected] = [shown(configuration), shown(committed.configuration)]
    insist(checker, given === expected, `${what}: the configuration as of ${index}`, given, expected)
  }

  /** What rules without being committed stands in the log: what is cut away rules no more (M3). */
  #rulesByItsLog({ id, log, configurations, commitIndex }: Node): void {
    for (const { index, configuration } of configurations.behind(Math.max(commitIndex, log.base.index))) {
      const term = log.termAt(index)
      const entry = term === undefined ? undefined : this.#appointments.get(keyOf({ index, term }))
      insist(
        "configuration of its log",
        entry === shown(configuration),
        `${id} obeys a configuration that its log has at ${index} (M3)`,
        shown(configuration),
        entry ?? "nothing",
      )
    }
  }

  /** What the node believes to be on disk is there, as it believes it (R9). */
  #persisted(node: Node, disk: DiskTruth): void {
    const index = node.log.persistedIndex
    if (index <= node.log.base.index || index <= disk.base.index) return
    const [onDisk, inMemory] = [disk.termAt(index), node.log.termAt(index)]
    insist(
      "believed is on disk",
      onDisk === inMemory,
      `${node.id}: entry ${index} on disk as in memory (R9)`,
      onDisk ?? "nothing",
      inMemory,
    )
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

  /** Log Matching (§5.3): the same (index, term) is the same entry behind the same entry, everywhere. */
  #entriesMatch(node: Node, turn: Turn): void {
    for (const entry of turn.write?.entries ?? []) {
      this.entryBytesMax = Math.max(this.entryBytesMax, entryBytes(entry))
      const key = keyOf(entry)
      const before = BigInt(node.log.termAt(entry.index - 1) ?? 0)
      const content = contentOf(entry) + before * 2n ** 56n
      const known = this.#entries.get(key)
      const isSame = known === undefined || known === content
      insist("log matching", isSame, `${node.id}: one entry at ${entry.index} of term ${entry.term} (§5.3)`)
      this.#entries.set(key, content)
      if (entry.kind === "configuration") {
        this.#appointments.set(key, shown(decodeConfiguration(entry.data)))
      }
    }
  }

  /** Election Safety (§5.2) and Leader Completeness (§5.4.3). */
  #leads(node: Node): void {
    const other = this.#leaders.get(node.term) ?? node.id
    insist("one leader a term", other === node.id, `leaders of term ${node.term} (E1)`, other, node.id)
    this.#leaders.set(node.term, node.id)
    const { voters, outgoing } = node.configurations.current
    for (const half of [voters, outgoing]) {
      const votes = half.filter((id) => id === node.id || this.#votes.get(voteKey(id, node.term)) === node.id)
      insist(
        "elected by majorities",
        half.length === 0 || votes.length * 2 > half.length,
        `${node.id} leads term ${node.term} by votes of ${half} (§5.2, §6)`,
        votes,
      )
    }
    for (let index = node.log.base.index + 1; index <= this.committedIndex; index++) {
      const { term, by } = this.#committed[index - 1]!
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
   * Who is whole again holds all that was committed when its disk lost something (S4); and what a leader believes of
   * a follower that it began anew with is on that one's disk (R6).
   */
  #repairs(node: Node, before: Seen, disks: (id: NodeId) => DiskTruth | null): void {
    if (before.standing === "suspect" && node.standing === "whole") {
      const { committed = 0 } = this.#damages.get(node.id) ?? {}
      const isCovered = committed <= node.log.base.index
      const [held, term] = [node.log.termAt(committed), this.#committed[committed - 1]?.term]
      insist(
        "whole again",
        isCovered || held === term,
        `${node.id} is whole and holds what was committed at ${committed} (S4)`,
        held ?? "nothing",
        term,
      )
    }
    if (node.role.kind !== "leader") return
    for (const [id, progress] of node.role.progress) {
      const damages = this.#damagesOf(id)
      if (this.#sessions.get(progress)?.session !== progress.session) {
        this.#sessions.set(progress, { session: progress.session, damages })
      }
      const isOld = this.#sessions.get(progress)!.damages !== damages
      if (progress.session === 1 || progress.match <= node.log.base.index || isOld) continue
      const term = node.log.termAt(progress.match)
      insist(
        "match is on disk",
        term !== undefined && disks(id)?.holds(progress.match, term) === true,
        `${id} holds ${progress.match} of term ${term}, as ${node.id} believes (R6)`,
      )
    }
  }

  /** A leader appends a configuration when the one before is committed, and something of its own term (M1, M4, M5). */
  #changesOneByOne(node: Node, leader: Leader, turn: Turn): void {
    for (const { kind, index, term } of turn.write?.entries ?? []) {
      if (kind !== "configuration" || term !== node.term) continue
      const earlier = node.configurations.before(index)
      insist(
        "one change at a time",
        node.commitIndex >= Math.max(earlier, leader.firstIndexOfTerm),
        `${node.id} appends a configuration at ${index} behind one at ${earlier}`,
        node.commitIndex,
        leader.firstIndexOfTerm,
      )
    }
  }

  /** Who hears no majority does not lead on (E11). Some time is left to find that out, and to see a pause end. */
  #staysHeard({ id, role, limits, configurations }: Node, now: Millis): void {
    const heardAt = (voter: NodeId) =>
      role.kind !== "leader" || voter === id ? now : (role.progress.get(voter)?.heardAt ?? role.since)
    const isHeard = now - quorumReached(configurations.current, heardAt) <= limits.electionTimeoutMaxMillis
    if (isHeard) return void this.#unheardSince.delete(id)
    const since = this.#unheardSince.get(id) ?? now
    this.#unheardSince.set(id, since)
    insist(
      "leads by a majority",
      now - since <= 3 * limits.heartbeatMillis,
      `${id} leads unheard (E11)`,
      since,
      now,
    )
  }

  /**
   * A voter that hears no leader stands, also one whom a configuration leaves out that is not committed yet: nobody
   * else may be able to win (thesis §4.2.2). It has some time to come to it, when it stood still.
   */
  #stands({ id, role, standing, pendingInstall, configurations, commitIndex, limits }: Node, now: Millis): void {
    const isVoterStill = () => configurations.from(commitIndex).some((each) => isVoter(each, id))
    const isIdle =
      role.kind === "follower" &&
      standing === "whole" &&
      pendingInstall === null &&
      now - role.timerBeganAt > limits.electionTimeoutMaxMillis &&
      isVoterStill()
    if (!isIdle) return void this.#idleSince.delete(id)
    const since = this.#idleSince.get(id) ?? now
    this.#idleSince.set(id, since)
    insist("stands unheard", now - since <= limits.electionTimeoutMaxMillis, `${id} never stands`, since, now)
  }

  #heardAtOf(id: NodeId): Millis {
    return this.#heardAt.get(id) ?? Number.NEGATIVE_INFINITY
  }

  hasLostData(id: NodeId): boolean {
    return this.#damages.has(id)
  }

  #damagesOf(id: NodeId): number {
    return this.#damages.get(id)?.count ?? 0
  }

  #windows(node: Node): void {
    if (node.role.kind !== "leader") return
    const { limits, log } = node
    for (const [id, progress] of node.role.progress) {
      const { match, next, inFlightCount, inFlightBytes } = progress
      insist("progress", match < next, `match < next of ${id}`, match, next)
      insist("progress", match <= log.lastIndex, `match of ${id} within the log`, match, log.lastIndex)
      insist("progress", next <= log.lastIndex + 1, `next of ${id}`, next, log.lastIndex)
      insist("bounded", inFlightCount <= limits.inFlightMessagesMax, `window of ${id} (R13)`, inFlightCount)
      insist(
        "bounded",
        inFlightBytes <= limits.inFlightBytesMax + Math.max(3 * limits.appendBytesMax, this.entryBytesMax),
        `window of ${id} in bytes (R13)`,
        inFlightBytes,
      )
    }
  }
}

const shown = ({ voters, outgoing, learners }: Configuration): string =>
  JSON.stringify([voters, outgoing, learners])

type LogEnd = Pick<VoteRequest, "lastIndex" | "lastTerm">

const endOf = ({ log }: Node): LogEnd => ({ lastIndex: log.lastIndex, lastTerm: log.lastTerm })

const isBehind = (one: LogEnd, other: LogEnd): boolean =>
  one.lastTerm < other.lastTerm || (one.lastTerm === other.lastTerm && one.lastIndex < other.lastIndex)

const voteKey = (voter: NodeId, term: Term): string => `${voter} in term ${term}`

/** Index and term in one number: both stay far below their halves of it in a run. */
const keyOf = ({ index, term }: Pick<Entry, "index" | "term">): number => index * 2 ** 22 + term

const contentOf = (entry: Entry): bigint =>
  BigInt.asUintN(56, Bun.hash.xxHash64(entry.data, BigInt(entry.time) * 4n + kinds[entry.kind]))

const kinds = { noop: 0n, command: 1n, configuration: 2n } as const
