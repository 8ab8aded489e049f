// Is a backup whole and checked, or not there at all? Real HTTP against fake nodes. (S9)

import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { createHash } from "node:crypto"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import type { BackupList, Platform } from "../../src/cli/Platform.ts"
import { FakeCluster, problem } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const directory = mkdtempSync(join(tmpdir(), "raftlet-backup-"))
afterAll(() => rmSync(directory, { recursive: true }))
const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const content = new Uint8Array(300_000).map((_, at) => at % 251)
const digest = createHash("sha256").update(content)
const base64 = digest.copy().digest("base64")
const hex = digest.digest("hex")

const places = { next: 1 }
/** A file in a directory of its own. */
const place = (): { readonly file: string; readonly names: () => ReadonlyArray<string> } => {
  const own = join(directory, `${places.next++}`)
  mkdirSync(own)
  return { file: join(own, "copy.db"), names: () => readdirSync(own) }
}

const start = (respond: (node: string) => Response | Promise<Response> | null): FakeCluster => {
  const cluster = new FakeCluster(2)
  cluster.answer = ({ node, path }) => (path.startsWith("/admin/backup") ? respond(node) : null)
  clusters.push(cluster)
  return cluster
}

const whole = (headers: Record<string, string> = {}) =>
  new Response(content, { headers: { "Raftlet-Node": "n1", "Raftlet-Index": "123", ...headers } })

const backup = (cluster: FakeCluster, file: string, ...more: ReadonlyArray<string>) =>
  runCommand(["backup", file, "--url", cluster.urls, ...more])

test("it is there when it is whole, and is what was sent", async () => {
  const { file, names } = place()
  const cluster = start(() => whole({ "Repr-Digest": `sha-512=:AAAA:, sha-256=:${base64}:` }))
  const { code, out, err } = await backup(cluster, file, "--group", "main")
  expect({ code, err }).toEqual({ code: 0, err: "" })
  expect(out).toBe(
    `${file}: 293.0 KiB from n1, all state of group main as of index 123\nsha-256 ${hex} (as the node said)`,
  )
  expect(names()).toEqual(["copy.db"])
  expect(Buffer.compare(readFileSync(file), content)).toBe(0)
  expect(cluster.seen).toMatchObject([{ path: "/admin/backup?group=main" }, { path: "/admin/groups" }])
})

test("it says which groups are not in it", async () => {
  const groups = ["main", "auth", "metering-1"].map((group) => ({ group, leader: "n1" }))
  const ofGroups = () => {
    const cluster = start(() => whole())
    cluster.answer = ({ path }) =>
      path.startsWith("/admin/backup") ? whole() : path === "/admin/groups" ? Response.json({ groups }) : null
    return cluster
  }
  const last = (out: string) => out.split("\n").at(-1)
  const main = await backup(ofGroups(), place().file)
  expect([main.code, last(main.out)]).toEqual([
    0,
    "not in it: the groups auth, metering-1. No cluster is made without them: --all-groups",
  ])
  const auth = await backup(ofGroups(), place().file, "--group", "auth")
  expect(auth.out).toContain("all state of group auth")
  expect(last(auth.out)).toContain("not in it: the groups main, metering-1.")
  const json = await backup(ofGroups(), place().file, "--json")
  expect(JSON.parse(json.out)).toMatchObject({ group: "main", otherGroups: ["auth", "metering-1"] })
})

test("--json says the same to a program", async () => {
  const { file } = place()
  const { out } = await backup(
    start(() => whole()),
    file,
    "--json",
  )
  expect(JSON.parse(out)).toEqual({
    ...{ file, bytes: content.length, sha256: hex, isChecked: false },
    ...{ node: "n1", index: 123, group: "main", otherGroups: [] },
  })
})

describe("of all groups", () => {
  const ofGroup = (path: string) => new URL(path, "http://n1").searchParams.get("group")
  const clusterWith = (groups: ReadonlyArray<string>, respond: (group: string) => Response | null) => {
    const cluster = start(() => null)
    cluster.answer = ({ path }) => {
      if (path === "/admin/groups") return Response.json({ groups: groups.map((group) => ({ group })) })
      const group = path.startsWith("/admin/backup") ? ofGroup(path) : null
      return group === null ? null : (respond(group) ?? copyOf(group))
    }
    return cluster
  }
  const copyOf = (group: string, clusterId = "c-1") =>
    whole({
      "Repr-Digest": `sha-256=:${base64}:`,
      "Content-Disposition": `attachment; filename="raftlet-${clusterId}-${group}-123.db"`,
    })
  const askedOf = ({ seen }: FakeCluster) =>
    seen.flatMap(({ path }) => (path.startsWith("/admin/backup") ? [ofGroup(path)] : []))
  const sealing = (...problems: ReadonlyArray<string | null>) => {
    const sealed: Array<{ readonly names: ReadonlyArray<string>; readonly list: BackupList }> = []
    const seal = (draft: string, list: BackupList) => {
      sealed.push({ names: readdirSync(draft).sort(), list })
      return Effect.succeed(problems[sealed.length - 1] ?? null)
    }
    return { sealed, seal }
  }
  const set = (cluster: FakeCluster, file: string, seal: Platform["seal"], ...more: ReadonlyArray<string>) =>
    runCommand(["backup", file, "--all-groups", "--url", cluster.urls, ...more], {}, undefined, { seal })

  test("each is in the directory, main was the last, and it appears when they fit", async () => {
    const { file, names } = place()
    const cluster = clusterWith(["main", "topic", "Auth"], () => null)
    const { sealed, seal } = sealing()
    const { code, out } = await set(cluster, file, seal)
    expect(code).toBe(0)
    expect(out.split("\n")[0]).toBe(`${file}: 878.9 KiB, all 3 groups of the cluster c-1`)
    expect(askedOf(cluster)).toEqual(["Auth", "topic", "main"])
    expect(names()).toEqual(["copy.db"])
    expect(readdirSync(file).sort()).toEqual(["+auth.db", "main.db", "topic.db"])
    expect(sealed).toMatchObject([
      {
        names: ["+auth.db", "main.db", "topic.db"],
        list: { clusterId: "c-1", groups: [{ group: "Auth", file: "+auth.db", sha256: hex }, {}, {}] },
      },
    ])
    const told = JSON.parse((await set(cluster, place().file, seal, "--json")).out)
    expect(told).toMatchObject({ clusterId: "c-1", groups: [{ group: "Auth", index: 123 }, {}, {}] })
  })

  test("they are all taken again when they do not fit, three times at the most", async () => {
    const first = place()
    const cluster = clusterWith(["main", "auth"], () => null)
    const again = await set(cluster, first.file, sealing("keys of a are on their way").seal)
    expect([again.code, askedOf(cluster)]).toEqual([0, ["auth", "main", "auth", "main"]])
    const second = place()
    const never = await set(cluster, second.file, sealing("x is so", "y is so", "z is so").seal)
    expect(never).toMatchObject({ code: 1, err: "raftlet: taken 3 times, and each time z is so" })
    expect(second.names()).toEqual([])
  })

  test("nothing is there when one cannot be had, or is another cluster's", async () => {
    const refusing = clusterWith(["main", "auth", "topic"], (group) =>
      group === "topic" ? problem("forbidden", "not you", { status: 403 }) : null,
    )
    const { file, names } = place()
    const { seal, sealed } = sealing()
    const refusedBy = await set(refusing, file, seal)
    expect(refusedBy).toMatchObject({ code: 1, err: "raftlet: the group topic: forbidden: not you" })
    const mixed = clusterWith(["main", "auth"], (group) => (group === "main" ? copyOf("main", "c-2") : null))
    expect(await set(mixed, file, seal)).toMatchObject({
      code: 2,
      err: "raftlet: --url: these nodes are of two clusters, c-1 and c-2",
    })
    const wild = clusterWith(["main", "../../etc"], () => null)
    expect((await set(wild, file, seal)).code).toBe(1)
    expect([names(), sealed]).toEqual([[], []])
  })

  test("it takes no other thing's place", async () => {
    const { file } = place()
    const cluster = clusterWith(["main"], () => null)
    const { seal } = sealing()
    writeFileSync(file, "mine")
    expect((await set(cluster, file, seal)).err).toBe(`raftlet: FILE: ${file} is not a directory`)
    const full = join(file, "..")
    expect((await set(cluster, full, seal)).err).toContain("is there already, and not empty")
    expect((await set(cluster, `${full}/new`, seal, "--force")).code).toBe(2)
    expect((await set(cluster, `${full}/none/new`, seal)).code).toBe(2)
    expect(cluster.seen).toEqual([])
    mkdirSync(`${full}/empty`)
    expect((await set(cluster, `${full}/empty`, seal)).code).toBe(0)
  })
})

describe("when it does not come whole nothing is there", () => {
  /** Says how much will come, and sends less. */
  const cutShort = (): Response => {
    const parts = [content.slice(0, 100_000)]
    const stream = new ReadableStream({
      pull: (controller) => {
        const part = parts.shift()
        if (part === undefined) controller.error(new Error("cut"))
        else controller.enqueue(part)
      },
    })
    return new Response(stream, { headers: { "Content-Length": String(content.length) } })
  }
  for (const [name, respond, expected, words] of [
    [
      "what came is not what was sent",
      () => whole({ "Repr-Digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:` }),
      1,
      "is not what was sent",
    ],
    ["the connection is lost", cutShort, 3, "connection was lost after"],
    ["no", () => problem("forbidden", "not you", { status: 403 }), 1, "forbidden: not you"],
  ] as const) {
    test(name, async () => {
      const { file, names } = place()
      const { code, out, err } = await backup(start(respond), file)
      expect({ code, out, names: names() }).toEqual({ code: expected, out: "", names: [] })
      expect(err).toContain(words)
    })
  }

  test("a disk that is full: exit code 1", async () => {
    const { file, names } = place()
    symlinkSync("/dev/full", `${file}.part`)
    const { code, err } = await backup(
      start(() => whole()),
      file,
    )
    expect([code, err.split("\n").length, names()]).toEqual([1, 1, []])
    expect(err).toContain("ENOSPC")
  })

  test("an interruption: exit code 130", async () => {
    const { file, names } = place()
    const started = Promise.withResolvers<void>()
    const cluster = start(
      () =>
        new Response(
          new ReadableStream({
            start: (controller) => {
              controller.enqueue(content)
              started.resolve()
            },
          }),
        ),
    )
    const program = join(import.meta.dir, "fakeProgram.ts")
    const child = Bun.spawn([process.execPath, program, "backup", file, "--url", cluster.urls], {
      stdout: "pipe",
      stderr: "pipe",
    })
    try {
      await started.promise
      while (!names().includes("copy.db.part")) await Bun.sleep(5)
      child.kill("SIGTERM")
      expect(await child.exited).toBe(130)
      expect(names()).toEqual([])
    } finally {
      child.kill("SIGKILL")
    }
  })
})

test("the next node is asked when one cannot", async () => {
  const { file } = place()
  const cluster = start((node) =>
    node === "n1" ? problem("not-ready", "not yet", { retryable: true }) : whole(),
  )
  expect((await backup(cluster, file)).code).toBe(0)
})

test("a file that is there is kept, and with --force it is replaced by a whole one only", async () => {
  const { file, names } = place()
  writeFileSync(file, "the old one")
  const kept = await backup(
    start(() => whole()),
    file,
  )
  expect([kept.code, kept.err]).toEqual([
    2,
    `raftlet: FILE: ${file} is there already; say another, or --force`,
  ])
  const wrong = { "Repr-Digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:` }
  expect(
    (
      await backup(
        start(() => whole(wrong)),
        file,
        "--force",
      )
    ).code,
  ).toBe(1)
  expect(readFileSync(file, "utf8")).toBe("the old one")
  writeFileSync(`${file}.part`, "what an earlier one left when its machine lost power, longer or not")
  expect(
    (
      await backup(
        start(() => whole()),
        file,
        "--force",
      )
    ).code,
  ).toBe(0)
  expect(names()).toEqual(["copy.db"])
  expect(Buffer.compare(readFileSync(file), content)).toBe(0)
})
