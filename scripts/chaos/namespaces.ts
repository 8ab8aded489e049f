// Where does each node get a network of its own? In a network namespace, joined to the others by a bridge, with
// a packet filter at its door.
//
//   host ── bridge 198.18.N.254 ─┬─ veth ── namespace of n1: 198.18.N.1, drops what n2 sends while it may not hear it
//    (clients)                   ├─ veth ── namespace of n2: 198.18.N.2
//                                └─ …
//
// Packets are dropped where they arrive, by their source: what a node cannot say, it can still hear, and TCP
// meets all of it as it would on a real network.

import { networkInterfaces } from "node:os"
import type { Place } from "../../test/process/support/NodeProcess.ts"
import { clusterId, fairWeather, type Network, nodeIds, type Weather } from "./Network.ts"

/** Null with the reason where this machine or this user cannot have them. */
export const makeNamespaces = async (count: number): Promise<Network | string> => {
  const missing = installMissing()
  if (missing !== null) return missing
  removeLeftBehind()
  const names = namesOf(process.pid)
  const subnet = freeSubnet()
  const ids = nodeIds(count)
  const network: Network = {
    kind: "namespaces",
    delays: false,
    places: placesOf(ids, subnet, names),
    setWeather: async (weather) => {
      const rules = ids.map((id) => filter(names.namespace(id), rulesOf(id, ids, subnet, weather)))
      const failures = (await Promise.all(rules)).filter((failure) => failure !== "")
      if (failures.length > 0) throw new Error(`nft: ${failures.join("; ")}`)
    },
    remove: () => removeNetwork(process.pid, subnet),
  }
  try {
    build(ids, subnet, names)
    await network.setWeather(fairWeather)
    return network
  } catch (error) {
    network.remove()
    return error instanceof Error ? error.message : String(error)
  }
}

/** The rules of one node's door. Replaces all that were there, in one step. */
export const rulesOf = (
  id: string,
  ids: ReadonlyArray<string>,
  subnet: string,
  { cut, lossPercent }: Weather,
): string => {
  const addressOf = (peer: string): string => `${subnet}.${ids.indexOf(peer) + 1}`
  const unheard = cut.filter(({ to }) => to === id).map(({ from }) => addressOf(from))
  const peers = ids.filter((peer) => peer !== id).map(addressOf)
  const loses = lossPercent === 0 ? [] : peers
  return [
    "table inet chaos",
    "flush table inet chaos",
    "table inet chaos {",
    "chain door {",
    "type filter hook input priority 0; policy accept;",
    ...unheard.map((address) => `ip saddr ${address} drop`),
    ...loses.map((address) => `ip saddr ${address} numgen random mod 100 < ${lossPercent} drop`),
    "}",
    "}",
    "",
  ].join("\n")
}

const clientPort = 4000
const peerPort = 5000
/** Last number of the host's own address on the bridge. */
const hostNumber = 254

interface Names {
  readonly bridge: string
  readonly namespace: (id: string) => string
  /** The host's end of a node's cable; at most 15 characters. */
  readonly cable: (id: string) => string
}

const prefix = "raftlet-chaos-"

/** With the process id of the run: two runs do not meet, and what a dead one left is recognised. */
const namesOf = (pid: number): Names => ({
  bridge: `rlc${pid}`,
  namespace: (id) => `${prefix}${pid}-${id}`,
  cable: (id) => `rlc${pid}${id}`,
})

const placesOf = (ids: ReadonlyArray<string>, subnet: string, names: Names): ReadonlyArray<Place> => {
  const members = ids
    .map((id, at) => `${id}=${subnet}.${at + 1}:${peerPort}@${subnet}.${at + 1}:${clientPort}`)
    .join(",")
  return ids.map((id, at) => ({
    id,
    clientAddress: `${subnet}.${at + 1}:${clientPort}`,
    peerPort,
    members,
    inside: [toolPath("ip") ?? "ip", "netns", "exec", names.namespace(id)],
    flags: ["--cluster-id", clusterId, "--insecure"],
  }))
}

const build = (ids: ReadonlyArray<string>, subnet: string, names: Names): void => {
  // Should the bridge be gone before the last packet, that packet must not leave the machine.
  run(`ip route add blackhole ${subnet}.0/24 metric 4000`)
  run(`ip link add ${names.bridge} type bridge`)
  run(`ip address add ${subnet}.${hostNumber}/24 dev ${names.bridge}`)
  run(`ip link set ${names.bridge} up`)
  for (const [at, id] of ids.entries()) {
    const namespace = names.namespace(id)
    run(`ip netns add ${namespace}`)
    run(`ip link add ${names.cable(id)} type veth peer name eth0 netns ${namespace}`)
    run(`ip link set ${names.cable(id)} master ${names.bridge} up`)
    run(`ip -n ${namespace} address add ${subnet}.${at + 1}/24 dev eth0`)
    run(`ip -n ${namespace} link set eth0 up`)
    run(`ip -n ${namespace} link set lo up`)
  }
}

/** Cables first: a namespace lives on for minutes while it has packets to send to nobody. */
const removeNetwork = (pid: number, subnet: string | null): void => {
  const { bridge, namespace } = namesOf(pid)
  for (const link of links().filter((link) => link === bridge || link.startsWith(`${bridge}n`))) {
    attempt(`ip link delete ${link}`)
  }
  for (const name of namespaces().filter((name) => name.startsWith(namespace("")))) {
    attempt(`ip netns delete ${name}`)
  }
  if (subnet !== null) attempt(`ip route delete blackhole ${subnet}.0/24 metric 4000`)
}

/** A run that was killed could not clear up, and a node that it had stopped outlives it. */
const removeLeftBehind = (): void => {
  const owners = [...namespaces(), ...links()].flatMap((name) =>
    Number(/^(?:raftlet-chaos-|rlc)(\d+)/.exec(name)?.[1] ?? []),
  )
  for (const pid of new Set(owners)) {
    if (isAlive(pid)) continue
    for (const name of namespaces().filter((name) => name.startsWith(`${prefix}${pid}-`))) {
      for (const child of attempt(`ip netns pids ${name}`).split("\n")) {
        if (/^\d+$/.test(child)) process.kill(Number(child), "SIGKILL")
      }
    }
    const subnet = / (198\.18\.\d+)\.254\/24 /.exec(attempt(`ip -o address show dev rlc${pid}`))?.[1]
    removeNetwork(pid, subnet ?? null)
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const namespaces = (): ReadonlyArray<string> =>
  attempt("ip netns list")
    .split("\n")
    .map((line) => line.split(" ")[0]!)
    .filter((name) => name.startsWith(prefix))

const links = (): ReadonlyArray<string> =>
  [...attempt("ip -o link show").matchAll(/^\d+: (rlc[^:@]+)/gm)].map(([, name]) => name!)

/** Of the addresses that are set aside for benchmarks (RFC 2544): no machine of anybody's has one. */
const freeSubnet = (): string => {
  const taken = new Set(
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address),
    ),
  )
  const numbers = Array.from({ length: 250 }, (_, at) => ((process.pid + at) % 250) + 1)
  const free = numbers.find((number) => !taken.has(`198.18.${number}.${hostNumber}`))
  if (free === undefined) throw new Error("all 250 subnets are taken")
  return `198.18.${free}`
}

const filter = async (namespace: string, rules: string): Promise<string> => {
  const child = Bun.spawn(["ip", "netns", "exec", namespace, "nft", "-f", "-"], {
    env: environment,
    stdin: Buffer.from(rules),
    stdout: "ignore",
    stderr: "pipe",
  })
  const said = await new Response(child.stderr).text()
  return (await child.exited) === 0 ? "" : said.trim().split("\n")[0] || "failed"
}

/** Null when all is here. */
const installMissing = (): string | null => {
  if (process.platform !== "linux") return "network namespaces are Linux's"
  if (process.getuid?.() !== 0) return "network namespaces want root"
  const isMissing = (): ReadonlyArray<string> => ["ip", "nft"].filter((tool) => toolPath(tool) === null)
  if (isMissing().length > 0 && Bun.which("apt-get") !== null) {
    for (const words of ["update -qq", "install -y -qq nftables iproute2"]) {
      Bun.spawnSync(["apt-get", ...words.split(" ")], {
        stdout: "ignore",
        stderr: "ignore",
        timeout: 120_000,
      })
    }
  }
  return isMissing().length === 0 ? null : `${isMissing().join(" and ")} cannot be found`
}

/** With the places of the system's own tools, which not every user's shell looks at. */
const environment = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` }

const toolPath = (tool: string): string | null => Bun.which(tool, { PATH: environment.PATH })

const run = (line: string): string => {
  const { exitCode, stdout, stderr } = spawn(line)
  if (exitCode !== 0) throw new Error(`${line}: ${stderr.toString().trim().split("\n")[0]}`)
  return stdout.toString()
}

/** What it said; whether it succeeded does not matter. */
const attempt = (line: string): string => spawn(line).stdout.toString()

const spawn = (line: string) =>
  Bun.spawnSync(line.split(" "), { env: environment, stdout: "pipe", stderr: "pipe" })
