// Is a wrong word one clear line and exit code 2, never a stack trace, and nothing done? (CONTRACT §1, O5)

import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ConfigProvider, Console, Effect } from "effect"
import { failed } from "../../src/cli/CliFailure.ts"
import { runCli } from "../../src/cli/main.ts"
import { nodeOptions } from "../../src/cli/nodeCommand.ts"
import type { NodeOptions, Platform, Remembered } from "../../src/cli/Platform.ts"

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
  const platform: Platform = {
    version: "9.8.7",
    program: ["false"],
    remembered: () => Effect.succeed(remembered),
    isHeld: () => Effect.succeed(false),
    runNode: (options) => {
      started.push(options)
      return Effect.fail(failed("the node has ended"))
    },
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
  return { code, out: out.join("\n"), err: err.join("\n"), started }
}

const first = ["--id", "n1", "--cluster", "n1=127.0.0.1:5901,n2=127.0.0.1:5902", "--listen", "127.0.0.1:4901"]
const node = (...args: ReadonlyArray<string>) => ["node", "--data", data, ...args]
const replaced = (flag: string, value: string) =>
  node(...first.map((word, at) => (first[at - 1] === flag ? value : word)))

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
  ["an address without a port", replaced("--listen", "127.0.0.1"), "--listen"],
  ["port 0", replaced("--listen", "127.0.0.1:0"), "--listen"],
  ["port 65536", replaced("--listen", "127.0.0.1:65536"), "65536"],
  ["a port with letters", replaced("--listen", "127.0.0.1:40o1"), "--listen"],
  ["a client port that is the peer port", replaced("--listen", "127.0.0.1:5901"), "peer"],
  ["a reserve without a number", node(...first, "--disk-reserve", "much"), "--disk-reserve"],
  ["a reserve that holds no vote", node(...first, "--disk-reserve", "63KiB"), "64KiB"],
  ["no nodes", ["cluster", "--nodes", "0"], "--nodes"],
  ["a hundred nodes", ["cluster", "--nodes", "100"], "--nodes"],
  ["half a node", ["cluster", "--nodes", "1.5"], "--nodes"],
  ["a cluster port beyond the last", ["cluster", "--port", "99999"], "--port"],
  ["a cluster port without room for the peers", ["cluster", "--port", "65000", "--actors", actors], "--port"],
  ["actors that are nowhere", ["cluster", "--actors", join(directory, "none")], "--actors"],
  ["an import without a file", ["import-access-log"], "file"],
  ["a file that is not there", ["import-access-log", join(directory, "none.log")], "none.log"],
  ["a directory for a file", ["import-access-log", directory], "directory"],
  ["a URL that is none", ["import-access-log", "x", "--url", "127.0.0.1"], "--url"],
  ["one bad URL of two", ["import-access-log", "x", "--url", "http://h:1,ftp://h:2"], "ftp"],
  ["a URL with a path", ["import-access-log", "x", "--url", "http://h:1/propose"], "--url"],
  ["no patience", ["import-access-log", "x", "--patience", "0"], "--patience"],
]

describe("a wrong word is one line and exit code 2 (CONTRACT §1, O5)", () => {
  for (const [name, args, words] of wrong) {
    test(name, async () => {
      const { code, out, err, started } = await run(args)
      expect(err).toStartWith("raftlet: ")
      expect(err.split("\n").length).toBe(1)
      expect(err).toContain(words)
      expect({ code, out, started }).toEqual({ code: 2, out: "", started: [] })
    })
  }
})

test("--help tells every flag with its variable, and examples (CONTRACT §1)", async () => {
  for (const [command, words] of [
    ["cluster", ["--nodes", "RAFTLET_NODES", "--fresh", "EXAMPLES"]],
    ["node", ["--cluster-id", "RAFTLET_CLUSTER_ID", "--insecure", "RAFTLET_INSECURE", "EXAMPLES"]],
    ["import-access-log", ["FILE", "--url", "RAFTLET_URL", "EXAMPLES"]],
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
      listen: { host: "127.0.0.1", port: 4901 },
      peerListen: { host: "127.0.0.1", port: 5901 },
      data,
      actors,
      insecure: false,
      diskReserveBytes: null,
      startOptions: {
        cluster: "n1=127.0.0.1:5901,n2=127.0.0.1:5902",
        listen: "127.0.0.1:4901",
        actors,
        insecure: false,
      },
    },
  ])
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
      { id, cluster, listen: "h:1", data, actors: null, clusterId: null, insecure: false, diskReserve: null },
      null,
    ).clusterId
  expect(idOf("n1", "n1=a:5,n2=b:5@b:4")).toBe(idOf("n2", "n2=b:5,n1=a:5"))
  expect(idOf("n1", "n1=a:5,n2=b:5")).not.toBe(idOf("n1", "n1=a:5,n2=b:6"))
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
