// What did the clients see? Every operation once its outcome is known, in memory for the checks and as a line in
// a file for whoever looks for the reason.

import type { Operation } from "../../src/simulation/history.ts"

/** What helps to find out, beside what is checked. */
export interface Observed extends Operation {
  /** The node that gave the last answer. */
  readonly node: string
  readonly attempts: number
  /** Of a read: what was asked for. */
  readonly consistency: string | null
  /** Of the log, where the answer tells; 0 elsewhere. */
  readonly index: number
}

export class History {
  readonly operations: Array<Observed> = []
  readonly #file: Bun.FileSink

  constructor(path: string) {
    this.#file = Bun.file(path).writer({ highWaterMark: 1024 * 1024 })
  }

  add(operation: Observed): void {
    this.operations.push(operation)
    this.#file.write(`${JSON.stringify(operation)}\n`)
  }

  async close(): Promise<void> {
    await this.#file.end()
  }
}
