// What every problem document must be, whatever went wrong.

import { expect } from "bun:test"

export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly outcome: string
  readonly retryable: boolean
  readonly [extra: string]: unknown
}

export const problemOf = async (response: Response): Promise<ProblemDocument> => {
  expect(response.headers.get("content-type")).toBe("application/problem+json")
  const document = (await response.json()) as ProblemDocument
  expect(document.status).toBe(response.status)
  expect(document.type).toBe(`urn:raftlet:problem:${document.code}`)
  expect(document.title).not.toBe("")
  expect(document.detail).not.toBe("")
  expect(["rejected", "unknown"]).toContain(document.outcome)
  expect(typeof document.retryable).toBe("boolean")
  return document
}

/** As a server has it: a `Request` that is made of an address goes where that leads. */
export const asItCame = (path: string): Request =>
  Object.defineProperty(new Request("http://127.0.0.1:4001/"), "url", {
    value: `http://127.0.0.1:4001${path}`,
  })
