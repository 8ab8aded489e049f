// How is something asked that changes nothing?

import type { Answer, InstanceList } from "../machine/leading/context.ts"
import { checkKey, checkName, checkWhole, jsonOf, pathOf } from "./arguments.ts"
import type { Asked } from "./ask.ts"
import type { Call, Cluster } from "./Cluster.ts"
import { Failure } from "./Failure.ts"
import { persevereHedged } from "./persevere.ts"
import { Question } from "./Question.ts"
import type { Actors, Freshness, ListQuestion, Query, StateAnswer, StateQuestion } from "./shapes.ts"

/** Throws a TypeError. */
export const queryRequest = (question: Query<Actors, string, string>): Asked => {
  const { actor, key, query, input } = question
  checkName(query, "query")
  const path = `/read${instancePath(actor, key)}${pathOf(query)}${queryString(freshness(question))}`
  // In a body, and in nobody's access log.
  return input === undefined ? { method: "GET", path } : { method: "POST", path, body: jsonOf(input) }
}

/** Throws a TypeError. */
export const stateRequest = (question: StateQuestion<string>): Asked => ({
  method: "GET",
  path: `/read${instancePath(question.actor, question.key)}${queryString(freshness(question))}`,
})

/** Throws a TypeError. */
export const listRequest = (question: ListQuestion<string>): Asked => {
  const { actor, prefix, after, limit } = question
  checkName(actor, "actor")
  checkWhole(limit, "limit", 1)
  return {
    method: "GET",
    path: `/read${pathOf(actor)}${queryString({ prefix, after, limit, ...freshness(question) })}`,
  }
}

export const isAnswer = (value: object): value is Answer<unknown> => "result" in value && "index" in value
export const isState = (value: object): value is StateAnswer<unknown> => "state" in value && "index" in value
export const isPage = (value: object): value is InstanceList => "instances" in value && "next" in value

/** Throws a {@link Failure}. */
export const ask = async <A>(
  cluster: Cluster,
  asked: Asked,
  isAnswer: (value: object) => boolean,
  call: Call,
): Promise<A> => {
  const question = new Question<A>(isAnswer)
  let answer: A | Failure | null = null
  await persevereHedged(cluster, call, async (url, millis, call) => {
    const said = await cluster.ask(call, url, asked, millis)
    answer ??= question.hears(said)
    return { ...said, done: answer !== null }
  })
  const end = (answer ?? question.givenUp()) as A | Failure
  if (end instanceof Failure) throw end
  return end
}

const instancePath = (actor: string, key: string): string => {
  checkName(actor, "actor")
  checkKey(key)
  return pathOf(actor, key)
}

const freshness = ({ consistency, minIndex, maxStalenessMs }: Freshness) => {
  checkWhole(minIndex, "minIndex")
  checkWhole(maxStalenessMs, "maxStalenessMs")
  return { consistency, minIndex, maxStalenessMs }
}

const queryString = (parameters: Readonly<Record<string, string | number | undefined>>): string => {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return given.length === 0 ? "" : `?${given.join("&")}`
}
