// Where does one frame end and the next begin?
//
//   0        4        8
//   | length | CRC-32 | payload: `length` bytes, one protobuf Frame |
//
// Both numbers big-endian; the checksum is that of the payload. TCP's own sum of 16 bits lets about one broken
// segment in 65,536 pass, and what passes here ends on disk with a fresh checksum of ours.

/** The bytes, or what they say, cannot come from a node that speaks our protocol. The connection ends. */
export class Malformed extends Error {
  override readonly name = "Malformed"
}

export const headerBytes = 8

/** Fills in the header of a frame whose payload stands behind it already. */
export const seal = (frame: Uint8Array): Uint8Array => {
  writeUint32(frame, 0, frame.length - headerBytes)
  writeUint32(frame, 4, Bun.hash.crc32(frame.subarray(headerBytes)))
  return frame
}

/**
 * Cuts a stream into frames. Whole frames within a chunk are not copied; a frame that arrives in pieces is
 * copied once, plus the doublings of its buffer, so that a peer that sends single bytes costs no more than the
 * bytes it has sent.
 */
export class FrameReader {
  /** Frames with a longer payload are malformed. May be raised between two frames. */
  payloadBytesMax: number
  /** Begin of a frame that is not complete yet: the first `heldBytes` of `held`. */
  private held: Uint8Array = nothing
  private heldBytes = 0

  constructor(payloadBytesMax: number) {
    this.payloadBytesMax = payloadBytesMax
  }

  /** Bytes kept for a frame that is not complete. */
  get bufferedBytes(): number {
    return this.held.length
  }

  /**
   * Hands over each complete payload, in order, until `take` says false; what then is left of the chunk is lost.
   * A payload is valid until `take` returns. Throws {@link Malformed}.
   */
  push(chunk: Uint8Array, take: (payload: Uint8Array) => boolean): void {
    let offset = 0
    while (this.heldBytes > 0) {
      const wanted = this.frameBytes(this.held, 0, this.heldBytes) - this.heldBytes
      const got = Math.min(wanted, chunk.length - offset)
      this.hold(chunk.subarray(offset, offset + got), this.heldBytes + wanted)
      offset += got
      if (got < wanted) return
      // A header alone is not a frame yet: it only tells how long the frame is.
      const frameBytes = this.frameBytes(this.held, 0, this.heldBytes)
      if (this.heldBytes < frameBytes) continue
      const frame = this.held
      this.heldBytes = 0
      if (frame.length > keptBytesMax) this.held = nothing
      if (!take(verified(frame, 0, frameBytes))) return
    }
    while (offset < chunk.length) {
      const rest = chunk.length - offset
      const frameBytes = this.frameBytes(chunk, offset, rest)
      if (rest < frameBytes) return this.hold(chunk.subarray(offset), frameBytes)
      if (!take(verified(chunk, offset, frameBytes))) return
      offset += frameBytes
    }
  }

  /** Size of the frame that begins at `offset`; of its header, while that is not complete. */
  private frameBytes(bytes: Uint8Array, offset: number, available: number): number {
    if (available < headerBytes) return headerBytes
    const payloadBytes = readUint32(bytes, offset)
    if (payloadBytes > this.payloadBytesMax) throw new Malformed(`a frame of ${payloadBytes} bytes`)
    return headerBytes + payloadBytes
  }

  /** Grows by doubling and never beyond the frame: memory follows what arrived, not what was announced. */
  private hold(piece: Uint8Array, frameBytes: number): void {
    const bytes = this.heldBytes + piece.length
    if (bytes > this.held.length) {
      const grown = new Uint8Array(Math.max(bytes, Math.min(frameBytes, 2 * this.held.length)))
      grown.set(this.held.subarray(0, this.heldBytes))
      this.held = grown
    }
    this.held.set(piece, this.heldBytes)
    this.heldBytes = bytes
  }
}

const nothing = new Uint8Array(0)
/** A larger buffer is given back once its frame is complete. */
const keptBytesMax = 64 * 1024

const verified = (bytes: Uint8Array, offset: number, frameBytes: number): Uint8Array => {
  const payload = bytes.subarray(offset + headerBytes, offset + frameBytes)
  if (Bun.hash.crc32(payload) !== readUint32(bytes, offset + 4))
    throw new Malformed("a frame whose checksum is wrong")
  return payload
}

const readUint32 = (bytes: Uint8Array, offset: number): number =>
  ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0

const writeUint32 = (bytes: Uint8Array, offset: number, value: number): void => {
  bytes[offset] = value >>> 24
  bytes[offset + 1] = value >>> 16
  bytes[offset + 2] = value >>> 8
  bytes[offset + 3] = value
}
