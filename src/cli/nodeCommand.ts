// `node`: what does one node need to know, and where does it come from? Flags, then the environment, then
// what its data directory remembers.

import { resolve } from "node:path"
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import {
  formatHostPort,
  type HostPort,
  isAnyAddress,
  type NodeAddress,
  parseCluster,
  parseHostPort,
  parseId,
  parseReachable,
  parseUrls,
  parseZone,
} from "./addresses.ts"
import { CliFailure, refused } from "./CliFailure.ts"
import { clusterIdOf } from "./clusterId.ts"
import { toggle, value } from "./flags.ts"
import { type Introduction, introduce } from "./join.ts"
import type { NodeOptions, Platform, Remembered, StartOptions } from "./Platform.ts"

interface NodeFlags {
  readonly id: string | null
  readonly cluster: string | null
  readonly listen: string | null
  readonly client: string | null
  readonly data: string | null
  readonly actors: string | null
  readonly clusterId: string | null
  readonly join: string | null
  readonly peerListen: string | null
  readonly learner: boolean
  readonly diskReserve: string | null
  readonly threads: string | null
  readonly zone: string | null
  readonly insecure: boolean
}

export const nodeCommand = (platform: Platform) =>
  Command.make(
    "node",
    {
      id: value("id", "ID", "Name of this node, for ever"),
      cluster: value("cluster", "n1=HOST:PEERPORT,…", "The members of the first cluster, this one included"),
      listen: value("listen", "HOST:PORT", "Where clients are served"),
      client: value(
        "client",
        "URL",
        "Where clients and the other nodes find what it serves, when they cannot at --listen (default: http:// and --listen)",
      ),
      data: value("data", "DIR", "Where everything is kept"),
      actors: value("actors", "DIR", "Where the actors are (default: actors)"),
      clusterId: value("cluster-id", "ID", "Name of the cluster (default: made from its members)"),
      join: value("join", "URL,…", "Members of a running cluster to ask to be taken in"),
      peerListen: value("peer-listen", "HOST:PORT", "Where peers are served; with --join"),
      learner: toggle("learner", "Join to read, never to vote"),
      diskReserve: value(
        "disk-reserve",
        "BYTES",
        "What is kept of the disk for when it is full, as 4MiB (default: an eighth of it, 16MiB at the most)",
      ),
      threads: value(
        "threads",
        "N",
        "Threads that the state machines of its groups are spread over, of cores that have nothing else to do (default: 1)",
      ),
      zone: value(
        "zone",
        "ZONE",
        "What fails together with this node, as a rack or a site: replicas of a group are spread over zones",
      ),
      insecure: toggle("insecure", "Listen beyond loopback without asking anybody who they are"),
      stopWithParent: Flag.Boolean("stop-with-parent").pipe(Flag.withDefault(false), Flag.withHidden),
    },
    Effect.fnUntraced(function* ({ stopWithParent, ...flags }) {
      const { data } = flags
      if (data === null) return yield* refused("node: --data DIR is missing")
      const remembered = yield* platform.remembered(resolve(data))
      const urls = yield* checking(() => joinUrls(flags, remembered))
      // A node that has run before needs nobody to start; who is there now is good to know all the same.
      const introduction =
        urls === null
          ? null
          : yield* remembered === null ? introduce(urls) : Effect.orElseSucceed(introduce(urls), () => null)
      const options = yield* checking(() => nodeOptions({ ...flags, data }, remembered, introduction))
      const node = platform.runNode(options)
      yield* stopWithParent ? Effect.raceFirst(node, stdinEnd) : node
    }),
  ).pipe(
    Command.withDescription(
      "Run one node. A node that has run before starts again with --data alone; flags that are given again " +
        "replace what it remembers.",
    ),
    Command.withShortDescription("Run one node"),
    Command.withExamples([
      {
        command:
          "raftlet node --id n1 --cluster n1=10.0.0.1:5001,n2=10.0.0.2:5001,n3=10.0.0.3:5001 " +
          "--listen 127.0.0.1:4001 --data /var/lib/raftlet",
        description: "The first of three",
      },
      { command: "raftlet node --data /var/lib/raftlet", description: "The same node, ever after" },
      {
        command:
          "raftlet node --id n4 --join http://10.0.0.1:4001 --peer-listen 10.0.0.4:5001 " +
          "--listen 127.0.0.1:4001 --data /var/lib/raftlet",
        description: "A fourth one, taken in by the three",
      },
    ]),
  )

/** Throws a CliFailure: what is missing or does not fit, in one line. */
export const nodeOptions = (
  flags: NodeFlags & { readonly data: string },
  remembered: Remembered | null,
  introduction: Introduction | null = null,
): NodeOptions => {
  const known = (name: string): string | null => {
    const kept = remembered?.startOptions[name]
    return typeof kept === "string" ? kept : null
  }
  const needed = (given: string | null, name: string, shape: string): string => {
    const text = given ?? known(name)
    if (text === null) {
      throw refused(`node: --${name} ${shape} is missing, and no node has run in ${flags.data} before`)
    }
    return text
  }
  const id = parseId(flags.id ?? remembered?.identity.nodeId ?? needed(null, "id", "ID"), "--id")
  if (remembered !== null && id !== remembered.identity.nodeId) {
    throw refused(`--id: ${flags.data} belongs to ${remembered.identity.nodeId}, not to ${id}`)
  }
  const urls = joinUrls(flags, remembered)
  const clusterText = urls === null ? needed(flags.cluster, "cluster", "n1=HOST:PEERPORT,…") : null
  const cluster = clusterText === null ? {} : parseCluster(clusterText, "--cluster")
  const own = clusterText === null ? needed(flags.peerListen, "peer-listen", "HOST:PORT") : cluster[id]?.peer
  if (own === undefined) throw refused(`--cluster: ${id} is not among ${Object.keys(cluster).join(", ")}`)
  const listen = parseHostPort(needed(flags.listen, "listen", "HOST:PORT"), "--listen")
  const clusterId =
    flags.clusterId ?? remembered?.identity.clusterId ?? introduction?.clusterId ?? clusterIdOf(cluster)
  if (remembered !== null && clusterId !== remembered.identity.clusterId) {
    throw refused(
      `--cluster-id: ${flags.data} belongs to cluster ${remembered.identity.clusterId}, not to ${clusterId}`,
    )
  }
  // Whoever serves at that address by now may be of another cluster: its members are nobody to this node.
  const introduced = introduction?.clusterId === clusterId ? introduction : null
  if (introduction !== null && introduced === null && remembered === null) {
    throw refused(`--cluster-id: --join leads to cluster ${introduction.clusterId}, not to ${clusterId}`)
  }
  const peerListen = parseReachable(own, clusterText === null ? "--peer-listen" : "--cluster")
  refuseSharedPort(listen, peerListen)
  const client = flags.client ?? known("client")
  const actors = resolve(flags.actors ?? known("actors") ?? "actors")
  const diskReserve = flags.diskReserve ?? known("diskReserve")
  const threads = flags.threads ?? known("threads")
  const zone = flags.zone ?? known("zone")
  const insecure = flags.insecure || remembered?.startOptions.insecure === true
  const learner = flags.learner || remembered?.startOptions.learner === true
  const hasMoved = remembered !== null && formatHostPort(peerListen) !== known("peer-listen")
  // Removed while it was away, it believes what it last knew; but to start it with --join is to want it back.
  const isStranger = flags.join !== null && introduced !== null && !Object.hasOwn(introduced.members, id)
  const startOptions: StartOptions = {
    ...(urls === null
      ? { cluster: clusterText, ...(known("insteadOf") === null ? {} : { insteadOf: known("insteadOf") }) }
      : { join: urls.join(","), "peer-listen": formatHostPort(peerListen), learner }),
    listen: formatHostPort(listen),
    ...(client === null ? {} : { client }),
    actors,
    insecure,
    ...(diskReserve === null ? {} : { diskReserve }),
    ...(threads === null ? {} : { threads }),
    ...(zone === null ? {} : { zone }),
  }
  return {
    id,
    clusterId: parseId(clusterId, "--cluster-id"),
    cluster,
    contacts:
      introduced?.members ?? (flags.cluster === null ? toldBefore(cluster, known("insteadOf")) : cluster),
    hasNewContacts: flags.cluster !== null && remembered !== null,
    join:
      urls === null ? null : { urls, role: learner ? "learner" : "voter", anyway: hasMoved || isStranger },
    peer: formatHostPort(peerListen),
    listen,
    client: client === null ? clientAt(listen, cluster[id]) : parseOneUrl(client, "--client"),
    peerListen,
    data: resolve(flags.data),
    actors,
    insecure,
    diskReserveBytes: diskReserve === null ? null : parseBytes(diskReserve, "--disk-reserve"),
    zone: zone === null ? null : parseZone(zone, "--zone"),
    threads: threads === null ? 1 : parseThreads(threads, "--threads"),
    startOptions,
  }
}

/** Nobody is sent to 0.0.0.0, which is wherever one is: what `--cluster` says of it must do, or the others do not know. */
const clientAt = (listen: HostPort, own: NodeAddress | undefined): string =>
  isAnyAddress(listen) ? (own?.client ?? "") : `http://${formatHostPort(listen)}`

const parseOneUrl = (text: string, flag: string): string => {
  const [url, ...more] = parseUrls(text, flag)
  if (url === undefined || more.length > 0)
    throw refused(`${flag}: one URL is wanted, not ${JSON.stringify(text)}`)
  return url
}

/**
 * What it was told at an earlier start stands in for the addresses that its configuration had then, and for no newer ones:
 * otherwise all nodes that have moved at once would look for each other where they were.
 */
const toldBefore = (cluster: NodeOptions["cluster"], insteadOf: string | null): NodeOptions["contacts"] => {
  if (insteadOf === null) return {}
  const before = JSON.parse(insteadOf) as Readonly<Record<string, string>>
  const told = Object.entries(cluster).flatMap(([id, address]) =>
    Object.hasOwn(before, id) ? [[id, { ...address, insteadOf: before[id]! }] as const] : [],
  )
  return Object.fromEntries(told)
}

const parseBytes = (text: string, flag: string): number => {
  const [, digits = "", unit = ""] = /^(\d{1,12})(KiB|MiB|GiB|)$/.exec(text) ?? []
  const bytes = Number(digits) * 1024 ** ["", "KiB", "MiB", "GiB"].indexOf(unit)
  if (digits === "" || bytes < diskReserveBytesMin) {
    throw refused(
      `${flag}: ${JSON.stringify(text)} is not a number of bytes from 64KiB on, as 16777216 or 16MiB`,
    )
  }
  return bytes
}

/** Less would not hold a vote, a flush and a cut of the log. */
const diskReserveBytesMin = 65_536

const parseThreads = (text: string, flag: string): number => {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= threadsMax) return count
  throw refused(`${flag}: ${JSON.stringify(text)} is not a number from 1 to ${threadsMax}`)
}

/** Each has some 50 MB of its own. */
const threadsMax = 32

/** Null: it is a member of the first configuration. Throws a CliFailure. */
const joinUrls = (
  flags: Pick<NodeFlags, "cluster" | "join">,
  remembered: Remembered | null,
): ReadonlyArray<string> | null => {
  if (flags.join !== null && flags.cluster !== null) {
    throw refused("node: --cluster makes a first cluster, --join asks a running one: give one of them")
  }
  const kept = remembered?.startOptions.join
  const text = flags.join ?? (flags.cluster === null && typeof kept === "string" ? kept : null)
  return text === null ? null : parseUrls(text, "--join")
}

const refuseSharedPort = (listen: HostPort, peer: HostPort): void => {
  if (formatHostPort(listen) === formatHostPort(peer)) {
    throw refused(`--listen: ${formatHostPort(listen)} is the peer address already; clients need their own`)
  }
}

/** A body that throws CliFailures, as an Effect. */
export const checking = <A>(body: () => A): Effect.Effect<A, CliFailure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(body())
    } catch (cause) {
      return cause instanceof CliFailure ? Effect.fail(cause) : Effect.die(cause)
    }
  })

/**
 * A child's lifeline: when its parent dies, however it dies, the pipe to its stdin ends. Nobody would be left
 * to stop it.
 */
const stdinEnd: Effect.Effect<void> = Effect.callback((resume) => {
  const end = () => resume(Effect.void)
  process.stdin.on("end", end).on("close", end).on("error", end).resume()
  return Effect.sync(() => process.stdin.off("end", end).off("close", end).off("error", end).pause())
})
