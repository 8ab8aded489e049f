// What leaves for a follower that is too far behind for the log?

import { beforeEach, expect, test } from "bun:test"
import { Clock, Context, Effect, Random, Scheduler } from "effect"
import { encodeConfiguration } from "../../src/consensus/configuration.ts"
import type { Message } from "../../src/consensus/message.ts"
import type { Node } from "../../src/consensus/node.ts"
import { Errand } from "../../src/raft/Errand.ts"
import type { Group } from "../../src/raft/Group.ts"
import { silentObserver } from "../../src/raft/observer.ts"
import { defaultOptions } from "../../src/raft/options.ts"
import { Partings } from "../../src/raft/Partings.ts"
import { replicate } from "../../src/raft/replicator.ts"
import { World } from "../../src/simulation/World.ts"
import type { Snapshot } from "../../src/storage/SnapshotStore.ts"
import { configuration, elected, entry, fromDisk, limits, progressOf } from "../consensus/support.ts"

const then = configuration({ voters: ["a", "b"] })
const now = configuration({ voters: ["a", "b", "c"] })
const snapshot: Snapshot = { index: 5, term: 1, configuration: then, id: "s", bytes: 3 }

let world: World
let node: Node
let sent: Array<Message>
/** Whether the follower's node can be reached, and this node has a state to copy. */
let isReached: boolean
let hasState: boolean

/** Leads with two entries behind a snapshot, the second of which lets another node in. */
beforeEach(() => {
  world = new World(1)
  node = fromDisk({
    hardState: { term: 1, votedFor: null },
    base: { index: 5, term: 1 },
    entries: [entry(6, 1), entry(7, 1, { kind: "configuration", data: encodeConfiguration(now) })],
    configuration: then,
    applied: 6,
  })
  elected(node)
  sent = []
  isReached = true
  hasState = true
})

const replicating = (): Errand => {
  const clock = world.clock(0)
  const snapshots = {
    latest: Effect.suspend(() => Effect.succeed(hasState ? snapshot : null)),
    create: Effect.succeed(null),
    read: () => Effect.succeed(new Uint8Array(3)),
  }
  const send = (_to: string, _group: string, message: Message): boolean => {
    if (isReached) sent.push(message)
    return isReached
  }
  const group = {
    options: { ...defaultOptions, limits },
    node,
    snapshots,
    transport: { send },
    observer: silentObserver,
    machine: { position: Effect.succeed({ index: 6 }) },
    partings: new Partings(),
    clock,
  } as unknown as Group
  const services = Context.empty().pipe(
    Context.add(Scheduler.Scheduler, world.scheduler),
    Context.add(Clock.Clock, clock),
    Context.add(Random.Random, world.random),
  )
  const errand = new Errand(
    (life) => void Effect.runForkWith(services)(life),
    () => replicate(group, "b", progressOf(node, "b"), errand),
  )
  errand.raise()
  return errand
}

test("a snapshot is that of its own index, with the configuration as of there (§7, N4, N7)", () => {
  progressOf(node, "b").probeFrom(2)
  replicating()
  world.runFor(1)
  expect(node.configurations.current).toEqual(now)
  expect(sent).toMatchObject([{ snapshot: { index: 5, term: 1, configuration: then }, id: "s", offset: 0 }])
})

test("a piece that gets no answer is sent again (R14, N8)", () => {
  progressOf(node, "b").probeFrom(2)
  replicating()
  world.runFor(limits.electionTimeoutMaxMillis - 1)
  expect(sent.length).toBe(1)
  world.runFor(2)
  expect(sent.length).toBe(2)
})

test("who cannot be reached when the term begins is asked the same later, and needs no snapshot", () => {
  isReached = false
  const errand = replicating()
  world.runFor(1)
  isReached = true
  progressOf(node, "b").probeAgain()
  errand.raise()
  world.runFor(1)
  expect(sent).toMatchObject([{ type: "AppendRequest", prevIndex: 7 }])
})

test("who cannot be sent a snapshot is asked whether it needs one", () => {
  hasState = false
  progressOf(node, "b").probeFrom(2)
  replicating()
  world.runFor(limits.electionTimeoutMaxMillis + 1)
  expect(sent).toMatchObject([{ type: "AppendRequest", prevIndex: 5 }])
})
