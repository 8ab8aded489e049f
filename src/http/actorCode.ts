// What code has an operator sent, and what is it? Nothing is proposed for it here.

import { Effect, Result } from "effect"
import { codeBytesMax } from "../machine/bundle.ts"
import { type BundleSource, bundleApart } from "../machine/bundleApart.ts"
import type { Bodies } from "./Bodies.ts"
import { isObject, refuseUnknown } from "./fields.ts"
import { Problem } from "./problem.ts"

export type Body = Readonly<Record<string, unknown>>

/** The body as an object with no more in it than these; an absent one is empty. */
export const bodyOf = async (
  bodies: Bodies,
  request: Request,
  fields: ReadonlyArray<string>,
): Promise<Body> => {
  const body = (await bodies.json(request, true)) ?? {}
  if (!isObject(body)) throw new Problem("bad-request", "The body must be a JSON object.")
  refuseUnknown(body, fields, "The body")
  return body
}

/** The same of a route that takes code: whose body may also be the text of one file. */
export const codeBodyOf = async (
  bodies: Bodies,
  request: Request,
  fields: ReadonlyArray<string>,
): Promise<Body> => {
  const source = await bodies.text(request, sourceTypes)
  return source === null ? bodyOf(bodies, request, [...fields, "source", "bundle"]) : { source }
}

/** The module that the body holds, bundled when it has come as a source; null when it holds neither. */
export const codeIn = async (
  body: Body,
  name: string,
  bundle: BundleSource = bundleApart,
): Promise<string | null> => {
  const { source, bundle: bundled } = body
  if (source === undefined && bundled === undefined) return null
  if (source !== undefined && bundled !== undefined) throw new Problem("bad-request", oneOfThem)
  const text = source ?? bundled
  if (typeof text !== "string" || text.trim() === "") throw new Problem("bad-request", oneOfThem)
  const bytes = Buffer.byteLength(text)
  if (bytes > codeBytesMax) {
    throw new Problem("too-large", `The code has ${bytes} bytes; ${codeBytesMax} are allowed.`)
  }
  if (source === undefined) return text
  const made = await Effect.runPromise(Effect.result(bundle({ name, source: text })))
  if (Result.isSuccess(made)) return made.success.code
  throw unusable(made.failure.problems.map(({ reason }) => reason).join("; "))
}

export const unusable = (reason: string): Problem =>
  new Problem("invalid-input", `The code cannot be used: ${reason}.`)

export const oneOfThem =
  'The body must be the TypeScript of one file (Content-Type: text/typescript), or {"source"} or {"bundle"} as JSON.'

const sourceTypes =
  /^\s*(?:text\/(?:plain|typescript|javascript)|application\/(?:typescript|javascript|x-typescript))\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
