// What becomes of what groups need for their beginning alone? The runtime lets garbage come to several times of what lives
// before it collects it, and gives back no memory between what is kept. Where a thousand groups begin, it is told.

export interface Collector {
  /** What has been left since the last time; some milliseconds. */
  readonly young: () => void
  /** All; some ten milliseconds. */
  readonly all: () => void
}

export class Tidying {
  readonly #collector: Collector
  #begunSinceYoung = 0
  #begunSinceAll = 0

  constructor(collector: Collector) {
    this.#collector = collector
  }

  /** A group has begun. `isLast`: no other one is about to. */
  begun(isLast: boolean): void {
    this.#begunSinceYoung++
    this.#begunSinceAll++
    if (this.#begunSinceAll >= (isLast ? LAST_MIN : ALL_GROUPS)) {
      this.#begunSinceAll = 0
      this.#begunSinceYoung = 0
      this.#collector.all()
    } else if (this.#begunSinceYoung >= YOUNG_GROUPS) {
      this.#begunSinceYoung = 0
      this.#collector.young()
    }
  }
}

const YOUNG_GROUPS = 8
const ALL_GROUPS = 200
/** For fewer nobody has to wait. */
const LAST_MIN = 32
