// Where does a reducer's chance come from? From the entry alone, so that every replica rolls the same dice.

/** sfc32 (PractRand, Chris Doty-Humphrey): 128 bits of state, small, fast, and good far beyond one command. */
export class SeededRandom {
  #a: number
  #b: number
  #c: number
  #counter: number

  /** `index` sets apart two entries that carry the same seed. */
  constructor(seed: Uint8Array, index: number) {
    this.#a = word(seed, 0) ^ (index >>> 0)
    this.#b = word(seed, 4) ^ Math.floor(index / 2 ** 32)
    this.#c = word(seed, 8)
    this.#counter = word(seed, 12) | 1
    // As many rounds as the generator's author asks for, until every bit of the seed has met every other.
    for (let round = 0; round < 15; round++) this.next32()
  }

  /** 32 random bits as an unsigned integer. */
  next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** 53 random bits: at least 0, below 1. */
  nextDouble(): number {
    const high = this.next32() >>> 6
    return (high * 2 ** 27 + (this.next32() >>> 5)) / 2 ** 53
  }

  /** 32 hexadecimal digits. */
  nextHex128(): string {
    let text = ""
    for (let part = 0; part < 4; part++) text += this.next32().toString(16).padStart(8, "0")
    return text
  }

  /** Version 4 of RFC 9562. */
  nextUuid(): string {
    const hex = this.nextHex128()
    const variant = "89ab".charAt(Number.parseInt(hex.charAt(16), 16) & 3)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}

/** A seed that is too short counts as if zeros followed. */
const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)) >>>
  0
