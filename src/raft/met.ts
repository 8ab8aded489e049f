// Who is behind the names of the members? Those that are let in were judged by what this node remembers of them.

import type { NodeId } from "../consensus/types.ts"
import type { Group } from "./Group.ts"

/** The data directories of whom this node has met in this process, and its own. */
export const metBy = ({ log, node, transport }: Pick<Group, "log" | "node" | "transport">) => {
  const met: Record<NodeId, string> = {}
  for (const { id, incarnation } of transport.connections()) if (incarnation !== "") met[id] = incarnation
  met[node.id] = log.identity.incarnation
  return met
}
