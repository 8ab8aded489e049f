// Which of a node's own figures can be read from its doors when somebody scrapes?

import type { Metrics, Sample } from "../metrics/Metrics.ts"
import type { GroupStatus } from "../raft/Raft.ts"

/** Registers the gauges of groups and of the process. `statuses` is asked once per figure, and must cost nothing. */
export const registerNodeMetrics = (
  metrics: Metrics,
  statuses: () => ReadonlyArray<GroupStatus>,
  uptimeMillis: () => number,
): void => {
  const perGroup = (
    name: string,
    help: string,
    value: (status: GroupStatus) => number,
    type: "gauge" | "counter" = "gauge",
  ) =>
    metrics.gauge(
      name,
      help,
      ["group"],
      () => statuses().map((status) => ({ labels: [status.group], value: value(status) })),
      type,
    )

  metrics.gauge("raftlet_role", "1 for the role that the node has in the group.", ["group", "role"], () =>
    statuses().flatMap((status) =>
      roles.map((role) => ({ labels: [status.group, role], value: status.role === role ? 1 : 0 })),
    ),
  )
  perGroup("raftlet_term", "Current term.", (status) => status.term)
  perGroup(
    "raftlet_leader_changes_total",
    "Leaders seen since the node started.",
    (s) => s.leaderChanges,
    "counter",
  )
  perGroup("raftlet_has_leader", "1 when the node knows a leader.", (s) => (s.leader === null ? 0 : 1))
  perGroup("raftlet_ready", "1 when the node has applied what it must.", (s) => (s.ready ? 1 : 0))
  perGroup("raftlet_whole", "0 when the node's log lost something and waits for repair.", (s) =>
    s.standing === "whole" ? 1 : 0,
  )
  perGroup(
    "raftlet_parted",
    "1 while the node's state is not what the others have, until it is repaired.",
    (s) => (s.parted === null ? 0 : 1),
  )
  metrics.gauge(
    "raftlet_partings_total",
    "How often the node's state was found not to be what the others have, by how that was found.",
    ["group", "reason"],
    () =>
      statuses().flatMap(({ group, partings }) =>
        Object.entries(partings).map(([reason, value]) => ({ labels: [group, reason], value })),
      ),
    "counter",
  )
  perGroup(
    "raftlet_state_splits_total",
    "Checkpoints at which no majority can agree, seen while this node led. More than 0 needs somebody to look.",
    (s) => s.splits,
    "counter",
  )
  perGroup(
    "raftlet_scrubs_total",
    "How often all of the state on the disk was read, row by row, since it was opened.",
    (s) => s.scrubs.count,
    "counter",
  )
  perGroup("raftlet_scrub_seconds", "How long that took the last time.", (s) => s.scrubs.tookMillis / 1000)
  perGroup("raftlet_checkpoint_index", "Newest checkpoint that the state has come past.", (s) =>
    s.checkpoint === null ? 0 : s.checkpoint.index,
  )
  perGroup(
    "raftlet_disk_short",
    "1 while the node's disk is full, and what is kept for that is in use.",
    (s) => (s.diskShort ? 1 : 0),
  )
  perGroup("raftlet_commit_index", "Highest entry known to be committed.", (s) => s.commitIndex)
  perGroup("raftlet_applied_index", "Highest entry applied to the state.", (s) => s.appliedIndex)
  perGroup("raftlet_persisted_index", "Highest entry on this node's disk.", (s) => s.persistedIndex)
  perGroup("raftlet_first_index", "First entry that the log still holds.", (s) => s.firstIndex)
  perGroup("raftlet_last_index", "Last entry of the log.", (s) => s.lastIndex)
  perGroup("raftlet_snapshot_index", "Entry that the state on disk covers.", (s) => s.snapshotIndex)
  metrics.gauge(
    "raftlet_peer_lag_entries",
    "Entries that a peer has yet to confirm; known to the leader only.",
    ["group", "peer"],
    () => peers(statuses(), (progress) => progress.lag),
  )
  metrics.gauge(
    "raftlet_peer_last_contact_seconds",
    "Time since a peer was last heard; known to the leader only.",
    ["group", "peer"],
    () => peers(statuses(), (progress) => (progress.lastContactMillis ?? Number.NaN) / 1000),
  )
  metrics.gauge("raftlet_queue_depth", "How many wait in a queue.", ["group", "queue"], () =>
    statuses().flatMap((status) =>
      Object.entries(status.queues).map(([queue, value]) => ({ labels: [status.group, queue], value })),
    ),
  )
  metrics.gauge("raftlet_uptime_seconds", "Time since the node started.", [], () => [
    { labels: [], value: uptimeMillis() / 1000 },
  ])
  metrics.gauge("process_resident_memory_bytes", "Resident memory of the process.", [], () => [
    { labels: [], value: process.memoryUsage.rss() },
  ])
}

type Progress = NonNullable<GroupStatus["members"][number]["progress"]>

const peers = (
  statuses: ReadonlyArray<GroupStatus>,
  value: (progress: Progress) => number,
): ReadonlyArray<Sample> =>
  statuses.flatMap((status) =>
    status.members.flatMap(({ id, progress }) =>
      progress === null || id === status.id ? [] : [{ labels: [status.group, id], value: value(progress) }],
    ),
  )

const roles = ["follower", "candidate", "leader", "learner"] as const
