// Does an operator get leadership even now, whoever leads too much of it?

import { afterEach, describe, expect, test } from "bun:test"
import type { GroupId, NodeId } from "../../src/consensus/types.ts"
import { makeApp } from "../../src/http/app.ts"
import type { Door } from "../../src/http/Doors.ts"
import { Metrics } from "../../src/metrics/Metrics.ts"
import { type Fake, leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const json = { "Content-Type": "application/json" }

const servers: Array<Bun.Server<undefined>> = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true)
})

/** n2, as its peers ask it to hand over. */
const serveOther = (answer: (url: URL, body: unknown) => Response) => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => answer(new URL(request.url), await request.json()),
  })
  servers.push(server)
  return `http://127.0.0.1:${server.port}`
}

/** n1, where the groups have these leaders; `main` is led by n1. */
const nodeWith = (leaders: Readonly<Record<GroupId, NodeId | null>>, client = "") => {
  const fakes = new Map<GroupId, Fake>()
  for (const [group, leader] of Object.entries({ main: "n1", ...leaders })) {
    const fake = makeFake()
    const members = leading.members.map((member) => (member.id === "n2" ? { ...member, client } : member))
    fake.status.current = {
      ...leading,
      group,
      leader,
      members,
      role: leader === "n1" ? "leader" : "follower",
    }
    fakes.set(group, fake)
  }
  const doors = new Map<GroupId, Door>(
    Array.from(fakes, ([group, { door }]) => [group, { ...door, raft: { ...door.raft, group } }]),
  )
  const app = makeApp({
    node: {
      id: "n1",
      clusterId: "c-1",
      version: "0",
      listen: "http://127.0.0.1:4001",
      peer: "127.0.0.1:5001",
      uptimeMillis: () => 1,
    },
    doors,
    metrics: new Metrics(),
    defect: (message, cause) => {
      throw new Error(`${message}: ${cause}`)
    },
  })
  return {
    fakes,
    ask: async (body: unknown = {}) =>
      app.fetch(
        new Request("http://127.0.0.1:4001/admin/rebalance", {
          method: "POST",
          headers: { ...json, "Raftlet-Timeout-Ms": "2000" },
          body: JSON.stringify(body),
        }),
      ),
    transfers: () =>
      Array.from(fakes, ([group, { transfers }]) => transfers.map(({ to }) => `${group} to ${to}`)).flat(),
  }
}

describe("rebalance", () => {
  test("says nothing of what should be handed over where nobody is known to lead", async () => {
    const node = nodeWith({ a: "n1", b: "n1", c: "n1" })
    node.fakes.get("main")!.status.current = { ...leading, leader: null }
    expect(await problemOf(await node.ask())).toMatchObject({ status: 503, code: "no-leader" })
    expect(node.transfers()).toEqual([])
  })

  test("hands over what this node leads too much of, and says so", async () => {
    const node = nodeWith({ a: "n1", b: "n1", c: "n1" })
    expect(await (await node.ask()).json()).toEqual({
      moves: [
        { group: "c", from: "n1", to: "n2", outcome: "done" },
        { group: "b", from: "n1", to: "n2", outcome: "done" },
      ],
      done: true,
    })
    expect(node.transfers().toSorted()).toEqual(["b to n2", "c to n2"])
  })

  test("has another node hand over what that one leads", async () => {
    const asked: Array<string> = []
    const client = serveOther((url, body) => {
      asked.push(`${url.pathname}${url.search} ${JSON.stringify(body)}`)
      return Response.json({ leader: "n1", term: 3 })
    })
    const node = nodeWith({ a: "n2", b: "n2", c: "n2" }, client)
    expect(await (await node.ask()).json()).toEqual({
      moves: [{ group: "c", from: "n2", to: "n1", outcome: "done" }],
      done: true,
    })
    expect(asked).toEqual(['/admin/transfer?group=c {"to":"n1"}'])
    expect(node.transfers()).toEqual([])
  })

  test("says what could not be handed over", async () => {
    const client = serveOther(() => new Response("no", { status: 503 }))
    for (const url of [client, "", "http://127.0.0.1:1"]) {
      const node = nodeWith({ a: "n2", b: "n2", c: "n2" }, url)
      expect(await (await node.ask()).json()).toMatchObject({ moves: [{ outcome: "failed" }], done: false })
    }
    const node = nodeWith({ a: "n1", b: "n1" })
    const refused = { _tag: "Failure", code: "transfer-failed", outcome: "rejected", detail: "no" } as const
    for (const { transferred } of node.fakes.values()) transferred.current = refused
    expect(await (await node.ask()).json()).toMatchObject({ moves: [{ outcome: "failed" }], done: false })
  })

  test("says what it would do, and does nothing, when it is asked for that", async () => {
    const node = nodeWith({ a: "n1", b: "n1" })
    expect(await (await node.ask({ dryRun: true })).json()).toEqual({
      moves: [{ group: "b", from: "n1", to: "n2" }],
      done: false,
    })
    expect(node.transfers()).toEqual([])
  })

  test("does nothing where leadership is even, and leaves main and groups without a leader alone", async () => {
    for (const leaders of [{}, { a: "n2" }, { a: null, b: null, c: null }]) {
      expect(await (await nodeWith(leaders).ask()).json()).toEqual({ moves: [], done: true })
    }
  })

  test("refuses what it does not know", async () => {
    const node = nodeWith({ a: "n1", b: "n1" })
    for (const body of [{ dryRun: 1 }, { to: "n2" }, []]) {
      expect(await problemOf(await node.ask(body))).toMatchObject({ status: 400, code: "bad-request" })
    }
    expect(node.transfers()).toEqual([])
  })
})
