// Who reads or copies a whole state now? Of all groups of a node one at a time, so that a thousand never act at once.

import { Deferred, Effect, Exit } from "effect"
import { FilesAround, type OwnSnapshot, type SnapshotFiles } from "./snapshotService.ts"

/** A group waits for what arrives for it; what it makes of itself, others may wait for. */
type Urgency = "urgent" | "usual"

export class WholeStateQueue {
  readonly #waiting: Readonly<Record<Urgency, Array<Deferred.Deferred<void>>>> = { urgent: [], usual: [] }
  #isTaken = false

  /** Runs `job` when it is its turn: urgent ones before the others, else in their order. */
  run<A, E, R>(urgency: Urgency, job: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        this.#enter(urgency, restore),
        Effect.ensuring(
          restore(job),
          Effect.sync(() => this.#pass()),
        ),
      ),
    )
  }

  /** What of these files reads or copies whole states waits for its turn. */
  inTurn(files: SnapshotFiles): SnapshotFiles {
    return new FilesInTurn(files, this)
  }

  #enter(
    urgency: Urgency,
    restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>,
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.#isTaken) {
        this.#isTaken = true
        return Effect.void
      }
      const turn = Deferred.makeUnsafe<void>()
      const line = this.#waiting[urgency]
      line.push(turn)
      return Effect.onExit(restore(Deferred.await(turn)), (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) return
          const at = line.indexOf(turn)
          if (at >= 0) line.splice(at, 1)
          // Its turn had come just then.
          else this.#pass()
        }),
      )
    })
  }

  #pass(): void {
    const next = this.#waiting.urgent.shift() ?? this.#waiting.usual.shift()
    if (next === undefined) this.#isTaken = false
    else Deferred.doneUnsafe(next, Effect.void)
  }
}

class FilesInTurn extends FilesAround {
  readonly #queue: WholeStateQueue

  constructor(files: SnapshotFiles, queue: WholeStateQueue) {
    super(files)
    this.#queue = queue
  }

  override get create() {
    return this.#queue.run("usual", this.files.create)
  }

  override get verify() {
    return this.#queue.run("usual", this.files.verify)
  }

  override reopen(own: OwnSnapshot) {
    return this.#queue.run("usual", this.files.reopen(own))
  }

  override finish(id: string, bytes: number) {
    return this.#queue.run("urgent", this.files.finish(id, bytes))
  }

  override install(id: string) {
    return this.#queue.run("urgent", this.files.install(id))
  }
}
