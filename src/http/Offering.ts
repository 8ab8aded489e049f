// When may clients count on the actors of this node's own files? When the group has taken them in, or has said why not:
// until then whoever asks for one of them waits.

import { Effect } from "effect"
import type { Index, Millis } from "../consensus/types.ts"
import type { OwnActor } from "../machine/MachineHost.ts"
import { askNothing, type Door } from "./Doors.ts"
import { bringIn, command, type Sender } from "./deploy.ts"
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

/** Offers a node's own actors to its group, once after each start. */
export class Offering {
  readonly #door: Door
  readonly #node: string
  /** By name; settled when the group has answered. */
  readonly #pending = new Map<string, { readonly promise: Promise<void>; readonly resolve: () => void }>()
  readonly offered = new Map<string, Offered>()

  constructor(door: Door, node: string) {
    this.#door = door
    this.#node = node
    for (const { actor } of door.machine.own) this.#pending.set(actor, Promise.withResolvers<void>())
  }

  /** None of its own actors waits for the group any more. */
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

  /** Tries until the group has answered for each. `told` hears of every one. */
  readonly life = Effect.fnUntraced(function* (this: Offering, told: (offered: Offered) => void) {
    for (const own of this.#door.machine.own) {
      let answer: Answer | null = null
      for (;;) {
        yield* this.#releaseActive
        // Offered once: what is far behind, or in repair, would fill the log with it until it has come there.
        if (answer !== null || (yield* this.#isHere(0))) {
          answer ??= yield* Effect.promise(() => this.#attempt(own))
        }
        // Who answered may have come further than this node, which would call the actor unknown.
        if (answer !== null && (yield* this.#isHere(answer.index))) break
        yield* Effect.sleep(pauseMillis)
      }
      this.offered.set(own.actor, answer.offered)
      told(answer.offered)
      this.#release(own.actor)
    }
  }).bind(this)

  /** What the group has switched on already needs no offer: also while nobody can answer one, on full disks perhaps. */
  readonly #releaseActive = Effect.suspend(() => this.#door.machine.actors).pipe(
    Effect.orElseSucceed(() => []),
    Effect.map((actors) => {
      for (const { name, active } of actors) if (active !== null) this.#release(name)
    }),
  )

  #release(actor: string): void {
    this.#pending.get(actor)?.resolve()
    this.#pending.delete(actor)
  }

  /** Whether this node has a state to show, and it has come so far. */
  #isHere(index: Index): Effect.Effect<boolean> {
    const asked = () => askNothing(this.#door, "local", this.#deadline, index)
    return Effect.map(Effect.promise(asked), ({ _tag }) => _tag !== "Failure")
  }

  get #deadline(): Millis {
    return this.#door.raft.now() + attemptMillis
  }

  /** Null: nobody has answered. */
  async #attempt(own: OwnActor): Promise<Answer | null> {
    const { actor, version } = own
    const { declared } = own.manifest
    const sender: Sender = { door: this.#door, node: this.#node, deadline: this.#deadline }
    try {
      if (!(await this.#isKnown(own))) await bringIn(sender, own)
      const { voters } = this.#door.raft.status().configuration
      const offer = { node: this.#node, version, declared, voters }
      const { result, index } = await command(sender, "$actor/offer", actor, offer)
      const { status, reason = null } = JSON.parse(result) as Pick<Offered, "status" | "reason">
      return { offered: { actor, version, status, reason }, index }
    } catch (cause) {
      if (!(cause instanceof Problem)) throw cause
      return null
    }
  }

  /** As far as this node's state has come: to bring in code a second time would only fill the log. */
  async #isKnown({ actor, version }: OwnActor): Promise<boolean> {
    const actors = await Effect.runPromise(Effect.orElseSucceed(this.#door.machine.actors, () => []))
    const known = actors.find(({ name }) => name === actor)
    return known?.versions.some((one) => one.version === version) === true
  }
}

const attemptMillis = 5_000
const pauseMillis = 200
