// `cluster`: a whole cluster on this machine, for trying and for developing against.

import { existsSync } from "node:fs"
import { join, relative } from "node:path"
import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { failed, refused } from "./CliFailure.ts"
import {
  type ClusterPlan,
  type NodePlan,
  nodeDirectories,
  planCluster,
  prepareData,
  takenPorts,
} from "./clusterPlan.ts"
import { toggle, value } from "./flags.ts"
import { checking } from "./nodeCommand.ts"
import { lastLines, type NodeProcess, startNodes } from "./nodeProcesses.ts"
import type { Platform } from "./Platform.ts"
import { table } from "./tables.ts"

const leaderMillisMax = 20_000
const answerMillisMax = 1000
const pollMillis = 50

export const clusterCommand = (platform: Platform) =>
  Command.make(
    "cluster",
    {
      nodes: value("nodes", "N", "How many nodes (default: 3, or what DATA holds)"),
      port: value("port", "PORT", "Client port of the first node; peers use PORT + 1000 (default: 4001)"),
      data: value("data", "DIR", "Where everything is kept (default: .raftlet)"),
      actors: value("actors", "DIR", "Where the actors are (default: actors)"),
      zones: value("zones", "A,B,…", "Zones of the nodes, in turn: replicas are spread over them"),
      fresh: toggle("fresh", "Throw the old data away first"),
    },
    Effect.fnUntraced(function* (flags) {
      const plan = yield* checking(() => planCluster(flags))
      const taken = takenPorts(plan)
      if (taken.length > 0) {
        return yield* refused(
          `--port: ${taken.join(", ")} ${taken.length === 1 ? "is" : "are"} in use; ` +
            "stop what listens there, or say another --port",
        )
      }
      // Also without --fresh: better one line before anything is started than a node's word after it.
      for (const directory of nodeDirectories(plan.data)) {
        if (yield* platform.isHeld(directory)) {
          return yield* refused(`--data: a node still runs in ${directory}; stop it, or say another --data`)
        }
      }
      yield* Effect.try({
        try: () => prepareData(plan, flags.fresh),
        catch: (cause) => refused(`--data: ${cause instanceof Error ? cause.message : cause}`),
      })
      const nodes = yield* startNodes(plan.nodes, platform.program)
      const leader = yield* Effect.raceFirst(leaderOf(plan, nodes), firstDeath(nodes))
      yield* Console.log(welcome(plan, nodes, leader))
      yield* Effect.forEach(nodes, reportDeath, { concurrency: "unbounded" })
      return yield* failed("all nodes have ended")
    }, Effect.scoped),
  ).pipe(
    Command.withDescription(
      "Start a cluster on this machine: N nodes as N processes on loopback. Ctrl-C or SIGTERM stops them all; " +
        "the data stays unless --fresh. A node that dies is reported, not restarted.",
    ),
    Command.withShortDescription("Start a cluster on this machine"),
    Command.withExamples([
      { command: "raftlet cluster", description: "Three nodes on ports 4001 to 4003" },
      {
        command: "raftlet cluster --nodes 5 --port 7001 --fresh",
        description: "Five, elsewhere, from nothing",
      },
    ]),
  )

const NodeAnswer = Schema.Struct({
  groups: Schema.Array(Schema.Struct({ group: Schema.String, role: Schema.String, ready: Schema.Boolean })),
})

/** The id of the node that leads `main` and serves, once there is one and all the others answer as well. */
const leaderOf = (plan: ClusterPlan, nodes: ReadonlyArray<NodeProcess>) =>
  Effect.gen(function* () {
    for (;;) {
      const all = yield* Effect.forEach(plan.nodes, roleOf, { concurrency: "unbounded" }).pipe(
        Effect.orElseSucceed(() => []),
      )
      const leader = plan.nodes.find((_, at) => all[at] === "leader")
      if (leader !== undefined) return leader.id
      yield* Effect.sleep(pollMillis)
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: leaderMillisMax,
      orElse: () => failed(`no leader after ${leaderMillisMax / 1000} s${lastWords(nodes)}`),
    }),
  )

/** What the node is in `main`; `waiting` where it is not yet of use. The leaders of other groups are anywhere. */
const roleOf = ({ url }: NodePlan) =>
  Effect.tryPromise(async (signal) => (await fetch(`${url}/admin/node`, { signal })).json()).pipe(
    Effect.timeout(answerMillisMax),
    Effect.flatMap(Schema.decodeUnknownEffect(NodeAnswer)),
    Effect.map(({ groups }) => {
      const main = groups.find(({ group }) => group === "main")
      return main?.ready === true ? main.role : "waiting"
    }),
  )

const lastWords = (nodes: ReadonlyArray<NodeProcess>): string =>
  nodes.map((node) => `; ${node.plan.id} said: ${lastLines(node, 1).join("") || "nothing"}`).join("")

/** Before there is a leader, one dead node is a cluster that does not start. */
const firstDeath = (nodes: ReadonlyArray<NodeProcess>) =>
  Effect.raceAllFirst(
    nodes.map((node) =>
      Effect.flatMap(node.died, (how) => {
        const { id, log } = node.plan
        const lines = lastLines(node, 10)
        return Effect.andThen(
          lines.length === 0 ? Effect.void : Console.error(lines.join("\n")),
          Effect.fail(failed(`${id} did not start (${how}); its log is ${log}`)),
        )
      }),
    ),
  )

const reportDeath = (node: NodeProcess) => {
  const { plan, pid, died } = node
  return Effect.flatMap(died, (how) =>
    Console.log(
      [
        `${plan.id} (pid ${pid}) has ended: ${how}. The others go on. Its last words, and how to start it again:`,
        ...lastLines(node, 3).map((line) => `  | ${line}`),
        `  ./bunw run node --data ${shortPath(plan.data)}`,
      ].join("\n"),
    ),
  )
}

const welcome = (plan: ClusterPlan, nodes: ReadonlyArray<NodeProcess>, leader: string): string => {
  const rows = nodes.map(({ plan: { id, url, peerPort }, pid }) => [
    id,
    url,
    `127.0.0.1:${peerPort}`,
    String(pid),
    id === leader ? "leader" : "follower",
  ])
  return [
    table(["node", "url", "peer", "pid", "role"], rows),
    "",
    `data in ${shortPath(plan.data)}, logs in each node's node.log. Ctrl-C stops all. Try:`,
    "",
    `  ${tryLine(plan)}`,
    "",
  ].join("\n")
}

/** As one would type it here. */
const shortPath = (path: string): string => {
  const fromHere = relative(process.cwd(), path) || "."
  return fromHere.startsWith("..") ? path : fromHere
}

/** Works as printed, in any shell that has curl. */
const tryLine = ({ actors, nodes }: ClusterPlan): string => {
  const url = nodes[0]?.url ?? ""
  return existsSync(join(actors, "counter.ts"))
    ? `curl -X POST ${url}/propose/counter/visits/add -H 'content-type: application/json' -d '{"by":1}'`
    : `curl ${url}/admin/cluster`
}
