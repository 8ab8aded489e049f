// What can be counted of what users have run where a group leads?

import type { Metrics } from "../metrics/Metrics.ts"
import type { Doors } from "./Doors.ts"

export const registerLeadingMetrics = (metrics: Metrics, doors: Doors): void => {
  metrics.gauge(
    "raftlet_leading_running",
    "1 while an actor's leading runs on this node, 0 while it is pausing after a failure or has ended.",
    ["group", "actor"],
    () =>
      doors.all().flatMap(({ raft, leading }) =>
        (leading?.status() ?? []).map(({ actor, state }) => ({
          labels: [raft.group, actor],
          value: state === "running" ? 1 : 0,
        })),
      ),
  )
  metrics.gauge(
    "raftlet_leading_failures_total",
    "How often an actor's leading has failed on this node, by what became of it.",
    ["group", "actor", "kind"],
    () =>
      doors.all().flatMap(({ raft, leading }) =>
        (leading?.failures() ?? []).map(({ actor, kind, count }) => ({
          labels: [raft.group, actor, kind],
          value: count,
        })),
      ),
    "counter",
  )
}
