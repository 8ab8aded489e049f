// Is a request for all groups (`?group=*`) done group by group, and does its answer say of each what became of it?

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { Door } from "../../src/http/Doors.ts"
import type { GroupStatus, ResetRequest, TransferRequest } from "../../src/raft/Raft.ts"
import { StorageFull } from "../../src/storage/LogStore.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { following, leaderless, leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

interface Part {
  readonly group: string
  readonly status: number
  readonly [field: string]: unknown
}

/** n1, with these groups besides `main`. */
const nodeOf = async (
  statuses: Readonly<Record<string, GroupStatus>>,
  raftOf: (group: string) => object = () => ({}),
) => {
  const base = makeFake().door
  const resets: Array<readonly [string, ResetRequest]> = []
  const transfers: Array<readonly [string, TransferRequest]> = []
  const current = new Map(Object.entries(statuses).map(([group, status]) => [group, { ...status, group }]))
  const doors = [...current.keys()].map((group): [string, Door] => [
    group,
    {
      ...base,
      raft: {
        ...base.raft,
        group,
        status: () => current.get(group)!,
        reset: (request) => {
          resets.push([group, request])
          const configuration = { ...leading.configuration, voters: request.voters }
          current.set(group, { ...leading, group, configuration, committed: configuration })
          request.answer({ configuration, index: 9, term: 3, isDone: true })
        },
        transfer: (request) => {
          transfers.push([group, request])
          request.answer({ leader: request.to ?? "n2", term: 3 })
        },
        ...raftOf(group),
      },
    },
  ])
  const { ask, defects } = makeFake({ doors: new Map(doors) })
  const document = await documentOf(ask)
  const send = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await ask(path, {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    await expectDescribed(document, path.split("?")[0]!, method, response)
    return response
  }
  const parts = async (method: string, path: string, body?: object): Promise<ReadonlyArray<Part>> => {
    const response = await send(method, path, body)
    if (response.status !== 207) throw new Error(await response.text())
    expect(response.headers.get("raftlet-node")).toBe("n1")
    return ((await response.json()) as { readonly groups: ReadonlyArray<Part> }).groups
  }
  return { send, parts, resets, transfers, defects, clusterId: "c-1" }
}

describe("a snapshot of all groups", () => {
  test("says of each what was made, or why not", async () => {
    const { parts } = await nodeOf({ main: leading, orders: leading, bills: leading }, (group) =>
      group === "orders" ? { snapshot: Effect.fail(new StorageFull({ operation: "copy" } as never)) } : {},
    )
    expect(await parts("POST", "/admin/snapshot?group=*")).toMatchObject([
      { group: "main", status: 200, index: 7, bytes: 4096 },
      { group: "orders", status: 507, code: "storage-full" },
      { group: "bills", status: 200, index: 7 },
    ])
  })

  test("begins no more of them when time is up, and says so", async () => {
    const { send } = await nodeOf({ main: leading, a: leading, b: leading, c: leading }, () => ({
      now: () => performance.now(),
      snapshot: Effect.never,
    }))
    const response = await send("POST", "/admin/snapshot?group=*", undefined, { "Raftlet-Timeout-Ms": "30" })
    const { groups } = (await response.json()) as { readonly groups: ReadonlyArray<Part> }
    expect(groups.map(({ status, outcome }) => [status, outcome])).toEqual([
      [504, "unknown"],
      [504, "unknown"],
      [504, "rejected"],
      [504, "rejected"],
    ])
  })
})

describe("a transfer of all groups", () => {
  test("hands over what this node leads, and leaves the rest alone", async () => {
    const { parts, transfers } = await nodeOf({ main: leading, orders: following(), bills: leading })
    expect(await parts("POST", "/admin/transfer?group=*")).toEqual([
      { group: "main", status: 200, leader: "n2", term: 3 },
      { group: "bills", status: 200, leader: "n2", term: 3 },
    ])
    expect(transfers.map(([group, { to }]) => [group, to])).toEqual([
      ["main", null],
      ["bills", null],
    ])
  })

  test("to a node asks each leader for its groups, one by one, and those that it leads nobody", async () => {
    const asked: Array<string> = []
    const n2 = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        asked.push(`${request.url.slice(request.url.indexOf("/admin"))} ${await request.text()}`)
        return Response.json({ leader: "n1", term: 5 })
      },
    })
    try {
      const { parts, transfers } = await nodeOf({
        main: leading,
        orders: following(`http://127.0.0.1:${n2.port}`),
        bills: leading,
      })
      expect(await parts("POST", "/admin/transfer?group=*", { to: "n1" })).toEqual([
        { group: "main", status: 200, leader: "n1", term: 2 },
        { group: "orders", status: 200, leader: "n1", term: 5 },
        { group: "bills", status: 200, leader: "n1", term: 2 },
      ])
      expect(asked).toEqual(['/admin/transfer?group=orders {"to":"n1"}'])
      expect(transfers).toEqual([])
    } finally {
      await n2.stop(true)
    }
  })
})

test("/admin/cluster of all groups asks each leader once, and tells what that does not say as it is known here", async () => {
  const asked: Array<string> = []
  const n2 = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(
        `${request.url.slice(request.url.indexOf("/admin"))} ${request.headers.get("raftlet-asked-by")}`,
      )
      // It does not lead `bills` any more, by its own words.
      const parts = [
        { group: "orders", status: 200, leader: "n2", term: 7, clusterId: "c-1", change: null, members: [] },
        { group: "bills", status: 200, leader: "n3", term: 8, clusterId: "c-1", change: null, members: [] },
      ]
      return Response.json({ groups: parts }, { status: 207 })
    },
  })
  try {
    const follows = following(`http://127.0.0.1:${n2.port}`)
    const { parts, send } = await nodeOf({ main: leading, orders: follows, bills: follows })
    expect(await parts("GET", "/admin/cluster?group=*")).toMatchObject([
      { group: "main", leader: "n1", term: 2, members: [{ id: "n1" }, { id: "n2", lag: 2 }] },
      { group: "orders", leader: "n2", term: 7, members: [] },
      { group: "bills", leader: "n2", term: 2, members: [{ id: "n1" }, { id: "n2", lag: null }] },
    ])
    expect(asked).toEqual(["/admin/cluster?group=* n1"])
    await send("GET", "/admin/cluster?group=*", undefined, { "Raftlet-Asked-By": "n2" })
    expect(asked).toHaveLength(1)
  } finally {
    await n2.stop(true)
  }
})

describe("a reset of all groups", () => {
  const lost = {
    ...leaderless,
    members: leaderless.members.map((member) => ({ ...member, client: "http://127.0.0.1:1" })),
  }

  test("is main's first, then that of whoever has lost its majority with it, to the same voters", async () => {
    const { parts, resets } = await nodeOf({ main: lost, orders: lost, bills: leading })
    expect(await parts("POST", "/admin/reset?group=*", { voters: ["n1"] })).toMatchObject([
      { group: "main", status: 200, dryRun: true, done: false, lostVoters: ["n2"] },
      { group: "orders", status: 200, dryRun: true, done: false },
      { group: "bills", status: 200, done: false, leader: "n1" },
    ])
    expect(resets).toEqual([])
    const done = await parts("POST", "/admin/reset?group=*", { voters: ["n1"], dryRun: false })
    expect(done).toMatchObject([
      { group: "main", status: 200, done: true, voters: ["n1"] },
      { group: "orders", status: 200, done: true, voters: ["n1"] },
      { group: "bills", done: false, leader: "n1" },
    ])
    expect(resets.map(([group]) => group)).toEqual(["main", "orders"])
    // What was left by then is gone on with.
    expect(await parts("POST", "/admin/reset?group=*", { voters: ["n1"], dryRun: false })).toMatchObject([
      { group: "main", done: false, leader: "n1" },
      { group: "orders", done: false, leader: "n1" },
      { group: "bills", done: false, leader: "n1" },
    ])
  })

  test("does nothing to the others where main is not reset, and says why", async () => {
    const { send, resets } = await nodeOf({ main: lost, orders: lost })
    const response = await send("POST", "/admin/reset?group=*", { voters: ["n1", "n2"], dryRun: false })
    expect(await problemOf(response)).toMatchObject({ code: "not-ready" })
    expect(resets).toEqual([])
  })

  test("of one group to other voters than main has is refused: two majorities of it could live", async () => {
    const { send, resets, parts } = await nodeOf({ main: lost, orders: lost, bills: lost })
    const reset = (voters: ReadonlyArray<string>) =>
      send("POST", "/admin/reset?group=orders", { voters, dryRun: false })
    expect(await problemOf(await reset(["n1"]))).toMatchObject({
      code: "bad-request",
      detail: "The voters of orders must be those of main, and those are n1, n2: reset main first.",
    })
    expect(resets).toEqual([])
    await send("POST", "/admin/reset", { voters: ["n1"], dryRun: false })
    expect((await reset(["n1"])).status).toBe(200)
    // Main has a leader by now, and other voters than are named.
    expect(
      await parts("POST", "/admin/reset?group=*", { voters: ["n1", "n2"], dryRun: false }),
    ).toMatchObject([
      { group: "main", status: 200, done: false },
      { group: "orders", done: false, leader: "n1" },
      { group: "bills", status: 400, code: "bad-request" },
    ])
  })

  test("leaves out who came to main just before the loss, and is no member of the group yet", async () => {
    const n3 = { ...lost.members[1]!, id: "n3" }
    const { parts, resets } = await nodeOf({
      main: { ...leading, configuration: { ...leading.configuration, voters: ["n1", "n3"] } },
      orders: lost,
      bills: { ...lost, members: [...lost.members, n3] },
    })
    expect(
      await parts("POST", "/admin/reset?group=*", { voters: ["n1", "n3"], dryRun: false }),
    ).toMatchObject([
      { group: "main", done: false, leader: "n1" },
      { group: "orders", status: 200, done: true, voters: ["n1"] },
      // Here it is one, and must answer.
      { group: "bills", status: 503, code: "not-ready" },
    ])
    expect(resets.map(([group]) => group)).toEqual(["orders"])
  })

  test("asks every node once, however many groups there are", async () => {
    let asked = 0
    const group = { term: 4, lastTerm: 2, lastIndex: 8, commitIndex: 7, standing: "whole", leader: null }
    const n2 = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        asked++
        const groups = ["main", "orders", "bills"].map((name) => ({ ...group, group: name }))
        return Response.json({ id: "n2", clusterId: "c-1", groups })
      },
    })
    try {
      const client = `http://127.0.0.1:${n2.port}`
      const status = {
        ...leaderless,
        members: leaderless.members.map((member) => (member.id === "n2" ? { ...member, client } : member)),
      }
      const { parts } = await nodeOf({ main: status, orders: status, bills: status })
      const said = await parts("POST", "/admin/reset?group=*", { voters: ["n1"], dryRun: false })
      expect(said.map(({ done }) => done)).toEqual([true, true, true])
      expect(said[1]!["leftOut"]).toMatchObject([{ id: "n2" }])
      expect(asked).toBe(1)
    } finally {
      await n2.stop(true)
    }
  })
})

test.each([
  ["GET", "/admin/node"],
  ["GET", "/admin/log"],
  ["GET", "/admin/backup"],
  ["GET", "/admin/actors"],
  ["POST", "/admin/members"],
])("%s %s is of one group: * is refused in words", async (method, path) => {
  const { send } = await nodeOf({ main: leading })
  const response = await send(method, `${path}?group=*`)
  expect(await problemOf(response)).toMatchObject({
    code: "bad-request",
    detail: expect.stringContaining("This is asked of one group"),
  })
})
