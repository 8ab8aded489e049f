// Does the published document describe the routes that exist, and the answers that they give? (H4)

import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { ReadableEntry } from "../../src/raft/Raft.ts"
import { leaderless, leading, makeFake } from "./fakeRaft.ts"

interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, Answer> }>>
  readonly components: { readonly schemas: Record<string, Schema> }
}
interface Answer {
  readonly content?: Record<string, { readonly schema: Schema }>
}
interface Schema {
  readonly $ref?: string
  readonly allOf?: ReadonlyArray<Schema>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly type?: string | ReadonlyArray<string>
  readonly properties?: Record<string, Schema>
  readonly required?: ReadonlyArray<string>
  readonly items?: Schema
  readonly enum?: ReadonlyArray<unknown>
  readonly const?: unknown
}

const load = async () => (await (await makeFake().ask("/openapi.json")).json()) as Document

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

const expectDescribed = async (document: Document, path: string, method: string, response: Response) => {
  const where = `${method} ${path} ${response.status}`
  const described = document.paths[path]?.[method.toLowerCase()]?.responses[response.status]
  if (described === undefined) throw new Error(`${where} is not described`)
  const type = response.headers.get("content-type")?.split(";")[0] ?? ""
  const schema = described.content?.[type]?.schema
  if (schema === undefined) throw new Error(`${where}: ${type} is not described`)
  expect(offences(document, schema, await response.json(), where)).toEqual([])
}

/** The part of JSON Schema that the document uses. */
const offences = (document: Document, schema: Schema, value: unknown, at: string): ReadonlyArray<string> => {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? ""
    const target = document.components.schemas[name]
    return target === undefined ? [`${at}: no schema ${name}`] : offences(document, target, value, at)
  }
  const found = (schema.allOf ?? []).flatMap((part) => offences(document, part, value, at))
  if (schema.anyOf?.every((part) => offences(document, part, value, at).length > 0))
    found.push(`${at}: anyOf`)
  if (schema.enum !== undefined && !schema.enum.includes(value)) found.push(`${at}: ${value} not in enum`)
  if (schema.const !== undefined && schema.const !== value)
    found.push(`${at}: ${value} is not ${schema.const}`)
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) {
    found.push(`${at}: ${JSON.stringify(value)} is not ${schema.type}`)
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema
    found.push(...value.flatMap((item, index) => offences(document, items, item, `${at}[${index}]`)))
  }
  if (isOf("object", value)) {
    const object = value as Record<string, unknown>
    found.push(
      ...(schema.required ?? []).filter((name) => !(name in object)).map((name) => `${at}: no ${name}`),
    )
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (name in object) found.push(...offences(document, property, object[name], `${at}.${name}`))
    }
  }
  return found
}

const isOf = (type: string, value: unknown): boolean => {
  switch (type) {
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
