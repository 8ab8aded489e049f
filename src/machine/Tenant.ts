// What is a group to those who run code for all groups? Its own machine, its own code, and that it may go at any time.

import { Deferred, Effect, Latch } from "effect"
import type { Index } from "../consensus/types.ts"
import type { Call, Reply } from "./Executor.ts"
import type { Lodger } from "./inside/Quarters.ts"
import type { MachineCore } from "./MachineCore.ts"

/** One opening of a group's state. */
export class Tenant implements Lodger {
  readonly core: MachineCore
  readonly space: number
  readonly #drafts: ReadonlyMap<string, string>
  /** Its state is being flushed: what the log does to it waits, and what only reads goes on. */
  isFlushing = false
  readonly #flushed = Latch.makeUnsafe(true)
  readonly #evicted = Deferred.makeUnsafe<void>()

  /** `drafts`: code that is in no entry yet, by actor and version. */
  constructor(core: MachineCore, space: number, drafts: ReadonlyMap<string, string>) {
    this.core = core
    this.space = space
    this.#drafts = drafts
  }

  /**
   * As the log of this very group has it. Another may have code of that name as well; but which groups a node has is not
   * the same on all nodes, and no outcome may follow from it.
   */
  readonly code = (actor: string, version: string): string | null => {
    const { catalogue } = this.core.state
    const row = catalogue.row(actor, version)
    return row === null
      ? (this.#drafts.get(`${actor}@${version}`) ?? null)
      : catalogue.code(version, row.pieces)
  }

  /** All code that takes part is from the operator's own files. */
  isOwn(call: Call): boolean {
    const { catalogue } = this.core.state
    const isOwn = (version: string) => catalogue.row(call.actor, version)?.source === "file"
    const writer = "key" in call ? call.instance?.version : undefined
    return isOwn(call.version) && (writer === undefined || writer === call.version || isOwn(writer))
  }

  /** Succeeds when no flush is under way. */
  get flushed(): Effect.Effect<void> {
    return this.#flushed.await
  }

  /**
   * Flushes its state, and lets others have their turn in between: what waits here for a second takes some ten milliseconds.
   * One at a time.
   */
  readonly flush: Effect.Effect<Index> = Effect.suspend(() => {
    const parts = this.core.flushInParts()
    this.isFlushing = true
    this.#flushed.closeUnsafe()
    const going = Effect.gen(function* () {
      for (;;) {
        const part = parts.next()
        if (part.done === true) return part.value
        yield* Effect.yieldNow
      }
    })
    return Effect.ensuring(
      going,
      Effect.sync(() => {
        parts.return(0)
        this.isFlushing = false
        this.#flushed.openUnsafe()
      }),
    )
  })

  /** What is run for it ends when it has to go, wherever it waits or runs, and nobody is to blame. */
  whileHere(
    calls: ReadonlyArray<Call>,
    running: Effect.Effect<ReadonlyArray<Reply>>,
  ): Effect.Effect<ReadonlyArray<Reply>> {
    const evicted = Effect.as(
      Deferred.await(this.#evicted),
      calls.map((): Reply => ({ type: "faulted", fault: { kind: "host", detail: "the machine is closed" } })),
    )
    return Effect.raceFirst(running, evicted)
  }

  readonly evict: Effect.Effect<void> = Effect.suspend(() =>
    Effect.asVoid(Deferred.succeed(this.#evicted, undefined)),
  )
}
