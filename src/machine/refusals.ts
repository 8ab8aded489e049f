// How does the machine say no? The texts of its refusals, and what each adds to the problem.

import type { Json } from "./actor.ts"
import type { Issue } from "./Coder.ts"
import type { RefusalCode, Refused } from "./outcome.ts"

/** Why a command was rejected: a reducer's own words, or the machine's about a reducer. */
export interface Reason {
  readonly code: string
  readonly message: string
  readonly data: Json
}

export const refused = (code: RefusalCode, detail: string, extra: object = {}): Refused => ({
  _tag: "Refused",
  code,
  detail,
  extra: JSON.stringify(extra),
  replayed: false,
})

export const unknownActor = (actor: string): Refused =>
  refused("unknown-actor", `There is no actor "${shorten(actor)}".`)

export const unknownCommand = (actor: string, command: string): Refused =>
  refused("unknown-command", `The actor "${actor}" has no command "${shorten(command)}".`)

export const unknownQuery = (actor: string, query: string): Refused =>
  refused("unknown-query", `The actor "${actor}" has no query "${shorten(query)}".`)

export const invalidInput = (detail: string, issues: ReadonlyArray<Issue>): Refused =>
  refused("invalid-input", detail, { issues })

export const tooLarge = (bytes: number, bytesMax: number): Refused =>
  refused("too-large", `The input has ${bytes} bytes; ${bytesMax} are allowed.`)

export const revisionMismatch = (expected: number, revision: number): Refused =>
  refused("revision-mismatch", `The instance is at revision ${revision}, not at ${expected}.`, { revision })

export const idempotencyMismatch = (): Refused =>
  refused("idempotency-mismatch", "The idempotency key was used with another command or input.")

export const rejected = (reason: Reason): Refused => refused("rejected", reason.message, { reason })

const shorten = (name: string): string => (name.length > 64 ? `${name.slice(0, 64)}…` : name).toWellFormed()
