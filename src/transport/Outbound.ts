// What still has to leave for one peer, and in which order?

import type { GroupId } from "../consensus/types.ts"
import { Gathering } from "./Gathering.ts"
import type { Beat, Payload } from "./Transport.ts"

/** Control messages are small, rare and urgent: elections, heartbeats, acknowledgements, reads. */
export const isControl = (type: Payload["type"]): boolean => {
  switch (type) {
    case "AppendRequest":
    case "SnapshotChunk":
    case "ForwardRequest":
    case "ForwardReply":
    case "QueryRequest":
    case "QueryReply":
    case "StatePiece":
      return false
    default:
      return true
  }
}

export interface OutboundLimits {
  readonly bulkBytesMax: number
  readonly controlBytesMax: number
  readonly gatherBytesMax: number
}

/**
 * Frames that wait for the socket: control before bulk. Control leaves first in, first out, and so does the bulk of each
 * group, one frame of each group in turn. A frame that has begun to leave is finished first.
 */
export class Outbound {
  private readonly limits: OutboundLimits
  private readonly control = new Lane()
  private readonly bulk = new Lanes()
  /** Heartbeats that have no place in their lane yet: others may leave with them. */
  private readonly gathering = new Gathering()
  /** What the socket has not taken yet of the last gathering. */
  private leaving: Uint8Array = nothing
  /** Made when two frames are gathered for the first time, then used again and again. */
  private buffer: Uint8Array | null = null

  constructor(limits: OutboundLimits) {
    this.limits = limits
  }

  /** Bytes that wait, those included that are about to leave. */
  get bytes(): number {
    return this.control.bytes + this.gathering.bytes + this.bulk.bytes + this.leaving.length
  }

  /** Frames that have not begun to leave. */
  get frames(): number {
    return this.control.frames + this.bulk.frames
  }

  /** Heartbeats that wait for the end of their burst. */
  get gathered(): number {
    return this.gathering.size
  }

  /** False: no room, the frame was not taken. `group`: which one says it; null: none, but the node. */
  offer(frame: Uint8Array, control: boolean, group: GroupId | null = null): boolean {
    // Nothing that a group says overtakes its own heartbeat.
    if (group !== null && this.gathering.holds(group)) this.closeGathering()
    const { controlBytesMax } = this.limits
    if (control) {
      if (this.control.bytes + this.gathering.bytes + frame.length > controlBytesMax) return false
      this.control.push(frame)
      return true
    }
    if (!this.hasRoomForBulk(frame.length, group)) return false
    this.bulk.push(frame, group)
    return true
  }

  /** Also where others have filled the lanes a group has a share of its own, as long as that is not twice the bound. */
  private hasRoomForBulk(bytes: number, group: GroupId | null): boolean {
    const { bulkBytesMax } = this.limits
    const all = this.bulk.bytes + bytes
    if (all <= bulkBytesMax) return true
    return all <= 2 * bulkBytesMax && this.bulk.bytesOf(group) + bytes <= bulkBytesMax / SHARES
  }

  /** As `offer`, for a heartbeat that leaves with others when {@link closeGathering} is called, or before. */
  gather(beat: Beat): boolean {
    if (!this.gathering.hasRoomFor(beat)) this.closeGathering()
    const bytes = this.gathering.bytes + this.gathering.bytesWith(beat.group)
    if (this.control.bytes + bytes > this.limits.controlBytesMax) return false
    this.gathering.add(beat)
    return true
  }

  /** The heartbeats gathered so far take their place in the control lane, as one frame. */
  closeGathering(): void {
    if (this.gathering.size > 0) this.control.push(this.gathering.take())
  }

  /** The bytes that come next, empty when all have left. What `wrote` is not told of comes again. */
  next(): Uint8Array {
    if (this.leaving.length === 0) this.leaving = this.takeWrite()
    return this.leaving
  }

  wrote(bytes: number): void {
    this.leaving = this.leaving.subarray(bytes)
  }

  /**
   * The connection is gone, and with it everything that waited. Says how many frames never began to leave, and
   * heartbeats that were in none yet.
   */
  clear(): number {
    const frames = this.frames + this.gathered
    this.gathering.clear()
    this.control.clear()
    this.bulk.clear()
    this.leaving = nothing
    return frames
  }

  private takeWrite(): Uint8Array {
    const { gatherBytesMax } = this.limits
    const first = this.control.shift() ?? this.bulk.shift()
    if (first === undefined) return nothing
    let next = this.peek()
    // One frame alone, or one with no room for another, leaves without being copied.
    if (next === undefined || first.length + next.length > gatherBytesMax) return first
    this.buffer ??= new Uint8Array(gatherBytesMax)
    this.buffer.set(first)
    let bytes = first.length
    while (next !== undefined && bytes + next.length <= gatherBytesMax) {
      this.buffer.set(next, bytes)
      bytes += next.length
      if (this.control.shift() === undefined) this.bulk.shift()
      next = this.peek()
    }
    return this.buffer.subarray(0, bytes)
  }

  private peek(): Uint8Array | undefined {
    return this.control.peek() ?? this.bulk.peek()
  }
}

const nothing = new Uint8Array(0)

/** Into which the room for bulk is divided when it is short: 2 MiB for a group by default, which holds the largest append. */
const SHARES = 16

/** A lane for each group that has something waiting. Whose turn is next comes first. */
class Lanes {
  bytes = 0
  frames = 0
  private readonly lanes = new Map<GroupId | null, Lane>()

  bytesOf(group: GroupId | null): number {
    return this.lanes.get(group)?.bytes ?? 0
  }

  push(frame: Uint8Array, group: GroupId | null): void {
    let lane = this.lanes.get(group)
    if (lane === undefined) {
      lane = new Lane()
      this.lanes.set(group, lane)
    }
    lane.push(frame)
    this.bytes += frame.length
    this.frames += 1
  }

  peek(): Uint8Array | undefined {
    for (const lane of this.lanes.values()) return lane.peek()
    return undefined
  }

  shift(): Uint8Array | undefined {
    for (const [group, lane] of this.lanes) {
      const frame = lane.shift()!
      this.bytes -= frame.length
      this.frames -= 1
      if (lane.frames === 0) this.lanes.delete(group)
      else if (this.lanes.size > 1) {
        this.lanes.delete(group)
        this.lanes.set(group, lane)
      }
      return frame
    }
    return undefined
  }

  clear(): void {
    this.bytes = 0
    this.frames = 0
    this.lanes.clear()
  }
}

/** A queue whose front moves through the array; the passed part is cut off when it is the larger one. */
class Lane {
  bytes = 0
  private waiting: Array<Uint8Array> = []
  private front = 0

  get frames(): number {
    return this.waiting.length - this.front
  }

  push(frame: Uint8Array): void {
    this.waiting.push(frame)
    this.bytes += frame.length
  }

  peek(): Uint8Array | undefined {
    return this.waiting[this.front]
  }

  shift(): Uint8Array | undefined {
    const frame = this.waiting[this.front]
    if (frame === undefined) return undefined
    // Let the frame go now, not when the array is cut.
    this.waiting[this.front] = nothing
    this.front += 1
    this.bytes -= frame.length
    if (this.front === this.waiting.length) this.clear()
    else if (this.front > 1024 && this.front * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.front)
      this.front = 0
    }
    return frame
  }

  clear(): void {
    this.waiting = []
    this.front = 0
    this.bytes = 0
  }
}
