// Code is switched a hundred times while clients go on and leaders change: does any of them notice, and does each entry
// run with the one version that it names?

import { expect, test } from "bun:test"
import { ask, type Cluster, withCluster } from "./support/Cluster.ts"
import { Operator } from "./support/Operator.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 400_000
const switches = 100
const clients = 9
const instances = 20

/** Both count; the second one in tenths. Each says which it is. */
const sources = {
  1: (note: string) => source(1, "n", "n + 1", note),
  2: (note: string) => source(2, "tenths", "tenths + 10", note),
}
const source = (version: number, field: string, next: string, note: string): string => `
// ${note}
import { Schema } from "effect"
import { actor } from "raftlet"
export default actor({
  version: ${version},
  state: Schema.Struct({ ${field}: Schema.Int }),
  initial: { ${field}: 0 },
  commands: {
    count: {
      output: Schema.Struct({ by: Schema.String, n: Schema.Int }),
      reduce: ({ ${field} }: any) => ({
        state: { ${field}: ${next} },
        result: { by: ${JSON.stringify(note)}, n: ${version === 1 ? next : `(${next}) / 10`} },
      }),
    },
  },
  queries: {},
  ${
    version === 1
      ? ""
      : `migrate: {
    2: {
      up: (one: { n: number }) => ({ tenths: 10 * one.n }),
      down: (two: { tenths: number }) => ({ n: two.tenths / 10 }),
    },
  },`
  }
})
`

/** What a client was told, once it was told. */
interface Count {
  readonly key: string
  readonly idempotencyKey: string
  readonly by: string
  readonly n: number
  readonly revision: number
  readonly index: number
}

/** Clients that count on many instances at all nodes, and ask until they know. */
class Counting {
  readonly counts: Array<Count> = []
  /** Answers that no retry with the same key is for. */
  readonly failures: Array<string> = []
  readonly tally: Record<string, number> = {}
  readonly #clients: ReadonlyArray<Promise<void>>
  #isOver = false

  constructor(urls: ReadonlyArray<string>) {
    this.#clients = Array.from({ length: clients }, (_, at) => this.#live(urls, at))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#clients)
  }

  async #live(urls: ReadonlyArray<string>, client: number): Promise<void> {
    let at = client
    for (let round = 0; !this.#isOver; round++) {
      const key = `i${Math.floor(Math.random() * instances)}`
      const idempotencyKey = `${client}-${round}`
      await until(
        `an answer to ${idempotencyKey}`,
        async () => {
          const count = await this.#attempt(urls[at % urls.length]!, key, idempotencyKey)
          if (count === null) at++
          else this.counts.push(count)
          return count
        },
        60_000,
      )
      await sleep(10)
    }
  }

  async #attempt(url: string, key: string, idempotencyKey: string): Promise<Count | null> {
    const response = await fetch(`${url}/propose/tally/${key}/count`, {
      method: "POST",
      headers: { "Idempotency-Key": idempotencyKey },
      signal: AbortSignal.timeout(10_000),
    }).catch(() => null)
    if (response === null) return this.#note("no answer")
    const text = await response.text()
    const body = JSON.parse(text)
    if (response.status === 200) return { key, idempotencyKey, ...body, ...body.result }
    if (body.retryable !== true) this.failures.push(text)
    return this.#note(`${response.status} ${body.code}`)
  }

  #note(what: string): null {
    this.tally[what] = (this.tally[what] ?? 0) + 1
    return null
  }
}

/** A hundred switches: new code, back, and forth again, each asked of another node. */
const switchOver = async (
  cluster: Cluster,
  bys: Map<string, string>,
  goOn: () => Promise<unknown>,
): Promise<void> => {
  let at = 0
  /** Asks the nodes in turn until one has done it: to do it twice changes nothing. */
  const insist = (what: string, act: (operator: Operator) => ReturnType<Operator["actors"]>) =>
    until(
      what,
      async () => {
        const { running } = cluster
        const told = await act(new Operator(running[at++ % running.length]!.url, 10_000))
        if (told.status !== 200 && told.body["retryable"] !== true) {
          throw new Error(`${what}: ${JSON.stringify(told.body)}`)
        }
        return told.status === 200 ? told.body : null
      },
      60_000,
    )
  const activate = async (version: string) => {
    const { token } = await insist("a plan", (operator) => operator.plan("tally", { version }))
    await insist("a switch", (operator) => operator.activate("tally", token))
  }
  const bringIn = async (declared: 1 | 2, note: string): Promise<string> => {
    const { version } = await insist("an upload", (operator) =>
      operator.upload("tally", sources[declared](note)),
    )
    bys.set(version as string, note)
    return version as string
  }
  let one = await bringIn(1, "one")
  await activate(one)
  for (let done = 0; done < switches; ) {
    const two = await bringIn(2, `two-${done}`)
    // New code, its mending under the same number, and back: by hand, and by what was before.
    for (const step of [
      () => activate(two),
      () => insist("a rollback", (operator) => operator.rollback("tally", { to: one })),
      () => activate(two),
      () => insist("a rollback", (operator) => operator.rollback("tally", { to: one })),
    ]) {
      await step()
      await goOn(); console.log(done, Math.round(performance.now()))
      done++
    }
    if (done % 20 === 0) {
      one = await bringIn(1, `one-${done}`)
      await activate(one)
    }
  }
}

/** Leadership goes round, and once its holder is killed and started again. */
const unsettle = async (cluster: Cluster, isOver: () => boolean): Promise<number> => {
  let changes = 0
  for (; !isOver(); changes++) {
    await sleep(2_500)
    const leader = await cluster.leader().catch(() => null)
    if (leader === null) continue
    if (changes === 2) {
      await leader.kill("SIGKILL")
      await cluster.leader()
      leader.start()
      await leader.ready()
      continue
    }
    // It may fail, as when an election is under way already.
    await fetch(`${leader.url}/admin/transfer`, { method: "POST" }).catch(() => null)
  }
  return changes
}

interface Logged {
  readonly index: number
  readonly actor?: string
  readonly key?: string
  readonly command?: string
  readonly input?: Readonly<Record<string, string | null>>
  readonly idempotencyKey?: string
  readonly version?: string
}

const readLog = async (url: string): Promise<ReadonlyArray<Logged>> => {
  const entries: Array<Logged> = []
  for (let from: number | null = 1; from !== null; ) {
    const page: { readonly entries: ReadonlyArray<Logged>; readonly next: number | null } = await ask(
      `${url}/admin/log?from=${from}&limit=1000`,
    )
    entries.push(...page.entries)
    from = page.next
  }
  expect(entries[0]?.index).toBe(1)
  return entries
}

/** Which version was active when each entry was applied, by what the log says of switches. */
const activeAt = (log: ReadonlyArray<Logged>): ReadonlyMap<number, string | null> => {
  let active: string | null = null
  const found = new Map<number, string | null>()
  const seen = new Set<string>()
  for (const { index, actor, key, command, input, idempotencyKey } of log) {
    // A second copy of a command does nothing.
    const isFirst = !seen.has(`${actor} ${key} ${idempotencyKey}`)
    seen.add(`${actor} ${key} ${idempotencyKey}`)
    if (isFirst && actor === "$actor" && key === "tally") {
      if (command === "activate" && active === input!["from"]) active = input!["version"]!
      if (command === "rollback" && (input!["from"] === null || active === input!["from"]))
        active = input!["to"]!
    }
    found.set(index, active)
  }
  return found
}

test(
  "a hundred switches under load and leader changes: each entry is explained by one version, no request fails, all states are equal (D7)",
  () =>
    withCluster(async (cluster) => {
      const bys = new Map<string, string>()
      const began = performance.now()
      // Before there is anything to count with nobody can count.
      let isOver = false
      let accepted = () => 0
      let tallyOf = () => ({}) as any
      // A few commands see each version.
      const goOn = () => {
        const goal = accepted() + 3
        return until("a few more commands", () => accepted() >= goal || null).catch(async (e) => { console.log(JSON.stringify(tallyOf()), await fetch(`${cluster.urls[0]}/admin/log?from=1&limit=1000`).then(async (r) => (await r.json()).entries.slice(-12).map((x: any) => [x.index, x.actor, x.key, x.command, x.version, x.idempotencyKey].join(" ")).join("\n")), JSON.stringify(await Promise.all(cluster.nodes.map((n) => n.group())))); throw e })
      }
      const switching = switchOver(cluster, bys, goOn).finally(() => {
        isOver = true
      })
      await until("the first version", async () => (bys.size > 0 ? true : null), 60_000)
      await until("it to be active", async () => {
        const { status } = await new Operator(cluster.urls[0]!).propose("tally", "first", "count")
        return status === 200 ? true : null
      })
      const counting = new Counting(cluster.urls)
      accepted = () => counting.counts.length
      tallyOf = () => [counting.tally, counting.failures]
      const [changes] = await Promise.all([unsettle(cluster, () => isOver), switching])
      await counting.stop()
      const seconds = (performance.now() - began) / 1000
      const { counts, failures, tally } = counting
      console.log(
        `${switches} switches of ${bys.size} versions and ${changes} changes of leaders in ${seconds.toFixed(0)} s: ` +
          `${counts.length} commands accepted, ${JSON.stringify(tally)}`,
      )
      expect(failures).toEqual([])
      expect(counts.length).toBeGreaterThan(500)

      // Every replica has come to the same.
      const [first, ...others] = await cluster.contents("tally")
      for (const other of others) expect(other).toEqual({ ...first!, node: other.node })

      // Each answer is what the version of its entry says, and that version was active there.
      const log = await readLog(cluster.urls[0]!)
      const active = activeAt(log)
      const byIndex = new Map(log.map((entry) => [entry.index, entry]))
      const wrong = counts.filter(({ key, idempotencyKey, by, index }) => {
        const entry = byIndex.get(index)
        return !(
          entry?.key === key &&
          entry.idempotencyKey === idempotencyKey &&
          entry.version === active.get(index) &&
          bys.get(entry.version!) === by
        )
      })
      expect(wrong).toEqual([])
      expect(new Set(counts.map(({ by }) => by)).size).toBeGreaterThan(20)

      // Each instance counts on, through all migrations up and down: none is lost, none is counted twice.
      for (const [key, own] of Map.groupBy(counts, ({ key }) => key)) {
        const inOrder = own.toSorted((left, right) => left.revision - right.revision)
        expect(inOrder.map(({ n }) => n)).toEqual(inOrder.map((_, at) => at + 1))
        expect(inOrder.map(({ revision }) => revision)).toEqual(inOrder.map((_, at) => at + 1))
        expect(first!.instances[key]?.revision).toBe(own.length)
      }
    }),
  testMillisMax,
)

/** Writes more than a log keeps, and has it cut. */
const cutLogs = async (cluster: Cluster, url: string): Promise<void> => {
  const proposals = Array.from({ length: 1000 }, (_, at) => ({
    actor: "counter",
    key: `bulk-${at}`,
    command: "add",
    input: { by: 1 },
  }))
  for (let batch = 0; batch < 66; batch += 3) {
    const body = JSON.stringify({ proposals })
    const headers = { "Content-Type": "application/json", "Raftlet-Timeout-Ms": "30000" }
    const write = async () =>
      fetch(`${url}/propose`, { method: "POST", headers, body }).then((told) => told.status)
    expect(await Promise.all([write(), write(), write()])).toEqual([200, 200, 200])
  }
  for (const node of cluster.running) {
    await ask(`${node.url}/admin/snapshot`, { method: "POST" })
    await until(`the log of ${node.id} to be cut`, async () => (await node.group()).firstIndex > 1 || null)
  }
}

test(
  "a node that was away while code was switched, and one that comes in later, have it from the snapshot (N8, N10)",
  () =>
    withCluster(async (cluster) => {
      const [away, ...present] = await cluster.followers()
      const leader = await cluster.leader()
      await away!.kill("SIGTERM")
      const operator = new Operator(leader.url)
      expect(await operator.deploy("tally", sources[1]("one"))).toMatchObject({ status: 200 })
      expect(await operator.propose("tally", "a", "count")).toMatchObject({
        status: 200,
        body: { result: { n: 1 } },
      })
      expect(await operator.deploy("tally", sources[2]("two"))).toMatchObject({ status: 200 })
      await cutLogs(cluster, leader.url)
      away!.start()
      await until("the snapshot to be installed", async () => (await away!.group()).firstIndex > 1 || null)
      await away!.ready()
      expect(away!.log()).toContain("a snapshot is installed")
      const newcomer = cluster.newcomer("n4")
      newcomer.start()
      await newcomer.ready()
      for (const node of [away!, newcomer, ...present]) {
        const told = await new Operator(node.url).propose("tally", "a", "count")
        expect(told).toMatchObject({ status: 200, body: { result: { by: "two" } } })
      }
      const contents = await cluster.contents("tally")
      expect(contents).toHaveLength(4)
      for (const { instances, position } of contents) {
        expect(instances).toEqual({ a: { state: { tenths: 40 }, revision: 4 } })
        expect(position).toEqual(contents[0]!.position)
      }
    }),
  testMillisMax,
)

test(
  "uploads at the same time, more than fifty of them: all are taken, the oldest that nobody needs go",
  () =>
    withCluster(async (cluster) => {
      const operators = cluster.urls.map((url) => new Operator(url))
      const uploads = Array.from({ length: 54 }, (_, at) => `note ${Math.floor(at / 2) % 53}`)
      expect(await operators[0]!.deploy("tally", sources[1]("first"))).toMatchObject({ status: 200 })
      expect(await operators[0]!.propose("tally", "a", "count")).toMatchObject({ status: 200 })
      for (let at = 0; at < uploads.length; at += 3) {
        const told = await Promise.all(
          operators.map((operator, which) => operator.upload("tally", sources[2](uploads[at + which]!))),
        )
        expect(told.map(({ status }) => status)).toEqual([200, 200, 200])
      }
      const more = Array.from({ length: 30 }, (_, at) => `more ${at}`)
      for (const note of more)
        expect(await operators[0]!.upload("tally", sources[2](note))).toMatchObject({ status: 200 })
      const { actors } = (await operators[1]!.actors()).body as unknown as {
        readonly actors: ReadonlyArray<{
          readonly name: string
          readonly versions: ReadonlyArray<{ readonly version: string }>
        }>
      }
      const { versions } = actors.find(({ name }) => name === "tally")!
      expect(versions.length).toBe(50)
      // What wrote an instance, and is active, is needed.
      expect(await operators[2]!.propose("tally", "a", "count")).toMatchObject({
        body: { result: { by: "first", n: 2 } },
      })
      const [first, ...others] = await cluster.contents("tally")
      for (const other of others) expect(other.position).toEqual(first!.position)
    }),
  testMillisMax,
)
