// Does the published document describe the routes that exist, and the answers that they give? (H4)

import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { ReadableEntry } from "../../src/raft/Raft.ts"
import { documentOf, expectDescribed } from "./described.ts"
import { leaderless, leading, makeFake } from "./fakeRaft.ts"

const load = () => documentOf(makeFake().ask)

test("its operations are exactly the routes of the app (H4)", async () => {
  const document = await load()
  expect(document.openapi).toBe("3.1.0")
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((name) => name !== "parameters")
      .map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(described.sort()).toEqual([...makeFake().app.routes].sort())
})

test("every answer has a described status and body (H4)", async () => {
  const document = await load()
  const fake = makeFake()
  const headers = { "content-type": "application/json" }
  const post = (body?: string) => ({ method: "POST", headers, ...(body === undefined ? {} : { body }) })
  const one = "/propose/{actor}/{key}/{command}"
  const batch = JSON.stringify({
    proposals: [{ actor: "counter", key: "k", command: "add", input: { by: 1 } }, {}],
  })
  fake.log.current = () => Effect.succeed({ firstIndex: 1, lastIndex: 9, entries: logEntries })
  const exchanges: ReadonlyArray<[string, string, RequestInit?]> = [
    [one, "/propose/counter/c1/add", post('{"by":1}')],
    [one, "/propose/counter/c1/add", post('{"by":101}')],
    [one, "/propose/counter/c1/add", post("{")],
    [one, "/propose/nobody/c1/add", post()],
    [one, "/propose/counter/c1/add", { method: "POST", headers: { "sec-fetch-site": "cross-site" } }],
    [one, "/propose/counter/c1/add", { ...post("x"), headers: { "content-type": "text/plain" } }],
    ["/propose", "/propose", post(batch)],
    ["/propose", "/propose", post("[]")],
    ["/read/{actor}/{key}/{query}", "/read/counter/c1/value"],
    ["/read/{actor}/{key}/{query}", "/read/counter/c1/median"],
    ["/read/{actor}/{key}/{query}", "/read/counter/c1/value", post()],
    ["/read/{actor}/{key}", "/read/counter/c1"],
    ["/read/{actor}/{key}", "/read/counter/c1?consistency=x"],
    ["/read/{actor}", "/read/counter"],
    ["/admin/node", "/admin/node"],
    ["/admin/cluster", "/admin/cluster"],
    ["/admin/log", "/admin/log"],
    ["/admin/log", "/admin/log?limit=0"],
    ["/admin/snapshot", "/admin/snapshot", post()],
    ["/admin/backup", "/admin/backup?group=other"],
    ["/healthz", "/healthz"],
    ["/readyz", "/readyz"],
    ["/openapi.json", "/openapi.json"],
  ]
  for (const [path, url, init] of exchanges) {
    await expectDescribed(document, path, init?.method ?? "GET", await fake.ask(url, init))
  }
  fake.status.current = leaderless
  await expectDescribed(document, "/readyz", "GET", await fake.ask("/readyz"))
  for (const code of ["overloaded", "timeout", "storage-full"] as const) {
    fake.instead.current = { _tag: "Failure", code, outcome: "rejected", detail: "…" }
    await expectDescribed(document, one, "POST", await fake.ask("/propose/counter/c1/add", post('{"by":1}')))
  }
})

const at = { term: 1, time: 1_700_000_000_000 }
const logEntries: ReadonlyArray<ReadableEntry> = [
  { index: 1, ...at, kind: "noop", command: null, configuration: null },
  { index: 2, ...at, kind: "command", command: Uint8Array.of(0), configuration: null },
  { index: 3, ...at, kind: "configuration", command: null, configuration: leading.configuration },
]
