// What must hold whatever happens? Everything that nodes decide, say and apply is held against it, step by step.

import { entryBytes } from "../consensus/Log.ts"
import type { Message } from "../consensus/message.ts"
import type { Node, Turn } from "../consensus/node.ts"
import type { Configuration, Entry, Index, Millis, NodeId, Term } from "../consensus/types.ts"
import { ElectionChecks } from "./ElectionChecks.ts"
import { FollowerChecks } from "./FollowerChecks.ts"
import { Ledger } from "./Ledger.ts"
import { MachineChecks } from "./MachineChecks.ts"
import { MembershipChecks } from "./MembershipChecks.ts"
import { type DiskTruth, keyOf, type Seen, seenOf, unseen } from "./observed.ts"
import { insist } from "./Violation.ts"

/**
 * The promises of Raft (figure 3), and what follows from "nothing is said before it is on disk". One for a run
 * of one group; nodes that restart are told with {@link started}. What is broken is thrown.
 */
export class Invariants {
  readonly #ledger = new Ledger()
  readonly #elections = new ElectionChecks(this.#ledger)
  readonly #membership = new MembershipChecks(this.#ledger)
  readonly #followers = new FollowerChecks(this.#ledger)
  readonly #machines = new MachineChecks(this.#ledger)
  /** What stands at (index, term): a hash of the entry and of the term before it. */
  readonly #entries = new Map<number, bigint>()
  /** As of the last turn. */
  readonly #seen = new Map<NodeId, Seen>()
  /** The largest entry so far, as a limit in bytes counts it: one fits wherever none does. */
  entryBytesMax = 0

  /** Terms that have had a leader. */
  get leaderCount(): number {
    return this.#elections.leaderCount
  }

  get committedIndex(): Index {
    return this.#ledger.lastIndex
  }

  /** In whose term; undefined: nothing is committed there. */
  committedIn(index: Index): Term | undefined {
    return this.#ledger.at(index)?.by
  }

  /** Null: none since the beginning. */
  get committedConfiguration(): Configuration | null {
    return this.#ledger.configurations.at(-1)?.configuration ?? null
  }

  /** In the log of any node, behind the newest that is committed. */
  get uncommittedConfigurations(): ReadonlyArray<Configuration> {
    return this.#membership.uncommitted
  }

  /** Changes of members that came to their end: configurations that are not joint and wait for nobody. */
  get changeCount(): number {
    return this.#ledger.configurations.filter(
      ({ configuration: { outgoing, goal } }) => outgoing.length === 0 && goal === undefined,
    ).length
  }

  /** A process of the node begins: what an earlier one had in memory is gone. */
  begins(id: NodeId, truth: DiskTruth | null): void {
    this.#seen.delete(id)
    this.#machines.begins(id)
    this.#elections.begins(id, truth?.hardState.term ?? 0)
  }

  /** Its clock shows another time than before. */
  clockRestarted(id: NodeId): void {
    this.#elections.clockRestarted(id)
  }

  /** A node begins anew, from its disk. */
  started(id: NodeId, appliedIndex: Index): void {
    this.#seen.delete(id)
    this.#machines.started(id, appliedIndex)
  }

  /** A disk has lost something, whether or not its node will notice. */
  damaged(id: NodeId): void {
    this.#followers.damaged(id)
  }

  hasLostData(id: NodeId): boolean {
    return this.#followers.hasLostData(id)
  }

  /** An operator has decreed that this node leads. */
  permitsDecree(id: NodeId): void {
    this.#elections.permitsDecree(id)
  }

  /** After every turn, before anything of it leaves. */
  turned(node: Node, turn: Turn, disks: (id: NodeId) => DiskTruth | null, now: Millis): void {
    const before = this.#seen.get(node.id) ?? unseen(node)
    this.#entriesMatch(node, turn)
    insist("term goes forward", node.term >= before.term, `term of ${node.id}`, node.term, before.term)
    this.#elections.turned(node, turn, before, now)
    this.#followers.turned(node, before, this.entryBytesMax, disks)
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
    this.#membership.turned(node, turn)
    if (node.commitIndex > this.committedIndex) this.#commitsAnew(node, before, disks)
    for (let index = Math.max(before.commit, node.log.base.index) + 1; index <= node.commitIndex; index++) {
      const term = node.log.termAt(index)
      const committed = this.#ledger.at(index)!.term
      insist(
        "state machine safety",
        term === committed,
        `${node.id} commits the one entry at ${index}`,
        term,
        committed,
      )
    }
    const disk = disks(node.id)
    if (disk !== null) this.#persisted(node, disk)
    this.#seen.set(node.id, seenOf(node))
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
      this.#ledger.push(node.log.termAt(next)!, by)
    }
    for (const recorded of node.configurations.behind(before.commit)) {
      if (recorded.index <= index && recorded.index > this.#ledger.configurationIndex)
        this.#ledger.pushConfiguration(recorded)
    }
    if (!this.#followers.disksKeep) return
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
    this.#machines.appliedAt(id, entry.index, entry.term)
    const known = this.#entries.get(keyOf(entry))
    const isSame = known === undefined || known % 2n ** 56n === contentOf(entry)
    insist("state machine safety", isSame, `${id} applies what was appended at ${entry.index}`)
  }

  /** The same, of an entry of which only the term is known. */
  appliedAt(id: NodeId, index: Index, term: Term | undefined): void {
    this.#machines.appliedAt(id, index, term)
  }

  /** A snapshot took the place of the state. */
  installed(id: NodeId, index: Index, term: Term, disk: DiskTruth | null): void {
    this.#machines.installed(id, index, term, disk)
  }

  /** Equal logs give equal states (D1). */
  hashed(id: NodeId, index: Index, hash: string): void {
    this.#machines.hashed(id, index, hash)
  }

  /** What states came to there; undefined: nobody has said. */
  hashAt(index: Index): string | undefined {
    return this.#machines.hashAt(index)
  }

  /** Nothing is said that the disk does not hold (E2, E3, R8). */
  said(from: NodeId, to: NodeId, message: Message, disk: DiskTruth): void {
    const { hardState } = disk
    if (!isPreVote(message)) {
      insist(
        "said is on disk",
        message.term <= hardState.term,
        `${message.type} of ${from}: its term`,
        message.term,
        hardState.term,
      )
    }
    this.#elections.said(from, to, message, disk)
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
      this.#membership.describes(from, message.snapshot)
    if ("whole" in message && message.whole) {
      insist(
        "suspect is silent",
        disk.standing === "whole",
        `only a whole disk says so (S4): ${from}`,
        message.type,
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
    }
  }
}

const isPreVote = (message: Message): boolean =>
  (message.type === "VoteRequest" || message.type === "VoteReply") && message.preVote

const contentOf = (entry: Entry): bigint =>
  BigInt.asUintN(56, Bun.hash.xxHash64(entry.data, BigInt(entry.time) * 4n + kinds[entry.kind]))

const kinds = { noop: 0n, command: 1n, configuration: 2n } as const
