// Does every kind of bad input get its problem, and nothing else happen? (CONTRACT §3, HAZARDS H1–H3, H8, H9)

import { describe, expect, test } from "bun:test"
import { makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

interface Bad {
  readonly name: string
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly status: number
  readonly code: string
}

const json = { "content-type": "application/json" }
const add = "/propose/counter/c1/add"
const bytes = (...values: ReadonlyArray<number>) => new Uint8Array(values)
const body = (
  name: string,
  text: string | Uint8Array<ArrayBuffer>,
  code = "bad-request",
  status = 400,
): Bad => ({
  name,
  body: text,
  code,
  status,
})
const path = (name: string, to: string, status = 400, code = "bad-request"): Bad => ({
  name,
  path: to,
  body: '{"by":1}',
  status,
  code,
})
const header = (name: string, headers: Record<string, string>, status = 400, code = "bad-request"): Bad => ({
  name,
  body: '{"by":1}',
  headers: { ...json, ...headers },
  status,
  code,
})
const get = (name: string, to: string, status = 400, code = "bad-request"): Bad => ({
  name,
  path: to,
  method: "GET",
  status,
  code,
})

/** Refused at the door: not even the leader hears of it. */
const atTheDoor: ReadonlyArray<Bad> = [
  body("truncated JSON", '{"by":'),
  body("a word that is no JSON", "by"),
  body("two values", "{} {}"),
  body("a trailing comma", '{"by":1,}'),
  body("NaN", '{"by":NaN}'),
  body("a comment", '{"by":1/**/}'),
  body("a byte order mark", '\ufeff{"by":1}'),
  body("nothing but spaces", "   "),
  body("an unfinished string", '{"by'),
  body("an unfinished escape", '{"by\\'),
  body("UTF-8 cut short", bytes(0x22, 0xe2, 0x82, 0x22)),
  body("an overlong UTF-8 form", bytes(0x22, 0xc0, 0x80, 0x22)),
  body("a surrogate in UTF-8", bytes(0x22, 0xed, 0xa0, 0x80, 0x22)),
  body("UTF-16", bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00)),
  body("a lone surrogate as an escape", '{"by":"\\ud800"}'),
  body("a lone surrogate in a key", '{"\\udc00":1}'),
  body("a duplicate key", '{"by":1,"by":2}'),
  body("a duplicate key, once escaped", '{"by":1,"\\u0062y":2}'),
  body("a duplicate key deep inside", '{"by":[{"a":1,"b":{},"a":2}]}'),
  body("__proto__", '{"by":1,"__proto__":{"x":1}}'),
  body("__proto__, escaped", '{"\\u005f_proto__":1}'),
  body("1e400", '{"by":1e400}'),
  body("-1e400 in an array", "[-1e400]"),
  body("an integer beyond 2^53", '{"by":9007199254740993}'),
  body("an integer of 400 digits", `{"by":${"9".repeat(400)}}`),
  body("arrays 100,000 deep", "[".repeat(100_000)),
  body("objects 100,000 deep", '{"a":'.repeat(100_000)),
  body("a closed text 65 deep", "[".repeat(65) + "]".repeat(65)),
  body("a body of 2 MiB", JSON.stringify("x".repeat(2 * 1024 * 1024)), "too-large", 413),

  header("text/plain", { "content-type": "text/plain" }, 415, "unsupported-media-type"),
  header(
    "a form, as curl -d sends it",
    { "content-type": "application/x-www-form-urlencoded" },
    415,
    "unsupported-media-type",
  ),
  header(
    "another charset",
    { "content-type": "application/json; charset=latin1" },
    415,
    "unsupported-media-type",
  ),
  header("gzip", { "content-encoding": "gzip" }, 415, "unsupported-media-type"),
  header("a page of another origin", { "sec-fetch-site": "cross-site" }, 403, "forbidden"),
  header("an empty idempotency key", { "idempotency-key": "" }),
  header("an idempotency key of 129 characters", { "idempotency-key": "k".repeat(129) }),
  header("an idempotency key beyond ASCII", { "idempotency-key": "\u00e9" }),
  header("a negative If-Revision", { "if-revision": "-1" }),
  header("an If-Revision that is a fraction", { "if-revision": "1.5" }),
  header("an If-Revision in quotes", { "if-revision": '"1"' }),
  header("an If-Revision beyond 2^53", { "if-revision": "9007199254740993" }),
  header("a time-out of 0", { "raftlet-timeout-ms": "0" }),
  header("a time-out of a day", { "raftlet-timeout-ms": "86400000" }),
  header("a time-out that is a word", { "raftlet-timeout-ms": "soon" }),

  path("a NUL in the key", "/propose/counter/a%00b/add"),
  path("UTF-8 cut short in the key", "/propose/counter/%e2%82/add"),
  path("bytes that are no UTF-8 in the key", "/propose/counter/%ff/add"),
  path("a surrogate in the key", "/propose/counter/%ed%a0%80/add"),
  path("a replacement character in the key", "/propose/counter/K%ef%bf%bd/add"),
  get("a replacement character in the key of a read", "/read/counter/K%ef%bf%bd"),
  get("a replacement character in the key of a query", "/read/counter/K%ef%bf%bd/value"),
  path("a percent sign alone", "/propose/counter/100%/add"),
  path("a percent escape that is none", "/propose/counter/%zz/add"),
  path("a key of 513 bytes", `/propose/counter/${"k".repeat(513)}/add`),
  path("a key of 171 characters and 513 bytes", `/propose/counter/${"%e2%82%ac".repeat(171)}/add`),
  path("an empty key", "/propose/counter//add"),
  path("an empty actor", "/propose//c1/add"),
  path("bad UTF-8 in the actor", "/propose/%ff/c1/add"),
  path("an actor of the system's own", "/propose/$checkpoint/c1/add", 404, "unknown-actor"),
  path("one whose sign is escaped", "/propose/%24checkpoint/c1/add", 404, "unknown-actor"),
  get("an actor of the system's own to list", "/read/$actor", 404, "unknown-actor"),
  get("a state of the system's own", "/read/$actor/counter", 404, "unknown-actor"),
  get("a query of the system's own", "/read/$actor/counter/value", 404, "unknown-actor"),
  path("an unknown query parameter", `${add}?consistency=local`),
  path("a query parameter twice", `${add}?redirect=1&redirect=0`),
  path("a redirect that is neither", `${add}?redirect=maybe`),
  path("a query string that is no UTF-8", `${add}?group=%ff`),
  path("an unknown group", `${add}?group=other`, 404, "not-found"),
  path("too few parts", "/propose/counter/c1", 404, "not-found"),
  path("too many parts", "/propose/counter/c1/add/more", 404, "not-found"),
  path("an unknown path", "/nowhere", 404, "not-found"),
  path("a route of another day", "/stream/counter/c1", 404, "not-found"),
  { name: "GET where POST belongs", path: add, method: "GET", status: 405, code: "method-not-allowed" },
  { name: "DELETE", path: add, method: "DELETE", status: 405, code: "method-not-allowed" },
  { name: "PUT a batch", path: "/propose", method: "PUT", status: 405, code: "method-not-allowed" },
  { name: "POST to the metrics", path: "/metrics", status: 405, code: "method-not-allowed" },

  { ...body("a batch that is an array", "[]"), path: "/propose" },
  { ...body("a batch without a body", ""), path: "/propose" },
  { ...body("a batch without proposals", "{}"), path: "/propose" },
  { ...body("proposals that are no array", '{"proposals":{}}'), path: "/propose" },
  { ...body("an unknown field beside the proposals", '{"proposals":[],"atomic":true}'), path: "/propose" },
  { ...body("1,001 proposals", `{"proposals":[${Array(1001).fill("{}").join()}]}`), path: "/propose" },
  {
    ...body("a batch of 17 MiB", `{"proposals":["${"x".repeat(17 * 1024 * 1024)}"]}`, "too-large", 413),
    path: "/propose",
  },

  get("an unknown consistency", "/read/counter/c1?consistency=eventual"),
  get("a misspelt consistency", "/read/counter/c1?consistancy=local"),
  get("a staleness for a linearizable read", "/read/counter/c1?maxStalenessMs=5"),
  get("a negative minIndex", "/read/counter/c1?minIndex=-1"),
  get("a minIndex beyond 2^53", "/read/counter/c1?minIndex=99999999999999999"),
  get("a minIndex in hexadecimal", "/read/counter/c1?minIndex=0x10"),
  get("a limit of 0", "/read/counter?limit=0"),
  get("a limit of a million", "/read/counter?limit=1000000"),
  get("a NUL in the prefix", "/read/counter?prefix=%00"),
  get("a cursor that is longer than a key", `/read/counter?after=${"k".repeat(513)}`),
  get("an input that is no JSON", "/read/counter/c1/value?input={"),
  get("an input with a duplicate key", '/read/counter/c1/value?input={"a":1,"a":2}'),
  get("an input that is too deep", `/read/counter/c1/value?input=${"[".repeat(100)}${"]".repeat(100)}`),
  get("a NUL in the key of a read", "/read/counter/%00"),
  get("an unknown path to read", "/read", 404, "not-found"),
]

/** Refused by the machine, with its own code. */
const byTheMachine: ReadonlyArray<Bad> = [
  body("a wrong type", '{"by":"1"}', "invalid-input"),
  body("an unknown field", '{"by":1,"to":2}', "invalid-input"),
  body("no input where one is needed", "", "invalid-input"),
  path("an unknown actor", "/propose/nobody/c1/add", 404, "unknown-actor"),
  path("an unknown command", "/propose/counter/c1/take", 404, "unknown-command"),
  path("a path that climbs", "/propose/..%2f..%2fetc/passwd/add", 404, "unknown-actor"),
  get("an unknown query", "/read/counter/c1/median", 404, "unknown-query"),
  get("an unknown actor to read", "/read/nobody/c1", 404, "unknown-actor"),
  header("a stale If-Revision", { "if-revision": "3" }, 412, "revision-mismatch"),
  body("what the reducer rejects", '{"by":101}', "rejected", 422),
]

const send = (fake: ReturnType<typeof makeFake>, bad: Bad) =>
  fake.ask(bad.path ?? add, {
    method: bad.method ?? "POST",
    headers: bad.headers ?? json,
    ...(bad.body === undefined ? {} : { body: bad.body }),
  })

describe("bad input is refused at the door and proposes nothing (H1, H2, H3, H8, H9)", () => {
  for (const bad of atTheDoor) {
    test(`${bad.name} → ${bad.status} ${bad.code}`, async () => {
      const fake = makeFake()
      const problem = await problemOf(await send(fake, bad))
      expect({ status: problem.status, code: problem.code }).toEqual({ status: bad.status, code: bad.code })
      expect(problem.outcome).toBe("rejected")
      expect(fake.proposed).toEqual([])
      expect(fake.reads).toEqual([])
      expect(fake.defects).toEqual([])
    })
  }
})

describe("what the machine refuses keeps its code (CONTRACT §3)", () => {
  for (const bad of byTheMachine) {
    test(`${bad.name} → ${bad.status} ${bad.code}`, async () => {
      const fake = makeFake()
      const problem = await problemOf(await send(fake, bad))
      expect({ status: problem.status, code: problem.code }).toEqual({ status: bad.status, code: bad.code })
      expect(fake.defects).toEqual([])
    })
  }

  test("a reused idempotency key with another input → 422 idempotency-mismatch (H11)", async () => {
    const fake = makeFake()
    const headers = { ...json, "idempotency-key": "k" }
    await fake.ask(add, { method: "POST", headers, body: '{"by":1}' })
    const problem = await problemOf(await fake.ask(add, { method: "POST", headers, body: '{"by":2}' }))
    expect(problem).toMatchObject({ status: 422, code: "idempotency-mismatch", outcome: "rejected" })
  })

  test("invalid input carries the schema's issues, a mismatch the revision, a rejection its reason", async () => {
    const fake = makeFake()
    const post = async (text: string, headers = {}) =>
      problemOf(await fake.ask(add, { method: "POST", headers: { ...json, ...headers }, body: text }))
    expect((await post("{}")).issues).toEqual([{ path: "/by", message: "…" }])
    expect((await post('{"by":1}', { "if-revision": "9" })).revision).toBe(0)
    expect((await post('{"by":101}')).reason).toBe("too-big")
  })
})

test("405 names the methods that are allowed (H3)", async () => {
  const fake = makeFake()
  const allow = async (to: string, method: string) => (await fake.ask(to, { method })).headers.get("allow")
  expect(await allow(add, "PATCH")).toBe("POST, OPTIONS")
  expect(await allow("/read/counter/c1/value", "DELETE")).toBe("GET, POST, HEAD, OPTIONS")
  expect(await allow("/healthz", "POST")).toBe("GET, HEAD, OPTIONS")
})

test("OPTIONS says what is allowed and does nothing; HEAD is GET without its body (H3)", async () => {
  const fake = makeFake()
  const options = await fake.ask(add, { method: "OPTIONS" })
  expect([options.status, options.headers.get("allow")]).toEqual([204, "POST, OPTIONS"])
  const head = await fake.ask("/read/counter/c1", { method: "HEAD" })
  expect([head.status, await head.text(), head.headers.get("raftlet-index")]).toEqual([200, "", "7"])
})

test("who misspells a parameter, or gives an input as parameters, learns which there are", async () => {
  const fake = makeFake()
  const detailOf = async (path: string, method = "GET") =>
    (
      await problemOf(
        await fake.ask(path, { method, headers: json, ...(method === "POST" && { body: "{}" }) }),
      )
    ).detail
  expect(await detailOf("/read/counter/c1/value?account=ann")).toBe(
    'The query parameter "account" is not known here: there are group, redirect, consistency, maxStalenessMs, minIndex and input.',
  )
  expect(await detailOf(`${add}?consistency=local`, "POST")).toBe(
    'The query parameter "consistency" is not known here: there are group and redirect.',
  )
  expect(await detailOf("/admin/node?grupo=a")).toContain("there is group.")
  expect(await detailOf("/admin/groups?group=a")).toBe(
    'The query parameter "group" is not known here: there are none.',
  )
})
