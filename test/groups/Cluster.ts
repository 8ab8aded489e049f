// A cluster whose nodes run many groups, on virtual time: what the tests of src/groups stand on.

import { Clock, Context, Effect, Exit, type Fiber, Layer, Random, Scheduler, Schema, Scope } from "effect"
import type { Change, Configuration, GroupId, NodeId } from "../../src/consensus/types.ts"
import { Groups, type RunningGroup } from "../../src/groups/Groups.ts"
import { layerGroups } from "../../src/groups/layer.ts"
import type { PartsOfGroups } from "../../src/groups/parts.ts"
import { type Actor, actor } from "../../src/machine/actor.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerInProcess } from "../../src/machine/hostInProcess.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../../src/machine/outcome.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { everySlot } from "../../src/machine/slots.ts"
import { encodeSystem, type SystemInput, type SystemName } from "../../src/machine/system/commands.ts"
import type { Seating } from "../../src/machine/system/GroupDirectory.ts"
import { layerRaft } from "../../src/raft/layer.ts"
import { Neighbours } from "../../src/raft/Neighbours.ts"
import { silentObserver } from "../../src/raft/observer.ts"
import { defaultOptions } from "../../src/raft/options.ts"
import type { Changed, Failure } from "../../src/raft/Raft.ts"
import { World } from "../../src/simulation/World.ts"
import { layerMemory as layerLog } from "../../src/storage/logStoreMemory.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { layerMemory as layerSnapshots } from "../../src/storage/snapshotStoreMemory.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { layerMemory as layerNetwork, MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"

export const counter: Actor = actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Int,
      output: Schema.Int,
      reduce: (state, by) => ({ state: { value: state.value + by }, result: state.value + by }),
    },
  },
  queries: { value: { output: Schema.Int, read: (state) => state.value } },
}) as Actor

const addressOf = (id: NodeId, incarnation: string) => ({
  peer: `${id}:1`,
  client: `http://${id}`,
  incarnation,
})

export class TestNode {
  readonly id: NodeId
  disk: MemoryDisk
  initial: Configuration
  scope: Scope.Closeable | null = null
  groups: Groups["Service"] | null = null

  constructor(id: NodeId, initial: Configuration) {
    this.id = id
    this.initial = initial
    this.disk = diskOf(id, 1)
  }

  get incarnation(): string {
    return this.disk.identity.incarnation
  }
}

const diskOf = (id: NodeId, life: number): MemoryDisk =>
  new MemoryDisk({ clusterId: "c", nodeId: id, incarnation: `${id}-${life}` })

const nobody: Configuration = { voters: [], outgoing: [], learners: [], learnersNext: [], addresses: {} }

type Zones = Readonly<Record<NodeId, string>>

export class GroupsCluster {
  readonly world: World
  readonly network = new MemoryNetwork()
  readonly nodes: Array<TestNode>
  readonly #hasCounters: boolean
  readonly #zones: Zones

  /** `hasCounters`: `main` has some as well; otherwise it can be settled where they live. */
  constructor(
    seed: number,
    ids: ReadonlyArray<NodeId>,
    { hasCounters = true, zones = {} }: { readonly hasCounters?: boolean; readonly zones?: Zones } = {},
  ) {
    this.#hasCounters = hasCounters
    this.#zones = zones
    this.world = new World(seed)
    const initial: Configuration = {
      ...nobody,
      voters: ids,
      addresses: Object.fromEntries(ids.map((id) => [id, { peer: `${id}:1`, client: `http://${id}` }])),
    }
    this.nodes = ids.map((id) => new TestNode(id, initial))
    for (const node of this.nodes) this.start(node)
  }

  node(id: NodeId): TestNode {
    return this.nodes.find((node) => node.id === id)!
  }

  /** A node that knows the cluster and is no member of it. */
  newcomer(id: NodeId): TestNode {
    const node = new TestNode(id, nobody)
    this.nodes.push(node)
    this.start(node)
    return node
  }

  /** It comes back with an empty directory, as another one than it was. */
  wipe(node: TestNode): void {
    node.disk = diskOf(node.id, 2)
    node.initial = nobody
  }

  start(node: TestNode): void {
    const scope = Scope.makeUnsafe()
    node.scope = scope
    const { disk, id, initial } = node
    const contacts = Object.fromEntries(this.nodes.map((each) => [each.id, addressOf(each.id, "")]))
    const raft = { ...defaultOptions, id, client: `http://${id}`, neighbours: new Neighbours() }
    const partsIn = (group: GroupId, initial: Configuration) =>
      layerInProcess({
        openStore: () => openMemoryStateStore(disk, { group, initial }),
        registry: group === "main" && !this.#hasCounters ? registryOf({}) : registryOf({ counter }),
        node: id,
        group,
      }).pipe(Layer.provideMerge(layerSnapshots({ disk, group })))
    const parts: PartsOfGroups = {
      open: Effect.fnUntraced(function* (group, initial) {
        const context = yield* Layer.build(partsIn(group, initial))
        return {
          machine: Context.get(context, MachineHost),
          snapshots: Context.get(context, SnapshotStore),
          leading: null,
          observer: silentObserver,
        }
      }),
      forget: (group) => Effect.sync(() => disk.directories.delete(group)),
    }
    const layers = layerGroups({
      id,
      incarnation: node.incarnation,
      zone: this.#zones[id] ?? null,
      raft: { ...raft, connects: false, rests: true },
      observer: silentObserver,
      parts,
    }).pipe(
      Layer.provideMerge(
        layerRaft(
          { ...raft, group: "main", initial, contacts: initial === nobody ? contacts : {} },
          silentObserver,
        ),
      ),
      Layer.provideMerge(
        Layer.mergeAll(
          layerLog(disk),
          layerNetwork({ network: this.network, id, incarnation: node.incarnation }),
          partsIn("main", initial),
        ),
      ),
    )
    const program = Effect.map(Layer.buildWithScope(layers, scope), (context) => {
      node.groups = Context.get(context, Groups)
    })
    this.fork(program)
    this.until(() => node.groups !== null, `${id} starts`)
  }

  /** Ends the node's lives; what its disk holds stays. */
  stop(node: TestNode): void {
    const { scope } = node
    if (scope === null) return
    node.scope = null
    node.groups = null
    const fiber = this.fork(Scope.close(scope, Exit.void))
    this.until(() => fiber.pollUnsafe() !== undefined, `${node.id} stops`)
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    const context = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, this.world.scheduler),
      Context.add(Clock.Clock, this.world.clock(1_700_000_000_000)),
      Context.add(Random.Random, this.world.random),
    )
    return Effect.runForkWith(context)(effect)
  }

  until(isTrue: () => boolean, what: string, atMostMillis = 20_000): void {
    if (!this.world.runUntil(isTrue, atMostMillis)) throw new Error(`it never comes that ${what}`)
  }

  pass(millis: number): void {
    this.world.runUntil(() => false, millis)
  }

  group(id: NodeId, group: GroupId): RunningGroup | undefined {
    return this.node(id).groups?.find(group)
  }

  leaderOf(group: GroupId): TestNode | undefined {
    return this.nodes.find((node) => node.groups?.find(group)?.raft.status().serving === true)
  }

  /** The node that leads the group, once one does. */
  led(group: GroupId): TestNode {
    this.until(() => this.leaderOf(group) !== undefined, `${group} has a leader`)
    return this.leaderOf(group)!
  }

  await<A>(ask: (answer: (given: A) => void) => void): A {
    let given: A | null = null
    ask((answer) => {
      given = answer
    })
    this.until(() => given !== null, "an answer comes")
    return given!
  }

  propose(group: GroupId, command: Uint8Array, at: TestNode = this.led(group)): Outcome | Failure {
    const { raft } = at.groups!.find(group)!
    return this.await((answer) =>
      raft.propose([{ command, deadline: raft.now() + 10_000, forward: true, answer }]),
    )
  }

  system<Name extends SystemName>(
    name: Name,
    key: string,
    input: SystemInput<Name>,
    group: GroupId = "main",
  ): Outcome | Failure {
    const id = `${name} ${key} ${this.world.nowMillis}`
    return this.propose(group, encodeSystem(name, { key, input, id, door: "n1" }))
  }

  /** With all nodes as its members, and all counters. */
  open(group: GroupId): Outcome | Failure {
    const opened = this.system("$group/open", group, this.#founding())
    if (opened._tag !== "Accepted") return opened
    this.led(group)
    this.system("$shard/own", "counter", { ranges: [everySlot] }, group)
    return opened
  }

  /** As {@link open}, and waits for nobody. */
  begin(group: GroupId): void {
    const command = encodeSystem("$group/open", {
      key: group,
      input: this.#founding(),
      id: `begin ${group}`,
      door: "n1",
    })
    const { raft } = this.led("main").groups!.main
    raft.propose([{ command, deadline: raft.now() + 10_000, forward: true, answer: () => {} }])
  }

  /** With these as its members, asked at that node. */
  openWith(group: GroupId, voters: ReadonlyArray<NodeId>, at: TestNode): Outcome | Failure {
    const input = this.#founding(voters)
    return this.propose("main", encodeSystem("$group/open", { key: group, input, id: group, door: "n1" }), at)
  }

  /** Run by so many of them. */
  openSeated(group: GroupId, seats: ReadonlyArray<NodeId>, replicas = seats.length): Outcome | Failure {
    const seating = { replicas, like: group, seats }
    const { configuration } = this.#founding(this.members)
    const known = this.led("main").groups!.main.raft.glance().committed.addresses
    const addresses = Object.fromEntries(
      this.members.map((id) => [id, { ...configuration.addresses[id]!, ...known[id] }]),
    )
    const opened = this.system("$group/open", group, {
      configuration: { ...configuration, addresses },
      seating,
    })
    if (opened._tag !== "Accepted") return opened
    this.led(group)
    this.system("$shard/own", "counter", { ranges: [everySlot] }, group)
    return opened
  }

  get members(): ReadonlyArray<NodeId> {
    return this.led("main").groups!.main.raft.glance().committed.voters
  }

  seatingOf(group: GroupId): Seating {
    return this.led("main").groups!.seatingOf(group)!
  }

  #founding(ids: ReadonlyArray<NodeId> = this.nodes.map(({ id }) => id)): SystemInput<"$group/open"> {
    const addresses = Object.fromEntries(ids.map((id) => [id, addressOf(id, this.node(id).incarnation)]))
    return { configuration: { voters: ids, learners: [], addresses } }
  }

  add(group: GroupId, by: number, at?: TestNode): Outcome | Failure {
    const command = encodeCommand({
      actor: "counter",
      key: "k",
      command: "add",
      input: JSON.stringify(by),
      idempotencyKey: `add ${this.world.nowMillis} ${by}`,
      ifRevision: null,
      version: "",
      seed: new Uint8Array(16),
      caller: "",
      door: "n1",
    })
    return this.propose(group, command, at)
  }

  read(group: GroupId, at: TestNode = this.led(group)): QueryOutcome | Failure {
    const { raft } = at.groups!.find(group)!
    return this.await((answer) =>
      raft.read({
        query: { type: "query", actor: "counter", key: "k", query: "value", input: "null" },
        consistency: "linearizable",
        minIndex: 0,
        maxStalenessMillis: Number.POSITIVE_INFINITY,
        deadline: raft.now() + 10_000,
        answer,
      }),
    )
  }

  change(change: Change): Changed | Failure {
    const { raft } = this.led("main").groups!.main
    return this.await((answer) =>
      raft.change({ change, force: false, deadline: raft.now() + 15_000, answer }),
    )
  }
}
