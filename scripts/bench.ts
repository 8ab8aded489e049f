// `bun run bench`: what does Raftlet do on this machine? Three local nodes with synced disks, and a generator
// that shares the cores with them.

import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { copyCounter } from "./bench/counters.ts"
import { idle } from "./bench/idle.ts"
import { get, load, type Measured, post } from "./bench/load.ts"
import { neighbours } from "./bench/neighbours.ts"
import { BenchCluster, type BenchNode, metricsOf, statusOf } from "./bench/nodes.ts"
import { outage } from "./bench/outage.ts"
import { shards } from "./bench/shards.ts"

const usage = `bun run bench [--only SECTION,…] [--seconds N] [--connections N,…] [--rounds N] [--groups N] [--port P]

Measures three local nodes, each a process of its own, every write synced on all three disks, with a load
generator on the same machine: what it prints is this machine's, and what the generator takes is missing from
it. It does not measure a network, several machines, or large states.

sections of one group, all of them when --only is not given:
  proposals, batches, reads, stages, failover, memory

sections of many groups, each on a cluster of its own, only when --only names them:
  shards      an actor that is spread over 8 groups, and one that lives in a single group: commands in a second, how
              long they take, and how much of a core the nodes need for one, in turn in one run. Connections go to
              the node that leads what they ask for, and then to all nodes alike
  neighbours  how long a command of a quiet group takes alone, and while another group is flooded that the same node
              leads, and then one that another node leads
  outage      --groups groups (300) at rest, leaders even; the node that leads a third of them is killed: how long it
              takes until each accepts a command again, and, when the node has come back, until leaders are even again

--groups N without --only measures a cluster at rest: processor time, wake-ups and memory of its processes over 20 s
in which nothing is asked, first as it is, then with N groups, then after all nodes were ended in good order and
started again; how long it takes until each node knows a leader of each group, and until all groups rest (asked
four times in a second, which is part of the time). It does not measure groups that are used.

--seconds N        how long each measurement lasts (5)
--connections N,…  of shards and neighbours (64,256)
--rounds N         how often shards and neighbours are measured in turn (3), and how many nodes are killed by outage
--node-flags F,…   what the nodes are started with besides, of sections of many groups
--port P           the first of three for clients; peers have those 1,000 above (4301)`

/** Wrong words are said in one line. */
const parse = () => {
  try {
    return parseArgs({
      options: {
        only: { type: "string" },
        seconds: { type: "string", default: "5" },
        connections: { type: "string", default: "64,256" },
        rounds: { type: "string", default: "3" },
        port: { type: "string", default: "4301" },
        groups: { type: "string" },
        "node-flags": { type: "string" },
        help: { type: "boolean", default: false },
      },
    })
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message.split("\n")[0] : error}`)
    process.exit(2)
  }
}

const { values } = parse()

const seconds = Number(values.seconds)
const keyOf = (number: number): string => `bench-${number % 1000}`
const add = (number: number): string => post(`/propose/counter/${keyOf(number)}/add`, '{"by":1}')
const batchOf = (size: number): string =>
  post(
    "/propose",
    JSON.stringify({
      proposals: Array.from({ length: size }, (_, at) => ({
        actor: "counter",
        key: keyOf(at),
        command: "add",
        input: { by: 1 },
      })),
    }),
  )

const show = (what: string, measured: Measured, weight = 1): void => {
  const { perSecond, p50Millis, p99Millis, failed } = measured
  const figures = `${Math.round(perSecond * weight)}/s`.padStart(10)
  const times = `p50 ${p50Millis.toFixed(2)} ms  p99 ${p99Millis.toFixed(2)} ms`
  console.log(`  ${what.padEnd(36)}${figures}  ${times}${failed > 0 ? `  FAILED ${failed}` : ""}`)
}

const proposals = async (cluster: BenchCluster): Promise<void> => {
  const { port } = await cluster.leader()
  await load({ port, connections: 64, seconds: 2, requestOf: add })
  for (const connections of [1, 64, 256]) {
    show(
      `single POSTs, ${connections} connections`,
      await load({ port, connections, seconds, requestOf: add }),
    )
  }
}

const batches = async (cluster: BenchCluster): Promise<void> => {
  const { port } = await cluster.leader()
  const request = batchOf(100)
  for (const connections of [1, 8, 32]) {
    const measured = await load({ port, connections, seconds, requestOf: () => request })
    show(`commands in batches of 100, ${connections} conn.`, measured, 100)
  }
}

const reads = async (cluster: BenchCluster): Promise<void> => {
  const leader = await cluster.leader()
  const follower = cluster.nodes.find((node) => node !== leader)!
  for (const [where, { port }] of [
    ["leader", leader],
    ["follower", follower],
  ] as const) {
    for (const connections of [1, 64, 256]) {
      const requestOf = (number: number) => get(`/read/counter/${keyOf(number)}/value`)
      show(
        `linearizable, ${connections} conn., ${where}`,
        await load({ port, connections, seconds, requestOf }),
      )
    }
  }
}

const stages = async (cluster: BenchCluster): Promise<void> => {
  const leader = await cluster.leader()
  for (const connections of [1, 64]) {
    const before = await metricsOf(leader)
    await load({ port: leader.port, connections, seconds, requestOf: add })
    const after = await metricsOf(leader)
    const mean = (name: string): string => {
      const delta = (suffix: string) => after.get(`${name}_${suffix}`)! - before.get(`${name}_${suffix}`)!
      return `${((delta("sum") / delta("count")) * 1000).toFixed(2)} ms`
    }
    console.log(`  ${connections} connection(s), mean of each stage of a commit at the leader:`)
    console.log(`    admit (the machine's first look)    ${mean("raftlet_admit_seconds")}`)
    console.log(`    commit (log to majority of disks)   ${mean("raftlet_commit_seconds")}`)
    console.log(`      of it, the leader's own sync      ${mean("raftlet_sync_seconds")}`)
    console.log(`    apply (commit to outcome)           ${mean("raftlet_apply_seconds")}`)
  }
}

/** Time from the leader's `kill -9` to the next accepted proposal on a node that lives. */
const failover = async (cluster: BenchCluster): Promise<void> => {
  const times: Array<number> = []
  for (let run = 0; run < 20; run++) {
    const leader = await cluster.leader()
    await settled(cluster)
    const other = cluster.nodes.find((node) => node !== leader)!
    const began = performance.now()
    leader.process!.kill("SIGKILL")
    for (;;) {
      const url = `http://127.0.0.1:${other.port}/propose/counter/failover/add`
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "raftlet-timeout-ms": "5000" },
        body: '{"by":1}',
      })
      if (response.ok) break
    }
    times.push(performance.now() - began)
    await cluster.kill(leader)
    cluster.start(leader)
  }
  times.sort((a, b) => a - b)
  const at = (q: number): string => `${Math.round(times[Math.min(19, Math.floor(q * 20))]!)} ms`
  console.log(
    `  kill -9 of the leader, 20 runs: min ${at(0)}  median ${at(0.5)}  p90 ${at(0.9)}  max ${at(1)}`,
  )
}

/** Until all nodes are up and have applied everything. */
const settled = async (cluster: BenchCluster): Promise<void> => {
  for (;;) {
    const statuses = await Promise.all(cluster.nodes.map((node) => statusOf(node).catch(() => null)))
    const indexes = new Set(statuses.map((status) => status?.appliedIndex ?? -1))
    if (indexes.size === 1 && !indexes.has(-1) && statuses.every((status) => status?.ready)) return
    await Bun.sleep(50)
  }
}

const memory = async (cluster: BenchCluster): Promise<void> => {
  const { port } = await cluster.leader()
  const request = batchOf(1000)
  const began = performance.now()
  let left = 1000
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const body = request.slice(request.indexOf("\r\n\r\n") + 4)
      const headers = { "content-type": "application/json", "raftlet-timeout-ms": "60000" }
      const response = await fetch(`http://127.0.0.1:${port}/propose`, { method: "POST", headers, body })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`a batch was answered ${response.status}`)
    }
  }
  await Promise.all([client(), client(), client(), client()])
  await settled(cluster)
  const took = (performance.now() - began) / 1000
  const resident = await Promise.all(cluster.nodes.map(residentMebibytes))
  console.log(
    `  after 1,000,000 commands in ${took.toFixed(1)} s: ${resident.join(", ")} MiB resident on n1, n2, n3`,
  )
}

const residentMebibytes = async (node: BenchNode): Promise<number> =>
  Math.round((await metricsOf(node)).get("process_resident_memory_bytes")! / 2 ** 20)

const sections = { proposals, batches, reads, stages, failover, memory }

const port = Number(values.port)
const rounds = Number(values.rounds)
const connections = values.connections.split(",").map(Number)
const flags = values["node-flags"]?.split(",") ?? []
const groups = values.groups === undefined ? null : Number(values.groups)

/** Each on a cluster of its own. */
const ofManyGroups = {
  shards: () => shards({ port, seconds, rounds, connections, flags }),
  neighbours: () => neighbours({ port, seconds, rounds, connections, flags }),
  outage: () => outage({ port, groups: groups ?? 300, rounds, flags }),
}

if (values.help) {
  console.log(usage)
  process.exit(0)
}
const isCount = (value: number): boolean => Number.isInteger(value) && value > 0
const chosen = values.only?.split(",") ?? Object.keys(sections)
const unknown = chosen.filter((name) => !(name in sections || name in ofManyGroups))
const wrong = [
  unknown.length > 0 ? `there is no section ${unknown.join(", ")}` : null,
  seconds > 0 ? null : "--seconds wants a number",
  isCount(rounds) ? null : "--rounds wants a number",
  connections.every(isCount) ? null : "--connections wants numbers",
  groups === null || isCount(groups) ? null : "--groups wants a number of groups",
].find((each) => each !== null)
if (wrong !== undefined) {
  console.error(`${wrong}\n\n${usage}`)
  process.exit(2)
}
console.log(`Bun ${Bun.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}`)
if (groups !== null && values.only === undefined) {
  await idle(port, groups)
  process.exit(0)
}
const ofOneGroup = chosen.filter((name) => name in sections)
if (ofOneGroup.length > 0) {
  const cluster = new BenchCluster(3, port)
  copyCounter(cluster.actors)
  try {
    for (const node of cluster.nodes) cluster.start(node)
    await cluster.leader()
    for (const name of ofOneGroup) {
      console.log(name)
      await sections[name as keyof typeof sections](cluster)
    }
  } finally {
    await cluster.remove()
  }
}
for (const name of chosen.filter((name) => name in ofManyGroups)) {
  console.log(name)
  await ofManyGroups[name as keyof typeof ofManyGroups]()
}
process.exit(0)
