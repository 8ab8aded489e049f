// Can an operator split a shard over HTTP, see how far it is, and read why not?

import { expect, test } from "bun:test"
import { nextStep } from "../../src/groups/moving.ts"
import { nameFor } from "../../src/http/shards.ts"
import { decodeCommand } from "../../src/machine/command.ts"
import type { Accepted } from "../../src/machine/outcome.ts"
import { slotOf, slotsCount, upperHalf, wholeIn } from "../../src/machine/slots.ts"
import { encodeSystem, type SystemInput, type SystemName } from "../../src/machine/system/commands.ts"
import { makeSpread, till } from "./deploying.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { problemOf } from "./problems.ts"

// biome-ignore lint/suspicious/noExplicitAny: answers of which a test names what it looks at.
type Body = Record<string, any>

const sources = till()
const spread = sources.first.replace("state:", "shards: 2, state:")
const keys = Array.from({ length: 24 }, (_, at) => `k${at}`)

const node = async (source = spread) => {
  const made = makeSpread()
  const document = await documentOf(made.ask)
  const upload = async (text: string) => {
    const version = (
      (await (await made.post("/admin/actors/till/versions", { source: text })).json()) as Body
    )["version"]
    const plan = (await (await made.post("/admin/actors/till/plan", { version })).json()) as Body
    return made.post("/admin/actors/till/activate", { token: plan["token"] })
  }
  expect((await upload(source)).status).toBe(200)
  const split = async (body: unknown, millis = 100) => {
    const response = await made.post("/admin/shards/split", body, { "Raftlet-Timeout-Ms": String(millis) })
    await expectDescribed(document, "/admin/shards/split", "POST", response)
    return response
  }
  const shards = async (): Promise<Body> => {
    const response = await made.ask("/admin/shards")
    await expectDescribed(document, "/admin/shards", "GET", response)
    return ((await response.json()) as Body)["actors"][0]
  }
  const main = made.machine("main")!
  const propose = async <Name extends SystemName>(group: string, name: Name, input: SystemInput<Name>) => {
    const id = crypto.randomUUID()
    const outcome = await made
      .machine(group)!
      .propose(encodeSystem(name, { key: "till", input, id, door: "n1" }))
    return outcome as Accepted
  }
  /** One step; false: no move is under way. */
  const drive = async (): Promise<boolean> => {
    const move = main.core.places().places[0]!.move
    if (move === undefined) return false
    const { id, from, to, slots } = move
    const [giver, taker] = [made.machine(from)!.core, made.machine(to)!.core]
    const step = nextStep(move, giver.shard("till"), taker.shard("till"))
    if (step.type === "release") await propose(from, "$shard/release", { move: id, to, slots })
    else if (step.type === "assign") await propose("main", "$place/assign", { move: id })
    else if (step.type === "drop") await propose(from, "$shard/drop", { move: id })
    else if (step.type === "finish") await propose("main", "$place/finish", { move: id })
    else if (step.type === "abandon")
      await propose("main", "$place/abandon", { move: id, reason: step.reason })
    else if (step.type === "handOver") {
      const { portion, cursor, time } = step
      const given = giver.portion({ actor: "till", move: id, cursor })!
      const { items, isOpen, digest, isDone } = given
      if (items.length > 0) {
        await propose(to, "$shard/take", {
          move: id,
          from,
          slots,
          portion,
          items,
          isOpen,
          cursor: given.cursor,
        })
      } else if (isDone) await propose(to, "$shard/adopt", { move: id, portions: portion, digest, time })
    }
    return true
  }
  const pay = async (key: string): Promise<Body> =>
    (await (
      await made.post(`/propose/till/${key}/pay`, { euros: 1 }, { "Raftlet-Timeout-Ms": "300" })
    ).json()) as Body
  return { ...made, split, shards, drive, pay, upload, propose }
}

const untilDone = async (drive: () => Promise<boolean>) => {
  while (await drive());
}

test("an operator learns in which group an instance is, and of which actor that makes no sense", async () => {
  const made = makeSpread()
  const document = await documentOf(made.ask)
  const upload = async (actor: string, source: string) => {
    const { version } = (await (
      await made.post(`/admin/actors/${actor}/versions`, { source })
    ).json()) as Body
    const { token } = (await (await made.post(`/admin/actors/${actor}/plan`, { version })).json()) as Body
    expect((await made.post(`/admin/actors/${actor}/activate`, { token })).status).toBe(200)
  }
  await upload("till", spread)
  const ask = async (query: string) => {
    const response = await made.ask(`/admin/shards?${query}`)
    await expectDescribed(document, "/admin/shards", "GET", response)
    return response
  }
  for (const key of [...keys, "a&b=%"]) {
    const { actors, instance } = (await (
      await ask(`actor=till&key=${encodeURIComponent(key)}`)
    ).json()) as Body
    const slot = slotOf(key)
    expect(instance).toEqual({ actor: "till", key, slot, group: slot < slotsCount / 2 ? "till-1" : "till-2" })
    expect(actors.map(({ actor }: Body) => actor)).toEqual(["till"])
  }
  expect(await (await ask("actor=till")).json()).not.toHaveProperty("instance")
  expect(await problemOf(await ask("key=k1"))).toMatchObject({ status: 400 })
  expect(await problemOf(await ask("actor=till&key="))).toMatchObject({ status: 400 })
  expect(await problemOf(await ask("actor=nobody&key=k1"))).toMatchObject({ code: "unknown-actor" })
})

test("half of a shard goes to a new group, in steps that are shown; its keys wait, and are there then", async () => {
  const { split, shards, drive, pay, ask, defects } = await node()
  for (const key of keys) expect(await pay(key)).toMatchObject({ result: 1 })
  const said = (await (await split({ actor: "till", group: "till-2" })).json()) as Body
  const slots = [{ from: 49_152, to: 65_535 }]
  expect(said).toMatchObject({ actor: "till", from: "till-2", to: "till-3", slots, done: false })
  const steps = new Set<string>()
  const moved = keys.find((key) => slotOf(key) >= 49_152)!
  while (await drive()) {
    const { move } = await shards()
    if (move !== null) steps.add(move["step"])
    if (move?.["step"] !== "copying") continue
    // It is on its way: whoever asks waits, here in vain; and is told neither that it is elsewhere nor that there is none.
    expect(await pay(moved)).toMatchObject({ code: "not-ready", outcome: "rejected", retryable: true })
    const list = await ask("/read/till", { headers: { "Raftlet-Timeout-Ms": "60" } })
    expect(await problemOf(list)).toMatchObject({ code: "not-ready" })
  }
  expect([...steps]).toEqual(["copying", "adopted", "dropping"])
  expect(await shards()).toEqual({
    actor: "till",
    shards: [
      { group: "till-1", from: 0, to: 32_767 },
      { group: "till-2", from: 32_768, to: 49_151 },
      { group: "till-3", from: 49_152, to: 65_535 },
    ],
    move: null,
    refused: null,
  })
  for (const key of keys) expect(await pay(key)).toMatchObject({ result: 2 })
  const { instances } = (await (await ask("/read/till?limit=1000")).json()) as Body
  expect(instances.map(({ key }: Body) => key)).toEqual(keys.toSorted())
  // What a client was told where the key was, is here: also where this log is shorter than that.
  const local = await ask(`/read/till/${moved}?consistency=local&minIndex=5000`)
  expect(await local.json()).toMatchObject({ state: { euros: 2 } })
  expect(defects).toEqual([])
})

test("who watches a key that has gone is told its state, by an id that says by which split; on its way, it waits", async () => {
  const { split, drive, pay, ask, shards } = await node()
  const key = keys.find((one) => slotOf(one) >= 49_152)!
  await pay(key)
  await split({ actor: "till", group: "till-2" })
  const first = async (cursor: string, millis = 5_000) => {
    const headers = { "Last-Event-ID": cursor, "Raftlet-Timeout-Ms": String(millis) }
    const response = await ask(`/watch/till/${key}`, { headers })
    if (response.status !== 200) return (await problemOf(response))["code"] as string
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    await reader.cancel()
    return new TextDecoder().decode(value)
  }
  while ((await shards())["move"]["step"] !== "copying") await drive()
  expect(await first("3", 80)).toBe("not-ready")
  const { id } = (await shards())["move"]
  await untilDone(drive)
  // Behind the new log and ahead of it.
  for (const cursor of ["3", "5000"]) {
    const told = await first(cursor)
    expect(told).toMatch(new RegExp(`id: \\d+@${id}\nevent: reset\ndata: \\{"state":\\{"euros":1\\}`))
    const [, own] = /id: (\d+@\d+)\nevent/.exec(told)!
    expect(await first(own!)).toBe(`retry: 1000\nid: ${own}\n\n`)
  }
})

test("without a group, the one with the most slots is split; whoever waits is told when it is done", async () => {
  const { split, drive } = await node()
  const asking = split({ actor: "till" }, 5_000)
  for (let rounds = 0; rounds < 50 && !(await drive()); rounds++) await Bun.sleep(10)
  await untilDone(drive)
  expect(await (await asking).json()).toMatchObject({ from: "till-1", to: "till-3", done: true })
  const again = split({ actor: "till" }, 5_000)
  for (let rounds = 0; rounds < 50 && !(await drive()); rounds++) await Bun.sleep(10)
  await untilDone(drive)
  expect(await (await again).json()).toMatchObject({ from: "till-2", to: "till-4", done: true })
})

test("what cannot be split is refused in words, and opens no group", async () => {
  const { split, machine } = await node()
  const groups = () => machine("main")!.core.groups().groups.length
  const before = groups()
  const said = async (body: unknown) => problemOf(await split(body))
  expect(await said({ actor: "nobody" })).toMatchObject({ status: 404, code: "unknown-actor" })
  expect(await said({ actor: "till", group: "elsewhere" })).toMatchObject({ status: 404, code: "not-found" })
  for (const body of [
    {},
    { actor: 1 },
    { actor: "$place" },
    { actor: "till", group: 1 },
    { actor: "till", into: "x" },
    [],
  ]) {
    expect(await said(body)).toMatchObject({ status: 400, code: "bad-request" })
  }
  expect(groups()).toBe(before)
  const { split: splitMain } = await node(sources.first)
  expect(await problemOf(await splitMain({ actor: "till" }))).toMatchObject({
    code: "invalid-input",
    detail: expect.stringContaining("lives in the group main"),
  })
})

test("while keys are on their way no other shard is split, and nothing is uploaded or switched", async () => {
  const { split, upload, post, drive } = await node()
  await split({ actor: "till" })
  expect(await problemOf(await split({ actor: "till" }))).toMatchObject({ status: 409, code: "in-use" })
  const version = { source: sources.second.replace("state:", "shards: 2, state:") }
  expect(await problemOf(await post("/admin/actors/till/versions", version))).toMatchObject({
    code: "in-use",
  })
  expect(await problemOf(await post("/admin/actors/till/rollback", {}))).toMatchObject({ code: "in-use" })
  await untilDone(drive)
  const switched = (await (await upload(version.source)).json()) as Body
  expect(switched["groups"].map(({ group }: Body) => group)).toEqual(["till-1", "till-3", "till-2"])
})

test("a switch that a split has overtaken says where it is not done; the same words finish it", async () => {
  const { split, drive, machine, upload, pay } = await node()
  const first = machine("till-1")!
  const propose = first.propose.bind(first)
  // The switch knows its groups, and has not come to the second of them: half of that goes to a third.
  first.propose = async (command) => {
    if (decodeCommand(command)?.command === "activate") {
      first.propose = propose
      await split({ actor: "till", group: "till-2" })
      await untilDone(drive)
    }
    return propose(command)
  }
  const second = sources.second.replace("state:", "shards: 2, state:")
  const problem = await problemOf(await upload(second))
  expect(problem).toMatchObject({ status: 409, code: "version-conflict" })
  expect(problem["detail"]).toContain("till-3")
  const finished = (await (await upload(second)).json()) as Body
  expect(finished["groups"].map(({ group }: Body) => group)).toEqual(["till-3"])
  for (const key of keys) expect(await pay(key)).toMatchObject({ result: 100 })
})

test("a key that waits for an operator keeps its shard together, and that is said", async () => {
  const { split, shards, drive, machine, propose } = await node()
  const key = keys.find((one) => slotOf(one) >= 49_152)!
  const { active } = machine("till-2")!.core.actors()[0]!
  const input = {
    version: active!,
    kind: "deadline",
    detail: "",
    by: "n1",
    command: "pay",
    input: "null",
    commandId: "c",
    timer: "",
    voidFrom: null,
  } as const
  const bytes = encodeSystem("$instance/quarantine", { key: `till/${key}`, input, id: "q", door: "n1" })
  await machine("till-2")!.propose(bytes)
  const asking = split({ actor: "till", group: "till-2" }, 5_000)
  for (let rounds = 0; rounds < 50 && !(await drive()); rounds++) await Bun.sleep(10)
  await untilDone(drive)
  const problem = await problemOf(await asking)
  expect(problem).toMatchObject({ code: "in-use", outcome: "rejected" })
  expect(JSON.stringify(problem)).toContain("quarantine")
  expect((await shards())["refused"]["reason"]).toContain("quarantine")
  // The group that was opened for it is closed, and the next one is called otherwise.
  expect(machine("till-3")).toBeUndefined()
  expect(await propose("main", "$group/close", {})).toMatchObject({ code: expect.any(String) })
})

test("a new group is called like its neighbours, with a number that no other group has or had", () => {
  const places = (...groups: ReadonlyArray<string>) => [
    { placement: groups.flatMap((group) => wholeIn(group)) },
  ]
  const closed = (...groups: ReadonlyArray<string>) => ({
    groups: groups.map((group) => ({ group, isClosed: true }) as never),
  })
  expect(nameFor("orders-2", places("orders-1", "orders-2"), closed())).toBe("orders-3")
  expect(nameFor("orders-2", places("orders-1", "orders-2"), closed("orders-3", "orders-4"))).toBe("orders-5")
  expect(nameFor("money", places("money"), closed())).toBe("money-1")
  expect(nameFor("a-b-1", places("a-b-1", "a-9"), closed())).toBe("a-b-2")
  expect(() => nameFor(`a${"b".repeat(60)}-9`, places(`a${"b".repeat(60)}-9`), closed())).toThrow()
  expect(upperHalf([{ from: 0, to: slotsCount - 1 }])).toEqual([{ from: 32_768, to: 65_535 }])
})
