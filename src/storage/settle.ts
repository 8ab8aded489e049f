// A node starts: does its log still hold all that it ever promised, and where does it begin?

import type { Configuration, HardState, LogBase, Standing, TermRun } from "../consensus/types.ts"
import type { LoadedGroup } from "./LogStore.ts"

/** What the disk showed of one group, verified as far as `lastIndex`. */
export interface Found {
  readonly hardState: HardState
  readonly base: LogBase
  readonly baseConfiguration: Configuration
  readonly lastIndex: number
  readonly terms: ReadonlyArray<TermRun>
  readonly pendingInstall: LoadedGroup["pendingInstall"]
  readonly suspicion: string
}

export interface Settled {
  readonly hardState: HardState
  readonly base: LogBase
  readonly baseConfiguration: Configuration
  /** The entries found cannot be used: the log begins anew at `base`, empty. */
  readonly restart: boolean
  readonly suspicion: string
}

export const settle = (options: {
  readonly found: Found | null
  /** The hard state that the second witness names. */
  readonly marked: HardState | null
  /** Why a group that is not found may have been there; empty when it cannot. */
  readonly lossSuspicion: string
  readonly initial: Configuration
  readonly stateIndex: number
  readonly stateTerm: number
  readonly stateConfiguration: Configuration
}): Settled => {
  const { found, marked, stateIndex, stateTerm } = options
  const known = found?.hardState ?? { term: 0, votedFor: null }
  const hardState = marked === null ? known : highest(known, marked)
  const atState = {
    base: { index: stateIndex, term: stateTerm },
    baseConfiguration: options.stateConfiguration,
  }
  if (found === null) {
    const suspicion =
      options.lossSuspicion ||
      (marked !== null ? "the group is gone from the log" : "") ||
      (stateIndex > 0 ? `the group is gone from the log, its state has come to ${stateIndex}` : "")
    return suspicion === ""
      ? {
          hardState,
          base: { index: 0, term: 0 },
          baseConfiguration: options.initial,
          restart: true,
          suspicion,
        }
      : { hardState, ...atState, restart: true, suspicion }
  }
  const unusable = unusableLog(found, stateIndex, stateTerm)
  const outdated =
    hardState.term === known.term && hardState.votedFor === known.votedFor
      ? ""
      : `the vote of term ${known.term} on disk is behind the marked one of term ${hardState.term}`
  const suspicion = found.suspicion || unusable || outdated
  return unusable === ""
    ? {
        hardState,
        base: found.base,
        baseConfiguration: found.baseConfiguration,
        restart: false,
        suspicion,
      }
    : { hardState, ...atState, restart: true, suspicion }
}

export const standingOf = (suspicion: string): Standing => (suspicion === "" ? "whole" : "suspect")

/** Never below either witness; within one term the vote of the one that has it (HAZARDS E2). */
export const highest = (known: HardState, marked: HardState): HardState => {
  const outdated =
    marked.term > known.term ||
    (marked.term === known.term && known.votedFor === null && marked.votedFor !== null)
  const { term, votedFor } = outdated ? marked : known
  return { term, votedFor }
}

const unusableLog = (found: Found, stateIndex: number, stateTerm: number): string => {
  if (found.lastIndex < stateIndex) {
    return `the log ends at ${found.lastIndex}, the state has come to ${stateIndex}`
  }
  // What the log says is as true without the state, which a snapshot makes good: one of its own that is about to take
  // the state's place, or another node's.
  if (stateIndex < found.base.index) return ""
  const term = termAt(found, stateIndex)
  return term === stateTerm
    ? ""
    : `the log holds term ${term} at ${stateIndex}, the state applied term ${stateTerm}`
}

const termAt = (found: Found, index: number): number =>
  index === found.base.index
    ? found.base.term
    : (found.terms.findLast((run) => run.firstIndex <= index)?.term ?? found.base.term)
