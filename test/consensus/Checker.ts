// What must hold whatever happens? Everything that the nodes of a run do is held against it, step by step.

import { assert } from "../../src/consensus/assert.ts"
import type { Node, Turn } from "../../src/consensus/node.ts"
import type { Configuration, Entry, Index, NodeId, Origin, Term } from "../../src/consensus/types.ts"
import type { Disk } from "./Disk.ts"

/** Who waits for a proposal or a read of a run. */
export class Waiting implements Origin {
  readonly kind: "proposal" | "read"
  /** Everything up to here was committed when the read was requested. */
  readonly floor: Index
  /** It is in a log: from now on nobody can say that it will not happen. */
  isLogged = false
  answer: "applied" | "served" | "not-leader" | "lost" | null = null

  constructor(kind: "proposal" | "read", floor: Index) {
    this.kind = kind
    this.floor = floor
  }

  answered(answer: NonNullable<Waiting["answer"]>): void {
    assert(this.answer === null, "who waits is answered once", this.answer, answer)
    assert(
      answer !== "not-leader" || !this.isLogged,
      "what may still happen is not rejected (C2, R12)",
      answer,
    )
    this.answer = answer
  }
}

export class Checker {
  readonly #leaders = new Map<Term, NodeId>()
  readonly #votes = new Map<string, NodeId>()
  /** What stands at (index, term), and the term before it. */
  readonly #entries = new Map<string, string>()
  /** What was committed, by index − 1: its term, and the term of the leader that committed it. */
  readonly #committed: Array<{ readonly term: Term; readonly by: Term }> = []
  /** False once a disk has lost something: what was said no longer proves what is there. */
  disksKeep = true

  get committedIndex(): Index {
    return this.#committed.length
  }

  /** After every turn, before its messages leave. */
  turn(node: Node, turn: Turn, before: { readonly commit: Index; readonly role: string }): void {
    this.#entriesMatch(node, turn)
    if (node.role.kind === "leader" && before.role !== "leader") this.#leads(node)
    this.#windows(node)
    assert(
      node.commitIndex >= before.commit,
      "the commit index never goes back",
      node.commitIndex,
      before.commit,
    )
    assert(
      node.commitIndex <= node.log.lastIndex,
      "commit within the log (R10)",
      node.commitIndex,
      node.log.lastIndex,
    )
    assert(node.appliedIndex <= node.commitIndex, "applied is committed", node.appliedIndex, node.commitIndex)
    for (let index = before.commit + 1; index <= node.commitIndex; index++) this.#commits(node, index)
    for (const { origin, index } of turn.reads) {
      const { floor } = origin as Waiting
      assert(
        index >= floor,
        `a read sees all that was committed before it (L1–L5) at ${node.id}`,
        index,
        floor,
      )
    }
    for (const { origin } of turn.write?.entries ?? [])
      if (origin !== null) (origin as Waiting).isLogged = true
    for (const { origin, reason } of turn.dismissed) (origin as Waiting).answered(reason)
  }

  /** A leader commits: it is in its own term, and on the disks of a quorum of both halves (R4, R7, R8). */
  leaderCommits(node: Node, disks: ReadonlyMap<NodeId, Disk>): void {
    const index = node.commitIndex
    const term = node.log.termAt(index)
    assert(term === node.term, "only an entry of the own term is committed by counting (R4)", term, node.term)
    for (let next = this.committedIndex + 1; next <= index; next++)
      this.#committed.push({ term: node.log.termAt(next)!, by: term })
    if (!this.disksKeep) return
    const configuration: Configuration = node.configurations.current
    for (const half of [configuration.voters, configuration.outgoing]) {
      const holders = half.filter((id) => disks.get(id)!.holds(index, node.term))
      assert(
        half.length === 0 || holders.length * 2 > half.length,
        `a majority of ${half} has ${index} on disk`,
        `only ${holders}`,
      )
    }
  }

  /** The machine takes an entry in. */
  applied(index: Index, term: Term | undefined): void {
    const committed = this.#committed[index - 1]?.term
    assert(committed === term, `all machines apply the same at ${index} (§5.4.3)`, term, committed)
  }

  /** Nothing is said that the disk does not hold (E2, E3, R8). */
  said(from: NodeId, disk: Disk, { messages }: Pick<Turn, "messages">): void {
    const { hardState } = disk
    for (const { to, message } of messages) {
      const isPreVote = (message.type === "VoteRequest" || message.type === "VoteReply") && message.preVote
      if (!isPreVote) {
        assert(
          message.term <= hardState.term,
          `${message.type}: its term is on disk`,
          message.term,
          hardState.term,
        )
      }
      if (message.type === "VoteRequest" && !message.preVote) this.#votesFor(from, message.term, from, disk)
      if (message.type === "VoteReply" && !message.preVote && message.granted)
        this.#votesFor(from, message.term, to, disk)
      const isOfNow = message.term === hardState.term
      if (message.type === "AppendReply" && message.accepted && isOfNow) {
        assert(
          disk.lastIndex >= message.index,
          "what is acknowledged is on disk (R8)",
          message.index,
          disk.lastIndex,
        )
      }
      if (message.type === "SnapshotReply" && isOfNow) {
        assert(
          disk.lastIndex >= message.installedIndex,
          "what is installed is on disk",
          message.installedIndex,
          disk.lastIndex,
        )
      }
      if ("whole" in message && message.whole) {
        assert(disk.standing === "whole", "only a whole disk says so (S4)", message.type)
      }
    }
  }

  /** What the node believes to be on disk is there, as it believes it (R9). */
  persisted(node: Node, disk: Disk): void {
    const index = node.log.persistedIndex
    if (index <= node.log.base.index || index <= disk.base.index) return
    const term = disk.termAt(index)
    assert(
      term === node.log.termAt(index),
      `${node.id}: entry ${index} is on disk as in memory (R9)`,
      term,
      node.log.termAt(index),
    )
  }

  #votesFor(voter: NodeId, term: Term, candidate: NodeId, disk: Disk): void {
    const key = `${voter} in ${term}`
    const earlier = this.#votes.get(key) ?? candidate
    assert(earlier === candidate, `one vote per term (§5.2): ${key}`, earlier, candidate)
    this.#votes.set(key, candidate)
    if (disk.hardState.term === term)
      assert(
        disk.hardState.votedFor === candidate,
        `vote of ${key} on disk`,
        disk.hardState.votedFor,
        candidate,
      )
    assert(disk.standing === "whole", "a suspect node does not vote (S4)", key)
  }

  /** Log Matching (§5.3): the same (index, term) is the same entry behind the same entry, everywhere. */
  #entriesMatch(node: Node, turn: Turn): void {
    for (const entry of turn.write?.entries ?? []) {
      const key = `${entry.index}@${entry.term}`
      const content = describe(entry, node.log.termAt(entry.index - 1))
      const known = this.#entries.get(key) ?? content
      assert(known === content, `one entry per position and term (§5.3): ${key}`, known, content)
      this.#entries.set(key, content)
    }
  }

  /** Election Safety (§5.2) and Leader Completeness (§5.4.3). */
  #leads(node: Node): void {
    const other = this.#leaders.get(node.term) ?? node.id
    assert(other === node.id, `one leader in term ${node.term} (E1)`, other, node.id)
    this.#leaders.set(node.term, node.id)
    for (let index = node.log.base.index + 1; index <= this.committedIndex; index++) {
      const { term, by } = this.#committed[index - 1]!
      // A majority's votes may come so late that a leader of a newer term has committed meanwhile.
      if (by >= node.term) return
      const own = node.log.termAt(index)
      assert(own === term, `leader ${node.id} of term ${node.term} holds committed ${index} (R16)`, own, term)
    }
  }

  #commits(node: Node, index: Index): void {
    const term = node.log.termAt(index)
    assert(index <= this.committedIndex, `only a leader commits anew (R5, R10): ${node.id}`, index)
    const isCovered = index < node.log.base.index
    assert(
      isCovered || term === this.#committed[index - 1]!.term,
      `${node.id} commits the one entry at ${index}`,
      term,
    )
  }

  #windows(node: Node): void {
    if (node.role.kind !== "leader") return
    for (const [id, progress] of node.role.progress) {
      const { limits, log } = node
      assert(progress.match < progress.next, `match < next of ${id}`, progress.match, progress.next)
      assert(progress.match <= log.lastIndex, `match of ${id} within the log`, progress.match, log.lastIndex)
      assert(progress.next <= log.lastIndex + 1, `next of ${id}`, progress.next, log.lastIndex)
      assert(
        progress.inFlightCount <= limits.inFlightMessagesMax,
        `window of ${id} (R13)`,
        progress.inFlightCount,
      )
      assert(
        progress.inFlightBytes <= limits.inFlightBytesMax + limits.appendBytesMax,
        `window of ${id} in bytes (R13)`,
        progress.inFlightBytes,
      )
    }
  }
}

const describe = (entry: Entry, termBefore: Term | undefined): string =>
  `${entry.kind} at ${entry.time} of ${entry.data.join(".")} behind term ${termBefore}`
