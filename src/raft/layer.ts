// What opens the door of a group? Its layer: the group's lives, and what is said of them.

import { Effect, Layer } from "effect"
import { members } from "../consensus/configuration.ts"
import { isServing, knownLeader, type Leader } from "../consensus/node.ts"
import type { GroupId, Millis, NodeId } from "../consensus/types.ts"
import { stopping } from "./failure.ts"
import { type Group, nowOf } from "./Group.ts"
import { handOver } from "./handOver.ts"
import type { Life } from "./Life.ts"
import { Lives } from "./Lives.ts"
import { type Observer, silentObserver } from "./observer.ts"
import type { RaftOptions } from "./options.ts"
import { outcastBy } from "./outcast.ts"
import {
  type ChangeRequest,
  type Glance,
  type GroupStatus,
  type GroupStopped,
  type LogRange,
  type MemberStatus,
  type Proposal,
  Raft,
  type Read,
  type ResetRequest,
  type TransferRequest,
} from "./Raft.ts"
import { readLog } from "./readLog.ts"
import { isInRepair } from "./repair.ts"
import { holdSnapshot, takeSnapshot } from "./snapshotter.ts"

/**
 * A running group. It stops with the scope; what waits then is answered. `stopped`: called when it can do nothing more, for whoever
 * has too many groups to wait for each.
 */
export const openRaft = Effect.fnUntraced(function* (
  options: RaftOptions,
  observer: Observer,
  stopped: (reason: GroupStopped) => void = () => {},
) {
  return Raft.of(new Door(options.group, yield* Lives.begin(options, observer, stopped)))
})

type RaftService = Raft["Service"]

/** What is asked is asked of the life that is at work then. */
class Door implements RaftService {
  readonly group: GroupId
  readonly #lives: Lives

  constructor(group: GroupId, lives: Lives) {
    this.group = group
    this.#lives = lives
  }

  get #present(): Life {
    return this.#lives.present
  }

  now(): Millis {
    return nowOf(this.#present.group.clock)
  }

  propose(asked: ReadonlyArray<Proposal>): void {
    this.#present.today.proposals.add(asked)
  }

  read(read: Read): void {
    this.#present.today.reads.add(read)
  }

  change(request: ChangeRequest): void {
    this.#present.today.operations.change(request)
  }

  reset(request: ResetRequest): void {
    this.#present.today.operations.reset(request)
  }

  transfer(request: TransferRequest): void {
    this.#present.today.operations.transfer(request)
  }

  onApplied(told: () => void): () => void {
    return this.#lives.listeners.add(told)
  }

  glance(): Glance {
    return glanceOf(this.#lives)
  }

  status(): GroupStatus {
    return statusOf(this.#lives)
  }

  get stopped() {
    return this.#lives.stopped
  }

  get handOver() {
    return Effect.suspend(() => {
      const life = this.#present
      return Effect.andThen(life.tenure.close(), handOver(life, null))
    })
  }

  get answerAll() {
    return Effect.sync(() => this.#present.answerAll(stopping))
  }

  get snapshot() {
    return Effect.suspend(() => takeSnapshot(this.#present.group, this.#present.flushed))
  }

  get backup() {
    return Effect.suspend(() =>
      holdSnapshot(this.#present.group, this.#present.applied, this.#present.flushed),
    )
  }

  log(range: LogRange) {
    return Effect.suspend(() => readLog(this.#present.group, range))
  }
}

/** {@link openRaft} as a layer. */
export const layerRaft = (options: RaftOptions, observer: Observer = silentObserver) =>
  Layer.effect(Raft, openRaft(options, observer))

const glanceOf = (lives: Lives): Glance => {
  const glance = glanceIn(lives.present)
  return lives.isBetween ? { ...glance, leader: null, serving: false } : glance
}

const glanceIn = ({ group: { node, partings, rest } }: Life): Glance => ({
  leader: knownLeader(node),
  serving: isServing(node) && partings.current === null,
  resting: rest.isResting,
  configuration: node.configurations.current,
  committed: node.configurations.asOf(node.commitIndex),
})

/** Between two lives nobody votes, leads or follows: it is as if the node were down for a moment. */
const statusOf = (lives: Lives): GroupStatus => {
  const status = statusIn(lives.present)
  return lives.isBetween
    ? {
        ...status,
        role: "follower",
        leader: null,
        serving: false,
        ready: false,
        heardMillis: Number.POSITIVE_INFINITY,
        diskBusyMillis: 0,
      }
    : status
}

const statusIn = (life: Life): GroupStatus => {
  const { group, day, flushed, checkpoints, scrubber } = life
  const { node, partings } = group
  const glance = glanceIn(life)
  const { leader, configuration } = glance
  return {
    ...glance,
    group: node.group,
    id: node.id,
    role:
      configuration.learners.includes(node.id) && node.role.kind === "follower" ? "learner" : node.role.kind,
    standing: node.standing,
    term: node.term,
    ready: isReady(life),
    heardMillis: heardMillis(group),
    commitIndex: node.commitIndex,
    appliedIndex: node.appliedIndex,
    persistedIndex: node.log.persistedIndex,
    firstIndex: node.log.firstIndex,
    lastIndex: node.log.lastIndex,
    lastTerm: node.log.lastTerm,
    snapshotIndex: flushed.index,
    leaderChanges: node.leaderChanges,
    outcast: leader === null ? outcastBy(group.transport) : null,
    diskBusyMillis: day?.writer.busyMillis() ?? 0,
    diskShort: node.isShort,
    parted: partings.current,
    partings: partings.counts,
    checkpoint: checkpoints.newest,
    splits: partings.splits,
    scrubs: { ...scrubber.scrubbed },
    // Most of those who ask for all groups do not ask for this, and it is most of the work.
    get members() {
      return members(configuration).map((id) => memberStatus(group, id))
    },
    queues: {
      proposals: day?.proposals.count ?? 0,
      reads: day?.reads.count ?? 0,
      writes: day?.writer.waiting() ?? 0,
      unsynced: node.log.lastIndex - node.log.persistedIndex,
      unapplied: node.commitIndex - node.appliedIndex,
    },
  }
}

const heardMillis = ({ node: { role }, clock, transport }: Group): number => {
  if (role.kind === "leader") return 0
  if (role.kind !== "follower" || role.leader === null) return Number.POSITIVE_INFINITY
  const pulse = role.rest === null ? null : transport.pulse(role.leader)
  return nowOf(clock) - Math.max(role.leaderHeardAt, pulse?.heardAt ?? Number.NEGATIVE_INFINITY)
}

/** Clients may be sent here: a leader is known, and this node has what that leader had not long ago. */
const isReady = ({ group, freshness }: Life): boolean => {
  const { node, options } = group
  if (isInRepair(group)) return false
  if (node.role.kind === "leader") return isServing(node)
  const isFresh = freshness.stalenessMillis <= 2 * options.limits.electionTimeoutMaxMillis
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
  // At rest nobody says anything, and what is heard of a member is its pulse.
  const pulseAt = group.rest.isResting ? (group.transport.pulse(id)?.heardAt ?? 0) : 0
  return {
    state: progress?.state ?? "replicate",
    matchIndex,
    lag: Math.max(0, log.lastIndex - matchIndex),
    lastContactMillis: progress === undefined ? 0 : nowOf(group.clock) - Math.max(progress.heardAt, pulseAt),
    whole: progress?.whole ?? true,
  }
}
