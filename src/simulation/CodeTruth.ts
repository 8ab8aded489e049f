// What does the log say of an actor's code: which version is active, and which instances are in quarantine, at each of
// its places? Read a second time, and in another way than the machine does.

import type { Index } from "../consensus/types.ts"
import { type Release, releaseAt } from "./Releases.ts"

/** Something that was so from one entry on, up to another. */
interface Span {
  readonly from: Index
  /** The entry that ended it. */
  until: Index
}

interface Secluded extends Span {
  /** Version id of what failed. */
  readonly version: string
  readonly isVoid: boolean
  /** From here on it counts against its version: from what was voided on. */
  readonly countsFrom: Index
}

/** Of one actor. Told in the order of the log. */
export class CodeTruth {
  readonly #active: Array<Span & { readonly release: Release }> = []
  /** By key. */
  readonly #quarantines = new Map<string, Array<Secluded>>()
  /** By version id. */
  readonly #suspensions = new Map<string, Array<Span>>()
  /** Who wrote each instance last, by key. */
  readonly writers = new Map<string, Release>()

  /** Null: none has been switched on. */
  activeAt(index: Index): Release | null {
    return this.#active.findLast(({ from }) => from <= index)?.release ?? null
  }

  /** Those that were active at one of these places. */
  activeWithin(from: Index, until: Index): ReadonlyArray<Release | null> {
    const spans = this.#active.filter((span) => span.from <= until && span.until > from)
    const isBare = (this.#active[0]?.from ?? Number.POSITIVE_INFINITY) > from
    return [...(isBare ? [null] : []), ...spans.map(({ release }) => release)]
  }

  switched(index: Index, version: string): Release {
    const release = releaseAt(version)
    if (release === undefined) throw new Error(`nobody has brought in ${version}`)
    const last = this.#active.at(-1)
    if (last !== undefined) last.until = index
    this.#active.push({ from: index, until: endless, release })
    return release
  }

  isQuarantined(key: string, index: Index): boolean {
    return isWithin(this.#quarantines.get(key), index, index)
  }

  /** Its command was in the log when it was voided: until it is repaired nothing is read. */
  isHeldBack(key: string): boolean {
    return this.#quarantines.get(key)?.some(({ until, isVoid }) => isVoid && until === endless) === true
  }

  isSuspended(version: string, index: Index): boolean {
    return isWithin(this.#suspensions.get(version), index, index)
  }

  /** Whether it took no commands at one of these places, whichever version was active there. */
  wasBarred(key: string, from: Index, until: Index): boolean {
    if (isWithin(this.#quarantines.get(key), from, until)) return true
    return [...this.#suspensions.values()].some((spans) => isWithin(spans, from, until))
  }

  /** It came into quarantine behind that entry. */
  isSecludedSince(key: string, index: Index): boolean {
    return (this.#quarantines.get(key)?.at(-1)?.from ?? 0) > index
  }

  secluded(key: string, given: Omit<Secluded, "until">): void {
    const spans = this.#quarantines.get(key) ?? []
    this.#quarantines.set(key, [...spans, { ...given, until: endless }])
    this.#weigh(given.version)
  }

  lifted(key: string, index: Index): void {
    const span = this.#quarantines.get(key)!.at(-1)!
    span.until = index
    this.#weigh(span.version)
  }

  /** Ten instances in quarantine by one version are too many, or two that every replica stood still for. */
  #weigh(version: string): void {
    const failed = [...this.#quarantines.values()].flat().filter((one) => one.version === version)
    const places = new Set(failed.flatMap(({ countsFrom, until }) => [countsFrom, until]))
    const spans: Array<Span> = []
    for (const place of [...places].sort((left, right) => left - right)) {
      const counting = failed.filter(({ countsFrom, until }) => countsFrom <= place && until > place)
      const isHeavy = counting.reduce((sum, { isVoid }) => sum + (isVoid ? 5 : 1), 0) >= 10
      const last = spans.at(-1)
      if (isHeavy && last?.until !== endless) spans.push({ from: place, until: endless })
      if (!isHeavy && last?.until === endless) last.until = place
    }
    this.#suspensions.set(version, spans)
  }
}

const isWithin = (spans: ReadonlyArray<Span> = [], from: Index, until: Index): boolean =>
  spans.some((span) => span.from <= until && span.until > from)

const endless = Number.POSITIVE_INFINITY
