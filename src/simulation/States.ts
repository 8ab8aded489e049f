// Is something a state of a version, and what is it in another one? As the machine sees it.

import type { Json } from "../machine/actor.ts"
import type { Call, CallRunner, Reply } from "../machine/Executor.ts"
import { Instance } from "../machine/Instance.ts"
import { idOf } from "../machine/Instances.ts"
import { canonicalOf } from "./arguments.ts"
import type { Code } from "./Codes.ts"
import { shown } from "./jsonDifferences.ts"

/** A state that has no place where it is to go. */
export class Misfit extends Error {
  override readonly name = "Misfit"
}

/** States are canonical JSON texts. */
export class States {
  readonly #runner: CallRunner

  constructor(runner: CallRunner) {
    this.#runner = runner
  }

  /** A value as the version would store it; throws {@link Misfit}. `name`: what it is called then. */
  adopt(name: string, given: unknown, { load, name: actor, version }: Code): string {
    const state = JSON.parse(canonicalOf(name, given)) as Json
    const reply = this.#run({ type: "adopt", actor, version, state })
    return textOf(reply, `${name} is no state of version ${load().declared}`, state)
  }

  /** What one version has written, as another one finds it; throws {@link Misfit}. */
  bring(name: string, state: string, from: Code, to: Code): string {
    const { name: actor, version } = to
    const head = { actor, key: name, revision: 1, version: from.version, index: 1 }
    const instance = Instance.received(idOf(actor, name), head, state)
    const reply = this.#run({ type: "show", actor, version, key: name, instance })
    return textOf(reply, `${name} does not come to version ${to.load().declared}`, JSON.parse(state))
  }

  #run(call: Call): Reply {
    return this.#runner.run([call])[0]!
  }
}

const textOf = (reply: Reply, what: string, state: Json): string => {
  if (reply.type === "answered") return reply.text
  throw new Misfit(`${what}: ${whyNot(reply)}: ${shown(state)}`)
}

const whyNot = (reply: Reply): string => {
  switch (reply.type) {
    case "rejected":
      return issuesText(reply.reason.data) ?? reply.reason.message
    case "refused":
      return issuesText(JSON.parse(reply.refused.extra)) ?? reply.refused.detail
    case "faulted":
      return reply.fault.detail
    default:
      return "it was not answered"
  }
}

/** Null when there are none. */
const issuesText = (data: Json): string | null => {
  const { issues = [] } = (data ?? {}) as {
    readonly issues?: ReadonlyArray<{ path: string; message: string }>
  }
  if (issues.length === 0) return null
  return issues.map(({ path, message }) => `at ${path || "the whole"}: ${message}`).join(", ")
}
