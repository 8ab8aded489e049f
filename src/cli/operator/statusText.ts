// How does an operator see at a glance how the cluster is?

import { none, printable, table, thousands } from "../tables.ts"
import type { MemberReport, Report } from "./diagnose.ts"
import { durationText } from "./units.ts"

export const statusText = (report: Report): string => {
  const { clusterId, leader, term, voters, members, troubles, notes, groups, change } = report
  const head = leader === null ? `nobody leads in term ${term}` : `${leader} leads in term ${term}`
  return [
    printable(`cluster ${clusterId}: ${head}, ${voters.answering} of ${voters.all} voters answer`),
    "",
    table(columns, members.map(row)),
    "",
    ...(groups === null ? [] : [printable(groupsText(groups))]),
    ...(change === null ? [] : [`change of voters under way: ${printable(change)}`]),
    ...notes.map((note) => `note: ${printable(note)}`),
    ...(troubles.length === 0 ? ["all is well"] : troubles.map((trouble) => `! ${printable(trouble)}`)),
  ].join("\n")
}

/** `1,000 groups: n1 leads 334, n2 333, n3 333`, and how many need a look. */
const groupsText = ({ count, led, wrong }: NonNullable<Report["groups"]>): string => {
  const shares = Object.entries(led).map(
    ([id, number], at) => `${id} ${at === 0 ? "leads " : ""}${thousands(number)}`,
  )
  const end = wrong === 0 ? "" : `; something is wrong in ${thousands(wrong)}`
  return `${thousands(count)} groups: ${shares.join(", ") || "nobody leads any"}${end}`
}

const columns = [
  ...["id", "role", "health", "log", "term", "commit", "applied", "lag", "on disk", "snapshot"],
  ...["heard", "version", "url"],
]

const row = (member: MemberReport): ReadonlyArray<string | number> => [
  member.id,
  member.role,
  member.health,
  member.state ?? none,
  member.term ?? none,
  member.commitIndex ?? none,
  member.appliedIndex ?? none,
  member.lag ?? none,
  member.persistedIndex ?? none,
  member.snapshotIndex ?? none,
  member.lastContactMs === null ? none : durationText(member.lastContactMs),
  member.version ?? none,
  member.url === "" ? none : member.url,
]
