// Can an operator bring in code, plan, switch on and back, and repair, and is everything else refused before a log
// hears of it? (CONTRACT §3 Admin, H1–H4)

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { bundleSource, codeBytesMax } from "../../src/machine/bundle.ts"
import { encodeSystem } from "../../src/machine/system/commands.ts"
import { type Deploying, makeDeploying, till } from "./deploying.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { problemOf } from "./problems.ts"

/** Every answer is held against the published document. */
const describedNode = async (instead: Parameters<typeof makeDeploying>[0] = {}) => {
  const node = makeDeploying(instead)
  const document = await documentOf(node.ask)
  const tell = async (response: Response, verb: string) => {
    const path =
      verb === "repair"
        ? "/admin/actors/{name}/instances/{key}/repair"
        : `/admin/actors/{name}/${verb.split("?")[0]}`
    await expectDescribed(document, path, "POST", response)
    return response
  }
  const post = async (verb: string, body: unknown, headers = {}) =>
    tell(await node.post(`/admin/actors/till/${verb}`, body, headers), verb)
  const done = async (verb: string, body: unknown) => bodyOf(await post(verb, body))
  const refused = async (verb: string, body: unknown) => problemOf(await post(verb, body))
  const list = async () => {
    const response = await node.ask("/admin/actors")
    await expectDescribed(document, "/admin/actors", "GET", response)
    return ((await bodyOf(response)) as { readonly actors: ReadonlyArray<Record<string, unknown>> }).actors
  }
  const pay = async (euros: number, key = "a") => {
    const response = await node.post(`/propose/till/${key}/pay`, { euros })
    return response.status === 200
      ? ((await bodyOf(response)) as { readonly result: number }).result
      : response
  }
  const repair = async (key: string, body: unknown, switches = "") => {
    const path = `/admin/actors/till/instances/${encodeURIComponent(key)}/repair${switches}`
    return tell(await node.post(path, body), "repair")
  }
  /** Uploads, plans and activates. */
  const deploy = async (source: string) => {
    const { version } = await done("versions", { source })
    const { token } = await done("plan", { version })
    await done("activate", { token })
    return `${version}`
  }
  return { ...node, post, done, refused, list, pay, repair, deploy, raw: node.post }
}

const bodyOf = async (response: Response): Promise<Record<string, unknown>> => {
  if (response.status !== 200) throw new Error(await response.text())
  return (await response.json()) as Record<string, unknown>
}

const { first, second } = till()

describe("code that comes in", () => {
  test("is there afterwards, and nothing runs it until it is switched on", async () => {
    const node = await describedNode()
    expect(await node.list()).toEqual([])
    const uploaded = await node.done("versions", { source: first })
    expect(uploaded).toMatchObject({
      actor: "till",
      declared: 1,
      known: false,
      commands: ["hang", "old", "pay"],
    })
    expect(await node.list()).toMatchObject([
      { name: "till", active: null, versions: [{ version: uploaded.version, source: "upload", by: "n1" }] },
    ])
    expect(await problemOf((await node.pay(1)) as Response)).toMatchObject({ code: "unknown-actor" })
  })

  test("is the same as text of a file, as a source and as a bundle, and known the second time without an entry", async () => {
    const node = await describedNode()
    const { code } = await Effect.runPromise(bundleSource({ name: "till", source: first }))
    const asText = await node.post("versions", first, { "content-type": "text/typescript; charset=utf-8" })
    const { version } = await bodyOf(asText)
    const entries = node.machine.log.length
    expect(asText.headers.get("raftlet-index")).toBe(`${entries}`)
    expect(await node.done("versions", { source: first })).toMatchObject({ version, known: true })
    expect(await node.done("versions", { bundle: code })).toMatchObject({
      version,
      known: true,
      index: entries,
    })
    expect(node.machine.log.length).toBe(entries)
  })

  test.each([
    ["imports the host", 'import "node:fs"; export default 1', "line 1 imports node:fs"],
    ["does not parse", "export default {", "line 1: Expected identifier"],
    ["throws when loaded", 'throw new Error("no luck")', "it fails when loaded: no luck"],
    ["reads the clock when loaded", "export default Date.now()", "Date.now"],
    ["exports no actor", "export default 1", "its default export is not an actor"],
    ["exports nothing", "const a = 1", "it has no default export"],
    ["misspells a field", second.replace("migrate:", "migratoins:"), "migrate is meant, most likely"],
    ["has a migration to nowhere", second.replace("2: {", "3: {"), "migrate"],
  ])("and %s is refused with the reason, and proposes nothing", async (_, source, reason) => {
    const node = await describedNode()
    for (const verb of ["versions", "plan"]) {
      const problem = await node.refused(verb, { source })
      expect(problem).toMatchObject({ status: 400, code: "invalid-input", outcome: "rejected" })
      expect(problem.detail).toContain(reason)
    }
    expect(node.machine.log).toEqual([])
    expect(node.defects).toEqual([])
  })
})

describe("a plan", () => {
  test("of code at hand says what it would change, and writes nothing", async () => {
    const node = await describedNode()
    await node.deploy(first)
    await node.pay(3)
    await node.pay(4, "b")
    const entries = node.machine.log.length
    const plan = await node.done("plan", { source: second })
    expect(plan).toMatchObject({
      from: { declared: 1 },
      to: { declared: 2 },
      commands: { added: [], removed: ["hang", "old"], changed: [] },
      stateChanged: true,
      states: { checked: 2, of: 2, failed: 0, failures: [], withoutStep: [], isCutShort: false },
      replay: { commands: 2, same: 0, isCutShort: false },
      rollback: { possible: true },
      hindrances: [],
    })
    expect(node.machine.log.length).toBe(entries)
    // It was never brought in: there is nothing that could be switched on.
    expect(await node.refused("activate", { token: plan.token })).toMatchObject({ code: "not-found" })
    expect(await node.pay(1)).toBe(4)
  })

  test("without a version is of the latest, also as a request without a body", async () => {
    const node = await describedNode()
    await node.deploy(first)
    const { version } = await node.done("versions", { source: second })
    expect(await node.done("plan", {})).toMatchObject({ to: { version } })
    const bare = await node.ask("/admin/actors/till/plan", { method: "POST" })
    expect(await bodyOf(bare)).toMatchObject({ to: { version } })
  })

  test("of states without their step names it, and such a version is not switched on", async () => {
    const node = await describedNode()
    await node.deploy(first)
    await node.pay(3)
    const { version } = await node.done("versions", { source: till({ up: false }).second })
    const plan = await node.done("plan", { version })
    expect(plan).toMatchObject({
      states: { failed: 1, withoutStep: [2], failures: [{ key: "a", code: "incompatible-state" }] },
      hindrances: ["1 of 1 stored states do not fit version 2: a step to version 2 is missing in migrate"],
    })
    // Where in the state, for programs and for people.
    const { failures } = plan["states"] as { readonly failures: ReadonlyArray<Record<string, unknown>> }
    const [{ issues, message }] = failures as never as [{ issues: ReadonlyArray<object>; message: string }]
    expect(issues).toContainEqual({ path: "/cents", message: "Missing key" })
    expect(message).toContain(
      "does not fit this one: at /euros: Expected no excess property; at /cents: Missing key",
    )
    const entries = node.machine.log.length
    const problem = await node.refused("activate", { token: plan.token })
    expect(problem).toMatchObject({ status: 409, code: "version-conflict", failures: [{ key: "a" }] })
    expect(problem.detail).toContain("a step to version 2 is missing in migrate")
    expect(node.machine.log.length).toBe(entries)
    expect(await node.pay(1)).toBe(4)
  })
})

describe("switching", () => {
  test("on and back, as planned: each is an entry, and what it answers names it", async () => {
    const node = await describedNode()
    const one = await node.deploy(first)
    await node.pay(3)
    const { version } = await node.done("versions", { source: second })
    const { token } = await node.done("plan", { version })
    const on = await node.post("activate", { token })
    const index = Number(on.headers.get("raftlet-index"))
    expect(await bodyOf(on)).toEqual({ actor: "till", active: version, previous: one, changed: true, index })
    expect(index).toBe(node.machine.log.length)
    expect(await node.pay(1)).toBe(400)
    expect(await node.done("activate", { token })).toMatchObject({ active: version, changed: false })
    expect(await node.done("rollback", {})).toMatchObject({ active: one, previous: null, changed: true })
    expect(await node.pay(1)).toBe(5)
  })

  test("by a token that was given for another active version is refused", async () => {
    const node = await describedNode()
    await node.deploy(first)
    const { version } = await node.done("versions", { source: second })
    const { token } = await node.done("plan", { version })
    const other = await node.deploy(first.replace("negative", "below-zero"))
    expect(await node.refused("activate", { token })).toMatchObject({
      code: "version-conflict",
      active: other,
    })
  })

  test("by a token that has done its work undoes no rollback: a late copy of a request changes nothing", async () => {
    const node = await describedNode()
    const one = await node.deploy(first)
    const { version } = await node.done("versions", { source: second })
    const { token } = await node.done("plan", { version })
    await node.done("activate", { token })
    const back = (await node.done("plan", { version: one })).token
    await node.done("rollback", { token: back })
    expect(await node.done("rollback", { token: back })).toMatchObject({ active: one, changed: false })
    expect(await node.refused("activate", { token })).toMatchObject({ code: "version-conflict", active: one })
    await node.done("activate", { token: (await node.done("plan", { version })).token })
    expect(await node.refused("rollback", { token: back })).toMatchObject({ code: "version-conflict" })
  })

  test("back to where nobody was, or to what is not there, is refused and proposes nothing", async () => {
    const node = await describedNode()
    expect(await node.refused("rollback", {})).toMatchObject({ code: "unknown-actor" })
    await node.deploy(first)
    const entries = node.machine.log.length
    expect(await node.refused("rollback", {})).toMatchObject({ code: "version-conflict" })
    expect(await node.refused("rollback", { to: "no such version" })).toMatchObject({ code: "not-found" })
    expect(node.machine.log.length).toBe(entries)
  })

  test("back again for one lost answer goes no further back", async () => {
    const node = await describedNode()
    const one = await node.deploy(first)
    await node.deploy(first.replace("negative", "below-zero"))
    await node.deploy(second)
    const two = `${(await node.list())[0]!.previous}`
    expect(await node.done("rollback", { to: two })).toMatchObject({
      active: two,
      previous: one,
      changed: true,
    })
    expect(await node.done("rollback", { to: two })).toMatchObject({ active: two, changed: false })
  })

  test("back is from the version that was looked at, and from no other that has become active meanwhile", async () => {
    let stale: ReturnType<typeof node.machine.core.actors> | null = null
    const node = await describedNode({ actors: Effect.sync(() => stale ?? node.machine.core.actors()) })
    const one = await node.deploy(first)
    await node.deploy(second)
    const { token } = await node.done("plan", { version: one })
    stale = node.machine.core.actors()
    const late = await node.done("versions", { source: second.replace("negative", "below-zero") })
    const planned = await node.done("plan", { version: late.version })
    await node.done("activate", { token: planned.token })
    expect(await node.refused("rollback", {})).toMatchObject({
      code: "version-conflict",
      active: late.version,
    })
    expect(await node.refused("rollback", { token })).toMatchObject({ code: "version-conflict" })
  })

  test("back without a way down is refused, and so are states that the way down makes nonsense of, unless forced", async () => {
    const node = await describedNode()
    const one = await node.deploy(first)
    await node.deploy(till({ down: false }).second)
    await node.pay(1)
    expect((await node.refused("rollback", {})).detail).toContain("has no way down from 2")
    const broken = await describedNode()
    await broken.deploy(first)
    await broken.deploy(second.replace("euros: Math.floor(cents / 100)", "euros: cents / 100 + 0.5"))
    await broken.pay(1)
    const entries = broken.machine.log.length
    expect(await broken.refused("rollback", {})).toMatchObject({
      code: "version-conflict",
      failures: [{ key: "a", code: "incompatible-state" }],
    })
    expect(broken.machine.log.length).toBe(entries)
    expect(await broken.done("rollback?force=1", {})).toMatchObject({ active: one })
  })
})

describe("an instance in quarantine", () => {
  const quarantine = async (
    node: Awaited<ReturnType<typeof describedNode>>,
    version: string,
    key: string,
    voidFrom: number | null = null,
  ) => {
    const input = {
      version,
      kind: "deadline" as const,
      detail: "it computed for 1000 ms",
      by: "n2",
      command: "pay",
      input: '{"euros":7}',
      commandId: "c",
      timer: "",
      voidFrom,
    }
    await node.machine.apply(
      encodeSystem("$instance/quarantine", { key: `till/${key}`, input, id: "q", door: "n1" }),
    )
  }
  const quarantined = async (key = "a/ü") => {
    const node = await describedNode()
    const version = await node.deploy(first)
    await node.pay(3, encodeURIComponent(key))
    await quarantine(node, version, key)
    return { node, key, version }
  }

  test("is one of a hundred that are listed; the others are counted", async () => {
    const node = await describedNode()
    const version = await node.deploy(first)
    for (let at = 0; at < 101; at++) await quarantine(node, version, `k${at}`)
    const [actor] = (await node.list()) as [{ quarantined: ReadonlyArray<unknown>; quarantinedCount: number }]
    expect([actor.quarantined.length, actor.quarantinedCount]).toEqual([100, 101])
  })

  test("is listed with what it was run with, and its key may hold a slash", async () => {
    const { node, key, version } = await quarantined()
    expect(await node.list()).toMatchObject([
      {
        quarantinedCount: 1,
        quarantined: [
          { key, version, command: "pay", input: { euros: 7 }, fault: "deadline", revision: 1, by: "n2" },
        ],
      },
    ])
    expect(await problemOf((await node.pay(1, encodeURIComponent(key))) as Response)).toMatchObject({
      status: 423,
      code: "quarantined",
    })
  })

  test.each([
    [{ with: "before" }, { how: "before", revision: 1 }, 4],
    [{ with: "state", state: { euros: 40 } }, { how: "state", revision: 2, state: { euros: 40 } }, 41],
    [{ with: "rerun" }, { how: "rerun", revision: 2, result: 10 }, 11],
  ])("is repaired with %j, once", async (body, told, then) => {
    const { node, key } = await quarantined()
    expect(await bodyOf(await node.repair(key, body))).toMatchObject({ actor: "till", key, ...told })
    expect(await node.pay(1, encodeURIComponent(key))).toBe(then)
    expect(await problemOf(await node.repair(key, body))).toMatchObject({ code: "not-found" })
  })

  test("whose command was in the log already is listed so, and loses it by force alone", async () => {
    const node = await describedNode()
    const version = await node.deploy(first)
    await quarantine(node, version, "b", node.machine.log.length + 1)
    expect(await node.list()).toMatchObject([{ quarantined: [{ key: "b", voided: true }] }])
    expect(await problemOf(await node.repair("b", { with: "before" }))).toMatchObject({ status: 423 })
    expect(await bodyOf(await node.repair("b", { with: "before" }, "?force=1"))).toMatchObject({
      how: "before",
    })
  })

  test("is not repaired with what is no state, or by a body that says something else", async () => {
    const { node, key } = await quarantined()
    const entries = node.machine.log.length
    for (const body of [
      {},
      { with: "magic" },
      { with: "state" },
      { with: "before", state: { euros: 1 } },
      { with: "rerun", state: null },
      { state: { euros: 1 } },
    ]) {
      expect(await problemOf(await node.repair(key, body))).toMatchObject({ code: "bad-request" })
    }
    expect(node.machine.log.length).toBe(entries)
    expect(
      await problemOf(await node.repair(key, { with: "state", state: { euros: "much" } })),
    ).toMatchObject({
      code: "invalid-input",
      detail: "This is no state of the actor: at /euros: Expected number",
      issues: [{ path: "/euros", message: "Expected number" }],
    })
    expect(await problemOf((await node.pay(1, encodeURIComponent(key))) as Response)).toMatchObject({
      code: "quarantined",
    })
  })

  test("is not repaired by the code that has failed: that is tried, and never comes into the log", async () => {
    const node = await describedNode()
    await node.deploy(first)
    const hung = await problemOf(await node.raw("/propose/till/a/hang", null))
    expect(hung).toMatchObject({ code: "quarantined", quarantine: { command: "hang", fault: "overflow" } })
    const entries = node.machine.log.length
    const problem = await problemOf(await node.repair("a", { with: "rerun" }))
    expect(problem).toMatchObject({ status: 423, code: "quarantined", quarantine: { fault: "overflow" } })
    expect(problem.detail).toContain("stays in quarantine: what was run for its repair ran over the stack")
    expect(node.machine.log.length).toBe(entries)
    // Mended code does it.
    await node.deploy(
      first.replace(
        "function again(state) { return [again(state)] }",
        "(state) => ({ state, result: null })",
      ),
    )
    expect(await bodyOf(await node.repair("a", { with: "rerun" }))).toMatchObject({
      revision: 1,
      result: null,
    })
  })

  test("that is none is not repaired, and costs no entry", async () => {
    const { node } = await quarantined()
    const entries = node.machine.log.length
    expect(await problemOf(await node.repair("b", { with: "before" }))).toMatchObject({ code: "not-found" })
    expect(node.machine.log.length).toBe(entries)
  })
})

describe("bad input is refused at the door and proposes nothing (H1, H2, H3)", () => {
  const json = { "content-type": "application/json" }
  const cases: ReadonlyArray<[name: string, path: string, init: RequestInit, status: number, code: string]> =
    [
      ...["versions", "activate", "instances/a/repair"].map((verb): (typeof cases)[number] => [
        `no body for ${verb}`,
        verb,
        {},
        400,
        "bad-request",
      ]),
      ...["versions", "plan", "activate", "rollback", "instances/a/repair"].flatMap(
        (verb): ReadonlyArray<(typeof cases)[number]> => [
          [`an array for ${verb}`, verb, { headers: json, body: "[]" }, 400, "bad-request"],
          [`a text for ${verb}`, verb, { headers: json, body: '"x"' }, 400, "bad-request"],
          [`half of JSON for ${verb}`, verb, { headers: json, body: '{"a":' }, 400, "bad-request"],
          [`an unknown field for ${verb}`, verb, { headers: json, body: '{"now":1}' }, 400, "bad-request"],
          [`__proto__ for ${verb}`, verb, { headers: json, body: '{"__proto__":{}}' }, 400, "bad-request"],
          [`a key twice for ${verb}`, verb, { headers: json, body: '{"to":1,"to":2}' }, 400, "bad-request"],
          [
            `a form for ${verb}`,
            verb,
            { headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=1" },
            415,
            "unsupported-media-type",
          ],
          [
            `gzip for ${verb}`,
            verb,
            { headers: { ...json, "content-encoding": "gzip" }, body: "x" },
            415,
            "unsupported-media-type",
          ],
          [
            `17 MiB for ${verb}`,
            verb,
            { headers: json, body: `"${"x".repeat(17 * 1024 * 1024)}"` },
            413,
            "too-large",
          ],
          [
            `a page of another origin for ${verb}`,
            verb,
            { headers: { ...json, "sec-fetch-site": "cross-site" }, body: "{}" },
            403,
            "forbidden",
          ],
          [
            `a parameter that is none for ${verb}`,
            `${verb}?dryRun=1`,
            { headers: json, body: "{}" },
            400,
            "bad-request",
          ],
          [
            `an unknown group for ${verb}`,
            `${verb}?group=other`,
            { headers: json, body: "{}" },
            404,
            "not-found",
          ],
          [`GET ${verb}`, verb, { method: "GET" }, 405, "method-not-allowed"],
        ],
      ),
      [
        "both source and bundle",
        "versions",
        { headers: json, body: '{"source":"a","bundle":"b"}' },
        400,
        "bad-request",
      ],
      ["both, to plan", "plan", { headers: json, body: '{"source":"a","bundle":"b"}' }, 400, "bad-request"],
      [
        "code and a version to plan",
        "plan",
        { headers: json, body: '{"source":"a","version":"b"}' },
        400,
        "bad-request",
      ],
      ["a source that is a number", "versions", { headers: json, body: '{"source":1}' }, 400, "bad-request"],
      ["a source that is null", "versions", { headers: json, body: '{"source":null}' }, 400, "bad-request"],
      [
        "a bundle that is an object",
        "versions",
        { headers: json, body: '{"bundle":{}}' },
        400,
        "bad-request",
      ],
      ["a source of nothing", "versions", { headers: json, body: '{"source":"  "}' }, 400, "bad-request"],
      [
        "a text of nothing",
        "versions",
        { headers: { "content-type": "text/typescript" }, body: "" },
        400,
        "bad-request",
      ],
      [
        "a text that is no UTF-8",
        "versions",
        { headers: { "content-type": "text/plain" }, body: Uint8Array.of(0xff) },
        400,
        "bad-request",
      ],
      [
        "a text in another charset",
        "versions",
        { headers: { "content-type": "text/typescript; charset=latin1" }, body: "a" },
        415,
        "unsupported-media-type",
      ],
      [
        "a text in gzip",
        "versions",
        { headers: { "content-type": "text/typescript", "content-encoding": "gzip" }, body: "a" },
        415,
        "unsupported-media-type",
      ],
      [
        "a text of more than 1 MiB",
        "versions",
        { headers: { "content-type": "text/typescript" }, body: "x".repeat(codeBytesMax + 1) },
        413,
        "too-large",
      ],
      [
        "a source of more than 1 MiB",
        "versions",
        { headers: json, body: JSON.stringify({ source: "x".repeat(codeBytesMax + 1) }) },
        413,
        "too-large",
      ],
      [
        "a bundle of more than 1 MiB",
        "versions",
        { headers: json, body: JSON.stringify({ bundle: "é".repeat(codeBytesMax / 2 + 1) }) },
        413,
        "too-large",
      ],
      ["a version that is a number", "plan", { headers: json, body: '{"version":1}' }, 400, "bad-request"],
      ["a version that is not there", "plan", { headers: json, body: '{"version":"1"}' }, 404, "not-found"],
      ["a token that is a number", "activate", { headers: json, body: '{"token":1}' }, 400, "bad-request"],
      ["a token that is none", "activate", { headers: json, body: '{"token":"x"}' }, 400, "bad-request"],
      [
        "a token of another actor",
        "activate",
        { headers: json, body: JSON.stringify({ token: tokenFor(["shop", null, "v"]) }) },
        400,
        "bad-request",
      ],
      [
        "a token of too little",
        "activate",
        { headers: json, body: JSON.stringify({ token: tokenFor(["till"]) }) },
        400,
        "bad-request",
      ],
      [
        "a token of an unknown version",
        "activate",
        { headers: json, body: JSON.stringify({ token: tokenFor(["till", null, "v", 0]) }) },
        404,
        "not-found",
      ],
      [
        "a version to go back to that is a number",
        "rollback",
        { headers: json, body: '{"to":1}' },
        400,
        "bad-request",
      ],
      [
        "a version to go back to that is null",
        "rollback",
        { headers: json, body: '{"to":null}' },
        400,
        "bad-request",
      ],
      [
        "a token and another version",
        "rollback",
        { headers: json, body: JSON.stringify({ to: "w", token: tokenFor(["till", null, "v", 0]) }) },
        400,
        "bad-request",
      ],
      ["a force that is neither", "rollback?force=maybe", { headers: json, body: "{}" }, 400, "bad-request"],
      [
        "a NUL in the key",
        "instances/a%00/repair",
        { headers: json, body: '{"with":"before"}' },
        400,
        "bad-request",
      ],
      [
        "a key that is no UTF-8",
        "instances/%ff/repair",
        { headers: json, body: '{"with":"before"}' },
        400,
        "bad-request",
      ],
      [
        "a key of 513 bytes",
        `instances/${"k".repeat(513)}/repair`,
        { headers: json, body: '{"with":"before"}' },
        400,
        "bad-request",
      ],
      [
        "a time-out of 0",
        "plan",
        { headers: { ...json, "raftlet-timeout-ms": "0" }, body: "{}" },
        400,
        "bad-request",
      ],
    ]

  test.each(cases)("%s", async (_, path, init, status, code) => {
    const node = makeDeploying()
    const problem = await problemOf(await node.ask(`/admin/actors/till/${path}`, { method: "POST", ...init }))
    expect({ status: problem.status, code: problem.code }).toEqual({ status, code })
    expect(problem.outcome).toBe("rejected")
    expect(node.machine.log).toEqual([])
    expect(node.defects).toEqual([])
  })

  test.each([
    "%24actor",
    "$instance",
    "a%2Fb",
    "a%00",
    "%ff",
    "1till",
    "..%2f..%2fetc",
    "t".repeat(64),
    "till%20",
    "тилл",
  ])("the name %s is no actor's", async (name) => {
    const node = makeDeploying()
    for (const verb of ["versions", "plan", "activate", "rollback", "instances/a/repair"]) {
      const problem = await problemOf(await node.post(`/admin/actors/${name}/${verb}`, {}))
      expect(problem).toMatchObject({ status: 400, code: "bad-request" })
    }
    expect(node.machine.log).toEqual([])
  })

  test("a list takes nothing but a group, and says whom nobody leads", async () => {
    const node = makeDeploying()
    expect(await problemOf(await node.ask("/admin/actors?limit=1"))).toMatchObject({ code: "bad-request" })
    expect(await problemOf(await node.ask("/admin/actors?group=other"))).toMatchObject({ code: "not-found" })
  })
})

describe("when nobody answers", () => {
  test("a node whose own state does not serve lists nothing of it, though another has answered for it", async () => {
    const node = makeDeploying(
      {},
      {
        read: ({ consistency, answer }) =>
          answer(
            consistency === "local"
              ? { _tag: "Failure", code: "not-ready", outcome: "rejected", detail: "it is in repair" }
              : { _tag: "Refused", code: "unknown-actor", detail: "", extra: "{}", replayed: false },
          ),
      },
    )
    expect(await problemOf(await node.ask("/admin/actors"))).toMatchObject({ status: 503, code: "not-ready" })
  })

  test("what was sent may have happened, and what was not has not", async () => {
    const node: Deploying = makeDeploying()
    node.instead.current = { _tag: "Failure", code: "timeout", outcome: "unknown", detail: "no answer" }
    expect(await problemOf(await node.post("/admin/actors/till/versions", { source: first }))).toMatchObject({
      code: "timeout",
      outcome: "unknown",
    })
    node.instead.current = { _tag: "Failure", code: "no-leader", outcome: "rejected", detail: "nobody" }
    expect(await problemOf(await node.post("/admin/actors/till/versions", { source: first }))).toMatchObject({
      code: "no-leader",
      outcome: "rejected",
    })
  })

  test("code that does not come to an end before the client's time does was not brought in", async () => {
    const node = makeDeploying({ inspect: () => Effect.never })
    const body = { source: first }
    const problem = await problemOf(
      await node.post("/admin/actors/till/versions", body, { "raftlet-timeout-ms": "20" }),
    )
    expect(problem).toMatchObject({ status: 504, code: "timeout", outcome: "rejected" })
    expect(node.machine.log).toEqual([])
  })
})

function tokenFor(content: ReadonlyArray<unknown>): string {
  return Buffer.from(JSON.stringify(content)).toString("base64url")
}
