// What does a caller learn when there is no result?

import type { Json } from "../machine/definition.ts"

/** A problem document (RFC 9457) as a node writes it, or as this side does when nobody has answered. */
export interface Problem {
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly outcome: "rejected" | "unknown"
  readonly retryable: boolean
  readonly [more: string]: unknown
}

/** A reducer's own words. */
export interface Reason {
  readonly code: string
  readonly message: string
  readonly data: Json
}

/** Where an input does not fit its schema: a JSON pointer, and what is expected there. */
export interface Issue {
  readonly path: string
  readonly message: string
}

/**
 * The cluster said no, or nobody knows. `outcome` is what counts: after `rejected` the command did not happen and will not;
 * after `unknown` it may have, or still may: propose it again with the same `idempotencyKey` to find out. Tokens and inputs
 * are never part of it, other than in the words of the cluster itself.
 */
export class Failure extends Error {
  override readonly name = "Failure"
  /** Of the error table: `rejected`, `invalid-input`, `revision-mismatch`, `no-leader`, `timeout`, … */
  readonly code: string
  readonly outcome: "rejected" | "unknown"
  /** The HTTP status that stands for it. */
  readonly status: number
  /** Whether the same may succeed later, without anything having been corrected. */
  readonly retryable: boolean
  readonly detail: string
  /** What the reducer said with `ctx.reject`, or by what it threw; null when it was not the reducer. */
  readonly reason: Reason | null
  /** The places that do not fit: of an input (`invalid-input`), or of a state after its migration. Else there are none. */
  readonly issues: ReadonlyArray<Issue>
  /** How many times a node was asked. */
  readonly attempts: number
  readonly #problem: Problem

  constructor(problem: Problem, attempts: number) {
    const issues = Array.isArray(problem.issues) ? problem.issues.filter(isIssue) : []
    super(`${problem.code}: ${problem.detail}${wordsOf(issues)}`)
    this.code = problem.code
    this.outcome = problem.outcome
    this.status = problem.status
    this.retryable = problem.retryable
    this.detail = problem.detail
    this.reason = isReason(problem.reason) ? problem.reason : null
    this.issues = issues
    this.attempts = attempts
    this.#problem = problem
  }

  /** The problem document, for a handler that has nothing to add: hono answers an error with what this gives. */
  getResponse(): Response {
    return new Response(JSON.stringify(this.#problem), {
      status: this.status,
      headers: { "Content-Type": "application/problem+json" },
    })
  }
}

const isReason = (value: unknown): value is Reason =>
  typeof value === "object" && value !== null && "code" in value && "message" in value && "data" in value

const isIssue = (value: unknown): value is Issue => {
  if (typeof value !== "object" || value === null) return false
  const { path, message } = value as Partial<Issue>
  return typeof path === "string" && typeof message === "string"
}

/** The first place: enough for whoever reads a log. */
const wordsOf = ([first, ...more]: ReadonlyArray<Issue>): string => {
  if (first === undefined) return ""
  // A pointer to the whole is empty.
  const place = first.path === "" ? "" : `${first.path}: `
  return ` ${place}${first.message}${more.length === 0 ? "" : `; and ${more.length} more`}`
}

/** Nobody has answered in time, or not as a node does. */
export const timeout = (outcome: Problem["outcome"], detail: string): Problem => ({
  type: "urn:raftlet:problem:timeout",
  title: "No answer in time",
  status: 504,
  detail,
  code: "timeout",
  outcome,
  retryable: true,
})

/** The document that a value of JSON is; null: none that a node would write. */
export const problemIn = (value: unknown): Problem | null => {
  if (typeof value !== "object" || value === null) return null
  const { code, status, detail, outcome, retryable } = value as Partial<Problem>
  const isProblem =
    typeof code === "string" &&
    typeof detail === "string" &&
    (outcome === "rejected" || outcome === "unknown") &&
    typeof retryable === "boolean" &&
    Number.isInteger(status) &&
    status! >= 400 &&
    status! <= 599
  return isProblem ? (value as Problem) : null
}
