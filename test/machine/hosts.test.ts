// What does every machine host promise? One suite, run in this thread on memory and on SQLite, and in a thread
// of its own.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { MachineFailed } from "../../src/machine/MachineHost.ts"
import { everySlot, wholeIn } from "../../src/machine/slots.ts"
import { checkpointCommand } from "../../src/machine/system/checkpoint.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import { command, entry, initial, refusalOf } from "./Bench.ts"
import {
  add,
  base,
  offerOwn,
  places,
  propose,
  removeTemporary,
  run,
  source,
  system,
  value,
} from "./places.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporary)

for (const [name, make] of Object.entries(places)) {
  describe(`a machine host (${name})`, () => {
    test("admits, applies and answers batches in their order", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const admissions = yield* host.admit(
            [add(1), command({ actor: "nobody" }), add(2), command({ json: { by: "x" } })].map(encodeCommand),
          )
          expect(admissions.map(({ _tag }) => _tag)).toEqual(["Admitted", "Settled", "Admitted", "Settled"])
          expect(
            admissions.flatMap((one) => (one._tag === "Settled" ? [refusalOf(one.outcome)] : [])),
          ).toMatchObject([{ code: "unknown-actor" }, { code: "invalid-input", issues: [{ path: "/by" }] }])
          const data = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
          const outcomes = yield* host.apply([
            entry(base + 1, new Uint8Array(0), 1, "noop"),
            entry(base + 2, data[0]!),
            entry(base + 3, data[1]!),
          ])
          expect(outcomes).toMatchObject([null, { result: "1", revision: 1 }, { result: "3", revision: 2 }])
          const answers = yield* host.query([
            { type: "state", actor: "counter", key: "a" },
            { type: "state", actor: "counter", key: "b" },
            { type: "list", actor: "counter", prefix: "", after: "", limit: 10 },
            { type: "query", actor: "counter", key: "a", query: "none", input: "null" },
          ])
          expect(answers.map((one) => (one._tag === "Answered" ? one.body : one.code))).toEqual([
            `{"state":{"value":3},"revision":2,"index":${base + 3}}`,
            `{"state":{"value":0},"revision":0,"index":${base + 3}}`,
            '{"instances":[{"key":"a","revision":2}],"next":null}',
            "unknown-query",
          ])
        }),
      )
    })

    test("tells the outcome of an entry to who waits for it, and of no other", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const [known, other] = [add(5), command({ json: { by: 5 }, ifRevision: 7 })]
          const given = [known, add(1), known, add(2), other, add(3)]
          const data = given.map((one) => encodeCommand({ ...one, version: "" }))
          const admissions = yield* host.admit(data)
          const entries = admissions.flatMap((one, at) =>
            one._tag === "Admitted" ? [entry(base + at + 1, one.command)] : [],
          )
          for (const at of [1, 3]) entries[at]!.origin = null
          // Answered by somebody else while the machine was at it: what it says must not move to another's place.
          const answering = Effect.sync(() => {
            entries[0]!.origin = null
          })
          const [outcomes] = yield* Effect.all([host.apply(entries), answering], { concurrency: "unbounded" })
          const accepted = { _tag: "Accepted", term: 1 }
          expect(outcomes.slice(1)).toMatchObject([
            null,
            { ...accepted, result: "5", revision: 1, index: base + 1, replayed: true },
            null,
            { _tag: "Refused", code: "revision-mismatch" },
            { ...accepted, result: "11", revision: 4, index: base + 6, replayed: false },
          ] as never)
        }),
      )
    })

    test("takes empty batches", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          expect([yield* host.admit([]), yield* host.apply([]), yield* host.query([])]).toEqual([[], [], []])
        }),
      )
    })

    test("answers a batch of more than one chunk in order", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const outcomes = yield* propose(
            host,
            base + 1,
            Array.from({ length: 600 }, () => add(1)),
          )
          expect(outcomes.map((outcome) => outcome?._tag === "Accepted" && outcome.index)).toEqual(
            Array.from({ length: 600 }, (_, at) => base + at + 1),
          )
        }),
      )
    })

    test("starts again where it flushed last, with retries still known (HAZARDS C1)", async () => {
      const place = make()
      const known = add(5)
      const before = await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.position).toMatchObject({ index: 0, configuration: initial })
          yield* propose(host, base + 1, [known])
          expect(yield* host.flush).toBe(base + 1)
          const hash = yield* host.stateHash
          // Lost with the process: only the log has it.
          yield* propose(host, base + 2, [add(100)])
          return hash
        }),
      )
      await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.position).toMatchObject({ index: base + 1 })
          expect(yield* host.stateHash).toEqual(before)
          expect(yield* value(host)).toBe(5)
          const [admission] = yield* host.admit([encodeCommand(known)])
          expect(admission).toMatchObject({ _tag: "Settled", outcome: { result: "5", replayed: true } })
        }),
      )
    })

    test("hands out due timers as commands (HAZARDS D9)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.nextTimer).toBeNull()
          yield* propose(host, base + 1, [command({ command: "later" })])
          const dueAt = yield* host.nextTimer
          expect(dueAt).toBe(2_001 + base)
          expect(yield* host.due(2_000 + base, 10)).toEqual([])
          const admissions = yield* host.admit(yield* host.due(2_001 + base, 10))
          const data = admissions.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
          expect(yield* host.apply(data.map((bytes) => entry(base + 2, bytes, 2_001 + base)))).toMatchObject([
            { result: "7" },
          ])
          expect(yield* host.nextTimer).toBeNull()
        }),
      )
    })

    test("goes on from an installed snapshot, and forgets what it had (HAZARDS N12)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const snapshots = yield* SnapshotStore
          yield* propose(host, base + 1, [add(5)])
          yield* host.flush
          const then = yield* host.stateHash
          const { id, bytes } = yield* snapshots.create
          const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
          yield* propose(host, base + 2, [add(1), add(1, "b")])
          yield* snapshots.receive({ id, offset: 0, bytes: piece })
          yield* snapshots.finish({ id, bytes })
          expect(yield* host.install(id)).toMatchObject({ index: base + 1 })
          expect(yield* host.stateHash).toEqual(then)
          expect([yield* value(host), yield* value(host, "b")]).toEqual([5, 0])
          expect(yield* propose(host, base + 2, [add(1)])).toMatchObject([{ result: "6", revision: 2 }])
        }),
      )
    })

    test("knows its next timer and its checkpoints as of what it has applied, whatever state takes its place", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const snapshots = yield* SnapshotStore
          const standing = Effect.all([host.nextTimer, host.checkpoints])
          expect(yield* standing).toEqual([null, []])
          yield* propose(host, base + 1, [command({ command: "later" })])
          expect(yield* standing).toEqual([2_001 + base, []])
          yield* host.flush
          const { id, bytes } = yield* snapshots.create
          const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
          const data = yield* host.admit(yield* host.due(2_001 + base, 10))
          const firing = data.flatMap((one) => (one._tag === "Admitted" ? [one.command] : []))
          yield* host.apply([
            ...firing.map((bytes) => entry(base + 2, bytes, 2_001 + base)),
            entry(base + 3, checkpointCommand, 2_001 + base),
          ])
          const then = yield* host.stateHash
          expect(yield* standing).toEqual([null, [then]])
          yield* host.apply([entry(base + 4, new Uint8Array(0), 2_001 + base, "noop")])
          expect(yield* standing).toEqual([null, [then]])
          yield* snapshots.receive({ id, offset: 0, bytes: piece })
          yield* snapshots.finish({ id, bytes })
          yield* host.install(id)
          expect(yield* standing).toEqual([2_001 + base, []])
          yield* host.giveUp
          expect(yield* standing).toEqual([null, []])
        }),
      )
    })

    test("tells watchers what was emitted, and of what a snapshot has passed over the state (L10)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const snapshots = yield* SnapshotStore
          yield* propose(host, base + 1, [add(5), add(1, "b"), add(6)])
          yield* host.flush
          const { id, bytes } = yield* snapshots.create
          const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
          const asked = { actor: "counter", key: "a" }
          const before = yield* host.events([
            { ...asked, after: base + 1 },
            { ...asked, after: null },
            { ...asked, actor: "nobody", after: base + 1 },
          ])
          expect(before).toMatchObject({
            index: base + 3,
            outcomes: [
              {
                _tag: "Events",
                entries: [{ index: base + 3, events: [{ event: "added", data: '{"by":6}' }] }],
                upTo: base + 3,
              },
              { _tag: "Events", entries: [], upTo: base + 3 },
              { _tag: "Refused", code: "unknown-actor" },
            ],
          })
          yield* snapshots.receive({ id, offset: 0, bytes: piece })
          yield* snapshots.finish({ id, bytes })
          yield* host.install(id)
          yield* propose(host, base + 4, [add(1)])
          // Of key b nothing was passed over: it was not written behind that cursor.
          const after = yield* host.events([
            { ...asked, after: base + 1 },
            { ...asked, key: "b", after: base + 2 },
            { ...asked, after: base + 3 },
          ])
          expect(after).toMatchObject({
            index: base + 4,
            outcomes: [
              { _tag: "Reset", body: `{"state":{"value":12},"revision":3,"index":${base + 4}}` },
              { _tag: "Events", entries: [], upTo: base + 4 },
              { _tag: "Events", entries: [{ index: base + 4 }], upTo: base + 4 },
            ],
          })
        }),
      )
    })

    test("answers whoever asks while a snapshot is installed, from before it or from after it (HAZARDS N2)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const snapshots = yield* SnapshotStore
          yield* propose(host, base + 1, [add(5)])
          yield* host.flush
          const { id, bytes } = yield* snapshots.create
          const piece = yield* snapshots.read({ id, offset: 0, bytesMax: 1e9 })
          yield* propose(host, base + 2, [add(1)])
          yield* snapshots.receive({ id, offset: 0, bytes: piece })
          yield* snapshots.finish({ id, bytes })
          let isInstalled = false
          const asking = Effect.gen(function* () {
            const seen = new Set<unknown>()
            while (!isInstalled) {
              seen.add(yield* value(host))
              yield* Effect.all([host.status, host.stateHash, host.position, host.nextTimer])
              yield* Effect.yieldNow
            }
            return seen
          })
          const installing = Effect.tap(host.install(id), () => Effect.sync(() => (isInstalled = true)))
          const [seen] = yield* Effect.all([asking, installing], { concurrency: "unbounded" })
          expect([...seen].filter((one) => one !== 5 && one !== 6)).toEqual([])
          expect(yield* value(host)).toBe(5)
        }),
      )
    })

    test("gives its state up when it is told to, and goes on from the beginning", async () => {
      const place = make()
      await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          yield* propose(host, base + 1, [add(5)])
          yield* host.flush
          yield* propose(host, base + 2, [add(1)])
          expect(yield* host.giveUp).toMatchObject({ index: 0, configuration: initial })
          // The actor has gone with the state, and comes back with the log.
          expect(yield* value(host)).toMatchObject({ code: "unknown-actor" })
          yield* offerOwn(host)
          expect(yield* value(host)).toBe(0)
          expect(yield* host.checkpoints).toEqual([])
          yield* propose(host, base + 1, [add(7)])
          // What is in repair may have to be given up once more.
          yield* host.giveUp
          yield* offerOwn(host)
          yield* propose(host, base + 1, [add(9)])
          expect(yield* value(host)).toBe(9)
          yield* host.flush
        }),
      )
      expect(await run(place.layer(), (host) => value(host))).toBe(9)
    })

    test("says what entries have changed of actors, until that is told, and how things stand", async () => {
      const place = make()
      await run(
        place.layer(),
        Effect.fnUntraced(function* (host) {
          yield* host.flush
          const { changes, ...rest } = yield* host.changes(0)
          expect(rest).toEqual({ quarantined: 0, suspended: [] })
          expect(changes).toMatchObject([
            { what: "registered", index: base - 1, actor: "counter", number: 1, by: "n1" },
            { what: "activated", index: base, actor: "counter", from: null, number: 1 },
          ])
          expect((yield* host.changes(base - 1)).changes).toEqual(changes.slice(1))
          expect((yield* host.changes(0)).changes).toEqual(changes.slice(1))
          expect((yield* host.changes(base)).changes).toEqual([])
        }),
      )
      expect((await run(place.layer(), (host) => host.changes(0))).changes).toEqual([])
    })

    test("says what runs", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          yield* propose(host, base + 1, [add(1), add(1, "b"), command({ command: "later" })])
          expect(yield* host.status).toMatchObject({
            actors: [
              { name: "counter", queries: ["value"], version: expect.stringMatching(/^[0-9a-f]{24}$/) },
            ],
            appliedIndex: base + 3,
            // With the actor, its version and a piece of its code; and what registered it and switched it on.
            instancesInMemory: 2 + 3,
            outcomes: 3 + 2,
            timers: 1,
            dirty: 2 + 3,
          })
        }),
      )
    })

    test("knows which groups there are and where actors live", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          expect(yield* host.groups).toEqual({ index: base, groups: [] })
          expect(yield* host.places).toEqual({ index: 0, places: [] })
          const configuration = { ...initial, addresses: { n1: { peer: "n1:1", client: "" } } }
          const placement = wholeIn("orders")
          const entries = [
            system("$group/open", "orders", { configuration }),
            system("$place/settle", "bills", { placement, by: "n1" }),
            system("$group/open", "bills", { configuration }),
          ]
          yield* host.apply(entries.map((bytes, at) => entry(base + 1 + at, bytes)))
          expect(yield* host.groups).toEqual({
            index: base + 3,
            groups: [
              { group: "bills", founded: base + 3, configuration, isClosed: false },
              { group: "orders", founded: base + 1, configuration, isClosed: false },
            ],
          })
          expect(yield* host.places).toEqual({
            index: base + 2,
            places: [{ actor: "bills", placement, by: "n1", index: base + 2 }],
          })
        }),
      )
    })

    test("knows whose machine it is", async () => {
      await run(
        make().layer(source(1), "orders"),
        Effect.fnUntraced(function* (host) {
          expect(yield* value(host)).toMatchObject({ code: "elsewhere" })
          const ranges = [everySlot]
          yield* host.apply([entry(base + 1, system("$shard/own", "counter", { ranges }))])
          yield* propose(host, base + 2, [add(2)])
          expect(yield* value(host)).toBe(2)
        }),
      )
    })

    test("fails for good, with a clear message, when it cannot go on", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const first = yield* Effect.flip(host.apply([entry(base + 2, new Uint8Array(0))]))
          expect(first).toBeInstanceOf(MachineFailed)
          expect(first).toMatchObject({
            operation: "apply",
            message: `entry ${base + 2} does not follow on ${base}`,
          })
          expect(yield* Effect.flip(host.query([]))).toMatchObject({
            message: `entry ${base + 2} does not follow on ${base}`,
          })
          expect(yield* Effect.flip(host.flush)).toMatchObject({ operation: "flush" })
        }),
      )
    })

    test("is stuck at a command whose stack runs over: no outcome follows from it (HAZARDS D6)", async () => {
      await run(
        make().layer(),
        Effect.fnUntraced(function* (host) {
          const given = [add(1), command({ command: "recursive" }), add(2)]
          expect(yield* propose(host, base + 1, given)).toMatchObject([{ result: "1" }])
          expect((yield* host.status).stuck).toMatchObject({
            index: base + 2,
            actor: "counter",
            key: "a",
            fault: { kind: "overflow" },
          })
          expect((yield* host.stateHash).index).toBe(base + 1)
          expect(yield* value(host)).toBe(1)
        }),
      )
    })

    test("does not start with a broken actor", async () => {
      const failure = run(make().layer("export default 1"), () => Effect.void)
      await expect(failure).rejects.toThrow(/counter.*: its default export is not an actor/)
    })
  })
}
