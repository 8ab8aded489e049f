// What becomes of a backup: a whole node of another cluster, or nothing at all? (HAZARDS O6, N12, S5, S12)

import { Database } from "bun:sqlite"
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { sealBackups } from "../../src/storage/backupSet.ts"
import { openDataDirectory, readDataDirectory } from "../../src/storage/DataDirectory.ts"
import { directoryOf } from "../../src/storage/groupDirectory.ts"
import { LogStore } from "../../src/storage/LogStore.ts"
import { layerSqliteInThread } from "../../src/storage/logStoreSqlite.ts"
import { type RestoreOptions, restoreBackup } from "../../src/storage/restore.ts"
import type { StateContent, StateStore, StoredInstance } from "../../src/storage/StateStore.ts"
import { createSnapshot, hashFile } from "../../src/storage/snapshotFiles.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { configurationOf, initial, removeTemporaryDirectories, temporaryDirectory } from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporaryDirectories)

/** A machine's hash that any missing row changes. */
const digestOf = ({ instances, outcomes, timers, outcomesForgottenBelow }: StateContent): string =>
  [
    ...[...instances].map(({ key, state }) => `${key}=${state.length}`).sort(),
    ...[...outcomes].map(({ lastIndex }) => lastIndex),
    ...[...timers].map(({ id }) => id),
    outcomesForgottenBelow,
  ].join()

const keys = Array.from({ length: 40 }, (_, at) => `key ${at}`)

const fill = (state: StateStore): void =>
  state.flush({
    position: { index: 70, term: 3, time: 1_700_000_000_000, configuration: initial },
    instances: keys.map((key) => ({
      actor: "counter",
      key,
      state: JSON.stringify("x".repeat(3_000)),
      revision: 2,
      version: "v1",
      index: 60,
    })),
    outcomes: [{ firstIndex: 5, lastIndex: 70, rows: Uint8Array.of(1, 2, 3) }],
    forgetOutcomesBelow: 4,
    timersSet: [{ id: "t.1", dueAt: 9, actor: "counter", key: "key 1", command: "add", input: "null" }],
    timersCleared: [],
    digest: [...keys.map((key) => `${key}=3002`).sort(), 70, "t.1", 4].join(),
  })

/** As a node hands it out, in a directory of its own. */
const makeBackup = (): string => {
  const directory = temporaryDirectory()
  const state = openSqliteStateStore(join(directory, "state.db"), initial)
  fill(state)
  mkdirSync(join(directory, "snapshots"))
  const { index, id } = createSnapshot(directory)
  state.close()
  const file = join(temporaryDirectory(), "backup.db")
  copyFileSync(join(directory, "snapshots", `${index}-${id}.db`), file)
  return file
}

const members = configurationOf("n1", "n2", "n3")
/** With what a node begins a group of which it has nothing. */
const nobody = configurationOf()
const fits = { actors: [], problemOf: () => null, amended: () => [], partsIn: () => [] }

/** One of each group, in a directory with their list. */
const makeSet = (...groups: ReadonlyArray<string>): string => {
  const directory = temporaryDirectory()
  const list = groups.map((group) => {
    const file = `${group}.db`
    copyFileSync(makeBackup(), join(directory, file))
    return { group, file, sha256: hashFile(join(directory, file)) }
  })
  expect(sealBackups(directory, { clusterId: "c-1", groups: list }, fits)).toBe(null)
  return directory
}

const optionsOf = (file: string, options: Partial<RestoreOptions> = {}): RestoreOptions => ({
  file,
  directory: join(temporaryDirectory(), "n1"),
  nodeId: "n1",
  configuration: members,
  clusterIdOf: (hash) => `r-${hash}`,
  startOptions: { cluster: "n1=h:1" },
  digestOf,
  judge: fits,
  ...options,
})

const restore = (options: RestoreOptions) => Effect.runPromise(restoreBackup(options))

/** Its reason; and that nothing was left beside what was there. */
const refusalOf = async (options: RestoreOptions): Promise<string> => {
  const parent = dirname(options.directory)
  const before = readdirSync(parent)
  const failure = await Effect.runPromise(Effect.flip(restoreBackup(options)))
  expect(readdirSync(parent)).toEqual(before)
  expect(["BackupRefused", "DataDirectoryRefused"]).toContain(failure._tag)
  const { reason } = failure as { readonly reason: string }
  expect(reason).not.toContain("\n")
  return reason
}

/** What a node finds when it starts there. */
const start = (directory: string, clusterId: string, nodeId = "n1", group = "main") =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const held = yield* openDataDirectory({ directory, clusterId, nodeId })
        const place = group === "main" ? directory : directoryOf(directory, group)
        const state = openSqliteStateStore(join(place, "state.db"), members)
        const position = state.position()
        const loaded = yield* Effect.flatMap(LogStore, (log) =>
          log.load({
            group,
            initial: group === "main" ? members : nobody,
            stateIndex: position.index,
            stateTerm: position.term,
            stateConfiguration: position.configuration,
            tailBytesMax: 1_000,
          }),
        ).pipe(Effect.provide(layerSqliteInThread(held)))
        const content = {
          keys: keys.filter((key) => state.instance("counter", key) !== undefined).length,
          outcomes: [...state.outcomes()].map(({ rows }) => [...rows]),
          timers: state.timers().map(({ id }) => id),
          digest: state.digest(),
        }
        state.close()
        return { identity: held.identity, position, loaded, content }
      }),
    ),
  )

describe("a restored directory", () => {
  test("is a whole node: the state as of the backup, behind it an empty log, under the new configuration (O6, N12)", async () => {
    const options = optionsOf(makeBackup())
    const restored = await restore(options)
    const clusterId = `r-${hashFile(options.file)}`
    const configuration = members
    const position = { index: 70, term: 3, time: 1_700_000_000_000, configuration }
    const digest = digestOf({
      instances: keys.map((key) => ({ key, state: "y".repeat(3_002) }) as never),
      outcomes: [{ firstIndex: 5, lastIndex: 70, rows: new Uint8Array() }],
      outcomesForgottenBelow: 4,
      timers: [{ id: "t.1" } as never],
    })
    expect(restored).toEqual({
      parts: [],
      clusterId,
      groups: [{ group: "main", position, digest, instances: 40, timers: 1 }],
    })
    expect(readdirSync(options.directory).sort()).toEqual([
      "directory.lock",
      "log.db",
      "log.mark",
      "node.json",
      "state.db",
    ])
    const found = await start(options.directory, clusterId)
    expect(found).toEqual({
      identity: { clusterId, nodeId: "n1", incarnation: expect.any(String) },
      position,
      content: { keys: 40, outcomes: [[1, 2, 3]], timers: ["t.1"], digest },
      loaded: {
        hardState: { term: 3, votedFor: null },
        base: { index: 70, term: 3 },
        baseConfiguration: configuration,
        lastIndex: 70,
        terms: [],
        configurations: [],
        tail: [],
        standing: "whole",
        suspicion: "",
        pendingInstall: null,
      },
    })
    const kept = await Effect.runPromise(readDataDirectory(options.directory))
    expect(kept?.startOptions).toEqual({ cluster: "n1=h:1" })
  })

  test("has nothing of the old configuration, in state, log, or the next snapshot (N4)", async () => {
    const options = optionsOf(makeBackup(), { configuration: configurationOf("x1") })
    const { clusterId } = await restore(options)
    const { position, loaded } = await start(options.directory, clusterId)
    expect([position.configuration.voters, loaded.baseConfiguration.voters]).toEqual([["x1"], ["x1"]])
    mkdirSync(join(options.directory, "snapshots"))
    expect(createSnapshot(options.directory).configuration.voters).toEqual(["x1"])
  })

  test("has the same state on all members, and an incarnation of its own on each (S6)", async () => {
    const file = makeBackup()
    const all = []
    for (const nodeId of ["n1", "n2", "n3"]) {
      const options = optionsOf(file, { nodeId })
      const { clusterId } = await restore(options)
      all.push({
        state: hashFile(join(options.directory, "state.db")),
        ...(await start(options.directory, clusterId, nodeId)),
      })
    }
    expect(new Set(all.map(({ identity }) => identity.incarnation)).size).toBe(3)
    const alike = all.map(({ identity, ...rest }) => ({ ...rest, clusterId: identity.clusterId }))
    expect(alike[1]).toEqual(alike[0]!)
    expect(alike[2]).toEqual(alike[0]!)
  })

  test("is nobody's of the old cluster (O6)", async () => {
    const options = optionsOf(makeBackup())
    await restore(options)
    await expect(start(options.directory, "cluster")).rejects.toMatchObject({
      reason: expect.stringContaining("it belongs to cluster r-"),
    })
  })

  test("may be made of the state file of a node that was stopped, too", async () => {
    const file = join(temporaryDirectory(), "state.db")
    const state = openSqliteStateStore(file, initial)
    fill(state)
    expect(await refusalOf(optionsOf(file))).toContain("it is in use, and no backup")
    state.close()
    const options = optionsOf(file)
    const { clusterId, groups } = await restore(options)
    expect((await start(options.directory, clusterId)).content.digest).toBe(groups[0]!.digest)
  })

  test("of one backup says of which actors that has a part, and how much of it; of a set it was judged", async () => {
    const part = { actor: "counter", slots: 16_384, slotsInAll: 65_536 }
    const judge = { ...fits, partsIn: () => [part] }
    const { parts } = await restore(optionsOf(makeBackup(), { judge }))
    expect(parts).toEqual([{ ...part, instances: 40 }])
    expect((await restore(optionsOf(makeSet("main", "auth"), { judge }))).parts).toEqual([])
  })

  test("may be one that was made for it, also behind a link", async () => {
    const file = makeBackup()
    const parent = temporaryDirectory()
    mkdirSync(join(parent, "made"))
    symlinkSync(join(parent, "made"), join(parent, "link"))
    const { clusterId } = await restore(optionsOf(file, { directory: join(parent, "link") }))
    expect((await start(join(parent, "made"), clusterId)).position.index).toBe(70)
    await restore(optionsOf(file, { directory: join(parent, "deep", "er") }))
    expect(readdirSync(parent).sort()).toEqual(["deep", "link", "made"])
  })
})

describe("a directory that was restored from backups of all groups", () => {
  test("has the state of each, behind it an empty log, under the new configuration: whatever it is begun with (O9, S6)", async () => {
    const options = optionsOf(makeSet("main", "topic", "Auth"), {
      configuration: configurationOf("n1", "x2"),
    })
    const { clusterId, groups } = await restore(options)
    expect(groups.map(({ group, instances }) => [group, instances])).toEqual([
      ["main", 40],
      ["Auth", 40],
      ["topic", 40],
    ])
    expect(readdirSync(join(options.directory, "groups")).sort()).toEqual(["+auth", "topic"])
    for (const group of ["main", "Auth", "topic"]) {
      const { loaded, position, content } = await start(options.directory, clusterId, "n1", group)
      expect(content).toMatchObject({ keys: 40, timers: ["t.1"] })
      expect(position).toMatchObject({ index: 70, configuration: options.configuration })
      expect(loaded).toMatchObject({
        base: { index: 70, term: 3 },
        hardState: { term: 3, votedFor: null },
        baseConfiguration: options.configuration,
        standing: "whole",
        pendingInstall: null,
      })
    }
    // What there is nothing of begins as nobody.
    mkdirSync(directoryOf(options.directory, "bills"))
    const gone = await start(options.directory, clusterId, "n1", "bills")
    expect(gone.loaded.baseConfiguration).toEqual(nobody)
  })

  test("is the same cluster on all members, and another one for other backups (O6)", async () => {
    const set = makeSet("main", "auth")
    const ids = []
    for (const nodeId of ["n1", "n2"]) ids.push((await restore(optionsOf(set, { nodeId }))).clusterId)
    ids.push((await restore(optionsOf(makeSet("main", "auth", "topic")))).clusterId)
    ids.push((await restore(optionsOf(join(set, "main.db")))).clusterId)
    expect(ids[1]).toBe(ids[0]!)
    expect(new Set(ids).size).toBe(3)
  })

  test("has rows of main as the machine wants them there, and a sum that fits", async () => {
    const seen: Array<string> = []
    const judge = {
      ...fits,
      actors: ["counter"],
      problemOf: (
        set: ReadonlyMap<string, { readonly index: number; readonly rows: ReadonlyArray<unknown> }>,
      ) => {
        for (const [group, { index, rows }] of set) seen.push(`${group} ${index} ${rows.length}`)
        return null
      },
      amended: (rows: ReadonlyArray<StoredInstance>) => [{ ...rows[0]!, state: '"other"' }],
    }
    const options = optionsOf(makeSet("main", "auth"), { judge })
    const { clusterId, groups } = await restore(options)
    expect(seen).toEqual(["main 70 40", "auth 70 40"])
    expect(groups[0]!.digest).toContain("key 0=7,")
    expect(groups[1]!.digest).toContain("key 0=3002,")
    expect((await start(options.directory, clusterId)).content.digest).toBe(groups[0]!.digest)
  })
})

describe("nothing is restored, and nothing is left behind,", () => {
  test("from backups that are no whole cluster, or not what their list says", async () => {
    const set = makeSet("main", "auth")
    const judge = { ...fits, problemOf: () => "something is missing" }
    expect(await refusalOf(optionsOf(set, { judge }))).toBe("something is missing")
    copyFileSync(makeBackup(), join(set, "auth.db"))
    writeFileSync(join(set, "auth.db"), readFileSync(join(set, "auth.db")).subarray(0, 8_192))
    expect(await refusalOf(optionsOf(set))).toMatch(/^its SHA-256 is [0-9a-f]{64} instead of [0-9a-f]{64}$/)
    rmSync(join(set, "auth.db"))
    expect(await refusalOf(optionsOf(set))).toBe("there is no such file")
    const list = (groups: ReadonlyArray<{ group: string; file?: string }>, format = 1) => {
      const all = groups.map((each) => ({ file: "main.db", sha256: "0", ...each }))
      writeFileSync(join(set, "set.json"), JSON.stringify({ format, clusterId: "c", groups: all }))
      return refusalOf(optionsOf(set))
    }
    expect(await list([{ group: "auth" }])).toBe("its set.json names no backup of the group main")
    expect(await list([{ group: "main" }, { group: "main" }])).toBe("its set.json names the group main twice")
    expect(await list([{ group: "main", file: "../main.db" }])).toBe("its set.json is not what it was")
    expect(await list([{ group: "../main" }])).toBe("its set.json is not what it was")
    expect(await list([{ group: "main" }], 2)).toBe("its set.json has format 2, this program reads format 1")
    writeFileSync(join(set, "set.json"), "{")
    expect(await refusalOf(optionsOf(set))).toBe("its set.json is not what it was")
  })

  test("and nothing is sealed that does not fit together, or is no backup", async () => {
    const directory = temporaryDirectory()
    copyFileSync(makeBackup(), join(directory, "main.db"))
    const groups = [{ group: "main", file: "main.db", sha256: "" }]
    const problemOf = () => "keys are on their way"
    expect(sealBackups(directory, { clusterId: "c", groups }, { ...fits, problemOf })).toBe(
      "keys are on their way",
    )
    writeFileSync(join(directory, "main.db"), "dear")
    expect(() => sealBackups(directory, { clusterId: "c", groups }, fits)).toThrow()
    expect(readdirSync(directory)).toEqual(["main.db"])
  })

  test("over anything that is there already", async () => {
    const options = optionsOf(makeBackup())
    await restore(options)
    expect(await refusalOf(options)).toBe(
      "it holds directory.lock, log.db, log.mark: a backup is restored into a new or an empty directory",
    )
    const letter = join(temporaryDirectory(), "letter")
    writeFileSync(letter, "dear")
    expect(await refusalOf({ ...options, directory: letter })).toBe("it is not a directory")
    const inside = Effect.flip(restoreBackup({ ...options, directory: join(letter, "n1") }))
    expect(await Effect.runPromise(inside)).toMatchObject({ reason: "it cannot be looked at (ENOTDIR)" })
  })

  test("from what is no backup", async () => {
    const directory = temporaryDirectory()
    const file = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(directory, name), content)
      return join(directory, name)
    }
    const database = (name: string, sql: string) => {
      const made = new Database(join(directory, name))
      made.run(sql)
      made.close()
      return join(directory, name)
    }
    const cases: Readonly<Record<string, string>> = {
      [join(directory, "none.db")]: "there is no such file",
      [directory]: "it has no set.json: it is no backup of all groups",
      [file("empty", "")]: "it is not a SQLite file",
      [file("letter", "dear ".repeat(100))]: "it is not a SQLite file",
      [database("foreign.db", "CREATE TABLE letters (text)")]: "it has format 0, this program reads format 3",
      [database("later.db", "PRAGMA user_version = 4; CREATE TABLE position (one)")]:
        "it has format 4, this program reads format 3",
      [database("alike.db", "PRAGMA user_version = 3; CREATE TABLE position (one)")]:
        "its tables are not those of a state",
    }
    for (const [path, reason] of Object.entries(cases)) expect(await refusalOf(optionsOf(path))).toBe(reason)
  })

  test("from a file that is cut short, or has a page that is not what it was", async () => {
    const file = makeBackup()
    const whole = readFileSync(file)
    const { directory, ...first } = optionsOf(file)
    const { clusterId } = await restore({ ...first, directory })
    const good = (await start(directory, clusterId)).content
    // What bit of what page is bad decides who notices: SQLite, a checksum, or the sum over all.
    const places: Array<number> = []
    for (let at = 100; at < whole.byteLength; at += 1_531) places.push(at)
    // In its row, and in the index by which it is found.
    for (let at = whole.indexOf("key 17"); at >= 0; at = whole.indexOf("key 17", at + 1)) places.push(at)
    for (const at of places) {
      const bad = Buffer.from(whole)
      bad[at]! ^= 1
      writeFileSync(file, bad)
      const options = optionsOf(file)
      const outcome = await Effect.runPromise(Effect.result(restoreBackup(options)))
      if (outcome._tag === "Failure") expect(readdirSync(dirname(options.directory))).toEqual([])
      // A bit that means nothing to SQLite changes nothing: every row is found, also by its key.
      else expect((await start(options.directory, outcome.success.clusterId)).content).toEqual(good)
    }
    for (const bytes of [whole.byteLength - 1, whole.byteLength - 4_096, 8_192, 99]) {
      writeFileSync(file, whole)
      truncateSync(file, bytes)
      expect(await refusalOf(optionsOf(file))).not.toBe("")
    }
  })

  test("from a file in which a row was changed, or is missing, by somebody who knows SQLite", async () => {
    for (const [sql, reason] of [
      ["UPDATE instances SET state = '1' WHERE key = 'key 7'", "the state of instance counter/key 7"],
      ["UPDATE instances SET revision = 9 WHERE key = 'key 7'", "instance counter/key 7 has a bad checksum"],
      ["UPDATE position SET term = 1", "the position of the state has a bad checksum"],
      ["DELETE FROM position", "the position of the state is missing"],
      ["DELETE FROM instances WHERE key = 'key 7'", "rows are missing: their hash is"],
      ["DELETE FROM outcomes", "rows are missing"],
      ["DELETE FROM timers", "rows are missing"],
      ["CREATE TRIGGER t AFTER UPDATE ON position BEGIN DELETE FROM timers; END", "its tables are not those"],
    ] as const) {
      const file = makeBackup()
      const database = new Database(file)
      database.run(sql)
      database.close()
      expect(await refusalOf(optionsOf(file))).toContain(reason)
    }
  })

  test("from a file that somebody is still writing", async () => {
    const file = makeBackup()
    writeFileSync(`${file}-wal`, "frames")
    expect(await refusalOf(optionsOf(file))).toContain("it is in use, and no backup")
    rmSync(`${file}-wal`)
    const options = optionsOf(file)
    await restore(options)
    // Nor was anything put beside the backup.
    expect(readdirSync(dirname(file))).toEqual(["backup.db"])
  })

  test("where somebody else has begun meanwhile, or nothing can be written", async () => {
    const options = optionsOf(makeBackup())
    const late = (content: StateContent): string => {
      mkdirSync(options.directory)
      writeFileSync(join(options.directory, "letter"), "dear")
      return digestOf(content)
    }
    const failure = await Effect.runPromise(Effect.flip(restoreBackup({ ...options, digestOf: late })))
    expect(failure).toMatchObject({
      _tag: "DataDirectoryRefused",
      reason: expect.stringContaining("it cannot be put in place (ENOTEMPTY)"),
    })
    expect(readdirSync(dirname(options.directory))).toEqual(["n1"])
    expect(readdirSync(options.directory)).toEqual(["letter"])
    const nowhere = { ...options, directory: "/proc/n1" }
    expect(await Effect.runPromise(Effect.flip(restoreBackup(nowhere)))).toMatchObject({
      reason: expect.stringContaining("nothing can be written beside it"),
    })
  })

  test("when it fails half-way", async () => {
    const options = optionsOf(makeBackup())
    const broken = () => {
      throw new Error("a defect of the machine")
    }
    const failure = await Effect.runPromise(Effect.flip(restoreBackup({ ...options, digestOf: broken })))
    expect(failure).toMatchObject({ _tag: "StorageFailed", message: "a defect of the machine" })
    expect(readdirSync(dirname(options.directory))).toEqual([])
  })
})
