// Did this node's log come back shorter than it was? Nothing on a disk tells that its whole directory is an older copy;
// but every peer that was told how far it had come remembers, and says so before anything else (HAZARDS S6).

import type { NodeId } from "../consensus/types.ts"

/** How far the log of one data directory has come: it counts its commits, which is more at every later one. */
export interface Witnessed {
  readonly incarnation: string
  readonly sequence: number
}

const nobody: Witnessed = { incarnation: "", sequence: 0 }

/** Of one node, as long as its process lives. */
export class Witness {
  /** This node's own: what it has on disk now, never more. */
  readonly #own: () => Witnessed
  readonly #peers = new Map<NodeId, Witnessed>()
  #told = 0

  constructor(own: () => Witnessed) {
    this.#own = own
  }

  get own(): Witnessed {
    return this.#own()
  }

  /** As how far this node's own log is known to others. */
  get told(): number {
    return this.#told
  }

  /** What this node knows of a peer, for that one to hear. */
  of(peer: NodeId): Witnessed {
    return this.#peers.get(peer) ?? nobody
  }

  /** A peer tells how far its log has come. */
  hears(peer: NodeId, told: Witnessed): void {
    const known = this.#peers.get(peer)
    if (known?.incarnation === told.incarnation && known.sequence >= told.sequence) return
    this.#peers.set(peer, told)
  }

  /** A peer tells how far it knows this node's log to have come. */
  isTold({ incarnation, sequence }: Witnessed): void {
    if (incarnation === this.#own().incarnation) this.#told = Math.max(this.#told, sequence)
  }
}
