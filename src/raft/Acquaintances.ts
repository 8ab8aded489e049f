// Whom does a node keep connections to? All whom a configuration names that rules or may come to rule.

import { Effect } from "effect"
import { epochOf } from "../consensus/configuration.ts"
import { membersOfAll } from "../consensus/membership.ts"
import type { Address, Configuration, NodeId } from "../consensus/types.ts"
import type { Group } from "./Group.ts"

/** Told after every turn; costs two comparisons when nothing has changed. */
export class Acquaintances {
  readonly #group: Group
  readonly #atStart: Configuration
  #followed: Configuration | null = null
  #isCommitted = false
  /** What other groups needed when that was followed. */
  #needed: Readonly<Record<NodeId, Address>> | null = null

  constructor(group: Group) {
    this.#group = group
    this.#atStart = group.node.configurations.current
  }

  follow(): Effect.Effect<void> {
    const { configurations, commitIndex } = this.#group.node
    const { current, currentIndex } = configurations
    const { connects, neighbours } = this.#group.options
    const isCommitted = commitIndex >= currentIndex
    const needed = connects ? (neighbours?.all ?? null) : null
    const isFollowed = this.#followed === current && this.#isCommitted === isCommitted
    if (isFollowed && this.#needed === needed) return Effect.void
    this.#followed = current
    this.#isCommitted = isCommitted
    this.#needed = needed
    const epoch = epochOf(current)
    const inForce = configurations.from(commitIndex)
    if (!connects) {
      const known: Record<NodeId, Address> = {}
      for (const configuration of inForce) Object.assign(known, configuration.addresses)
      neighbours?.needs(this.#group.node.group, known)
      return Effect.void
    }
    // Whom a reset has given up is an outsider, whichever group still counts on it; itself only as a member.
    const { [this.#group.node.id]: _, ...others } = needed ?? {}
    const addresses = { ...others, ...this.#addresses(inForce) }
    const insiders = membersOfAll(inForce.filter((each) => epochOf(each) === epoch))
    const outsiders = Object.keys(addresses).filter((id) => !insiders.includes(id))
    return this.#group.transport.connect(addresses, currentIndex, epoch, new Set(outsiders))
  }

  /**
   * Until the newest configuration is committed the one before may come back, and with it its members. A node may
   * have been away while everybody else was replaced: it listens to those whom it was told of at its start as well,
   * until it learns a newer configuration in which it takes part.
   */
  #addresses(configurations: ReadonlyArray<Configuration>): Readonly<Record<NodeId, Address>> {
    const { node, options } = this.#group
    const known: Record<NodeId, Address> = {}
    for (const configuration of configurations) Object.assign(known, configuration.addresses)
    const members = membersOfAll(configurations)
    const isNews = this.#atStart !== node.configurations.current && members.includes(node.id)
    // Itself only as a member: others may remember it as one that it is no more.
    const contacts = Object.keys(options.contacts).filter((id) => id !== node.id)
    const named = isNews ? members : [...members, ...contacts]
    return Object.fromEntries(
      named.flatMap((id) => {
        const own = ownOf(known, id)
        const told = ownOf(options.contacts, id)
        const before = told?.insteadOf ?? ownOf(this.#atStart.addresses, id)?.peer
        const hasMoved = own !== undefined && own.peer !== before
        const address = hasMoved || told === undefined ? own : { peer: told.peer, client: told.client }
        if (address === undefined) return []
        // Who it is, the configuration alone says.
        const { incarnation } = own ?? {}
        return [[id, incarnation === undefined ? address : { ...address, incarnation }] as const]
      }),
    )
  }
}

/** Ids come from outside: "constructor" is in every object. */
const ownOf = <A>(addresses: Readonly<Record<NodeId, A>>, id: NodeId): A | undefined =>
  Object.hasOwn(addresses, id) ? addresses[id] : undefined
