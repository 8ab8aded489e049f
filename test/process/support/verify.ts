// After the load: did the cluster keep every promise that its clients were given?

import { expect } from "bun:test"
import type { Cluster } from "./Cluster.ts"
import { type Final, longestPauseMillis, violations } from "./history.ts"
import type { Load } from "./load.ts"

/** Stops the load and holds what its clients saw against what every running node has. Prints the figures. */
export const expectKept = async (cluster: Cluster, load: Load, what: string): Promise<void> => {
  const operations = await load.stop()
  const [first, ...others] = await cluster.contents("counter")
  for (const other of others) {
    expect(other.instances).toEqual(first!.instances)
    // A checkpoint may have come to one of them since: it changes nothing but how far it is.
    expect(other.position.digest).toBe(first!.position.digest)
  }
  expect(first!.position.digest).not.toBe("")
  const finals = new Map(
    load.instances.flatMap((instance): ReadonlyArray<[string, Final]> => {
      const content = first!.instances[instance]
      if (content === undefined) return []
      const { value } = content.state as { readonly value: number }
      return [[instance, { revision: content.revision, value }]]
    }),
  )
  const acknowledged = operations.filter(({ outcome }) => outcome === "acknowledged")
  console.log(
    `${what}: ${acknowledged.length} of ${operations.length} operations acknowledged, longest pause between ` +
      `accepted proposals ${Math.round(longestPauseMillis(operations))} ms, ${JSON.stringify(load.tally)}`,
  )
  expect(violations(operations, finals)).toEqual([])
  expect(load.unexpected).toEqual([])
}
