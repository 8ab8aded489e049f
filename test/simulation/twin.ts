// Is a small history linearizable? The slow and obvious way: every order is tried.

import type { Json } from "../../src/machine/actor.ts"
import type { Executed, Operation } from "../../src/simulation/history.ts"
import { SingleMachine } from "./SingleMachine.ts"

export const isLinearizable = (operations: ReadonlyArray<Operation>): boolean => {
  const happened = operations.filter(({ outcome }) => outcome === "ok" || outcome === "refused")
  const unknown = operations.filter(({ op, outcome }) => outcome === "unknown" && !op.includes("?"))
  return subsets(unknown).some((some) => isAnyOrderRight([], [...happened, ...some]))
}

const subsets = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  all.reduce<ReadonlyArray<ReadonlyArray<A>>>(
    (some, one) => some.concat(some.map((subset) => [...subset, one])),
    [[]],
  )

const isAnyOrderRight = (order: ReadonlyArray<Operation>, rest: ReadonlyArray<Operation>): boolean =>
  rest.length === 0
    ? respectsTime(order) && explainsAnswers(order)
    : rest.some((next) =>
        isAnyOrderRight(
          [...order, next],
          rest.filter((one) => one !== next),
        ),
      )

/** Nothing stands behind what started only after it had ended. */
const respectsTime = (order: ReadonlyArray<Operation>): boolean =>
  order.every(({ start }, at) => order.slice(at + 1).every(({ end }) => end === null || end >= start))

const explainsAnswers = (order: ReadonlyArray<Operation>): boolean => {
  if (order.length === 0) return true
  const machine = new SingleMachine(order[0]!.instance.split("/")[0]!)
  return order.every((operation) => {
    const { outcome, output } = machine.execute(operation)
    if (operation.outcome === "unknown") return true
    return outcome === operation.outcome && Bun.deepEquals(like(operation.output, output), operation.output)
  })
}

/** Some histories have answers without revisions, or without anything. */
const like = (seen: Json, output: Json): Json => {
  const isWhole = typeof seen === "string" || Object.hasOwn(Object(seen), "revision")
  return seen === null ? null : isWhole ? output : (output as unknown as Executed).result
}
