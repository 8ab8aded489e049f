// Why did the machine never give an answer?

import type { Failure } from "./Raft.ts"

export const failure = (code: Failure["code"], outcome: Failure["outcome"], detail: string): Failure => ({
  _tag: "Failure",
  code,
  outcome,
  detail,
})

/** Why a door closes, and what those are told who stand there. */
export interface Closing {
  /** To who is not let in, or was not heard yet. */
  readonly refused: Failure
  /** To who may still be executed. */
  readonly unanswered: Failure
  /** To a peer, about its clients. */
  readonly toPeer: Failure
}

const stops = failure("shutting-down", "rejected", "this node stops")

export const stopping: Closing = {
  refused: stops,
  unanswered: failure("leadership-lost", "unknown", "this node stops before the command was answered"),
  toPeer: stops,
}

/** A peer looks for another leader; its clients need not know. */
export const repairing: Closing = {
  refused: failure("not-ready", "rejected", "this node's state is not what the others have: it is in repair"),
  unanswered: failure(
    "leadership-lost",
    "unknown",
    "this node gave up its state before the command was answered",
  ),
  toPeer: failure("not-leader", "rejected", "this node does not lead"),
}
