// The program without its live rooms: the real command line, and nodes that serve next to nothing.
// RAFTLET_TEST_FAIL=n2 lets that node fail at its start.

import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { failed } from "../../src/cli/CliFailure.ts"
import { main } from "../../src/cli/main.ts"
import type { NodeOptions, Remembered } from "../../src/cli/Platform.ts"

const runNode = ({ id, clusterId, cluster, listen, data, startOptions }: NodeOptions) =>
  Effect.gen(function* () {
    if (process.env.RAFTLET_TEST_FAIL === id) return yield* failed(`${id} was told to fail`)
    writeFileSync(
      join(data, "node.json"),
      JSON.stringify({ identity: { clusterId, nodeId: id }, startOptions }),
    )
    const isLeader = Object.keys(cluster)[0] === id
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.serve({
          hostname: listen.host,
          port: listen.port,
          fetch: () =>
            Response.json({
              id,
              clusterId,
              // Each group has a leader of its own.
              groups: [
                { group: "main", role: isLeader ? "leader" : "follower", ready: true },
                { group: "orders-1", role: isLeader ? "follower" : "leader", ready: true },
              ],
            }),
        }),
      ),
      (server) => Effect.promise(() => server.stop(true)),
    )
    console.log(`${id} serves ${listen.port}`)
    return yield* Effect.never
  }).pipe(Effect.scoped)

const decodeRemembered = Schema.decodeUnknownSync(
  Schema.Struct({
    identity: Schema.Struct({ clusterId: Schema.String, nodeId: Schema.String }),
    startOptions: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Boolean])),
  }),
)

const remembered = (directory: string) =>
  Effect.sync((): Remembered | null => {
    const path = join(directory, "node.json")
    return existsSync(path) ? decodeRemembered(JSON.parse(readFileSync(path, "utf8"))) : null
  })

main(process.argv.slice(2), {
  version: "0.0.0",
  program: [process.execPath, import.meta.path],
  remembered,
  isHeld: (directory) => Effect.sync(() => existsSync(join(directory, "held"))),
  runNode,
  restore: () => Effect.die("nobody restores here"),
  seal: () => Effect.die("nobody takes backups of all groups here"),
})
