// Which bugs lose state where a snapshot takes the place of a log? (Raft §7)

import type { Plant } from "./Plant.ts"

export const snapshotPlants: ReadonlyArray<Plant> = [
  {
    id: "snapshot-configuration-now",
    title: "A snapshot is sent with the newest configuration, not with the one as of its index",
    hazard: `membership from "now"`,
    edits: [
      {
        file: "src/raft/replicator.ts",
        find: "configuration: snapshot.configuration },",
        replace: "configuration: group.node.configurations.current },",
      },
    ],
  },
  {
    id: "snapshot-claims-more",
    title: "A snapshot is sent as if it reached as far as the machine has come meanwhile",
    edits: [
      {
        file: "src/raft/replicator.ts",
        find: "    snapshot: { index: snapshot.index, term: snapshot.term, configuration",
        replace: `    snapshot: {
      index: group.node.appliedIndex,
      term: group.node.log.termAt(group.node.appliedIndex) ?? snapshot.term,
      configuration`,
      },
    ],
  },
  {
    id: "state-before-log",
    title: "The machine takes a snapshot over before the log on disk rests on it",
    hazard: "log reset after snapshot commit",
    edits: [
      {
        file: "src/raft/applier.ts",
        find: `      if (node.log.persistedIndex < pendingInstall.index) return
`,
        replace: "",
      },
    ],
  },
  {
    id: "pending-install-forgotten",
    title: "An install that a crash interrupted counts as done at the next start",
    edits: [
      {
        file: "src/raft/load.ts",
        find: "    if (pendingInstall.index > position.index) yield* machine.install(pendingInstall.snapshotId)\n",
        replace: "",
      },
    ],
  },
  {
    id: "old-snapshot-installed",
    title: "A snapshot that arrives late takes the state back",
    edits: [
      {
        file: "src/consensus/snapshots.ts",
        find: `  if (chunk.snapshot.index <= node.commitIndex) reply(node, from, chunk, 0, node.commitIndex)
  else node.turn.chunks.push({ from, chunk })`,
        replace: "  node.turn.chunks.push({ from, chunk })",
      },
      {
        file: "src/consensus/snapshots.ts",
        find: `  if (index <= node.commitIndex) return reply(node, from, chunk, 0, node.commitIndex)
`,
        replace: "",
      },
      {
        file: "src/raft/snapshotter.ts",
        find: "      if (chunk.snapshot.index <= commitIndex || pendingInstall !== null) return",
        replace: "      if (commitIndex < 0 || pendingInstall !== null) return",
      },
    ],
  },
  {
    id: "no-way-behind-the-log",
    title: "A follower that needs what was cut off the log gets nothing",
    hazard: "compaction past a lagging follower with no snapshot path",
    edits: [
      {
        file: "src/consensus/replication.ts",
        find: `  if (progress.next <= log.base.index) return { type: "snapshot" }`,
        replace: "  if (progress.next <= log.base.index) return WAIT",
      },
    ],
  },
  {
    id: "log-cut-before-flush",
    title: "The log is cut behind what is applied, whether it has been flushed or not",
    edits: [
      {
        file: "src/raft/snapshotter.ts",
        find: "    const behind = appliedIndex - flushed.index\n",
        replace: `    const behind = appliedIndex - flushed.index
    cutLog(group, { ...flushed, index: appliedIndex })
`,
      },
    ],
  },
  {
    id: "sqlite-flush-without-outcomes",
    title: "A flush, and every snapshot made of it, leaves out what became of commands",
    hazard: "dedupe table omitted",
    edits: [
      {
        file: "src/storage/stateStoreSqlite.ts",
        find: "        yield\n        putChunk(this.run, chunk)\n",
        replace: "        yield\n",
      },
    ],
    test: {
      file: "test/storage/StateStore.test.ts",
      name: "holds position, instances, outcomes and timers of a flush together",
    },
  },
  {
    id: "sqlite-publish-before-sync",
    title: "A snapshot gets its final name before its bytes are on disk",
    hazard: "publish before fsync",
    edits: [
      {
        file: "src/storage/snapshotFiles.ts",
        find: `  try {
    syncPath(part)
  } catch (error) {
    // The cache may show what the disk does not have, and a later sync would say nothing of it (HAZARDS S2).
    rmSync(part, { force: true })
    throw error
  }
`,
        replace: "",
      },
      {
        file: "src/storage/snapshotFiles.ts",
        find: `  syncPath(paths.draft)
`,
        replace: "",
      },
    ],
    test: {
      file: "test/storage/sync.test.ts",
      name: "a snapshot gets its name only when its bytes are on disk",
    },
  },
  {
    id: "sqlite-chunk-mix",
    title: "Pieces of different snapshots go into one file, and nobody compares the hash of the whole",
    hazard: "chunk mix",
    edits: [
      {
        file: "src/storage/snapshotFiles.ts",
        find: "    part: (id: string) => join(snapshots, `${fileNameOf(id)}.part`),",
        replace: `    part: (_id: string) => join(snapshots, "arriving.part"),`,
      },
      {
        file: "src/storage/snapshotFiles.ts",
        find: "  if (hash !== id) return `its hash is ${hash}`\n",
        replace: "",
      },
    ],
    test: { file: "test/storage/SnapshotStore.test.ts", name: "forgets parts of another snapshot" },
  },
  {
    id: "resting-file-removed",
    title: "A piece of another snapshot removes the file that the log already rests on",
    edits: [
      {
        file: "src/raft/snapshotter.ts",
        find: "      if (chunk.snapshot.index <= commitIndex || pendingInstall !== null) return",
        replace: "      if (chunk.snapshot.index <= commitIndex && pendingInstall === null) return",
      },
      {
        file: "src/raft/snapshotter.ts",
        find: `        yield* Deferred.await(this.#noted)
`,
        replace: "",
      },
    ],
  },
  {
    id: "snapshot-without-outcomes",
    title: "A snapshot does not hold what became of commands",
    hazard: "dedupe table omitted",
    edits: [
      {
        file: "src/storage/stateImage.ts",
        find: `    outcomes: state.outcomes
      .map(readChunk)`,
        replace: `    outcomes: state.outcomes
      .slice(0, 0)
      .map(readChunk)`,
      },
      {
        file: "src/machine/Outcomes.ts",
        find: "    if (`${found}` !== digest) throw new StateCorrupt(`outcomes are missing: ${found} instead of ${digest}`)\n",
        replace: "",
      },
    ],
  },
  {
    id: "received-before-synced",
    title: "A snapshot that arrived counts as kept before its bytes are on disk",
    hazard: "publish before fsync",
    edits: [
      {
        file: "src/storage/snapshotStoreMemory.ts",
        find: `    yield* Effect.tapError(
      sync("finish snapshot", () => directory.file(partName(id))!),
      () => attempt("finish snapshot", () => directory.remove(partName(id))),
    )
`,
        replace: "",
      },
    ],
  },
  {
    id: "chunk-mix",
    title:
      "Pieces of different snapshots go into one file in memory, and nobody compares the hash of the whole",
    hazard: "chunk mix",
    edits: [
      {
        file: "src/storage/snapshotStoreMemory.ts",
        find: "const partName = (id: string) => `${id}.part`",
        replace: `const partName = (_id: string) => "arriving.part"`,
      },
      {
        file: "src/storage/snapshotStoreMemory.ts",
        find: `  if (hash !== id) return \`its hash is \${hash}\`
  return damageIn(bytes, digestOf)`,
        replace: `  return hash === "" || digestOf === null ? "it has no hash" : ""`,
      },
    ],
  },
]
