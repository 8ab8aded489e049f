// Where does a state come from when this node has lost its own, and its log does not reach back to the beginning, or
// leads to an entry that its machine cannot get past? From a peer, piece by piece. The log goes on meanwhile, and where
// it stands decides: what comes is a state behind a committed entry that this log knows, and the entries behind that one
// are applied to it.

import { crc32 } from "node:zlib"
import { Effect } from "effect"
import { members } from "../consensus/configuration.ts"
import { applicableIndex, knownLeader, lacksState, stateNeeded } from "../consensus/node.ts"
import type { Index, Millis, NodeId, Term } from "../consensus/types.ts"
import type { StatePiece } from "../transport/Transport.ts"
import { type Group, nowOf } from "./Group.ts"

/** A state that is here, and is not the machine's yet. */
export interface Fetched {
  readonly snapshotId: string
  readonly index: Index
  readonly term: Term
}

/** What was asked of whom last: only its answer is heard, or late and repeated ones would have two at work at once. */
interface Question {
  readonly of: NodeId
  readonly id: string
  readonly offset: number
  readonly at: Millis
}

const LOOK_MILLIS = 25

export class Refill {
  readonly #group: Group
  readonly #ready: () => void
  #fetched: Fetched | null = null
  #question: Question | null = null
  #yieldedAt: Millis = Number.NEGATIVE_INFINITY
  /** How many peers were turned to so far, and how often the present one has not answered in a row. */
  #turns = 0
  #silences = 0

  /** `ready`: called when a state has come that the machine can take. */
  constructor(group: Group, ready: () => void) {
    this.#group = group
    this.#ready = ready
  }

  /** Null while there is none that the log on this disk knows the place of. */
  get ready(): Fetched | null {
    const fetched = this.#fetched
    return fetched === null || fetched.index > applicableIndex(this.#group.node) ? null : fetched
  }

  /** It is the machine's now. */
  taken(): void {
    this.#fetched = null
  }

  /**
   * A leader sends a snapshot, which brings a state as well, and a log that begins behind it. There is room for one of the
   * two: each would make the store forget the pieces of the other.
   */
  yieldTo(): void {
    this.#fetched = null
    this.#question = null
    this.#yieldedAt = nowOf(this.#group.clock)
  }

  /**
   * Asks until the machine has a state, from here or from a leader. Who does not answer is asked once more: a question
   * may be lost, and what came from there so far is of no use with another peer's copy. Then the next one is.
   */
  life() {
    return Effect.gen({ self: this }, function* () {
      const { node, observer } = this.#group
      if (lacksState(node)) observer.event("the log alone leads to no state: asking for one", {})
      while (lacksState(node)) {
        if (this.#fetched === null && this.#isQuiet) this.#askSomebody()
        yield* Effect.sleep(LOOK_MILLIS)
      }
    })
  }

  /** A piece has come. Keeps it when it is the next one. */
  keep(from: NodeId, piece: StatePiece) {
    return Effect.gen({ self: this }, function* () {
      const { node, snapshots } = this.#group
      const { id, index, term, totalBytes, offset, bytes } = piece
      // What the log knows under another term is another history.
      const isOurs = index >= stateNeeded(node) && (node.log.termAt(index) ?? term) === term
      if (!lacksState(node) || this.#fetched !== null || !this.#isAnswer(from, piece) || !isOurs) return
      let received = yield* snapshots.received(id)
      const isNext = offset === received && bytes.length > 0 && crc32(bytes) === piece.checksum
      if (isNext) received = yield* snapshots.receive({ id, offset, bytes })
      this.#silences = 0
      if (received < totalBytes) return this.#ask(from, id, received)
      yield* snapshots.finish({ id, bytes: totalBytes })
      this.#question = null
      this.#fetched = { snapshotId: id, index, term }
      this.#ready()
    })
  }

  /** Of another copy than the one that was asked about it is the first piece: the peer has that no more. */
  #isAnswer(from: NodeId, { id, offset }: StatePiece): boolean {
    const question = this.#question
    return question?.of === from && offset === (id === question.id ? question.offset : 0)
  }

  /** Nothing is under way, by its own asking or by a leader's sending. */
  get #isQuiet(): boolean {
    const { clock, options } = this.#group
    const lastAt = Math.max(this.#question?.at ?? Number.NEGATIVE_INFINITY, this.#yieldedAt)
    return nowOf(clock) - lastAt >= options.refillRetryMillis
  }

  /** The leader first: its state is the one that a majority's are compared with. */
  #askSomebody(): void {
    const { node } = this.#group
    const others = members(node.configurations.current).filter((id) => id !== node.id)
    const leader = knownLeader(node)
    const candidates =
      leader === null || leader === node.id ? others : [leader, ...others.filter((id) => id !== leader)]
    if (candidates.length === 0) return
    const asked = this.#question?.of
    const again = this.#silences === 0 && asked !== undefined && candidates.includes(asked)
    this.#silences = again ? 1 : 0
    this.#ask(again ? asked : candidates[this.#turns++ % candidates.length]!, "", 0)
  }

  #ask(of: NodeId, id: string, offset: number): void {
    const { clock, node, transport } = this.#group
    this.#question = { of, id, offset, at: nowOf(clock) }
    transport.send(of, node.group, { type: "StateRequest", index: stateNeeded(node), id, offset })
  }
}
