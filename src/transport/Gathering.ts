// Which heartbeats leave in one frame? Those of several groups to one peer, as long as they fit.

import type { GroupId } from "../consensus/types.ts"
import { encode, encodeBeats } from "./codec.ts"
import { beatsBytesMax, beatsMax } from "./limits.ts"
import type { Beat } from "./Transport.ts"

/** No heartbeat takes more: its numbers, and a name of which every character takes three bytes. */
export const beatBytesMax = (group: GroupId): number => 56 + 3 * group.length
/** Header, and the frame around the heartbeats. */
const frameBytesMin = 16

/** A frame of heartbeats in the making. */
export class Gathering {
  /** What the frame takes at the most; 0 when it has no heartbeat yet. */
  bytes = 0
  #beats: Array<Beat> = []
  readonly #groups = new Set<GroupId>()

  get size(): number {
    return this.#beats.length
  }

  /** Whatever else this group says must not come before the frame has its place. */
  holds(group: GroupId): boolean {
    return this.#groups.has(group)
  }

  hasRoomFor({ group }: Beat): boolean {
    return this.size < beatsMax && this.bytes + this.bytesWith(group) <= beatsBytesMax
  }

  /** What a heartbeat of the group adds to `bytes`. */
  bytesWith(group: GroupId): number {
    return beatBytesMax(group) + (this.size === 0 ? frameBytesMin : 0)
  }

  add(beat: Beat): void {
    this.bytes += this.bytesWith(beat.group)
    this.#beats.push(beat)
    this.#groups.add(beat.group)
  }

  /** The frame, and an empty gathering. One heartbeat alone leaves as any other message. */
  take(): Uint8Array {
    const beats = this.#beats
    this.clear()
    const [first] = beats
    return first !== undefined && beats.length === 1 ? encode(first.group, first.payload) : encodeBeats(beats)
  }

  clear(): void {
    this.#beats = []
    this.#groups.clear()
    this.bytes = 0
  }
}
