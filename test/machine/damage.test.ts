// Does a machine start on a state that lost something? Every outcome and timer is counted when it is read.

import { Database } from "bun:sqlite"
import { afterEach, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Layer, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { layerInProcess } from "../../src/machine/hostInProcess.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { StateCorrupt } from "../../src/storage/StateStore.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import type { StateImage } from "../../src/storage/stateImage.ts"
import { stateFileName } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { Bench, command, entry, initial } from "./Bench.ts"
import { actorsOf, offerOwn, removeTemporary, run, source, temporary, worker } from "./places.ts"
import { counter, registry } from "./suspects.ts"

afterEach(removeTemporary)

const sleeper = actor({
  version: 1,
  state: Schema.Null,
  initial: null,
  commands: {
    sleep: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(1_000, "sleep", null)
        return { state, result: null }
      },
    },
  },
})

const actors = registryOf({ counter, sleeper })

const open = (path: string) => new Machine({ store: openSqliteStateStore(path, initial), registry: actors })

/** A state file with three chunks of outcomes and two timers. */
const made = (): string => {
  const path = join(temporary(), "state.db")
  const machine = open(path)
  for (let index = 1; index <= 6; index++) {
    const given =
      index % 3 === 0
        ? command({ actor: "sleeper", command: "sleep", version: "v1" })
        : command({ json: { by: 1 }, idempotencyKey: `k${index}` })
    machine.apply([entry(index, encodeCommand(given))])
    if (index % 2 === 0) machine.flush()
  }
  machine.close()
  return path
}

const change = (path: string, sql: string): void => {
  const database = new Database(path)
  expect(database.run(sql).changes).toBe(1)
  database.close()
}

describe("a state file that lost what it held (HAZARDS S5)", () => {
  test("opens as long as it is whole, and answers retries from every chunk", () => {
    const machine = open(made())
    for (const index of [1, 2, 4, 5]) {
      const retry = encodeCommand(command({ json: { by: 1 }, idempotencyKey: `k${index}` }))
      const [admission] = machine.admit([retry])
      expect(admission).toMatchObject({ _tag: "Settled", outcome: { replayed: true, index } })
    }
    machine.close()
  })

  const damages: ReadonlyArray<readonly [string, string, string]> = [
    ["a chunk of outcomes", "DELETE FROM outcomes WHERE last_index = 4", "outcomes are missing"],
    ["the newest chunk of outcomes", "DELETE FROM outcomes WHERE last_index = 6", "outcomes are missing"],
    ["a timer", "DELETE FROM timers WHERE id = (SELECT min(id) FROM timers)", "timers are missing"],
    [
      "one bit of an outcome",
      "UPDATE outcomes SET rows = CAST(replace(rows, 'k4', 'k5') AS BLOB) WHERE last_index = 4",
      "what became of entries 3 to 4 has a bad checksum",
    ],
    [
      "the place of its outcomes in the log",
      "UPDATE outcomes SET first_index = 1 WHERE last_index = 4",
      "what became of entries 1 to 4 has a bad checksum",
    ],
    [
      "the rows of a chunk",
      "UPDATE outcomes SET rows = NULL WHERE last_index = 4",
      "entries 3 to 4 is missing",
    ],
  ]
  for (const [what, sql, message] of damages) {
    test(`does not start without ${what}; the next start finds an empty state, and the old one as evidence`, () => {
      const path = made()
      change(path, sql)
      const opened = () => {
        try {
          return open(path)
        } catch (error) {
          return error
        }
      }
      const error = opened()
      expect(error).toBeInstanceOf(StateCorrupt)
      expect((error as Error).message).toContain(message)
      const next = open(path)
      expect(next.position().index).toBe(0)
      next.close()
      expect(existsSync(join(dirname(path), "evidence", "state.db"))).toBe(true)
    })
  }
})

test("an outcome that goes missing under a running machine stops it: a retry must not be executed again", () => {
  const at = new Bench(registry)
  const add = command({ json: { by: 1 } })
  at.propose(add)
  at.machine.flush()
  const file = at.disk.directory("main").file(stateFileName)!
  file.alter((content) => ({ ...(content as StateImage), outcomes: [] }))
  expect(() => at.propose(add)).toThrow("what became of entry 1 is missing")
  expect(() => at.propose(command({ json: { by: 1 } }))).toThrow("what became of entry 1 is missing")
})

for (const [name, layerOf] of [
  ["in a thread", (directory: string) => worker(directory, actorsOf(directory, source(1)))],
  [
    "in process",
    (directory: string) =>
      layerInProcess({
        openStore: () => openSqliteStateStore(join(directory, "state.db"), initial),
        registry: actors,
      }).pipe(Layer.provideMerge(layerSqlite({ directory }))),
  ],
] as const) {
  describe(`a machine host ${name}`, () => {
    const valueIn = (directory: string) => run(layerOf(directory), (host) => host.position)

    test("starts over a state that lost what it held, with an empty one, and keeps the evidence (S5)", async () => {
      const path = made()
      change(path, "DELETE FROM outcomes WHERE last_index = 4")
      expect(await valueIn(dirname(path))).toMatchObject({ index: 0 })
      expect(existsSync(join(dirname(path), "evidence", "state.db"))).toBe(true)
    })

    test("says that its state is corrupt when it meets a bad row, and gives it up in place (S5)", async () => {
      const path = made()
      const directory = dirname(path)
      const evidence = join(directory, "evidence", "state.db")
      await run(
        layerOf(directory),
        Effect.fnUntraced(function* (host) {
          yield* offerOwn(host)
          change(path, `UPDATE instances SET state = '{"value":9}' WHERE actor = 'counter'`)
          const failure = yield* Effect.flip(host.query([{ type: "state", actor: "counter", key: "a" }]))
          expect(failure).toMatchObject({ _tag: "MachineFailed", reason: "corrupt" })
          expect(failure.message).toContain("bad checksum")
          expect((yield* Effect.flip(host.query([]))).reason).toBe("corrupt")
          expect(yield* host.giveUp).toMatchObject({ index: 0 })
          expect((yield* host.status).appliedIndex).toBe(0)
        }),
      )
      const kept = new Database(evidence)
      expect(kept.query("SELECT state FROM instances WHERE actor = 'counter'").values()).toEqual([
        ['{"value":9}'],
      ])
      kept.close()
    })
  })
}

test("a bad row of an actor's own is met by whoever opens the state, and gives it up as well (seed 260)", async () => {
  const directory = temporary()
  const layer = () => worker(directory, actorsOf(directory, source(1)))
  await run(
    layer(),
    Effect.fnUntraced(function* (host) {
      yield* offerOwn(host)
      yield* host.flush
    }),
  )
  change(join(directory, "state.db"), `UPDATE instances SET state = '{}' WHERE actor = '$actor'`)
  await run(
    layer(),
    Effect.fnUntraced(function* (host) {
      expect(host.lost).toContain("bad checksum")
      expect(yield* host.position).toMatchObject({ index: 0 })
    }),
  )
  expect(existsSync(join(directory, "evidence", "state.db"))).toBe(true)
})

test("what a state held that was not flushed yet is in the evidence, and stays there when nothing is given up (S5)", () => {
  const path = made()
  const machine = open(path)
  machine.apply([entry(7, encodeCommand(command({ json: { by: 1 }, idempotencyKey: "k7" })))])
  machine.giveUp()
  machine.giveUp()
  machine.close()
  const kept = new Database(join(dirname(path), "evidence", "state.db"))
  expect(kept.query("SELECT entry_index FROM position").values()).toEqual([[7]])
  kept.close()
  expect(existsSync(path)).toBe(false)
})
