// What can be counted of actors that answer requests themselves?

import type { RoutesService } from "../machine/routes/Routes.ts"
import type { Counter, Metrics } from "../metrics/Metrics.ts"

/** The counter of requests, by actor and class of answer. */
export const registerRoutesMetrics = (metrics: Metrics, service: RoutesService | null): Counter => {
  const status = () => service?.status() ?? []
  metrics.gauge(
    "raftlet_routes_running",
    "1 while an actor's routes run on this node, 0 while they begin or pause after a failure.",
    ["actor", "version"],
    () =>
      status().map(({ actor, version, state }) => ({
        labels: [actor, version],
        value: state === "running" ? 1 : 0,
      })),
  )
  metrics.gauge(
    "raftlet_routes_under_way",
    "Requests that an actor's routes have and have not answered to the end.",
    ["actor", "version"],
    () => status().map(({ actor, version, underWay }) => ({ labels: [actor, version], value: underWay })),
  )
  metrics.gauge(
    "raftlet_routes_failures_total",
    "How often the thread of an actor's routes has ended on this node, by what became of it.",
    ["actor", "kind"],
    () =>
      (service?.failures() ?? []).map(({ actor, kind, count }) => ({ labels: [actor, kind], value: count })),
    "counter",
  )
  return metrics.counter(
    "raftlet_routes_requests_total",
    "Requests to actors' routes, by what their answers begin with; gone: the client did not wait.",
    ["actor", "answer"],
  )
}
