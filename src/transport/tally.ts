// What is counted per peer, whatever the layer?

import type { NodeId } from "../consensus/types.ts"
import type { PeerConnection } from "./Transport.ts"

/** Counts from the start of the transport, across connections. */
export interface Tally {
  dropped: number
  opened: number
  refused: number
  refusal: string | null
  sentMessages: number
  sentBytes: number
  receivedMessages: number
  receivedBytes: number
}

export const emptyTally = (): Tally => ({
  dropped: 0,
  opened: 0,
  refused: 0,
  refusal: null,
  sentMessages: 0,
  sentBytes: 0,
  receivedMessages: 0,
  receivedBytes: 0,
})

export const describe = (
  id: NodeId,
  state: PeerConnection["state"],
  outboundBytes: number,
  tally: Tally,
  { client = "", incarnation = "" }: { readonly client?: string; readonly incarnation?: string } = {},
): PeerConnection => ({ id, client, incarnation, state, outboundBytes, ...tally })
