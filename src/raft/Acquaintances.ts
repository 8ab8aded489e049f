// Whom does a node keep connections to? All whom a configuration names that rules or may come to rule.

import { Effect } from "effect"
import { membersOfAll } from "../consensus/membership.ts"
import type { Address, Configuration, NodeId } from "../consensus/types.ts"
import type { Group } from "./Group.ts"

/** Told after every turn; costs two comparisons when nothing has changed. */
export class Acquaintances {
  readonly #group: Group
  readonly #atStart: Configuration["addresses"]
  #followed: Configuration | null = null
  #isCommitted = false

  constructor(group: Group) {
    this.#group = group
    this.#atStart = group.node.configurations.current.addresses
  }

  readonly follow: Effect.Effect<void> = Effect.suspend(() => {
    const { configurations, commitIndex } = this.#group.node
    const { current, currentIndex } = configurations
    const isCommitted = commitIndex >= currentIndex
    if (this.#followed === current && this.#isCommitted === isCommitted) return Effect.void
    this.#followed = current
    this.#isCommitted = isCommitted
    return this.#group.transport.connect(this.#addresses(configurations.from(commitIndex)))
  })

  /** Until the newest configuration is committed the one before may come back, and with it its members. */
  #addresses(configurations: ReadonlyArray<Configuration>): Readonly<Record<NodeId, Address>> {
    const addresses: Record<NodeId, Address> = {}
    for (const configuration of configurations) Object.assign(addresses, configuration.addresses)
    const named = membersOfAll(configurations)
    const { contacts } = this.#group.options
    // Who knows nobody yet keeps to those whom it was told of.
    if (named.length === 0) return contacts
    return Object.fromEntries(
      named.flatMap((id) => {
        const isNews = addresses[id]?.peer !== this.#atStart[id]?.peer
        const address = isNews ? addresses[id] : (contacts[id] ?? addresses[id])
        return address === undefined ? [] : [[id, address] as const]
      }),
    )
  }
}
