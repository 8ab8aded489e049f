// Which bugs break what the disk has promised? In SQLite, and in the twin that the simulation runs on.

import type { Plant } from "./Plant.ts"

export const storagePlants: ReadonlyArray<Plant> = [
  {
    id: "failed-write-swallowed",
    title: "A write or sync that failed counts as done",
    hazard: "EIO swallowed",
    edits: [
      {
        file: "src/raft/Writer.ts",
        find: `      Effect.as(true),
`,
        replace: `      Effect.as(true),
      Effect.catchTag("StorageFailed", () => Effect.succeed(true)),
`,
      },
    ],
  },
  {
    id: "full-disk-forgets",
    title: "What found no room on the disk is dropped, and the next batch reports it as durable",
    edits: [
      {
        file: "src/raft/Writer.ts",
        find: `Effect.catchTag("StorageFull", () => Effect.succeed(false)),`,
        replace: `Effect.catchTag("StorageFull", () => Effect.succeed(true)),`,
      },
    ],
  },
  {
    id: "vote-ahead-vouches-for-entries",
    title: "On a full disk the word that term and vote are there lets acknowledgements of entries leave",
    edits: [
      {
        file: "src/consensus/turn.ts",
        find: "  const isReady = ({ through }: Held) => through <= log.persistedIndex",
        replace: "  const isReady = ({ through }: Held) => through <= log.lastIndex",
      },
    ],
  },
  {
    id: "standing-counts-as-vote",
    title: "On a full disk the word that term and vote are there lets a repaired node call itself whole",
    edits: [
      {
        file: "src/consensus/turn.ts",
        find: "      isHardStateOnly: draft.install === null && draft.standing === null,",
        replace: "      isHardStateOnly: true,",
      },
    ],
    note: "Its repair is not on its disk yet. A full disk must meet a repair just then.",
  },
  {
    id: "vote-ahead-written-again",
    title:
      "Term and vote that became durable ahead of entries are written once more with them, over newer ones",
    edits: [
      {
        file: "src/raft/Writer.ts",
        find: "      return writes.map((write) => ({ ...write, hardState: null }))",
        replace: "    return writes",
      },
    ],
  },
  {
    id: "full-disk-refuses-votes",
    title: "Term and vote wait behind the entries for which there is no room",
    edits: [
      {
        file: "src/raft/Writer.ts",
        find: "      if (!(yield* this.#isWritten([ahead]))) return writes",
        replace: "      if (ahead.sequence > 0) return writes",
      },
    ],
  },
  {
    id: "full-leader-stays",
    title: "A leader without room keeps the lead, though others have room",
    edits: [
      {
        file: "src/consensus/leader.ts",
        find: "  if (givesWay(node, leader, now)) {",
        replace: "  if (givesWay(node, leader, now) && now < 0) {",
      },
    ],
  },
  {
    id: "room-never-regained",
    title: "A node that was short of room stays so when there is room again",
    edits: [
      {
        file: "src/storage/Room.ts",
        find: `    if (reserve.take()) this.#tables().keepWal("usual")`,
        replace: `    this.#tables().keepWal("usual")`,
      },
    ],
  },
  {
    id: "full-disk-ends-node",
    title: "A node ends when it finds no room to note that a snapshot is installed",
    edits: [
      {
        file: "src/storage/logService.ts",
        find: `untilRoom(Effect.andThen(call("installed", group), sweep(group)))`,
        replace: `Effect.andThen(call("installed", group), sweep(group))`,
      },
    ],
  },
  {
    id: "entries-use-up-the-reserve",
    title: "On a full disk entries are taken until the last page, and votes, flushes and cuts find none",
    edits: [
      {
        file: "src/storage/Room.ts",
        find: "    if (!this.isShort) return true\n",
        replace: "    if (bytes > 0) return true\n",
      },
    ],
    test: {
      file: "test/storage/fullLog.test.ts",
      name: "takes term and vote, however often",
    },
  },
  {
    id: "sqlite-log-synchronous-normal",
    title: "SQLite syncs the log only now and then (synchronous=NORMAL)",
    hazard: "synchronous=NORMAL",
    edits: [
      {
        file: "src/storage/logTablesSqlite.ts",
        find: `      database.run("PRAGMA synchronous = FULL")`,
        replace: `      database.run("PRAGMA synchronous = NORMAL")`,
      },
    ],
    test: {
      file: "test/storage/sync.test.ts",
      name: "every write of the log is synced before it is reported",
    },
  },
  {
    id: "sqlite-state-synchronous-normal",
    title: "SQLite syncs the state only now and then, and the log is cut behind it",
    hazard: "synchronous=NORMAL",
    edits: [
      {
        file: "src/storage/stateStoreSqlite.ts",
        find: `    database.run("PRAGMA synchronous = FULL")`,
        replace: `    database.run("PRAGMA synchronous = NORMAL")`,
      },
    ],
    test: {
      file: "test/storage/sync.test.ts",
      name: "every flush of the state is synced before the log may be cut behind it",
    },
  },
  {
    id: "sqlite-failure-forgotten",
    title: "After a failed write the log takes the next one, on a cache that lies",
    hazard: "EIO swallowed",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: `      if (wrapped._tag === "StorageFailed") this.fail(wrapped, error)
`,
        replace: "",
      },
    ],
    test: {
      file: "test/storage/sync.test.ts",
      name: "after one failed sync of the log nothing more is taken",
    },
  },
  {
    id: "sqlite-two-transactions",
    title: "SQLite cuts the log in one transaction and appends in the next",
    hazard: "truncate+append in two transactions",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: `      this.commit([], () => {
        const records = new Map<GroupId, GroupRecord>()`,
        replace: `      for (const { group, write } of batch) {
        if (write.truncateFrom === null) continue
        const cut: GroupWrite["write"] = { ...write, hardState: null, install: null, entries: [], standing: null }
        this.commit([], () => [applyWrite(this.tables, this.record(group), cut)])
      }
      this.commit([], () => {
        const records = new Map<GroupId, GroupRecord>()`,
      },
    ],
    test: {
      file: "test/storage/sync.test.ts",
      name: "a log is cut and appended to in one transaction",
    },
  },
  {
    id: "checksum-not-verified",
    title: "An entry is read from the log without a look at its checksum",
    hazard: "checksum not verified",
    edits: [
      {
        file: "src/storage/chain.ts",
        find: "  if (hashEntry(previous, entry) !== hash) throw new LogDamaged(`entry ${entry.index} has a bad checksum`)\n",
        replace: "",
      },
    ],
  },
  {
    id: "mark-ignored",
    title: "A log that is shorter than its mark says is taken as it is",
    hazard: "high-water mark ignored",
    edits: [
      {
        file: "src/storage/logOpen.ts",
        find: `  if (content.sequence < last.sequence) {
    return [\`the log is at commit \${content.sequence}, the mark names commit \${last.sequence}\`]
  }
  if (content.sequence > last.sequence) return []`,
        replace: "  if (content.sequence !== last.sequence) return []",
      },
    ],
  },
  {
    id: "mark-page-shared",
    title: "What the mark says after a sync goes into the page that was synced: torn, it takes that with it",
    edits: [
      {
        file: "src/storage/markFile.ts",
        find: "place = { ...place, at: pageAt(place.at) }",
        replace: "place = { ...place }",
      },
    ],
    test: { file: "test/storage/mark.test.ts", name: "of which any pages are lost since its sync" },
  },
  {
    id: "mark-half-overwritten",
    title: "A half of the mark is begun anew over the only one that a loss of power would leave",
    edits: [
      {
        file: "src/storage/mark.ts",
        find: "    if (this.#isBegun && !this.#isDurable) this.sync()\n",
        replace: "",
      },
    ],
    test: { file: "test/storage/mark.test.ts", name: "of which any pages are lost since its sync" },
  },
  {
    id: "forgotten-group-comes-back",
    title: "A group counts as swept away while its mark can come back: the next one of its name is suspect",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: "        this.mark.sync()\n        this.room.transact",
        replace: "        this.room.transact",
      },
    ],
    test: { file: "test/storage/forget.test.ts", name: "survives any loss of power whole" },
  },
  {
    id: "group-number-used-again",
    title: "A new group takes the number of one that is forgotten, of which rows are left",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: "    const taken = new Set(this.forgotten.keys())\n",
        replace: "    const taken = new Set<number>()\n",
      },
    ],
    test: { file: "test/storage/forget.test.ts", name: "leaves its number to nobody" },
  },
  {
    id: "gathered-batch-fails-as-one",
    title: "The entries of one group, for which there is no room, keep another group's vote from the disk",
    edits: [
      {
        file: "src/storage/Gathering.ts",
        find: "    if (asks.length === 1 || Exit.isSuccess(written) || hasFailed(written)) {",
        replace: "    if (asks.length > 0 || Exit.isSuccess(written) || hasFailed(written)) {",
      },
    ],
    test: { file: "test/storage/gathering.test.ts", name: "of which the batch found no room" },
  },
  {
    id: "write-of-earlier-life",
    title: "What a group's earlier life asked for is written after its next life has read the log",
    edits: [
      {
        file: "src/storage/Gathering.ts",
        find: "          ask.isWithdrawn = true\n",
        replace: "          ask.isWithdrawn = false\n",
      },
    ],
    test: { file: "test/storage/gathering.test.ts", name: "whose asker has gone" },
  },
  {
    id: "sqlite-damaged-wal-trusted",
    title: "A write-ahead log with a bad frame in its middle is taken for one that was torn at its end",
    edits: [
      {
        file: "src/storage/wal.ts",
        find: `  return behind.slice(end + 1).some((frame) => frame.ours)
    ? { _tag: "Corrupt", reason: \`\${reason}, and frames written after it follow\` }
    : { _tag: "Doubtful", reason: \`\${reason}, and it belongs to the last transaction\` }`,
        replace: `  return { _tag: "Torn", frames: bad }`,
      },
    ],
    test: { file: "test/storage/wal.test.ts", name: "before its last transaction is corrupt" },
  },
  {
    id: "newest-incarnation-counts",
    title: "A peer that comes back without its data is known from then on by its new incarnation",
    hazard: "wiped node votes",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: `      if (known !== undefined) return known === incarnation ? "known" : "another"`,
        replace: `      if (known === incarnation) return "known"`,
      },
    ],
  },
  {
    id: "older-copy-unnoticed",
    title: "A node whose log others know to have been longer goes on as the voter that it was",
    edits: [
      {
        file: "src/raft/Turns.ts",
        find: "    if (lost > this.#outrun) {",
        replace: "    if (lost < this.#outrun) {",
      },
    ],
    test: {
      file: "test/simulation/oldCopy.test.ts",
      name: "is recognised by another follower",
    },
  },
  {
    id: "sync-tried-again",
    title: "After a failed sync the same batch is tried again, on a cache that lies",
    hazard: "EIO swallowed",
    edits: [
      {
        file: "src/storage/LogFile.ts",
        find: `      if (wrapped._tag === "StorageFailed") this.fail(wrapped, error)
`,
        replace: "",
      },
      {
        file: "src/raft/Writer.ts",
        find: `Effect.catchTag("StorageFull", () => Effect.succeed(false)),`,
        replace: "Effect.catch(() => Effect.succeed(false)),",
      },
    ],
  },
  {
    id: "log-not-synced",
    title: "The log in memory reports a commit that it has written and not synced",
    hazard: "synchronous=NORMAL",
    edits: [
      {
        file: "src/storage/logMemory.ts",
        find: `      write(() => disk.log.write(image))
      sync([disk.log], (file) => file.sync())
`,
        replace: `      write(() => disk.log.write(image))
`,
      },
    ],
  },
  {
    id: "state-not-synced",
    title:
      "The state in memory reports a flush that it has written and not synced, and the log is cut behind it",
    hazard: "synchronous=NORMAL",
    edits: [
      {
        file: "src/storage/stateStoreMemory.ts",
        find: `    this.#file.write(state)
    this.#disk.sync(this.#file)
`,
        replace: `    this.#file.write(state)
`,
      },
    ],
  },
  {
    id: "state-checksum-not-verified",
    title: "A row of the state is read without a look at its checksum",
    hazard: "checksum not verified",
    edits: [
      {
        file: "src/storage/stateRows.ts",
        find: "  if (hashFromBytes(checksum) !== expected) throw new StateCorrupt(`${what} has a bad checksum`)\n",
        replace: "",
      },
    ],
  },
  {
    id: "bad-frame-ignored",
    title: "A write-ahead log that has lost what was synced is taken as it is",
    edits: [
      {
        file: "src/storage/logOpen.ts",
        find: `  if (wal._tag === "Corrupt") reasons.push(wal.reason)
`,
        replace: "",
      },
    ],
  },
  {
    id: "suspicion-forgotten",
    title: "A node whose disk lost something forgets it with the next restart",
    edits: [
      {
        file: "src/storage/settle.ts",
        find: "  const suspicion = found.suspicion || unusable || outdated",
        replace: "  const suspicion = unusable || outdated",
      },
    ],
  },
]
