// Shards of a running cluster are split while clients count: what do they see, also when the node that drives it is killed?

import { expect, test } from "bun:test"
import { join } from "node:path"
import { type Placement, shardAt, slotOf } from "../../src/machine/slots.ts"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { type Final, longestPauseMillis, type Operation, violations } from "./support/history.ts"
import { Load } from "./support/load.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 300_000
const actors = join(import.meta.dir, "sharded")

interface Shown {
  readonly shards: Placement
  readonly move: { readonly id: number; readonly to: string; readonly step: string } | null
  readonly refused: object | null
}

const shardsAt = async (url: string): Promise<Shown> => {
  const { actors } = await ask<{ readonly actors: ReadonlyArray<Shown & { readonly actor: string }> }>(
    `${url}/admin/shards`,
  )
  return actors.find(({ actor }) => actor === "counter")!
}

const split = (url: string, group: string, millis: number) =>
  fetch(`${url}/admin/shards/split`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": String(millis) },
    body: JSON.stringify({ actor: "counter", group }),
  })

/** Many keys, so that to split a shard takes longer than a moment. */
const fill = async (url: string, keys: ReadonlyArray<string>): Promise<void> => {
  for (let at = 0; at < keys.length; at += 500) {
    const proposals = keys.slice(at, at + 500).map((key) => ({
      actor: "counter",
      key,
      command: "add",
      input: { by: 1 },
      idempotencyKey: `fill ${key}`,
    }))
    await ask(`${url}/propose`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "8000" },
      body: JSON.stringify({ proposals }),
    })
  }
}

const listed = async (url: string): Promise<ReadonlyArray<string>> => {
  const keys: Array<string> = []
  let after = ""
  for (;;) {
    const path = `${url}/read/counter?limit=1000&after=${encodeURIComponent(after)}`
    const page = await ask<{ instances: ReadonlyArray<{ key: string }>; next: string | null }>(path)
    keys.push(...page.instances.map(({ key }) => key))
    if (page.next === null) return keys
    after = page.next
  }
}

/** What came to an instance in its new group stands in another log: it is told apart by an index that falls. */
const unfolded = (operations: ReadonlyArray<Operation>): ReadonlyArray<Operation> => {
  const offsets = new Map<Operation, number>()
  for (const ofInstance of Map.groupBy(operations, ({ instance }) => instance).values()) {
    let last = 0
    let offset = 0
    for (const one of ofInstance
      .filter(({ kind, outcome }) => kind === "add" && outcome === "acknowledged")
      .toSorted((left, right) => left.revision - right.revision)) {
      if (one.index < last) offset += 1e9
      last = one.index
      offsets.set(one, offset)
    }
  }
  return operations.map((one) => ({ ...one, index: one.index + (offsets.get(one) ?? 0) }))
}

const expectKept = async (
  cluster: Cluster,
  load: Load,
  groupOf: (key: string) => string,
  what: string,
): Promise<void> => {
  const operations = unfolded(await load.stop())
  for (const { url } of cluster.running) {
    const finals = new Map<string, Final>()
    for (const key of load.instances) {
      const { state, revision } = await ask<{ state: { value: number }; revision: number }>(
        `${url}/read/counter/${encodeURIComponent(key)}`,
      )
      finals.set(key, { revision, value: state.value })
    }
    expect(violations(operations, finals, groupOf)).toEqual([])
  }
  expect(load.unexpected).toEqual([])
  const acknowledged = operations.filter(({ outcome }) => outcome === "acknowledged").length
  const pause = Math.round(longestPauseMillis(operations))
  console.log(`${what}: ${acknowledged} of ${operations.length} acknowledged, longest pause ${pause} ms`)
}

test(
  "each count stands once while shards are split, also when main's leader is killed in the middle of it",
  () =>
    withCluster(
      async (cluster) => {
        const [first, second] = cluster.urls
        const before = (await shardsAt(first!)).shards
        const groupOf = (key: string): string => shardAt(before, slotOf(key))!.group
        const filling = Array.from({ length: 2_000 }, (_, at) => `fill-${at}`)
        await fill(first!, filling)
        const load = new Load(cluster.urls, { clients: 8, instances: 40 })
        await load.goOn(200, 60_000)
        // Of nobody's dying.
        const said = await split(second!, "counter-1", 20_000)
        expect({ status: said.status, ...((await said.json()) as object) }).toMatchObject({
          status: 200,
          actor: "counter",
          from: "counter-1",
          to: "counter-7",
          done: true,
        })
        await load.goOn(100, 60_000)
        for (const [at, group] of ["counter-2", "counter-3", "counter-4"].entries()) {
          const leader = await cluster.leader()
          const other = cluster.running.find((node) => node !== leader)!
          const asking = split(other.url, group, 30_000)
          const { step } = await until("the move to begin", async () => (await shardsAt(other.url)).move)
          await sleep(at * 15)
          expect(await leader.kill("SIGKILL")).toBe("SIGKILL")
          console.log(`killed when it was ${step}, and ${at * 15} ms later`)
          leader.start()
          await leader.ready()
          // Whoever was asked says so when it is over: it was not killed.
          const answer = await asking
          expect({ status: answer.status, ...((await answer.json()) as object) }).toMatchObject({
            status: 200,
            done: true,
          })
          await load.goOn(100, 60_000)
        }
        const { shards, move, refused } = await shardsAt(first!)
        expect([shards.length, move, refused]).toEqual([10, null, null])
        await expectKept(cluster, load, groupOf, "four shards split, main's leader killed in three of them")
        const keys = [...filling, ...load.instances].toSorted()
        for (const { url } of cluster.running) expect((await listed(url)).toSorted()).toEqual(keys)
        // A first answer is given again by whoever has the key now.
        for (const key of filling.filter((_, at) => at % 200 === 0)) {
          const again = await ask<{ replayed: boolean; result: number }>(
            `${second}/propose/counter/${key}/add`,
            {
              method: "POST",
              headers: { "Content-Type": "application/json", "Idempotency-Key": `fill ${key}` },
              body: '{"by":1}',
            },
          )
          expect(again).toMatchObject({ result: 1, replayed: true })
        }
      },
      { actors },
    ),
  testMillisMax,
)
