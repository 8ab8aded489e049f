// Is an answer one that the published document describes? (H4)

import { expect } from "bun:test"

export interface Document {
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
  readonly additionalProperties?: Schema | boolean
  readonly enum?: ReadonlyArray<unknown>
  readonly const?: unknown
}

/** As the app publishes it. */
export const documentOf = async (ask: (path: string) => Promise<Response>): Promise<Document> =>
  (await (await ask("/openapi.json")).json()) as Document

/** The body is taken from a copy: the answer can still be read. */
export const expectDescribed = async (
  document: Document,
  path: string,
  method: string,
  response: Response,
) => {
  const where = `${method} ${path} ${response.status}`
  const described = document.paths[path]?.[method.toLowerCase()]?.responses[response.status]
  if (described === undefined) throw new Error(`${where} is not described`)
  const type = response.headers.get("content-type")?.split(";")[0] ?? ""
  const schema = described.content?.[type]?.schema
  if (schema === undefined) throw new Error(`${where}: ${type} is not described`)
  expect(offences(document, schema, await response.clone().json(), where)).toEqual([])
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
    const { additionalProperties } = schema
    for (const name of Object.keys(object)) {
      if (Object.hasOwn(schema.properties ?? {}, name) || additionalProperties === undefined) continue
      if (typeof additionalProperties === "object") {
        found.push(...offences(document, additionalProperties, object[name], `${at}.${name}`))
      } else if (!additionalProperties) found.push(`${at}: ${name} is not described`)
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
