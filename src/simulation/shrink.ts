// What is the least that still goes wrong? A failing script with ever fewer operations, faults and nodes.

import type { NodeId } from "../consensus/types.ts"
import { calmLink } from "./Link.ts"
import { plainClock } from "./Process.ts"
import type { Failure, Report } from "./run.ts"
import type { Script } from "./script.ts"

export interface Shrunk {
  readonly script: Script
  readonly failure: Failure
  readonly runs: number
}

/**
 * Leaves out what it can while the same checker still speaks (delta debugging, Zeller and Hildebrandt 2002).
 * `told` is called after every run. A run is one of the machine's: the answer is the best that so many found.
 */
export const shrink = (options: {
  readonly script: Script
  readonly failure: Failure
  readonly run: (script: Script) => Report
  readonly runsMax: number
  readonly told?: (best: Script, runs: number) => void
}): Shrunk => {
  const { run, runsMax, told } = options
  let best = options.script
  let failure = options.failure
  let runs = 0
  const holds = (candidate: Script): boolean => {
    if (runs >= runsMax) return false
    runs++
    const found = run(candidate).failure
    const isFound = found?.checker === failure.checker
    if (isFound) {
      best = candidate
      failure = found
    }
    told?.(best, runs)
    return isFound
  }
  let isSmaller = true
  while (isSmaller && runs < runsMax) {
    const before = best
    for (const simplify of simplifications) {
      const candidate = simplify(best)
      if (!isSame(candidate, best)) holds(candidate)
    }
    shrinkList(best.faults, (faults) => holds({ ...best, faults }))
    shrinkList(best.operations, (operations) => holds({ ...best, operations }))
    shrinkList(best.changes, (changes) => holds({ ...best, changes }))
    const { till } = best
    if (till !== undefined) {
      shrinkList(till.deploys, (deploys) => holds({ ...best, till: { ...till, deploys } }))
    }
    shrinkList(best.groups ?? [], (groups) => holds({ ...best, groups }))
    for (const [at, group] of (best.groups ?? []).entries()) {
      shrinkList(group.operations, (operations) =>
        holds({ ...best, groups: (best.groups ?? []).with(at, { ...group, operations }) }),
      )
    }
    shrinkList(best.forGood, (forGood) => holds({ ...best, forGood }))
    isSmaller = best !== before
  }
  return { script: best, failure, runs }
}

/** Tries to do without ever smaller parts of a list. */
const shrinkList = <Item>(list: ReadonlyArray<Item>, holds: (list: ReadonlyArray<Item>) => boolean): void => {
  let left = list
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length; ) {
      const fewer = [...left.slice(0, at), ...left.slice(at + size)]
      if (holds(fewer)) left = fewer
      else at += size
    }
  }
}

/** The same with less around it: fewer nodes, better weather, plainer clocks, no time after the failure. */
const simplifications: ReadonlyArray<(script: Script) => Script> = [
  (script) => withNodes({ ...script, spares: [] }, script.voters, script.outgoing, script.learners),
  (script) => withNodes(script, script.voters, script.outgoing, []),
  (script) => withNodes(script, script.voters, [], script.learners),
  (script) => withNodes(script, script.voters.slice(0, 3), [], script.learners),
  ({ till: _, ...script }) => script,
  ({ hasLeading: _, ...script }) => script,
  ({ split: _, ...script }) => script,
  (script) => ({ ...script, link: calmLink }),
  (script) => ({ ...script, link: { ...script.link, loss: 0, duplicate: 0 } }),
  (script) => ({ ...script, link: { ...script.link, reorder: 0, bytesPerMilli: 0 } }),
  (script) => ({ ...script, disk: { syncMillisMin: 0, syncMillisMax: 0 } }),
  (script) => ({ ...script, boundaryMillisMax: 0 }),
  (script) => ({
    ...script,
    clocks: Object.fromEntries(Object.keys(script.clocks).map((id) => [id, plainClock])),
  }),
  (script) => ({ ...script, calmAtMillis: Math.max(CALM_MILLIS_MIN, Math.round(script.calmAtMillis / 2)) }),
]

const CALM_MILLIS_MIN = 100

const isSame = (one: Script, other: Script): boolean => JSON.stringify(one) === JSON.stringify(other)

/** What concerns nodes that are no longer there goes with them. */
const withNodes = (
  script: Script,
  voters: ReadonlyArray<NodeId>,
  outgoing: ReadonlyArray<NodeId>,
  learners: ReadonlyArray<NodeId>,
): Script => {
  const ids = new Set([...voters, ...outgoing, ...learners, ...script.spares])
  const isThere = (value: unknown): boolean =>
    typeof value === "string"
      ? !/^n\d+$/.test(value) || ids.has(value)
      : typeof value !== "object" || value === null || Object.values(value).every(isThere)
  return {
    ...script,
    voters,
    outgoing,
    learners,
    changes: script.changes.filter(isThere),
    faults: script.faults.filter(isThere),
    forGood: script.forGood.filter(isThere),
  }
}
