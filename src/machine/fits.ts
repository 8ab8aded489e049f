// Does a JSON value fit a schema as it stands? A quick yes for the schemas that nearly all actors are made of; the
// schema's own parser says no, and why.

import { SchemaAST } from "effect"
import type { Json } from "./actor.ts"

/** For canonical values: neither -0 nor anything that JSON does not have. True only when the parser accepts. */
export type Fits = (json: Json) => boolean

/**
 * Null when a part of the schema is left to its parser: transformations, classes, templates, recursion. On whole
 * states it takes a tenth of the parser's time, which prepares for everything that a schema can be.
 */
export const fitsOf = (ast: SchemaAST.AST): Fits | null => {
  if (ast.encoding !== undefined) return null
  if ("encodingChecks" in ast && ast.encodingChecks !== undefined) return null
  const fits = shapeOf(ast)
  if (fits === null || ast.checks === undefined) return fits
  const filters = ast.checks.flatMap(filtersOf)
  return (json) => fits(json) && filters.every(({ run }) => !run(json, ast, parseOptions))
}

/** What is asked of every value: all that is wrong is told, and nothing unknown is let pass. */
export const parseOptions = { errors: "all", onExcessProperty: "error" } as const

const shapeOf = (ast: SchemaAST.AST): Fits | null => {
  switch (ast._tag) {
    case "Null":
      return (json) => json === null
    case "Boolean":
      return (json) => typeof json === "boolean"
    case "Number":
      return (json) => typeof json === "number"
    case "String":
      return (json) => typeof json === "string"
    case "Literal":
      return (json) => json === ast.literal
    case "Undefined":
      return () => false
    case "Unknown":
    case "Any":
      return () => true
    case "Union":
      return unionOf(ast)
    case "Arrays":
      return listOf(ast)
    case "Objects":
      return ast.indexSignatures.length === 0 ? structOf(ast) : recordOf(ast)
    default:
      return null
  }
}

/** What the first member that fits makes of a value is the value itself. */
const unionOf = (ast: SchemaAST.Union): Fits | null => {
  if (ast.options?.mode === "oneOf") return null
  const members = allOf(ast.types)
  return members === null ? null : (json) => members.some((fits) => fits(json))
}

const listOf = (ast: SchemaAST.Arrays): Fits | null => {
  const [item, ...tail] = ast.rest
  if (item === undefined || tail.length > 0 || ast.elements.length > 0) return null
  const fits = fitsOf(item)
  return fits === null ? null : (json) => Array.isArray(json) && json.every(fits)
}

const structOf = (ast: SchemaAST.Objects): Fits | null => {
  const fields: Array<{ readonly name: string; readonly isOptional: boolean; readonly fits: Fits }> = []
  for (const { name, type } of ast.propertySignatures) {
    const fits = fitsOf(type)
    // What every object inherits is never absent to the parser.
    if (fits === null || typeof name !== "string" || name in Object.prototype) return null
    fields.push({ name, isOptional: SchemaAST.isOptional(type), fits })
  }
  // An empty struct takes whatever is not null.
  if (fields.length === 0) return null
  return (json) => {
    if (!isRecord(json)) return false
    let found = 0
    for (const { name, isOptional, fits } of fields) {
      const held = json[name]
      if (held === undefined && isOptional) continue
      if (held === undefined || !fits(held)) return false
      found++
    }
    return Object.keys(json).length === found
  }
}

const recordOf = (ast: SchemaAST.Objects): Fits | null => {
  const [signature, ...others] = ast.indexSignatures
  if (signature === undefined || others.length > 0 || ast.propertySignatures.length > 0) return null
  const { parameter } = signature
  const isAnyKey =
    parameter._tag === "String" && parameter.checks === undefined && parameter.encoding === undefined
  const fits = fitsOf(signature.type)
  if (fits === null || !isAnyKey) return null
  return (json) => isRecord(json) && Object.keys(json).every((key) => fits(json[key] ?? null))
}

const allOf = (asts: ReadonlyArray<SchemaAST.AST>): ReadonlyArray<Fits> | null => {
  const all = asts.map(fitsOf)
  return all.includes(null) ? null : (all as ReadonlyArray<Fits>)
}

const filtersOf = (check: SchemaAST.Check<Json>): ReadonlyArray<SchemaAST.Filter<Json>> =>
  check._tag === "FilterGroup" ? check.checks.flatMap(filtersOf) : [check]

const isRecord = (json: Json): json is { readonly [key: string]: Json | undefined } =>
  typeof json === "object" && json !== null && !Array.isArray(json)
