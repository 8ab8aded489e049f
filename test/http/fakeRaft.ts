// A Raft door without Raft: one node, or one that follows, over a counter in memory.

import { Effect } from "effect"
import type { Configuration } from "../../src/consensus/types.ts"
import type { Groups } from "../../src/groups/Groups.ts"
import { type App, type AppOptions, makeApp } from "../../src/http/app.ts"
import type { Door } from "../../src/http/Doors.ts"
import type { FailureCount } from "../../src/machine/beside/fault.ts"
import { decodeCommand, type LoggedCommand } from "../../src/machine/command.ts"
import type { LeadingStatus } from "../../src/machine/leading/Leading.ts"
import type { MachineHost, Query } from "../../src/machine/MachineHost.ts"
import type { Outcome, QueryOutcome, RefusalCode } from "../../src/machine/outcome.ts"
import { Metrics } from "../../src/metrics/Metrics.ts"
import type {
  Changed,
  ChangeRequest,
  Failure,
  GroupStatus,
  Proposal,
  Raft,
  Read,
  ResetRequest,
  TransferRequest,
} from "../../src/raft/Raft.ts"

/** As a node's own group has it: all of its machine. */
export interface FakeDoor extends Door {
  readonly machine: MachineHost["Service"]
}

export interface Fake {
  readonly app: App
  readonly metrics: Metrics
  readonly door: FakeDoor
  /** Every command that came through the door, decoded. */
  readonly proposed: Array<LoggedCommand>
  readonly proposals: Array<Proposal>
  readonly reads: Array<Read>
  /** Every change of members and every hand-over that it was asked for, and what it answers from now on. */
  readonly changes: Array<ChangeRequest>
  readonly transfers: Array<TransferRequest>
  readonly resets: Array<ResetRequest>
  readonly changed: { current: Changed | Failure }
  readonly transferred: { current: { readonly leader: string; readonly term: number } | Failure }
  readonly defects: Array<string>
  /** What the group says about itself from now on. */
  readonly status: { current: GroupStatus }
  /** Set: every proposal and read gets this instead of an answer of the machine; "silence" gets none. */
  readonly instead: { current: Failure | "silence" | null }
  /** The file that a backup gives; how many were asked for and made, and how many are held now. */
  readonly backup: { bytes: Uint8Array; asked: number; made: number; held: number }
  /** Set: a backup waits for this first, or is this instead. */
  readonly backupInstead: { current: Raft["Service"]["backup"] | Promise<void> | null }
  /** What its log answers from now on. */
  readonly log: { current: Raft["Service"]["log"] }
  /** What runs beside the leader. */
  readonly leading: { status: ReadonlyArray<LeadingStatus>; failures: ReadonlyArray<FailureCount> }
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>
}

const configuration: Configuration = {
  voters: ["n1", "n2"],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {
    n1: { peer: "127.0.0.1:5001", client: "http://127.0.0.1:4001" },
    n2: { peer: "127.0.0.1:5002", client: "http://127.0.0.1:4002" },
  },
}

export const leading: GroupStatus = {
  group: "main",
  id: "n1",
  role: "leader",
  standing: "whole",
  term: 2,
  leader: "n1",
  serving: true,
  ready: true,
  commitIndex: 7,
  appliedIndex: 7,
  persistedIndex: 8,
  firstIndex: 1,
  lastIndex: 8,
  lastTerm: 2,
  snapshotIndex: 0,
  leaderChanges: 1,
  outcast: null,
  parted: null,
  partings: { differs: 0, corrupt: 0, scrub: 0, stuck: 0, missing: 0 },
  checkpoint: null,
  splits: 0,
  scrubs: { count: 3, tookMillis: 250 },
  heardMillis: 0,
  diskBusyMillis: 0,
  diskShort: false,
  resting: false,
  configuration,
  committed: configuration,
  members: [
    { id: "n1", role: "voter", peer: "127.0.0.1:5001", client: "http://127.0.0.1:4001", progress: null },
    {
      id: "n2",
      role: "voter",
      peer: "127.0.0.1:5002",
      client: "http://127.0.0.1:4002",
      progress: { state: "replicate", matchIndex: 6, lag: 2, lastContactMillis: 12, whole: true },
    },
  ],
  queues: { mailbox: 3 },
}

/** A node that runs `main` alone. */
export const groupsOf = ({ raft, machine }: FakeDoor): Groups["Service"] => {
  const main = { raft, machine, leading: null }
  return {
    main,
    find: (group) => (group === raft.group ? main : undefined),
    all: () => [main],
    onChange: () => () => {},
    isOpen: (group) => group === raft.group,
    isHere: (group) => group === raft.group,
    directory: () => ({
      asOf: 0,
      awaited: [],
      seated: [],
      zones: {},
      leaders: () => new Map(),
      isThere: () => true,
    }),
    seatingOf: () => null,
    placementOf: () => null,
    placeOf: () => null,
    look: Effect.void,
    stopped: raft.stopped,
    handOver: raft.handOver,
    answerAll: raft.answerAll,
  }
}

/** n2 leads at `client`, and n1 follows. */
export const following = (client = "http://127.0.0.1:4002"): GroupStatus => ({
  ...leading,
  role: "follower",
  leader: "n2",
  serving: false,
  members: leading.members.map((member) =>
    member.id === "n2" ? { ...member, client, progress: null } : member,
  ),
  configuration: {
    ...leading.configuration,
    addresses: { ...leading.configuration.addresses, n2: { peer: "127.0.0.1:5002", client } },
  },
})

export const leaderless: GroupStatus = { ...leading, role: "candidate", leader: null, ready: false }

export const makeFake = (options: Partial<AppOptions> = {}): Fake => {
  const fake = {
    proposed: [] as LoggedCommand[],
    proposals: [] as Proposal[],
    reads: [] as Read[],
    changes: [] as ChangeRequest[],
    transfers: [] as TransferRequest[],
    resets: [] as ResetRequest[],
    changed: {
      current: { configuration: leading.configuration, index: 9, term: 2, isDone: true } as Changed | Failure,
    },
    transferred: { current: { leader: "n2", term: 3 } as Fake["transferred"]["current"] },
    defects: [] as string[],
    status: { current: leading },
    instead: { current: null as Failure | "silence" | null },
    backup: { bytes: new TextEncoder().encode("all of it"), asked: 0, made: 0, held: 0 },
    backupInstead: { current: null as Raft["Service"]["backup"] | Promise<void> | null },
    leading: { status: [], failures: [] } as Fake["leading"],
    log: {
      current: (() => Effect.succeed({ firstIndex: 1, lastIndex: 7, entries: [] })) as Raft["Service"]["log"],
    },
  }
  const counters = new Map<string, { value: number; revision: number }>()
  const outcomes = new Map<string, { readonly call: string; readonly outcome: Outcome }>()
  let index = 7
  let now = 0
  const execute = (command: LoggedCommand): Outcome => {
    const remembered = `${command.key}\n${command.idempotencyKey}`
    const call = `${command.command}\n${command.input}`
    const first = outcomes.get(remembered)
    if (first !== undefined) {
      return first.call === call
        ? { ...first.outcome, replayed: true }
        : refused("idempotency-mismatch", "The key was used with another input.")
    }
    const counter = counters.get(command.key) ?? { value: 0, revision: 0 }
    if (command.ifRevision !== null && command.ifRevision !== counter.revision) {
      const { revision } = counter
      return refused("revision-mismatch", `The instance is at revision ${revision}.`, { revision })
    }
    const outcome = reduce(command, counter, index + 1)
    if (outcome._tag === "Refused" && outcome.code !== "rejected") return outcome
    if (outcome._tag === "Accepted") {
      counters.set(command.key, { value: Number(outcome.result), revision: outcome.revision })
    }
    index++
    outcomes.set(remembered, { call, outcome })
    return outcome
  }
  const raft: Raft["Service"] = {
    group: "main",
    now: () => ++now,
    propose: (proposals) => {
      for (const proposal of proposals) {
        const command = decodeCommand(proposal.command)
        if (command === null) throw new Error("the door got bytes that are no command")
        fake.proposals.push(proposal)
        fake.proposed.push(command)
        const { current } = fake.instead
        if (current !== "silence") proposal.answer(current ?? execute(command))
      }
    },
    read: (read) => {
      fake.reads.push(read)
      const { current } = fake.instead
      if (current !== "silence") read.answer(current ?? answerQuery(read.query, counters, index))
    },
    change: (request) => {
      fake.changes.push(request)
      request.answer(fake.changed.current)
    },
    reset: (request) => {
      fake.resets.push(request)
      request.answer(fake.changed.current)
    },
    transfer: (request) => {
      fake.transfers.push(request)
      request.answer(fake.transferred.current)
    },
    onApplied: () => () => {},
    glance: () => fake.status.current,
    status: () => fake.status.current,
    stopped: Effect.never,
    handOver: Effect.void,
    answerAll: Effect.void,
    log: (range) => fake.log.current(range),
    snapshot: Effect.succeed({
      index: 7,
      term: 2,
      id: "abc",
      bytes: 4096,
      configuration: leading.configuration,
    }),
    backup: Effect.suspend(() => {
      fake.backup.asked++
      const { current } = fake.backupInstead
      if (Effect.isEffect(current)) return current
      return Effect.andThen(
        Effect.promise(async () => current),
        Effect.acquireRelease(
          Effect.sync(() => {
            fake.backup.made++
            fake.backup.held++
            return heldOf(fake.backup.bytes, index)
          }),
          () => Effect.sync(() => fake.backup.held--),
        ),
      )
    }),
  }
  const door: FakeDoor = {
    raft,
    machine,
    leading: {
      lead: () => unasked,
      status: () => fake.leading.status,
      failures: () => fake.leading.failures,
    },
  }
  const metrics = new Metrics()
  const app = makeApp({
    node: {
      id: "n1",
      clusterId: "c-1",
      version: "0.1.0",
      listen: "http://127.0.0.1:4001",
      peer: "127.0.0.1:5001",
      uptimeMillis: () => 1234,
    },
    doors: new Map([["main", door]]),
    metrics,
    defect: (message, cause) => fake.defects.push(`${message}: ${cause}`),
    ...options,
  })
  const ask = async (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(`http://127.0.0.1:4001${path}`, { redirect: "manual", ...init }))
  return { ...fake, app, metrics, door, ask }
}

const heldOf = (bytes: Uint8Array, index: number): Effect.Success<Raft["Service"]["backup"]> => ({
  snapshot: {
    index,
    term: 1,
    id: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    bytes: bytes.byteLength,
    configuration: leading.configuration,
  },
  read: (offset, bytesMax) => Effect.sync(() => bytes.slice(offset, offset + bytesMax)),
})

const reduce = (
  command: LoggedCommand,
  counter: { readonly value: number; readonly revision: number },
  index: number,
): Outcome => {
  if (command.actor !== "counter") return refused("unknown-actor", `There is no actor ${command.actor}.`)
  if (command.command !== "add") return refused("unknown-command", `No command ${command.command}.`)
  const input = JSON.parse(command.input) as { readonly by?: unknown } | null
  const fields = Object.keys(input ?? {}).join()
  if (typeof input !== "object" || fields !== "by" || !Number.isInteger(input?.by)) {
    return refused("invalid-input", "Expected { by: integer }.", { issues: [{ path: "/by", message: "…" }] })
  }
  const by = Number(input?.by)
  if (by > 100) return refused("rejected", "add takes 100 at the most", { reason: "too-big" })
  return {
    _tag: "Accepted",
    result: String(counter.value + by),
    revision: counter.revision + 1,
    index,
    term: 2,
    replayed: false,
  }
}

const answerQuery = (
  query: Query,
  counters: ReadonlyMap<string, { readonly value: number; readonly revision: number }>,
  index: number,
): QueryOutcome => {
  if (query.actor !== "counter") return refused("unknown-actor", `There is no actor ${query.actor}.`)
  if (query.type === "list") {
    const instances = [...counters].map(([key, { revision }]) => ({ key, revision }))
    return { _tag: "Answered", body: JSON.stringify({ instances, next: null }), index }
  }
  const { value, revision } = counters.get(query.key) ?? { value: 0, revision: 0 }
  if (query.type === "state") {
    return { _tag: "Answered", body: JSON.stringify({ state: { value }, revision, index }), index }
  }
  if (query.query !== "value") return refused("unknown-query", `No query ${query.query}.`)
  return { _tag: "Answered", body: JSON.stringify({ result: value, revision, index }), index }
}

const refused = (code: RefusalCode, detail: string, extra: object = {}) =>
  ({ _tag: "Refused", code, detail, extra: JSON.stringify(extra), replayed: false }) as const

/** Status is all that HTTP asks of a machine host; everything else goes through the door. */
const unasked = Effect.die("HTTP has no business here")
const machine: MachineHost["Service"] = {
  own: [],
  lost: null,
  position: unasked,
  admit: () => unasked,
  trial: () => unasked,
  foresee: () => unasked,
  inspect: () => unasked,
  plan: () => unasked,
  led: unasked,
  routed: () => unasked,
  code: () => unasked,
  actors: unasked,
  groups: unasked,
  places: unasked,
  shard: () => unasked,
  portion: () => unasked,
  apply: () => unasked,
  query: () => unasked,
  events: () => unasked,
  flush: unasked,
  nextTimer: unasked,
  due: () => unasked,
  stateHash: unasked,
  checkpoints: unasked,
  install: () => unasked,
  giveUp: unasked,
  changes: () => unasked,
  status: Effect.succeed({
    actors: [
      {
        name: "counter",
        version: "abc",
        declared: 3,
        isSuspended: false,
        quarantined: 0,
        commands: ["add"],
        queries: ["value"],
      },
      {
        name: "till",
        version: "def",
        declared: 1,
        isSuspended: true,
        quarantined: 12,
        commands: ["pay"],
        queries: [],
      },
    ],
    appliedIndex: 7,
    instancesInMemory: 2,
    outcomes: 5,
    timers: 0,
    dirty: 1,
    quarantined: 12,
    voided: 4,
    stuck: null,
  }),
}
