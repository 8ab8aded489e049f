// Whose directory is this, and may this process use it?

import { Database } from "bun:sqlite"
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { Effect, Schema, type Scope } from "effect"
import { hashText } from "./checksum.ts"
import { syncPath } from "./durable.ts"
import { codeOf } from "./errorCode.ts"
import { DataDirectoryRefused, type Identity } from "./LogStore.ts"
import { logPaths, makeLog } from "./logDirectory.ts"

/** How the node was started, so that it can start again without being told. Opaque to the storage. */
export type StartOptions = Readonly<Record<string, string | number | boolean | null>>

/** A directory that this process holds; no other process can open it meanwhile (HAZARDS S10). */
export interface DataDirectory {
  readonly directory: string
  readonly identity: Identity
  readonly startOptions: StartOptions
  /** How to start again from now on. For a start that has succeeded: a wrong one must not be repeated. */
  readonly remember: (startOptions: StartOptions) => Effect.Effect<void, DataDirectoryRefused>
}

/**
 * Opens the directory of this node, or makes it when nothing is there, and holds it until the scope closes.
 */
export const openDataDirectory = (options: {
  readonly directory: string
  readonly clusterId: string
  readonly nodeId: string
}): Effect.Effect<DataDirectory, DataDirectoryRefused, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(
      refusing(options.directory, () => lock(options.directory)),
      (held) => Effect.sync(() => held.close()),
    )
    return yield* refusing(options.directory, () => openOrMake(options))
  })

/** Who the directory belongs to and how its node was started; null when no node lives there yet. */
export const readDataDirectory = (
  directory: string,
): Effect.Effect<Pick<DataDirectory, "identity" | "startOptions"> | null, DataDirectoryRefused> =>
  refusing(directory, () => {
    const node = readNode(directory)
    return node === null ? null : { identity: identityOf(node), startOptions: node.startOptions }
  })

/** Whether a process has a node in the directory now. */
export const isHeld = (directory: string): Effect.Effect<boolean, DataDirectoryRefused> =>
  refusing(directory, () => {
    if (!existsSync(join(directory, "directory.lock"))) return false
    try {
      lock(directory).close()
      return false
    } catch (error) {
      if (error instanceof DirectoryInUse) return true
      throw error
    }
  })

const nodeFormat = 1

const Node = Schema.Struct({
  clusterId: Schema.String,
  nodeId: Schema.String,
  incarnation: Schema.String,
  /** False until the log is there: a crash while the directory is made leaves nothing that counts. */
  made: Schema.Boolean,
  startOptions: Schema.Record(
    Schema.String,
    Schema.Union([Schema.String, Schema.Number, Schema.Boolean, Schema.Null]),
  ),
})
type Node = typeof Node.Type

const openOrMake = (options: {
  readonly directory: string
  readonly clusterId: string
  readonly nodeId: string
}): DataDirectory => {
  const { directory, clusterId, nodeId } = options
  const found = readNode(directory)
  if (found === null) refuseOrphans(directory)
  const node: Node = found ?? {
    clusterId,
    nodeId,
    incarnation: crypto.randomUUID(),
    made: false,
    startOptions: {},
  }
  if (node.clusterId !== clusterId) {
    throw new Error(`it belongs to cluster ${node.clusterId}, not to ${clusterId}`)
  }
  if (node.nodeId !== nodeId) throw new Error(`it belongs to node ${node.nodeId}, not to ${nodeId}`)
  const identity = identityOf(node)
  if (!node.made) {
    writeNode(directory, node)
    for (const path of [logPaths(directory).log, logPaths(directory).wal, logPaths(directory).mark]) {
      rmSync(path, { force: true })
    }
    makeLog(directory, identity)
  }
  const made: Node = { ...node, made: true }
  if (!node.made) writeNode(directory, made)
  const remember = (startOptions: StartOptions) =>
    refusing(directory, () => {
      if (!isDeepStrictEqual(startOptions, readNode(directory)?.startOptions))
        writeNode(directory, { ...made, startOptions })
    })
  return { directory, identity, startOptions: node.startOptions, remember }
}

/** A log without its node.json has lost its owner: it is not taken over, and not overwritten. */
const refuseOrphans = (directory: string): void => {
  for (const name of ["log.db", "log.mark", "state.db"]) {
    if (existsSync(join(directory, name))) throw new Error(`it holds ${name}, but no node.json`)
  }
}

const readNode = (directory: string): Node | null => {
  let text: string
  try {
    text = readFileSync(join(directory, "node.json"), "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null
    throw error
  }
  const stored = parse(text)
  if (stored === null) throw new Error("its node.json is damaged")
  if (stored.format !== nodeFormat) {
    throw new Error(`its node.json has format ${stored.format}, this program reads format ${nodeFormat}`)
  }
  if (stored.checksum !== checksumOf(stored.node)) throw new Error("its node.json is damaged")
  return Schema.decodeUnknownSync(Node)(stored.node)
}

const parse = (text: string) => {
  try {
    return Schema.decodeUnknownSync(StoredNode)(JSON.parse(text))
  } catch {
    return null
  }
}

const StoredNode = Schema.Struct({ format: Schema.Number, node: Schema.Unknown, checksum: Schema.String })

/** The old file or the new one, whenever the machine stops (HAZARDS S9). */
const writeNode = (directory: string, node: Node): void => {
  const path = join(directory, "node.json")
  const text = JSON.stringify({ format: nodeFormat, node, checksum: checksumOf(node) }, null, 2)
  const file = openSync(`${path}.new`, "w", 0o600)
  try {
    writeSync(file, `${text}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  syncPath(directory)
}

const checksumOf = (node: unknown): string => hashText(JSON.stringify(node)).toString(16)

const identityOf = ({ clusterId, nodeId, incarnation }: Node): Identity => ({
  clusterId,
  nodeId,
  incarnation,
})

/** SQLite's lock on an empty file: it ends with the process, however that ends, and it works on every system. */
const lock = (directory: string): Database => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, "directory.lock")
  refuseClosed("it", directory, constants.R_OK | constants.W_OK | constants.X_OK)
  // SQLite would take a file that it may only read, and lock nobody out.
  if (existsSync(path)) refuseClosed(path, path, constants.R_OK | constants.W_OK)
  let database: Database | null = null
  try {
    database = new Database(path, { create: true, readwrite: true })
    database.run("PRAGMA locking_mode = EXCLUSIVE")
    // Nothing is ever written, and a full disk has no room for a journal of that.
    database.run("PRAGMA journal_mode = MEMORY")
    database.run("BEGIN EXCLUSIVE")
    return database
  } catch (error) {
    database?.close()
    throw lockRefusal(path, error)
  }
}

class DirectoryInUse extends Error {}

const lockRefusal = (path: string, error: unknown): Error => {
  const code = codeOf(error)
  if (code.startsWith("SQLITE_BUSY")) return new DirectoryInUse("another process is using it")
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    // It never holds anything, but a lock that somebody may hold is not for us to replace.
    return new Error(`its lock file was overwritten: see that no node uses it, delete ${path}, start again`)
  }
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/.test(code)) return closed(path, code)
  return new Error(`${path}: ${code}: ${error instanceof Error ? error.message : String(error)}`)
}

const refuseClosed = (what: string, path: string, mode: number): void => {
  try {
    accessSync(path, mode)
  } catch (error) {
    throw closed(what, codeOf(error))
  }
}

const closed = (what: string, code: string): Error =>
  new Error(`${what} cannot be read and written (${code}): let the user of this process do both`)

const refusing = <A>(directory: string, body: () => A): Effect.Effect<A, DataDirectoryRefused> =>
  Effect.try({
    try: body,
    catch: (error) =>
      new DataDirectoryRefused({ directory, reason: error instanceof Error ? error.message : String(error) }),
  })
