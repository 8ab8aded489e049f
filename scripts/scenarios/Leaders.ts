// Does any group ever have two leaders in one term? All nodes are asked all the time, the cut-off ones as well.

import type { NodeProcess } from "../../test/process/support/NodeProcess.ts"

const lookMillis = 50

/** Sees who says of itself that it leads, until it is stopped. */
export class Leaders {
  /** By group and term: who led in it. */
  readonly #seen = new Map<string, Set<string>>()
  readonly #nodes: () => ReadonlyArray<NodeProcess>
  readonly #watching: Promise<void>
  #isOver = false

  constructor(nodes: () => ReadonlyArray<NodeProcess>) {
    this.#nodes = nodes
    this.#watching = this.#watch()
  }

  /** How many leaderships were seen. */
  get count(): number {
    return this.#seen.size
  }

  /** In words: every term with more than one. */
  get twins(): ReadonlyArray<string> {
    return [...this.#seen]
      .filter(([, leaders]) => leaders.size > 1)
      .map(([term, leaders]) => `${term} was led by ${[...leaders].join(" and ")}`)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#watching
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      await Promise.all(this.#nodes().map((node) => this.#look(node).catch(() => {})))
      await Bun.sleep(lookMillis)
    }
  }

  async #look(node: NodeProcess): Promise<void> {
    const { groups } = await node.report()
    for (const { group, role, term } of groups) {
      if (role !== "leader") continue
      const name = `${group} in term ${term}`
      const leaders = this.#seen.get(name) ?? new Set()
      this.#seen.set(name, leaders.add(node.id))
    }
  }
}
