// Is a state found out that was altered or cut where its machine never looks? By who reads all of it, and by who copies.

import { Database } from "bun:sqlite"
import { afterEach, describe, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Layer, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { digestOfState } from "../../src/machine/stateDigest.ts"
import type { StorageFailed } from "../../src/storage/LogStore.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { SnapshotStore } from "../../src/storage/SnapshotStore.ts"
import type { StateStore } from "../../src/storage/StateStore.ts"
import { layerMemory } from "../../src/storage/snapshotStoreMemory.ts"
import { layerSqlite } from "../../src/storage/snapshotStoreSqlite.ts"
import type { StateImage } from "../../src/storage/stateImage.ts"
import {
  type InstanceRow,
  instanceOf,
  instanceRowOf,
  putInstance,
  verifyState,
} from "../../src/storage/stateRows.ts"
import { openMemoryStateStore, stateFileName } from "../../src/storage/stateStoreMemory.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { command, entry, initial } from "./Bench.ts"
import { removeTemporary, temporary } from "./places.ts"

afterEach(removeTemporary)

const counter = actor({
  version: 1,
  state: Schema.Struct({ value: Schema.Int }),
  initial: { value: 0 },
  commands: {
    add: {
      input: Schema.Int,
      output: Schema.Int,
      reduce: (state, by, ctx) => {
        if (by > 1) ctx.schedule(1_000_000, "add", 1)
        return { state: { value: state.value + by }, result: state.value + by }
      },
    },
  },
})

type Harm =
  | "alter"
  | "alter with a checksum that fits"
  | "lose an instance"
  | "lose an outcome"
  | "lose a timer"
const harms: ReadonlyArray<Harm> = [
  "alter",
  "alter with a checksum that fits",
  "lose an instance",
  "lose an outcome",
  "lose a timer",
]

interface Place {
  readonly directory: string
  readonly openState: () => StateStore
  /** `knows`: what the rows of a state must add up to. */
  readonly layer: (knows: boolean) => Layer.Layer<SnapshotStore, StorageFailed>
  readonly harm: (how: Harm) => void
}

const inMemory = (): Place => {
  const disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })
  const change = (make: (state: StateImage) => StateImage) =>
    disk
      .directory("main")
      .file(stateFileName)!
      .alter((content) => make(content as StateImage))
  return {
    directory: "",
    openState: () => openMemoryStateStore(disk, { group: "main", initial }),
    layer: (knows) => layerMemory({ disk, group: "main", ...(knows ? { digestOf: digestOfState } : {}) }),
    harm: (how) =>
      change((state) => {
        const [[key, kept] = []] = [...state.instances]
        switch (how) {
          // A row whose checksum does not fit is another shape there, which the simulation makes.
          case "alter":
          case "alter with a checksum that fits":
            return {
              ...state,
              instances: new Map(state.instances).set(key!, {
                ...(kept as never as object),
                state: "9",
              } as never),
            }
          case "lose an instance":
            return { ...state, instances: new Map([...state.instances].slice(1)) }
          case "lose an outcome":
            return { ...state, outcomes: state.outcomes.slice(1) }
          case "lose a timer":
            return { ...state, timers: new Map([...state.timers].slice(1)) }
        }
      }),
  }
}

const inFiles = (): Place => {
  const directory = temporary()
  const path = join(directory, "state.db")
  const threadOf = (name: string) => new URL(`../../src/machine/${name}.ts`, import.meta.url)
  const threads = { jobs: threadOf("snapshotThread"), scrub: threadOf("scrubThread") }
  const lose = (table: string) => `DELETE FROM ${table} WHERE rowid = (SELECT min(rowid) FROM ${table})`
  return {
    directory,
    openState: () => openSqliteStateStore(path, initial),
    layer: (knows) => layerSqlite({ directory, ...(knows ? { threads } : {}) }),
    harm: (how) => {
      const database = new Database(path)
      try {
        if (how === "alter") database.run(`UPDATE instances SET state = '{"value":9}' WHERE key = 'a'`)
        else if (how === "alter with a checksum that fits") {
          const row = database.query("SELECT * FROM instances WHERE key = 'a'").get() as InstanceRow
          const altered = { ...instanceOf(row), state: '{"value":9}' }
          putInstance((sql, ...values) => database.query(sql).run(...values), altered)
          expect(instanceRowOf(altered).state).toBe('{"value":9}')
        } else
          database.run(
            lose(
              { "lose an instance": "instances", "lose an outcome": "outcomes", "lose a timer": "timers" }[
                how
              ],
            ),
          )
      } finally {
        database.close()
      }
    },
  }
}

/** Flushed twice, so that there are two chunks of outcomes. */
const run = (place: Place): Machine => {
  const machine = new Machine({ store: place.openState(), registry: registryOf({ counter }) })
  for (let index = 1; index <= 8; index++) {
    const given = command({ json: index % 3, key: index % 2 === 0 ? "a" : "b" })
    machine.apply([entry(index, encodeCommand(given))])
    if (index % 4 === 0) machine.flush()
  }
  return machine
}

const rowsAreGood = (path: string): boolean => {
  const database = new Database(path, { readonly: true })
  try {
    verifyState(database, digestOfState)
    return true
  } catch {
    return false
  } finally {
    database.close()
  }
}

test("a row that is there, and that the index of its table does not know any more, is found to be lost (S5)", async () => {
  const place = inFiles()
  const store = place.openState()
  const machine = new Machine({ store, registry: registryOf({ counter }) })
  machine.apply([entry(1, encodeCommand(command({ json: 1, key: "needle" })))])
  machine.flush()
  machine.close()
  const path = join(place.directory, "state.db")
  const bytes = readFileSync(path)
  const isVisible = () => {
    const database = new Database(path, { readonly: true })
    try {
      return (
        database.query("SELECT 1 FROM instances WHERE actor = 'counter' AND key = 'needle'").get() !== null
      )
    } finally {
      database.close()
    }
  }
  let at = -1
  do {
    at = bytes.indexOf("needle", at + 1)
    expect(at).toBeGreaterThan(0)
    const altered = Buffer.from(bytes)
    altered[at + 1]! ^= 1
    writeFileSync(path, altered)
    // In the outcomes it stands as well, and in the row itself.
  } while (isVisible() || !rowsAreGood(path))
  const found = Effect.flatMap(SnapshotStore, (snapshots) => Effect.flip(snapshots.verify))
  expect(await Effect.runPromise(Effect.provide(found, place.layer(true)))).toMatchObject({
    _tag: "StateDamaged",
    reason: expect.stringContaining("the file is damaged"),
  })
})

describe.each([
  ["memory", inMemory],
  ["SQLite", inFiles],
] as const)("a state (%s)", (_name, make) => {
  const ask = <A, E>(
    place: Place,
    body: (store: SnapshotStore["Service"]) => Effect.Effect<A, E>,
    knows = true,
  ) => Effect.runPromise(Effect.flatMap(SnapshotStore, body).pipe(Effect.provide(place.layer(knows))))

  test("that is whole is found to be so, and copied", async () => {
    const place = make()
    const empty = place.openState()
    await ask(place, (store) => store.verify)
    empty.close()
    const machine = run(place)
    await ask(place, (store) => store.verify)
    expect((await ask(place, (store) => store.create)).index).toBe(8)
    machine.close()
  })

  for (const how of harms) {
    test(`that had somebody ${how} is found out, and not copied (S5)`, async () => {
      const place = make()
      const machine = run(place)
      place.harm(how)
      for (const asked of [
        (store: SnapshotStore["Service"]) => store.verify,
        (store: SnapshotStore["Service"]) => Effect.asVoid(store.create),
      ]) {
        expect(await ask(place, (store) => Effect.flip(asked(store)))).toMatchObject({ _tag: "StateDamaged" })
      }
      // The machine itself has seen nothing.
      expect(machine.stateHash().index).toBe(8)
      machine.close()
    })
  }

  test("that does not add up is taken from nobody, though every row is good, and offered to nobody after a restart (S5)", async () => {
    const [from, to] = [make(), make()]
    const machine = run(from)
    from.harm("lose an instance")
    await ask(
      from,
      (sender) =>
        Effect.gen(function* () {
          const { id, bytes } = yield* sender.create
          const whole = yield* sender.read({ id, offset: 0, bytesMax: bytes })
          const refused = yield* Effect.flatMap(SnapshotStore, (receiver) =>
            Effect.andThen(receiver.receive({ id, offset: 0, bytes: whole }), receiver.finish({ id, bytes })),
          ).pipe(Effect.provide(to.layer(true)), Effect.flip)
          expect(refused).toMatchObject({ _tag: "SnapshotCorrupt" })
          expect(String((refused as { readonly reason: string }).reason)).toContain("add up to")
        }),
      false,
    )
    expect(await ask(from, (store) => store.latest)).toBeNull()
    machine.close()
  })
})
