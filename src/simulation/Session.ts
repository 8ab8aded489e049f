// How does a client get something done? It asks one node after the other, always with the same idempotency key,
// until somebody knows or its time is over.

import type { Index, NodeId } from "../consensus/types.ts"
import { freshEnough } from "../groups/fresh.ts"
import { type Command, encodeCommand } from "../machine/command.ts"
import type { Query } from "../machine/MachineHost.ts"
import { type Accepted, isElsewhere, type Outcome, type QueryOutcome } from "../machine/outcome.ts"
import type { Failure, Read } from "../raft/Raft.ts"
import type { Chance } from "./Chance.ts"
import type { Homes } from "./Homes.ts"
import type { Seat } from "./Seat.ts"
import type { SimulatedGroup } from "./SimulatedGroup.ts"

/** One command that a client wants executed. */
export type Wish = Pick<Command, "actor" | "key" | "command" | "input" | "idempotencyKey" | "ifRevision">

/** What became of it, as far as the client can know. */
export type Fate =
  | { readonly type: "known"; readonly outcome: Outcome }
  | { readonly type: "rejected"; readonly code: string }
  | { readonly type: "unknown" }

export interface SessionOptions {
  /** Between client and node, one way, at the most. */
  readonly hopMillisMax: number
  /** Answers that never reach the client, 0 to 1. */
  readonly replyLoss: number
  /** How long a node may take for one attempt. */
  readonly attemptMillis: number
  /** How long the client tries. */
  readonly patienceMillis: number
  /** Keys may go to another group; without it those nodes are asked of the one that the client is of. */
  readonly homes?: Pick<Homes, "at" | "hasMoved" | "answered">
}

/** Whom a read was asked of, in the end. */
export interface AskedOf {
  readonly id: NodeId
  /** Null: of the one that the client is of. */
  readonly group: SimulatedGroup | null
  readonly minIndex: Index
}

/** The group whose nodes are asked. */
export type Asked = Pick<SimulatedGroup, "world" | "sightings" | "invariants" | "codeChecks"> & {
  readonly isSeated?: boolean
  readonly nodes: ReadonlyArray<Pick<Seat, "id" | "process" | "raft">>
}

interface Pending {
  readonly wish: Wish
  fate: Fate | null
  /** An attempt may still be executed, whatever later ones say. */
  isInDoubt: boolean
  /** The group that was asked last does not have the key: whoever is asked looks again where it is. */
  isElsewhere: boolean
  lastRefusal: string
}

/** One client. Requests travel to a node's door and back; both ways take time, and the way back may fail. */
export class Session {
  readonly name: string
  readonly #group: Asked
  readonly #chance: Chance
  readonly #options: SessionOptions
  #at: number

  constructor(group: Asked, name: string, options: SessionOptions) {
    this.name = name
    this.#group = group
    this.#chance = group.world.chance.fork(`client ${name}`)
    this.#options = options
    this.#at = this.#chance.below(group.nodes.length)
  }

  /** Asks this node first. */
  startAt(id: NodeId): void {
    this.#at = this.#group.nodes.findIndex((node) => node.id === id)
  }

  /** In this order, as far as they are executed. `done` gets a fate for each. */
  propose(wishes: ReadonlyArray<Wish>, done: (fates: ReadonlyArray<Fate>) => void): void {
    const { world } = this.#group
    const pending = wishes.map(
      (wish): Pending => ({ wish, fate: null, isInDoubt: false, isElsewhere: false, lastRefusal: "" }),
    )
    const { attemptMillis, patienceMillis, homes } = this.#options
    const until = world.nowMillis + patienceMillis
    // It is the door that looks again, and it does so for as long as one attempt may take.
    const untilFound = homes === undefined ? until : Math.max(until, world.nowMillis + attemptMillis)
    const attempt = (): void => {
      const open = pending.filter(({ fate }) => fate === null)
      if (open.length === 0) return done(pending.map(({ fate }) => fate!))
      const isAway = open.every((each) => each.isElsewhere)
      if (world.nowMillis >= (isAway ? untilFound : until)) {
        return done(
          pending.map(
            ({ fate, isInDoubt, lastRefusal }) =>
              fate ?? (isInDoubt ? { type: "unknown" } : { type: "rejected", code: lastRefusal }),
          ),
        )
      }
      this.#ask(open, () => world.after(this.#chance.between(1, 40), attempt))
    }
    attempt()
  }

  /** One attempt after the other, until somebody answers; null when nobody did. */
  read(
    query: Query,
    how: Pick<Read, "consistency" | "minIndex" | "maxStalenessMillis">,
    done: (answer: QueryOutcome | Failure | null, asked: AskedOf) => void,
  ): void {
    const { world } = this.#group
    const { attemptMillis, hopMillisMax, homes } = this.#options
    const { id } = this.#group.nodes[this.#at]!
    let isOver = false
    let asked: AskedOf = { id, group: null, minIndex: how.minIndex }
    const over = (answer: QueryOutcome | Failure | null): void => {
      if (isOver) return
      isOver = true
      if (answer === null || answer._tag === "Failure") this.#moveOn()
      done(answer, asked)
    }
    const ask = (untilMillis: number): void => {
      const { actor, key } = { key: "", ...query }
      const group = homes?.at(id, actor, key) ?? null
      const { id: at, process, raft } = this.#seatIn(group, id)
      if (isOver) return
      if (process === null || raft === null) return this.#hop(() => over(null))
      process.post(() => {
        const hasMoved = homes?.hasMoved(id, actor, key) === true
        const fitting = hasMoved ? freshEnough({ raft }, how) : how
        asked = { id: at, group, minIndex: fitting.minIndex }
        raft.read({
          query,
          ...fitting,
          deadline: raft.now() + attemptMillis,
          answer: (answer) => {
            if (homes === undefined || !isElsewhere(answer)) return this.#reply(() => over(answer))
            if (world.nowMillis < untilMillis) world.after(LOOK_AGAIN_MILLIS, () => ask(untilMillis))
          },
        })
      })
    }
    this.#hop(() => ask(world.nowMillis + attemptMillis))
    world.after(attemptMillis + 2 * hopMillisMax + 200, () => over(null))
  }

  #ask(open: ReadonlyArray<Pending>, next: () => void): void {
    const { world } = this.#group
    const { attemptMillis, hopMillisMax, homes } = this.#options
    const { id } = this.#group.nodes[this.#at]!
    let missing = open.length
    let isOver = false
    const over = (): void => {
      if (isOver) return
      isOver = true
      const left = open.filter(({ fate }) => fate === null)
      const looksAgain = homes !== undefined && left.every((each) => each.isElsewhere)
      if (left.length > 0 && !looksAgain) this.#moveOn()
      next()
    }
    for (const each of open) each.isElsewhere = false
    this.#hop(() => {
      // All of a request are of one key.
      const { actor, key } = open[0]!.wish
      const group = homes?.at(id, actor, key) ?? null
      const { process, raft } = this.#seatIn(group, id)
      if (process === null || raft === null) {
        for (const each of open) each.lastRefusal = "unreachable"
        return this.#hop(over)
      }
      const asked = group ?? this.#group
      const since = asked.invariants.committedIndex
      // From here on nobody but the node itself can say that it will not happen.
      const wasInDoubt = open.map(({ isInDoubt }) => isInDoubt)
      for (const each of open) each.isInDoubt = true
      process.post(() =>
        raft.propose(
          open.map((each, at) => ({
            command: this.#encode(each.wish, id),
            deadline: raft.now() + attemptMillis,
            forward: true,
            answer: (answer) =>
              this.#reply(() => {
                if (each.fate !== null || isOver) return
                this.#take(each, answer, wasInDoubt[at]!, { asked, since })
                missing--
                if (missing === 0) over()
              }),
          })),
        ),
      )
    })
    world.after(attemptMillis + 2 * hopMillisMax + 200, over)
  }

  /** `since`: what had been committed in the group when it was asked. */
  #take(
    each: Pending,
    answer: Outcome | Failure,
    wasInDoubt: boolean,
    { asked, since }: { readonly asked: Asked; readonly since: Index },
  ): void {
    const isAway: boolean = isElsewhere(answer)
    if (isAway) {
      each.isInDoubt = wasInDoubt
      each.isElsewhere = true
      each.lastRefusal = "not-ready"
    } else if (answer._tag !== "Failure") {
      this.#options.homes?.answered(asked, each.wish, answer)
      const isPassing = answer._tag === "Refused" && !answer.replayed && passing.has(answer.code)
      const { codeChecks, invariants } = asked
      if (isPassing) codeChecks.refused(each.wish, answer, since, invariants.committedIndex)
      each.fate = isPassing && wasInDoubt ? { type: "unknown" } : { type: "known", outcome: answer }
    } else if (answer.outcome === "rejected") {
      each.isInDoubt = wasInDoubt
      each.lastRefusal = answer.code
      if (answer.code === "overloaded") this.#group.sightings.see("overloaded")
      if (answer.code === "storage-full") this.#group.sightings.see("disk full")
    }
  }

  /** What a node runs of the group; nothing, when that is not there yet. Where only others run it, its door asks one of them. */
  #seatIn(group: Asked | null, id: NodeId) {
    const { nodes, isSeated } = group ?? this.#group
    const own = nodes.find((node) => node.id === id)!
    if (isSeated !== true || own.raft !== null || own.process === null) return own
    const others = nodes.filter(({ raft }) => raft !== null)
    return others.length === 0 ? own : this.#chance.pick(others)
  }

  #encode(wish: Wish, door: NodeId): Uint8Array {
    return encodeCommand({
      ...wish,
      version: "",
      // The door draws it: another attempt brings another one, and only the first to be executed counts.
      seed: Uint8Array.from({ length: 16 }, () => this.#chance.below(256)),
      caller: "",
      door,
    })
  }

  #reply(deliver: () => void): void {
    if (!this.#chance.happens(this.#options.replyLoss)) this.#hop(deliver)
  }

  #hop(then: () => void): void {
    this.#group.world.after(this.#chance.between(0, this.#options.hopMillisMax), then)
  }

  #moveOn(): void {
    this.#at = (this.#at + 1) % this.#group.nodes.length
  }
}

/** How soon a door looks again where a key is. */
const LOOK_AGAIN_MILLIS = 25

/** What is so now, and may be otherwise later. Unless it is remembered, it says nothing of earlier attempts. */
const passing: ReadonlySet<string> = new Set(["unknown-actor", "unknown-command", "quarantined"])

export const isAccepted = (fate: Fate): fate is { readonly type: "known"; readonly outcome: Accepted } =>
  fate.type === "known" && fate.outcome._tag === "Accepted"
