// Does each request find the group that has the instance, wherever its actor lives, and look again when it has moved?

import { describe, expect, test } from "bun:test"
import type { GroupId } from "../../src/consensus/types.ts"
import { makeApp } from "../../src/http/app.ts"
import type { Door } from "../../src/http/Doors.ts"
import { merged } from "../../src/http/listing.ts"
import { evenShards, type Placement, shardAt, slotOf, wholeIn } from "../../src/machine/slots.ts"
import { Metrics } from "../../src/metrics/Metrics.ts"
import { type Fake, leading, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const json = { "Content-Type": "application/json" }
const elsewhere = {
  _tag: "Refused",
  code: "elsewhere",
  detail: "it is in another group",
  extra: "{}",
  replayed: false,
} as const

/** A node with groups beside `main`; `places`: where actors live, as `main` has it and as this node knows it. */
const nodeWith = (names: ReadonlyArray<GroupId>) => {
  const fakes = new Map<GroupId, Fake>(["main", ...names].map((name) => [name, makeFake()]))
  /** Groups that have nothing of any actor. */
  const strangers = new Set<GroupId>()
  const doors = new Map<GroupId, Door>(
    Array.from(fakes, ([group, { door, status }]) => {
      status.current = { ...leading, group }
      const raft: Door["raft"] = {
        ...door.raft,
        group,
        propose: (proposals) => {
          if (!strangers.has(group)) return door.raft.propose(proposals)
          for (const { answer } of proposals) answer(elsewhere)
        },
        read: (read) => (strangers.has(group) ? read.answer(elsewhere) : door.raft.read(read)),
      }
      return [group, { ...door, raft }]
    }),
  )
  const settled = new Map<string, Placement>()
  let known: ReadonlyMap<string, Placement> = new Map()
  let looks = 0
  const app = makeApp({
    node: {
      id: "n1",
      clusterId: "c-1",
      version: "0",
      listen: "http://127.0.0.1:4001",
      peer: "127.0.0.1:5001",
      uptimeMillis: () => 1,
    },
    doors: {
      get: (group) => doors.get(group),
      values: () => doors.values(),
      placementOf: (actor) => known.get(actor) ?? null,
      look: async () => {
        looks++
        known = new Map(settled)
      },
    },
    metrics: new Metrics(),
    defect: (message, cause) => {
      throw new Error(`${message}: ${cause}`)
    },
  })
  return {
    fakes,
    doors,
    strangers,
    place: (actor: string, placement: Placement, isKnown = true) => {
      settled.set(actor, placement)
      if (isKnown) known = new Map(settled)
    },
    looks: () => looks,
    proposedAt: (group: GroupId) => fakes.get(group)!.proposed.map(({ key }) => key),
    ask: async (path: string, init: RequestInit = {}) =>
      app.fetch(new Request(`http://127.0.0.1:4001${path}`, init)),
  }
}

const add = (by = 1) => ({ method: "POST", headers: json, body: JSON.stringify({ by }) })
const spread: Placement = evenShards(4).map((range, at) => ({ group: `counter-${at + 1}`, ...range }))
const shardNames = spread.map(({ group }) => group)
const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
const homeOf = (key: string) => shardAt(spread, slotOf(key))!.group

describe("an actor that lives in a group", () => {
  test("is asked there, for commands, queries, states, lists and in batches", async () => {
    const node = nodeWith(["orders"])
    node.place("counter", wholeIn("orders"))
    expect(await (await node.ask("/propose/counter/a/add", add(5))).json()).toMatchObject({ result: 5 })
    expect(await (await node.ask("/read/counter/a/value")).json()).toMatchObject({ result: 5 })
    expect(await (await node.ask("/read/counter/a")).json()).toMatchObject({ state: { value: 5 } })
    expect(await (await node.ask("/read/counter")).json()).toMatchObject({ instances: [{ key: "a" }] })
    const proposals = [{ actor: "counter", key: "b", command: "add", input: { by: 1 } }]
    const batch = { method: "POST", headers: json, body: JSON.stringify({ proposals }) }
    expect(await (await node.ask("/propose", batch)).json()).toMatchObject({ outcomes: [{ result: 1 }] })
    expect(node.proposedAt("orders")).toEqual(["a", "b"])
    expect(node.proposedAt("main")).toEqual([])
    expect(node.fakes.get("main")!.reads).toEqual([])
  })

  test("is asked in main while nothing is known of a place", async () => {
    const node = nodeWith(["orders"])
    await node.ask("/propose/counter/a/add", add())
    expect(node.proposedAt("main")).toEqual(["a"])
  })

  test("is asked where the client says, and where it is not, that is said", async () => {
    const node = nodeWith(["orders"])
    node.place("counter", wholeIn("orders"))
    await node.ask("/propose/counter/a/add?group=orders", add())
    expect(node.proposedAt("orders")).toEqual(["a"])
    node.strangers.add("main")
    const response = await node.ask("/propose/counter/a/add?group=main", add())
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "not-found", outcome: "rejected" })
    expect(await problemOf(await node.ask("/read/counter/a?group=main"))).toMatchObject({ code: "not-found" })
  })
})

describe("an actor that is spread over groups", () => {
  test("is asked in the group that has the key", async () => {
    const node = nodeWith(shardNames)
    node.place("counter", spread)
    for (const key of keys) await node.ask(`/propose/counter/${key}/add`, add())
    for (const group of shardNames) {
      expect(node.proposedAt(group)).toEqual(keys.filter((key) => homeOf(key) === group))
      expect(node.proposedAt(group)).not.toEqual([])
    }
    const [key] = keys
    expect(await (await node.ask(`/read/counter/${key}/value`)).json()).toMatchObject({ result: 1 })
  })

  test("gets a batch in its order, group by group, and its answers in the order of the batch", async () => {
    const node = nodeWith(shardNames)
    node.place("counter", spread)
    const proposals = [...keys, ...keys].map((key) => ({
      actor: "counter",
      key,
      command: "add",
      input: { by: 2 },
    }))
    const batch = { method: "POST", headers: json, body: JSON.stringify({ proposals }) }
    const { outcomes } = (await (await node.ask("/propose", batch)).json()) as {
      outcomes: ReadonlyArray<{ result: number }>
    }
    expect(outcomes.map(({ result }) => result)).toEqual([...keys.map(() => 2), ...keys.map(() => 4)])
    for (const group of shardNames) {
      const own = keys.filter((key) => homeOf(key) === group)
      expect(node.proposedAt(group)).toEqual([...own, ...own])
    }
  })

  test("is listed over all its groups, in the order of the keys", async () => {
    const node = nodeWith(shardNames)
    node.place("counter", spread)
    for (const key of keys) await node.ask(`/propose/counter/${key}/add`, add())
    const page = await (await node.ask("/read/counter?limit=1000")).json()
    expect((page as { instances: ReadonlyArray<{ key: string }> }).instances.map(({ key }) => key)).toEqual(
      keys.toSorted(),
    )
    expect(page).toMatchObject({ next: null })
  })

  test("is not listed at all when one of its groups does not answer", async () => {
    const node = nodeWith(shardNames)
    node.place("counter", spread)
    node.doors.delete("counter-3")
    expect(await problemOf(await node.ask("/read/counter"))).toMatchObject({ status: 503, code: "not-ready" })
    node.doors.set("counter-3", node.doors.get("counter-2")!)
    node.strangers.add("counter-2")
    const soon = { headers: { "Raftlet-Timeout-Ms": "100" } }
    const said = await node.ask("/read/counter", soon)
    expect(await problemOf(said)).toMatchObject({ status: 503, code: "not-ready" })
  })
})

describe("what is elsewhere by the time when it is asked for", () => {
  test("is looked for again, and executed once", async () => {
    const node = nodeWith(["orders"])
    node.place("counter", wholeIn("orders"), false)
    node.strangers.add("main")
    expect(await (await node.ask("/propose/counter/a/add", add(3))).json()).toMatchObject({ result: 3 })
    expect(await (await node.ask("/read/counter/a/value")).json()).toMatchObject({ result: 3 })
    expect(node.proposedAt("orders")).toEqual(["a"])
    expect(node.looks()).toBe(1)
  })

  test("in a batch, too: each in its order", async () => {
    const node = nodeWith(["orders"])
    node.place("counter", wholeIn("orders"), false)
    node.strangers.add("main")
    const proposals = ["a", "b", "a"].map((key) => ({
      actor: "counter",
      key,
      command: "add",
      input: { by: 1 },
    }))
    const batch = { method: "POST", headers: json, body: JSON.stringify({ proposals }) }
    expect(await (await node.ask("/propose", batch)).json()).toMatchObject({
      outcomes: [{ result: 1 }, { result: 1 }, { result: 2 }],
    })
  })

  test("is not looked for longer than the client waits, and is never told as such", async () => {
    const node = nodeWith([])
    node.strangers.add("main")
    const hurried = { ...add(), headers: { ...json, "Raftlet-Timeout-Ms": "60" } }
    expect(await problemOf(await node.ask("/propose/counter/a/add", hurried))).toMatchObject({
      status: 503,
      code: "not-ready",
      outcome: "rejected",
      retryable: true,
    })
    const read = await node.ask("/read/counter/a", { headers: { "Raftlet-Timeout-Ms": "60" } })
    expect(await problemOf(read)).toMatchObject({ status: 503, code: "not-ready" })
    const proposals = [{ actor: "counter", key: "a", command: "add", input: { by: 1 } }]
    const batch = { ...hurried, body: JSON.stringify({ proposals }) }
    expect(await (await node.ask("/propose", batch)).json()).toMatchObject({
      outcomes: [{ code: "not-ready" }],
    })
  })

  test("is not ready where this node does not run its group yet", async () => {
    const node = nodeWith([])
    node.place("counter", wholeIn("orders"))
    expect(await problemOf(await node.ask("/propose/counter/a/add", add()))).toMatchObject({
      status: 503,
      code: "not-ready",
    })
  })
})

describe("pages of many groups become one", () => {
  const page = (keys: ReadonlyArray<string>, next: string | null = null) => ({
    instances: keys.map((key) => ({ key, revision: 1 })),
    next,
  })

  test("in the order of UTF-8, as each group has its own", () => {
    const keys = ["\u{10000}", "\uff00", "a", "é"]
    const { instances } = merged([page(keys.slice(0, 2)), page(keys.slice(2))], 10)
    expect(instances.map(({ key }) => key)).toEqual(["a", "é", "\uff00", "\u{10000}"])
  })

  test("which goes on behind its last key when any of them goes on, or has been cut off", () => {
    expect(merged([page(["a", "c"]), page(["b"])], 2)).toMatchObject({ next: "b" })
    expect(merged([page(["a", "b"], "b"), page(["b0"])], 2)).toMatchObject({ next: "b" })
    // One that had to look through much may hold less than it could: what others have behind that waits for the next page.
    expect(merged([page(["a"], "b"), page(["a0", "c"])], 3)).toEqual({
      instances: page(["a", "a0"]).instances,
      next: "b",
    })
    expect(merged([page([], "b"), page(["c"])], 3)).toEqual({ instances: [], next: "b" })
    expect(merged([page(["a"]), page(["b"])], 2)).toMatchObject({ next: null })
    expect(merged([page([]), page([])], 2)).toEqual({ instances: [], next: null })
  })
})
