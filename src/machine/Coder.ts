// How does a value cross between its schema's types and canonical JSON?

import { Result, SchemaAST, SchemaIssue, SchemaParser } from "effect"
import type { AnySchema, Json } from "./actor.ts"
import { type Fits, fitsOf, parseOptions } from "./fits.ts"
import { isStackOverflow, rethrowFault } from "./HostFault.ts"
import { type Canonical, canonicalise, jsonPointer, NotJson, tooDeep } from "./json.ts"
import { lastingMessageOf, messageLengthMax } from "./thrown.ts"

/** What is wrong with a value, and where. */
export interface Issue {
  /** JSON pointer; empty for the whole value. */
  readonly path: string
  readonly message: string
}

/** A schema, ready to be used on every command. */
export class Coder {
  readonly schema: AnySchema
  /** The decoded side is the encoded side: the canonical JSON itself is what reducers see. */
  readonly isPlain: boolean
  /** Null when only the schema's parser can tell. */
  readonly #fits: Fits | null
  readonly #decode: (input: unknown) => Result.Result<unknown, SchemaIssue.Issue>
  readonly #encode: (input: unknown) => Result.Result<unknown, SchemaIssue.Issue>

  constructor(schema: AnySchema) {
    this.schema = schema
    this.isPlain = SchemaAST.toType(schema.ast) === schema.ast
    this.#fits = this.isPlain && SchemaAST.toEncoded(schema.ast) === schema.ast ? fitsOf(schema.ast) : null
    this.#decode = SchemaParser.decodeUnknownResult(schema, parseOptions)
    this.#encode = SchemaParser.encodeUnknownResult(schema, parseOptions)
  }

  /** Of a plain schema the result is `json` itself, so that the order of keys never depends on the way here. */
  decode(json: Json): Result.Result<unknown, ReadonlyArray<Issue>> {
    if (this.#certainlyFits(json)) return Result.succeed(json)
    const decoded = guard(() => this.#decode(json))
    return this.isPlain && Result.isSuccess(decoded) ? Result.succeed(json) : decoded
  }

  /** Canonical JSON of a value of the decoded side. */
  encode(value: unknown): Result.Result<Canonical, ReadonlyArray<Issue>> {
    const plain = this.#encodePlain(value)
    if (plain !== null) return Result.succeed(plain)
    const encoded = guard(() => this.#encode(value))
    if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
    try {
      return Result.succeed(canonicalise(encoded.success))
    } catch (error) {
      // A getter or a proxy of the author's that ran over the stack: where it does differs from node to node.
      rethrowFault(error, "the value")
      return Result.fail([
        { path: error instanceof NotJson ? error.path : "", message: lastingMessageOf(error) },
      ])
    }
  }

  /**
   * Null when the parser must look at the value. The copy is what is checked: a value that reads differently the
   * second time gains nothing.
   */
  #encodePlain(value: unknown): Canonical | null {
    if (this.#fits === null) return null
    try {
      const canonical = canonicalise(value)
      return canonical.isExact && this.#certainlyFits(canonical.json) ? canonical : null
    } catch (error) {
      rethrowFault(error, "the value")
      return null
    }
  }

  #certainlyFits(json: Json): boolean {
    try {
      return this.#fits?.(json) === true
    } catch {
      // A check that throws: the parser says what that means.
      return false
    }
  }
}

/** Why a schema's encoded form is not JSON; null when it is. */
export const notJsonReason = (schema: AnySchema): string | null =>
  findNotJson(SchemaAST.toEncoded(schema.ast), [], new Set())

/**
 * Freezes plain objects and arrays all the way down. False when there is something that cannot be frozen
 * (a Map, a Date, an instance of a class): such a value must not be handed out twice.
 */
export const freezeDeep = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "function"
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!isPlain) return false
  Object.freeze(value)
  let whole = true
  for (const held of Object.values(value)) whole = freezeDeep(held) && whole
  return whole
}

const guard = (
  parse: () => Result.Result<unknown, SchemaIssue.Issue>,
): Result.Result<unknown, ReadonlyArray<Issue>> => {
  try {
    const parsed = parse()
    return Result.isSuccess(parsed) ? Result.succeed(parsed.success) : Result.fail(issuesOf(parsed.failure))
  } catch (error) {
    // How deep a stack reaches differs from node to node; that this value is too deep does not.
    if (isStackOverflow(error)) return Result.fail([{ path: "", message: tooDeep }])
    rethrowFault(error, "the schema")
    // A schema's own transformation threw, or wanted to wait.
    return Result.fail([{ path: "", message: lastingMessageOf(error) }])
  }
}

const issuesOf = (issue: SchemaIssue.Issue): ReadonlyArray<Issue> =>
  format(issue)
    .issues.slice(0, issuesMax)
    .map(({ message, path }) => ({
      path: jsonPointer((path ?? []).map((step) => (typeof step === "object" ? step.key : step)))
        .slice(0, messageLengthMax)
        .toWellFormed(),
      message: message.slice(0, messageLengthMax).toWellFormed(),
    }))

const findNotJson = (
  encoded: SchemaAST.AST,
  path: ReadonlyArray<PropertyKey>,
  seen: Set<SchemaAST.AST>,
): string | null => {
  if (seen.has(encoded)) return null
  seen.add(encoded)
  switch (encoded._tag) {
    case "Undefined":
    case "Void":
      return SchemaAST.isOptional(encoded) ? null : notJson(encoded, path, "use Schema.Null")
    case "BigInt":
      return notJson(encoded, path, "use Schema.BigIntFromString")
    case "Symbol":
    case "UniqueSymbol":
      return notJson(encoded, path, "use a string")
    case "Literal":
      return typeof encoded.literal === "bigint" ? notJson(encoded, path, "use a number or a string") : null
    case "Declaration": {
      const link = encoded.annotations?.toCodecJson
      const isJson = typeof link === "function" && link([]) === undefined
      return isJson ? null : notJson(encoded, path, "use a schema that encodes to a string, number or struct")
    }
    case "Arrays":
      return first([...encoded.elements, ...encoded.rest], (item) => findNotJson(item, [...path, "*"], seen))
    case "Union":
      return first(encoded.types, (member) =>
        // `Schema.optional` adds undefined: the key is then simply absent.
        member._tag === "Undefined" && SchemaAST.isOptional(encoded) ? null : findNotJson(member, path, seen),
      )
    case "Suspend":
      return findNotJson(encoded.thunk(), path, seen)
    case "Objects":
      return (
        first(encoded.propertySignatures, ({ name, type }) =>
          typeof name === "symbol"
            ? notJson(type, [...path, name], "use a string as key")
            : findNotJson(type, [...path, name], seen),
        ) ?? first(encoded.indexSignatures, ({ type }) => findNotJson(type, [...path, "*"], seen))
      )
    default:
      return null
  }
}

const notJson = (ast: SchemaAST.AST, path: ReadonlyArray<PropertyKey>, advice: string): string =>
  `${jsonPointer(path) || "the whole"} is not JSON (${ast._tag}): ${advice}`

const first = <Item>(items: ReadonlyArray<Item>, find: (item: Item) => string | null): string | null => {
  for (const item of items) {
    const found = find(item)
    if (found !== null) return found
  }
  return null
}

const issuesMax = 20
const format = SchemaIssue.makeFormatterStandardSchemaV1()
