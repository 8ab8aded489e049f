// When may clients count on the actors of this node's own files? When the groups in which they live have taken them in, or
// have said why not: until then whoever asks for one of them waits.

import { Effect } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, Index, Millis } from "../consensus/types.ts"
import type { Groups } from "../groups/Groups.ts"
import type { ActorStatus, OwnActor } from "../machine/MachineHost.ts"
import type { Placement, SlotRange } from "../machine/slots.ts"
import { askNothing, type Door } from "./Doors.ts"
import { bringIn, command, type Sender } from "./deploy.ts"
import type { Founding } from "./groups.ts"
import { giveKeys, type Placing, place } from "./placing.ts"
import { Problem } from "./problem.ts"

/** What became of one file. */
export interface Offered {
  readonly actor: string
  readonly version: string
  /** `hindered` and `conflict`: another version is active, and `reason` says why this one is not. */
  readonly status: "active" | "activated" | "earlier" | "hindered" | "conflict"
  readonly reason: string | null
}

/** What an entry has said of one. */
interface Answer {
  readonly offered: Offered
  readonly index: Index
}

/** Offers a node's own actors to the groups in which they live, once after each start. */
export class Offering {
  readonly #groups: Groups["Service"]
  readonly #node: string
  readonly #placing: Placing
  /** By name; settled when its groups have answered. */
  readonly #pending = new Map<string, { readonly promise: Promise<void>; readonly resolve: () => void }>()
  readonly offered = new Map<string, Offered>()

  constructor(groups: Groups["Service"], node: string, founding: Founding) {
    this.#groups = groups
    this.#node = node
    const { find, isOpen, placementOf, look } = groups
    const zones = () => groups.directory().zones
    const places = { find, isOpen, placementOf, zones, look: () => Effect.runPromise(look) }
    this.#placing = { places, founding }
    for (const { actor } of this.#own) this.#pending.set(actor, Promise.withResolvers<void>())
  }

  /** None of its own actors waits for a group any more. */
  get isDone(): boolean {
    return this.#pending.size === 0
  }

  /** Null: nobody need wait for that actor. */
  settled(actor: string): Promise<void> | null {
    return this.#pending.size === 0 ? null : (this.#pending.get(actor)?.promise ?? null)
  }

  /** Nobody will answer any more: who waits for an actor goes on to a door that is closed. */
  giveUp(): void {
    for (const actor of this.#pending.keys()) this.#release(actor)
  }

  /** Tries until the groups have answered for each. `told` hears of every one. */
  readonly life = Effect.fnUntraced(function* (this: Offering, told: (offered: Offered) => void) {
    for (const own of this.#own) {
      const answers = yield* this.#bringIntoAll(own)
      // Whatever one of them has to say: the others have switched it on, or say the same.
      const offered = answers.find(({ reason }) => reason !== null) ?? answers[0]!
      this.offered.set(own.actor, offered)
      told(offered)
      this.#release(own.actor)
    }
  }).bind(this)

  /** Into all groups in which it lives when the last of them has answered: some of its keys may have gone to a new one. */
  readonly #bringIntoAll = Effect.fnUntraced(function* (this: Offering, own: OwnActor) {
    const answers = new Map<GroupId, Offered>()
    for (;;) {
      const placement = yield* this.#until(Effect.andThen(this.#releaseActive, this.#place(own)))
      const homes = Map.groupBy(placement, ({ group }) => group)
      const left = [...homes].filter(([group]) => !answers.has(group))
      if (left.length === 0) return [...answers.values()]
      yield* Effect.forEach(
        left,
        ([group, ranges]) =>
          Effect.map(this.#bringHome(own, group, ranges), (offered) => answers.set(group, offered)),
        { concurrency: homesAtOnce, discard: true },
      )
      // Nothing is moved out of main.
      if (homes.size === 1 && homes.has(mainGroup)) return [...answers.values()]
    }
  }).bind(this)

  get #own(): ReadonlyArray<OwnActor> {
    return this.#groups.main.machine.own
  }

  /** What its groups have switched on already needs no offer: also while nobody can answer one, on full disks perhaps. */
  readonly #releaseActive = Effect.gen({ self: this }, function* () {
    for (const { actor } of this.#own) {
      const placement = this.#groups.placementOf(actor)
      const homes = placement === null ? [mainGroup] : new Set(placement.map(({ group }) => group))
      let isActive = true
      for (const group of homes) {
        if (this.#homeOf(group) === "others") continue
        const door = this.#groups.find(group)
        isActive &&= door !== undefined && (yield* statusIn(door, actor))?.active != null
      }
      if (isActive) this.#release(actor)
    }
  })

  /** Null: this node is to run it, and does not yet. */
  #homeOf(group: GroupId): { readonly door: Door } | "others" | null {
    const door = this.#groups.find(group)
    if (door !== undefined) return { door }
    return this.#groups.isOpen(group) && !this.#groups.isHere(group) ? "others" : null
  }

  /** Settles where it lives, and opens the groups that it needs; null: nobody has answered. */
  #place(own: OwnActor): Effect.Effect<Placement | null> {
    return this.#ask(() => place(this.#placing, this.#senderTo(this.#groups.main), own))
  }

  /** Tries until a group has answered for it. */
  readonly #bringHome = Effect.fnUntraced(function* (
    this: Offering,
    own: OwnActor,
    group: string,
    ranges: ReadonlyArray<SlotRange>,
  ) {
    const found = yield* this.#until(Effect.sync(() => this.#homeOf(group)))
    // Those who run it have the same files, and offer them.
    if (found === "others") {
      return { actor: own.actor, version: own.version, status: "active", reason: null } as Offered
    }
    const { door } = found
    const isOther = group !== mainGroup
    if (isOther) {
      // What it was told before the node stopped it need not be told once more: a start must not wake them all.
      yield* this.#until(isCurrentHere(door, () => this.#deadline))
      const known = yield* statusIn(door, own.actor)
      const isOffered = known?.offers[this.#node]?.version === own.version && known.active === own.version
      if (isOffered) {
        return { actor: own.actor, version: own.version, status: "active", reason: null } as Offered
      }
      yield* this.#until(this.#ask(() => giveKeys(this.#senderTo(door), own.actor, ranges)))
    }
    let answer: Answer | null = null
    return yield* this.#until(
      Effect.gen({ self: this }, function* () {
        if (!isOther) yield* this.#releaseActive
        // Offered once: what is far behind, or in repair, would fill the log with it until it has come there.
        if (answer !== null || (yield* isHere(door, this.#deadline, 0))) {
          answer ??= yield* this.#ask(() => this.#attempt(door, own))
        }
        // Who answered may have come further than this node, which would call the actor unknown.
        const isSeen = answer !== null && (yield* isHere(door, this.#deadline, answer.index))
        return isSeen ? answer!.offered : null
      }),
    )
  })

  #release(actor: string): void {
    this.#pending.get(actor)?.resolve()
    this.#pending.delete(actor)
  }

  get #deadline(): Millis {
    return this.#groups.main.raft.now() + attemptMillis
  }

  #senderTo(door: Door): Sender {
    return { door, node: this.#node, deadline: this.#deadline }
  }

  /** Null: nobody has answered. */
  #ask<A>(asking: () => Promise<A>): Effect.Effect<A | null> {
    return Effect.promise(async () => {
      try {
        return await asking()
      } catch (cause) {
        if (!(cause instanceof Problem)) throw cause
        return null
      }
    })
  }

  /** Tries until something comes of it. */
  readonly #until = Effect.fnUntraced(function* <A>(attempt: Effect.Effect<A | null>) {
    for (;;) {
      const come = yield* attempt
      if (come !== null) return come
      yield* Effect.sleep(pauseMillis)
    }
  })

  async #attempt(door: Door, own: OwnActor): Promise<Answer> {
    const { actor, version } = own
    const { declared } = own.manifest
    const sender = this.#senderTo(door)
    if (!(await isKnown(door, own))) await bringIn(sender, own)
    const { voters } = door.raft.status().configuration
    const offer = { node: this.#node, version, declared, voters }
    const { result, index } = await command(sender, "$actor/offer", actor, offer)
    const { status, reason = null } = JSON.parse(result) as Pick<Offered, "status" | "reason">
    return { offered: { actor, version, status, reason }, index }
  }
}

/** As far as this node's state has come; undefined: there is none, or it cannot be asked. */
const statusIn = (door: Door, actor: string): Effect.Effect<ActorStatus | undefined> =>
  door.machine.actors.pipe(
    Effect.orElseSucceed(() => []),
    Effect.map((actors) => actors.find(({ name }) => name === actor)),
  )

/** To bring in code a second time would only fill the log. */
const isKnown = async (door: Door, { actor, version }: OwnActor): Promise<boolean> => {
  const known = await Effect.runPromise(statusIn(door, actor))
  return known?.versions.some((one) => one.version === version) === true
}

/** Whether this node has a state to show, and it has come so far. */
const isHere = (door: Door, deadline: Millis, index: Index): Effect.Effect<boolean> => {
  const asked = () => askNothing(door, "local", deadline, index)
  return Effect.map(Effect.promise(asked), ({ _tag }) => _tag !== "Failure")
}

/** Whether whatever was acknowledged before now is seen here. */
const isCurrent = (door: Door, deadline: Millis): Effect.Effect<boolean> => {
  const asked = () => askNothing(door, "linearizable", deadline)
  return Effect.map(Effect.promise(asked), ({ _tag }) => _tag !== "Failure")
}

const isCurrentHere = (door: Door, deadline: () => Millis): Effect.Effect<true | null> =>
  Effect.suspend(() => Effect.map(isCurrent(door, deadline()), (isIt) => (isIt ? true : null)))

const attemptMillis = 5_000
const pauseMillis = 200
/** Groups of one actor that are offered it at once. */
const homesAtOnce = 8
