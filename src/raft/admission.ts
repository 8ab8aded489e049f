// Who may speak for a group? Its own configuration says so: what the connection knows of a peer is what another group
// was told of it.

import type { Configuration, NodeId } from "../consensus/types.ts"

/**
 * Whether a message of a peer with this data directory counts in a group of this configuration: unless the configuration
 * names another directory. A node that was wiped and taken in anew elsewhere is still the voter that it was here, and has
 * none of what that one promised (HAZARDS S6). Whom the configuration does not know is for the decisions to judge.
 */
export const admitsPeer = (configuration: Configuration, from: NodeId, incarnation: string): boolean => {
  const { addresses } = configuration
  // Ids come from outside: "constructor" is in every object.
  const named = Object.hasOwn(addresses, from) ? addresses[from]?.incarnation : undefined
  return named === undefined || named === incarnation
}
