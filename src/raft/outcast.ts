// A node knows no leader: is it that nobody wants it any more?

import type { Transport } from "../transport/Transport.ts"

/**
 * Null unless every peer refuses this node: then it was removed, most likely, or its name belongs to another directory.
 * Says who refuses it, and why.
 */
export const outcastBy = (transport: Transport["Service"]): string | null => {
  const peers = transport.connections()
  const refusals = peers.flatMap(({ id, state, refusal }) =>
    state === "open" || refusal === null ? [] : [`${id} refuses it (${refusal})`],
  )
  return peers.length > 0 && refusals.length === peers.length ? refusals.join(", ") : null
}

/** What those are told who need a leader. */
export const withoutLeader = (transport: Transport["Service"]): string => {
  const outcast = outcastBy(transport)
  const known = "no leader is known to this node"
  return outcast === null ? known : `${known}: ${outcast}`
}
