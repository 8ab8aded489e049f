// Which nodes does `cluster` start, where, and with which words? Decided before anything is touched.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join, resolve } from "node:path"
import { Schema } from "effect"
import { parsePort, parseWhole, parseZone } from "./addresses.ts"
import { refused } from "./CliFailure.ts"

export interface NodePlan {
  readonly id: string
  readonly url: string
  readonly clientPort: number
  readonly peerPort: number
  readonly data: string
  readonly log: string
  /** The words behind `raftlet`. */
  readonly args: ReadonlyArray<string>
}

export interface ClusterPlan {
  readonly data: string
  readonly actors: string
  readonly clusterId: string
  readonly nodes: ReadonlyArray<NodePlan>
}

/** The flags as they were given; null = not given. */
export interface ClusterFlags {
  readonly nodes: string | null
  readonly port: string | null
  readonly data: string | null
  readonly actors: string | null
  readonly fresh: boolean
  /** Of the nodes in their order, and from the beginning again. */
  readonly zones: string | null
}

const nodesMax = 9
const host = "127.0.0.1"
const peerPortOffset = 1000

/** What the data directory keeps of the cluster in it: a restart is the same cluster. */
const Kept = Schema.Struct({ clusterId: Schema.String, nodes: Schema.Int })

/** Throws a CliFailure. Reads the data directory, writes nothing. */
export const planCluster = (flags: ClusterFlags): ClusterPlan => {
  const port = parsePort(flags.port ?? "4001", "--port")
  const asked = flags.nodes === null ? null : parseWhole(flags.nodes, "--nodes", 1, nodesMax)
  const data = resolve(flags.data ?? ".raftlet")
  const actors = resolve(flags.actors ?? "actors")
  if (!existsSync(actors)) throw refused(`--actors: there is no directory ${actors}`)
  if (existsSync(data) && !statSync(data).isDirectory()) throw refused(`--data: ${data} is not a directory`)
  const kept = flags.fresh ? null : readKept(data)
  if (flags.fresh) refuseForeign(data)
  if (kept !== null && asked !== null && asked !== kept.nodes) {
    throw refused(
      `--nodes: ${data} holds a cluster of ${kept.nodes}; say --nodes ${kept.nodes}, another --data, or --fresh`,
    )
  }
  const count = kept?.nodes ?? asked ?? 3
  if (port + peerPortOffset + count - 1 > 65_535 || count > peerPortOffset) {
    throw refused(`--port: ${port} leaves no room for the peer ports behind ${port + peerPortOffset}`)
  }
  const zones = flags.zones === null ? [] : flags.zones.split(",").map((zone) => parseZone(zone, "--zones"))
  const clusterId = kept?.clusterId ?? crypto.randomUUID()
  const ids = Array.from({ length: count }, (_, at) => `n${at + 1}`)
  const addresses = ids.map((id, at) => `${id}=${host}:${port + peerPortOffset + at}@${host}:${port + at}`)
  const nodes = ids.map((id, at): NodePlan => {
    const directory = join(data, id)
    return {
      id,
      url: `http://${host}:${port + at}`,
      clientPort: port + at,
      peerPort: port + peerPortOffset + at,
      data: directory,
      log: join(directory, "node.log"),
      args: [
        "node",
        ...["--id", id],
        ...["--cluster", addresses.join(",")],
        ...["--cluster-id", clusterId],
        ...["--listen", `${host}:${port + at}`],
        ...["--data", directory],
        ...["--actors", actors],
        ...(zones.length === 0 ? [] : ["--zone", zones[at % zones.length]!]),
      ],
    }
  })
  return { data, actors, clusterId, nodes }
}

/** Makes the directories, and with `fresh` first removes what a cluster has left there, and nothing else. */
export const prepareData = ({ data, clusterId, nodes }: ClusterPlan, fresh: boolean): void => {
  if (fresh && existsSync(data)) {
    // The mark goes last: when this is cut short, it can be done again.
    for (const name of readdirSync(data).filter(isNodeDirectory))
      rmSync(join(data, name), { recursive: true })
    rmSync(keptPath(data), { force: true })
  }
  for (const node of nodes) mkdirSync(node.data, { recursive: true })
  if (existsSync(keptPath(data))) return
  writeFileSync(`${keptPath(data)}.new`, `${JSON.stringify({ clusterId, nodes: nodes.length })}\n`)
  renameSync(`${keptPath(data)}.new`, keptPath(data))
}

/** The directories of nodes that have run here before. */
export const nodeDirectories = (data: string): ReadonlyArray<string> =>
  existsSync(data)
    ? readdirSync(data)
        .filter(isNodeDirectory)
        .map((name) => join(data, name))
    : []

/** The ports that somebody has taken already. */
export const takenPorts = (plan: ClusterPlan): ReadonlyArray<number> =>
  plan.nodes
    .flatMap(({ clientPort, peerPort }) => [clientPort, peerPort])
    .filter((port) => {
      try {
        Bun.listen({ hostname: host, port, socket: { data: () => {} } }).stop(true)
        return false
      } catch {
        return true
      }
    })
    .sort((left, right) => left - right)

const keptPath = (data: string): string => join(data, "cluster.json")
const isNodeDirectory = (name: string): boolean => /^n[1-9]$/.test(name)

const readKept = (data: string): typeof Kept.Type | null => {
  if (!existsSync(keptPath(data))) {
    if (existsSync(data) && readdirSync(data).some(isNodeDirectory)) {
      throw refused(`--data: ${data} holds nodes, but no cluster.json; say another --data, or --fresh`)
    }
    return null
  }
  try {
    return Schema.decodeUnknownSync(Kept)(JSON.parse(readFileSync(keptPath(data), "utf8")))
  } catch {
    throw refused(`--data: ${keptPath(data)} cannot be read; say another --data, or --fresh`)
  }
}

/** --fresh deletes. It must never do so in a directory that is somebody's home. */
const refuseForeign = (data: string): void => {
  if (!existsSync(data) || existsSync(keptPath(data))) return
  const names = readdirSync(data)
  if (names.length > 0 && !names.every(isNodeDirectory)) {
    throw refused(`--fresh: ${data} is not a cluster's directory; it holds ${names.slice(0, 3).join(", ")}`)
  }
}
