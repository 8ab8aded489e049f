// What are the simulation's own actors, without a cluster?

import type { Json } from "../machine/actor.ts"
import { actorModel } from "./actorModel.ts"
import type { Executed } from "./history.ts"
import { isQuery, type Model } from "./Model.ts"
import { kindOf } from "./roaming.ts"

/**
 * A list that grew by one item; equal lists that grew from one root are the same object. So a list costs what its
 * last item does, however long it is.
 */
class Grown {
  readonly length: number
  /** Of the root's tree, each its own. */
  readonly id: number
  readonly #before: Grown | null
  readonly #item: string
  readonly #after = new Map<string, Grown>()
  readonly #tree: { count: number }

  constructor(before: Grown | null = null, item = "") {
    this.#before = before
    this.#item = item
    this.length = before === null ? 0 : before.length + 1
    this.#tree = before === null ? { count: 0 } : before.#tree
    this.id = this.#tree.count++
  }

  append(item: string): Grown {
    let after = this.#after.get(item)
    if (after === undefined) {
      after = new Grown(this, item)
      this.#after.set(item, after)
    }
    return after
  }

  /** As far as the last item tells. */
  mayBecome(items: ReadonlyArray<string>): boolean {
    return this.length === 0 || items[this.length - 1] === this.#item
  }

  toArray(): ReadonlyArray<string> {
    const items = new Array<string>(this.length)
    let list: Grown | null = this
    for (let at = this.length - 1; at >= 0; at--) {
      items[at] = list!.#item
      list = list!.#before
    }
    return items
  }
}

/** Which version has answered is for others to look at. */
const withoutVersion = <State>(model: Model<State>): Model<State> => ({
  ...model,
  step: (state, operation) => {
    if (operation.outcome !== "ok" || isQuery(operation)) return model.step(state, operation)
    const { result, revision } = operation.output as unknown as Executed
    const { total } = result as { readonly total: Json }
    return model.step(state, { ...operation, output: { result: total, revision } })
  },
})

/** Of all its versions; `set` is what an operator does who repairs an instance. */
const till = withoutVersion(
  actorModel<number>({
    initial: () => 0,
    commands: {
      pay: (total, { by }: { by: number }) => ({ state: total + by, result: total + by }),
      refund: (total, { by }: { by: number }) =>
        by > total ? { refused: "too-much" } : { state: total - by, result: total - by },
      hang: (total) => ({ state: total + 1, result: total + 1 }),
      set: (_, { total }: { total: number }) => ({ state: total, result: total }),
    },
    queries: { total: (total) => total },
  }),
)

/** By the actor's name. */
export const models: Readonly<Record<string, Model<unknown>>> = {
  register: actorModel<number>({
    initial: () => 0,
    commands: { set: (replaced, { value }: { value: number }) => ({ state: value, result: replaced }) },
    queries: { value: (value) => value },
  }),
  counter: actorModel<number>({
    initial: () => 0,
    commands: {
      add: (value, { by }: { by: number }) =>
        by > 100 ? { refused: "too-big" } : { state: value + by, result: value + by },
    },
    queries: { value: (value) => value },
  }),
  list: actorModel<Grown>({
    initial: () => new Grown(),
    commands: {
      append: (list, { item }: { item: string }) => ({ state: list.append(item), result: list.length + 1 }),
    },
    queries: { items: (list) => list.toArray() },
    key: (list) => list.id,
    show: (list) => JSON.stringify(list.toArray()),
    mayLeadTo: (list, items) => !Array.isArray(items) || list.mayBecome(items),
  }),
  till,
}

/** Of an instance `actor/key`; null for an actor that nobody has modelled. */
export const modelOf = (
  instance: string,
  known: Readonly<Record<string, Model<unknown>>> = models,
): Model<unknown> | null => {
  const actor = instance.slice(0, instance.indexOf("/"))
  const kind = Object.hasOwn(known, actor) ? actor : kindOf(actor)
  return Object.hasOwn(known, kind) ? known[kind]! : null
}
