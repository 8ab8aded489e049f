// Which instances has a compartment still, and as of which entry? What it has need not be sent again.

import type { Call, Reply } from "../Executor.ts"
import type { Instance } from "../Instance.ts"
import { residentOf } from "./protocol.ts"

/** As whoever talks to the compartment knows it. */
export class Residents {
  /** In the order of their last use, by {@link residentOf}. */
  readonly #held = new Map<
    string,
    { readonly revision: number; readonly index: number; readonly bytes: number }
  >()
  #bytes = 0
  /** They are there, and are not what they seem. */
  readonly #untrue = new Set<string>()
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  has(space: number, id: string, { revision, index }: Instance): boolean {
    const held = this.#held.get(residentOf(space, id))
    return held !== undefined && held.revision === revision && held.index === index
  }

  learn(space: number, calls: ReadonlyArray<Call>, replies: ReadonlyArray<Reply>, lasts: boolean): void {
    for (const call of calls) {
      if ("key" in call && call.instance !== undefined) this.#put(space, call.instance)
    }
    for (const reply of replies) {
      if (reply.type !== "reduced" || reply.instance === null) continue
      if (lasts) this.#put(space, reply.instance)
      // Another command may come to that revision and index instead, and would be taken for this one (HAZARDS L8).
      else this.#drop(residentOf(space, reply.instance.id))
    }
  }

  /** What is not true, and those that have been used least, when all take too much room: let go there. */
  leaving(): ReadonlyArray<string> {
    const leaving = [...this.#untrue]
    this.#untrue.clear()
    for (const [id, { bytes }] of this.#held) {
      if (this.#bytes <= this.#bytesMax) break
      this.#held.delete(id)
      this.#bytes -= bytes
      leaving.push(id)
    }
    return leaving
  }

  clear(): void {
    this.#held.clear()
    this.#untrue.clear()
    this.#bytes = 0
  }

  #drop(id: string): void {
    this.#bytes -= this.#held.get(id)?.bytes ?? 0
    this.#held.delete(id)
    this.#untrue.add(id)
  }

  #put(space: number, instance: Instance): void {
    const { revision, index, bytes } = instance
    const id = residentOf(space, instance.id)
    const before = this.#held.get(id)
    if (before !== undefined) this.#bytes -= before.bytes
    this.#held.delete(id)
    this.#held.set(id, { revision, index, bytes })
    this.#bytes += bytes
  }
}
