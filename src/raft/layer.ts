// What opens the door of a group? Its layer: starts the group, and answers about it.

import { Effect, Layer } from "effect"
import { members } from "../consensus/configuration.ts"
import { isServing, knownLeader, type Leader } from "../consensus/node.ts"
import type { NodeId } from "../consensus/types.ts"
import { type Group, nowOf } from "./Group.ts"
import type { Operations } from "./Operations.ts"
import { type Observer, silentObserver } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import { outcastBy } from "./outcast.ts"
import { Partings } from "./Partings.ts"
import { type GroupStatus, type MemberStatus, Raft } from "./Raft.ts"
import { readLog } from "./readLog.ts"
import { holdSnapshot, takeSnapshot } from "./snapshotter.ts"
import { type Started, start } from "./start.ts"

/** A running group. It stops with the layer's scope; what waits then is answered. */
export const layerRaft = (options: RaftOptions, observer: Observer = silentObserver) =>
  Layer.effect(
    Raft,
    Effect.gen(function* () {
      const started = yield* start(options, observer, new Partings())
      const { group, proposals, reads, operations, applied, flushed, listeners } = started
      return Raft.of({
        group: options.group,
        now: () => nowOf(group.clock),
        propose: (asked) => proposals.add(asked),
        read: (read) => reads.add(read),
        change: (request) => operations.change(request),
        reset: (request) => operations.reset(request),
        transfer: (request) => operations.transfer(request),
        onApplied: (told) => listeners.add(told),
        status: () => statusOf(started),
        stopped: started.stopped,
        handOver: handOver(group, operations),
        answerAll: started.answerAll,
        snapshot: takeSnapshot(group, flushed),
        backup: holdSnapshot(group, applied, flushed),
        log: (range) => readLog(group, range),
      })
    }),
  )

const handOver = (group: Group, operations: Operations): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (group.node.role.kind !== "leader") return resume(Effect.void)
    const deadline = nowOf(group.clock) + 2 * group.options.limits.electionTimeoutMaxMillis
    operations.transfer({ to: null, deadline, answer: () => resume(Effect.void) }, true)
  })

const statusOf = (started: Started): GroupStatus => {
  const { group, proposals, reads, writer, flushed, checkpoints } = started
  const { node, partings } = group
  const leader = knownLeader(node)
  const configuration = node.configurations.current
  return {
    group: node.group,
    id: node.id,
    role:
      configuration.learners.includes(node.id) && node.role.kind === "follower" ? "learner" : node.role.kind,
    standing: node.standing,
    term: node.term,
    leader,
    serving: isServing(node),
    ready: isReady(started),
    commitIndex: node.commitIndex,
    appliedIndex: node.appliedIndex,
    persistedIndex: node.log.persistedIndex,
    firstIndex: node.log.firstIndex,
    lastIndex: node.log.lastIndex,
    lastTerm: node.log.lastTerm,
    snapshotIndex: flushed.index,
    leaderChanges: node.leaderChanges,
    outcast: leader === null ? outcastBy(group.transport) : null,
    diskBusyMillis: writer.busyMillis(),
    diskShort: node.isShort,
    parted: partings.current,
    partings: partings.counts,
    checkpoint: checkpoints.newest,
    splits: partings.splits,
    configuration,
    members: members(configuration).map((id) => memberStatus(group, id)),
    queues: {
      proposals: proposals.count,
      reads: reads.count,
      writes: writer.waiting(),
      unsynced: node.log.lastIndex - node.log.persistedIndex,
      unapplied: node.commitIndex - node.appliedIndex,
    },
  }
}

/** Clients may be sent here: a leader is known, and this node has what that leader had not long ago. */
const isReady = ({ group, reads }: Started): boolean => {
  const { node, options } = group
  if (node.role.kind === "leader") return isServing(node)
  const isFresh = reads.stalenessMillis <= 2 * options.limits.electionTimeoutMaxMillis
  return node.standing === "whole" && knownLeader(node) !== null && isFresh
}

const memberStatus = (group: Group, id: NodeId): MemberStatus => {
  const { node } = group
  const { learners, addresses } = node.configurations.current
  return {
    id,
    role: learners.includes(id) ? "learner" : "voter",
    peer: addresses[id]?.peer ?? "",
    client: clientOf(group, id) || (addresses[id]?.client ?? ""),
    progress: node.role.kind === "leader" ? progressStatus(group, node.role, id) : null,
  }
}

/** Where a member serves clients, by its own word: addresses may change when a node restarts. */
const clientOf = (group: Group, id: NodeId): string =>
  id === group.node.id
    ? group.options.client
    : (group.transport.connections().find((peer) => peer.id === id)?.client ?? "")

const progressStatus = (group: Group, leader: Leader, id: NodeId): MemberStatus["progress"] => {
  const { log } = group.node
  const progress = leader.progress.get(id)
  const matchIndex = progress?.match ?? log.persistedIndex
  return {
    state: progress?.state ?? "replicate",
    matchIndex,
    lag: Math.max(0, log.lastIndex - matchIndex),
    lastContactMillis: progress === undefined ? 0 : nowOf(group.clock) - progress.heardAt,
    whole: progress?.whole ?? true,
  }
}
