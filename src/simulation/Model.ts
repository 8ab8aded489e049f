// What could a single machine that never fails have answered? A history is held against that.

import type { Operation } from "./history.ts"

/**
 * One instance of an actor, as a single machine that executes one operation at a time. States are values: a step
 * makes a new one and leaves the old one as it is. `actorModel` makes a model from less.
 *
 * ```ts
 * const lamp: Model<boolean> = {
 *   initial: () => false,
 *   step: (isLit, { op, output, outcome }) => {
 *     if (op === "lamp?isLit") return output === isLit ? isLit : null
 *     // A toggle answers what it made of it, where its answer is known.
 *     return outcome === "unknown" || output === !isLit ? !isLit : null
 *   },
 * }
 * ```
 */
export interface Model<State> {
  /** Of an instance that was never written. */
  initial(): State
  /**
   * The state after the operation; null: in this state nobody could have been answered so. An operation whose
   * outcome is `unknown` has no answer to look at: null when it would change nothing. A query and what is
   * `refused` leave the state as it is: of them it is only asked whether they fit.
   */
  step(state: State, operation: Operation): State | null
  /** The same for equal states, and only for them. Without it: the state's JSON. */
  key?(state: State): string | number
  /** For people. Without it: the state's JSON. */
  show?(state: State): string
  /**
   * Where answers say how many commands came before them. It makes the search almost straight; without it the
   * verdict is the same, and takes longer.
   */
  readonly revisions?: {
    /** A whole number, higher after every command that takes effect. */
    of(state: State): number
    /** Of the state in which an operation that is `ok` was executed, by its answer; null: it does not say. */
    seenBy(operation: Operation): number | null
    /**
     * Whether further commands could lead from the state to one in which the query was answered so; it saw a higher
     * revision. Worth it where an answer shows the past, as that of a list does. Without it: they could.
     */
    mayLeadTo?(state: State, query: Operation): boolean
  }
}

/** `actor?query`: looks, and changes nothing. */
export const isQuery = ({ op }: Pick<Operation, "op">): boolean => op.includes("?")

export const keyOf = <State>(model: Model<State>, state: State): string | number =>
  model.key === undefined ? JSON.stringify(state) : model.key(state)

export const show = <State>(model: Model<State>, state: State): string =>
  model.show === undefined ? JSON.stringify(state) : model.show(state)
