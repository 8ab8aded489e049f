// Whom do other groups of a node still need, whatever the one says that decides about connections?

import type { Address, GroupId, NodeId } from "../consensus/types.ts"

type Addresses = Readonly<Record<NodeId, Address>>

/**
 * Of one node. A group follows the members of `main` with the votes of those that it has: until then it must hear them, also
 * who is a member of the cluster no more.
 */
export class Neighbours {
  readonly #of = new Map<GroupId, Addresses>()
  #known: Addresses = {}
  #isKnown = true

  /** Instead of what the group needed before. */
  needs(group: GroupId, addresses: Addresses): void {
    this.#of.set(group, addresses)
    this.#isKnown = false
  }

  /** The group is here no more. */
  leaves(group: GroupId): void {
    if (this.#of.delete(group)) this.#isKnown = false
  }

  /** Of all groups together; the same object as long as nothing has changed. */
  get all(): Addresses {
    if (!this.#isKnown) {
      this.#known = Object.assign({}, ...this.#of.values())
      this.#isKnown = true
    }
    return this.#known
  }
}
