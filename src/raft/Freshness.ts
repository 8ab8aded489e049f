// When did this node last know that it had everything its leader had committed?

import { leaseHolds } from "../consensus/reading.ts"
import type { Index, Millis } from "../consensus/types.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Applied } from "./reach.ts"

export class Freshness {
  readonly #group: Group
  readonly #applied: Readonly<Applied>
  #freshAt: Millis = Number.NEGATIVE_INFINITY
  /** Once the machine is here, this node had at that time everything that its leader had told it of. */
  #goal: { readonly at: Millis; readonly index: Index } = { at: Number.NEGATIVE_INFINITY, index: 0 }

  constructor(group: Group, applied: Readonly<Applied>) {
    this.#group = group
    this.#applied = applied
  }

  /** After every turn. */
  note(): void {
    const { node, clock } = this.#group
    const { role } = node
    if (this.#applied.index < this.#goal.index) return
    this.#freshAt = Math.max(this.#freshAt, this.#goal.at)
    if (role.kind === "leader" && leaseHolds(node, nowOf(clock))) {
      this.#goal = { at: nowOf(clock), index: node.commitIndex }
    } else if (role.kind === "follower" && role.acknowledged !== null) {
      this.#goal = role.acknowledged
    }
  }

  /** How long ago that was. */
  get stalenessMillis(): Millis {
    return nowOf(this.#group.clock) - Math.max(this.#freshAt, this.#group.rest.freshAt)
  }
}
