// Who may speak for a group? Its own configuration says so: what the connection knows of a peer is what another group
// was told of it.

import type { Configuration, NodeId } from "../consensus/types.ts"
import type { Payload } from "../transport/Transport.ts"

/**
 * Whether a message counts in a group of this configuration. What a leader says does in any case: it leads by the votes of others,
 * and who lags may have no word yet of the directory that it has now. By that word it hears of it (Raft §6: servers take requests
 * of leaders whom their configuration does not know). Votes, and answers that are counted, are those of members.
 */
export const admits = (
  configuration: Configuration,
  from: NodeId,
  incarnation: string,
  type: Payload["type"],
): boolean => isOfLeader(type) || admitsPeer(configuration, from, incarnation)

const isOfLeader = (type: Payload["type"]): boolean =>
  type === "AppendRequest" || type === "HeartbeatRequest" || type === "SnapshotChunk"

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
