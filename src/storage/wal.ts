// Did the write-ahead log of a SQLite file end in a torn write, or was it altered? (HAZARDS S4)
//
// SQLite takes the first frame with a bad checksum for the end of the file and forgets what stands behind
// it, synced or not. But frames of the same generation behind the bad one can only be there because they
// were written after it: then the bad one was once good. Format: sqlite.org/fileformat2.html#walformat

import { readFileSync } from "node:fs"

export type WalCondition =
  /** Nothing there, or every frame of the current generation is good. */
  | { readonly _tag: "Intact"; readonly frames: number }
  /** The last transaction has no commit frame: it was never acknowledged. */
  | { readonly _tag: "Torn"; readonly frames: number }
  /**
   * The last transaction has its commit frame, but a bad checksum. It was torn by a power loss, with its
   * pages written out of order, or it was acknowledged and altered since: the file alone cannot tell.
   */
  | { readonly _tag: "Doubtful"; readonly reason: string }
  /** What was once good is bad now. */
  | { readonly _tag: "Corrupt"; readonly reason: string }

export const inspectWal = (path: string): WalCondition => {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { _tag: "Intact", frames: 0 }
    throw error
  }
  return inspectWalBytes(bytes)
}

export const inspectWalBytes = (bytes: Uint8Array): WalCondition => {
  if (bytes.byteLength <= headerBytes) return { _tag: "Intact", frames: 0 }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0)
  const pageBytes = view.getUint32(8)
  const sane = (magic & ~1) === magicLittleEndian && pageBytes >= 512 && pageBytes <= 65_536
  const littleEndian = (magic & 1) === 0
  if (!sane || !sumsTo(view, 0, 24, [0, 0], 24, littleEndian)) {
    return {
      _tag: "Corrupt",
      reason: "the header of the write-ahead log is bad while frames stand behind it",
    }
  }
  const frames = readFrames(view, pageBytes, littleEndian)
  const bad = frames.findIndex((frame) => !frame.good)
  if (bad === -1) return { _tag: frames.at(-1)?.commits === false ? "Torn" : "Intact", frames: frames.length }
  const behind = frames.slice(bad)
  const end = behind.findIndex((frame) => frame.ours && frame.commits)
  // A frame of this generation without its commit, or none at all: never acknowledged.
  if (end === -1) {
    const open = behind.some((frame) => frame.ours) || frames[bad - 1]?.commits === false
    return { _tag: open ? "Torn" : "Intact", frames: bad }
  }
  const reason = `frame ${bad + 1} of the write-ahead log is bad`
  return behind.slice(end + 1).some((frame) => frame.ours)
    ? { _tag: "Corrupt", reason: `${reason}, and frames written after it follow` }
    : { _tag: "Doubtful", reason: `${reason}, and it belongs to the last transaction` }
}

interface Frame {
  /**
   * Of the current generation: it carries the salts of the header, or, where these were altered, its checksum
   * continues that of a frame of this generation. An older generation's frames continue only each other.
   */
  readonly ours: boolean
  /** Salts and checksum are right. */
  readonly good: boolean
  readonly commits: boolean
}

const headerBytes = 32
const frameHeaderBytes = 24
const magicLittleEndian = 0x377f0682

const readFrames = (view: DataView, pageBytes: number, littleEndian: boolean): ReadonlyArray<Frame> => {
  const frames: Array<Frame> = []
  const frameBytes = frameHeaderBytes + pageBytes
  let previous = [view.getUint32(24), view.getUint32(28)] as const
  let previousOurs = true
  for (let at = headerBytes; at + frameBytes <= view.byteLength; at += frameBytes) {
    const salted =
      view.getUint32(at + 8) === view.getUint32(16) && view.getUint32(at + 12) === view.getUint32(20)
    const head = sum(view, at, 8, previous, littleEndian)
    const continues = sumsTo(view, at + frameHeaderBytes, pageBytes, head, at + 16, littleEndian)
    previousOurs = salted || (continues && previousOurs)
    frames.push({ ours: previousOurs, good: salted && continues, commits: view.getUint32(at + 4) !== 0 })
    // The stored checksum, not the computed one: so the frames behind a bad one can still be judged.
    previous = [view.getUint32(at + 16), view.getUint32(at + 20)]
  }
  return frames
}

const sumsTo = (
  view: DataView,
  offset: number,
  length: number,
  seed: readonly [number, number],
  expectedAt: number,
  littleEndian: boolean,
): boolean => {
  const [first, second] = sum(view, offset, length, seed, littleEndian)
  return first === view.getUint32(expectedAt) && second === view.getUint32(expectedAt + 4)
}

const sum = (
  view: DataView,
  offset: number,
  length: number,
  seed: readonly [number, number],
  littleEndian: boolean,
): readonly [number, number] => {
  let [first, second] = seed
  for (let at = offset; at < offset + length; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0
  }
  return [first, second]
}
