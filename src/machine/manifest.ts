// What can be told of a version to whoever does not run it?

import { Schema } from "effect"
import type { AnySchema, Json } from "./actor.ts"
import type { Manifest } from "./Catalogue.ts"
import { canonicalise } from "./json.ts"
import type { LoadedActor } from "./Registry.ts"

export const manifestOf = (actor: LoadedActor): Manifest => ({
  declared: actor.declared,
  commands: [...actor.commands.keys()].sort(),
  queries: [...actor.queries.keys()].sort(),
  initial: actor.initialText,
  migrations: Array.from(actor.migrations, ([to, { down }]) => ({ to, down: down !== null })).sort(
    (left, right) => left.to - right.to,
  ),
  shapes: shapesOf(actor),
})

const shapesOf = (actor: LoadedActor): Manifest["shapes"] => {
  const shapes: Record<string, Json> = { state: shapeOf(actor.state.schema) }
  for (const [kind, definitions] of [
    ["commands", actor.commands],
    ["queries", actor.queries],
  ] as const) {
    for (const [name, { input, output }] of definitions) {
      shapes[`${kind}.${name}.input`] = shapeOf(input.schema)
      shapes[`${kind}.${name}.output`] = shapeOf(output.schema)
    }
  }
  return shapes
}

/** JSON Schema of the encoded form; null when there is none, or it says too much. */
const shapeOf = (schema: AnySchema): Json => {
  try {
    const { schema: shape, definitions } = Schema.toJsonSchemaDocument(schema)
    const whole = Object.keys(definitions).length === 0 ? shape : { ...shape, $defs: definitions }
    const { json, textBytesMax } = canonicalise(JSON.parse(JSON.stringify(whole)))
    return textBytesMax <= shapeBytesMax ? json : null
  } catch {
    return null
  }
}

/** A shape is for people to compare. */
const shapeBytesMax = 64 * 1024
