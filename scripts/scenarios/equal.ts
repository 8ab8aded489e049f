// Do all replicas hold the same? Every instance of every actor is read on each node, from what that node has.

import { ask } from "../../test/process/support/Cluster.ts"
import type { NodeProcess } from "../../test/process/support/NodeProcess.ts"
import { until } from "../../test/process/support/wait.ts"

const actors = ["auth", "metering", "topic"]

/** In words, by instance. Empty: all are equal. */
export const differencesOf = async (nodes: ReadonlyArray<NodeProcess>): Promise<ReadonlyArray<string>> => {
  await until(
    "all nodes to have applied the same",
    async () => {
      const reports = await Promise.all(nodes.map((node) => node.report()))
      const places = reports.map(({ groups }) =>
        JSON.stringify(
          groups.map(({ group, appliedIndex, commitIndex }) => [group, appliedIndex, commitIndex]).sort(),
        ),
      )
      return new Set(places).size === 1 || null
    },
    60_000,
  )
  const keys = await keysOf(nodes[0]!)
  const differences: Array<string> = []
  for (const { actor, key } of keys) {
    const path = `/read/${actor}/${encodeURIComponent(key)}?consistency=local`
    const found = await Promise.all(
      nodes.map(async ({ url }) => {
        const { state, revision } = await ask<{ state: unknown; revision: number }>(`${url}${path}`)
        return Bun.hash(JSON.stringify([state, revision]))
      }),
    )
    if (new Set(found).size > 1) {
      const hashes = found.map((hash, at) => `${nodes[at]!.id} ${hash.toString(16)}`)
      differences.push(`${actor}/${key}: ${hashes.join(", ")}`)
    }
  }
  if (keys.length === 0) differences.push("there is nothing to compare")
  return differences
}

const keysOf = async ({ url }: NodeProcess) => {
  const lists = await Promise.all(
    actors.map(async (actor) => {
      const { instances } = await ask<{ instances: ReadonlyArray<{ key: string }> }>(
        `${url}/read/${actor}?limit=1000`,
      )
      return instances.map(({ key }) => ({ actor, key }))
    }),
  )
  return lists.flat()
}
