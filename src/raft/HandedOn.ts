// Who answers a read that this node's own disk cannot follow, for want of room perhaps? The leader.

import { Option, Schema } from "effect"
import { knownLeader } from "../consensus/node.ts"
import type { Index, Millis, NodeId } from "../consensus/types.ts"
import type { QueryOutcome } from "../machine/outcome.ts"
import type { QueryReply, QueryRequest } from "../transport/Transport.ts"
import type { Group } from "./Group.ts"
import type { Failure, Read } from "./Raft.ts"
import { isInRepair } from "./repair.ts"

/** A linearizable read without an answer. */
export interface LateRead {
  readonly read: Read
  /** Not to be served before the machine has come here. */
  readonly index: Index
  readonly since: Millis
  handedOnAt: Millis
}

interface Asked<Late> {
  readonly leader: NodeId
  readonly reads: ReadonlyArray<Late>
  readonly askedAt: Millis
}

/** As many queries as one request asks. */
const QUERIES_MAX = 512

/** Asks again when no answer comes: a read may be answered any number of times. */
export class HandedOn<Late extends LateRead> {
  readonly #group: Group
  readonly #settle: (late: Late, answer: QueryOutcome) => void
  readonly #asked = new Map<number, Asked<Late>>()
  /** Begins anywhere, so that an answer to an earlier process is not taken for one to this (HAZARDS R12). */
  #nextId: number

  constructor(group: Group, settle: (late: Late, answer: QueryOutcome) => void) {
    this.#group = group
    this.#settle = settle
    this.#nextId = Math.floor(group.random.nextDoubleUnsafe() * 2 ** 48)
  }

  /** No answer is waited for. */
  get isEmpty(): boolean {
    return this.#asked.size === 0
  }

  /** Those that wait for what does not come to this node's disk, or has not for longer than a leader may be silent. */
  ask(waiting: Iterable<Late>, now: Millis): void {
    const { node, options, transport } = this.#group
    const leader = knownLeader(node)
    for (const [id, { askedAt }] of this.#asked) {
      if (now - askedAt >= options.forwardRetryMillis) this.#asked.delete(id)
    }
    if (leader === null || leader === node.id) return
    const isOut = node.standing === "suspect" || isInRepair(this.#group)
    const patienceMillis = node.isShort || isOut ? 0 : options.limits.electionTimeoutMaxMillis
    const isDue = ({ index, since, handedOnAt }: Late): boolean =>
      now - since >= patienceMillis &&
      now - handedOnAt >= options.forwardRetryMillis &&
      (index > node.log.persistedIndex || isOut)
    const due = Iterator.from(waiting).filter(isDue).take(QUERIES_MAX).toArray()
    if (due.length === 0) return
    const id = this.#nextId++
    const request: QueryRequest = {
      type: "QueryRequest",
      id,
      queries: due.map(({ read }) => encodeRead(read)),
    }
    if (!transport.send(leader, node.group, request)) return
    for (const late of due) late.handedOnAt = now
    this.#asked.set(id, { leader, reads: due, askedAt: now })
  }

  onReply(from: NodeId, reply: QueryReply): void {
    const asked = this.#asked.get(reply.id)
    if (asked === undefined || asked.leader !== from) return
    this.#asked.delete(reply.id)
    for (const [position, late] of asked.reads.entries()) {
      const answer = JSON.parse(reply.answers[position]!) as QueryOutcome | Failure
      if (answer._tag !== "Failure") this.#settle(late, answer)
    }
  }
}

const encodeRead = ({ query, minIndex }: Read): string => JSON.stringify({ query, minIndex })

/** Null for what no node of this release asks. */
export const decodeRead = (text: string): Pick<Read, "query" | "minIndex"> | null =>
  Option.getOrNull(decode(text))

const name = { actor: Schema.String, key: Schema.String }
const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      query: Schema.Union([
        Schema.Struct({ type: Schema.Literal("query"), ...name, query: Schema.String, input: Schema.String }),
        Schema.Struct({ type: Schema.Literal("state"), ...name }),
        Schema.Struct({
          type: Schema.Literal("list"),
          actor: Schema.String,
          prefix: Schema.String,
          after: Schema.String,
          limit: Schema.Int,
        }),
      ]),
      minIndex: Schema.Int,
    }),
  ),
)
