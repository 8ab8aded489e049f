// Is a wrong word one clear line and exit code 2, never a stack trace, and nothing done? (CONTRACT §1, O5)

import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ConfigProvider, Console, Effect } from "effect"
import { failed } from "../../src/cli/CliFailure.ts"
import { runCli } from "../../src/cli/main.ts"
import { nodeOptions } from "../../src/cli/nodeCommand.ts"
import type { NodeOptions, Platform, Remembered, RestoreOptions } from "../../src/cli/Platform.ts"

const directory = mkdtempSync(join(tmpdir(), "raftlet-cli-"))
const data = join(directory, "data")
const actors = join(directory, "actors")
mkdirSync(actors)
afterAll(() => rmSync(directory, { recursive: true }))

/** Runs a command line, with a node that ends at once. */
const run = async (
  args: ReadonlyArray<string>,
  remembered: Remembered | null = null,
  environment: Record<string, string> = {},
) => {
  const out: Array<string> = []
  const err: Array<string> = []
  const started: Array<NodeOptions> = []
  const restored: Array<RestoreOptions> = []
  const platform: Platform = {
    version: "9.8.7",
    program: ["false"],
    remembered: () => Effect.succeed(remembered),
    isHeld: () => Effect.succeed(false),
    runNode: (options) => {
      started.push(options)
      return Effect.fail(failed("the node has ended"))
    },
    restore: (options) => {
      restored.push(options)
      const main = { group: "main", index: 1234, term: 5, digest: "ab", instances: 1000, timers: 2 }
      const auth = { group: "auth", index: 7, term: 2, digest: "cd", instances: 3, timers: 0 }
      return Effect.succeed({
        clusterId: "r-1",
        groups: options.file.endsWith(".db") ? [main] : [main, auth],
        parts: options.file.startsWith("part")
          ? [{ actor: "wallet", instances: 47, slots: 16384, slotsInAll: 65536 }]
          : [],
      })
    },
    seal: () => Effect.fail(failed("nobody takes backups here")),
  }
  const console = {
    ...globalThis.console,
    log: (...words: ReadonlyArray<unknown>) => void out.push(words.join(" ")),
    error: (...words: ReadonlyArray<unknown>) => void err.push(words.join(" ")),
  }
  const code = await Effect.runPromise(
    runCli(args, platform).pipe(
      Effect.provideService(Console.Console, console),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment })),
    ),
  )
  return { code, out: out.join("\n"), err: err.join("\n"), started, restored }
}

const first = ["--id", "n1", "--cluster", "n1=127.0.0.1:5901,n2=127.0.0.1:5902", "--listen", "127.0.0.1:4901"]
const node = (...args: ReadonlyArray<string>) => ["node", "--data", data, ...args]
const restore = (...args: ReadonlyArray<string>) => ["restore", "b.db", "--data", data, ...args]
const replaced = (flag: string, value: string) =>
  node(...first.map((word, at) => (first[at - 1] === flag ? value : word)))

/** A new node that asks a running cluster; nobody listens at port 1. */
const joining = ["--id", "n4", "--join", "http://127.0.0.1:1", "--listen", "h:4", "--peer-listen", "h:5"]
const joined = (flag: string, ...instead: ReadonlyArray<string>) => {
  const at = joining.indexOf(flag)
  return node(...joining.slice(0, at), ...instead, ...joining.slice(at + 2))
}

const wrong: ReadonlyArray<[string, ReadonlyArray<string>, string]> = [
  ["an unknown command", ["frobnicate"], "frobnicate"],
  ["an unknown flag", node("--frob", "1"), "--frob"],
  ["a word too many", ["cluster", "extra"], "extra"],
  ["a flag without its value", ["cluster", "--nodes"], "--nodes"],
  ["a node without a directory", ["node"], "--data"],
  ["a new node without an id", node(), "--id"],
  ["a new node without a cluster", node("--id", "n1"), "--cluster"],
  ["a new node without an address", node(...first.slice(0, 4)), "--listen"],
  ["an id with a slash", replaced("--id", "a/b"), "--id"],
  ["an id that is not in the cluster", replaced("--id", "n9"), "n9"],
  ["a cluster without a peer port", replaced("--cluster", "n1=127.0.0.1"), "--cluster"],
  ["a cluster that names a node twice", replaced("--cluster", "n1=h:1,n1=h:2"), "twice"],
  ["a cluster with one address for two", replaced("--cluster", "n1=h:1,n2=h:1"), "share"],
  ["a member that is everywhere", replaced("--cluster", "n1=0.0.0.0:5901"), "nobody else could reach"],
  [
    "a member that serves clients everywhere",
    replaced("--cluster", "n1=h:1@[::]:4"),
    "nobody else could reach",
  ],
  ["an address without a port", replaced("--listen", "127.0.0.1"), "--listen"],
  ["port 0", replaced("--listen", "127.0.0.1:0"), "--listen"],
  ["port 65536", replaced("--listen", "127.0.0.1:65536"), "65536"],
  ["a port with letters", replaced("--listen", "127.0.0.1:40o1"), "--listen"],
  ["a client port that is the peer port", replaced("--listen", "127.0.0.1:5901"), "peer"],
  ["a cluster to begin and one to join", node(...joining, "--cluster", "n4=h:5"), "give one of them"],
  ["a URL to join that is none", joined("--join", "--join", "h:1"), "--join"],
  ["a URL to join with a path", joined("--join", "--join", "http://h:1/admin"), "--join"],
  ["one bad URL to join of two", joined("--join", "--join", "http://h:1,ftp://h"), "ftp"],
  ["a cluster to join that does not answer", node(...joining), "http://127.0.0.1:1"],
  ["a reserve without a number", node(...first, "--disk-reserve", "much"), "--disk-reserve"],
  ["a reserve that holds no vote", node(...first, "--disk-reserve", "63KiB"), "64KiB"],
  ["no thread", node(...first, "--threads", "0"), "--threads"],
  ["half a thread", node(...first, "--threads", "1.5"), "--threads"],
  ["more threads than there are", node(...first, "--threads", "33"), "from 1 to 32"],
  ["no nodes", ["cluster", "--nodes", "0"], "--nodes"],
  ["a hundred nodes", ["cluster", "--nodes", "100"], "--nodes"],
  ["half a node", ["cluster", "--nodes", "1.5"], "--nodes"],
  ["a cluster port beyond the last", ["cluster", "--port", "99999"], "--port"],
  ["a cluster port without room for the peers", ["cluster", "--port", "65000", "--actors", actors], "--port"],
  ["actors that are nowhere", ["cluster", "--actors", join(directory, "none")], "--actors"],
  ["a restore without a file", ["restore", "--data", data], "file"],
  ["a restore without a directory", ["restore", "b.db"], "--data"],
  ["a restored id with a slash", restore("--id", "a/b"), "--id"],
  ["one of three restored without an id", restore(...first.slice(2, 4)), "--id ID"],
  ["a restored id that is not in the cluster", restore("--id", "n9", ...first.slice(2, 4)), "n9"],
  ["a restored cluster without a peer port", restore("--cluster", "n1=h"), "--cluster"],
  ["a cluster's name with a space", restore("--cluster-name", "a b"), "--cluster-name"],
  ["an import without a file", ["import-access-log"], "file"],
  ["a file that is not there", ["import-access-log", join(directory, "none.log")], "none.log"],
  ["a directory for a file", ["import-access-log", directory], "directory"],
  ["a URL that is none", ["import-access-log", "x", "--url", "127.0.0.1"], "--url"],
  ["one bad URL of two", ["import-access-log", "x", "--url", "http://h:1,ftp://h:2"], "ftp"],
  ["a URL with a path", ["import-access-log", "x", "--url", "http://h:1/propose"], "--url"],
  ["no patience", ["import-access-log", "x", "--patience", "0"], "--patience"],
  ["an unknown verb", ["stauts"], "stauts"],
  ["status of a node without a scheme", ["status", "--url", "127.0.0.1:4001"], "--url"],
  ["one bad URL among several flags", ["status", "--url", "http://h:1", "--url", "h:2"], "h:2"],
  ["no time", ["members", "--timeout", "0"], "--timeout"],
  ["a token with a line break", ["members", "--token", "a\nb"], "--token"],
  ["a new node without its peer port", ["add", "n4"], "peer"],
  ["a new node with half an address", ["add", "n4", "127.0.0.1"], "PEER"],
  ["a new node with a bad name", ["add", "n/4", "h:1"], "ID"],
  ["a client address that is no URL", ["add", "n4", "h:1", "--client", "h:2"], "--client"],
  ["nobody to remove", ["remove"], "id"],
  ["a node in its own place", ["replace", "n1", "n1", "h:1"], "own place"],
  ["a configuration without voters", ["configure", "--learners", "n1"], "--voters"],
  ["a wait without patience", ["remove", "n1", "--patience", "x"], "--patience"],
  ["a transfer to nobody of this world", ["transfer", "n 1"], "ID"],
  ["a log from before its beginning", ["log", "--from", "-1"], "--from"],
  ["a log of nothing", ["log", "--limit", "0"], "--limit"],
  ["a backup to nowhere", ["backup"], "file"],
  ["a backup into a directory", ["backup", directory], "directory"],
  ["a backup beside nothing", ["backup", join(directory, "none", "x.db")], "none"],
  ["survivors that nobody named", ["recover"], "--voters"],
  [
    "survivors without a choice",
    ["recover", "--voters", "n1", "--url", "http://h:1,http://h:2"],
    "one survivor",
  ],
]

describe("a wrong word is one line and exit code 2 (CONTRACT §1, O5)", () => {
  for (const [name, args, words] of wrong) {
    test(name, async () => {
      const { code, out, err, started, restored } = await run(args)
      expect(err).toStartWith("raftlet: ")
      expect(err.split("\n").length).toBe(1)
      expect(err).toContain(words)
      expect({ code, out, started, restored }).toEqual({ code: 2, out: "", started: [], restored: [] })
    })
  }
})

test("--help tells every flag with its variable, and examples (CONTRACT §1)", async () => {
  for (const [command, words] of [
    ["cluster", ["--nodes", "RAFTLET_NODES", "--fresh", "EXAMPLES"]],
    ["node", ["--cluster-id", "RAFTLET_CLUSTER_ID", "--insecure", "RAFTLET_INSECURE", "EXAMPLES"]],
    ["restore", ["FILE", "--cluster-name", "RAFTLET_CLUSTER_NAME", "EXAMPLES"]],
    ["import-access-log", ["FILE", "--url", "RAFTLET_URL", "EXAMPLES"]],
    ["status", ["--url", "RAFTLET_URL", "--token", "RAFTLET_TOKEN", "--watch", "Exit codes: 0", "EXAMPLES"]],
    ["members", ["--json", "Exit codes: 0", "EXAMPLES"]],
    ["add", ["ID", "PEER", "--learner", "--no-wait", "--patience", "Exit codes: 0", "EXAMPLES"]],
    ["remove", ["ID", "Exit codes: 0", "EXAMPLES"]],
    ["promote", ["ID", "Exit codes: 0", "EXAMPLES"]],
    ["replace", ["OLD", "NEW", "PEER", "Exit codes: 0", "EXAMPLES"]],
    ["configure", ["--voters", "--learners", "Exit codes: 0", "EXAMPLES"]],
    ["transfer", ["ID", "Exit codes: 0", "EXAMPLES"]],
    ["snapshot", ["--all", "--timeout", "Exit codes: 0", "EXAMPLES"]],
    ["log", ["--from", "--limit", "--follow", "Exit codes: 0", "EXAMPLES"]],
    ["backup", ["FILE", "--force", "Exit codes: 0", "EXAMPLES"]],
    ["split", ["ACTOR", "(default: 60)", "Exit codes: 0", "EXAMPLES"]],
    ["shards", ["(default: 10)", "Exit codes: 0", "EXAMPLES"]],
    ["recover", ["--voters", "--yes", "Exit codes: 0", "EXAMPLES"]],
  ] as const) {
    const { code, out, err } = await run([command, "--help"])
    expect({ code, err }).toEqual({ code: 0, err: "" })
    for (const word of words) expect(out).toContain(word)
    expect(out).not.toContain("stop-with-parent")
  }
  expect((await run(["--help"])).out).toContain("import-access-log")
  expect((await run(["--version"])).out).toContain("9.8.7")
})

test("no command at all is help, and still not what was meant", async () => {
  const { code, out } = await run([])
  expect(code).toBe(2)
  expect(out).toContain("SUBCOMMANDS")
})

test("a first start gives the node all it needs, and what to remember", async () => {
  const { code, err, started } = await run(node(...first, "--actors", actors))
  expect({ code, err }).toEqual({ code: 1, err: "raftlet: the node has ended" })
  expect(started).toEqual([
    {
      id: "n1",
      clusterId: expect.stringMatching(/^c-[0-9a-f]{32}$/),
      cluster: {
        n1: { peer: "127.0.0.1:5901", client: "" },
        n2: { peer: "127.0.0.1:5902", client: "" },
      },
      contacts: {
        n1: { peer: "127.0.0.1:5901", client: "" },
        n2: { peer: "127.0.0.1:5902", client: "" },
      },
      hasNewContacts: false,
      join: null,
      peer: "127.0.0.1:5901",
      client: "http://127.0.0.1:4901",
      listen: { host: "127.0.0.1", port: 4901 },
      peerListen: { host: "127.0.0.1", port: 5901 },
      data,
      actors,
      insecure: false,
      diskReserveBytes: null,
      threads: 1,
      zone: null,
      startOptions: {
        cluster: "n1=127.0.0.1:5901,n2=127.0.0.1:5902",
        listen: "127.0.0.1:4901",
        actors,
        insecure: false,
      },
    },
  ])
})

test("a node that listens everywhere is known to clients by what --cluster says, or not at all", async () => {
  const clientOf = async (...words: ReadonlyArray<string>) =>
    (await run(node(...words, "--id", "n1", "--listen", "0.0.0.0:4901"))).started[0]!.client
  expect(await clientOf("--cluster", "n1=h:5@h:4,n2=h:6")).toBe("http://h:4")
  expect(await clientOf("--cluster", "n1=h:5,n2=h:6")).toBe("")
})

describe("a node that has run before (CONTRACT §1)", () => {
  const remembered: Remembered = {
    identity: { clusterId: "c-1", nodeId: "n1" },
    startOptions: {
      cluster: "n1=h1:5001@h1:4001,n2=[::1]:5001",
      listen: "h1:4001",
      actors: "/srv/actors",
      insecure: true,
    },
  }

  test("starts again with --data alone", async () => {
    const { started } = await run(node(), remembered)
    expect(started).toMatchObject([
      {
        id: "n1",
        clusterId: "c-1",
        cluster: {
          n1: { peer: "h1:5001", client: "http://h1:4001" },
          n2: { peer: "[::1]:5001", client: "" },
        },
        listen: { host: "h1", port: 4001 },
        actors: "/srv/actors",
        insecure: true,
        startOptions: remembered.startOptions,
      },
    ])
  })

  test("takes new addresses, and remembers them", async () => {
    const { started } = await run(node("--listen", "h1:4444"), remembered)
    expect(started).toMatchObject([{ listen: { port: 4444 }, startOptions: { listen: "h1:4444" } }])
  })

  test("is found by clients where it listens, or where it was told that they find it", async () => {
    const at = async (options: Remembered, ...args: ReadonlyArray<string>) =>
      (await run(node(...args), options)).started[0]!
    expect((await at(remembered)).client).toBe("http://h1:4001")
    const told = await at(remembered, "--client", "https://n1.example:443/")
    expect(told.client).toBe("https://n1.example")
    const { startOptions } = told
    const again = await at({ ...remembered, startOptions }, "--listen", "127.0.0.1:4444")
    expect([again.client, again.listen.port]).toEqual(["https://n1.example", 4444])
    for (const wrong of ["h1:4001", "http://h1:4001/x", "http://h1:1,http://h2:1"]) {
      const { code, err } = await run(node("--client", wrong), remembered)
      expect([code, err]).toEqual([2, expect.stringContaining("--client: ")])
    }
  })

  test("knows where the others have moved from what it was told last, and for which addresses that stands in", async () => {
    const told = await run(node("--cluster", "n1=h1:5001@h1:4001,n2=h2:5009"), remembered)
    expect(told.started).toMatchObject([{ hasNewContacts: true, contacts: { n2: { peer: "h2:5009" } } }])
    const insteadOf = JSON.stringify({ n1: "h1:5001", n2: "[::1]:5001" })
    const cluster = told.started[0]!.startOptions.cluster!
    const again: Remembered = {
      ...remembered,
      startOptions: { ...remembered.startOptions, cluster, insteadOf },
    }
    const { started } = await run(node(), again)
    expect(started).toMatchObject([{ hasNewContacts: false, startOptions: { cluster, insteadOf } }])
    expect(started[0]!.contacts).toEqual({
      n1: { peer: "h1:5001", client: "http://h1:4001", insteadOf: "h1:5001" },
      n2: { peer: "h2:5009", client: "", insteadOf: "[::1]:5001" },
    })
    expect((await run(node(), remembered)).started[0]!.contacts).toEqual({})
  })

  test("keeps as much of its disk as it was told", async () => {
    for (const [text, bytes] of [
      ["65536", 65_536],
      ["64KiB", 65_536],
      ["3MiB", 3_145_728],
      ["1GiB", 1_073_741_824],
    ] as const) {
      const { started } = await run(node("--disk-reserve", text), remembered)
      expect(started).toMatchObject([{ diskReserveBytes: bytes, startOptions: { diskReserve: text } }])
      const { startOptions } = started[0]!
      expect((await run(node(), { ...remembered, startOptions })).started).toMatchObject([
        { diskReserveBytes: bytes },
      ])
    }
  })

  test("stands in the zone that it was told, and at later starts", async () => {
    const { started } = await run(node("--zone", "eu-1a"), remembered)
    expect(started).toMatchObject([{ zone: "eu-1a", startOptions: { zone: "eu-1a" } }])
    const startOptions = { ...remembered.startOptions, zone: "eu-1a" }
    expect((await run(node(), { ...remembered, startOptions })).started).toMatchObject([{ zone: "eu-1a" }])
    expect((await run(node("--zone", "eu 1"), remembered)).code).not.toBe(0)
  })

  test("has as many threads as it was told", async () => {
    const { started } = await run(node("--threads", "3"), remembered)
    expect(started).toMatchObject([{ threads: 3, startOptions: { threads: "3" } }])
    const { startOptions } = started[0]!
    expect((await run(node(), { ...remembered, startOptions })).started).toMatchObject([{ threads: 3 }])
    expect((await run(node("--threads", "1"), { ...remembered, startOptions })).started).toMatchObject([
      { threads: 1 },
    ])
  })

  test("is nobody else, and of no other cluster", async () => {
    const other = await run(node("--id", "n2"), remembered)
    expect([other.code, other.err]).toEqual([2, `raftlet: --id: ${data} belongs to n1, not to n2`])
    const foreign = await run(node("--cluster-id", "c-2"), remembered)
    expect([foreign.code, foreign.started.length]).toEqual([2, 0])
  })
})

test("nodes that are given the same members make the same cluster id, in whatever order (M14)", () => {
  const idOf = (id: string, cluster: string) =>
    nodeOptions(
      {
        id,
        cluster,
        listen: "h:1",
        client: null,
        data,
        actors: null,
        clusterId: null,
        join: null,
        peerListen: null,
        learner: false,
        insecure: false,
        diskReserve: null,
        threads: null,
        zone: null,
      },
      null,
    ).clusterId
  expect(idOf("n1", "n1=a:5,n2=b:5@b:4")).toBe(idOf("n2", "n2=b:5,n1=a:5"))
  expect(idOf("n1", "n1=a:5,n2=b:5")).not.toBe(idOf("n1", "n1=a:5,n2=b:6"))
})

describe("a node that joins a running cluster (CONTRACT §1)", () => {
  const members = [{ id: "n1", peer: "h1:5001", client: "http://h1:4001", role: "voter" }]
  const contacts = { n1: { peer: "h1:5001", client: "http://h1:4001" } }

  /** A member that says who is there. */
  const member = async (use: (url: string) => Promise<void>) => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => Response.json({ clusterId: "c-7", leader: "n1", members }),
    })
    try {
      await use(`http://127.0.0.1:${server.port}`)
    } finally {
      await server.stop(true)
    }
  }

  test("learns the cluster's id and members from the first URL that answers, and remembers whom it asked", () =>
    member(async (url) => {
      const urls = `http://127.0.0.1:1,${url}`
      const { err, started } = await run(joined("--join", "--join", urls))
      expect(err).toBe("raftlet: the node has ended")
      expect(started).toMatchObject([
        {
          id: "n4",
          clusterId: "c-7",
          cluster: {},
          contacts,
          join: { urls: urls.split(","), role: "voter", anyway: true },
          peer: "h:5",
          peerListen: { host: "h", port: 5 },
          startOptions: { join: urls, "peer-listen": "h:5", learner: false, listen: "h:4" },
        },
      ])
      expect(started[0]!.startOptions).not.toHaveProperty("cluster")
      const learner = await run([...joined("--join", "--join", url), "--learner"])
      expect(learner.started).toMatchObject([{ join: { role: "learner" }, startOptions: { learner: true } }])
    }))

  test("needs an id, its addresses, and two ports of its own", () =>
    member(async (url) => {
      const asking = joined("--join", "--join", url)
      for (const [flag, words] of [
        ["--id", "--id ID is missing"],
        ["--listen", "--listen HOST:PORT is missing"],
        ["--peer-listen", "--peer-listen HOST:PORT is missing"],
      ] as const) {
        const at = asking.indexOf(flag)
        const { code, err, started } = await run(
          asking.filter((_, place) => place !== at && place !== at + 1),
        )
        expect({ code, started }).toEqual({ code: 2, started: [] })
        expect(err).toContain(words)
        expect(err.split("\n").length).toBe(1)
      }
      const shared = await run([...asking, "--peer-listen", "h:4"].filter((word) => word !== "h:5"))
      expect([shared.code, shared.started]).toEqual([2, []])
      const everywhere = await run([...asking.filter((word) => word !== "h:5"), "0.0.0.0:5"])
      expect([everywhere.code, everywhere.started]).toEqual([2, []])
      expect(everywhere.err).toContain("--peer-listen: nobody else could reach")
      const foreign = await run([...asking, "--cluster-id", "a b"])
      expect([foreign.code, foreign.started]).toEqual([2, []])
      const other = await run([...asking, "--cluster-id", "c-8"])
      expect([other.code, other.started]).toEqual([2, []])
      expect(other.err).toBe("raftlet: --cluster-id: --join leads to cluster c-7, not to c-8")
    }))

  const remembered = (join: string): Remembered => ({
    identity: { clusterId: "c-7", nodeId: "n4" },
    startOptions: {
      join,
      "peer-listen": "h:5",
      learner: true,
      listen: "h:4",
      actors: "/srv",
      insecure: false,
    },
  })

  test("starts again with --data alone, whoever answers: it knows more than they could tell", async () => {
    const alone = await run(node(), remembered("http://127.0.0.1:1"))
    expect(alone.started).toMatchObject([
      {
        id: "n4",
        clusterId: "c-7",
        contacts: {},
        join: { urls: ["http://127.0.0.1:1"], role: "learner", anyway: false },
        peerListen: { host: "h", port: 5 },
        startOptions: remembered("http://127.0.0.1:1").startOptions,
      },
    ])
    await member(async (url) => {
      expect((await run(node(), remembered(url))).started).toMatchObject([{ contacts }])
    })
  })

  test("asks anew when it is told to join and nobody knows it, or when it has moved", () =>
    member(async (url) => {
      const anyway = async (known: Remembered, ...words: ReadonlyArray<string>) =>
        (await run(node(...words), known)).started[0]!.join?.anyway
      expect(await anyway(remembered(url), "--join", url)).toBe(true)
      // The machine was only started again: what an operator has removed stays removed.
      expect(await anyway(remembered(url))).toBe(false)
      expect(await anyway(remembered(url), "--peer-listen", "h:5")).toBe(false)
      expect(await anyway(remembered(url), "--peer-listen", "h:6")).toBe(true)
      const n1: Remembered = { ...remembered(url), identity: { clusterId: "c-7", nodeId: "n1" } }
      expect(await anyway(n1, "--join", url)).toBe(false)
      const other: Remembered = { ...remembered(url), identity: { clusterId: "c-8", nodeId: "n4" } }
      expect(await anyway(other, "--join", url)).toBe(false)
    }))

  test("asks others when it is told to, and is of no other cluster", () =>
    member(async (url) => {
      const other = await run(node("--join", url), remembered("http://127.0.0.1:1"))
      expect(other.started).toMatchObject([{ join: { urls: [url] }, startOptions: { join: url } }])
      // Who answers at the address is of another cluster: the node is what its data says.
      const mine: Remembered = { ...remembered(url), identity: { clusterId: "c-8", nodeId: "n4" } }
      expect((await run(node(), mine)).started).toMatchObject([{ clusterId: "c-8", contacts: {} }])
    }))
})

describe("restore", () => {
  test("of one group of an actor that has several says so aloud", async () => {
    const { code, out, err } = await run(["restore", "part.db", "--data", data])
    expect(code).toBe(0)
    expect(out).not.toContain("wallet")
    expect(err).toStartWith(
      "! part.db holds 47 instances of wallet, those of one of its groups (16,384 of 65,536 slots): the other groups of wallet are not in it",
    )
    expect(err).toContain("backup DIR --all-groups")
  })

  const idOf = async (fileHash: string, ...args: ReadonlyArray<string>) =>
    (await run(restore(...args))).restored[0]!.clusterIdOf(fileHash)

  test("makes one node alone, unless it is told more, and says what it made and what comes next", async () => {
    const { code, out, err, restored } = await run(restore())
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(restored).toMatchObject([
      {
        file: "b.db",
        data,
        id: "n1",
        cluster: { n1: { peer: "127.0.0.1:5001", client: "" } },
        startOptions: { cluster: "n1=127.0.0.1:5001" },
      },
    ])
    expect(out.split("\n")).toEqual([
      "b.db: index 1234, term 5, 1,000 instances, 2 timers",
      "state hash ab",
      `${data} is n1 of the new cluster r-1`,
      `start it: ./bunw run node --data ${data} --listen HOST:PORT`,
    ])
    const three = await run(restore("--id", "n2", "--cluster", "n1=h:1,n2=h:2,n3=h:3"))
    expect(three.restored).toMatchObject([{ id: "n2", startOptions: { cluster: "n1=h:1,n2=h:2,n3=h:3" } }])
    expect(three.out).toContain("restore n1, n3 as well, with the same FILE and --cluster\n")
    const named = await run(restore("--id", "n7"))
    expect(named.restored).toMatchObject([{ id: "n7", cluster: { n7: { peer: "127.0.0.1:5001" } } }])
  })

  test("says of each group what it made", async () => {
    const { out } = await run(["restore", "backups", "--data", data])
    expect(out.split("\n").slice(0, 5)).toEqual([
      "backups: 2 groups",
      "group  index  term  instances  timers  state hash",
      "main   1,234     5      1,000       2  ab",
      "auth       7     2          3       0  cd",
      `${data} is n1 of the new cluster r-1`,
    ])
  })

  test("what it remembers starts the node with no more than its address", async () => {
    const { restored } = await run(restore("--id", "n2", "--cluster", "n1=h:1,n2=h:2"))
    const remembered = {
      identity: { clusterId: "r-1", nodeId: "n2" },
      startOptions: restored[0]!.startOptions,
    }
    expect((await run(node("--listen", "h:9"), remembered)).started).toMatchObject([
      { id: "n2", clusterId: "r-1", peerListen: { host: "h", port: 2 }, listen: { host: "h", port: 9 } },
    ])
  })

  test("gives all members the same new cluster id, and another one for another file, members or name (O6, M14)", async () => {
    const [n1, n2] = [
      await idOf("aa", "--id", "n1", "--cluster", "n1=a:5,n2=b:5@b:4"),
      await idOf("aa", "--id", "n2", "--cluster", "n2=b:5,n1=a:5"),
    ]
    expect(n1).toBe(n2)
    const others = [
      await idOf("ab", "--id", "n1", "--cluster", "n1=a:5,n2=b:5"),
      await idOf("aa", "--id", "n1", "--cluster", "n1=a:5,n2=b:6"),
      await idOf("aa", "--id", "n1", "--cluster", "n1=a:5,n2=b:5", "--cluster-name", "drill"),
      (await run(node("--id", "n1", "--cluster", "n1=a:5,n2=b:5", "--listen", "h:1"))).started[0]!.clusterId,
    ]
    expect(new Set([n1, ...others]).size).toBe(5)
  })
})

test("the environment stands in for flags, and flags outrank it (CONTRACT §1)", async () => {
  const environment = {
    RAFTLET_ID: "n2",
    RAFTLET_CLUSTER: "n1=127.0.0.1:5901,n2=127.0.0.1:5902",
    RAFTLET_LISTEN: "127.0.0.1:4902",
    RAFTLET_DATA: data,
    RAFTLET_INSECURE: "true",
    RAFTLET_ACTORS: "",
  }
  expect((await run(["node"], null, environment)).started).toMatchObject([
    { id: "n2", listen: { port: 4902 }, insecure: true, data, actors: join(process.cwd(), "actors") },
  ])
  expect((await run(["node", "--id", "n1"], null, environment)).started).toMatchObject([{ id: "n1" }])
  const wrongWords = await run(["node"], null, { ...environment, RAFTLET_LISTEN: "nowhere" })
  expect([wrongWords.code, wrongWords.err.split("\n").length]).toEqual([2, 1])
  const neither = await run(["node"], null, { ...environment, RAFTLET_INSECURE: "perhaps" })
  expect([neither.code, neither.err.split("\n").length]).toEqual([2, 1])
  expect(neither.err).toContain("RAFTLET_INSECURE")
})

describe("--fresh deletes what a cluster has left, and nothing else (O5)", () => {
  test("not in a directory that holds something else", async () => {
    const home = join(directory, "home")
    mkdirSync(join(home, "n1"), { recursive: true })
    writeFileSync(join(home, "letter.txt"), "dear")
    const { code, err } = await run(["cluster", "--fresh", "--data", home, "--actors", actors])
    expect(code).toBe(2)
    expect(err).toContain("letter.txt")
    expect(readdirSync(home).sort()).toEqual(["letter.txt", "n1"])
  })
})
