// How are the groups besides the one that is looked at, by what all nodes say of them? A line only where something is wrong.

import { thousands } from "../tables.ts"
import type { ClusterAnswer, NodeAnswer } from "./answers.ts"

export interface GroupsReport {
  readonly count: number
  /** How many each node leads. */
  readonly led: Readonly<Record<string, number>>
  /** Groups of which there is something to say. */
  readonly wrong: number
  readonly troubles: ReadonlyArray<string>
  /** Of which nobody is known to lead, though all else may be well: for a moment that is so when they are handed over. */
  readonly leaderless: ReadonlyArray<string>
}

type GroupWords = NodeAnswer["groups"][number]

/** What one node says of one group. */
interface Word extends GroupWords {
  readonly id: string
}

/**
 * Null: there is none but the one that is looked at. `nodes`: those of this cluster that answer. `leaderlessBefore`: as of a look
 * shortly before; that nobody leads it is wrong of those alone.
 */
export const diagnoseGroups = (
  nodes: ReadonlyArray<NodeAnswer>,
  view: ClusterAnswer,
  leaderlessBefore?: ReadonlySet<string>,
): GroupsReport | null => {
  const words = nodes.flatMap(({ id, groups }) => groups.map((group): Word => ({ id, ...group })))
  const byGroup = Map.groupBy(words, ({ group }) => group)
  if (byGroup.size < 2) return null
  const looked = nodes.find(({ groups }) => groups.length > 0)?.groups[0]?.group
  const members = new Set(view.members.map(({ id }) => id))
  const running = nodes.filter(({ id, groups }) => members.has(id) && groups.length > 0).map(({ id }) => id)
  const behind = new Set(view.change?.groups ?? [])
  const led: Record<string, number> = {}
  const lines: Array<string> = []
  const leaderless: Array<string> = []
  for (const [group, said] of byGroup) {
    const leader = leaderOf(said)
    if (leader !== null) led[leader] = (led[leader] ?? 0) + 1
    // Of the first one all else is said in the table.
    if (group === looked) continue
    if (leader === null) leaderless.push(group)
    const wrong = [
      ...(leader === null && leaderlessBefore?.has(group) !== false ? ["nobody leads it"] : []),
      ...missingText(expected(running, said).filter((id) => !said.some((word) => word.id === id))),
      ...said.flatMap(wrongAt),
      ...(behind.has(group) ? ["it has yet to follow the change of members"] : []),
    ]
    if (wrong.length > 0) lines.push(`group ${group}: ${wrong.join("; ")}`)
  }
  const more = lines.length - linesMax
  return {
    count: byGroup.size,
    led,
    wrong: lines.length,
    leaderless,
    troubles: [
      ...lines.slice(0, linesMax),
      ...(more > 0 ? [`and something in ${thousands(more)} more groups`] : []),
    ],
  }
}

/** Who is to run it, as far as anybody says. */
const expected = (running: ReadonlyArray<string>, said: ReadonlyArray<Word>): ReadonlyArray<string> => {
  const seats = said.find((word) => word.seats != null)?.seats
  return seats == null ? running : running.filter((id) => seats.includes(id))
}

/** Of the newest term that anybody knows. */
const leaderOf = (said: ReadonlyArray<Word>): string | null =>
  said
    .filter(({ leader }) => leader !== null)
    .reduce<Word | null>((best, word) => (best === null || word.term > best.term ? word : best), null)
    ?.leader ?? null

const missingText = (ids: ReadonlyArray<string>): ReadonlyArray<string> =>
  ids.length === 0 ? [] : [`${ids.join(", ")} ${ids.length === 1 ? "does" : "do"} not run it yet`]

const wrongAt = ({ id, standing, parted, commitIndex, appliedIndex }: Word): ReadonlyArray<string> => {
  if (standing === "suspect") return [`the log of ${id} waits for repair`]
  if (parted != null) return [`the state of ${id} is in repair`]
  const left = commitIndex - appliedIndex
  return left < leftMax ? [] : [`${id} has not yet applied ${thousands(left)} committed entries`]
}

/** As of the group that is looked at. */
const leftMax = 5000
const linesMax = 20
