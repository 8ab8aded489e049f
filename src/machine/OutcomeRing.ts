// Which of the newest outcomes may be the one that is asked for? A ring of what was remembered last, found by
// hash: 33 bytes for each, however long its keys are.

import type { Index } from "../consensus/types.ts"

/** First in, first out. Hashes may clash: it gives candidates. Takes memory for what it holds, not for what it may. */
export class OutcomeRing {
  readonly #max: number
  /** How many there is room for: grows up to `max`. */
  #room = 0
  #indexes = new Float64Array(0)
  #hashes = new Uint32Array(0)
  #digests = new BigUint64Array(0)
  /** Open addressing with linear probing: places in the ring, counted from 1; 0 is a free cell. */
  #cells = new Int32Array(1)
  #mask = 0
  #first = 0
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.#max
  }

  /** Null when it is empty. */
  get oldest(): Index | null {
    return this.#count === 0 ? null : this.#indexes[this.#first]!
  }

  /** Only when it is not full. */
  add(index: Index, hash: number, digest: bigint): void {
    if (this.#count === this.#room) this.#grow()
    const place = (this.#first + this.#count) % this.#room
    this.#indexes[place] = index
    this.#hashes[place] = hash
    this.#digests[place] = digest
    this.#count++
    this.#fill(hash, place)
  }

  /** Only when it is not empty. */
  removeOldest(): { readonly index: Index; readonly digest: bigint } {
    const place = this.#first
    let cell = this.#hashes[place]! & this.#mask
    while (this.#cells[cell] !== place + 1) cell = (cell + 1) & this.#mask
    this.#free(cell)
    this.#first = (place + 1) % this.#room
    this.#count--
    return { index: this.#indexes[place]!, digest: this.#digests[place]! }
  }

  /** Indexes of the entries whose outcomes have this hash: nearly always none. */
  find(hash: number): ReadonlyArray<Index> {
    let found = none
    for (let cell = hash & this.#mask; this.#cells[cell] !== 0; cell = (cell + 1) & this.#mask) {
      const place = this.#cells[cell]! - 1
      if (this.#hashes[place] === hash) found = [...found, this.#indexes[place]!]
    }
    return found
  }

  /** Twice the room, with the oldest at its beginning. */
  #grow(): void {
    const room = Math.min(this.#max, Math.max(roomMin, this.#room * 2))
    const indexes = new Float64Array(room)
    const hashes = new Uint32Array(room)
    const digests = new BigUint64Array(room)
    for (let at = 0; at < this.#count; at++) {
      const place = (this.#first + at) % this.#room
      indexes[at] = this.#indexes[place]!
      hashes[at] = this.#hashes[place]!
      digests[at] = this.#digests[place]!
    }
    // At least half of the cells stay free, so that runs of taken ones stay short.
    const cells = 2 ** Math.ceil(Math.log2(room * 2))
    this.#cells = new Int32Array(cells)
    this.#mask = cells - 1
    this.#first = 0
    this.#room = room
    this.#indexes = indexes
    this.#hashes = hashes
    this.#digests = digests
    for (let at = 0; at < this.#count; at++) this.#fill(hashes[at]!, at)
  }

  #fill(hash: number, place: number): void {
    let cell = hash & this.#mask
    while (this.#cells[cell] !== 0) cell = (cell + 1) & this.#mask
    this.#cells[cell] = place + 1
  }

  /** Moves up what probing could otherwise no longer reach behind the free cell (Knuth, vol. 3, algorithm 6.4R). */
  #free(cell: number): void {
    let hole = cell
    for (let at = (hole + 1) & this.#mask; this.#cells[at] !== 0; at = (at + 1) & this.#mask) {
      const home = this.#hashes[this.#cells[at]! - 1]! & this.#mask
      // How far it has come from home: at least as far as to the hole, or it must stay.
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue
      this.#cells[hole] = this.#cells[at]!
      hole = at
    }
    this.#cells[hole] = 0
  }
}

const none: ReadonlyArray<Index> = []
const roomMin = 4
