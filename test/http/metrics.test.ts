// Is /metrics what Prometheus reads, and does it say what the issue asks for?

import { expect, test } from "bun:test"
import { Metrics } from "../../src/metrics/Metrics.ts"
import { makeFake } from "./fakeRaft.ts"

test("counters, gauges and histograms stand in the text format, labels escaped", () => {
  const metrics = new Metrics()
  metrics.counter("a_total", "A.").add(2)
  metrics.counter("b_total", "B\nb.", ["path", "status"]).add(1, 'x"\\\n', "200")
  metrics.gauge("c", "C.", ["id"], () => [{ labels: ["n1"], value: Number.NaN }])
  const histogram = metrics.histogram("d_seconds", "D.", [1, 10])
  for (const millis of [0.5, 1, 5, 100]) histogram.observe(millis)
  expect(metrics.text()).toBe(
    [
      "# HELP a_total A.",
      "# TYPE a_total counter",
      "a_total 2",
      "# HELP b_total B\\nb.",
      "# TYPE b_total counter",
      'b_total{path="x\\"\\\\\\n",status="200"} 1',
      "# HELP c C.",
      "# TYPE c gauge",
      'c{id="n1"} NaN',
      "# HELP d_seconds D.",
      "# TYPE d_seconds histogram",
      'd_seconds_bucket{le="0.001"} 2',
      'd_seconds_bucket{le="0.01"} 3',
      'd_seconds_bucket{le="+Inf"} 4',
      "d_seconds_sum 0.1065",
      "d_seconds_count 4",
      "",
    ].join("\n"),
  )
})

test("a name that is taken is refused: two meanings in one series help nobody", () => {
  const metrics = new Metrics()
  metrics.counter("a_total", "A.")
  expect(() => metrics.counter("a_total", "A.")).toThrow("a_total")
})

test("/metrics has role, term, indexes, lag, queues, proposals by outcome and requests by status", async () => {
  const fake = makeFake()
  const headers = { "content-type": "application/json" }
  const add = (body: string) => fake.ask("/propose/counter/c1/add", { method: "POST", headers, body })
  await add('{"by":1}')
  await add('{"by":101}')
  await add("{")
  const item = { actor: "counter", key: "c1", command: "add", input: { by: 1 }, idempotencyKey: "k" }
  const batch = JSON.stringify({
    proposals: [item, item, { ...item, actor: "nobody", idempotencyKey: "l" }, {}],
  })
  await fake.ask("/propose", { method: "POST", headers, body: batch })
  const response = await fake.ask("/metrics")
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4")
  const text = await response.text()
  for (const line of [
    'raftlet_role{group="main",role="leader"} 1',
    'raftlet_role{group="main",role="follower"} 0',
    'raftlet_parted{group="main"} 0',
    'raftlet_partings_total{group="main",reason="differs"} 0',
    'raftlet_state_splits_total{group="main"} 0',
    'raftlet_checkpoint_index{group="main"} 0',
    'raftlet_scrubs_total{group="main"} 3',
    'raftlet_scrub_seconds{group="main"} 0.25',
    'raftlet_disk_short{group="main"} 0',
    'raftlet_term{group="main"} 2',
    'raftlet_leader_changes_total{group="main"} 1',
    'raftlet_commit_index{group="main"} 7',
    'raftlet_applied_index{group="main"} 7',
    'raftlet_peer_lag_entries{group="main",peer="n2"} 2',
    'raftlet_peer_last_contact_seconds{group="main",peer="n2"} 0.012',
    'raftlet_queue_depth{group="main",queue="mailbox"} 3',
    'raftlet_proposals_total{outcome="accepted"} 2',
    'raftlet_proposals_total{outcome="replayed"} 1',
    'raftlet_proposals_total{outcome="unknown-actor"} 1',
    'raftlet_proposals_total{outcome="rejected"} 1',
    'raftlet_http_requests_total{route="/propose/:actor/:key/:command",status="200"} 1',
    'raftlet_http_requests_total{route="/propose/:actor/:key/:command",status="400"} 1',
    'raftlet_instances_in_memory{group="main"} 2',
    'raftlet_actor_version_info{group="main",actor="counter",version="abc",number="3"} 1',
    'raftlet_actor_version_info{group="main",actor="till",version="def",number="1"} 1',
    'raftlet_instances_quarantined{group="main",actor="counter"} 0',
    'raftlet_instances_quarantined{group="main",actor="till"} 12',
    'raftlet_actor_suspended{group="main",actor="counter"} 0',
    'raftlet_actor_suspended{group="main",actor="till"} 1',
    'raftlet_commands_voided_total{group="main"} 4',
    "# TYPE raftlet_commands_voided_total counter",
    "raftlet_http_body_bytes 0",
  ]) {
    expect(text.split("\n")).toContain(line)
  }
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m)
  // Every line is a comment or a sample, and every family is introduced once.
  expect(text.split("\n").filter((line) => !/^(#.*|\w+(\{.*\})? \S+|)$/.test(line))).toEqual([])
})
