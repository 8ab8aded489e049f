// Does nothing come to be active that nobody has read, and is everything said that must be known for it? Real HTTP
// against fake nodes. (CONTRACT §1, §3)

import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import type { Asking } from "../../src/cli/Asker.ts"
import { FakeCluster, problem, type Seen } from "./FakeCluster.ts"
import { runCommand } from "./runCommand.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const directory = mkdtempSync(join(tmpdir(), "raftlet-deploy-"))
afterAll(() => rmSync(directory, { recursive: true }))
const clusters: Array<FakeCluster> = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop()
})

const fileOf = (name: string, text: string): string => {
  const file = join(directory, name)
  mkdirSync(join(file, ".."), { recursive: true })
  writeFileSync(file, text)
  return file
}
const till = fileOf("till.ts", 'import { Schema } from "effect"\nexport default Schema.Int')

const versionA = "a".repeat(24)
const versionB = "b".repeat(24)
const same = { added: [], removed: [], changed: [] }
const planned = {
  actor: "till",
  from: { version: versionA, declared: 1 } as object | null,
  to: { version: versionB, declared: 2 },
  commands: { added: ["refund"], removed: ["old"], changed: [{ name: "pay", what: ["input", "output"] }] },
  queries: same,
  stateChanged: true,
  states: {
    checked: 2,
    of: 1204,
    isCutShort: false,
    failed: 0,
    failures: [] as Array<object>,
    withoutStep: [],
  },
  replay: {
    commands: 2,
    same: 1,
    isCutShort: false,
    different: [{ key: "a", command: "pay", index: 12, before: "accepted: 4", after: "accepted: 400" }],
  },
  rollback: { possible: true, withoutStep: [] },
  hindrances: [] as ReadonlyArray<string>,
  isForcible: false,
  token: "T0ken",
}
const hindrance = "1 of 2 stored states do not fit version 2"
const hindered = {
  ...planned,
  states: {
    ...planned.states,
    failed: 1,
    failures: [{ key: "a\u001b[2J", code: "incompatible-state", message: "It does not fit." }],
  },
  hindrances: [hindrance],
  isForcible: true,
}
const brandNew = { ...planned, from: null, states: { ...planned.states, of: 0, checked: 0 } }
const quarantine = {
  key: "a/1",
  version: versionB,
  command: "hang",
  input: { n: 1 },
  truncated: false,
  fault: "deadline",
  detail: "it computed for 1500 ms",
  index: 33,
  at: 1_700_000_000_000,
  revision: 3,
  by: "n2",
  voided: false,
}
const row = {
  by: "n1",
  source: "upload",
  index: 3,
  at: 1_700_000_000_000,
  bytes: 2048,
  commands: [],
  queries: [],
}
const actors = {
  actors: [
    {
      name: "till",
      active: versionB,
      previous: versionA,
      activatedAt: 28,
      suspendedSince: null as number | null,
      versions: [
        { version: versionA, declared: 1, instances: 4, ...row },
        { version: versionB, declared: 2, instances: 1200, ...row },
      ],
      offers: { n1: { version: versionB, declared: 2 }, n3: { version: versionA, declared: 1 } },
      quarantined: [quarantine],
      quarantinedCount: 1,
    },
  ],
}
const switched = { actor: "till", active: versionB, previous: versionA, changed: true, index: 1234 }

const start = (
  plan: object = planned,
  instead: (seen: Seen) => Response | null = () => null,
): FakeCluster => {
  const cluster = new FakeCluster(2)
  clusters.push(cluster)
  cluster.answer = (seen) => {
    const verb = seen.path.split("?")[0]!.split("/").at(-1)
    const answered = instead(seen)
    if (answered !== null) return answered
    switch (verb) {
      case "actors":
        return Response.json(actors)
      case "versions":
        return Response.json({
          actor: "till",
          version: versionB,
          declared: 2,
          known: false,
          commands: [],
          queries: [],
          index: 9,
        })
      case "plan":
        return Response.json(plan)
      case "activate":
      case "rollback":
        return Response.json(switched)
      case "repair":
        return Response.json({ actor: "till", key: "a", how: "before", revision: 3, index: 40 })
      default:
        return null
    }
  }
  return cluster
}

const run = (cluster: FakeCluster, words: ReadonlyArray<string>, person?: Asking) =>
  runCommand([...words, "--url", cluster.urls], {}, person)
const asked = (cluster: FakeCluster) =>
  cluster.changes.map(({ path }) => path.replace("/admin/actors/till/", ""))

/** Somebody at a terminal who says this to every question. */
const person = (answer: boolean, questions: Array<string> = []): Asking => ({
  isThere: true,
  ask: (question) =>
    Effect.sync(() => {
      questions.push(question)
      return answer
    }),
})

describe("deploy", () => {
  test("uploads a bundle, shows what it would change, and without anybody to ask says how to go on: exit code 6", async () => {
    const cluster = start()
    const { code, out, err } = await run(cluster, ["deploy", till])
    expect(code).toBe(6)
    expect(asked(cluster)).toEqual(["versions", "plan"])
    expect(cluster.changes.map(({ body }) => body)).toEqual([
      { bundle: expect.stringContaining("raftlet-host:effect") },
      { version: versionB },
    ])
    expect(out.split("\n")).toEqual([
      "till: version 1 (aaaaaaaaaaaa) → version 2 (bbbbbbbbbbbb)",
      "",
      "commands  + refund  - old  ~ pay (input and output)",
      "queries   the same",
      "state     of another shape",
      "stored    2 of 1,204 states checked: all fit",
      "replay    2 commands of the log run by both: 1 comes to something else",
      "rollback  possible at any time",
      "",
      "commands of the log that come to something else:",
      "index  key  command  now          then",
      "   12  a    pay      accepted: 4  accepted: 400",
      "",
      "nothing is in its way",
      "",
      "Nothing was switched. Say to do it:",
      "",
      `  raftlet activate till T0ken --url ${cluster.urls}`,
    ])
    expect(err.split("\n")).toEqual([
      "till: version 2 (bbbbbbbbbbbb) is uploaded",
      "raftlet: till was planned and not switched; it is for you to decide",
    ])
  })

  test("asks whoever is there, and does what is said", async () => {
    const questions: Array<string> = []
    const yes = start()
    const done = await run(yes, ["deploy", till], person(true, questions))
    expect(done.code).toBe(0)
    expect(questions).toEqual(["Switch till to version 2 (bbbbbbbbbbbb)?"])
    expect(asked(yes)).toEqual(["versions", "plan", "activate"])
    expect(yes.changes.at(-1)?.body).toEqual({ token: "T0ken" })
    expect(done.out).toEndWith(
      "\n\ntill: bbbbbbbbbbbb is active from entry 1,234 on; a rollback leads to aaaaaaaaaaaa",
    )
    const no = start()
    expect((await run(no, ["deploy", till], person(false))).code).toBe(6)
    expect(asked(no)).toEqual(["versions", "plan"])
  })

  test("--yes asks nobody, and neither does an actor that is new", async () => {
    for (const [plan, words] of [
      [planned, ["--yes"]],
      [brandNew, []],
    ] as const) {
      const cluster = start(plan)
      const { code, out } = await run(cluster, ["deploy", till, ...words])
      expect(code).toBe(0)
      expect(asked(cluster)).toEqual(["versions", "plan", "activate"])
      if (plan === brandNew)
        expect(out).toStartWith("till: new, version 2 (bbbbbbbbbbbb)\n\ncommands  + refund")
    }
  })

  test("what is in the way is said, and nobody is asked, not even with --yes: exit code 1", async () => {
    const cluster = start(hindered)
    const { code, out, err } = await run(cluster, ["deploy", till, "--yes"], person(true))
    expect(code).toBe(1)
    expect(asked(cluster)).toEqual(["versions", "plan"])
    expect(out).toContain(
      "stored states that do not fit:\nkey         why\na\\u001b[2J  incompatible-state: It does not fit.\n",
    )
    expect(out).toEndWith(`\n\n! ${hindrance}`)
    expect(err).toEndWith(`raftlet: till: version 2 (bbbbbbbbbbbb) cannot be switched on: ${hindrance}`)
  })

  test("what is active already is left alone: exit code 0", async () => {
    const cluster = start({ ...planned, from: planned.to, commands: same, stateChanged: false })
    const { code, out } = await run(cluster, ["deploy", till], person(true))
    expect(code).toBe(0)
    expect(asked(cluster)).toEqual(["versions", "plan"])
    expect(out).toStartWith("till: version 2 (bbbbbbbbbbbb), which is active already\n")
  })

  test("what its definition says in vain is told with the plan", async () => {
    const { out } = await run(start({ ...planned, notes: ["it lives in till-1"] }), [
      "deploy",
      till,
      "--plan",
    ])
    expect(out.split("\n")[1]).toBe("note: it lives in till-1")
  })

  test("--plan sends the code to be looked at and uploads nothing", async () => {
    const cluster = start()
    expect((await run(cluster, ["deploy", till, "--plan"], person(true))).code).toBe(0)
    expect(asked(cluster)).toEqual(["plan"])
    expect(Object.keys(cluster.changes[0]?.body as object)).toEqual(["bundle"])
    expect((await run(start(hindered), ["deploy", till, "--plan"])).code).toBe(1)
  })

  test("--json is one document, and asks nobody", async () => {
    const cluster = start()
    const { code, out } = await run(cluster, ["deploy", till, "--json"], person(true))
    expect(code).toBe(6)
    expect(JSON.parse(out)).toMatchObject({ uploaded: { version: versionB }, plan: planned, activated: null })
    const done = await run(start(), ["deploy", till, "--json", "--yes"])
    expect([done.code, JSON.parse(done.out).activated]).toEqual([0, switched])
    const plan = await run(start(), ["deploy", till, "--json", "--plan"])
    expect(JSON.parse(plan.out)).toEqual(planned)
  })

  test("the name is the file's, the folder's, or the one that is said", async () => {
    const cluster = start()
    const folder = fileOf("shop/index.ts", "export default 1")
    await run(cluster, ["deploy", join(folder, ".."), "--plan"])
    await run(cluster, ["deploy", folder, "--plan"])
    await run(cluster, ["deploy", till, "--name", "kiosk", "--plan"])
    expect(cluster.changes.map(({ path }) => path)).toEqual([
      "/admin/actors/shop/plan",
      "/admin/actors/shop/plan",
      "/admin/actors/kiosk/plan",
    ])
  })

  test("an upload is sent again when its answer is lost: the same code is the same version", async () => {
    let times = 0
    const cluster = start(planned, ({ path }) =>
      path.endsWith("/versions") && ++times === 1
        ? new Response("<h1>Bad Gateway</h1>", { status: 502 })
        : null,
    )
    expect((await run(cluster, ["deploy", till, "--yes"])).code).toBe(0)
    expect(asked(cluster)).toEqual(["versions", "versions", "plan", "activate"])
  })

  test("a switch whose answer is lost is not sent again: exit code 4, and where to look", async () => {
    const cluster = start(planned, ({ path }) =>
      path.endsWith("/activate") ? new Response("", { status: 502 }) : null,
    )
    const { code, err } = await run(cluster, ["deploy", till, "--yes"])
    expect(code).toBe(4)
    expect(err).toContain("see `raftlet actors` before you try again")
    expect(asked(cluster)).toEqual(["versions", "plan", "activate"])
  })

  test.each([
    [
      "host",
      'import { readFileSync } from "node:fs"\nexport default readFileSync',
      "line 1 imports node:fs: reducers reach nothing but",
    ],
    ["syntax", "export default {", "line 1: Expected identifier"],
    ["missing", 'import a from "./nowhere.ts"\nexport default a', "Could not resolve"],
  ])(
    "code that cannot be bundled is one line, exit code 2, and nobody is asked: %s",
    async (name, text, reason) => {
      const cluster = start()
      const { code, out, err } = await run(cluster, ["deploy", fileOf(`${name}.ts`, text)])
      expect([code, out, err.split("\n").length]).toEqual([2, "", 1])
      expect(err).toContain(reason)
      expect(cluster.seen).toEqual([])
    },
  )

  test.each([
    [[join(directory, "none.ts")], "there is no such file"],
    [[directory], "neither a .ts or .js file nor a folder with an index"],
    [[fileOf("notes.md", "# notes")], "neither a .ts or .js file nor a folder with an index"],
    [[fileOf("1st.ts", "export default 1")], '"1st" is no name for an actor'],
    [[till, "--name", "$actor"], '"$actor" is no name for an actor'],
    [[], "Missing"],
  ])("a wrong command line is one line, and exit code 2: %j", async (words, reason) => {
    const { code, err } = await runCommand(["deploy", ...words])
    expect([code, err.split("\n").length]).toEqual([2, 1])
    expect(err).toContain(reason)
  })

  test("what the cluster says against the code is its own words: exit code 1", async () => {
    const cluster = start(planned, ({ path }) =>
      path.endsWith("/versions")
        ? problem("invalid-input", "The code cannot be used: it has no default export.", { status: 400 })
        : null,
    )
    const { code, err } = await run(cluster, ["deploy", till])
    expect({ code, err }).toEqual({
      code: 1,
      err: "raftlet: invalid-input: The code cannot be used: it has no default export.",
    })
  })
})

describe("plan and activate", () => {
  test("plan is of the latest version, or of one by how its id begins", async () => {
    const cluster = start()
    const { code, out } = await run(cluster, ["plan", "till"])
    expect(code).toBe(0)
    expect(out).toEndWith(`nothing is in its way\n\n  raftlet activate till T0ken --url ${cluster.urls}`)
    await run(cluster, ["plan", "till", "--to", "aaa"])
    expect(cluster.changes.map(({ body }) => body)).toEqual([{}, { version: versionA }])
    const unknown = await run(cluster, ["plan", "till", "--to", "c"])
    expect([unknown.code, unknown.err]).toEqual([
      1,
      "raftlet: not-found: till has no version c; see `raftlet actors till`",
    ])
    expect((await run(cluster, ["plan", "till", "--to", ""])).code).toBe(0)
    expect((await run(start(hindered), ["plan", "till"])).code).toBe(1)
    expect(JSON.parse((await run(cluster, ["plan", "till", "--json"])).out)).toEqual(planned)
  })

  test("activate gives the plan's token, and asks nobody", async () => {
    const cluster = start()
    const { code, out } = await run(cluster, ["activate", "till", "T0ken"], person(false))
    expect(code).toBe(0)
    expect(cluster.changes).toMatchObject([{ path: "/admin/actors/till/activate", body: { token: "T0ken" } }])
    expect(out).toBe("till: bbbbbbbbbbbb is active from entry 1,234 on; a rollback leads to aaaaaaaaaaaa")
    const again = start(planned, ({ path }) =>
      path.endsWith("/activate") ? Response.json({ ...switched, changed: false }) : null,
    )
    expect((await run(again, ["activate", "till", "T0ken"])).out).toBe(
      "till: bbbbbbbbbbbb was active already",
    )
  })
})

describe("rollback", () => {
  test("plans the way back, asks, and goes by that plan alone", async () => {
    const cluster = start()
    const { code } = await run(cluster, ["rollback", "till"], person(true))
    expect(code).toBe(0)
    expect(cluster.changes.map(({ path, body }) => [path, body])).toEqual([
      ["/admin/actors/till/plan", { version: versionA }],
      ["/admin/actors/till/rollback", { token: "T0ken" }],
    ])
  })

  test("without anybody to ask says how to go on: exit code 6", async () => {
    const cluster = start()
    const { code, out } = await run(cluster, ["rollback", "till"])
    expect(code).toBe(6)
    expect(asked(cluster)).toEqual(["plan"])
    expect(out).toEndWith(`\n\n  raftlet rollback till --to ${versionA} --yes --url ${cluster.urls}`)
  })

  test("is hindered, unless it is forced", async () => {
    const cluster = start(hindered)
    expect((await run(cluster, ["rollback", "till", "--yes"])).code).toBe(1)
    expect(asked(cluster)).toEqual(["plan"])
    expect((await run(cluster, ["rollback", "till", "--to", "a", "--yes", "--force"])).code).toBe(0)
    expect(asked(cluster)).toEqual(["plan", "plan", "rollback?force=1"])
  })

  test("is not offered where force does not help: exit code 1", async () => {
    const cluster = start({ ...hindered, isForcible: false })
    const { code, err } = await run(cluster, ["rollback", "till", "--to", "a", "--force"])
    expect(code).toBe(1)
    expect(err).toContain(hindrance)
    expect(asked(cluster)).toEqual(["plan"])
  })

  test("to what is active already changes nothing: exit code 0", async () => {
    const cluster = start({ ...planned, from: planned.to })
    expect((await run(cluster, ["rollback", "till", "--to", "b", "--yes"])).code).toBe(0)
    expect(asked(cluster)).toEqual(["plan"])
  })

  test("has somewhere to go to, and an actor", async () => {
    const alone = { actors: [{ ...actors.actors[0], previous: null }] }
    const cluster = start(planned, ({ path }) => (path === "/admin/actors" ? Response.json(alone) : null))
    const { code, err } = await run(cluster, ["rollback", "till"])
    expect([code, err]).toEqual([1, "raftlet: till: no version was active before this one; say --to"])
    expect((await run(start(), ["rollback", "nobody"])).err).toContain('There is no actor "nobody".')
  })
})

describe("actors", () => {
  test("is a table, with nodes whose files differ", async () => {
    const { code, out } = await run(start(), ["actors"])
    expect(code).toBe(0)
    expect(out.split("\n")).toEqual([
      "actor  active        number  since  versions  instances  by version          quarantined  other files",
      "till   bbbbbbbbbbbb       2     28         2      1,204  1,200 by 2, 4 by 1            1  n3",
    ])
    const suspended = { actors: [{ ...actors.actors[0], suspendedSince: 33 }] }
    const cluster = start(planned, ({ path }) => (path === "/admin/actors" ? Response.json(suspended) : null))
    expect((await run(cluster, ["actors"])).out).toContain("1, suspended")
    expect((await run(cluster, ["actors", "till"])).out).toContain("! suspended since entry 33")
    const none = start(planned, ({ path }) =>
      path === "/admin/actors" ? Response.json({ actors: [] }) : null,
    )
    expect((await run(none, ["actors"])).out).toContain("there are no actors yet")
    expect(JSON.parse((await run(start(), ["actors", "--json"])).out)).toEqual(actors)
  })

  test("of one tells its versions, and its instances in quarantine with what they were run with", async () => {
    const { out } = await run(start(), ["actors", "till"])
    expect(out.split("\n")).toEqual([
      "till: version 2 (bbbbbbbbbbbb) is active since entry 28; a rollback leads to aaaaaaaaaaaa",
      "",
      "   version                   number  from         registered                size     instances",
      `   ${versionA}       1  n1 (upload)  2023-11-14T22:13:20.000Z  2.0 KiB          4`,
      `*  ${versionB}       2  n1 (upload)  2023-11-14T22:13:20.000Z  2.0 KiB      1,200`,
      "",
      "note: n3 has version 1 (aaaaaaaaaaaa) in its actors directory",
      "",
      "1 in quarantine; `raftlet repair till KEY` brings them out:",
      "key  since  command  input    because of  detail",
      'a/1     33  hang     {"n":1}  deadline    it computed for 1500 ms',
    ])
    const [till] = actors.actors
    const held = { actors: [{ ...till, quarantined: [{ ...quarantine, voided: true }] }] }
    const { out: voided } = await run(
      start(planned, ({ path }) => (path === "/admin/actors" ? Response.json(held) : null)),
      ["actors", "till"],
    )
    expect(voided).toContain("deadline, voided  it computed")
    expect(voided).toContain("only with `--force` it is dropped")
    expect(JSON.parse((await run(start(), ["actors", "till", "--json"])).out)).toMatchObject({ name: "till" })
    expect((await run(start(), ["actors", "nobody"])).code).toBe(1)
  })
})

describe("repair", () => {
  const state = fileOf("state.json", '{"cents":5}')
  test.each([
    [["--with", "before"], { with: "before" }],
    [["--with", "rerun"], { with: "rerun" }],
    [["--with", "state", "--state", '{"cents":5}'], { with: "state", state: { cents: 5 } }],
    [["--with", "state", "--state", `@${state}`], { with: "state", state: { cents: 5 } }],
    [["--with", "state", "--state", "null"], { with: "state", state: null }],
  ])("%j asks for it once, and the key may hold anything", async (words, body) => {
    const cluster = start()
    const { code, out } = await run(cluster, ["repair", "till", "a/ü", ...words])
    expect([code, out.split("\n")[0]]).toEqual([0, "actor     till"])
    expect(cluster.changes.map(({ path, body }) => [path, body])).toEqual([
      ["/admin/actors/till/instances/a%2F%C3%BC/repair", body],
    ])
  })

  test("asks for what may have been acknowledged to be dropped with --force alone", async () => {
    const cluster = start()
    await run(cluster, ["repair", "till", "a", "--with", "before", "--force"])
    expect(cluster.changes.map(({ path }) => path)).toEqual(["/admin/actors/till/instances/a/repair?force=1"])
  })

  test.each([
    [["till"], "Missing"],
    [["", "a", "--with", "before"], "ACTOR"],
    [["till", "", "--with", "before"], "KEY"],
    [["till", "a"], "--with"],
    [["till", "a", "--with", "magic"], "--with"],
    [["till", "a", "--with", "state"], "--state"],
    [["till", "a", "--with", "before", "--state", "{}"], "--state"],
    [["till", "a", "--with", "state", "--state", "{"], "--state"],
    [["till", "a", "--with", "state", "--state", "@/nowhere/at/all"], "cannot be read"],
  ])("a wrong command line is one line, and exit code 2: %j", async (words, said) => {
    const { code, out, err } = await runCommand(["repair", ...words])
    expect([code, out, err.split("\n").length]).toEqual([2, "", 1])
    expect(err).toContain(said)
  })
})

describe("an actor that lives in many groups", () => {
  const groups = ["till-1", "till-2", "till-3"]
  const spreadPlan = {
    ...planned,
    groups,
    divided: [{ group: "till-1", active: versionB }],
    states: {
      ...planned.states,
      failed: 1,
      failures: [{ group: "till-2", key: "a", code: "incompatible-state", message: "It does not fit." }],
    },
    replay: {
      ...planned.replay,
      different: [{ group: "till-3", ...planned.replay.different[0] }],
    },
  }
  const spreadActors = (more: object = {}) => ({
    actors: [
      {
        ...actors.actors[0],
        groups,
        divided: [],
        versions: actors.actors[0]!.versions.map((row) => ({ ...row, missingIn: [] })),
        quarantined: [{ ...quarantine, group: "till-2" }],
        ...more,
      },
    ],
    silent: [] as ReadonlyArray<object>,
  })
  const listing = (body: object) =>
    start(planned, ({ path }) => (path === "/admin/actors" ? Response.json(body) : null))

  test("is planned with its groups, and with the group of everything that is told", async () => {
    const { out } = await run(start(spreadPlan), ["plan", "till"])
    expect(out).toStartWith(
      "till: version 1 (aaaaaaaaaaaa) → version 2 (bbbbbbbbbbbb) in 3 groups, till-1 to till-3\n" +
        "active elsewhere: till-1 bbbbbbbbbbbb\n",
    )
    expect(out).toContain("group   key  why\ntill-2  a    incompatible-state: It does not fit.\n")
    expect(out).toContain("till-3     12  a    pay      accepted: 4  accepted: 400")
  })

  test("is switched in all of them, and a switch that stops half-way is gone on with until it is done", async () => {
    const told = () =>
      problem("partly-switched", "till-2 did not switch: Nobody leads.", {
        status: 409,
        outcome: "unknown",
        retryable: true,
      })
    let attempts = 0
    const cluster = start(planned, ({ path }) =>
      path.endsWith("/activate") && ++attempts < 3 ? told() : null,
    )
    const answer = cluster.answer
    const { index: _, ...several } = switched
    const entries = groups.map((group) => ({
      group,
      active: versionB,
      previous: null,
      changed: true,
      index: 7,
    }))
    cluster.answer = (seen) =>
      seen.path.endsWith("/activate") && attempts >= 2
        ? Response.json({ ...several, groups: entries })
        : answer(seen)
    const { code, out } = await run(cluster, ["activate", "till", "T0ken"])
    expect({ code, out }).toEqual({
      code: 0,
      out: "till: bbbbbbbbbbbb is active in 3 groups, till-1 to till-3; a rollback leads to aaaaaaaaaaaa",
    })
    expect(asked(cluster)).toEqual(["activate", "activate", "activate"])
  })

  test("is switched in part when time is up: exit code 1, and the node's words", async () => {
    const cluster = start(planned, ({ path }) =>
      path.endsWith("/activate")
        ? problem("partly-switched", "till-2 did not.", { status: 409, outcome: "unknown", retryable: true })
        : null,
    )
    const { code, err } = await run(cluster, ["activate", "till", "T0ken", "--timeout", "1"])
    expect({ code, err }).toEqual({ code: 1, err: "raftlet: partly-switched: till-2 did not." })
  })

  test("is listed with its groups; what differs between them, and who does not answer, is said", async () => {
    const { out } = await run(listing(spreadActors()), ["actors"])
    expect(out.split("\n").map((line) => line.split(/ {2,}/).at(-1))).toEqual(["groups", "till-1 to till-3"])
    const divided = spreadActors({
      divided: [{ group: "till-3", active: null }],
      versions: actors.actors[0]!.versions.map((row) => ({ ...row, missingIn: ["till-3"] })),
    })
    const silent = { ...divided, silent: [{ group: "till-2", code: "no-leader", detail: "Nobody leads." }] }
    const all = await run(listing(silent), ["actors"])
    expect(all.out).toContain("till-1 to till-3, divided")
    expect(all.out).toEndWith("\n! group till-2 is missing here: Nobody leads.")
    const one = (await run(listing(divided), ["actors", "till"])).out
    expect(one).toContain("it lives in 3 groups, till-1 to till-3")
    expect(one).toContain("! in till-3 no version is active")
    expect(one).toContain("! bbbbbbbbbbbb is missing in till-3: upload it once more")
    expect(one).not.toContain("! aaaaaaaaaaaa is missing")
    expect(one).toContain("\ntill-2  a/1  ")
  })

  test("goes back to no version that is not the one before in all of them, unless it is said which", async () => {
    const divided = spreadActors({ divided: [{ group: "till-3", active: versionA }] })
    const cluster = listing(divided)
    const { code, err } = await run(cluster, ["rollback", "till", "--yes"])
    expect({ code, err }).toEqual({
      code: 1,
      err: "raftlet: till: its groups have different versions active; say --to",
    })
    expect(cluster.changes).toEqual([])
  })
})
