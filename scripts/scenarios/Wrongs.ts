// What was told that is not true? Bounded: a broken cluster says a lot.

const shownMax = 20

export class Wrongs {
  #count = 0
  readonly #shown: Array<string> = []

  get count(): number {
    return this.#count
  }

  get shown(): ReadonlyArray<string> {
    return this.#shown
  }

  add(what: string): void {
    this.#count++
    if (this.#shown.length < shownMax) this.#shown.push(what)
  }

  /** Whether two lists hold the same, each as often, in whatever order. Empty `wanted` means that nothing happened at all. */
  compare(what: string, wanted: ReadonlyArray<string>, found: ReadonlyArray<string>): void {
    if (wanted.length === 0) return this.add(`${what}: there was nothing`)
    const left = new Map<string, number>()
    for (const one of wanted) left.set(one, (left.get(one) ?? 0) + 1)
    for (const one of found) left.set(one, (left.get(one) ?? 0) - 1)
    for (const [one, count] of left) {
      if (count > 0) this.add(`${what}: ${one} is missing`)
      if (count < 0) this.add(`${what}: ${one} is too much`)
    }
  }
}
