// Which node is asked next? Whoever leads where it is known, else one that answers, and one that does not only in the end.

import type { Clock } from "./Clock.ts"

interface Failing {
  readonly until: number
  readonly millis: number
}

/** All of them are origins, with a path where a proxy has one. */
export class Nodes {
  readonly #seeds: ReadonlyArray<string>
  readonly #clock: Clock
  readonly #discovers: boolean
  #members: ReadonlyArray<string> = []
  readonly #failing = new Map<string, Failing>()
  /** By place: an actor, or one instance of it. */
  readonly #leaders = new Map<string, string>()
  /** Each client begins at another one. */
  #at: number

  /** `discovers`: others than the given ones are asked as well, once they are known. */
  constructor(seeds: ReadonlyArray<string>, discovers: boolean, clock: Clock) {
    this.#seeds = seeds
    this.#discovers = discovers
    this.#clock = clock
    this.#at = Math.floor(clock.random() * seeds.length)
  }

  /** Null: all have been asked. `places`: where its leader may be known from, the closest first. */
  next(asked: ReadonlySet<string>, places: ReadonlyArray<string> = []): string | null {
    const leader = places.map((place) => this.#leaders.get(place)).find((url) => url !== undefined)
    if (leader !== undefined && !asked.has(leader) && !this.#isFailing(leader)) return leader
    const open = [...this.#turned(this.#members), ...this.#turned(this.#seeds)].filter(
      (url) => !asked.has(url),
    )
    const healthy = open.find((url) => !this.#isFailing(url))
    return (
      healthy ?? open.toSorted((left, right) => this.#failsUntil(left) - this.#failsUntil(right))[0] ?? null
    )
  }

  /** Whether one of them is there. */
  has(origin: string): boolean {
    return [...this.#members, ...this.#seeds].some((url) => new URL(url).origin === origin)
  }

  /** What any node can answer is asked of another one each time. */
  turn(): void {
    this.#at++
  }

  answered(url: string): void {
    this.#failing.delete(url)
  }

  /** It is asked after the others for a while, and longer each time. */
  failed(url: string): void {
    // All that was under way there fails with it: that is one failure.
    if (!this.#isFailing(url)) {
      const before = this.#failing.get(url)?.millis ?? failingMillisMin / 2
      const millis = Math.min(before * 2, failingMillisMax)
      this.#failing.set(url, { until: this.#clock.now() + millis, millis })
    }
    for (const [place, leader] of this.#leaders) if (leader === url) this.#leaders.delete(place)
  }

  /** Says who leads there; true: it is a node that was not known. */
  leads(places: ReadonlyArray<string>, url: string): boolean {
    const isKnown = this.#members.includes(url) || this.#seeds.includes(url)
    if (!isKnown && !this.#takes(url)) return false
    for (const place of places) {
      this.#leaders.delete(place)
      this.#leaders.set(place, url)
    }
    // The oldest go first: a map keeps the order in which its keys came.
    for (const place of this.#leaders.keys()) {
      if (this.#leaders.size <= leadersMax) break
      this.#leaders.delete(place)
    }
    return !isKnown
  }

  /** Those that the cluster has now. */
  replace(members: ReadonlyArray<string>): void {
    this.#members = members.filter((url) => this.#takes(url))
    const known = new Set([...this.#members, ...this.#seeds])
    for (const url of this.#failing.keys()) if (!known.has(url)) this.#failing.delete(url)
    for (const [place, url] of this.#leaders) if (!known.has(url)) this.#leaders.delete(place)
  }

  /**
   * A token that was meant for encrypted connections goes over no other one. And what a node calls by its own loopback is
   * another program on this machine, unless the client was told that the nodes are here.
   */
  #takes(url: string): boolean {
    if (!this.#discovers || !/^https?:\/\/[^/?#@]+$/.test(url) || !URL.canParse(url)) return false
    const isSafe = url.startsWith("https:") || this.#seeds.some((seed) => seed.startsWith("http:"))
    return isSafe && (!isHere(url) || this.#seeds.some(isHere))
  }

  #turned(urls: ReadonlyArray<string>): ReadonlyArray<string> {
    const at = urls.length === 0 ? 0 : this.#at % urls.length
    return [...urls.slice(at), ...urls.slice(0, at)]
  }

  #isFailing(url: string): boolean {
    return this.#failsUntil(url) > this.#clock.now()
  }

  #failsUntil(url: string): number {
    return this.#failing.get(url)?.until ?? 0
  }
}

/** Loopback, however it is written, and the address that stands for all of a machine's own. */
const isHere = (url: string): boolean => here.test(new URL(url).hostname)
const here =
  /^(?:(?:.+\.)?localhost\.?|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:(?:7f[0-9a-f]{2}:[0-9a-f]+|0:0)\])$/
const failingMillisMin = 500
const failingMillisMax = 30_000
const leadersMax = 1000
