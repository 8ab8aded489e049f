// How are all groups of a node together? A figure for each question that an alert asks, however many groups there are.

import { behind } from "../groups/following.ts"
import type { Metrics } from "../metrics/Metrics.ts"
import type { GroupStatus } from "../raft/Raft.ts"

/** Groups that have lines of their own in a scrape, `main` first; of more there are totals alone. */
export const groupsListedMax = 1000

/** `statuses`: of all groups, `main` first, as of this scrape. */
export const registerGroupTotals = (metrics: Metrics, statuses: () => ReadonlyArray<GroupStatus>): void => {
  const total = (name: string, help: string, counts: (status: GroupStatus) => boolean) =>
    metrics.gauge(name, help, [], () => [{ labels: [], value: statuses().filter(counts).length }])

  total("raftlet_groups", "Groups that this node runs.", () => true)
  total("raftlet_groups_led", "Of them, those that it leads.", ({ role }) => role === "leader")
  total("raftlet_groups_resting", "Of them, those of which nobody wants anything.", ({ resting }) => resting)
  total(
    "raftlet_groups_leaderless",
    "Of them, those of which it knows no leader.",
    ({ leader }) => leader === null,
  )
  total(
    "raftlet_groups_unready",
    "Of them, those that have not applied what they must.",
    ({ ready }) => !ready,
  )
  total(
    "raftlet_groups_parted",
    "Of them, those whose state here is in repair.",
    ({ parted }) => parted !== null,
  )
  total(
    "raftlet_groups_suspect",
    "Of them, those whose log here lost something and waits for repair.",
    ({ standing }) => standing !== "whole",
  )
  metrics.gauge("raftlet_groups_behind", "Of them, those whose members have yet to follow main.", [], () => {
    const [main, ...others] = statuses()
    return [{ labels: [], value: main === undefined ? 0 : behind(main.committed, others).length }]
  })
  metrics.gauge(
    "raftlet_groups_unlisted",
    `Of them, those that have no lines of their own here: beyond ${groupsListedMax} there are totals alone.`,
    [],
    () => [{ labels: [], value: Math.max(0, statuses().length - groupsListedMax) }],
  )
}
