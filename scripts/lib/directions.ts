// Which room may know which? (docs/ARCHITECTURE.md, "The rooms")

import { type Import, importsOf } from "./imports.ts"
import type { SourceFile } from "./SourceFile.ts"
import type { Finding } from "./tree.ts"

interface Room {
  /** Folders ("raft/") and files of `src` that the room may import besides its own. */
  readonly reach: ReadonlyArray<string>
  /** The same, for `import type` alone. */
  readonly types?: ReadonlyArray<string>
  /** Packages; "node:" stands for all that begin so. */
  readonly packages: ReadonlyArray<string>
}

/** The facts that all rooms speak of: no decisions in here. */
const FACTS = [
  "consensus/types.ts",
  "consensus/groups.ts",
  "consensus/message.ts",
  "consensus/configuration.ts",
]
const STORAGE_SERVICES = ["storage/LogStore.ts", "storage/StateStore.ts", "storage/SnapshotStore.ts"]
/** Promises without an implementation. A live layer beside them is out of reach. */
const SERVICES = [
  ...STORAGE_SERVICES,
  "transport/Transport.ts",
  "transport/together.ts",
  "machine/MachineHost.ts",
  "machine/Machines.ts",
  "machine/fault.ts",
  "machine/outcome.ts",
  "machine/fault.ts",
  "machine/command.ts",
  "machine/leading/Leading.ts",
  "machine/system/changes.ts",
  "machine/system/checkpoint.ts",
  "machine/system/founders.ts",
  "machine/system/voiding.ts",
]
const HOST = ["bun", "bun:", "node:"]

const ROOMS: Readonly<Record<string, Room>> = {
  consensus: { reach: [], packages: [] },
  storage: { reach: FACTS, packages: ["effect", ...HOST] },
  transport: { reach: FACTS, packages: ["effect", "protobufjs", ...HOST] },
  // What routes ask, they ask as clients do.
  machine: { reach: [...FACTS, ...STORAGE_SERVICES, "client/"], packages: ["effect", "hono", ...HOST] },
  // Of the machine also who is at work: that is noted in its threads as in the node. Of the host, arithmetic alone: checksums.
  raft: { reach: ["consensus/", ...SERVICES, "machine/Crowd.ts"], packages: ["effect", "node:zlib"] },
  groups: {
    reach: [
      "consensus/",
      "raft/",
      ...SERVICES,
      "machine/seats.ts",
      "machine/slots.ts",
      "machine/system/GroupDirectory.ts",
      "machine/system/Whereabouts.ts",
      "machine/system/commands.ts",
    ],
    packages: ["effect"],
  },
  metrics: { reach: [], packages: ["effect"] },
  http: {
    reach: [
      "raft/Raft.ts",
      "groups/Groups.ts",
      "groups/following.ts",
      "groups/fresh.ts",
      "groups/balance.ts",
      "groups/rebalancer.ts",
      "machine/",
      "metrics/",
      "consensus/types.ts",
      "consensus/groups.ts",
      "consensus/configuration.ts",
    ],
    packages: ["effect", "hono", ...HOST],
  },
  // Runs wherever there is `fetch`: nothing of it may need a node, or a package.
  client: {
    reach: [],
    types: ["machine/definition.ts", "machine/actorTypes.ts", "machine/leading/context.ts"],
    packages: [],
  },
  // What an operator deploys is bundled as a node does it, on the machine where its files and packages are. Groups are named alike.
  cli: {
    reach: ["client/", "machine/bundle.ts", "consensus/groups.ts"],
    types: ["http/", "machine/"],
    packages: ["effect", ...HOST],
  },
  simulation: {
    // Its own actors are written as a user's are.
    reach: ["consensus/", "raft/", "groups/", "storage/", "transport/", "machine/", "metrics/", "index.ts"],
    packages: ["effect", ...HOST],
  },
}

/** Free to name every room: what a user imports, what puts the live layers together, and where a thread begins. */
const ROOFS = new Set([
  "src/index.ts",
  "src/testing.ts",
  "src/main.ts",
  "src/node.ts",
  "src/machine/worker.ts",
  "src/machine/snapshotThread.ts",
  "src/machine/scrubThread.ts",
])

export const wrongDirections = (files: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> =>
  files.flatMap((file) =>
    importsOf(file).flatMap((imported) => {
      const message = objection(file.path, imported)
      return message === null ? [] : [{ path: file.path, line: imported.line, message }]
    }),
  )

const objection = (path: string, imported: Import): string | null => {
  if (path.startsWith("actors/")) return objectionToActor(imported)
  if (!path.startsWith("src/") || ROOFS.has(path)) return null
  const name = roomOf(path)
  const room = ROOMS[name]
  if (room === undefined) return `the room ${name} has no rule: give it one in scripts/lib/directions.ts`
  if (imported.target === null) {
    return room.packages.some((allowed) => isPackage(allowed, imported.specifier))
      ? null
      : `${name} may not use the package ${imported.specifier}`
  }
  if (!imported.target.startsWith("src/")) return `${name} may not reach ${imported.target}`
  if (roomOf(imported.target) === name) return null
  const target = imported.target.slice("src/".length)
  if (room.reach.some((allowed) => covers(allowed, target))) return null
  if (room.types?.some((allowed) => covers(allowed, target))) {
    return imported.typeOnly ? null : `${name} may know only types of ${target}: write import type`
  }
  return `${name} may not know ${target}`
}

// A user's actor stands outside of src: what ships must need no more than what a user has.
const objectionToActor = (imported: Import): string | null =>
  imported.target === null || imported.target === "src/index.ts" || imported.target.startsWith("actors/")
    ? null
    : `an actor imports from "raftlet", not ${imported.target}`

/** "raft" for src/raft/Raft.ts; "main.ts" for src/main.ts. */
const roomOf = (path: string): string => path.split("/")[1] ?? path

const covers = (allowed: string, target: string): boolean =>
  allowed.endsWith("/") ? target.startsWith(allowed) : target === allowed

const isPackage = (allowed: string, specifier: string): boolean =>
  allowed.endsWith(":") ? specifier.startsWith(allowed) : `${specifier}/`.startsWith(`${allowed}/`)
