// What are the machines of two groups to each other, in one thread or in two? Nothing: neither their states, nor what becomes of one.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerMachines } from "../../src/machine/hostWorker.ts"
import type { MachineHost } from "../../src/machine/MachineHost.ts"
import { Machines } from "../../src/machine/Machines.ts"
import { everySlot } from "../../src/machine/slots.ts"
import { checkpointCommand } from "../../src/machine/system/checkpoint.ts"
import { encodeSystem } from "../../src/machine/system/commands.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import { until } from "../process/support/wait.ts"
import { command, entry, initial } from "./Bench.ts"
import {
  actorsOf,
  add,
  base as baseOfMain,
  offerOwn,
  propose,
  removeTemporary,
  source,
  system,
  temporary,
  value,
} from "./places.ts"

// The machine may be busy, and a thread takes its time to begin.
setDefaultTimeout(60_000)

afterEach(removeTemporary)

type Host = MachineHost["Service"]

/** Behind what a group has been given. */
const base = baseOfMain + 1

/** The actor of the place comes to live in an empty group. */
const settle = (host: Host) =>
  Effect.andThen(
    host.apply([entry(1, system("$shard/own", "counter", { ranges: [everySlot] }), 1)]),
    offerOwn(host),
  )

/** A node: opens its groups by their names, each in a directory of its own. */
class Node {
  readonly directory = temporary()
  readonly machines: Machines["Service"]

  constructor(machines: Machines["Service"]) {
    this.machines = machines
  }

  directoryOf = (group: string): string => join(this.directory, "groups", group)

  /** Not begun: nothing was applied. */
  readonly openEmpty = Effect.fnUntraced(function* (this: Node, group: string) {
    const directory = this.directoryOf(group)
    const snapshots = yield* this.snapshotsOf(group)
    return yield* this.machines.open({ group, statePath: join(directory, "state.db"), initial, snapshots })
  }).bind(this)

  /** With the actor of the place, and all keys of it. */
  readonly open = (group: string) => Effect.tap(this.openEmpty(group), settle)

  /** Made only where a test has something to copy. */
  readonly snapshotsOf = (group: string) =>
    existsSync(this.directoryOf(group))
      ? Effect.map(Layer.build(layerSqlite({ directory: this.directoryOf(group) })), (context) =>
          Context.get(context, SnapshotStore),
        )
      : Effect.succeed({} as SnapshotStore["Service"])
}

/** `body` closes nothing itself: all ends with it. */
const onNodeOf =
  (threads: number) =>
  <A, E>(body: (node: Node) => Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const actorsDirectory = actorsOf(temporary(), source(1))
          const context = yield* Layer.build(layerMachines({ node: "n1", actorsDirectory, threads }))
          return yield* body(new Node(Context.get(context, Machines)))
        }),
      ),
    )

const applyOne = (host: Host, index: number, given: ReturnType<typeof command>) =>
  Effect.gen(function* () {
    const [admission] = yield* host.admit([encodeCommand(given)])
    const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
    return yield* host.apply([entry(index, data)])
  })

/** Entries that compute in the thread itself. */
const pieces = (count: number) =>
  Array.from({ length: count }, (_, at) => {
    const input = { version: "v", at, text: `${at}`.repeat(10_000) }
    return entry(at + 1, encodeSystem("$actor/piece", { key: "v", input, id: `${at}`, door: "n1" }))
  })

/** Processes of all threads of this one. */
const childrenCount = (): number =>
  readdirSync("/proc/self/task").reduce((count, thread) => {
    const file = `/proc/self/task/${thread}/children`
    // A thread may end meanwhile.
    const text = existsSync(file) ? readFileSync(file, "latin1").trim() : ""
    return count + (text === "" ? 0 : text.split(" ").length)
  }, 0)

/** The states that are open. */
const heldFiles = (): number =>
  readdirSync("/proc/self/fd").filter((name) => {
    const file = `/proc/self/fd/${name}`
    return existsSync(file) && readlinkSync(file).includes("state.db")
  }).length

const endless = command({ command: "endless" })

/** How long it took, in ms. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const began = performance.now()
    yield* effect
    return performance.now() - began
  })

// What they are to each other is the same in two threads: a group is in one of them, and the other knows nothing of it.
describe.each([1, 2])("machines of two groups in %i thread(s)", (threads) => {
  const onNode = onNodeOf(threads)

  test("keep their states apart, also of the same actor and key at the same index and revision", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const [one, other] = [yield* node.open("one"), yield* node.open("other")]
        expect(yield* propose(one, base + 1, [add(1)])).toMatchObject([{ result: "1" }])
        expect(yield* propose(other, base + 1, [add(10)])).toMatchObject([{ result: "10" }])
        // Both stand at revision 1 of the same entry: what the compartment keeps of one is not the other's.
        expect(yield* propose(one, base + 2, [add(1)])).toMatchObject([{ result: "2" }])
        expect(yield* propose(other, base + 2, [add(1)])).toMatchObject([{ result: "11" }])
        expect([yield* value(one), yield* value(other)]).toEqual([2, 11])
        // The same idempotency key is another command in another group.
        const known = add(100)
        for (const [host, result] of [
          [one, "102"],
          [other, "111"],
        ] as const) {
          expect(yield* propose(host, base + 3, [known])).toMatchObject([{ result, replayed: false }])
        }
        yield* Effect.all([one.flush, other.flush])
        expect(yield* one.stateHash).not.toEqual(yield* other.stateHash)
      }),
    ))

  test("go on while another is closed, and the one that was closed is there again as it was flushed", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const other = yield* node.open("other")
        const scope = Scope.makeUnsafe()
        const one = yield* Scope.provide(node.open("one"), scope)
        yield* propose(one, base + 1, [add(1)])
        yield* one.flush
        yield* propose(one, base + 2, [add(1)])
        const working = yield* Effect.forkChild(
          propose(
            other,
            base + 1,
            Array.from({ length: 2_000 }, () => add(1)),
          ),
        )
        yield* Scope.close(scope, Exit.void)
        expect(yield* Effect.flip(one.status)).toMatchObject({ message: "status before open" })
        expect((yield* Fiber.join(working)).length).toBe(2_000)
        const again = yield* node.openEmpty("one")
        expect(yield* again.position).toMatchObject({ index: base + 1 })
        expect([yield* value(again), yield* value(other)]).toEqual([1, 2_000])
      }),
    ))

  test("are not open twice", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const one = yield* node.open("one")
        expect(yield* Effect.flip(Effect.scoped(node.openEmpty("one")))).toMatchObject({
          message: "group one is open already",
        })
        expect(yield* value(one)).toBe(0)
      }),
    ))

  test("take over a snapshot and give their state up, each for itself", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        mkdirSync(node.directoryOf("one"), { recursive: true })
        const [one, other] = [yield* node.open("one"), yield* node.open("other")]
        yield* propose(other, base + 1, [add(7)])
        yield* propose(one, base + 1, [add(5)])
        yield* one.flush
        const snapshots = yield* node.snapshotsOf("one")
        const { id, bytes } = yield* snapshots.create
        const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
        yield* propose(one, base + 2, [add(1)])
        yield* snapshots.receive({ id, offset: 0, bytes: piece })
        yield* snapshots.finish({ id, bytes })
        const [, seen] = yield* Effect.all([one.install(id), value(other)], { concurrency: "unbounded" })
        expect([yield* value(one), seen]).toEqual([5, 7])
        // Another entry at that index than the one that the compartment has seen.
        expect(yield* propose(one, base + 2, [add(10)])).toMatchObject([{ result: "15", revision: 2 }])
        expect(yield* propose(one, base + 3, [add(1)])).toMatchObject([{ result: "16" }])
        yield* one.giveUp
        expect(existsSync(join(node.directoryOf("one"), "evidence", "state.db"))).toBe(true)
        yield* settle(one)
        expect([yield* value(one), yield* value(other)]).toEqual([0, 7])
      }),
    ))

  test("answer while the reducer of another never ends, and that one is closed and given up all the same", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const other = yield* node.open("other")
        const scope = Scope.makeUnsafe()
        const one = yield* Scope.provide(node.open("one"), scope)
        yield* Effect.forkChild(Effect.ignore(applyOne(one, base + 1, endless)))
        yield* Effect.sleep(100)
        // Own code that never ends is given up after five seconds, and once more after fifteen.
        const tookMillis = yield* timed(
          Effect.gen(function* () {
            expect(yield* value(other)).toBe(0)
            expect(yield* propose(other, base + 1, [add(1)])).toMatchObject([{ result: "1" }])
          }),
        )
        expect(tookMillis).toBeLessThan(4_000)
        expect(yield* timed(one.giveUp)).toBeLessThan(4_000)
        yield* settle(one)
        expect(yield* propose(one, base + 1, [add(3)])).toMatchObject([{ result: "3" }])
        yield* Effect.forkChild(Effect.ignore(applyOne(one, base + 2, endless)))
        yield* Effect.sleep(100)
        const again = yield* Effect.andThen(Scope.close(scope, Exit.void), node.openEmpty("one")).pipe(
          Effect.timeout(4_000),
        )
        expect(yield* again.position).toMatchObject({ index: 0 })
        expect(yield* value(other)).toBe(1)
      }),
    ))

  test("are asked in turn: a flood of one group does not come first, and each keeps its order", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const [one, other] = [yield* node.open("one"), yield* node.open("other")]
        const busy = yield* node.openEmpty("busy")
        const answered: Array<string> = []
        const asks = (name: string, host: Host, count: number) =>
          Array.from({ length: count }, (_, at) =>
            Effect.tap(host.stateHash, () => Effect.sync(() => answered.push(`${name}${at}`))),
          )
        // The thread is at it for long enough that all that is asked stands before it together.
        const asked = [busy.apply(pieces(200)), ...asks("one", one, 500), ...asks("other", other, 5)]
        yield* Effect.all(asked, { concurrency: "unbounded", discard: true })
        // Behind all of the flood, if it came first; on a busy machine some of that is answered before the last has been asked.
        expect(answered.indexOf("other4")).toBeLessThan(400)
        for (const name of ["one", "other"]) {
          const own = answered.flatMap((each) =>
            each.startsWith(name) ? [Number(each.slice(name.length))] : [],
          )
          expect(own).toEqual(Array.from(own, (_, at) => at))
        }
      }),
    ))

  test("answer between two chunks of what another has to apply", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const [one, other] = [yield* node.openEmpty("one"), yield* node.open("other")]
        const applying = yield* Effect.forkChild(one.apply(pieces(2_560)))
        let answered = 0
        while (applying.pollUnsafe() === undefined) {
          expect(yield* value(other)).toBe(0)
          answered++
        }
        expect((yield* Fiber.join(applying)).length).toBe(2_560)
        // There are ten chunks.
        expect(answered).toBeGreaterThan(5)
      }),
    ))

  test("are many without a thread, a process or a file for each", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const one = yield* node.open("one")
        expect(yield* propose(one, base + 1, [add(1)])).toMatchObject([{ result: "1" }])
        const held = () => [readdirSync("/proc/self/task").length, childrenCount(), heldFiles()]
        const before = held()
        const hosts = yield* Effect.forEach(
          Array.from({ length: 300 }, (_, at) => `g${at}`),
          node.openEmpty,
        )
        yield* Effect.forEach(hosts, ({ status }) => status)
        // The process has threads and files of others too (the runtime's own, those of earlier tests that are ending): a
        // few may come or go meanwhile, but not one for each of 300.
        for (const [kind, count] of held().entries()) expect(count - before[kind]!).toBeLessThan(20)
      }),
    ))

  test("that go on from a state have no file open until something is written", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const scope = yield* Scope.make()
        const before = yield* Scope.provide(node.open("one"), scope)
        yield* before.flush
        const { index } = yield* before.stateHash
        yield* Scope.close(scope, Exit.void)
        const beside = () => existsSync(join(node.directoryOf("one"), "state.db-wal"))
        expect(beside()).toBe(false)
        const one = yield* node.openEmpty("one")
        expect(yield* one.position).toMatchObject({ index })
        expect(yield* one.led).toEqual([])
        yield* one.apply([
          entry(index + 1, new Uint8Array(0), 1, "noop"),
          entry(index + 2, checkpointCommand, 1),
        ])
        expect(yield* one.checkpoints).toMatchObject([{ index: index + 2 }])
        expect([yield* one.nextTimer, beside()]).toEqual([null, false])
        expect(yield* propose(one, index + 3, [add(1)])).toMatchObject([{ result: "1" }])
        yield* one.flush
        expect(beside()).toBe(true)
      }),
    ))

  test("leave no process behind in which uploaded code ran", async () => {
    const before = childrenCount()
    let meanwhile = before
    await onNode(
      Effect.fnUntraced(function* (node) {
        const host = yield* node.openEmpty("one")
        const uploaded = host.own.map((one) => ({ ...one, source: "upload" as const }))
        yield* offerOwn(host, uploaded)
        yield* Effect.promise(() => until("processes", () => childrenCount() > before || null))
        meanwhile = childrenCount()
      }),
    )
    expect(meanwhile).toBeGreaterThan(before)
    await until("all to be gone", () => childrenCount() <= before || null)
  })

  test("leave nothing on the disk before the first flush", () =>
    onNode(
      Effect.fnUntraced(function* (node) {
        const one = yield* node.openEmpty("one")
        expect(yield* one.position).toEqual({ index: 0, term: 0, time: 0, configuration: initial })
        yield* one.flush
        yield* Effect.all([one.status, one.stateHash, one.actors, one.nextTimer])
        expect(yield* value(one)).toMatchObject({ code: "elsewhere" })
        expect(existsSync(node.directoryOf("one"))).toBe(false)
        yield* one.apply([entry(1, new Uint8Array(0), 1, "noop")])
        expect(yield* one.flush).toBe(1)
        expect(existsSync(join(node.directoryOf("one"), "state.db"))).toBe(true)
      }),
    ))
})
