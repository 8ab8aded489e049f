// What do the clients ask for? One operation at a time, drawn by chance.

import type { Json } from "../../src/machine/actor.ts"
import type { Random } from "../../test/consensus/Random.ts"
import type { Instance, Instances } from "./Instances.ts"

export interface Ask {
  readonly instance: Instance
  /** `actor.command` or `actor?query`. */
  readonly op: string
  /** As the history has it. */
  readonly input: Json
  /** Of a read. */
  readonly consistency: "linearizable" | "lease" | null
  /** The whole HTTP request. */
  readonly request: string
}

/** `number` is never given twice: by it values, items and keys are told apart. */
export const drawAsk = (random: Random, instances: Instances, number: number): Ask => {
  const dice = random.between(1, 100)
  if (dice <= 25) return set(random, instances, number)
  if (dice <= 50) return add(random, instances, number)
  if (dice <= 65)
    return command(instances.take("list", random, true), "append", { item: `i${number}` }, number)
  if (dice <= 67) return arm(random, instances, number)
  return drawRead(random, instances)
}

export const drawRead = (random: Random, instances: Instances): Ask => {
  const dice = random.between(1, 100)
  if (dice <= 40) return readOf(random, instances, "register", "value")
  if (dice <= 80) return readOf(random, instances, "counter", "value")
  return readOf(random, instances, "list", "items")
}

export const read = (instance: Instance, query: string, consistency: "linearizable" | "lease"): Ask => ({
  instance,
  op: `${instance.actor}?${query}`,
  input: null,
  consistency,
  request: requestText(
    "GET",
    `/read/${instance.actor}/${instance.key}/${query}?consistency=${consistency}`,
    [],
    "",
  ),
})

const set = (random: Random, instances: Instances, number: number): Ask => {
  const instance = instances.take("register", random, true)
  // Half of them only if nobody was faster; by what was last heard, which may be old.
  return command(instance, "set", { value: number }, number, random.chance(0.5) ? instance.revision : null)
}

const add = (random: Random, instances: Instances, number: number): Ask => {
  const by = random.chance(0.02) ? tooMuch : random.between(1, 9)
  return command(instances.take("counter", random, true), "add", { by }, number)
}

const arm = (random: Random, instances: Instances, number: number): Ask => {
  const input = { item: `i${number}`, afterMillis: random.between(50, alarmMillisMax) }
  return command(instances.take("alarm", random, true), "arm", input, number)
}

/** All alarms have rung so long after the last one was set. */
export const alarmMillisMax = 1500

/** The counter refuses it. */
const tooMuch = 101

const readOf = (
  random: Random,
  instances: Instances,
  actor: "register" | "counter" | "list",
  query: string,
): Ask => read(instances.take(actor, random, false), query, random.chance(0.5) ? "linearizable" : "lease")

const command = (
  instance: Instance,
  name: string,
  input: Readonly<Record<string, Json>>,
  number: number,
  ifRevision: number | null = null,
): Ask => ({
  instance,
  op: `${instance.actor}.${name}`,
  input: ifRevision === null ? input : { ...input, ifRevision },
  consistency: null,
  request: requestText(
    "POST",
    `/propose/${instance.actor}/${instance.key}/${name}`,
    [
      "Content-Type: application/json",
      `Idempotency-Key: chaos-${number}`,
      ...(ifRevision === null ? [] : [`If-Revision: ${ifRevision}`]),
    ],
    JSON.stringify(input),
  ),
})

/** What a node may take for one attempt; clients wait a little longer, to hear its word when there is one. */
export const nodeMillisMax = 1500

const requestText = (method: string, path: string, headers: ReadonlyArray<string>, body: string): string =>
  [
    `${method} ${path} HTTP/1.1`,
    "Host: chaos",
    `Raftlet-Timeout-Ms: ${nodeMillisMax}`,
    ...headers,
    ...(body === "" ? [] : [`Content-Length: ${body.length}`]),
    "",
    body,
  ].join("\r\n")
