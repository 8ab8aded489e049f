// Of whom is something asked, and until when?

import type { Answer } from "./ask.ts"
import type { Call, Cluster } from "./Cluster.ts"
import { Link } from "./Link.ts"
import { late, within } from "./within.ts"

/** What came of one attempt. `done`: there is to be no other. */
export type Attempt = Pick<Answer, "type" | "retryAfterMillis"> & { readonly done: boolean }

/** Asks a node, for as long at the most, and no longer than `call` wants it, which is that of the attempts. */
type Attempting = (url: string, millis: number, call: Call) => Promise<Attempt>

/**
 * One node after the other, until an attempt is the last one, or time is up: as long as one may still answer, no other is
 * asked. Throws what an attempt throws.
 */
export const persevere = (cluster: Cluster, call: Call, attempt: Attempting): Promise<void> =>
  new Perseverance(cluster, call, attempt, Infinity).run()

/**
 * The same for what may be asked twice. A node that has said nothing for a second is left behind: others are asked while it
 * still may answer, and whoever does first ends it. So attempts go on beside each other, and end in any order.
 */
export const persevereHedged = (cluster: Cluster, call: Call, attempt: Attempting): Promise<void> =>
  new Perseverance(cluster, call, attempt, hedgeMillis).run()

class Perseverance {
  readonly #cluster: Cluster
  readonly #call: Call
  readonly #attempt: Attempting
  readonly #hedgeMillis: number
  /** The attempts that were left behind, by node. */
  readonly #behind = new Map<string, Promise<Attempt | null>>()
  /** By an attempt that is the last one, or that throws: also by one that was left behind. */
  readonly #end: Promise<void>
  #succeed: () => void = () => {}
  #fail: (cause: unknown) => void = () => {}
  #isOver = false

  constructor(cluster: Cluster, call: Call, attempt: Attempting, hedgeMillis: number) {
    this.#cluster = cluster
    this.#call = call
    this.#attempt = attempt
    this.#hedgeMillis = hedgeMillis
    // Node 20 has no `Promise.withResolvers`.
    this.#end = new Promise((succeed, fail) => {
      this.#succeed = succeed
      this.#fail = fail
    })
  }

  async run(): Promise<void> {
    const link = new Link(this.#call.signal)
    try {
      await Promise.race([this.#end, this.#ask({ ...this.#call, signal: link.signal })])
    } finally {
      link.release()
    }
  }

  async #ask(call: Call): Promise<void> {
    const { nodes, line } = this.#cluster
    const { clock } = line
    let asked = new Set<string>()
    for (let pause = pauseMillisMin; ; ) {
      call.signal.throwIfAborted()
      const left = call.deadline - clock.now()
      if (this.#isOver || left <= 0) return
      const url = nodes.next(asked, call.places)
      let rest = 0
      if (url === null) {
        asked = new Set(this.#behind.keys())
        if (nodes.next(asked) === null) {
          // All that there are have been asked, and none has answered.
          await Promise.race(this.#behind.values())
          continue
        }
      } else {
        asked.add(url)
        const came = await this.#patiently(call, url, patience(left))
        if (this.#isOver) return
        // Another node may know more than one that is gone, and at once.
        if (came === null || came.type === "silent") continue
        rest = came.retryAfterMillis
      }
      const millis = pause * (0.5 + clock.random() / 2)
      const isTooLong = rest + millis >= call.deadline - clock.now()
      // How long one node is not to be asked says nothing of the others, when there is no time to wait.
      rest = isTooLong && nodes.next(asked, call.places) !== null ? millis : rest + millis
      if (rest >= call.deadline - clock.now()) {
        await Promise.all(this.#behind.values())
        return
      }
      await clock.sleep(rest, call.signal)
      pause = Math.min(pause * 2, pauseMillisMax)
    }
  }

  /** Null: it is left behind, or has thrown. */
  async #patiently(call: Call, url: string, millis: number): Promise<Attempt | null> {
    const { nodes, line, hedges } = this.#cluster
    const flight = this.#fly(call, url, millis)
    if (millis <= this.#hedgeMillis) return flight
    const came = await within(line.clock, this.#hedgeMillis, call.signal, () => flight)
    if (came !== late) return came
    if (!hedges.take()) return flight
    nodes.failed(url)
    this.#behind.set(url, flight)
    return null
  }

  async #fly(call: Call, url: string, millis: number): Promise<Attempt | null> {
    try {
      const came = await this.#attempt(url, millis, call)
      if (came.done) {
        this.#isOver = true
        this.#succeed()
      }
      return came
    } catch (cause) {
      this.#isOver = true
      this.#fail(cause)
      return null
    } finally {
      this.#behind.delete(url)
    }
  }
}

/** A node that hangs costs a part of the time only, but not every one that is slow is given up. */
export const patience = (left: number): number => Math.min(left, Math.max(left / 3, patienceMillisMin))

const patienceMillisMin = 500
const pauseMillisMin = 50
const pauseMillisMax = 1000
/** Far more than an answer takes, and an election. */
const hedgeMillis = 1000
