// Whose process lives, as far as it is heard?

import type { Millis, NodeId } from "../consensus/types.ts"
import type { Pulse, PulseChange, PulseTold } from "./Transport.ts"

interface Heart {
  session: string
  heardAt: Millis
  /** Whole rounds in which nothing was heard, put together. */
  silentMillis: number
  isSilent: boolean
  wasHeard: boolean
}

/** The pulse of each peer, by what is heard of it and by the rounds that pass. */
export class Pulses {
  readonly #silentMillis: number
  readonly #hearts = new Map<NodeId, Heart>()
  readonly #told = new Set<PulseTold>()

  constructor(silentMillis: number) {
    this.#silentMillis = silentMillis
  }

  of(peer: NodeId): Pulse | null {
    const heart = this.#hearts.get(peer)
    return heart === undefined ? null : { session: heart.session, heardAt: heart.heardAt }
  }

  /** Heard, and not silent since. */
  isHeard(peer: NodeId): boolean {
    return this.#hearts.get(peer)?.isSilent === false
  }

  /** How long the next round is to be: `pulseMillis` while somebody is missed, twice as long while all are heard. */
  roundMillis(now: Millis, pulseMillis: Millis): Millis {
    // Two pulses are two of them apart. One that comes a little late is no reason to look more closely.
    const isMissed = ({ heardAt, isSilent }: Heart) => !isSilent && now - heardAt > 2.5 * pulseMillis
    return this.#hearts.values().some(isMissed) ? pulseMillis : 2 * pulseMillis
  }

  on(told: PulseTold): () => void {
    // One of its own, so that who asks twice is told twice, and ends each alone.
    const own: PulseTold = (peer, what) => told(peer, what)
    this.#told.add(own)
    return () => void this.#told.delete(own)
  }

  /** Something came from this process of the peer. */
  hears(peer: NodeId, session: string, now: Millis): void {
    const heart = this.#hearts.get(peer)
    if (heart === undefined) {
      this.#hearts.set(peer, { session, heardAt: now, silentMillis: 0, isSilent: false, wasHeard: true })
      return this.#tell(peer, "heard")
    }
    const { isSilent } = heart
    const isAnother = heart.session !== session
    Object.assign(heart, { session, heardAt: now, silentMillis: 0, isSilent: false, wasHeard: true })
    if (isAnother) this.#tell(peer, "another")
    if (isSilent) this.#tell(peer, "heard")
  }

  /**
   * A round has passed. Rounds are counted and not a clock: a process that stood still finds what came meanwhile before
   * it has counted enough of them.
   */
  passed(roundMillis: number): void {
    for (const [peer, heart] of this.#hearts) {
      heart.silentMillis = heart.wasHeard ? 0 : heart.silentMillis + roundMillis
      heart.wasHeard = false
      if (heart.isSilent || heart.silentMillis < this.#silentMillis) continue
      heart.isSilent = true
      this.#tell(peer, "silent")
    }
  }

  /** It is no peer any more. */
  forget(peer: NodeId): void {
    const wasHeard = this.isHeard(peer)
    this.#hearts.delete(peer)
    if (wasHeard) this.#tell(peer, "silent")
  }

  #tell(peer: NodeId, what: PulseChange): void {
    for (const told of this.#told) told(peer, what)
  }
}
