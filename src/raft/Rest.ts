// Does the group rest on this node? What its lives are told of it, and what the decisions are told of the lives and of the
// peers' processes.

import { type Clock, Effect, type Scope } from "effect"
import type { Input, Node } from "../consensus/node.ts"
import { freshAtRest, isResting, watchedPeers } from "../consensus/quiet.ts"
import { step } from "../consensus/step.ts"
import type { Index, Millis, NodeId } from "../consensus/types.ts"
import type { Transport } from "../transport/Transport.ts"
import { type Begin, Errand } from "./Errand.ts"
import type { RaftOptions } from "./options.ts"

/** When the machine's next timer is due, by the wall clock, as of an applied index. */
interface NextTimer {
  readonly asOf: Index
  readonly at: number | null
}

interface Around {
  readonly options: Pick<RaftOptions, "rests" | "unrest" | "wakes">
  readonly node: Node
  readonly transport: Transport["Service"]
  readonly clock: Clock.Clock
  /** The monotonic clock. */
  readonly now: () => Millis
  readonly post: (input: Input) => void
}

/** What is said of a peer's process that is no longer heard as it was. */
type Fright = Extract<Input, { readonly type: "PeerSilent" | "PeerAnother" }>["type"]

/** What is only while the group rests. */
interface Resting {
  readonly begin: () => void
  readonly end: () => void
}

/** Not worth a rest. */
const SOON_MILLIS = 5_000

export class Rest {
  readonly #around: Around
  /** Raised when the group wakes. */
  #days: ReadonlyArray<Errand> = []
  /** Begun when it goes to rest, and ended when it wakes. */
  #night: Resting | null = null
  /** As of the end of the last turn. */
  #isNight = false
  /** Looks after who waits at the door; whether the group rests makes no difference. */
  #doorkeeper: Errand | null = null
  #isKeptAwake: () => boolean = () => false
  #freshAt: Millis = Number.NEGATIVE_INFINITY
  /** Written by the leader's life alone. */
  nextTimer: NextTimer = { asOf: -1, at: null }

  constructor(around: Around) {
    this.#around = around
  }

  /** As of the last turn. */
  get isResting(): boolean {
    return isResting(this.#around.node)
  }

  /** Raises it whenever the group wakes. Gives back how to stop that. */
  onWake(day: Errand): () => void {
    this.#days = [...this.#days, day]
    return () => {
      this.#days = this.#days.filter((each) => each !== day)
    }
  }

  /** Begins it whenever the group goes to rest, and ends it when it wakes. */
  spentWith(night: Resting): void {
    this.#night = night
  }

  /** Somebody has come to the door, and wants something that the turn does not hear of. */
  stir(): void {
    this.knock()
    if (this.isResting) this.#around.post({ type: "Stirred" })
  }

  /** Somebody has come to the door who need not wake the group. */
  knock(): void {
    this.#doorkeeper?.raise()
  }

  /** Raises it when somebody comes to the door. Null: nobody is to be looked after. */
  attendedBy(doorkeeper: Errand | null): void {
    this.#doorkeeper = doorkeeper
  }

  /** Says whether there is something to do, or would be missed if the group rested; asked before every turn. */
  keptAwakeBy(isAwake: () => boolean): void {
    this.#isKeptAwake = isAwake
  }

  /**
   * Hears of peers that fall silent, or are another process. The turn looks at the pulses themselves. Whoever rests waits until
   * the node has a place for one more that wakes; a peer that is heard again meanwhile was not silent for long.
   */
  follow(begin: Begin): Effect.Effect<void, never, Scope.Scope> {
    const { node, options, post, transport } = this.#around
    const frights = new Map<NodeId, Fright>()
    let times = 0
    const tell = () => {
      for (const [peer, type] of frights) if (watchedPeers(node).includes(peer)) post({ type, peer })
      frights.clear()
    }
    const waking = new Errand(begin, () =>
      Effect.suspend(() => {
        if (frights.size === 0 || options.wakes === undefined) return Effect.void
        // A place of its own each time: so many wake in a while, also when it is the same ones again and again.
        return Effect.andThen(options.wakes.enter(`${node.group} ${++times}`), Effect.sync(tell))
      }),
    )
    return Effect.acquireRelease(
      Effect.sync(() =>
        transport.onPulse((peer, what) => {
          if (what === "heard") {
            if (frights.get(peer) === "PeerSilent") frights.delete(peer)
          } else if (watchedPeers(node).includes(peer)) {
            // Another process is one also when it falls silent.
            if (what === "another" || !frights.has(peer))
              frights.set(peer, what === "another" ? "PeerAnother" : "PeerSilent")
            if (this.isResting && options.wakes !== undefined) waking.raise()
            else tell()
          }
        }),
      ),
      (stop) => Effect.sync(stop),
    )
  }

  /** Before the mail of a turn. */
  begin(now: Millis): void {
    if (!this.#around.options.rests) return
    // What the pulses prove is proven, also if they end the rest.
    this.#noteFresh()
    const isAllowed = this.#isAllowed
    if (isAllowed !== this.#around.node.mayRest)
      step(this.#around.node, { type: "RestAllowed", isAllowed }, now)
    this.#look(now)
  }

  /** Behind the mail of a turn: who has gone to rest just now may have missed that its leader's process ended. */
  end(now: Millis): void {
    const { rests, unrest } = this.#around.options
    if (rests) this.#look(now)
    // Also the turn that ends a rest, and the one that begins it.
    if (!this.#isNight || !this.isResting) unrest?.note()
    if (!rests) return
    if (this.isResting === this.#isNight) return
    this.#isNight = this.isResting
    if (this.#isNight) return this.#night?.begin()
    this.#night?.end()
    for (const errand of this.#days) errand.raise()
  }

  /** This node knew then that it had everything, by the pulses of the others at rest; the past, when it never rested. */
  get freshAt(): Millis {
    this.#noteFresh()
    return this.#freshAt
  }

  #noteFresh(): void {
    if (!this.isResting) return
    const { node, now } = this.#around
    this.#freshAt = Math.max(this.#freshAt, freshAtRest(node, this.#pulses, now()))
  }

  get #pulses() {
    return watchedPeers(this.#around.node).flatMap((peer) => {
      const pulse = this.#around.transport.pulse(peer)
      return pulse === null ? [] : [{ peer, process: pulse.session, heardAt: pulse.heardAt }]
    })
  }

  #look(now: Millis): void {
    if (watchedPeers(this.#around.node).length > 0)
      step(this.#around.node, { type: "PulsesSeen", pulses: this.#pulses }, now)
  }

  get #isAllowed(): boolean {
    const { role } = this.#around.node
    if (this.#isKeptAwake()) return false
    const isHeard = (peer: NodeId) => this.#around.transport.pulse(peer) !== null
    if (role.kind === "leader") return !this.#isTimerSoon && [...role.progress.keys()].every(isHeard)
    return role.kind === "follower" && role.leader !== null && isHeard(role.leader)
  }

  get #isTimerSoon(): boolean {
    const { asOf, at } = this.nextTimer
    if (asOf < this.#around.node.appliedIndex) return true
    return at !== null && at - this.#around.clock.currentTimeMillisUnsafe() < SOON_MILLIS
  }
}
