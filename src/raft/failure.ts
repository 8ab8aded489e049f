// Why did the machine never give an answer?

import type { Failure } from "./Raft.ts"

export const failure = (code: Failure["code"], outcome: Failure["outcome"], detail: string): Failure => ({
  _tag: "Failure",
  code,
  outcome,
  detail,
})
