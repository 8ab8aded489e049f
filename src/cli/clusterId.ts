// Which cluster is it that a node begins? A name that all of its first nodes come to, each for itself.

import type { NodeAddress } from "./addresses.ts"

export type Members = Readonly<Record<string, NodeAddress>>

/** The same for all nodes that are given the same members, in whatever order. */
export const clusterIdOf = (members: Members): string => `c-${hashOf(membersText(members))}`

/**
 * Of a cluster that begins with a backup: the same for all nodes that are given the same file, members and name.
 * Nodes that were given different files must never meet: their logs would begin alike and mean something else. And
 * it is none of {@link clusterIdOf}: nodes of the old cluster stay out (HAZARDS O6).
 */
export const restoredClusterIdOf = (members: Members, fileHash: string, name: string): string =>
  `r-${hashOf(JSON.stringify([fileHash, membersText(members), name]))}`

const membersText = (members: Members): string =>
  Object.entries(members)
    .map(([id, { peer }]) => `${id}=${peer}`)
    .sort()
    .join(",")

const hashOf = (text: string): string =>
  new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32)
