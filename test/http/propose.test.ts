// Does a proposal reach the door exactly as its client wrote it, and its outcome come back as it is? (CONTRACT §3)

import { describe, expect, test } from "bun:test"
import { problemTable } from "../../src/http/problem.ts"
import type { Failure } from "../../src/raft/Raft.ts"
import { following, leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const json = { "content-type": "application/json" }
const add = "/propose/counter/c1/add"
const post = (body: string, headers: Record<string, string> = {}) => ({
  method: "POST",
  headers: { ...json, ...headers },
  body,
})

test("an accepted command is answered with result, revision, index, term and the headers (CONTRACT §3)", async () => {
  const fake = makeFake()
  const response = await fake.ask(add, post('{"by": 5}'))
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({ result: 5, revision: 1, index: 8, term: 2, replayed: false })
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "application/json",
    "raftlet-node": "n1",
    "raftlet-leader": "n1;http://127.0.0.1:4001",
    "raftlet-term": "2",
    "raftlet-index": "8",
  })
})

test("the door gets the command as it was written, with a seed and the node's name", async () => {
  const fake = makeFake()
  await fake.ask(add, post('{ "by" : 5 }', { "idempotency-key": "k 1", "if-revision": "0" }))
  const [command] = fake.proposed
  expect(command).toMatchObject({
    actor: "counter",
    key: "c1",
    command: "add",
    input: '{"by":5}',
    idempotencyKey: "k 1",
    ifRevision: 0,
    caller: "",
    door: "n1",
  })
  expect(command?.seed.length).toBe(16)
})

test("seeds and the keys that the door gives itself never repeat", async () => {
  const fake = makeFake()
  for (let count = 0; count < 600; count++) await fake.ask(add, post('{"by":1}'))
  expect(new Set(fake.proposed.map(({ seed }) => seed.toHex())).size).toBe(600)
  expect(new Set(fake.proposed.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(600)
})

test("a retry with the same key gets the first answer, marked (CONTRACT §3)", async () => {
  const fake = makeFake()
  const first = await (await fake.ask(add, post('{"by":5}', { "idempotency-key": "k" }))).json()
  await fake.ask(add, post('{"by":1}'))
  const again = await (await fake.ask(add, post('{"by":5}', { "idempotency-key": "k" }))).json()
  expect(again).toEqual({ ...(first as object), replayed: true })
})

test("no body is null; a body with a suffix type or a charset is JSON too", async () => {
  const fake = makeFake()
  await fake.ask(add, { method: "POST" })
  await fake.ask(add, post('{"by":1}', { "content-type": "application/vnd.x+json" }))
  await fake.ask(add, post('{"by":1}', { "content-type": 'Application/JSON; charset="UTF-8"' }))
  expect(fake.proposed.map(({ input }) => input)).toEqual(["null", '{"by":1}', '{"by":1}'])
})

test("the headers follow the group: a new leader and term are in the next answer", async () => {
  const fake = makeFake()
  await fake.ask(add, post('{"by":1}'))
  fake.status.current = { ...following(), term: 3 }
  const { headers } = await fake.ask(add, post('{"by":1}'))
  expect([headers.get("raftlet-leader"), headers.get("raftlet-term")]).toEqual([
    "n2;http://127.0.0.1:4002",
    "3",
  ])
})

describe("a key is its bytes, whatever they are (H9)", () => {
  const keys = [
    "../x",
    "..%2f",
    "a/b",
    "100%",
    "%41",
    "'; DROP TABLE instances; --",
    '"quoted"',
    "Å", // one character
    "A\u030a", // two that look the same
    "раypal",
    "😀",
    "a+b c",
    "?#&=",
    "\\",
    "\t\r\n",
    "k".repeat(512),
    "€".repeat(170),
  ]
  for (const key of keys) {
    test(JSON.stringify(key.slice(0, 30)), async () => {
      const fake = makeFake()
      const encoded = encodeURIComponent(key)
      expect((await fake.ask(`/propose/counter/${encoded}/add`, post('{"by":1}'))).status).toBe(200)
      await fake.ask("/propose", post(JSON.stringify({ proposals: [{ ...item, key }] })))
      expect((await fake.ask(`/read/counter/${encoded}`)).status).toBe(200)
      expect(fake.proposed.map((command) => command.key)).toEqual([key, key])
      expect(fake.reads.map(({ query }) => "key" in query && query.key)).toEqual([key])
    })
  }
})

test("a key with U+FFFD is as good as any in a batch, where bad UTF-8 cannot hide behind it (H9)", async () => {
  const fake = makeFake()
  await fake.ask("/propose", post(JSON.stringify({ proposals: [{ ...item, key: "K\ufffd" }] })))
  expect(fake.proposed.map((command) => command.key)).toEqual(["K\ufffd"])
})

test("the deadline is the node's clock and Raftlet-Timeout-Ms, 5000 by default", async () => {
  const fake = makeFake()
  await fake.ask(add, post('{"by":1}'))
  await fake.ask(add, post('{"by":1}', { "raftlet-timeout-ms": "250" }))
  const now = fake.door.raft.now()
  const [first, second] = fake.proposals.map(({ deadline }) => deadline)
  expect(first).toBeWithin(5001, 5000 + now)
  expect(second).toBeWithin(251, 250 + now)
})

describe("when the door fails, its word is passed on (CONTRACT §3, C2)", () => {
  const failures: ReadonlyArray<[Failure["code"], Failure["outcome"], number]> = [
    ["no-leader", "rejected", 503],
    ["not-leader", "rejected", 503],
    ["shutting-down", "rejected", 503],
    ["overloaded", "rejected", 503],
    ["storage-full", "rejected", 507],
    ["leadership-lost", "unknown", 503],
    ["timeout", "unknown", 504],
  ]
  for (const [code, outcome, status] of failures) {
    test(`${code} → ${status}, ${outcome}`, async () => {
      const fake = makeFake()
      fake.instead.current = { _tag: "Failure", code, outcome, detail: "because" }
      const response = await fake.ask(add, post('{"by":1}'))
      expect(response.headers.get("retry-after")).toBe(code === "overloaded" ? "1" : null)
      expect(await problemOf(response)).toMatchObject({
        code,
        outcome,
        status,
        retryable: true,
        detail: "because",
      })
    })
  }

  test("leadership that was lost before the command left is rejected, not unknown", async () => {
    const fake = makeFake()
    fake.instead.current = { _tag: "Failure", code: "leadership-lost", outcome: "rejected", detail: "…" }
    expect((await problemOf(await fake.ask(add, post('{"by":1}')))).outcome).toBe("rejected")
  })
})

describe("redirect=1 forwards nothing (CONTRACT §3, C3)", () => {
  test("on a follower it is 307 to the same place on the leader", async () => {
    const fake = makeFake()
    fake.status.current = following()
    const path = "/propose/counter/a%2Fb/add?redirect=1"
    const response = await fake.ask(path, post('{"by":1}'))
    expect([response.status, response.headers.get("location")]).toEqual([307, `http://127.0.0.1:4002${path}`])
    expect(response.headers.get("raftlet-leader")).toBe("n2;http://127.0.0.1:4002")
    expect(fake.proposed).toEqual([])
  })

  test("on the leader it is proposed, not to be forwarded", async () => {
    const fake = makeFake()
    expect((await fake.ask(`${add}?redirect=1`, post('{"by":1}'))).status).toBe(200)
    await fake.ask(add, post('{"by":1}'))
    expect(fake.proposals.map(({ forward }) => forward)).toEqual([false, true])
  })

  test("without a leader there is nowhere to go", async () => {
    const fake = makeFake()
    fake.status.current = leaderless
    const response = await fake.ask(`${add}?redirect=1`, post('{"by":1}'))
    expect(response.headers.get("raftlet-leader")).toBe("")
    expect(await problemOf(response)).toMatchObject({ code: "no-leader", outcome: "rejected" })
  })

  test("a leader whose client address is not known is not-leader, with its id in the header", async () => {
    const fake = makeFake()
    fake.status.current = following("")
    const response = await fake.ask(`${add}?redirect=1`, post('{"by":1}'))
    expect(response.headers.get("raftlet-leader")).toBe("n2;")
    expect(await problemOf(response)).toMatchObject({ code: "not-leader" })
  })

  test("a batch is redirected whole", async () => {
    const fake = makeFake()
    fake.status.current = following()
    const response = await fake.ask("/propose?redirect=1", post('{"proposals":[]}'))
    expect(response.headers.get("location")).toBe("http://127.0.0.1:4002/propose?redirect=1")
  })
})

const item = { actor: "counter", key: "c1", command: "add", input: { by: 1 } }

describe("a batch (CONTRACT §3)", () => {
  const send = async (fake: ReturnType<typeof makeFake>, proposals: ReadonlyArray<unknown>) => {
    const response = await fake.ask("/propose", post(JSON.stringify({ proposals })))
    expect(response.status).toBe(200)
    const { outcomes } = (await response.json()) as { outcomes: Array<Record<string, unknown>> }
    return { outcomes, response }
  }

  test("is answered in its own order, good and bad side by side", async () => {
    const fake = makeFake()
    const { outcomes, response } = await send(fake, [
      item,
      { ...item, input: { by: 101 } },
      { ...item, actor: "nobody" },
      { ...item, input: { by: 2 }, ifRevision: 1 },
      { ...item, ifRevision: 1 },
    ])
    expect(outcomes.map((outcome) => outcome.code ?? outcome.result)).toEqual([
      1,
      "rejected",
      "unknown-actor",
      3,
      "revision-mismatch",
    ])
    expect(outcomes[4]).toMatchObject({ status: 412, outcome: "rejected", revision: 2 })
    expect(response.headers.get("raftlet-index")).toBe("10")
  })

  test("proposes nothing to an actor of the system's own", async () => {
    const fake = makeFake()
    const { outcomes } = await send(fake, [item, { ...item, actor: "$checkpoint" }])
    expect(outcomes.map(({ code }) => code)).toEqual([undefined, "unknown-actor"])
    expect(fake.proposed.map(({ actor }) => actor)).toEqual(["counter"])
  })

  test("is proposed in order and at once, before any answer", async () => {
    const fake = makeFake()
    fake.instead.current = "silence"
    const response = fake.ask("/propose", post(JSON.stringify({ proposals: [item, item, item] })))
    while (fake.proposals.length < 3) await Promise.resolve()
    const answers = [3, 1, 2]
    for (const [at, result] of [...answers.entries()].reverse()) {
      fake.proposals[at]?.answer({
        _tag: "Accepted",
        result: String(result),
        revision: result,
        index: result,
        term: 1,
        replayed: false,
      })
    }
    const { outcomes } = (await (await response).json()) as { outcomes: Array<{ result: number }> }
    expect(outcomes.map(({ result }) => result)).toEqual(answers)
  })

  test("of nothing is answered with nothing; a thousand are taken", async () => {
    const fake = makeFake()
    expect((await send(fake, [])).outcomes).toEqual([])
    expect((await send(fake, Array(1000).fill(item))).outcomes.at(-1)?.result).toBe(1000)
  })

  const badItems: ReadonlyArray<[string, unknown, string]> = [
    ["null", null, "bad-request"],
    ["an array", [], "bad-request"],
    ["without a key", { actor: "counter", command: "add" }, "bad-request"],
    ["with an empty key", { ...item, key: "" }, "bad-request"],
    ["with a NUL in its key", { ...item, key: "a\0" }, "bad-request"],
    ["with a key of 513 bytes", { ...item, key: "k".repeat(513) }, "bad-request"],
    ["with a number for an actor", { ...item, actor: 1 }, "bad-request"],
    ["with an unknown field", { ...item, idempotencykey: "k" }, "bad-request"],
    ["with an empty idempotency key", { ...item, idempotencyKey: "" }, "bad-request"],
    ["with a number for an idempotency key", { ...item, idempotencyKey: 1 }, "bad-request"],
    ["with a fraction for a revision", { ...item, ifRevision: 0.5 }, "bad-request"],
    ["with an input of 2 MiB", { ...item, input: "x".repeat(2 * 1024 * 1024) }, "too-large"],
  ]
  for (const [name, bad, code] of badItems) {
    test(`with a proposal that is ${name}: ${code} for it alone, and only the others are proposed`, async () => {
      const fake = makeFake()
      const { outcomes } = await send(fake, [item, bad, item])
      expect(outcomes.map((outcome) => outcome.code ?? outcome.result)).toEqual([1, code, 2])
      expect(outcomes[1]).toMatchObject({ outcome: "rejected" })
      expect(fake.proposed.length).toBe(2)
    })
  }
})

test("a defect in the door is a 500 that claims nothing, and is told", async () => {
  const fake = makeFake()
  fake.status.current = new Proxy(fake.status.current, {
    get: (target, name) => {
      if (name === "leader") throw new TypeError("broken code")
      return target[name as keyof typeof target]
    },
  })
  // The headers need the status as well: nothing may be left to throw behind the last catch.
  const answer = fake.ask(`${add}?redirect=1`, post('{"by":1}'))
  expect(await problemOf(await answer)).toMatchObject({ status: 500, code: "internal", outcome: "unknown" })
  expect(fake.defects.length).toBe(2)
})

test("the table has no 5xx besides the contract's and the last resort", () => {
  const statuses = Object.values(problemTable).map(({ status }) => status)
  expect([...new Set(statuses.filter((status) => status >= 500))].sort()).toEqual([500, 503, 504, 507])
  const unknown = Object.entries(problemTable).filter(([, row]) => row.outcome === "unknown")
  expect(unknown.map(([code]) => code).sort()).toEqual([
    "internal",
    "leadership-lost",
    "partly-switched",
    "timeout",
  ])
})
