// What do the clients of a run do, what were they told, and can it be true?

import { mainGroup } from "../consensus/groups.ts"
import type { Index, NodeId } from "../consensus/types.ts"
import type { Json } from "../machine/actor.ts"
import type { Accepted, Outcome } from "../machine/outcome.ts"
import type { Execution } from "./Executions.ts"
import type { Homes } from "./Homes.ts"
import type { Operation } from "./history.ts"
import { isRoaming, kindOf } from "./roaming.ts"
import { type Fate, Session, type SessionOptions, type Wish } from "./Session.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"
import type { Act, PlannedOperation } from "./script.ts"
import { insist } from "./Violation.ts"

/** The one of each actor that shows all of it. */
export const queries = {
  alarm: "rung",
  counter: "value",
  list: "items",
  register: "value",
  till: "total",
} as const

/** Refusals for what is known of an actor's code. */
const ofCode: ReadonlySet<string> = new Set(["unknown-actor", "unknown-command", "quarantined"])

/** When an accepted command of an instance was answered, and where it stands: for reads of bounded age. */
interface Answered {
  readonly group: SimulatedGroup
  readonly index: Index
  readonly atMillis: number
}

/** What is asked for once more in the end, of one key; and how soon when nobody knew. */
const AGAIN_MAX = 3
const AGAIN_MILLIS = 20

interface Rung {
  readonly item: string
  readonly dueAt: number
  readonly rangAt: number
}

interface Worker {
  readonly name: string
  readonly session: Session
  readonly queue: Array<PlannedOperation>
  isBusy: boolean
  /** The revision that it saw last, by instance. */
  readonly revisions: Map<string, number>
  lastIndex: Index
  /** How many idempotency keys it has used, by instance. */
  readonly counts: Map<string, number>
}

export interface ClientsOptions extends SessionOptions {
  /**
   * How much older a local read may be than was asked for: what clocks may drift apart, the way there, and the
   * fastest way of a heartbeat, for a node cannot know how long the fastest one took. Infinity: it may be any age.
   */
  readonly stalenessSlackMillis: number
  /** Where keys are that go to another group. */
  readonly homes?: Homes
}

/** What was accepted, in whichever group. */
export interface Told {
  readonly wish: Wish
  readonly outcome: Accepted
}

export class Clients {
  readonly history: Array<Operation> = []
  /** Operations that have come to their end. */
  finished = 0
  /** Items that were armed, and whether that is certain. */
  readonly armed = new Map<string, { readonly key: string; readonly isCertain: boolean }>()
  /** Batches of items that were sent as one request. */
  readonly batches: Array<{ readonly key: string; readonly items: ReadonlyArray<string> }> = []
  readonly #group: SimulatedGroup
  readonly #homes: Homes | null
  /** Of keys that may go to another group. */
  readonly #told: Array<Told> = []
  readonly #stalenessSlackMillis: number
  readonly #workers: ReadonlyArray<Worker>
  readonly #answered = new Map<string, Array<Answered>>()
  readonly #rejected: Array<{ readonly instance: string; readonly idempotencyKey: string }> = []
  #busy = 0
  #waiting = 0

  constructor(group: SimulatedGroup, operations: ReadonlyArray<PlannedOperation>, options: ClientsOptions) {
    this.#stalenessSlackMillis = options.stalenessSlackMillis
    this.#group = group
    this.#homes = options.homes ?? null
    const count = Math.max(0, ...operations.map(({ client }) => client + 1))
    const prefix = group.name === mainGroup ? "" : `${group.name} `
    this.#workers = Array.from({ length: count }, (_, at) => ({
      name: `c${at}`,
      session: new Session(group, `${prefix}c${at}`, options),
      queue: [],
      isBusy: false,
      revisions: new Map(),
      lastIndex: 0,
      counts: new Map(),
    }))
    for (const operation of operations) {
      this.#waiting++
      group.world.after(operation.atMillis, () => {
        const worker = this.#workers[operation.client]!
        worker.queue.push(operation)
        this.#next(worker)
      })
    }
  }

  /** Everything that was planned has been done, and nobody waits. */
  get isIdle(): boolean {
    return this.#waiting === 0 && this.#busy === 0
  }

  /** What was called rejected has not happened, and will not (C2). */
  checkRejected(): void {
    const { executions } = this.#group
    for (const { instance, idempotencyKey } of this.#rejected) {
      const execution = this.#find(instance, idempotencyKey)
      // What came into quarantine an operator may have had run again.
      const isRerun = executions.repairs.some(({ index }) => index === execution?.index)
      insist(
        "rejected did not happen",
        execution === undefined || execution.outcome._tag !== "Accepted" || isRerun,
        `${instance}: ${idempotencyKey} was called rejected`,
        `executed at ${execution?.index}`,
      )
    }
  }

  /** Everything that somebody has written to, or tried to. */
  get instances(): ReadonlyArray<string> {
    return [...new Set(this.history.map(({ instance }) => instance))]
  }

  /** What is left of an instance in the end, beyond what one machine alone explains. */
  checkFinal(instance: string, state: Json): void {
    const kind = kindOf(instance)
    if (kind.startsWith("list/")) this.#checkList(instance, state as ReadonlyArray<string>)
    if (kind.startsWith("alarm/")) this.#checkAlarm(instance, state as unknown as ReadonlyArray<Rung>)
  }

  /** Each item once, and of one request none before or without those ahead of it (decision 0007). */
  #checkList(instance: string, items: ReadonlyArray<string>): void {
    insist("exactly once", new Set(items).size === items.length, `the items of ${instance}`, items)
    const places = new Map(items.map((item, at) => [item, at]))
    for (const batch of this.batches) {
      if (kindOf(instance) !== `list/${batch.key}`) continue
      const found = batch.items.map((item) => places.get(item) ?? Number.POSITIVE_INFINITY)
      const isInOrder = found.every(
        (place, at) => at === 0 || place > found[at - 1]! || place === Number.POSITIVE_INFINITY,
      )
      insist("order of a request", isInOrder, `${instance} holds ${batch.items}`, found)
    }
  }

  /** What was armed has rung once, not before its time; what was not known to be armed at most once. */
  #checkAlarm(instance: string, rung: ReadonlyArray<Rung>): void {
    const items = rung.map(({ item }) => item)
    insist("exactly once", new Set(items).size === items.length, `what rang at ${instance}`, items)
    for (const { item, dueAt, rangAt } of rung) {
      insist("timers", rangAt >= dueAt, `${instance}: ${item} rang before its time`, rangAt, dueAt)
      insist("timers", this.armed.has(item), `${instance}: ${item} rang, and nobody had armed it`)
    }
  }

  /** Asks once more for what was accepted of each key last, through that node. Gives back how often `told` will be called. */
  askAgain(id: NodeId, told: (before: Told, again: Outcome) => void): number {
    const latest = Map.groupBy(this.#told, ({ wish }) => `${wish.actor}/${wish.key}`)
    const again = [...latest.values()].flatMap((each) => each.slice(-AGAIN_MAX))
    const ask = (before: Told): void => {
      const { session } = this.#workers[0]!
      session.startAt(id)
      session.propose([before.wish], ([fate]) => {
        if (fate?.type === "known") told(before, fate.outcome)
        else this.#group.world.after(AGAIN_MILLIS, () => ask(before))
      })
    }
    for (const before of again) ask(before)
    return again.length
  }

  /** In whichever group the key was. */
  #find(instance: string, idempotencyKey: string): Execution | undefined {
    return (this.#homes ?? this.#group.executions).find(instance, idempotencyKey)
  }

  #next(worker: Worker): void {
    const operation = worker.isBusy ? undefined : worker.queue.shift()
    if (operation === undefined) return
    worker.isBusy = true
    this.#waiting--
    this.#busy++
    this.#perform(worker, operation.act, () => {
      worker.isBusy = false
      this.finished++
      this.#busy--
      this.#next(worker)
    })
  }

  #perform(worker: Worker, act: Act, done: () => void): void {
    switch (act.type) {
      case "set": {
        const register = this.#nameOf("register")
        const ifRevision = act.conditional ? (worker.revisions.get(`${register}/${act.key}`) ?? 0) : null
        return this.#command(worker, register, act.key, "set", [{ value: act.value }], ifRevision, done)
      }
      case "add":
        return this.#command(worker, this.#nameOf("counter"), act.key, "add", [{ by: act.by }], null, done)
      case "append":
        this.batches.push(act)
        return this.#command(
          worker,
          this.#nameOf("list"),
          act.key,
          "append",
          act.items.map((item) => ({ item })),
          null,
          done,
        )
      case "arm": {
        const { key, item, afterMillis } = act
        return this.#command(worker, this.#nameOf("alarm"), key, "arm", [{ item, afterMillis }], null, done)
      }
      case "pay": {
        const ifRevision = act.conditional ? (worker.revisions.get(`till/${act.key}`) ?? 0) : null
        return this.#command(worker, "till", act.key, "pay", [{ by: act.by }], ifRevision, done)
      }
      case "refund":
        return this.#command(worker, "till", act.key, "refund", [{ by: act.by }], null, done)
      case "hang":
        return this.#command(worker, "till", act.key, "hang", [{ how: act.how }], null, done)
      case "read":
        return this.#read(worker, act, done)
    }
  }

  /** Some have another name where keys go to another group. */
  #nameOf(kind: string): string {
    return this.#homes?.nameOf(kind) ?? kind
  }

  /** Used once for an instance, and for others as well: a key is a name within an instance (HAZARDS C1). */
  #nextKey(worker: Worker, instance: string): string {
    const count = (worker.counts.get(instance) ?? 0) + 1
    worker.counts.set(instance, count)
    return `${worker.name}-${count}`
  }

  #command(
    worker: Worker,
    actor: string,
    key: string,
    command: string,
    inputs: ReadonlyArray<{ readonly [name: string]: Json }>,
    ifRevision: number | null,
    done: () => void,
  ): void {
    const { world } = this.#group
    const instance = `${actor}/${key}`
    const start = world.nowMillis
    const wishes = inputs.map(
      (input): Wish => ({
        actor,
        key,
        command,
        input: JSON.stringify(input),
        idempotencyKey: this.#nextKey(worker, instance),
        ifRevision,
      }),
    )
    worker.session.propose(wishes, (fates) => {
      for (const [at, fate] of fates.entries()) {
        const wish = wishes[at]!
        const input = ifRevision === null ? inputs[at]! : { ...inputs[at]!, ifRevision }
        this.history.push({
          client: worker.name,
          op: `${actor}.${command}`,
          instance,
          input,
          start,
          ...this.#concluded(fate),
        })
        this.#learn(worker, instance, wish, fate)
        if (command === "arm" && fate.type !== "rejected") {
          const isCertain = fate.type === "known" && fate.outcome._tag === "Accepted"
          this.armed.set(String(inputs[at]!.item), { key, isCertain })
        }
      }
      done()
    })
  }

  #concluded(fate: Fate): Pick<Operation, "output" | "end" | "outcome"> {
    const { world } = this.#group
    if (fate.type === "unknown") return { output: null, end: null, outcome: "unknown" }
    const end = world.nowMillis
    if (fate.type === "rejected") return { output: fate.code, end, outcome: "rejected" }
    const { outcome } = fate
    if (outcome._tag === "Refused") {
      // Of the state of the instance it says nothing.
      if (ofCode.has(outcome.code)) return { output: outcome.code, end, outcome: "rejected" }
      const reason = outcome.code === "rejected" ? JSON.parse(outcome.extra).reason.code : outcome.code
      return { output: String(reason), end, outcome: "refused" }
    }
    return { output: { result: JSON.parse(outcome.result), revision: outcome.revision }, end, outcome: "ok" }
  }

  #learn(worker: Worker, instance: string, wish: Wish, fate: Fate): void {
    const { sightings } = this.#group
    if (fate.type === "unknown") return sightings.see("outcome unknown")
    if (fate.type === "rejected") {
      sightings.see("outcome rejected")
      this.#rejected.push({ instance, idempotencyKey: wish.idempotencyKey })
      return
    }
    const { outcome } = fate
    if (outcome._tag === "Refused") {
      if (ofCode.has(outcome.code)) this.#rejected.push({ instance, idempotencyKey: wish.idempotencyKey })
      if (outcome.code === "revision-mismatch") {
        sightings.see("revision mismatch")
        worker.revisions.set(instance, JSON.parse(outcome.extra).revision)
      }
      return
    }
    this.#checkOwn(instance, wish, outcome)
    worker.revisions.set(instance, outcome.revision)
    worker.lastIndex = Math.max(worker.lastIndex, outcome.index)
    if (isRoaming(instance)) this.#told.push({ wish, outcome })
    const answered = this.#answered.get(instance) ?? []
    const isOther = this.#homes?.to.executions.find(instance, wish.idempotencyKey) !== undefined
    const group = isOther ? this.#homes!.to : this.#group
    answered.push({ group, index: outcome.index, atMillis: this.#group.world.nowMillis })
    this.#answered.set(instance, answered)
  }

  /** An answer is that of the very command that was asked for (R12, C6, C7). */
  #checkOwn(instance: string, wish: Wish, answer: Accepted): void {
    const execution = this.#find(instance, wish.idempotencyKey)
    const executed = execution?.outcome._tag === "Accepted" ? execution.outcome : null
    const groups = isRoaming(instance) ? [this.#homes!.from, this.#homes!.to] : [this.#group]
    insist(
      "answer is its own",
      executed === null
        ? groups.some(({ executions }) => !executions.isToldUpTo(answer.index))
        : executed.index === answer.index && executed.result === answer.result,
      `${instance}: ${wish.idempotencyKey} was answered`,
      answer,
      executed,
    )
  }

  #read(worker: Worker, act: Extract<Act, { readonly type: "read" }>, done: () => void): void {
    const { world, sightings } = this.#group
    const { key, consistency, maxStalenessMillis } = act
    const actor = this.#nameOf(act.actor)
    const instance = `${actor}/${key}`
    const query = queries[act.actor]
    const start = world.nowMillis
    const minIndex = act.monotonic ? worker.lastIndex : 0
    const how = {
      consistency,
      minIndex,
      maxStalenessMillis: maxStalenessMillis === 0 ? Number.POSITIVE_INFINITY : maxStalenessMillis,
    }
    worker.session.read({ type: "query", actor, key, query, input: "null" }, how, (answer, asked) => {
      const node = asked.id
      const group = asked.group ?? this.#group
      if (answer?._tag === "Failure" && answer.code === "stale") sightings.see("stale read refused")
      if (answer?._tag === "Answered") {
        const body = JSON.parse(answer.body) as { result: Json; revision: number }
        const known = group.executions.revisionAt(instance, answer.index)
        insist(
          "read fits its index",
          body.revision === known || !group.executions.isToldOf(instance, answer.index),
          `${instance} read at ${node}, index ${answer.index}: revision`,
          body.revision,
          known,
        )
        insist(
          "min index",
          answer.index >= asked.minIndex,
          `${instance} read at ${node} (L9)`,
          answer.index,
          asked.minIndex,
        )
        if (consistency === "local") {
          const since = start - maxStalenessMillis
          if (maxStalenessMillis > 0) this.#checkAge(instance, { group, index: answer.index }, since, node)
        } else {
          if (consistency === "lease") sightings.see("read by lease")
          const output = { result: body.result, revision: body.revision }
          this.history.push({
            client: worker.name,
            op: `${actor}?${query}`,
            instance,
            input: null,
            output,
            start,
            end: world.nowMillis,
            outcome: "ok",
          })
        }
        worker.revisions.set(instance, body.revision)
        worker.lastIndex = Math.max(worker.lastIndex, answer.index)
      }
      done()
    })
  }

  /** Everything that was answered before that time is in it (L7). */
  #checkAge(
    instance: string,
    { group, index }: { readonly group: SimulatedGroup; readonly index: Index },
    beforeMillis: number,
    node: string,
  ): void {
    for (const answered of this.#answered.get(instance) ?? []) {
      if (answered.atMillis >= beforeMillis - this.#stalenessSlackMillis) continue
      // What the group had that gave the key, the other one has; and who lags so far behind knows that it was given.
      const isIn = answered.group === group ? answered.index <= index : group !== this.#group
      insist("age of a local read", isIn, `${instance} read at ${node} (L7)`, index, answered.index)
    }
  }
}
