// How is a group asked that this node does not run? Over the client ports of the members that do: one after the other, until
// one answers or time is up.

import { Effect } from "effect"
import type { GroupId, Millis, NodeId, Term } from "../consensus/types.ts"
import { MachineFailed } from "../machine/MachineHost.ts"
import { isLasting, type Outcome, type QueryOutcome } from "../machine/outcome.ts"
import type { PlanRequest } from "../machine/system/plan.ts"
import {
  type Failure,
  type GroupStatus,
  LogInRepair,
  type LogPage,
  type LogRange,
  type Proposal,
  type Read,
} from "../raft/Raft.ts"
import type { Door, Far, FarStatus, FromAfar, Member } from "./Door.ts"

/** In JSON; commands in Base64. */
export type Ask =
  | { readonly ask: "propose"; readonly commands: ReadonlyArray<string> }
  | {
      readonly ask: "read"
      readonly read: Pick<Read, "query" | "consistency" | "minIndex"> & {
        /** Null: it is no matter. */
        readonly maxStalenessMillis: number | null
      }
    }
  | { readonly ask: "actors" }
  | { readonly ask: "status" }
  | {
      readonly ask: "plan"
      readonly asked: Omit<PlanRequest, "recorded"> & {
        readonly recorded: ReadonlyArray<readonly [number, string]>
      }
    }
  | { readonly ask: "shard"; readonly actor: string }
  | { readonly ask: "log"; readonly range: LogRange }

export interface FarOptions {
  readonly group: GroupId
  readonly now: () => Millis
  /** Who may run the group; never this node itself. */
  readonly members: () => ReadonlyArray<Member>
  /** What this node knows of `main`: by that it is said who it is, and where others are. */
  readonly status: () => GroupStatus
}

/** What a member has answered. */
interface Reply {
  readonly by: NodeId
  readonly body: Readonly<Record<string, unknown>>
}

/** How long one member is waited for while there are others. */
const attemptMillisMax = 2000
/** Before all are asked once more: a group that was just opened runs in a moment. */
const pauseMillis = 50
/** Left for the way to the member and back. */
const wayMillis = 50

/** The door of one group at the nodes that run it. What can be asked of a replica alone it refuses. */
export class FarDoor implements Far {
  readonly #options: FarOptions
  #leader: NodeId | null = null
  #term: Term = 0

  constructor(options: FarOptions) {
    this.#options = options
  }

  /** Who is asked, in this order: whoever leads, as far as that is known, spares a hop. */
  get members(): ReadonlyArray<Member> {
    const all = this.#options.members()
    const leader = all.find(({ id }) => id === this.#leader)
    return leader === undefined ? all : [leader, ...all.filter((each) => each !== leader)]
  }

  readonly door = (): Door => ({
    far: this,
    raft: {
      group: this.#options.group,
      now: this.#options.now,
      propose: (proposals) => void this.#propose(proposals),
      read: (read) => void this.#read(read),
      change: ({ answer }) => answer(notHere),
      reset: ({ answer }) => answer(notHere),
      transfer: ({ answer }) => answer(notHere),
      onApplied: () => () => {},
      glance: () => this.#status,
      status: () => this.#status,
      stopped: Effect.never,
      handOver: Effect.void,
      answerAll: Effect.void,
      snapshot: Effect.fail(noCopy),
      backup: Effect.fail(noCopy),
      log: (range) =>
        Effect.tryPromise({
          try: async () => pageOf(await this.#machine({ ask: "log", range })),
          catch: () => new LogInRepair({ group: this.#options.group }),
        }),
    },
    machine: {
      own: [],
      actors: this.#fromMachine({ ask: "actors" }),
      plan: (asked) =>
        this.#fromMachine({
          ask: "plan",
          asked: { ...asked, recorded: asked.recorded.map(({ index, command }) => [index, textOf(command)]) },
        }),
      shard: (actor) => this.#fromMachine({ ask: "shard", actor }),
      groups: notOfMachine,
      places: notOfMachine,
      status: notOfMachine,
      events: () => notOfMachine,
      inspect: () => notOfMachine,
    },
  })

  /** What a member says of the group; null: nobody has answered. */
  async ask(millis: Millis): Promise<FarStatus | null> {
    const { reply } = await this.#ask({ ask: "status" }, this.#options.now() + millis)
    return (reply?.body.answer as FarStatus | undefined) ?? null
  }

  /** As a follower would have it that has applied nothing. */
  get #status(): GroupStatus {
    const { group } = this.#options
    const leader = this.#leader ?? this.members[0]?.id ?? null
    const none = { commitIndex: 0, appliedIndex: 0, persistedIndex: 0, firstIndex: 1, lastIndex: 0 }
    const main = this.#options.status()
    return { ...main, ...none, group, leader, term: this.#term, role: "follower", serving: false }
  }

  /** In the order in which they came, and in pieces that fit a body. */
  async #propose(proposals: ReadonlyArray<Proposal>): Promise<void> {
    for (const batch of inBatches(proposals)) await this.#proposeBatch(batch)
  }

  async #proposeBatch(proposals: ReadonlyArray<Proposal>): Promise<void> {
    const deadline = Math.max(...proposals.map((proposal) => proposal.deadline))
    const commands = proposals.map(({ command }) => textOf(command))
    const { reply, isInDoubt } = await this.#ask({ ask: "propose", commands }, deadline)
    const answers = (reply?.body.answers ?? []) as ReadonlyArray<Outcome | Failure>
    for (const [at, { answer }] of proposals.entries()) {
      const given = answers[at] ?? nobody(this.#options.group, isInDoubt)
      answer(isInDoubt ? withDoubt(given) : given)
    }
  }

  async #read({ answer, query, consistency, minIndex, maxStalenessMillis, deadline }: Read): Promise<void> {
    const staleness = Number.isFinite(maxStalenessMillis) ? maxStalenessMillis : null
    const read = { query, consistency, minIndex, maxStalenessMillis: staleness }
    const { reply } = await this.#ask({ ask: "read", read }, deadline)
    if (reply === null) return answer(nobody(this.#options.group, false))
    const said: FromAfar = { ...(reply.body.answer as QueryOutcome | Failure), by: reply.by }
    answer(said)
  }

  #fromMachine<A>(ask: Ask): Effect.Effect<A, MachineFailed> {
    return Effect.tryPromise({
      try: async () => (await this.#machine(ask)) as A,
      catch: (cause) =>
        new MachineFailed({ operation: ask.ask, message: `${(cause as Error).message}`, reason: "failed" }),
    })
  }

  async #machine(ask: Ask): Promise<unknown> {
    const { reply } = await this.#ask(ask, this.#options.now() + machineMillis)
    if (reply === null) throw new Error(nobody(this.#options.group, false).detail)
    return reply.body.answer
  }

  /** `isInDoubt`: somebody was asked whose answer is not known. */
  async #ask(
    ask: Ask,
    deadline: Millis,
  ): Promise<{ readonly reply: Reply | null; readonly isInDoubt: boolean }> {
    const { now } = this.#options
    let isInDoubt = false
    for (;;) {
      const { members } = this
      for (const member of members) {
        const left = deadline - now()
        if (left < 1) return { reply: null, isInDoubt }
        const millis = members.length === 1 ? left : Math.min(left, attemptMillisMax)
        const said = await this.#attempt(member, ask, millis)
        if (typeof said === "object") return { reply: said, isInDoubt }
        isInDoubt ||= said === "broken"
      }
      if (now() + pauseMillis >= deadline) return { reply: null, isInDoubt }
      await Bun.sleep(pauseMillis)
    }
  }

  /** `absent`: nothing of it happens there. */
  async #attempt({ id, client }: Member, ask: Ask, millis: number): Promise<Reply | "absent" | "broken"> {
    const path = `/admin/groups/${encodeURIComponent(this.#options.group)}/ask`
    try {
      const response = await fetch(`${client}${path}`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Raftlet-Timeout-Ms": String(Math.max(1, Math.floor(millis - wayMillis))),
        },
        body: JSON.stringify(ask),
        signal: AbortSignal.timeout(Math.ceil(millis)),
      })
      const body = (await response.json()) as Reply["body"]
      if (!response.ok) return body.outcome === "rejected" ? "absent" : "broken"
      this.#leader = body.leader as NodeId | null
      this.#term = body.term as Term
      return { by: id, body }
    } catch (cause) {
      return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED" ? "absent" : "broken"
    }
  }
}

const machineMillis = 5000

/** Base64 makes them a third larger. */
const batchBytesMax = 8 * 1024 * 1024
const batchMax = 1000

const inBatches = (proposals: ReadonlyArray<Proposal>): ReadonlyArray<ReadonlyArray<Proposal>> => {
  const batches: Array<Array<Proposal>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const proposal of proposals) {
    const { length } = proposal.command
    if (bytes + length > batchBytesMax || batches.at(-1)!.length === batchMax) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)!.push(proposal)
    bytes += length
  }
  return batches
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

const pageOf = (said: unknown): LogPage => {
  const page = said as LogPage & { readonly entries: ReadonlyArray<{ readonly command: string | null }> }
  return {
    ...page,
    entries: page.entries.map((entry) => ({
      ...entry,
      command: entry.command === null ? null : Buffer.from(`${entry.command}`, "base64"),
    })),
  }
}

const nobody = (group: GroupId, isInDoubt: boolean): Failure =>
  isInDoubt
    ? failure("timeout", "unknown", `A member that runs the group ${group} broke off; it may still be done.`)
    : failure("no-leader", "rejected", `No member that runs the group ${group} has answered.`)

/**
 * An attempt may be under way whose answer nobody will hear: what is refused now may be done by that one a moment later,
 * unless every later state refuses it as well.
 */
const withDoubt = (given: Outcome | Failure): Outcome | Failure => {
  const isSure = given._tag === "Failure" ? given.outcome === "unknown" : isLasting(given)
  return isSure ? given : failure("timeout", "unknown", "An attempt before this one may still be done.")
}

const failure = (code: Failure["code"], outcome: Failure["outcome"], detail: string): Failure => ({
  _tag: "Failure",
  code,
  outcome,
  detail,
})

const notHere = failure("not-leader", "rejected", "This node does not run the group.")
const noCopy = new MachineFailed({
  operation: "copy",
  message: "this node does not run the group",
  reason: "failed",
})
const notOfMachine = Effect.fail(
  new MachineFailed({ operation: "ask", message: "this node does not run the group", reason: "failed" }),
)
