// How does a command get executed once, however often it is sent?

import type { Executed } from "../machine/leading/context.ts"
import {
  checkIdempotencyKey,
  checkKey,
  checkName,
  checkWhole,
  isSegment,
  jsonOf,
  pathOf,
} from "./arguments.ts"
import type { Answer } from "./ask.ts"
import { batchesOf, bodyOf } from "./batches.ts"
import type { Call, Cluster } from "./Cluster.ts"
import type { Failure } from "./Failure.ts"
import { Fate, type Said } from "./Fate.ts"
import { persevereHedged } from "./persevere.ts"
import type { AnyProposal } from "./shapes.ts"

export type Outcome = Executed<unknown> | Failure

/** One proposal on its way. */
export interface Sent {
  readonly actor: string
  readonly key: string
  readonly command: string
  /** JSON. */
  readonly input: string
  readonly idempotencyKey: string
  readonly ifRevision: number | undefined
  /** All of it, as an item of a batch. */
  readonly text: string
  readonly fate: Fate
  outcome: Outcome | null
}

/** Throws a TypeError. */
export const sentOf = (proposal: AnyProposal): Sent => {
  const { actor, key, command, input, idempotencyKey = crypto.randomUUID(), ifRevision } = proposal
  checkName(actor, "actor")
  checkName(command, "command")
  checkKey(key)
  checkIdempotencyKey(idempotencyKey)
  checkWhole(ifRevision, "ifRevision")
  const json = jsonOf(input)
  const rest = JSON.stringify({ actor, key, command, idempotencyKey, ifRevision })
  return {
    actor,
    key,
    command,
    input: json,
    idempotencyKey,
    ifRevision,
    // The same bytes each time: what is sent again must be the same request.
    text: `${rest.slice(0, -1)},"input":${json}}`,
    fate: new Fate(ifRevision),
    outcome: null,
  }
}

/** One by itself: its answers say who leads the group that has it. */
export const proposeOne = async (cluster: Cluster, sent: Sent, call: Call): Promise<Outcome> => {
  // Such a key can stand in a batch only.
  if (!isSegment(sent.key)) return (await proposeTogether(cluster, [sent], call))[0]!
  const asked = {
    method: "POST",
    path: `/propose${pathOf(sent.actor, sent.key, sent.command)}`,
    body: sent.input,
    headers: {
      "Idempotency-Key": sent.idempotencyKey,
      ...(sent.ifRevision === undefined ? {} : { "If-Revision": `${sent.ifRevision}` }),
    },
  } as const
  await persevereHedged(cluster, call, async (url, millis, call) => {
    sent.fate.begins()
    const answer = await cluster.ask(call, url, asked, millis)
    sent.outcome ??= sent.fate.hears(answer)
    return { ...answer, done: sent.outcome !== null }
  })
  return sent.outcome ?? sent.fate.givenUp()
}

/** One request after the other, so that the order is kept. `callOf` begins the time of the next one. */
export const proposeAll = async (
  cluster: Cluster,
  all: ReadonlyArray<Sent>,
  callOf: () => Call,
): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  for (const batch of batchesOf(all)) outcomes.push(...(await proposeTogether(cluster, batch, callOf())))
  return outcomes
}

/** In one request, and what is left of it in others. */
const proposeTogether = async (
  cluster: Cluster,
  batch: ReadonlyArray<Sent>,
  call: Call,
): Promise<ReadonlyArray<Outcome>> => {
  let isTooLarge = false
  await persevereHedged(cluster, call, async (url, millis, call) => {
    const open = batch.filter(({ outcome }) => outcome === null)
    for (const { fate } of open) fate.begins()
    const asked = { method: "POST", path: "/propose", body: bodyOf(open) } as const
    const answer = await cluster.ask(call, url, asked, millis)
    isTooLarge = open.length > 1 && isTooLargeTogether(answer)
    if (isTooLarge) {
      for (const { fate } of open) fate.comesToNothing()
      return { ...answer, done: true }
    }
    const each = eachOf(answer, open.length)
    for (const [at, sent] of open.entries()) sent.outcome ??= sent.fate.hears(each[at]!)
    return { ...answer, done: open.every(({ outcome }) => outcome !== null) }
  })
  if (isTooLarge) {
    const open = batch.filter(({ outcome }) => outcome === null)
    const middle = Math.ceil(open.length / 2)
    for (const half of [open.slice(0, middle), open.slice(middle)]) {
      const outcomes = await proposeTogether(cluster, half, call)
      for (const [at, sent] of half.entries()) sent.outcome = outcomes[at]!
    }
  }
  return batch.map(({ outcome, fate }) => outcome ?? fate.givenUp())
}

/** The node allows less than nodes do by themselves. */
const isTooLargeTogether = (answer: Answer): boolean =>
  answer.type === "told" && (answer.value as { readonly code?: unknown } | null)?.code === "too-large"

/** What an answer to the whole says of each. */
const eachOf = (answer: Answer, count: number): ReadonlyArray<Said> => {
  const outcomes =
    answer.type === "told" ? (answer.value as { readonly outcomes?: unknown } | null)?.outcomes : null
  return Array.isArray(outcomes) && outcomes.length === count
    ? outcomes.map((value) => ({ type: "told", value }))
    : Array.from({ length: count }, () => answer)
}
