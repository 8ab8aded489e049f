// A cluster whose actors live in many groups is backed up as a whole: does the one that is made of it have all of them?

import { expect, test } from "bun:test"
import { cpSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { withRestored } from "./support/backup.ts"
import { ask, withCluster } from "./support/Cluster.ts"
import { type NodeProcess, runProgram } from "./support/NodeProcess.ts"
import { until } from "./support/wait.ts"

const actors = join(import.meta.dir, "whole")
const testMillisMax = 180_000

interface Answer {
  readonly result: unknown
  readonly revision: number
  readonly replayed: boolean
}

const propose = (url: string, path: string, input: unknown, idempotencyKey: string): Promise<Answer> =>
  ask<Answer>(`${url}/propose/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
    body: JSON.stringify(input),
  })

/** In `main`, in a group that is named, and in every shard of an actor that has some. */
const commands = [
  ...Array.from({ length: 5 }, (_, at) => ({ path: `counter/c${at}/add`, input: { by: at + 1 } })),
  ...Array.from({ length: 5 }, (_, at) => ({ path: "ledger/book/note", input: { line: `line ${at}` } })),
  ...Array.from({ length: 24 }, (_, at) => ({ path: `points/p${at}/win`, input: { by: 10 * at } })),
].map((command, at) => ({ ...command, idempotencyKey: `command-${at}` }))

const sendAll = async (url: string): Promise<ReadonlyArray<Answer>> => {
  const answers: Array<Answer> = []
  for (const { path, input, idempotencyKey } of commands)
    answers.push(await propose(url, path, input, idempotencyKey))
  return answers
}

const instances = ["counter/c4", "ledger/book", ...Array.from({ length: 24 }, (_, at) => `points/p${at}`)]

const contentAt = (url: string) =>
  Promise.all(
    instances.map(async (path) => {
      const { state, revision } = await ask<{ state: unknown; revision: number }>(`${url}/read/${path}`)
      return { path, state, revision }
    }),
  )

const openGroups = ["ledger", "main", "points-1", "points-2", "points-3"]

const groupsAt = async ({ url }: NodeProcess) =>
  (
    await ask<{ groups: ReadonlyArray<{ group: string; leader: string | null; replicas: number | null }> }>(
      `${url}/admin/groups`,
    )
  ).groups

test(
  "all groups come back in one cluster of three: revisions, timers, first answers; and it outlives a node, and one without its data (O6, O9, G14)",
  () =>
    withCluster(
      async (cluster) => {
        const answers = await sendAll(cluster.urls[0]!)
        await propose(cluster.urls[1]!, "ledger/alarm/later", { line: "ring", millis: 3_000 }, "alarm")
        const content = await contentAt(cluster.urls[2]!)
        const set = join(cluster.directory, "backups")
        // By a node that does not run all of them.
        const taken = await runProgram(["backup", set, "--all-groups", "--url", cluster.urls[3]!])
        expect(taken).toMatchObject({ end: 0 })
        expect(taken.stdout).toContain("all 5 groups of the cluster c-")
        expect(readdirSync(set).sort()).toEqual(
          [...openGroups.map((group) => `${group}.db`), "set.json"].sort(),
        )
        // One group alone makes no cluster.
        const alone = await runProgram(["restore", join(set, "main.db"), "--data", join(set, "../alone")])
        expect(alone).toMatchObject({
          end: 2,
          stderr: expect.stringContaining("nothing of them is here: ledger, points-1, points-2, points-3."),
        })
        // Each of the nodes has a copy of its own, as on another machine.
        const copy = join(cluster.directory, "copy")
        cpSync(set, copy, { recursive: true })

        await withRestored(
          copy,
          3,
          async (restored) => {
            for (const node of restored.nodes) node.start()
            await restored.leader()
            for (const node of restored.nodes) await node.ready()
            for (const node of restored.nodes) {
              const groups = await groupsAt(node)
              expect(groups.map(({ group }) => group).sort()).toEqual(openGroups)
              expect(groups.filter(({ leader, replicas }) => leader === null || replicas !== null)).toEqual(
                [],
              )
              expect(await contentAt(node.url)).toEqual(content)
            }
            await until("the alarm", async () => {
              const { state } = await ask<{ state: { lines: ReadonlyArray<string> } }>(
                `${restored.urls[1]}/read/ledger/alarm`,
              )
              return state.lines.join() === "ring" || null
            })
            const replayed = answers.map((answer) => ({ ...answer, replayed: true }))
            expect(await sendAll(restored.urls[0]!)).toEqual(replayed)
            const gone = await restored.leader()
            await gone.kill("SIGKILL")
            await restored.leader({ not: gone })
            const [left] = restored.running as [NodeProcess]
            for (const path of ["counter/c4/add", "points/p0/win", "points/p1/win", "points/p2/win"]) {
              const next = await until("the group to be led", () =>
                propose(left.url, path, { by: 1 }, `next-${path}`).catch(() => null),
              )
              expect(next).toMatchObject({ revision: 2, replayed: false })
            }
            gone.start()
            await gone.ready()
            expect(await sendAll(gone.url)).toEqual(replayed)
            // It is a cluster like any other: who has lost its data comes in anew under its name, into all of its groups.
            await restored.dismiss(gone)
            rmSync(gone.data, { recursive: true })
            const again = restored.newcomer(gone.id)
            again.start()
            await again.ready()
            await until("all groups to have followed", async () => {
              const { change } = await ask<{ change: unknown }>(`${left.url}/admin/cluster`)
              return change === null || null
            })
            expect(await contentAt(again.url)).toEqual(await contentAt(left.url))
            expect(await sendAll(again.url)).toEqual(replayed)
          },
          { actors },
        )
      },
      { actors, nodes: 4 },
    ),
  testMillisMax,
)
