// What is the service made of that runs users' `leading` beside a leader? Posts for each leadership, and a count of
// what has failed in all of them.

import { Effect, Layer } from "effect"
import { Failures } from "../beside/fault.ts"
import { MachineHost } from "../MachineHost.ts"
import { type Leadership, Leading, type LeadingService } from "./Leading.ts"
import { Posts } from "./Posts.ts"
import type { OpenStint } from "./Stint.ts"

export interface LeadingOptions {
  /** `code`: of a version, from the state. */
  readonly open: (code: MachineHost["Service"]["code"]) => OpenStint
  /** Something worth a line in the node's log. */
  readonly told: (message: string, details: Readonly<Record<string, unknown>>, level?: "warn") => void
  /** A line that users' code has printed. */
  readonly printed: (actor: string, line: string) => void
}

/** Of one group. */
export const makeLeading = (machine: MachineHost["Service"], options: LeadingOptions): LeadingService =>
  new PostedLeading(machine, options)

class PostedLeading implements LeadingService {
  readonly #machine: MachineHost["Service"]
  readonly #options: LeadingOptions
  readonly #failures = new Failures()
  #current: Posts | null = null

  constructor(machine: MachineHost["Service"], options: LeadingOptions) {
    this.#machine = machine
    this.#options = options
  }

  lead(leadership: Leadership) {
    return Effect.gen({ self: this }, function* () {
      const { open, printed, told } = this.#options
      const posts = new Posts(leadership, {
        machine: this.#machine,
        open: open((asked) => this.#machine.code(asked)),
        told,
        printed,
        failed: (actor, { kind }) => this.#failures.add(actor, kind),
      })
      const take = Effect.sync(() => {
        this.#current = posts
      })
      const leave = Effect.sync(() => {
        if (this.#current === posts) this.#current = null
      })
      yield* Effect.acquireRelease(take, () => leave)
      return yield* posts.begin()
    })
  }

  status() {
    return this.#current?.status ?? []
  }

  failures() {
    return this.#failures.counts
  }
}

/** {@link makeLeading} as a layer. */
export const layerLeading = (options: LeadingOptions): Layer.Layer<never, never, MachineHost> =>
  Layer.effect(
    Leading,
    Effect.map(MachineHost, (machine) => makeLeading(machine, options)),
  )
