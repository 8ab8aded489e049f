// Does each verb ask for what its name says, once, of somebody who can, and tell the script what became of it?
// Real HTTP against fake nodes. (CONTRACT §1, §3, C2, C3)

import { afterEach, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test"
import { type Answer, FakeCluster, problem } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const start = (answer: Answer = () => null, count = 3): FakeCluster => {
  const cluster = new FakeCluster(count)
  cluster.answer = answer
  clusters.push(cluster)
  return cluster
}

/** Answers every change with the same; looks are answered as usual. */
const onChange = (respond: (attempt: number) => Response): Answer =>
  (() => {
    let attempt = 0
    return ({ method }) => (method === "GET" ? null : respond(++attempt))
  })()

const done = () => Response.json({ index: 7, term: 4 })
const run = (cluster: FakeCluster, ...words: ReadonlyArray<string>) =>
  runCommand([...words, "--url", cluster.urls])

describe("what is asked for", () => {
  const asked: ReadonlyArray<[string, ReadonlyArray<string>, string, string, unknown]> = [
    ["add", ["n4", "h:5004"], "POST", "/admin/members", { id: "n4", peer: "h:5004" }],
    [
      "add",
      ["n4", "h:5004", "--client", "http://h:4004", "--learner"],
      "POST",
      "/admin/members",
      { id: "n4", peer: "h:5004", client: "http://h:4004", role: "learner" },
    ],
    ["remove", ["n3"], "DELETE", "/admin/members/n3", undefined],
    ["promote", ["n3"], "POST", "/admin/members/n3/promote", undefined],
    ["replace", ["n3", "n4", "h:5004"], "POST", "/admin/members/n3/replace", { id: "n4", peer: "h:5004" }],
    [
      "configure",
      ["--voters", "n1,n2", "--learners", "n3"],
      "PUT",
      "/admin/members",
      { voters: ["n1", "n2"], learners: ["n3"] },
    ],
    ["configure", ["--voters", "n1"], "PUT", "/admin/members", { voters: ["n1"], learners: [] }],
    ["add", ["n4", "h:5004", "--force"], "POST", "/admin/members?force=1", { id: "n4", peer: "h:5004" }],
    ["remove", ["n3", "--force"], "DELETE", "/admin/members/n3?force=1", undefined],
    ["transfer", [], "POST", "/admin/transfer", {}],
    ["transfer", ["n2"], "POST", "/admin/transfer", { to: "n2" }],
  ]
  for (const [verb, words, method, path, body] of asked) {
    test(`${[verb, ...words].join(" ")} is ${method} ${path}`, async () => {
      const cluster = start(onChange(done))
      const wait = verb === "transfer" ? [] : ["--no-wait"]
      const { code, out, err } = await run(cluster, verb, ...words, ...wait)
      expect({ code, err }).toEqual({ code: 0, err: "" })
      expect(out).toBe("index  7\nterm   4")
      expect(cluster.changes.map((seen) => [seen.method, seen.path, seen.body])).toEqual([
        [method, wait.length === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}wait=0`, body],
      ])
    })
  }

  for (const [more, dryRun] of [
    [[], true],
    [["--yes"], false],
    [["--yes", "--force"], false],
  ] as const) {
    test(`recover ${more.join(" ")} is a dry run: ${dryRun} (O7)`, async () => {
      const cluster = start(onChange(() => Response.json({ lostFrom: 80, voters: ["n1", "n2"] })))
      const words = ["recover", "--voters", "n1,n2", "--url", cluster.url("n2"), ...more]
      const { code, out } = await runCommand(words)
      expect(code).toBe(0)
      expect(out).toContain("lostFrom  80\nvoters    n1, n2")
      expect(out.includes("Nothing was changed")).toBe(dryRun)
      const force = more.some((word) => word === "--force") ? { force: true } : {}
      expect(cluster.changes.map(({ node, path, body }) => ({ node, path, body }))).toEqual([
        { node: "n2", path: "/admin/reset?group=*", body: { voters: ["n1", "n2"], dryRun, ...force } },
      ])
    })
  }

  test("a group is named in every question, and a token is shown to every node", async () => {
    const cluster = start(onChange(done))
    const environment = { RAFTLET_URL: cluster.urls, RAFTLET_TOKEN: "s3cret", RAFTLET_GROUP: "orders/1" }
    const { code, out, err } = await runCommand(["transfer", "n2"], environment)
    expect(code).toBe(0)
    expect(out + err).not.toContain("s3cret")
    expect((await runCommand(["members"], environment)).code).toBe(0)
    expect(cluster.seen.map(({ path }) => path)).toEqual([
      "/admin/transfer?group=orders%2F1",
      "/admin/cluster?group=orders%2F1",
    ])
    for (const { headers } of cluster.seen) expect(headers.get("authorization")).toBe("Bearer s3cret")
  })

  test("an answer is a field a line, without JSON where a line of fields will do", async () => {
    const answer = {
      uncertain: { from: 25, to: 1025 },
      cut: [],
      goal: null,
      survivors: [
        { id: "n1", term: 4 },
        { id: "n2", term: 3 },
      ],
      aim: { voters: ["n1", "n2"], learners: [] },
      deeper: { in: { it: 1 } },
    }
    const { out } = await run(start(onChange(() => Response.json(answer))), "transfer")
    expect(out.split("\n")).toEqual([
      "uncertain  from 25, to 1,025",
      "cut        none",
      "goal       none",
      "survivors  id n1, term 4; id n2, term 3",
      "aim        voters n1, n2, learners none",
      'deeper     {"in":{"it":1}}',
    ])
  })

  test("what listens but is no node is said in words", async () => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.end(`\u0000\u0000\u0000${"?".repeat(64)}`) },
    })
    try {
      const { code, err } = await runCommand(["status", "--url", `http://127.0.0.1:${listener.port}`])
      expect({ code, err }).toMatchObject({
        code: 3,
        err: expect.stringContaining("what listens there does not speak HTTP"),
      })
    } finally {
      listener.stop(true)
    }
  })

  test("a node is given less time than the one who asks has, so that its word is heard (C3)", async () => {
    const cluster = start(onChange(done))
    await run(cluster, "transfer", "--timeout", "5")
    const [seen] = cluster.changes
    expect(Number(seen!.headers.get("raftlet-timeout-ms"))).toBeLessThanOrEqual(4800)
  })

  test("--json is the answer as it came", async () => {
    const cluster = start(onChange(() => new Response('{ "index": 7, "more":1e3 }')))
    expect((await run(cluster, "transfer", "--json")).out).toBe('{ "index": 7, "more":1e3 }')
  })
})

describe("whom it asks", () => {
  test("the next one when one is dead; --url may stand several times", async () => {
    const cluster = start(onChange(done))
    const words = [
      "transfer",
      "--url",
      cluster.url("n1"),
      "--url",
      `${cluster.url("n2")},${cluster.url("n3")}`,
    ]
    await cluster.kill("n1")
    expect((await runCommand(words)).code).toBe(0)
    expect(cluster.changes).toMatchObject([{ node: "n2" }])
  })

  test("the leader, when a node sends it there, with body and token (C3)", async () => {
    const cluster = start(({ node, method, path }) => {
      if (method === "GET") return null
      return node === "n3"
        ? done()
        : new Response(null, { status: 307, headers: { Location: cluster.url("n3") + path } })
    })
    expect((await run(cluster, "transfer", "n2", "--token", "t")).code).toBe(0)
    expect(cluster.changes).toMatchObject([{ node: "n1" }, { node: "n3", body: { to: "n2" } }])
    expect(cluster.changes[1]?.headers.get("authorization")).toBe("Bearer t")
  })

  test("nobody for ever: nodes that send each other their questions end it (C3)", async () => {
    const cluster = start(({ node, path }) => {
      const to = cluster.url(node === "n1" ? "n2" : "n1")
      return path.startsWith("/admin")
        ? new Response(null, { status: 307, headers: { Location: to + path } })
        : null
    }, 2)
    const { code, err } = await run(cluster, "transfer", "--timeout", "1")
    expect(code).toBe(3)
    expect(err).toContain("in circles")
  })
})

describe("when the answer is no", () => {
  test("for good: exit code 1, asked once, and its words", async () => {
    const cluster = start(onChange(() => problem("unknown-member", "n9 is no member", { status: 404 })))
    const { code, out, err } = await run(cluster, "remove", "n9")
    expect({ code, out, err }).toEqual({ code: 1, out: "", err: "raftlet: unknown-member: n9 is no member" })
    expect(cluster.changes.length).toBe(1)
  })

  test("a program gets the whole problem document on stdout", async () => {
    const cluster = start(onChange(() => problem("unknown-member", "n9 is no member", { status: 404 })))
    const { code, out, err } = await run(cluster, "remove", "n9", "--json")
    expect([code, err.split("\n").length]).toEqual([1, 1])
    expect(JSON.parse(out)).toMatchObject({ status: 404, code: "unknown-member", outcome: "rejected" })
  })

  test("for now: it asks again, over all nodes, until it is yes", async () => {
    const busy = problem.bind(null, "change-in-progress", "another change is under way")
    const cluster = start(
      onChange((attempt) => (attempt < 5 ? busy({ status: 409, retryable: true }) : done())),
    )
    expect((await run(cluster, "transfer")).code).toBe(0)
    expect(cluster.changes.map(({ node }) => node)).toEqual(["n1", "n2", "n3", "n1", "n2"])
  })

  test("for too long: 1 when somebody said no all the time, 3 when there was no leader", async () => {
    for (const [word, expected] of [
      ["change-in-progress", 1],
      ["overloaded", 1],
      ["no-leader", 3],
      ["shutting-down", 3],
    ] as const) {
      const cluster = start(
        onChange(() => problem(word, `it says ${word}`, { retryable: true })),
        1,
      )
      const { code, err } = await run(cluster, "transfer", "--timeout", "1")
      expect([word, code]).toEqual([word, expected])
      expect(err).toContain(`it says ${word}`)
    }
  })

  test("nobody is there: 3, and every address with its reason", async () => {
    const cluster = start()
    const { urls } = cluster
    await cluster.stop()
    const { code, out, err } = await runCommand(["members", "--url", urls, "--timeout", "1"])
    expect({ code, out }).toEqual({ code: 3, out: "" })
    for (const url of urls.split(",")) expect(err).toContain(`${url}: connection refused`)
  })

  test("text from elsewhere moves no cursor", async () => {
    const cluster = start(onChange(() => problem("forbidden", "no\u001b[2Jway\u202e", { status: 403 })))
    const { err } = await run(cluster, "transfer")
    expect(err).toBe("raftlet: forbidden: no\\u001b[2Jway\\u202e")
  })
})

describe("of groups", () => {
  const moves = [{ group: "orders", from: "n1", to: "n2", outcome: "done" }]
  const opened = [
    { group: "orders", founded: 7, isNew: true, leader: "n2" },
    { group: "bills", founded: 5, isNew: false, leader: null },
  ]
  const asked: ReadonlyArray<
    [string, ReadonlyArray<string>, string, string, unknown, object, ReadonlyArray<string>]
  > = [
    [
      "what is handed over to be even",
      ["rebalance"],
      "POST",
      "/admin/rebalance",
      { dryRun: false },
      { moves, done: true },
      ["group   from  to", "orders  n1    n2  done"],
    ],
    [
      "what would be",
      ["rebalance", "--dry-run"],
      "POST",
      "/admin/rebalance",
      { dryRun: true },
      { moves: [], done: true },
      ["leadership is even"],
    ],
    [
      "which of them are opened, and who leads them",
      ["groups", "open", "orders", "bills"],
      "POST",
      "/admin/groups",
      { groups: ["orders", "bills"] },
      { groups: opened, done: false },
      ["group   leader", "orders  n2", "bills   -       was there already"],
    ],
    [
      "which is closed",
      ["groups", "close", "orders"],
      "DELETE",
      "/admin/groups/orders",
      undefined,
      { group: "orders", isClosed: true },
      ["orders is closed"],
    ],
  ]
  for (const [what, words, method, path, body, answer, lines] of asked) {
    test(`${words.join(" ")} says ${what}`, async () => {
      const cluster = start(({ method }) => (method === "GET" ? null : Response.json(answer)))
      const { code, out, err } = await run(cluster, words[0]!, ...words.slice(1))
      expect({
        code,
        err,
        lines: out
          .trimEnd()
          .split("\n")
          .map((line) => line.trimEnd()),
      }).toEqual({
        code: 0,
        err: "",
        lines: [...lines],
      })
      expect(cluster.changes.map((seen) => [seen.method, seen.path, seen.body])).toEqual([
        [method, path, body],
      ])
    })
  }

  const place = {
    actor: "orders",
    shards: [
      { group: "orders-1", from: 0, to: 32_767 },
      { group: "orders-2", from: 32_768, to: 65_535 },
    ],
    refused: null,
  }
  const half = { actor: "orders", move: 9, from: "orders-1", to: "orders-3" }
  const given = { ...half, slots: [{ from: 16_384, to: 32_767 }] }
  const move = { id: 9, from: "orders-1", to: "orders-3", step: "copying", portions: 4 }
  const arrived = { group: "orders-3", from: 16_384, to: 32_767 }
  const doneText = "orders: slots 16384-32767 have gone from orders-1 to the new group orders-3"

  test("shards says which of them has which part of an actor, and what is on its way", async () => {
    const cluster = start(() => Response.json({ actors: [{ ...place, move }] }))
    const { code, out } = await run(cluster, "shards")
    expect(code).toBe(0)
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd()),
    ).toEqual([
      "actor   group     slots        how many  on its way",
      "orders  orders-1  0-32767        32,768  copying, 4 portions, to orders-3",
      "orders  orders-2  32768-65535    32,768  -",
    ])
    cluster.answer = () => Response.json({ actors: [] })
    expect(await run(cluster, "shards")).toMatchObject({ code: 0, out: "every actor lives in main" })
    expect(await run(cluster, "shards", "orders")).toMatchObject({ code: 0, out: "orders lives in main" })
  })

  test("shards says in which of them an instance is", async () => {
    const instance = { actor: "orders", key: "a b", slot: 7, group: "orders-1" }
    const asked: Array<string> = []
    const cluster = start(({ path }) => {
      asked.push(path)
      return Response.json({ actors: [{ ...place, move: null }], instance })
    })
    expect(await run(cluster, "shards", "orders", "a b")).toMatchObject({
      code: 0,
      out: "a b has slot 7, in the group orders-1",
    })
    expect(asked).toEqual(["/admin/shards?actor=orders&key=a%20b"])
  })

  test("split gives half of one to a new one, and looks until it is done", async () => {
    let looks = 0
    const cluster = start(({ method }) => {
      if (method === "POST") return Response.json({ ...given, done: false })
      // One that lags shows nothing of it yet.
      const shards = [...place.shards, ...(looks < 2 ? [] : [arrived])]
      const moves = [null, move, { ...move, step: "dropping", portions: null }, null]
      return Response.json({ actors: [{ ...place, shards, move: moves[looks++] }] })
    })
    const { code, out } = await run(cluster, "split", "orders", "--group", "orders-1")
    expect({ code, out, looks }).toEqual({ code: 0, out: doneText, looks: 4 })
    expect(cluster.changes.map((seen) => [seen.path, seen.body])).toEqual([
      ["/admin/shards/split", { actor: "orders", group: "orders-1" }],
    ])
    cluster.answer = () => Response.json({ ...given, done: true })
    expect(await run(cluster, "split", "orders")).toMatchObject({ code: 0, out: doneText })
    expect(cluster.changes.at(-1)!.body).toEqual({ actor: "orders" })
  })

  test("split that is refused where the keys are says why, and one that is not done in time that it goes on", async () => {
    const refused = { move: 9, reason: "an instance is in quarantine" }
    const cluster = start(({ method }) =>
      method === "POST"
        ? Response.json({ ...given, done: false })
        : Response.json({ actors: [{ ...place, move: null, refused }] }),
    )
    const said = await run(cluster, "split", "orders")
    expect(said).toMatchObject({ code: 1, err: "raftlet: nothing was moved: an instance is in quarantine" })
    cluster.answer = ({ method }) =>
      Response.json(method === "POST" ? { ...given, done: false } : { actors: [{ ...place, move }] })
    const late = await run(cluster, "split", "orders", "--timeout", "1")
    expect(late.code).toBe(4)
    expect(late.err).toContain("it goes on")
  })

  for (const [what, answer, why] of [
    [
      "that nobody takes",
      () => problem("not-ready", "n4 has to catch up.", { status: 503, retryable: true }),
      "trying again: n4 has to catch up",
    ],
    ["that nobody answers", () => Bun.sleep(6000).then(() => Response.json({})), "waiting for an answer"],
  ] as const) {
    test(`split ${what} says meanwhile what it waits for`, async () => {
      const cluster = start(({ method }) => (method === "GET" ? null : answer()))
      const progress = spyOn(process.stderr, "write").mockReturnValue(true)
      await run(cluster, "split", "orders", "--timeout", "4")
      const told = progress.mock.calls.join("")
      progress.mockRestore()
      expect(told).toContain(why)
    })
  }

  test("the list of them is a table", async () => {
    const members = { voters: ["n1", "n2"], learners: ["n3"] }
    const groups = [
      { group: "main", leader: "n1", term: 3, members },
      { group: "orders", leader: null, term: null, members: null },
      { group: "bills", leader: "n2", term: 1, members, replicas: 3, settled: false },
    ]
    const cluster = start(() => Response.json({ groups }))
    const { code, out } = await run(cluster, "groups")
    expect(code).toBe(0)
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd()),
    ).toEqual([
      "group   leader  term  voters  learners  replicas",
      "main    n1         3  n1, n2  n3        all",
      "orders  -          -  -       -         all",
      "bills   n2         1  n1, n2  n3        3, on their way",
    ])
  })
})

describe("when nobody knows (C2)", () => {
  const unknown = () =>
    problem("timeout", "no answer in time", { status: 504, outcome: "unknown", retryable: true })
  const cut = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) }))
  for (const [name, respond] of [
    ["the node does not know", unknown],
    ["a proxy answers instead", () => new Response("<h1>Bad Gateway</h1>", { status: 502 })],
    ["the connection is lost", cut],
    ["the answer is cut short", () => new Response('{"index":')],
  ] as const) {
    test(`${name}: exit code 4, and it was sent once`, async () => {
      const cluster = start(onChange(respond))
      const { code, err } = await run(cluster, "remove", "n3", "--no-wait")
      expect(code).toBe(4)
      expect(err).toContain("it may have happened")
      expect(err.split("\n").length).toBe(1)
      expect(cluster.changes.length).toBe(1)
    })

    test(`${name}, and it was a mere question: the next node is asked`, async () => {
      const cluster = start(({ node }) => (node === "n1" ? respond() : null))
      const { code, out } = await run(cluster, "members")
      expect(code).toBe(0)
      expect(out).toContain("n3  voter")
    })
  }
})

test("members is a table", async () => {
  const cluster = start()
  Object.assign(cluster.member("n2"), { state: "snapshot", lag: 12_000, lastContactMs: 3400, zone: "eu-1" })
  const { out } = await run(cluster, "members")
  const [head, n1, n2] = out.split("\n").map((line) => line.replace(/http\S+/, "URL"))
  expect(head).toBe("id  role    log          match     lag  heard  zone  peer            client")
  expect(n1).toBe("n1  leader  -              100       0  -      -     127.0.0.1:5000  URL")
  expect(n2).toBe("n2  voter   snapshot   -11,900  12,000  3 s    eu-1  127.0.0.1:5000  URL")
})

describe("snapshot", () => {
  const made = () => Response.json({ index: 90, term: 4, id: "abc", bytes: 4096 })

  test("is made on the node that is named, and nowhere else", async () => {
    const cluster = start(onChange(made))
    const { code, out } = await runCommand(["snapshot", "--url", cluster.url("n2")])
    expect({ code, out }).toEqual({ code: 0, out: "index  90\nterm   4\nid     abc\nbytes  4,096" })
    expect(cluster.changes).toMatchObject([{ node: "n2", path: "/admin/snapshot" }])
    expect((await run(cluster, "snapshot")).code).toBe(2)
    expect(cluster.changes.length).toBe(1)
  })

  test("--all is made on every member, also when one cannot", async () => {
    const cluster = start(({ node, method }) => {
      if (method === "GET") return null
      return node === "n2" ? problem("storage-full", "no room", { status: 507 }) : made()
    })
    const { code, out, err } = await run(cluster, "snapshot", "--all")
    expect(code).toBe(1)
    expect(err).toBe("raftlet: n2: storage-full: no room")
    expect(out).toBe("id  index  size\nn1     90  4.0 KiB\nn3     90  4.0 KiB")
  })
})

describe("all groups", () => {
  const answering = (groups: ReadonlyArray<object>) =>
    start((seen) => (seen.path.includes("group=*") ? Response.json({ groups }, { status: 207 }) : null))
  const sick = {
    group: "bills",
    status: 507,
    code: "storage-full",
    detail: "no room",
    outcome: "rejected",
  }

  test("a snapshot of each, on the named node; who could not is named, and ends it with 1", async () => {
    const cluster = answering([
      { group: "main", status: 200, index: 90, term: 4, id: "abc", bytes: 4096 },
      sick,
      { group: "orders", status: 200, index: 7, term: 2, id: "def", bytes: 1024 },
    ])
    for (const words of [["--all-groups"], ["--group", "*"]]) {
      const said = await runCommand(["snapshot", "--url", cluster.url("n2"), ...words])
      expect(said).toEqual({
        code: 1,
        out: "group   index  size\nmain       90  4.0 KiB\norders      7  1.0 KiB",
        err: "raftlet: bills: storage-full: no room",
      })
    }
    expect(cluster.changes.map(({ node, path }) => [node, path])).toEqual([
      ["n2", "/admin/snapshot?group=*"],
      ["n2", "/admin/snapshot?group=*"],
    ])
    expect((await runCommand(["snapshot", "--all", "--all-groups"])).code).toBe(2)
  })

  test("a transfer of each; what may have happened to any ends it with 4, and whose they are must be said", async () => {
    const late = { ...sick, code: "timeout", status: 504, outcome: "unknown", detail: "late" }
    const cluster = answering([{ group: "main", status: 200, leader: "n2", term: 5 }, late])
    const said = await run(cluster, "transfer", "n2", "--all-groups")
    expect(said).toEqual({
      code: 4,
      out: "group  leader  term\nmain   n2         5",
      err: "raftlet: bills: timeout: late",
    })
    expect(cluster.changes).toMatchObject([{ path: "/admin/transfer?group=*", body: { to: "n2" } }])
    expect((await run(cluster, "transfer", "--all-groups")).code).toBe(2)
    expect(cluster.changes).toHaveLength(1)
  })

  test("the members are a line for each", async () => {
    const words = start().clusterWords()
    const slow = words.members.map((member) => ({ ...member, lag: member.id === "n3" ? 1200 : 0 }))
    const cluster = answering([
      { group: "main", status: 200, ...words },
      { group: "orders", status: 200, ...words, leader: null, members: slow },
    ])
    const { code, out } = await run(cluster, "members", "--all-groups")
    expect({ code, out }).toEqual({
      code: 0,
      out: [
        "group   leader  term  voters      learners  furthest behind",
        "main    n1         4  n1, n2, n3         -  -",
        "orders  -          4  n1, n2, n3         -  n3, 1,200 entries",
      ].join("\n"),
    })
  })

  test("status is of all of them in any case", async () => {
    const cluster = start()
    expect((await run(cluster, "status", "--all-groups")).code).toBe(0)
    expect((await run(cluster, "status", "--group", "*")).code).toBe(0)
    expect(cluster.seen.filter(({ path }) => path.includes("group="))).toEqual([])
  })

  test("recover tells of main in full, of the others how many, and of each that cannot go on", async () => {
    const report = { done: true, uncertain: null, cut: [] }
    const lost = { uncertain: { from: 3, to: 4 }, cut: [{ id: "n2", from: 5, to: 6 }] }
    const parts = [
      { group: "main", status: 200, lostFrom: 80, ...report },
      { group: "orders", status: 200, ...report, ...lost },
      { group: "shops", status: 200, ...report },
      { group: "tills", status: 200, done: false, leader: "n1" },
      { ...sick, status: 409, code: "has-more", detail: "n2 has more in its log: ask that one." },
    ]
    const cluster = answering(parts)
    const { code, out, err } = await runCommand([
      "recover",
      "--voters",
      "n1",
      "--url",
      cluster.url("n1"),
      "--yes",
    ])
    expect(code).toBe(1)
    expect(err).toBe("raftlet: 1 of 5 groups cannot go on yet; said again it goes on with them")
    expect(out).toStartWith("lostFrom   80\n")
    expect(out.split("\n\n")[1]!.split("\n")).toEqual([
      "2 other groups are reset with it",
      "1 with a leader, left as it is",
      "orders: entries 3 to 4 kept, though perhaps never acknowledged; entries 5 to 6 of n2 given up",
      "! bills: has-more: n2 has more in its log: ask that one.",
    ])
  })
})
