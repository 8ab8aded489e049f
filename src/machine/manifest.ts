// What can be told of a version to whoever does not run it?

import { Schema } from "effect"
import type { AnySchema, Json } from "./actor.ts"
import type { Manifest } from "./Catalogue.ts"
import { type Canonical, canonicalise } from "./json.ts"
import type { LoadedActor } from "./Registry.ts"
import { utf8Length } from "./utf8.ts"

/** Why a version cannot be kept with what is told of it; null when it can: it stands in one entry of the log. */
export const manifestProblem = (manifest: Manifest): string | null => {
  const initialBytes = utf8Length(manifest.initial)
  if (initialBytes > initialBytesMax) {
    return `initial: it has ${initialBytes} bytes; ${initialBytesMax} are allowed`
  }
  const bytes = utf8Length(JSON.stringify(manifest))
  return bytes <= manifestBytesMax
    ? null
    : `its names, schemas and initial state have ${bytes} bytes; ${manifestBytesMax} are allowed`
}

export const manifestOf = (actor: LoadedActor): Manifest => ({
  declared: actor.declared,
  commands: [...actor.commands.keys()].sort(),
  queries: [...actor.queries.keys()].sort(),
  initial: actor.initialText,
  migrations: Array.from(actor.migrations, ([to, { down }]) => ({ to, down: down !== null })).sort(
    (left, right) => left.to - right.to,
  ),
  hasLeading: actor.leading !== null,
  // Not where there are none: what is told of a version is the same as before it could have any.
  ...(actor.routes === null ? {} : { hasRoutes: true }),
  ...actor.home,
  shapes: shapesOf(actor),
})

const shapesOf = (actor: LoadedActor): Manifest["shapes"] => {
  const shapes: Record<string, Json> = {}
  let bytesLeft = shapesBytesMax
  const shape = (schema: AnySchema): Json => {
    const { json, textBytesMax } = shapeOf(schema)
    if (textBytesMax > Math.min(bytesLeft, shapeBytesMax)) return null
    bytesLeft -= textBytesMax
    return json
  }
  shapes["state"] = shape(actor.state.schema)
  for (const [kind, definitions] of [
    ["commands", actor.commands],
    ["queries", actor.queries],
  ] as const) {
    for (const [name, { input, output }] of definitions) {
      shapes[`${kind}.${name}.input`] = shape(input.schema)
      shapes[`${kind}.${name}.output`] = shape(output.schema)
    }
  }
  return shapes
}

/** JSON Schema of the encoded form; null when there is none. */
const shapeOf = (schema: AnySchema): Pick<Canonical, "json" | "textBytesMax"> => {
  try {
    const { schema: shape, definitions } = Schema.toJsonSchemaDocument(schema)
    const whole = Object.keys(definitions).length === 0 ? shape : { ...shape, $defs: definitions }
    return canonicalise(JSON.parse(JSON.stringify(whole)))
  } catch {
    return { json: null, textBytesMax: 0 }
  }
}

/** A shape is for people to compare: one that says too much, and those behind too many, are left out. */
const shapeBytesMax = 64 * 1024
const shapesBytesMax = 256 * 1024
export const initialBytesMax = 256 * 1024
/** Half of what a command may bring: what is text in it is quoted once more. */
export const manifestBytesMax = 512 * 1024
