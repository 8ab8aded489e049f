// What does one machine that never fails answer? The simulation's own actors, run without anything around them.

import type { Actor, ActorCommand, ActorQuery, Json } from "../../src/machine/actor.ts"
import counter from "../../src/simulation/actors/counter.ts"
import list from "../../src/simulation/actors/list.ts"
import register from "../../src/simulation/actors/register.ts"
import type { Operation } from "../../src/simulation/history.ts"

type Asked = Pick<Operation, "op" | "input">
type Answer = Pick<Operation, "outcome" | "output">

/** One instance. */
export class SingleMachine {
  revision = 0
  readonly #actor: Actor
  #state: unknown

  constructor(actor: string) {
    this.#actor = actors[actor]!
    this.#state = this.#actor.initial
  }

  execute({ op, input }: Asked): Answer {
    const [, name = ""] = op.split(/[.?]/)
    if (op.includes("?")) {
      const read = this.#actor.queries[name]!.read as Run<ActorQuery["read"]>
      return answered(read(this.#state, null, {}), this.revision)
    }
    const { ifRevision, ...given } = input as { readonly ifRevision?: number }
    if (ifRevision !== undefined && ifRevision !== this.revision) {
      return { outcome: "refused", output: "revision-mismatch" }
    }
    const reduce = this.#actor.commands[name]!.reduce as Run<ActorCommand["reduce"]>
    try {
      const context = { reject, emit: () => {} }
      const { state, result } = reduce(this.#state, given, context) as { state: unknown; result: Json }
      this.#state = state
      return answered(result, ++this.revision)
    } catch (error) {
      if (error instanceof Refusal) return { outcome: "refused", output: error.message }
      throw error
    }
  }
}

const actors: Readonly<Record<string, Actor>> = { register, counter, list }

type Run<Of extends (...given: never) => unknown> = (...given: ReadonlyArray<unknown>) => ReturnType<Of>

class Refusal extends Error {}

const reject = (code: string): never => {
  throw new Refusal(code)
}

const answered = (result: unknown, revision: number): Answer => ({
  outcome: "ok",
  output: { result: result as Json, revision },
})
