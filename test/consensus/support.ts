// How is one situation told in a test? Given a node, when an input, then this whole turn.

import { ConfigurationHistory } from "../../src/consensus/ConfigurationHistory.ts"
import { decodeConfiguration } from "../../src/consensus/configuration.ts"
import { Log } from "../../src/consensus/Log.ts"
import type {
  AppendReply,
  AppendRequest,
  HeartbeatReply,
  HeartbeatRequest,
  Message,
  ReadIndexReply,
  ReadIndexRequest,
  SnapshotChunk,
  SnapshotReply,
  VoteReply,
  VoteRequest,
} from "../../src/consensus/message.ts"
import {
  type Input,
  type Leader,
  type Limits,
  makeNode,
  type Node,
  type Outgoing,
  type Turn,
} from "../../src/consensus/node.ts"
import type { Progress } from "../../src/consensus/Progress.ts"
import { appendFrom, nextSending } from "../../src/consensus/replication.ts"
import { step } from "../../src/consensus/step.ts"
import { takeTurn } from "../../src/consensus/turn.ts"
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  LogBase,
  Millis,
  NodeId,
  Standing,
  Term,
  TermRun,
  Write,
} from "../../src/consensus/types.ts"

export const limits: Limits = {
  electionTimeoutMinMillis: 150,
  electionTimeoutMaxMillis: 300,
  heartbeatMillis: 50,
  clockDriftMillis: 10,
  appendEntriesMax: 4,
  appendBytesMax: 1000,
  inFlightMessagesMax: 3,
  inFlightBytesMax: 2000,
  cacheBytesMax: 1_000_000,
  quietBeatsMin: 20,
}

/** Long after the node has started. */
export const NOW: Millis = 10_000

export const configuration = (of: Partial<Configuration> = {}): Configuration => ({
  voters: ["a", "b", "c"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
  ...of,
})

const NOTHING = new Uint8Array(0)

export const entry = (index: Index, term: Term, of: Partial<Entry> = {}): Entry => ({
  index,
  term,
  time: 0,
  kind: "command",
  data: NOTHING,
  origin: null,
  ...of,
})

export const noop = (index: Index, term: Term, time = 0): Entry => entry(index, term, { kind: "noop", time })

export interface Given {
  readonly id?: NodeId
  readonly term?: Term
  readonly votedFor?: NodeId | null
  /** Terms of the entries behind the base. */
  readonly log?: ReadonlyArray<Term>
  readonly base?: LogBase
  readonly commit?: Index
  readonly applied?: Index
  readonly standing?: Standing
  readonly configuration?: Configuration
  readonly limits?: Partial<Limits>
  readonly startedAt?: Millis
  readonly pendingInstall?: Node["pendingInstall"]
  /** Entries that are on disk but not in memory: all but the newest so many. */
  readonly cached?: number
}

/** Node a (of a, b, c) as it came from its disk, long ago. */
export const given = (of: Given = {}): Node => {
  const base = of.base ?? { index: 0, term: 0 }
  const entries = (of.log ?? []).map((term, at) => entry(base.index + 1 + at, term))
  return fromDisk({
    ...of,
    hardState: { term: of.term ?? of.log?.at(-1) ?? base.term, votedFor: of.votedFor ?? null },
    base,
    entries,
  })
}

export interface OnDisk extends Omit<Given, "term" | "votedFor" | "log"> {
  readonly hardState: HardState
  readonly base: LogBase
  readonly entries: ReadonlyArray<Entry>
}

export const fromDisk = (disk: OnDisk): Node => {
  const { base, entries } = disk
  const node = makeNode({
    group: "main",
    id: disk.id ?? "a",
    limits: { ...limits, ...disk.limits },
    now: disk.startedAt ?? 0,
    hardState: disk.hardState,
    standing: disk.standing ?? "whole",
    log: new Log({
      base,
      lastIndex: base.index + entries.length,
      terms: runsOf(entries),
      tail: entries.slice(Math.max(0, entries.length - (disk.cached ?? entries.length))),
    }),
    configurations: new ConfigurationHistory(
      { index: base.index, configuration: disk.configuration ?? configuration() },
      entries
        .filter(({ kind }) => kind === "configuration")
        .map(({ index, data }) => ({ index, configuration: decodeConfiguration(data) })),
    ),
    appliedIndex: disk.applied ?? base.index,
    lastTime: entries.at(-1)?.time ?? 0,
    pendingInstall: disk.pendingInstall ?? null,
  })
  node.commitIndex = Math.max(node.commitIndex, disk.commit ?? 0)
  return node
}

export const runsOf = (entries: ReadonlyArray<Entry>): Array<TermRun> =>
  entries
    .filter(({ term }, at) => entries[at - 1]?.term !== term)
    .map(({ term, index }) => ({ term, firstIndex: index }))

/** What a turn hands over, without the draft it grew from. */
export type Outcome = Omit<Turn, "draft">

/** The turn in which nothing happens; tests say what differs. */
export const turnOf = (of: Partial<Outcome> = {}): Outcome => ({
  messages: [],
  reads: [],
  dismissed: [],
  judged: [],
  chunks: [],
  compacted: null,
  write: null,
  ...of,
})

export const writeOf = (sequence: number, of: Partial<Write>): Write => ({
  sequence,
  hardState: null,
  install: null,
  truncateFrom: null,
  entries: [],
  standing: null,
  ...of,
})

/** One turn with these inputs. */
export const when = (node: Node, inputs: Input | ReadonlyArray<Input>, now: Millis = NOW): Outcome => {
  for (const input of [inputs].flat() as Array<Input>) step(node, input, now)
  const { draft: _, ...outcome } = takeTurn(node)
  return outcome
}

export const received = (from: NodeId, message: Message): Input => ({ type: "Received", from, message })

export const hears = (node: Node, from: NodeId, message: Message, now: Millis = NOW): Outcome =>
  when(node, received(from, message), now)

/** The disk has everything that was handed to it. */
export const persists = (node: Node, now: Millis = NOW): Outcome =>
  when(node, { type: "Persisted", sequence: node.nextSequence - 1 }, now)

export const timesOut = (node: Node, now: Millis = NOW): Outcome =>
  when(node, { type: "ElectionTimedOut", after: limits.electionTimeoutMinMillis }, now)

export const proposes = (node: Node, origins: ReadonlyArray<object>, now: Millis = NOW, time = 0): Outcome =>
  when(
    node,
    {
      type: "Proposed",
      time,
      proposals: origins.map((origin) => ({ kind: "command", data: NOTHING, origin })),
    },
    now,
  )

export const reads = (
  node: Node,
  origins: ReadonlyArray<object>,
  lease = false,
  now: Millis = NOW,
): Outcome => when(node, { type: "ReadRequested", origins, lease }, now)

/** Stands, is elected by `by`, and opens its term; its no-op is on disk unless `unsynced`. */
export const elected = (
  node: Node,
  {
    by = ["b"],
    now = NOW,
    unsynced = false,
  }: { by?: ReadonlyArray<NodeId>; now?: Millis; unsynced?: boolean } = {},
): Leader => {
  timesOut(node, now)
  for (const id of by) hears(node, id, voteReply({ term: node.term + 1, preVote: true, granted: true }), now)
  persists(node, now)
  for (const id of by) hears(node, id, voteReply({ term: node.term, granted: true }), now)
  if (node.role.kind !== "leader") throw new Error(`${node.id} was not elected by ${by}`)
  if (!unsynced) persists(node, now)
  return node.role
}

/** A leader whose followers have everything, of which everything is committed. */
export const reigning = (of: Given = {}, now: Millis = NOW): { node: Node; leader: Leader } => {
  const node = given(of)
  const peers = (of.configuration ?? configuration()).voters.filter((id) => id !== node.id)
  const leader = elected(node, { by: peers, now })
  for (const [id, progress] of leader.progress) {
    replicates(node, id, now)
    hears(
      node,
      id,
      appendReply({ term: node.term, index: node.log.lastIndex, session: progress.session }),
      now,
    )
    replicates(node, id, now)
  }
  return { node, leader }
}

export const progressOf = (node: Node, id: NodeId): Progress => {
  if (node.role.kind !== "leader") throw new Error(`${node.id} does not lead`)
  return node.role.progress.get(id)!
}

/** What the leader sends to a follower now, until it has to wait. */
export const replicates = (node: Node, id: NodeId, now: Millis = NOW): ReadonlyArray<AppendRequest> => {
  const progress = progressOf(node, id)
  const messages: Array<AppendRequest> = []
  while (true) {
    const sending = nextSending(node, progress, now)
    if (sending.type !== "append") return messages
    messages.push(sending.message)
  }
}

/** As a replicator does with entries that came from the disk. */
export const replicatesFrom = (node: Node, id: NodeId, entries: ReadonlyArray<Entry>) =>
  appendFrom(node, progressOf(node, id), entries, NOW)

export const to = (id: NodeId, message: Message): Outgoing => ({ to: id, message })

export const voteRequest = (of: Partial<VoteRequest>): VoteRequest => ({
  type: "VoteRequest",
  term: 1,
  preVote: false,
  lastIndex: 0,
  lastTerm: 0,
  transfer: false,
  ...of,
})

export const voteReply = (of: Partial<VoteReply>): VoteReply => ({
  type: "VoteReply",
  term: 1,
  preVote: false,
  granted: false,
  ...of,
})

export const append = (of: Partial<AppendRequest>): AppendRequest => ({
  type: "AppendRequest",
  term: 1,
  prevIndex: 0,
  prevTerm: 0,
  entries: [],
  commit: 0,
  repairThrough: 0,
  session: 1,
  ...of,
})

export const appendReply = (of: Partial<AppendReply>): AppendReply => ({
  type: "AppendReply",
  term: 1,
  accepted: true,
  index: 0,
  hintIndex: 0,
  hintTerm: 0,
  whole: true,
  session: 1,
  ...of,
})

export const heartbeat = (of: Partial<HeartbeatRequest>): HeartbeatRequest => ({
  type: "HeartbeatRequest",
  term: 1,
  commit: 0,
  acknowledged: 1,
  round: 1,
  sentAt: NOW,
  rest: false,
  ...of,
})

export const heartbeatReply = (of: Partial<HeartbeatReply>): HeartbeatReply => ({
  type: "HeartbeatReply",
  term: 1,
  round: 1,
  sentAt: NOW,
  lastIndex: 0,
  whole: true,
  isShort: false,
  rests: false,
  ...of,
})

export const chunkOf = (of: Partial<SnapshotChunk>): SnapshotChunk => ({
  type: "SnapshotChunk",
  term: 1,
  snapshot: { index: 5, term: 1, configuration: configuration() },
  id: "s",
  totalBytes: 10,
  offset: 0,
  bytes: NOTHING,
  checksum: 0,
  repairThrough: 0,
  session: 1,
  ...of,
})

export const snapshotReply = (of: Partial<SnapshotReply>): SnapshotReply => ({
  type: "SnapshotReply",
  term: 1,
  id: "s",
  received: 0,
  installedIndex: 0,
  whole: true,
  session: 1,
  ...of,
})

export const readIndexRequest = (of: Partial<ReadIndexRequest>): ReadIndexRequest => ({
  type: "ReadIndexRequest",
  term: 1,
  id: 1,
  ...of,
})

export const readIndexReply = (of: Partial<ReadIndexReply>): ReadIndexReply => ({
  type: "ReadIndexReply",
  term: 1,
  id: 1,
  index: 0,
  ...of,
})
