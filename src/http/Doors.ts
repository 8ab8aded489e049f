// Which group does a request mean, and what does every answer say about it?

import type { GroupId, Index, Millis, NodeId, Term } from "../consensus/types.ts"
import type { KnownDirectory } from "../groups/Groups.ts"
import type { Answered, QueryOutcome } from "../machine/outcome.ts"
import { type Placement, shardAt, slotOf } from "../machine/slots.ts"
import type { Seating } from "../machine/system/GroupDirectory.ts"
import type { Move, Place } from "../machine/system/Whereabouts.ts"
import type { Failure, GroupStatus, Read } from "../raft/Raft.ts"
import type { Door, FromAfar, Member } from "./Door.ts"
import { FarDoor } from "./FarDoor.ts"
import { Problem } from "./problem.ts"
import { within } from "./snapshots.ts"
import { rawPath } from "./target.ts"

export type { Door } from "./Door.ts"

/** Waits while the actor is a file of this node that its groups have not answered for yet; not longer than allowed. */
export const awaitActor = async (doors: Doors, actor: string, millis: number): Promise<void> => {
  const settled = doors.find(undefined).offering?.settled(actor) ?? null
  if (settled !== null) await within(millis, settled, undefined)
}

/** A file of this node that its groups have not answered for: nobody is told that there is no such actor. */
export const isAwaited = (doors: Doors, actor: string): boolean =>
  (doors.find(undefined).offering?.settled(actor) ?? null) !== null

export const notTakenIn = (actor: string): Problem =>
  new Problem(
    "not-ready",
    `The group has not taken in the actor ${JSON.stringify(actor)} of this node's own files yet.`,
  )

/** What a node says about itself. */
export interface NodeInfo {
  readonly id: NodeId
  readonly clusterId: string
  readonly version: string
  /** `http://host:port` where clients reach it. */
  readonly listen: string
  /** `host:port` where peers reach it. */
  readonly peer: string
  readonly uptimeMillis: () => number
}

export const defaultGroup: GroupId = "main"

/** In the place of a group's name, where all of them may be meant. */
export const everyGroup = "*"

/** The groups that a node runs now, and where actors live as far as it knows; `main` is always there. */
export interface DoorsOfGroups {
  readonly get: (group: GroupId) => Door | undefined
  readonly values: () => Iterable<Door>
  /** It was opened, as far as this node knows; absent: those that it runs were. */
  readonly isOpen?: (group: GroupId) => boolean
  /** Who runs a group; null, or absent: all members do. */
  readonly seatingOf?: (group: GroupId) => Seating | null
  /** What was opened, and where that is known from; absent: nothing besides `main`. */
  readonly directory?: () => Pick<KnownDirectory, "asOf" | "awaited"> & Partial<KnownDirectory>
  /** Null, or absent: in `main`. */
  readonly placementOf?: (actor: string) => Placement | null
  /** All that is known of that; null, or absent: nothing was settled. */
  readonly placeOf?: (actor: string) => Place | null
  /** Looks whether that has changed. */
  readonly look?: () => Promise<void>
}

/** The doors of all groups of one node. */
export class Doors {
  readonly node: NodeInfo
  readonly #doors: DoorsOfGroups
  #looking: Promise<void> | null = null
  #nextLook: Promise<void> | null = null
  /** Of groups that this node does not run. */
  readonly #far = new Map<GroupId, Door>()
  /** Of each group the newest. */
  readonly #headers = new WeakMap<Door["raft"], { readonly at: number; readonly headers: Headers }>()

  constructor(node: NodeInfo, doors: DoorsOfGroups) {
    this.node = node
    this.#doors = doors
  }

  /** The node's monotonic clock, for deadlines. */
  now(): Millis {
    return this.find(undefined).raft.now()
  }

  find(group: string | undefined): Door {
    if (group === everyGroup) {
      throw new Problem(
        "bad-request",
        "This is asked of one group: * stands for all of them only where that is said.",
      )
    }
    const door = this.#doors.get(group ?? defaultGroup)
    if (door === undefined) throw new Problem("not-found", `There is no group ${JSON.stringify(group)}.`)
    return door
  }

  /** Undefined: this node does not run it. */
  open(group: GroupId): Door | undefined {
    return this.#doors.get(group)
  }

  /** As {@link open}, or the door at the members that run the group. Undefined: nobody is known who could. */
  reach(group: GroupId): Door | undefined {
    return this.#doors.get(group) ?? this.far(group)
  }

  /** Of a group that was opened and does not run here; undefined: it does, or nobody is known who runs it. */
  far(group: GroupId): Door | undefined {
    if (this.#doors.get(group) !== undefined || !this.isOpen(group)) return undefined
    if (this.#membersOf(group).length === 0) return undefined
    const known = this.#far.get(group)
    if (known !== undefined) return known
    const members = () => this.#membersOf(group)
    const status = () => this.find(undefined).raft.status()
    const door = new FarDoor({ group, now: () => this.now(), members, status }).door()
    this.#far.set(group, door)
    return door
  }

  #membersOf(group: GroupId): ReadonlyArray<Member> {
    const status = this.find(undefined).raft.status()
    const { voters, learners } = status.configuration
    const seating = this.seatingOf(group)
    const seats = seating === null ? null : [...seating.seats.map(({ id }) => id), ...seating.leaving]
    return (seats ?? [...voters, ...learners])
      .filter((id) => id !== this.node.id)
      .map((id) => ({ id, client: clientOf(status, id) }))
      .filter(({ client }) => client !== "")
  }

  /** It was opened, as far as this node knows; also where this node does not run it yet. */
  isOpen(group: GroupId): boolean {
    return this.#doors.isOpen?.(group) ?? this.#doors.get(group) !== undefined
  }

  /** What was opened, as of when this node last looked. */
  directory(): KnownDirectory {
    return { ...noDirectory, ...this.#doors.directory?.() }
  }

  /** Who runs a group; null: all members do. */
  seatingOf(group: GroupId): Seating | null {
    return this.#doors.seatingOf?.(group) ?? null
  }

  /** Where an actor lives; null: in `main`, as far as this node knows. */
  placementOf(actor: string): Placement | null {
    return this.#doors.placementOf?.(actor) ?? null
  }

  /** Every group in which the actor lives, once. */
  groupsOf(actor: string): ReadonlyArray<GroupId> {
    const placement = this.placementOf(actor)
    return placement === null ? [defaultGroup] : [...new Set(placement.map(({ group }) => group))]
  }

  /** In which group an instance is. */
  groupOf(actor: string, key: string): GroupId {
    const placement = this.placementOf(actor)
    // One shard is all there is of most actors that live elsewhere.
    if (placement === null) return defaultGroup
    return placement.length === 1 ? placement[0]!.group : shardAt(placement, slotOf(key))!.group
  }

  /** Keys of the actor that are on their way from one group to another, as far as this node knows. */
  moveOf(actor: string): Move | null {
    return this.#doors.placeOf?.(actor)?.move ?? null
  }

  /** The move that brought a key to the group that has it; 0: it has always been there. */
  movedBy(actor: string, key: string): Index {
    const moved = this.#doors.placeOf?.(actor)?.moved
    return moved === undefined ? 0 : (shardAt(moved, slotOf(key))?.move ?? 0)
  }

  /** Looks anew where actors live. Who comes while another one looks shares the next look with all who wait for it. */
  look(): Promise<void> {
    if (this.#looking === null) return this.#lookNow()
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = null
      return this.#lookNow()
    })
    return this.#nextLook
  }

  async #lookNow(): Promise<void> {
    const looking = this.#doors.look?.() ?? Promise.resolve()
    // Whoever waits for the next one is told by that one.
    this.#looking = looking.catch(() => {})
    try {
      await looking
    } finally {
      this.#looking = null
    }
  }

  all(): ReadonlyArray<Door> {
    return [...this.#doors.values()]
  }

  /**
   * The headers of every answer. The status of a group is asked for once a millisecond at the most: leader and term are
   * hints, and under load one look serves many answers.
   */
  headers({ raft }: Door): Headers {
    const at = raft.now()
    const known = this.#headers.get(raft)
    if (known?.at === at) return known.headers
    const status = raft.status()
    const headers = this.headersOf(status, status.term)
    this.#headers.set(raft, { at, headers })
    return headers
  }

  headersOf(status: GroupStatus, term: Term): Headers {
    return {
      "Raftlet-Node": this.node.id,
      // Empty while nobody leads: there all the same, so that nobody must tell "none" from "not said".
      "Raftlet-Leader": status.leader === null ? "" : `${status.leader};${clientOf(status, status.leader)}`,
      "Raftlet-Term": String(term),
    }
  }
}

const noDirectory: KnownDirectory = {
  asOf: Number.MAX_SAFE_INTEGER,
  awaited: [],
  seated: [],
  zones: {},
  leaders: () => new Map(),
  isThere: () => true,
}

export type Headers = Readonly<Record<string, string>>

/** The same, where another node has answered for this one. */
export const saying = (headers: Headers, { by }: FromAfar): Headers =>
  by === undefined ? headers : { ...headers, "Raftlet-Node": by }

/** `http://host:port` of a member's client port; empty when not known. */
export const clientOf = (status: GroupStatus, id: NodeId): string =>
  status.members.find((member) => member.id === id)?.client ||
  status.configuration.addresses[id]?.client ||
  ""

/**
 * Where a request belongs that wants no forwarding: null when here. Throws a problem when nobody leads or the
 * leader's client address is not known.
 */
export const leaderLocation = (status: GroupStatus, request: Request): string | null => {
  if (status.leader === status.id) return null
  if (status.leader === null) throw new Problem("no-leader", "No leader is known to this node.")
  const client = clientOf(status, status.leader)
  if (client === "") {
    throw new Problem("not-leader", `${status.leader} leads, but its client address is not known here.`)
  }
  const query = request.url.indexOf("?")
  return `${client}${rawPath(request)}${query === -1 ? "" : request.url.slice(query)}`
}

export const redirect = (location: string, headers: Headers): Response =>
  new Response(null, { status: 307, headers: { ...headers, Location: location } })

/** One read as a promise: cheaper per request than a fiber. */
export const askRead = (door: Door, read: Omit<Read, "answer">): Promise<FromAfar> => {
  const { promise, resolve } = Promise.withResolvers<FromAfar>()
  door.raft.read({ ...read, answer: resolve })
  return promise
}

/**
 * A question that costs the machine nothing, and is answered as any other: by then it has come that far, to `minIndex`
 * at the least.
 */
export const askNothing = (
  door: Door,
  consistency: Read["consistency"],
  deadline: Millis,
  minIndex = 0,
): Promise<QueryOutcome | Failure> =>
  askRead(door, {
    // No such actor: the refusal proves as much as a result, and costs less.
    query: { type: "list", actor: "", prefix: "", after: "", limit: 1 },
    consistency,
    minIndex,
    maxStalenessMillis: Number.POSITIVE_INFINITY,
    deadline,
  })

export const answeredResponse = (answered: Answered, headers: Headers): Response =>
  jsonResponse(answered.body, { ...headers, "Raftlet-Index": String(answered.index) })

export const jsonResponse = (body: string, headers: Headers, status = 200): Response =>
  new Response(body, { status, headers: { ...headers, "Content-Type": "application/json" } })
