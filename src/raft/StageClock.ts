// How long does a commit take, stage by stage? One proposal at a time is followed on its way.

import type { Group } from "./Group.ts"

export class StageClock {
  readonly #group: Group
  #followed: { readonly index: number; readonly appendedAt: bigint; committedAt: bigint } | null = null
  #lastIndex = 0

  constructor(group: Group) {
    this.#group = group
  }

  /** After every turn: where is the one that is followed? None: follow the newest. */
  look(): void {
    const { node, clock, observer } = this.#group
    if (node.role.kind !== "leader") {
      this.#followed = null
      return
    }
    if (this.#followed === null) {
      if (node.log.lastIndex > this.#lastIndex) {
        this.#followed = {
          index: node.log.lastIndex,
          appendedAt: clock.monotonicTimeNanosUnsafe(),
          committedAt: 0n,
        }
      }
    } else if (this.#followed.committedAt === 0n) {
      if (node.commitIndex >= this.#followed.index) {
        this.#followed.committedAt = clock.monotonicTimeNanosUnsafe()
        observer.stage("commit", millisBetween(this.#followed.appendedAt, this.#followed.committedAt))
      }
    } else if (node.appliedIndex >= this.#followed.index) {
      observer.stage("apply", millisBetween(this.#followed.committedAt, clock.monotonicTimeNanosUnsafe()))
      this.#followed = null
    }
    this.#lastIndex = node.log.lastIndex
  }
}

const millisBetween = (from: bigint, to: bigint): number => Number(to - from) / 1e6
