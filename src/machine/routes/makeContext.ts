// How does what routes ask become words of a client, and the answer what its types say?

import { Result } from "effect"
import { client, Failure } from "../../client/index.ts"
import type { CallOptions, Freshness, ListQuestion, Once, StateAnswer } from "../../client/shapes.ts"
import type { Coder } from "../Coder.ts"
import type { Answer, Executed } from "../leading/context.ts"
import type { LoadedActor } from "../Registry.ts"
import type { Json } from "../values.ts"
import type { RoutesContext } from "./context.ts"

/** For code of this very actor; others it asks in JSON. `ask`: the doors of this node. */
export const makeContext = (
  actor: LoadedActor,
  node: string,
  ask: (request: Request) => Promise<Response>,
): RoutesContext => {
  // Whatever nodes it hears of: what it asks stays within this one.
  const cluster = client("http://node", { fetch: ask, discover: false, timeoutMillis })
  const propose = async (asked: Command): Promise<Executed<unknown>> => {
    if (asked.actor !== undefined) return cluster.propose({ ...asked, actor: asked.actor })
    const coders = codersOf(actor.commands, "command", asked.command)
    const answer = await cluster.propose({
      ...asked,
      actor: actor.name,
      input: encode(coders.input, asked.input),
    })
    return { ...answer, result: decode(coders.output, answer.result as Json, "unknown") }
  }
  const read = async (asked: Question): Promise<Answer<unknown>> => {
    if (asked.actor !== undefined) return cluster.read({ ...asked, actor: asked.actor })
    const coders = codersOf(actor.queries, "query", asked.query)
    const answer = await cluster.read({
      ...asked,
      actor: actor.name,
      input: encode(coders.input, asked.input),
    })
    return { ...answer, result: decode(coders.output, answer.result as Json, "rejected") }
  }
  const state = async (asked: InstanceQuestion): Promise<StateAnswer<unknown>> => {
    if (asked.actor !== undefined) return cluster.state({ ...asked, actor: asked.actor })
    const answer = await cluster.state({ ...asked, actor: actor.name })
    return { ...answer, state: decode(actor.state, answer.state as Json, "rejected") }
  }
  return {
    actor: actor.name,
    node,
    propose,
    read,
    state,
    list: (asked: Partial<ListQuestion<string>> = {}) => cluster.list({ actor: actor.name, ...asked }),
    // One for all who ask: nobody closes it.
    cluster: () => ({ ...cluster, close: () => {} }),
  } as unknown as RoutesContext
}

interface InstanceQuestion extends Freshness, CallOptions {
  readonly actor?: string
  readonly key: string
}

interface Command extends Once, CallOptions {
  readonly actor?: string
  readonly key: string
  readonly command: string
  readonly input?: Json
}

interface Question extends InstanceQuestion {
  readonly query: string
  readonly input?: Json
}

interface Coders {
  readonly input: Coder
  readonly output: Coder
}

const codersOf = (own: ReadonlyMap<string, Coders>, what: "command" | "query", name: string): Coders => {
  const coders = own.get(name)
  if (coders === undefined) throw failure(`unknown-${what}`, 404, `there is no ${what} "${name}"`, "rejected")
  return coders
}

const encode = (coder: Coder, input: unknown = null): Json => {
  const encoded = coder.encode(input)
  if (Result.isSuccess(encoded)) return encoded.success.json
  const { path, message } = encoded.failure[0]!
  throw failure("invalid-input", 400, `${path === "" ? "" : `at ${path}: `}${message}`, "rejected")
}

const decode = (coder: Coder, json: Json, outcome: "rejected" | "unknown"): unknown => {
  const decoded = coder.decode(json)
  if (Result.isSuccess(decoded)) return decoded.success
  const [issue] = decoded.failure
  throw failure("internal", 500, `the answer is none of this version's: ${issue!.message}`, outcome)
}

const failure = (code: string, status: number, detail: string, outcome: "rejected" | "unknown"): Failure =>
  new Failure({ code, status, detail, outcome, retryable: false }, 0)

/** As a request's own time, when it does not say. */
const timeoutMillis = 5_000
