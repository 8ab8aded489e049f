// What does a caller learn when the answer is not a result? One table, from the code to everything else.

import type { RefusalCode, Refused } from "../machine/outcome.ts"
import type { Failure } from "../raft/Raft.ts"

/**
 * Whether what was asked for may still happen. `rejected`: it did not and will not. `unknown`: retry with the
 * same Idempotency-Key to find out.
 */
export type ProblemOutcome = "rejected" | "unknown"

export type ProblemCode =
  | RefusalCode
  | Failure["code"]
  | "bad-request"
  | "unauthorized"
  | "forbidden"
  | "unknown-member"
  | "not-found"
  | "method-not-allowed"
  | "unsupported-media-type"
  | "change-in-progress"
  | "id-in-use"
  | "address-in-use"
  | "has-more"
  | "version-conflict"
  | "partly-switched"
  | "quarantined"
  | "not-ready"
  | "unhealthy"
  | "routes-unavailable"
  | "internal"

interface Row {
  readonly status: number
  readonly title: string
  readonly retryable: boolean
  readonly outcome: ProblemOutcome
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number
}

const rejected = (status: number, title: string, retryable = false): Row => ({
  status,
  title,
  retryable,
  outcome: "rejected",
})

/** The error table of the contract. Nothing else decides a status. */
export const problemTable: Readonly<Record<ProblemCode, Row>> = {
  "bad-request": rejected(400, "The request cannot be understood"),
  "invalid-input": rejected(400, "The input does not fit the schema"),
  unauthorized: rejected(401, "A token is needed"),
  forbidden: rejected(403, "This is not allowed"),
  "unknown-actor": rejected(404, "There is no such actor"),
  "unknown-command": rejected(404, "The actor has no such command"),
  "unknown-query": rejected(404, "The actor has no such query"),
  "unknown-member": rejected(404, "There is no such member"),
  "not-found": rejected(404, "There is nothing here"),
  "method-not-allowed": rejected(405, "The method is not allowed here"),
  "change-in-progress": rejected(409, "Another change is in progress", true),
  // Whoever is down a moment later is heard no more.
  "id-in-use": rejected(409, "A member of this name is alive", true),
  "address-in-use": rejected(409, "Another member is alive at this address", true),
  "would-lose-quorum": rejected(409, "Too few of the voters would be alive"),
  "no-successor": rejected(409, "Nobody can take over"),
  "transfer-failed": rejected(503, "The successor did not take over", true),
  "has-leader": rejected(409, "There is a leader"),
  "has-more": rejected(409, "Another survivor's log is further"),
  "in-use": rejected(409, "It is in use"),
  "version-conflict": rejected(409, "The versions conflict"),
  // Whoever sends it again has it gone on with.
  "partly-switched": {
    status: 409,
    title: "Some groups have switched, and others have not",
    retryable: true,
    outcome: "unknown",
  },
  // The leader asks again by itself; a client sees it only when time runs out.
  "version-moved": rejected(503, "The actor has just been switched to another version", true),
  // Whoever asked on a client's behalf asks the right group; a client sees it only when time runs out.
  elsewhere: rejected(503, "The key is in another group", true),
  "revision-mismatch": rejected(412, "The instance is at another revision"),
  "too-large": rejected(413, "The content is too large"),
  "unsupported-media-type": rejected(415, "The media type is not supported"),
  "idempotency-mismatch": rejected(422, "The idempotency key was used for something else"),
  rejected: rejected(422, "The actor rejected the command"),
  quarantined: rejected(423, "The instance is quarantined"),
  overloaded: { ...rejected(503, "The node is overloaded", true), retryAfter: 1 },
  "no-leader": rejected(503, "No leader is known", true),
  "not-leader": rejected(503, "This node does not lead", true),
  "shutting-down": rejected(503, "The node is shutting down", true),
  stale: rejected(503, "What this node has is too old", true),
  "not-ready": rejected(503, "The node is not ready", true),
  unhealthy: rejected(503, "The node does not make progress", true),
  // Whoever begins again after a failure waits a second at the least.
  "routes-unavailable": { ...rejected(503, "The actor's routes do not run", true), retryAfter: 1 },
  "storage-full": rejected(507, "The disk is full", true),
  "leadership-lost": {
    status: 503,
    title: "Leadership was lost while the command was under way",
    retryable: true,
    outcome: "unknown",
  },
  timeout: { status: 504, title: "No answer in time", retryable: true, outcome: "unknown" },
  // Our own defect. It may have happened on either side of the proposal, so nothing is claimed.
  internal: { status: 500, title: "The node failed to answer", retryable: true, outcome: "unknown" },
}

/** Thrown and caught inside this folder only, and not an Error: bad input must not cost a stack trace. */
export class Problem {
  readonly code: ProblemCode
  readonly detail: string
  /** JSON object text whose members the document carries besides the common ones. */
  readonly extra: string
  readonly outcome: ProblemOutcome
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      readonly extra?: string
      readonly outcome?: ProblemOutcome
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    this.code = code
    this.detail = detail
    this.extra = options.extra ?? "{}"
    this.outcome = options.outcome ?? problemTable[code].outcome
    this.headers = options.headers ?? {}
  }
}

/** The machine decided against it. */
export const fromRefused = (refused: Refused): Problem =>
  new Problem(refused.code, refused.detail, {
    extra: refused.replayed ? withReplayed(refused.extra) : refused.extra,
  })

/** The machine never answered. Only the door knows whether what it held can still happen. */
export const fromFailure = (failure: Failure): Problem =>
  new Problem(failure.code, failure.detail, { outcome: failure.outcome })

/** The `application/problem+json` document (RFC 9457). */
export const problemText = (problem: Problem): string => {
  const row = problemTable[problem.code]
  const extra = problem.extra === "" || problem.extra === "{}" ? "" : `,${problem.extra.slice(1, -1)}`
  return (
    `{"type":"urn:raftlet:problem:${problem.code}","title":${JSON.stringify(row.title)},` +
    `"status":${row.status},"detail":${JSON.stringify(problem.detail)},"code":"${problem.code}",` +
    `"outcome":"${problem.outcome}","retryable":${row.retryable}${extra}}`
  )
}

export const problemResponse = (problem: Problem, headers: Readonly<Record<string, string>>): Response => {
  const { status, retryAfter } = problemTable[problem.code]
  return new Response(problemText(problem), {
    status,
    headers: {
      ...headers,
      "Content-Type": "application/problem+json",
      ...(retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) }),
      ...problem.headers,
    },
  })
}

const withReplayed = (extra: string): string =>
  extra === "" || extra === "{}" ? '{"replayed":true}' : `{"replayed":true,${extra.slice(1)}`
