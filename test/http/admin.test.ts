// Does a node say about itself what an operator and a load balancer must know? (CONTRACT §3, O3)

import { describe, expect, test } from "bun:test"
import { following, leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

test("/admin/node is this node and its groups (CONTRACT §3)", async () => {
  const fake = makeFake()
  expect(await (await fake.ask("/admin/node")).json()).toEqual({
    id: "n1",
    clusterId: "c-1",
    pid: process.pid,
    version: "0.1.0",
    routes: [],
    uptimeMs: 1234,
    listen: "http://127.0.0.1:4001",
    peer: "127.0.0.1:5001",
    groups: [
      {
        group: "main",
        role: "leader",
        term: 2,
        leader: "n1",
        commitIndex: 7,
        appliedIndex: 7,
        firstIndex: 1,
        lastIndex: 8,
        lastTerm: 2,
        snapshotIndex: 0,
        persistedIndex: 8,
        standing: "whole",
        ready: true,
        resting: false,
        leaderChanges: 1,
        outcast: null,
        parted: null,
        checkpoint: null,
        seats: null,
        leading: [],
      },
    ],
  })
})

test("/admin/node tells what actors have run where this node leads: since when, how often again, and why", async () => {
  const fake = makeFake()
  const runs = { actor: "outbox", version: "v1", term: 2, state: "running", since: 12, restarts: 0 } as const
  const lastFailure = { kind: "failed", detail: "boom", at: 11 } as const
  fake.leading.status = [
    { ...runs, lastFailure: null },
    { ...runs, actor: "mail", state: "pausing", restarts: 3, lastFailure },
  ]
  fake.leading.failures = [{ actor: "mail", kind: "failed", count: 4 }]
  const report = (await (await fake.ask("/admin/node")).json()) as { groups: ReadonlyArray<object> }
  expect(report.groups).toMatchObject([{ leading: fake.leading.status }])
  const metrics = (await (await fake.ask("/metrics")).text()).split("\n")
  expect(metrics).toContain('raftlet_leading_running{group="main",actor="outbox"} 1')
  expect(metrics).toContain('raftlet_leading_running{group="main",actor="mail"} 0')
  expect(metrics).toContain('raftlet_leading_failures_total{group="main",actor="mail",kind="failed"} 4')
})

test("/admin/cluster on the leader is the whole, with everyone's progress (CONTRACT §3)", async () => {
  const fake = makeFake()
  const cluster = (await (await fake.ask("/admin/cluster")).json()) as { members: ReadonlyArray<object> }
  expect(cluster).toMatchObject({ clusterId: "c-1", leader: "n1", term: 2 })
  expect(cluster.members[1]).toEqual({
    id: "n2",
    role: "voter",
    peer: "127.0.0.1:5002",
    client: "http://127.0.0.1:4002",
    state: "replicate",
    matchIndex: 6,
    lag: 2,
    lastContactMs: 12,
    whole: true,
    zone: null,
  })
})

describe("/admin/cluster on a follower", () => {
  test("is the leader's own answer, asked for once and never passed on again (C3)", async () => {
    const asked: Array<string | null> = []
    const leader = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        asked.push(request.headers.get("raftlet-asked-by"))
        return Response.json({ words: "the leader's" })
      },
    })
    try {
      const fake = makeFake()
      fake.status.current = following(`http://127.0.0.1:${leader.port}`)
      expect(await (await fake.ask("/admin/cluster")).json()).toEqual({ words: "the leader's" })
      const passedOn = await fake.ask("/admin/cluster", { headers: { "raftlet-asked-by": "n3" } })
      expect(await passedOn.json()).toMatchObject({ leader: "n2", members: [{ state: null }, { lag: null }] })
      expect(asked).toEqual(["n1"])
    } finally {
      await leader.stop(true)
    }
  })

  test("is what the follower knows when the leader does not answer", async () => {
    const fake = makeFake()
    fake.status.current = following("http://127.0.0.1:1")
    expect(await (await fake.ask("/admin/cluster")).json()).toMatchObject({ leader: "n2", term: 2 })
  })
})

test("/admin/snapshot answers with what was made, and takes no body (CONTRACT §3)", async () => {
  const fake = makeFake()
  const make = (body?: string) =>
    fake.ask("/admin/snapshot", {
      method: "POST",
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body }),
    })
  expect(await (await make()).json()).toEqual({ index: 7, term: 2, id: "abc", bytes: 4096 })
  expect((await make("{}")).status).toBe(200)
  expect(await problemOf(await make('{"now":true}'))).toMatchObject({ status: 400 })
})

describe("/healthz (O3)", () => {
  test("is 200 while questions come back, even refused ones, and without a leader", async () => {
    const fake = makeFake()
    fake.status.current = leaderless
    expect((await fake.ask("/healthz")).status).toBe(200)
    fake.instead.current = { _tag: "Failure", code: "overloaded", outcome: "rejected", detail: "full" }
    expect((await fake.ask("/healthz")).status).toBe(200)
  })

  test("is 200 while a node repairs its state: it is alive, and a restart would help nobody", async () => {
    const fake = makeFake()
    fake.instead.current = { _tag: "Failure", code: "not-ready", outcome: "rejected", detail: "in repair" }
    expect((await fake.ask("/healthz")).status).toBe(200)
  })

  test("is 503 when the door or the machine fails to answer", async () => {
    const fake = makeFake()
    fake.instead.current = { _tag: "Failure", code: "timeout", outcome: "unknown", detail: "nobody home" }
    expect(await problemOf(await fake.ask("/healthz"))).toMatchObject({ status: 503, code: "unhealthy" })
  })

  test("is 503 when another room says that nothing moves", async () => {
    const fake = makeFake({ wedged: () => "the disk has not answered for 12 s" })
    expect((await problemOf(await fake.ask("/healthz"))).detail).toBe("the disk has not answered for 12 s")
  })
})

test("/readyz wants a leader and an applied log (CONTRACT §3)", async () => {
  const fake = makeFake()
  expect((await fake.ask("/readyz")).status).toBe(200)
  fake.status.current = leaderless
  expect(await problemOf(await fake.ask("/readyz"))).toMatchObject({ status: 503, code: "no-leader" })
  fake.status.current = { ...fake.status.current, outcast: "n2 refuses it (unknown-node)" }
  const { detail } = (await (await fake.ask("/readyz")).json()) as { readonly detail: string }
  expect(detail).toBe("Group main knows no leader: n2 refuses it (unknown-node).")
  fake.status.current = { ...following(), ready: false }
  expect(await problemOf(await fake.ask("/readyz"))).toMatchObject({ status: 503, code: "not-ready" })
})

test("/readyz says of a node that repairs its state what is wrong with it, and /admin/node since when (D1)", async () => {
  const fake = makeFake()
  const parted = { reason: "differs", index: 12, since: 1_700_000_000_000 } as const
  fake.status.current = { ...following(), ready: false, parted }
  expect(await problemOf(await fake.ask("/readyz"))).toMatchObject({
    status: 503,
    code: "not-ready",
    detail: "The state of group main is not what the others have (differs, at 12): it is in repair.",
  })
  const { groups } = (await (await fake.ask("/admin/node")).json()) as {
    readonly groups: ReadonlyArray<object>
  }
  expect(groups).toMatchObject([{ parted, ready: false }])
  const metrics = await (await fake.ask("/metrics")).text()
  expect(metrics).toContain('raftlet_parted{group="main"} 1')
})

test("a node that drains takes nothing new, and says so", async () => {
  const fake = makeFake()
  fake.app.drain()
  const response = await fake.ask("/propose/counter/c1/add", { method: "POST" })
  expect(response.headers.get("connection")).toBe("close")
  expect(await problemOf(response)).toMatchObject({ code: "shutting-down", outcome: "rejected" })
  expect(fake.proposed).toEqual([])
})
