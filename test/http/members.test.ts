// Does an operator get what the contract says for every change of members and every hand-over, on any node?
// (CONTRACT §3)

import { describe, expect, test } from "bun:test"
import type { Change, GroupId } from "../../src/consensus/types.ts"
import type { AppOptions } from "../../src/http/app.ts"
import type { ChangeRequest } from "../../src/raft/Raft.ts"
import { type Fake, following, leaderless, leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const json = { "Content-Type": "application/json" }

const send = (
  fake: Fake,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) =>
  fake.ask(path, {
    method,
    headers: body === undefined ? headers : { ...json, ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })

/** All that the door was asked for. */
const asked = ({ changes, transfers }: Fake) => [...changes, ...transfers].length

const n4 = { id: "n4", peer: "127.0.0.1:5004" }
const n4Address = { peer: "127.0.0.1:5004", client: "" }

const changes: ReadonlyArray<readonly [string, string, unknown, Change]> = [
  ["POST", "/admin/members", n4, { kind: "add", id: "n4", address: n4Address, as: "voter" }],
  [
    "POST",
    "/admin/members",
    { ...n4, client: "http://h:1/", role: "learner", incarnation: "i-1" },
    {
      kind: "add",
      id: "n4",
      address: { ...n4Address, client: "http://h:1", incarnation: "i-1" },
      as: "learner",
    },
  ],
  [
    "POST",
    "/admin/members",
    { ...n4, peer: "[::1]:5004", role: "voter", clusterId: "c-1", epoch: 0 },
    {
      kind: "add",
      id: "n4",
      address: { peer: "[::1]:5004", client: "" },
      as: "voter",
    },
  ],
  [
    "POST",
    "/admin/members",
    { ...n4, client: "http:H:80" },
    { kind: "add", id: "n4", address: { ...n4Address, client: "http://h" }, as: "voter" },
  ],
  ["DELETE", "/admin/members/n2", undefined, { kind: "remove", id: "n2" }],
  ["DELETE", "/admin/members/n%32", {}, { kind: "remove", id: "n2" }],
  ["POST", "/admin/members/n2/promote", undefined, { kind: "promote", id: "n2" }],
  [
    "POST",
    "/admin/members/n2/replace",
    { ...n4, client: "https://h:1" },
    { kind: "replace", id: "n2", by: "n4", address: { ...n4Address, client: "https://h:1" } },
  ],
  [
    "PUT",
    "/admin/members",
    {
      voters: ["n1", n4],
      learners: ["n2", { id: "n5", peer: "h:5", client: "http://h:4", incarnation: "i" }],
    },
    {
      kind: "set",
      voters: ["n1", "n4"],
      learners: ["n2", "n5"],
      addresses: { n4: n4Address, n5: { peer: "h:5", client: "http://h:4", incarnation: "i" } },
    },
  ],
  ["PUT", "/admin/members", { voters: ["n1"] }, { kind: "set", voters: ["n1"], learners: [], addresses: {} }],
]

describe("a change of members", () => {
  for (const [method, path, body, change] of changes) {
    test(`${method} ${path} ${JSON.stringify(body) ?? ""}`, async () => {
      const fake = makeFake()
      const response = await send(fake, method, path, body, { "Raftlet-Timeout-Ms": "1234" })
      expect(response.status).toBe(200)
      expect(response.headers.get("raftlet-index")).toBe("9")
      expect(response.headers.get("raftlet-node")).toBe("n1")
      expect(await response.json()).toEqual({
        done: true,
        index: 9,
        term: 2,
        voters: ["n1", "n2"],
        learners: [],
        outgoing: [],
        goal: null,
      })
      expect(fake.changes).toMatchObject([{ change, force: false }])
      expect(fake.changes[0]!.change).toEqual(change)
      // The fake's clock counts looks at it.
      expect(fake.changes[0]!.deadline).toBeGreaterThan(1234)
      expect(fake.changes[0]!.deadline).toBeLessThan(1234 + 100)
    })
  }

  test("that waits for newcomers says where it leads, and that it is not done", async () => {
    const fake = makeFake()
    const goal = { voters: ["n1", "n2", "n4"], learners: [], addresses: {} }
    fake.changed.current = {
      configuration: { ...leading.configuration, learners: ["n4"], goal },
      index: 9,
      term: 2,
      isDone: false,
    }
    expect(await (await send(fake, "POST", "/admin/members", n4)).json()).toMatchObject({
      done: false,
      learners: ["n4"],
      goal: { voters: ["n1", "n2", "n4"], learners: [] },
    })
  })

  test("is waited for unless the query string says otherwise", async () => {
    for (const [query, waits] of [
      ["", undefined],
      ["?wait=1", undefined],
      ["?wait=0", false],
    ] as const) {
      const fake = makeFake()
      await send(fake, "POST", `/admin/members${query}`, n4)
      expect(fake.changes.map((change) => change.waits)).toEqual([waits])
    }
  })

  test("is insisted on by force, in the body or in the query string (M13)", async () => {
    for (const [path, body, force] of [
      ["/admin/members/n2", { force: true }, true],
      ["/admin/members/n2?force=1", undefined, true],
      ["/admin/members/n2?force=true", { force: false }, true],
      ["/admin/members/n2?force=0", undefined, false],
      ["/admin/members/n2", { force: false }, false],
    ] as const) {
      const fake = makeFake()
      await send(fake, "DELETE", path, body)
      expect(fake.changes).toMatchObject([{ force }])
    }
    for (const [method, path, body] of changes) {
      const fake = makeFake()
      await send(fake, method, `${path}?force=1`, body)
      expect(fake.changes).toMatchObject([{ force: true }])
    }
  })

  test("that is refused or lost says why, and whether it may still happen", async () => {
    for (const [code, outcome, status, retryable] of [
      ["bad-request", "rejected", 400, false],
      ["unknown-member", "rejected", 404, false],
      ["change-in-progress", "rejected", 409, true],
      ["change-in-progress", "unknown", 409, true],
      ["would-lose-quorum", "rejected", 409, false],
      ["not-leader", "rejected", 503, true],
      ["shutting-down", "unknown", 503, true],
      ["leadership-lost", "unknown", 503, true],
      ["timeout", "unknown", 504, true],
      ["overloaded", "rejected", 503, true],
    ] as const) {
      const fake = makeFake()
      fake.changed.current = { _tag: "Failure", code, outcome, detail: "so it is" }
      const response = await send(fake, "POST", "/admin/members", n4)
      expect(await problemOf(response)).toMatchObject({
        code,
        outcome,
        status,
        retryable,
        detail: "so it is",
      })
    }
  })
})

/** A node that runs these groups, and what was asked of any of them. `awaited`: what it learns to be open when it looks. */
const nodeWith = (groups: ReadonlyArray<GroupId>, awaited: ReadonlyArray<GroupId> = []) => {
  const asked: Array<Change> = []
  const seen: Array<number | undefined> = []
  const raft = {
    now: () => 0,
    status: () => ({ ...leading, committed: leading.configuration }),
    glance: () => leading,
    change: (request: ChangeRequest) => {
      asked.push(request.change)
      seen.push(request.seen)
      request.answer({ configuration: leading.configuration, index: 9, term: 2, isDone: true })
    },
  }
  const running = new Map(
    groups.map((group) => [group, { raft: { group, ...raft }, machine: null }] as const),
  )
  let known: ReadonlyArray<GroupId> = []
  const doors = {
    get: (group: GroupId) => running.get(group),
    values: () => running.values(),
    directory: () => ({ asOf: 7, awaited: known }),
    look: async () => {
      known = awaited
    },
  }
  return { fake: makeFake({ doors: doors as unknown as AppOptions["doors"] }), asked, seen }
}

test("a change that another group could not follow is refused without force", async () => {
  const { fake, asked, seen } = nodeWith(["main", "orders"])
  const problem = await problemOf(await send(fake, "DELETE", "/admin/members/n2"))
  expect(problem).toMatchObject({ code: "bad-request", outcome: "rejected" })
  expect(asked).toEqual([])
  expect((await send(fake, "DELETE", "/admin/members/n2?force=1")).status).toBe(200)
  expect(asked).toHaveLength(1)
  const alone = nodeWith(["main"])
  expect((await send(alone.fake, "DELETE", "/admin/members/n2")).status).toBe(200)
  expect(alone.asked).toHaveLength(1)
  // What the leader's log holds beyond it nobody has looked at; with force that is no matter.
  expect([alone.seen, seen]).toEqual([[7], [undefined]])
})

test("a change waits for a group that this node does not run yet: nobody sees whom it counts on (seed 596)", async () => {
  const { fake, asked } = nodeWith(["main"], ["orders"])
  const problem = await problemOf(await send(fake, "DELETE", "/admin/members/n2"))
  expect(problem).toMatchObject({ code: "change-in-progress", outcome: "rejected", retryable: true })
  expect(asked).toEqual([])
  expect((await send(fake, "DELETE", "/admin/members/n2?force=1")).status).toBe(200)
  expect(asked).toHaveLength(1)
})

describe("a change that would cost a node that lives", () => {
  const elsewhere = "127.0.0.1:5009"
  const slips: ReadonlyArray<readonly [string, string, string, unknown, string]> = [
    ["its name", "POST", "/admin/members", { id: "n2", peer: elsewhere, incarnation: "other" }, "id-in-use"],
    [
      "the leader's name",
      "POST",
      "/admin/members",
      { id: "n1", peer: elsewhere, incarnation: "other" },
      "id-in-use",
    ],
    ["its address", "POST", "/admin/members", { id: "n4", peer: "127.0.0.1:5002" }, "address-in-use"],
    [
      "the leader's address",
      "POST",
      "/admin/members/n2/replace",
      { id: "n4", peer: "127.0.0.1:5001" },
      "address-in-use",
    ],
    [
      "its address, in a set",
      "PUT",
      "/admin/members",
      { voters: ["n1", "n2", { id: "n4", peer: "127.0.0.1:5002" }] },
      "address-in-use",
    ],
    [
      "a vote: who takes the place votes already",
      "POST",
      "/admin/members/n1/replace",
      { id: "n2", peer: "127.0.0.1:5002" },
      "bad-request",
    ],
  ]
  for (const [name, method, path, body, code] of slips) {
    test(`${name} is refused without force (M10)`, async () => {
      const fake = makeFake()
      expect(await problemOf(await send(fake, method, path, body))).toMatchObject({
        code,
        outcome: "rejected",
      })
      expect(asked(fake)).toBe(0)
      expect((await send(fake, method, `${path}?force=1`, body)).status).toBe(200)
      expect(asked(fake)).toBe(1)
    })
  }

  test("is taken when that one has not been heard from lately: its disk may be gone", async () => {
    const fake = makeFake()
    fake.status.current = {
      ...leading,
      members: leading.members.map(({ progress, ...member }) => ({
        ...member,
        progress: progress === null ? null : { ...progress, lastContactMillis: 1500 },
      })),
    }
    for (const body of [
      { id: "n2", peer: elsewhere, incarnation: "other" },
      { id: "n4", peer: "127.0.0.1:5002" },
    ]) {
      expect((await send(fake, "POST", "/admin/members", body)).status).toBe(200)
    }
  })

  test("is none when a member says its own address again, and who replaces may come to where the other was", async () => {
    const fake = makeFake()
    const own = { id: "n2", peer: "127.0.0.1:5002" }
    expect((await send(fake, "POST", "/admin/members", { ...own, priority: 0 })).status).toBe(200)
    const heir = { id: "n4", peer: "127.0.0.1:5002" }
    expect((await send(fake, "POST", "/admin/members/n2/replace", heir)).status).toBe(200)
  })
})

describe("a hand-over", () => {
  test("to whom it is asked, or to the best", async () => {
    for (const [body, to] of [
      [{ to: "n2" }, "n2"],
      [{ to: null }, null],
      [{}, null],
      [undefined, null],
    ] as const) {
      const fake = makeFake()
      const response = await send(fake, "POST", "/admin/transfer", body)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ leader: "n2", term: 3 })
      expect(fake.transfers).toMatchObject([{ to }])
    }
  })

  test("that fails says why", async () => {
    for (const [code, outcome, status] of [
      ["unknown-member", "rejected", 404],
      ["no-successor", "rejected", 409],
      ["transfer-failed", "rejected", 503],
      ["transfer-failed", "unknown", 503],
    ] as const) {
      const fake = makeFake()
      fake.transferred.current = { _tag: "Failure", code, outcome, detail: "so it is" }
      expect(await problemOf(await send(fake, "POST", "/admin/transfer"))).toMatchObject({
        code,
        outcome,
        status,
      })
    }
  })
})

describe("bad input asks the group for nothing", () => {
  const long = "n".repeat(65)
  const crowd = Array.from({ length: 100 }, (_, at) => ({ id: `x${at}`, peer: "h:1" }))
  const bad: ReadonlyArray<readonly [string, string, string, unknown, number, string]> = [
    ["no body where one is needed", "POST", "/admin/members", undefined, 400, "bad-request"],
    ["null", "POST", "/admin/members", "null", 400, "bad-request"],
    ["an array", "POST", "/admin/members", [], 400, "bad-request"],
    ["half of one", "POST", "/admin/members", '{"id":"n4"', 400, "bad-request"],
    ["an unknown field", "POST", "/admin/members", { ...n4, port: 1 }, 400, "bad-request"],
    ["no id", "POST", "/admin/members", { peer: n4.peer }, 400, "bad-request"],
    ["an id that is a number", "POST", "/admin/members", { ...n4, id: 4 }, 400, "bad-request"],
    ["an empty id", "POST", "/admin/members", { ...n4, id: "" }, 400, "bad-request"],
    ["an id with a slash", "POST", "/admin/members", { ...n4, id: "a/b" }, 400, "bad-request"],
    ["an id that is __proto__", "POST", "/admin/members", { ...n4, id: "__proto__" }, 400, "bad-request"],
    ["an id that is too long", "POST", "/admin/members", { ...n4, id: long }, 400, "bad-request"],
    ["no peer", "POST", "/admin/members", { id: "n4" }, 400, "bad-request"],
    ["a peer without a port", "POST", "/admin/members", { ...n4, peer: "h" }, 400, "bad-request"],
    ["a peer at port 0", "POST", "/admin/members", { ...n4, peer: "h:0" }, 400, "bad-request"],
    ["a peer at port 65536", "POST", "/admin/members", { ...n4, peer: "h:65536" }, 400, "bad-request"],
    ["a peer that is everywhere", "POST", "/admin/members", { ...n4, peer: "0.0.0.0:5" }, 400, "bad-request"],
    [
      "a peer that is everywhere by IPv6",
      "POST",
      "/admin/members",
      { ...n4, peer: "[0::0]:5" },
      400,
      "bad-request",
    ],
    ["a peer that is a URL", "POST", "/admin/members", { ...n4, peer: "http://h:1" }, 400, "bad-request"],
    ["a peer with a line break", "POST", "/admin/members", { ...n4, peer: "h:1\n" }, 400, "bad-request"],
    ["a client that is no URL", "POST", "/admin/members", { ...n4, client: "h:1" }, 400, "bad-request"],
    ["a client with a path", "POST", "/admin/members", { ...n4, client: "http://h/x" }, 400, "bad-request"],
    ["a client with a query", "POST", "/admin/members", { ...n4, client: "http://h?x" }, 400, "bad-request"],
    [
      "a client that is a script",
      "POST",
      "/admin/members",
      { ...n4, client: "javascript:1" },
      400,
      "bad-request",
    ],
    [
      "a client with a line break",
      "POST",
      "/admin/members",
      { ...n4, client: "http://h:1\n" },
      400,
      "bad-request",
    ],
    [
      "a client beyond ASCII",
      "POST",
      "/admin/members",
      { ...n4, client: "http://例え:1" },
      400,
      "bad-request",
    ],
    [
      "a client with a secret",
      "POST",
      "/admin/members",
      { ...n4, client: "http://u:p@h:1" },
      400,
      "bad-request",
    ],
    [
      "a client with a fragment",
      "POST",
      "/admin/members",
      { ...n4, client: "http://h:1/#x" },
      400,
      "bad-request",
    ],
    [
      "a client of half a kibibyte",
      "POST",
      "/admin/members",
      { ...n4, client: `http://${"h".repeat(512)}` },
      400,
      "bad-request",
    ],
    [
      "a peer whose name is none",
      "POST",
      "/admin/members",
      { ...n4, peer: `${"h".repeat(254)}:1` },
      400,
      "bad-request",
    ],
    [
      "more members than a node could talk to",
      "PUT",
      "/admin/members",
      { voters: ["n1"], learners: crowd },
      400,
      "bad-request",
    ],
    ["a client that is null", "POST", "/admin/members", { ...n4, client: null }, 400, "bad-request"],
    ["an unknown role", "POST", "/admin/members", { ...n4, role: "leader" }, 400, "bad-request"],
    ["a role that is null", "POST", "/admin/members", { ...n4, role: null }, 400, "bad-request"],
    [
      "an incarnation with spaces",
      "POST",
      "/admin/members",
      { ...n4, incarnation: "a b" },
      400,
      "bad-request",
    ],
    ["a node of another cluster", "POST", "/admin/members", { ...n4, clusterId: "c-2" }, 400, "bad-request"],
    [
      "data from before a reset, or behind one",
      "POST",
      "/admin/members",
      { ...n4, epoch: 1 },
      400,
      "bad-request",
    ],
    ["half an epoch", "POST", "/admin/members", { ...n4, epoch: 0.5 }, 400, "bad-request"],
    ["an epoch below zero", "POST", "/admin/members", { ...n4, epoch: -1 }, 400, "bad-request"],
    ["a cluster that is null", "POST", "/admin/members", { ...n4, clusterId: null }, 400, "bad-request"],
    ["force that is a word", "POST", "/admin/members", { ...n4, force: "yes" }, 400, "bad-request"],
    ["force that is a number", "DELETE", "/admin/members/n2?force=2", undefined, 400, "bad-request"],
    ["an unknown parameter", "DELETE", "/admin/members/n2?frce=1", undefined, 400, "bad-request"],
    ["an unknown group", "DELETE", "/admin/members/n2?group=other", undefined, 404, "not-found"],
    ["a body for a removal", "DELETE", "/admin/members/n2", { id: "n2" }, 400, "bad-request"],
    ["a bad id in the path", "DELETE", "/admin/members/a%2Fb", undefined, 400, "bad-request"],
    ["an id in the path that is no UTF-8", "DELETE", "/admin/members/%FF", undefined, 400, "bad-request"],
    ["a body for a promotion", "POST", "/admin/members/n2/promote", { role: "voter" }, 400, "bad-request"],
    ["a replacement by nobody", "POST", "/admin/members/n2/replace", undefined, 400, "bad-request"],
    ["a replacement by nowhere", "POST", "/admin/members/n2/replace", { id: "n4" }, 400, "bad-request"],
    [
      "a replacement with a role",
      "POST",
      "/admin/members/n2/replace",
      { ...n4, role: "voter" },
      400,
      "bad-request",
    ],
    ["a set without voters", "PUT", "/admin/members", { learners: [] }, 400, "bad-request"],
    ["voters that are a word", "PUT", "/admin/members", { voters: "n1" }, 400, "bad-request"],
    ["learners that are null", "PUT", "/admin/members", { voters: ["n1"], learners: {} }, 400, "bad-request"],
    ["a voter that is null", "PUT", "/admin/members", { voters: [null] }, 400, "bad-request"],
    ["a voter without an address", "PUT", "/admin/members", { voters: [{ id: "n4" }] }, 400, "bad-request"],
    ["a voter with a role", "PUT", "/admin/members", { voters: [{ ...n4, role: "x" }] }, 400, "bad-request"],
    ["a successor that is a number", "POST", "/admin/transfer", { to: 2 }, 400, "bad-request"],
    ["a successor that is empty", "POST", "/admin/transfer", { to: "" }, 400, "bad-request"],
    ["a transfer by force", "POST", "/admin/transfer", { force: true }, 400, "bad-request"],
    ["a transfer by force in the query", "POST", "/admin/transfer?force=1", undefined, 400, "bad-request"],
    ["a body of a megabyte", "POST", "/admin/members", { ...n4, id: "n".repeat(2 ** 20) }, 413, "too-large"],
    ["another method", "PATCH", "/admin/members", undefined, 405, "method-not-allowed"],
    ["another method for one", "POST", "/admin/members/n2", {}, 405, "method-not-allowed"],
    ["another verb for one", "POST", "/admin/members/n2/demote", {}, 404, "not-found"],
  ]
  for (const [what, method, path, body, status, code] of bad) {
    test(`${what}: ${status}`, async () => {
      const fake = makeFake()
      expect(await problemOf(await send(fake, method, path, body))).toMatchObject({
        status,
        code,
        outcome: "rejected",
      })
      expect([asked(fake), fake.defects]).toEqual([0, []])
    })
  }

  test("without a media type: 415; from another page: 403", async () => {
    const fake = makeFake()
    const plain = await fake.ask("/admin/members", { method: "POST", body: JSON.stringify(n4) })
    expect(await problemOf(plain)).toMatchObject({ status: 415 })
    for (const path of ["/admin/transfer", "/admin/members/n2/promote"]) {
      const foreign = await send(fake, "POST", path, undefined, { "Sec-Fetch-Site": "cross-site" })
      expect(await problemOf(foreign)).toMatchObject({ status: 403 })
    }
    const late = await send(fake, "POST", "/admin/transfer", undefined, { "Raftlet-Timeout-Ms": "0" })
    expect(await problemOf(late)).toMatchObject({ status: 400 })
    expect(asked(fake)).toBe(0)
  })
})

const everything: ReadonlyArray<readonly [string, string, unknown]> = [
  ...changes.map(([method, path, body]) => [method, path, body] as const),
  ["POST", "/admin/transfer", { to: "n2" }],
]

describe("a node that does not lead", () => {
  interface Heard {
    readonly method: string
    readonly path: string
    readonly body: unknown
    readonly headers: Headers
  }

  /** A leader that answers with this, and a node that follows it. */
  const led = async (answer: () => Response, use: (fake: Fake, heard: Array<Heard>) => Promise<void>) => {
    const heard: Array<Heard> = []
    const leader = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url)
        const text = await request.text()
        const { method, headers } = request
        heard.push({ method, path: pathname + search, body: text === "" ? null : JSON.parse(text), headers })
        return answer()
      },
    })
    try {
      const fake = makeFake()
      fake.status.current = following(`http://127.0.0.1:${leader.port}`)
      await use(fake, heard)
    } finally {
      await leader.stop(true)
    }
  }

  test("asks the leader in the client's words, and answers in the leader's", () =>
    led(
      () =>
        Response.json(
          { words: "the leader's" },
          { status: 209, headers: { "Raftlet-Index": "12", "Retry-After": "1", "Raftlet-Node": "n2" } },
        ),
      async (fake, heard) => {
        for (const [method, path, body] of everything) {
          const headers = { "Raftlet-Timeout-Ms": "3000" }
          const response = await send(fake, method, path, body, headers)
          expect([response.status, await response.json()]).toEqual([209, { words: "the leader's" }])
          expect(response.headers.get("raftlet-leader")).toStartWith("n2;http://127.0.0.1:")
          expect(response.headers.get("raftlet-node")).toBe("n1")
          expect(response.headers.get("raftlet-index")).toBe("12")
          expect(response.headers.get("retry-after")).toBe("1")
          const last = heard.at(-1)!
          expect(last).toMatchObject({ method, path, body: body ?? {} })
          expect(last.headers.get("raftlet-asked-by")).toBe("n1")
          // It must answer before this node gives up.
          expect(last.headers.get("raftlet-timeout-ms")).toBe("2900")
        }
        expect([heard.length, asked(fake)]).toEqual([everything.length, 0])
        await send(fake, "DELETE", "/admin/members/n2?force=1")
        expect(heard.at(-1)!.path).toBe("/admin/members/n2?force=1")
      },
    ))

  test("gives the leader's refusal as it is", () =>
    led(
      () =>
        Response.json(
          { type: "urn:raftlet:problem:would-lose-quorum", code: "would-lose-quorum" },
          { status: 409, headers: { "Content-Type": "application/problem+json" } },
        ),
      async (fake) => {
        const response = await send(fake, "DELETE", "/admin/members/n2")
        expect([response.status, response.headers.get("content-type")]).toEqual([
          409,
          "application/problem+json",
        ])
        expect(await response.json()).toMatchObject({ code: "would-lose-quorum" })
      },
    ))

  test("passes on nothing that was passed on to it (C3)", () =>
    led(
      () => Response.json({}),
      async (fake, heard) => {
        for (const [method, path, body] of everything) {
          const response = await send(fake, method, path, body, { "Raftlet-Asked-By": "n3" })
          expect(await problemOf(response)).toMatchObject({
            code: "not-leader",
            outcome: "rejected",
            status: 503,
          })
        }
        expect([heard.length, asked(fake)]).toEqual([0, 0])
      },
    ))

  test("refuses bad input itself", () =>
    led(
      () => Response.json({}),
      async (fake, heard) => {
        const response = await send(fake, "POST", "/admin/members", { ...n4, peer: "h" })
        expect(await problemOf(response)).toMatchObject({ status: 400 })
        expect(heard).toEqual([])
      },
    ))

  test("sends the client to the leader when it wants that, and asks nobody", () =>
    led(
      () => Response.json({}),
      async (fake, heard) => {
        for (const [method, path, body] of everything) {
          const response = await send(fake, method, `${path}?redirect=1`, body)
          expect(response.status).toBe(307)
          expect(response.headers.get("location")).toMatch(
            new RegExp(`^http://127\\.0\\.0\\.1:\\d+${path.replaceAll(/[.?]/g, "\\$&")}\\?redirect=1$`),
          )
        }
        expect([heard.length, asked(fake)]).toEqual([0, 0])
      },
    ))

  test("says that nobody was asked when the leader cannot be reached", async () => {
    const gone = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
    const { port } = gone
    gone.stop(true)
    const fake = makeFake()
    fake.status.current = following(`http://127.0.0.1:${port}`)
    const problem = await problemOf(await send(fake, "POST", "/admin/members", n4))
    expect(problem).toMatchObject({ code: "not-leader", outcome: "rejected", retryable: true })
  })

  test("does not know what became of it when the leader breaks off, or does not answer in time", async () => {
    for (const breaksOff of [true, false]) {
      const leader = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          data: (socket) => {
            if (breaksOff) socket.terminate()
          },
        },
      })
      const fake = makeFake()
      fake.status.current = following(`http://127.0.0.1:${leader.port}`)
      const millis = breaksOff ? "5000" : "20"
      const response = await send(fake, "POST", "/admin/transfer", {}, { "Raftlet-Timeout-Ms": millis })
      expect(await problemOf(response)).toMatchObject({
        code: "timeout",
        outcome: "unknown",
        status: 504,
        detail: expect.stringContaining(breaksOff ? "broke off" : "did not answer in time"),
      })
      leader.stop(true)
    }
  })

  test("has nobody to ask when nobody leads, or nobody knows where", async () => {
    const fake = makeFake()
    for (const [status, code] of [
      [leaderless, "no-leader"],
      [following(""), "not-leader"],
    ] as const) {
      fake.status.current = status
      const response = await send(fake, "POST", "/admin/members", n4)
      expect(await problemOf(response)).toMatchObject({ code, outcome: "rejected", status: 503 })
    }
    expect(asked(fake)).toBe(0)
  })
})
