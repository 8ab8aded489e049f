// A whole cluster of real lives in one process, on virtual time: what the tests of src/raft stand on.

import { Clock, Context, Effect, Exit, type Fiber, Layer, Random, Scheduler, Scope } from "effect"
import type { Change, Configuration, Entry, NodeId } from "../../src/consensus/types.ts"
import { Leading, type LeadingService } from "../../src/machine/leading/Leading.ts"
import { type Admission, MachineFailed, MachineHost } from "../../src/machine/MachineHost.ts"
import type { Outcome, QueryOutcome } from "../../src/machine/outcome.ts"
import { CheckpointNotes, isCheckpoint } from "../../src/machine/system/checkpoint.ts"
import { layerRaft } from "../../src/raft/layer.ts"
import { type Observer, silentObserver } from "../../src/raft/observer.ts"
import { defaultOptions, type RaftOptions } from "../../src/raft/options.ts"
import { type Changed, type Failure, type GroupStatus, Raft } from "../../src/raft/Raft.ts"
import { World } from "../../src/simulation/World.ts"
import { LogStore, StorageFailed, StorageFull } from "../../src/storage/LogStore.ts"
import { layerMemory as layerLog } from "../../src/storage/logStoreMemory.ts"
import { calm, MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { type Snapshot, SnapshotStore, StateDamaged } from "../../src/storage/SnapshotStore.ts"
import type { StatePosition } from "../../src/storage/StateStore.ts"
import { layerMemory as layerNetwork, MemoryNetwork } from "../../src/transport/MemoryNetwork.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { Pulses } from "./Pulses.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The machine's file: a list of the commands that were applied, each once. */
interface ToyFile {
  position: StatePosition
  commands: ReadonlyArray<string>
  snapshots: Array<{ readonly snapshot: Snapshot; readonly bytes: Uint8Array }>
  parts: Map<string, Uint8Array>
}

export class TestNode {
  readonly id: NodeId
  readonly initial: Configuration
  readonly disk: MemoryDisk
  readonly file: ToyFile
  scope: Scope.Closeable | null = null
  raft: Context.Service.Shape<typeof Raft> | null = null
  /** As the machine has it, flushed or not. */
  applied: Array<string> = []
  /** What its disk and its machine suffer. */
  readonly weather = {
    isDiskFull: false,
    /** What is kept for that. */
    reserveBytes: 0,
    isDiskBroken: false,
    /** How often the disk looks whether it is broken. */
    diskLookMillis: 500,
    writeMillis: 0,
    readMillis: 0,
    queryMillis: 0,
    applyMillis: 0,
    admitMillis: 0,
    /** What is settled is told after a trial; 0: at once. */
    trialMillis: 0,
    /** Whatever its machine reads is corrupt, until the state is another one. */
    isStateCorrupt: false,
    /** Why the state that was there was given up when the node started; null: it was not. */
    lost: null as string | null,
    /** So is what anybody reads who looks at all of it. */
    isStateDamaged: false,
    scrubMillis: 0,
    /** There is no room for a copy of it. */
    isCopyBarred: false,
  }
  /** Commands that its machine says once were admitted for another version than the active one. */
  readonly moved = new Set<string>()
  /** What its machine answers at once. */
  readonly settled = new Map<string, Outcome>()
  /** What its machine has tried. */
  readonly tried: Array<string> = []
  /** What its disk and its machine have done, as far as tests look at the order. */
  readonly deeds: Array<string> = []
  /** What it has said of itself. */
  readonly events: Array<Readonly<Record<string, unknown>>> = []
  /** How often the leader's life has looked for timers. */
  timerLooks = 0
  /** What its machine wants proposed, and when, by the wall clock. */
  timers: ReadonlyArray<{ readonly at: number; readonly command: string }> = []

  constructor(id: NodeId, initial: Configuration) {
    this.id = id
    this.initial = initial
    this.disk = new MemoryDisk(
      { clusterId: "c", nodeId: id, incarnation: `${id}-1` },
      {
        ...calm,
        isFull: () => this.weather.isDiskFull,
        reserveBytes: () => this.weather.reserveBytes,
      },
    )
    const position = { index: 0, term: 0, time: 0, configuration: initial }
    this.file = { position, commands: [], snapshots: [], parts: new Map() }
  }
}

export type Answer<A> = { answer: A | null; count: number }

export type Transferred = { readonly leader: NodeId; readonly term: number }

export const addressOf = (id: NodeId) => ({ peer: `${id}:1`, client: `http://${id}` })

const noting =
  <A>(result: Answer<A>) =>
  (answer: A): void => {
    result.answer = answer
    result.count++
  }

export class Cluster {
  readonly world: World
  readonly network = new MemoryNetwork()
  readonly pulses: Pulses
  readonly nodes: Array<TestNode>
  readonly initial: Configuration
  readonly options: Partial<RaftOptions>
  readonly #leading: (node: TestNode) => LeadingService | null

  /** `leading`: what runs where a node leads. */
  constructor(
    seed: number,
    ids: ReadonlyArray<NodeId>,
    options: Partial<RaftOptions> = {},
    leading: (node: TestNode) => LeadingService | null = () => null,
  ) {
    this.world = new World(seed)
    this.pulses = new Pulses(this.world, this.network)
    this.options = options
    this.#leading = leading
    this.initial = {
      voters: ids,
      outgoing: [],
      learners: [],
      learnersNext: [],
      addresses: Object.fromEntries(ids.map((id) => [id, addressOf(id)])),
    }
    this.nodes = ids.map((id) => new TestNode(id, this.initial))
    for (const node of this.nodes) this.start(node)
  }

  node(id: NodeId): TestNode {
    return this.nodes.find((node) => node.id === id)!
  }

  /** Starts a node that knows the cluster and is no member of it. */
  newcomer(id: NodeId): TestNode {
    const node = new TestNode(id, { ...this.initial, voters: [], addresses: {} })
    this.nodes.push(node)
    this.start(node)
    return node
  }

  start(node: TestNode): void {
    const scope = Scope.makeUnsafe()
    node.scope = scope
    node.applied = [...node.file.commands]
    const options = {
      ...defaultOptions,
      ...this.options,
      group: "main",
      id: node.id,
      client: `http://${node.id}`,
      initial: node.initial,
      contacts: this.initial.addresses,
    }
    const event: Observer["event"] = (message, details, level) =>
      node.events.push({ message, ...(level === "warn" ? { level } : {}), ...details })
    const layers = layerRaft(options, { ...silentObserver, event }).pipe(
      Layer.provideMerge(
        Layer.mergeAll(
          layerWeather(node),
          this.pulses.around(node.id, layerNetwork({ network: this.network, id: node.id })),
          layerToyMachine(node),
          layerToySnapshots(node),
          Layer.succeed(Leading, this.#leading(node)),
        ),
      ),
    )
    const program = Effect.gen({ self: this }, function* () {
      const context = yield* Layer.buildWithScope(layers, scope)
      yield* Context.get(context, Transport).connect(this.initial.addresses, 0)
      node.raft = Context.get(context, Raft)
    })
    this.fork(program)
    if (!this.world.runUntil(() => node.raft !== null, 1000)) throw new Error(`${node.id} did not start`)
  }

  /** Both ways; the pulses notice it. */
  cut(one: NodeId, other: NodeId): void {
    this.network.cut(one, other)
    this.pulses.look()
  }

  cutOneWay(from: NodeId, to: NodeId): void {
    this.network.cutOneWay(from, to)
    this.pulses.look()
  }

  healAll(): void {
    this.network.healAll()
    this.pulses.look()
  }

  /** Ends the node's lives; what its disk holds stays. */
  stop(node: TestNode): void {
    const { scope } = node
    if (scope === null) return
    node.scope = null
    node.raft = null
    const fiber = this.fork(Scope.close(scope, Exit.void))
    this.world.runUntil(() => fiber.pollUnsafe() !== undefined, 1000)
  }

  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.context)(effect)
  }

  /** Runs an effect to its end on virtual time. */
  run<A, E>(effect: Effect.Effect<A, E>): A {
    const fiber = this.fork(effect)
    this.world.runUntil(() => fiber.pollUnsafe() !== undefined, 60_000)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || !Exit.isSuccess(exit))
      throw new Error(`it did not succeed: ${JSON.stringify(exit)}`)
    return exit.value
  }

  get leaders(): ReadonlyArray<GroupStatus> {
    return this.nodes.flatMap((node) => (node.raft?.status().serving === true ? [node.raft.status()] : []))
  }

  /** The one leader that a majority follows. */
  waitForLeader(atMostMillis = 5000): TestNode {
    const running = this.nodes.filter((node) => node.raft !== null)
    const leader = () =>
      running.find(
        (node) =>
          node.raft!.status().serving &&
          running.filter((other) => other.raft!.status().leader === node.id).length * 2 > this.nodes.length,
      )
    if (!this.world.runUntil(() => leader() !== undefined, atMostMillis))
      throw new Error("no leader was elected")
    return leader()!
  }

  propose(
    node: TestNode,
    command: string,
    options: { millis?: number; forward?: boolean } = {},
  ): Answer<Outcome | Failure> {
    return this.proposeAll(node, [command], options)[0]!
  }

  /** As one request: in this order, as far as they are executed. */
  proposeAll(
    node: TestNode,
    commands: ReadonlyArray<string>,
    options: { millis?: number; forward?: boolean } = {},
  ): ReadonlyArray<Answer<Outcome | Failure>> {
    const results = commands.map((): Answer<Outcome | Failure> => ({ answer: null, count: 0 }))
    const deadline = node.raft!.now() + (options.millis ?? 5000)
    node.raft!.propose(
      commands.map((command, at) => ({
        command: encoder.encode(command),
        deadline,
        forward: options.forward ?? true,
        answer: (answer) => {
          results[at]!.answer = answer
          results[at]!.count++
        },
      })),
    )
    return results
  }

  read(
    node: TestNode,
    options: Partial<Parameters<Context.Service.Shape<typeof Raft>["read"]>[0]> = {},
  ): Answer<QueryOutcome | Failure> {
    const result: Answer<QueryOutcome | Failure> = { answer: null, count: 0 }
    node.raft!.read({
      query: { type: "state", actor: "toy", key: "all" },
      consistency: "linearizable",
      minIndex: 0,
      maxStalenessMillis: Number.POSITIVE_INFINITY,
      deadline: node.raft!.now() + 5000,
      answer: (answer) => {
        result.answer = answer
        result.count++
      },
      ...options,
    })
    return result
  }

  /** Until it is answered. */
  await<A>(result: Answer<A>, atMostMillis = 10_000): A {
    this.world.runUntil(() => result.answer !== null, atMostMillis)
    if (result.answer === null) throw new Error("no answer came")
    return result.answer
  }

  change(
    node: TestNode,
    change: Change,
    options: { millis?: number; force?: boolean; waits?: boolean } = {},
  ): Answer<Changed | Failure> {
    const result: Answer<Changed | Failure> = { answer: null, count: 0 }
    node.raft!.change({
      change,
      force: options.force ?? false,
      ...(options.waits === undefined ? {} : { waits: options.waits }),
      deadline: node.raft!.now() + (options.millis ?? 5000),
      answer: noting(result),
    })
    return result
  }

  transfer(node: TestNode, to: NodeId | null, millis = 5000): Answer<Transferred | Failure> {
    const result: Answer<Transferred | Failure> = { answer: null, count: 0 }
    node.raft!.transfer({ to, deadline: node.raft!.now() + millis, answer: noting(result) })
    return result
  }

  get context() {
    return Context.empty().pipe(
      Context.add(Scheduler.Scheduler, this.world.scheduler),
      Context.add(Clock.Clock, this.world.clock(1_700_000_000_000)),
      Context.add(Random.Random, this.world.random),
    )
  }
}

/** The memory log behind whatever the weather of the node does to its disk. */
const layerWeather = (node: TestNode) =>
  Layer.effect(
    LogStore,
    Effect.map(LogStore, (store) =>
      LogStore.of({
        ...store,
        failed: Effect.gen(function* () {
          while (!node.weather.isDiskBroken) yield* Effect.sleep(node.weather.diskLookMillis)
          return yield* new StorageFailed({ operation: "idle", message: "EIO", cause: "EIO" })
        }),
        write: Effect.fnUntraced(function* (batch) {
          if (node.weather.isDiskBroken)
            return yield* new StorageFailed({ operation: "write", message: "no", cause: "no" })
          if (node.weather.writeMillis > 0) yield* Effect.sleep(node.weather.writeMillis)
          yield* store.write(batch)
          if (batch.some(({ write }) => write.install !== null))
            node.deeds.push("the log rests on the snapshot")
        }),
        read: (options) => Effect.delay(store.read(options), node.weather.readMillis),
      }),
    ),
  ).pipe(Layer.provide(layerLog(node.disk)))

const hashOf = (applied: ReadonlyArray<string>): string => Bun.hash(applied.join()).toString(16)

/** Executes a command once; the result is its place in the list. */
const layerToyMachine = (node: TestNode) =>
  Layer.sync(MachineHost, () => {
    let position = node.file.position
    let checkpoints = new CheckpointNotes()
    const corrupt = Effect.suspend(() =>
      node.weather.isStateCorrupt
        ? Effect.fail(new MachineFailed({ operation: "read", message: "a bad row", reason: "corrupt" }))
        : Effect.void,
    )
    const outcomeOf = (entry: Entry): Outcome => {
      const command = decoder.decode(entry.data)
      if (node.moved.delete(command)) {
        return { _tag: "Refused", code: "version-moved", detail: "moved", extra: "{}", replayed: false }
      }
      const place = node.applied.indexOf(command)
      if (place === -1) node.applied.push(command)
      const revision = place === -1 ? node.applied.length : place + 1
      return {
        _tag: "Accepted",
        result: JSON.stringify(command),
        revision,
        index: entry.index,
        term: entry.term,
        replayed: place !== -1,
      }
    }
    return MachineHost.of({
      own: [],
      lost: node.weather.lost,
      position: Effect.sync(() => node.file.position),
      admit: (commands) =>
        Effect.map(Effect.sleep(node.weather.admitMillis), () =>
          commands.map((command): Admission => {
            const outcome = node.settled.get(decoder.decode(command))
            if (outcome === undefined) return { _tag: "Admitted", command }
            return node.weather.trialMillis > 0
              ? { _tag: "Untried", command, actor: "toy" }
              : { _tag: "Settled", outcome }
          }),
        ),
      apply: (entries) =>
        Effect.map(Effect.andThen(Effect.sleep(node.weather.applyMillis), corrupt), () =>
          entries.map((entry) => {
            if (entry.index !== position.index + 1)
              throw new Error(`gap: ${position.index} then ${entry.index}`)
            position = { ...position, index: entry.index, term: entry.term, time: entry.time }
            if (isCheckpoint(entry)) {
              checkpoints.note({ index: entry.index, hash: hashOf(node.applied) })
              return null
            }
            return entry.kind === "command" ? outcomeOf(entry) : null
          }),
        ),
      query: Effect.fnUntraced(function* (queries) {
        const outcomes = queries.map(
          (): QueryOutcome => ({
            _tag: "Answered",
            body: JSON.stringify(node.applied),
            index: position.index,
          }),
        )
        if (node.weather.queryMillis > 0) yield* Effect.sleep(node.weather.queryMillis)
        yield* corrupt
        return outcomes
      }),
      flush: Effect.sync(() => {
        if (node.weather.isDiskFull) return node.file.position.index
        node.file.position = position
        node.file.commands = [...node.applied]
        return position.index
      }),
      trial: (commands) =>
        Effect.map(Effect.sleep(node.weather.trialMillis), () =>
          commands.map((command): Admission => {
            const outcome = node.settled.get(decoder.decode(command))
            node.tried.push(decoder.decode(command))
            return outcome === undefined ? { _tag: "Admitted", command } : { _tag: "Settled", outcome }
          }),
        ),
      foresee: () => Effect.die("a toy is never stuck"),
      inspect: () => Effect.die("a toy has no code"),
      plan: () => Effect.die("a toy has no versions"),
      changes: () => Effect.as(corrupt, { changes: [], quarantined: 0, suspended: [] }),
      led: Effect.succeed([]),
      routed: () => Effect.succeed(null),
      code: () => Effect.die("a toy has no code"),
      actors: Effect.succeed([]),
      places: Effect.succeed({ index: 0, places: [] }),
      shard: () => Effect.succeed(null),
      portion: () => Effect.succeed(null),
      groups: Effect.sync(() => ({ index: position.index, groups: [] })),
      stateHash: Effect.sync(() => ({ index: position.index, hash: hashOf(node.applied) })),
      checkpoints: Effect.sync(() => checkpoints.newest),
      install: (id) =>
        Effect.sync(() => {
          const image = JSON.parse(decoder.decode(node.file.parts.get(id)))
          node.file.position = image.position
          node.file.commands = image.commands
          node.applied = [...node.file.commands]
          position = node.file.position
          checkpoints = new CheckpointNotes()
          node.deeds.push("the state is the snapshot's")
          return position
        }),
      giveUp: Effect.sync(() => {
        node.deeds.push("the state is given up")
        Object.assign(node.weather, { isStateCorrupt: false, isStateDamaged: false })
        node.file.position = { index: 0, term: 0, time: 0, configuration: node.initial }
        node.file.commands = []
        node.applied = []
        checkpoints = new CheckpointNotes()
        position = node.file.position
        return position
      }),
      status: Effect.die("nobody asks the toy for its status"),
      nextTimer: Effect.sync(() => {
        node.timerLooks++
        const waiting = node.timers.filter(({ command }) => !node.applied.includes(command))
        return waiting.length === 0 ? null : Math.min(...waiting.map(({ at }) => at))
      }),
      due: (now) =>
        Effect.sync(() =>
          node.timers
            .filter(({ at, command }) => at <= now && !node.applied.includes(command))
            .map(({ command }) => encoder.encode(command)),
        ),
      events: () => Effect.die("nobody watches the toy"),
    })
  })

const layerToySnapshots = (node: TestNode) =>
  Layer.sync(SnapshotStore, () => {
    const { file } = node
    const find = (id: string) => file.snapshots.find((each) => each.snapshot.id === id)
    const sound = Effect.suspend(() =>
      node.weather.isStateDamaged ? Effect.fail(new StateDamaged({ reason: "a bad row" })) : Effect.void,
    )
    const verify = Effect.suspend(() =>
      Effect.andThen(Effect.sleep(node.weather.scrubMillis), Effect.as(sound, node.weather.scrubMillis)),
    )
    const room = Effect.suspend(() =>
      node.weather.isCopyBarred ? Effect.fail(new StorageFull({ operation: "create" })) : Effect.void,
    )
    const create = Effect.map(Effect.andThen(room, sound), () => {
      const bytes = encoder.encode(JSON.stringify({ position: file.position, commands: file.commands }))
      const snapshot = { ...file.position, id: `${file.position.index}@${node.id}`, bytes: bytes.length }
      file.snapshots = [{ snapshot, bytes }]
      return snapshot
    })
    return SnapshotStore.of({
      create,
      verify,
      forgetOwn: Effect.sync(() => {
        file.snapshots = []
      }),
      hold: Effect.map(create, (snapshot) => {
        const { bytes } = find(snapshot.id)!
        return {
          snapshot,
          read: (offset, bytesMax) => Effect.succeed(bytes.slice(offset, offset + bytesMax)),
        }
      }),
      latest: Effect.sync(() => file.snapshots.at(-1)?.snapshot ?? null),
      read: ({ id, offset, bytesMax }) => Effect.sync(() => find(id)!.bytes.slice(offset, offset + bytesMax)),
      received: (id) => Effect.sync(() => file.parts.get(id)?.length ?? 0),
      receive: ({ id, bytes }) =>
        Effect.sync(() => {
          const whole = Buffer.concat([file.parts.get(id) ?? new Uint8Array(0), bytes])
          file.parts.set(id, whole)
          return whole.length
        }),
      finish: () => Effect.void,
      install: () => Effect.void,
    })
  })
