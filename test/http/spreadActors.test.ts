// Is an actor that lives in many groups one thing for whoever brings it in, plans, switches and repairs it?

import { expect, test } from "bun:test"
import { digestOf } from "../../src/http/mergedPlans.ts"
import { encodeSystem } from "../../src/machine/system/commands.ts"
import { makeSpread, till } from "./deploying.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { problemOf } from "./problems.ts"

// biome-ignore lint/suspicious/noExplicitAny: answers of all routes, of which a test names what it looks at.
type Body = Record<string, any>

const spread = (source: string, home = "shards: 3,") => source.replace("state:", `${home} state:`)
const sources = till()
const [first, second] = [spread(sources.first), spread(sources.second)]
const other = second.replace("negative", "below-zero")
const groups = ["till-1", "till-2", "till-3"]
const noLeader = { _tag: "Failure", code: "no-leader", outcome: "rejected", detail: "Nobody leads." } as const

const node = async () => {
  const made = makeSpread()
  const document = await documentOf(made.ask)
  const post = async (verb: string, body: unknown, query = "") => {
    const response = await made.post(`/admin/actors/till/${verb}${query}`, body)
    const path = `/admin/actors/{name}/${verb.replace(/^instances\/[^/]+/, "instances/{key}")}`
    await expectDescribed(document, path, "POST", response)
    return response
  }
  const done = async (verb: string, body: unknown, query = ""): Promise<Body> => {
    const response = await post(verb, body, query)
    if (response.status !== 200) throw new Error(await response.text())
    return (await response.json()) as Body
  }
  const refused = async (verb: string, body: unknown, query = ""): Promise<Body> =>
    (await problemOf(await post(verb, body, query))) as Body
  const list = async (query = ""): Promise<Body> => {
    const response = await made.ask(`/admin/actors${query}`)
    await expectDescribed(document, "/admin/actors", "GET", response)
    return (await response.json()) as Body
  }
  const pay = async (key: string, euros = 1): Promise<Body> => {
    const response = await made.post(`/propose/till/${key}/pay`, { euros })
    return (await response.json()) as Body
  }
  /** Uploads and plans. */
  const planned = async (source: string) => {
    const { version } = await done("versions", { source })
    return { version, plan: await done("plan", { version }) }
  }
  const deploy = async (source: string): Promise<string> => {
    const { version, plan } = await planned(source)
    await done("activate", { token: plan["token"] })
    return version
  }
  const entries = () => ["main", ...groups].map((group) => made.machine(group)?.log.length ?? 0)
  return { ...made, post, done, refused, list, pay, planned, deploy, entries }
}

const keys = Array.from({ length: 12 }, (_, at) => `k${at}`)

test("a new actor is settled, its groups are opened and have their keys, and all of them have its code", async () => {
  const { done, list, pay, defects, planned } = await node()
  const { version, plan } = await planned(first)
  expect(plan).toMatchObject({ groups, from: null, hindrances: [], divided: [] })
  expect(await done("activate", { token: plan["token"] })).toMatchObject({
    active: version,
    changed: true,
    groups: groups.map((group) => ({ group, active: version, changed: true })),
  })
  for (const key of keys) expect(await pay(key)).toMatchObject({ result: 1 })
  expect(await list()).toMatchObject({
    actors: [
      {
        name: "till",
        groups,
        active: version,
        divided: [],
        versions: [{ version, instances: keys.length, missingIn: [] }],
      },
    ],
    silent: [],
  })
  expect(defects).toEqual([])
})

test("an actor that says so gets groups with seats, and a part of it that is split off has the same ones", async () => {
  const { done, machine, planned, ask } = await node()
  const { plan } = await planned(spread(sources.first, "shards: 2, replicas: 3,"))
  await done("activate", { token: plan["token"] })
  const rows = () => machine("main")!.core.groups().groups
  // There are two members.
  expect(rows().map(({ group, seating }) => [group, seating?.replicas, seating?.seats.length])).toEqual([
    ["till-1", 3, 2],
    ["till-2", 3, 2],
  ])
  await ask("/admin/shards/split", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "50" },
    body: JSON.stringify({ actor: "till", group: "till-2" }),
  })
  expect(rows().find(({ group }) => group === "till-3")?.seating).toMatchObject({
    replicas: 3,
    like: "till-2",
  })
})

test("groups are opened with seats, and shown so", async () => {
  const { ask, machine } = await node()
  const document = await documentOf(ask)
  const open = (body: object) =>
    ask("/admin/groups", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
  const opened = await open({ groups: ["orders", "bills"], replicas: 3 })
  await expectDescribed(document, "/admin/groups", "POST", opened)
  expect(opened.status).toBe(200)
  await open({ group: "everywhere" })
  expect(
    machine("main")!
      .core.groups()
      .groups.map(({ group, seating }) => [group, seating?.like]),
  ).toEqual([
    ["bills", "bills"],
    ["everywhere", undefined],
    ["orders", "orders"],
  ])
  const listed = await ask("/admin/groups")
  await expectDescribed(document, "/admin/groups", "GET", listed.clone() as Response)
  expect(await listed.json()).toMatchObject({
    groups: [
      { group: "main", replicas: null, seats: null, settled: true },
      { group: "bills", replicas: 3, settled: false },
      { group: "everywhere", replicas: null, seats: null },
      { group: "orders", replicas: 3 },
    ],
  })
  for (const [body, detail] of [
    [{ groups: ["fine", "9x"] }, '"9x": a group\'s name must be letters'],
    [{ group: "main" }, '"main": a group\'s name must be'],
    [{ groups: ["a".repeat(1000)] }, `"${"a".repeat(99)}: a group's name must be`],
    [{ groups: [7] }, "7: a group's name must be"],
    [{}, "groups is missing: an array of 1 to 1000 names."],
    [{ replicas: 3 }, "groups is missing"],
    [{ groups: [] }, "groups must be an array of 1 to 1000 names."],
  ] as const) {
    const problem = (await problemOf(await open(body))) as Body
    expect(problem).toMatchObject({ code: "bad-request" })
    expect(problem["detail"]).toStartWith(detail)
  }
  const bodiless = (await problemOf(await ask("/admin/groups", { method: "POST" }))) as Body
  expect(bodiless["detail"]).toStartWith("groups is missing")
  for (const replicas of [2, 101, 3.5, "3"]) {
    expect(await problemOf(await open({ group: "more", replicas }))).toMatchObject({ code: "bad-request" })
  }
})

test("code at hand of a new actor is planned for the groups that it would have, and nothing is opened for it", async () => {
  const { done, machine } = await node()
  expect(await done("plan", { source: first })).toMatchObject({ groups, from: null })
  expect(machine("till-1")).toBeUndefined()
})

test("a definition that says another home than the actor has changes nothing, and the plan says so", async () => {
  const { done, deploy, planned } = await node()
  await deploy(first)
  expect(await done("plan", { source: second })).toMatchObject({ groups, notes: [] })
  const notes = [
    "it lives in till-1 to till-3; what its definition says now (shards: 6) changes nothing: " +
      "where an actor lives is settled when it first comes in",
  ]
  const six = spread(sources.second, "shards: 6,")
  expect(await done("plan", { source: six })).toMatchObject({ groups, notes })
  expect((await planned(six)).plan).toMatchObject({ groups, notes })
  const { notes: none } = await done("plan", { source: sources.second })
  expect(none[0]).toContain("says now (no group and no shards) changes nothing")
})

test("code that is there already fills no log, and what one group lacks is brought to it", async () => {
  const { done, deploy, entries, instead, refused, list } = await node()
  await deploy(first)
  instead.set("till-2", noLeader)
  expect(await refused("versions", { source: second })).toMatchObject({ code: "no-leader" })
  const [, row] = (await list())["actors"][0].versions
  expect(row.missingIn).toContain("till-2")
  expect(await refused("plan", { version: row.version })).toMatchObject({ code: "not-found" })
  instead.clear()
  const half = entries()
  expect(await done("versions", { source: second })).toMatchObject({ known: false })
  const before = entries()
  expect(before.map((count, at) => count > half[at]!)).toEqual([false, false, true, false])
  expect(await done("versions", { source: second })).toMatchObject({
    known: true,
    groups: groups.map((group) => ({ group, known: true })),
  })
  expect(entries()).toEqual(before)
})

test("a plan is the sum over the groups: states, commands of their logs, and what is in the way of any", async () => {
  const { deploy, pay, planned, done, refused, entries } = await node()
  await deploy(first)
  for (const key of keys) await pay(key)
  const { plan } = await planned(second)
  expect(plan).toMatchObject({
    groups,
    from: { declared: 1 },
    to: { declared: 2 },
    states: { checked: keys.length, of: keys.length, failed: 0 },
    replay: { commands: keys.length, same: 0 },
    hindrances: [],
  })
  expect(new Set(plan["replay"].different.map(({ group }: Body) => group))).toEqual(new Set(groups))
  const hindered = await planned(spread(till({ up: false }).second))
  expect(hindered.plan["states"].failed).toBe(keys.length)
  expect(hindered.plan["hindrances"].map((text: string) => text.split(":")[0])).toEqual(
    groups.map((group) => `group ${group}`),
  )
  // Before any group has switched it is looked at all of them.
  const before = entries()
  expect(await refused("activate", { token: hindered.plan["token"] })).toMatchObject({
    status: 409,
    code: "version-conflict",
  })
  expect(entries()).toEqual(before)
  expect(await done("plan", { version: plan["to"].version })).toMatchObject({ token: plan["token"] })
})

test("a token is short, however many groups it stands for", () => {
  const many = Array.from({ length: 1024 }, (_, at) => ({ group: `till-${at}`, active: "v", since: at }))
  expect(digestOf(many)).toHaveLength(16)
  expect(digestOf(many)).not.toBe(digestOf([{ ...many[0]!, since: 7 }, ...many.slice(1)]))
})

test("a switch that stops half-way says which groups have it, and the same request goes on where it stopped", async () => {
  const { deploy, planned, done, refused, instead, list, pay, entries } = await node()
  const one = await deploy(first)
  const { version, plan } = await planned(second)
  instead.set("till-2", noLeader)
  const token = plan["token"]
  expect(await refused("activate", { token })).toMatchObject({
    status: 409,
    code: "partly-switched",
    retryable: true,
    switched: ["till-1"],
    left: ["till-2", "till-3"],
    because: "no-leader",
  })
  expect((await list())["actors"]).toMatchObject([
    {
      active: version,
      divided: [
        { group: "till-2", active: one },
        { group: "till-3", active: one },
      ],
    },
  ])
  instead.clear()
  // What is left of it has a plan of its own, if somebody wants to read it again.
  expect(await done("plan", { version })).toMatchObject({
    from: { version: one },
    to: { version },
    divided: [{ group: "till-1", active: version }],
  })
  const before = entries()
  expect(await done("activate", { token })).toMatchObject({
    active: version,
    changed: true,
    groups: [{ group: "till-2" }, { group: "till-3" }],
  })
  expect(entries().map((count, at) => count - before[at]!)).toEqual([0, 0, 1, 1])
  expect(await done("activate", { token })).toMatchObject({ active: version, changed: false })
  for (const key of keys) expect(await pay(key)).toMatchObject({ result: 100 })
})

test("a group that fails first has nobody switched, and is told as it is", async () => {
  const { deploy, planned, refused, instead, list } = await node()
  const one = await deploy(first)
  const { plan } = await planned(second)
  instead.set("till-1", noLeader)
  expect(await refused("activate", { token: plan["token"] })).toMatchObject({
    code: "no-leader",
    detail: "Group till-1: Nobody leads.",
  })
  expect((await list())["actors"]).toMatchObject([{ active: one, divided: [] }])
})

test("a token undoes nothing that has happened since: not a rollback, also not one that is half done", async () => {
  const { deploy, planned, done, refused, instead } = await node()
  const one = await deploy(first)
  const { version, plan } = await planned(second)
  const { token } = plan as Body
  await done("activate", { token })
  // Half a rollback: the first has gone back, which is no switch that has stopped.
  instead.set("till-2", noLeader)
  expect(await refused("rollback", { to: one })).toMatchObject({ switched: ["till-1"] })
  expect(await refused("activate", { token })).toMatchObject({ code: "version-conflict" })
  instead.clear()
  await done("rollback", { to: one })
  expect(await refused("activate", { token })).toMatchObject({ code: "version-conflict" })
  // In one group alone something has happened.
  const again = (await done("plan", { version }))["token"]
  const alone = (await done("plan", { version }, "?group=till-3"))["token"]
  await done("activate", { token: alone }, "?group=till-3")
  await done("rollback", { to: one }, "?group=till-3")
  expect(await refused("activate", { token: again })).toMatchObject({ code: "version-conflict" })
})

test("a rollback without a version goes back in all groups, and goes on where it stopped, but no further back", async () => {
  const { deploy, done, refused, instead } = await node()
  await deploy(first)
  const two = await deploy(second)
  const three = await deploy(other)
  instead.set("till-3", noLeader)
  expect(await refused("rollback", {})).toMatchObject({ switched: ["till-1", "till-2"], left: ["till-3"] })
  instead.clear()
  expect(await done("rollback", {})).toMatchObject({ active: two, groups: [{ group: "till-3" }] })
  const { token } = await done("plan", { version: three })
  await done("activate", { token })
  const back = (await done("plan", { version: two }))["token"]
  expect(await done("rollback", { token: back })).toMatchObject({ active: two, changed: true })
  expect(await done("rollback", { token: back })).toMatchObject({ active: two, changed: false })
})

test("with a group that group alone is meant; a token of one is none of all", async () => {
  const { deploy, planned, done, refused, list } = await node()
  const one = await deploy(first)
  const { version, plan } = await planned(second)
  const alone = await done("plan", { version }, "?group=till-2")
  expect(alone).toMatchObject({ groups: ["till-2"], from: { version: one } })
  expect(await refused("activate", { token: plan["token"] }, "?group=till-2")).toMatchObject({
    code: "version-conflict",
  })
  expect(await refused("activate", { token: alone["token"] })).toMatchObject({ code: "version-conflict" })
  expect(await done("activate", { token: alone["token"] }, "?group=till-2")).toMatchObject({
    active: version,
  })
  expect((await list("?group=till-2"))["actors"]).toMatchObject([{ groups: ["till-2"], active: version }])
  expect((await list())["actors"]).toMatchObject([
    { active: one, divided: [{ group: "till-2", active: version }] },
  ])
  expect(await refused("versions", { source: other }, "?group=main")).toMatchObject({
    code: "not-found",
    detail: '"till" does not live in the group main.',
  })
  expect(await refused("plan", { version }, "?group=*")).toMatchObject({ code: "bad-request" })
  expect(await refused("plan", { version }, "?group=nobody")).toMatchObject({ code: "not-found" })
})

test("what is in quarantine is listed with its group, and repaired where its key is", async () => {
  const { deploy, done, refused, list, machine, pay } = await node()
  const version = await deploy(first)
  const input = {
    version,
    kind: "deadline" as const,
    detail: "it computed for 1000 ms",
    by: "n2",
    command: "pay",
    input: '{"euros":7}',
    commandId: "c",
    timer: "",
    voidFrom: null,
  }
  for (const key of keys) {
    await pay(key)
    for (const group of groups) {
      const at = machine(group)!
      if (!at.core.state.whereabouts.owns("till", key)) continue
      await at.apply(encodeSystem("$instance/quarantine", { key: `till/${key}`, input, id: key, door: "n1" }))
    }
  }
  const [actor] = (await list())["actors"]
  expect(actor.quarantinedCount).toBe(keys.length)
  expect(new Set(actor.quarantined.map(({ group }: Body) => group))).toEqual(new Set(groups))
  for (const key of keys) {
    expect(await done(`instances/${key}/repair`, { with: "before" })).toMatchObject({ key })
  }
  expect(await refused("instances/k0/repair", { with: "before" })).toMatchObject({ code: "not-found" })
  expect((await list())["actors"][0].quarantinedCount).toBe(0)
})

test("a group that does not answer is named, and the others are listed", async () => {
  const { deploy, list, silent } = await node()
  await deploy(first)
  silent.set("till-2", noLeader)
  const said = await list()
  expect(said["silent"]).toEqual([{ group: "till-2", code: "no-leader", detail: "Nobody leads." }])
  expect(said["actors"]).toMatchObject([{ groups, versions: [{ missingIn: [] }], divided: [] }])
})
