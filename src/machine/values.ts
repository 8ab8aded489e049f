// What may cross between users' code and the rest of the world? JSON, and what schemas make of it.

import type { Schema } from "effect"

/** Any schema that needs no services: what it decodes to is what the reducer sees, its encoded form is JSON. */
export type AnySchema = Schema.ConstraintCodec<unknown, unknown, never, never>

/** What a reducer takes: the decoded input, or null for a command without one. */
export type InputOf<S> = S extends AnySchema ? S["Type"] : null

/** What may stand in JSON. */
export type Json =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Json>
  | { readonly [key: string]: Json | undefined }
