// What is waited for while a group rests? A follower asks now and then whether its leader still leads, a leader looks at the
// clock of its timers, and the state on the disk is read.

import type { Millis } from "../consensus/types.ts"
import type { Alarms } from "./Alarms.ts"
import { type Group, nowOf, post } from "./Group.ts"

export class Night {
  readonly #group: Group
  readonly #alarms: Alarms
  readonly #scrub: () => void
  /** By what they are for: how to take them back. */
  #set: Array<() => void> = []
  #isFirst = true

  /** `scrub`: has all of the state read. */
  constructor(group: Group, alarms: Alarms, scrub: () => void) {
    this.#group = group
    this.#alarms = alarms
    this.#scrub = scrub
  }

  begin(): void {
    const { node, random } = this.#group
    // The first night is of any length, so that those that began together are read one after the other.
    const part = this.#isFirst ? random.nextDoubleUnsafe() : 1
    this.#isFirst = false
    this.#readAfter(part * SCRUB_MILLIS)
    if (node.role.kind === "follower") this.#doubtLater()
    if (node.role.kind === "leader") this.#awaitTimer()
  }

  end(): void {
    for (const takeBack of this.#set) takeBack()
    this.#set = []
  }

  /** Nothing is written while the group rests; what the disk does to its state is looked for all the same. */
  #readAfter(millis: Millis): void {
    this.#after(millis, () => {
      this.#scrub()
      this.#readAfter(SCRUB_MILLIS)
    })
  }

  /** That its leader's process lives does not say that the group in it does: without an answer this one wakes. */
  #doubtLater(): void {
    const { clock, options, random, rest } = this.#group
    const now = nowOf(clock)
    const at = now + DOUBT_MILLIS * (1 + random.nextDoubleUnsafe())
    // Of all groups of the node those that ask at the same time ask together: one message costs little more than one.
    this.#after(at - (at % TOGETHER_MILLIS) - now, () => {
      post(this.#group, { type: "RestDoubted" })
      this.#after(options.limits.electionTimeoutMaxMillis, () => {
        const { role } = this.#group.node
        if (role.kind === "follower" && role.rest?.isDoubted === true) rest.stir()
        else this.#doubtLater()
      })
    })
  }

  /** A group that rests applies nothing, and its next timer stays the next one. The wall clock may be set. */
  #awaitTimer(): void {
    const { clock, rest } = this.#group
    const { at } = rest.nextTimer
    if (at === null) return
    const remaining = at - clock.currentTimeMillisUnsafe()
    if (remaining <= 0) rest.stir()
    else this.#after(Math.min(remaining, LOOK_AT_CLOCK_MILLIS), () => this.#awaitTimer())
  }

  #after(millis: Millis, ring: () => void): void {
    const { clock } = this.#group
    // One that is due already may ring before it can be taken back.
    let takeBack = () => {}
    takeBack = this.#alarms.set(nowOf(clock) + millis, () => {
      this.#set = this.#set.filter((each) => each !== takeBack)
      ring()
    })
    this.#set.push(takeBack)
  }
}

const SCRUB_MILLIS = 3_600_000
const DOUBT_MILLIS = 60_000
const TOGETHER_MILLIS = 2_000
const LOOK_AT_CLOCK_MILLIS = 60_000
