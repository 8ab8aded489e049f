// What does `/metrics` show that nobody counts, but is asked for when somebody scrapes?

import type { Metrics } from "../metrics/Metrics.ts"
import type { GroupStatus } from "../raft/Raft.ts"
import type { Bodies } from "./Bodies.ts"
import type { Doors, NodeInfo } from "./Doors.ts"
import { groupsListedMax, registerGroupTotals } from "./groupTotals.ts"
import { registerLeadingMetrics } from "./leadingMetrics.ts"
import { registerMachineMetrics } from "./machineMetrics.ts"
import { registerNodeMetrics } from "./nodeMetrics.ts"

/** The gauges of the node, and how to freshen them before somebody reads. */
export const registerGauges = (
  metrics: Metrics,
  node: NodeInfo,
  { doors, bodies }: { readonly doors: Doors; readonly bodies: Bodies },
): (() => Promise<void>) => {
  let statuses: ReadonlyArray<GroupStatus> = []
  registerGroupTotals(metrics, () => statuses)
  registerNodeMetrics(
    metrics,
    () => statuses.slice(0, groupsListedMax),
    () => node.uptimeMillis(),
  )
  registerLeadingMetrics(metrics, doors)
  metrics.gauge("raftlet_http_body_bytes", "Bytes held by request bodies under way.", [], () => [
    { labels: [], value: bodies.bytes },
  ])
  const askMachines = registerMachineMetrics(metrics, doors)
  return async () => {
    // Once for all figures: each of them would ask a thousand groups again.
    statuses = doors.all().map(({ raft }) => raft.status())
    await askMachines()
  }
}
