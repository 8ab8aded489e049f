// Which heartbeats travel together? All that a process says to a peer at one moment: a frame leaves with the first, and the
// others join it. That costs no event of its own, and the line nothing.

import type { GroupId, NodeId } from "../consensus/types.ts"
import { Gathering } from "../transport/Gathering.ts"
import type { Beat } from "../transport/Transport.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** A frame of heartbeats that has left. */
export class Departure {
  readonly receiver: Process
  /** False: it will never arrive, and nobody knows. */
  isCarried = true
  readonly #at: number
  readonly #gathering = new Gathering()
  #frame: Uint8Array | null = null

  constructor(receiver: Process, at: number, first: Beat) {
    this.receiver = receiver
    this.#at = at
    this.#gathering.add(first)
  }

  /** As it arrives: from now on nothing joins it. */
  get frame(): Uint8Array {
    this.#frame ??= this.#gathering.take()
    return this.#frame
  }

  holds(group: GroupId): boolean {
    return this.#gathering.holds(group)
  }

  /** False: it has gone without. */
  takesAlong(receiver: Process, at: number, beat: Beat): boolean {
    const isHere = this.#frame === null && this.receiver === receiver && this.#at === at
    if (!isHere || !this.#gathering.hasRoomFor(beat)) return false
    this.#gathering.add(beat)
    return true
  }
}

/** Of one process: the newest to each peer. */
export class Departures {
  readonly #world: World
  readonly #newest = new Map<NodeId, Departure>()

  constructor(world: World) {
    this.#world = world
  }

  /** The frame that takes the heartbeat along; null when it needs one of its own. */
  join(to: NodeId, receiver: Process, beat: Beat): Departure | null {
    const newest = this.#newest.get(to)
    return newest?.takesAlong(receiver, this.#world.nowMillis, beat) === true ? newest : null
  }

  begin(to: NodeId, receiver: Process, beat: Beat): Departure {
    const departure = new Departure(receiver, this.#world.nowMillis, beat)
    this.#newest.set(to, departure)
    return departure
  }

  /** The group says something else: what it says after that must not overtake it. */
  close(to: NodeId, group: GroupId): void {
    if (this.#newest.get(to)?.holds(group) === true) this.#newest.delete(to)
  }
}
