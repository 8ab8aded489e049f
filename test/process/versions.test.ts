// Code is switched a hundred times while clients go on and leaders change: does any of them notice, and does each entry
// run with the one version that it names?

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, type Cluster, flush, withCluster } from "./support/Cluster.ts"
import { Operator } from "./support/Operator.ts"
import { Counting, tally } from "./support/tally.ts"
import { Hopeless, sleep, until } from "./support/wait.ts"

const testMillisMax = 900_000
/** Some clusters at once on two cores. */
const busyMillis = 90_000
/** Of each actor: new code in, switched to, and back. RAFTLET_BIG=1 does all hundred, which takes minutes. */
const cycles = process.env.RAFTLET_BIG === "1" ? 50 : 6
/** Of these, the first ones while nothing else happens. */
const calmCycles = Math.ceil(cycles / 5)

/** One of them came from the nodes' own directories, and runs in their threads; the other one was uploaded. */
const actors = ["own", "uploaded"] as const

/** With the nodes' own actors in it. */
const withOwn = async (body: (directory: string) => Promise<void>): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-own-"))
  try {
    writeFileSync(join(directory, "own.ts"), tally[1]("one"))
    await body(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Switches one actor, each time at another node, until that has done it: to do it twice changes nothing. */
class Switching {
  /** What code says of itself, by its version. */
  readonly notes = new Map<string, string>()
  switches = 0
  readonly #cluster: Cluster
  readonly #actor: string
  #first = ""
  #at = 0

  constructor(cluster: Cluster, actor: string) {
    this.#cluster = cluster
    this.#actor = actor
  }

  /** Its first version is active. */
  async begin(): Promise<void> {
    this.#first = await this.#bringIn(1, "one")
    await this.#activate(this.#first)
  }

  /** New code, its predecessor, and sometimes the same code once more. */
  async cycle(at: number, goOn: () => Promise<unknown>): Promise<void> {
    const next = await this.#bringIn(2, `two-${at}`)
    for (let times = at % 4 === 3 ? 2 : 1; times > 0; times--) {
      await this.#activate(next)
      await goOn()
      await this.#insist("a rollback", (operator) => operator.rollback(this.#actor, { to: this.#first }))
      await goOn()
      this.switches += 2
    }
    if (at % 10 !== 9) return
    this.#first = await this.#bringIn(1, `one-${at}`)
    await this.#activate(this.#first)
    this.switches++
  }

  async #bringIn(declared: 1 | 2, note: string): Promise<string> {
    const { version } = await this.#insist("an upload", (operator) =>
      operator.upload(this.#actor, tally[declared](note)),
    )
    this.notes.set(version as string, note)
    return version as string
  }

  async #activate(version: string): Promise<void> {
    const { token } = await this.#insist("a plan", (operator) => operator.plan(this.#actor, { version }))
    await this.#insist("a switch", (operator) => operator.activate(this.#actor, token))
  }

  #insist(what: string, act: (operator: Operator) => ReturnType<Operator["actors"]>) {
    return until(
      `${what} of ${this.#actor}`,
      async () => {
        const { running } = this.#cluster
        const { status, body } = await act(new Operator(running[this.#at++ % running.length]!.url, 10_000))
        if (status !== 200 && body["retryable"] !== true) {
          throw new Hopeless(`${what} of ${this.#actor}: ${JSON.stringify(body)}`)
        }
        return status === 200 ? body : null
      },
      60_000,
    )
  }
}

/** Leadership goes round, and now and then its holder is killed and started again. */
const unsettle = async (cluster: Cluster, isOver: () => boolean) => {
  const changes = { transfers: 0, kills: 0 }
  for (let at = 1; !isOver(); at++) {
    await sleep(2_500)
    const leader = await cluster.leader().catch(() => null)
    if (leader === null) continue
    if (at % 5 === 2) {
      await leader.kill("SIGKILL")
      changes.kills++
      await cluster.leader({ millisMax: busyMillis })
      leader.start()
      await leader.ready(busyMillis)
      continue
    }
    // It may be refused, as when an election is under way already.
    const told = await fetch(`${leader.url}/admin/transfer`, { method: "POST" }).catch(() => null)
    if (told?.status === 200) changes.transfers++
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

/** Which version of the actor was active when each entry was applied, by what the log says of switches. */
const activeAt = (log: ReadonlyArray<Logged>, name: string): ReadonlyMap<number, string | null> => {
  let active: string | null = null
  const found = new Map<number, string | null>()
  const seen = new Set<string>()
  for (const { index, actor, key, command, input, idempotencyKey } of log) {
    // A second copy of a command does nothing.
    const isFirst = !seen.has(`${actor} ${key} ${idempotencyKey}`)
    seen.add(`${actor} ${key} ${idempotencyKey}`)
    if (isFirst && actor === "$actor" && key === name) {
      if (command === "offer" && active === null) active = input!["version"]!
      if (command === "activate" && active === input!["from"]) active = input!["version"]!
      if (command === "rollback" && (input!["from"] === null || active === input!["from"]))
        active = input!["to"]!
    }
    found.set(index, active)
  }
  return found
}

test(
  "switches to and fro under load and leader changes: each entry is explained by one version, no request fails, all states are equal (D7)",
  () =>
    withOwn((directory) =>
      withCluster(
        async (cluster) => {
          const began = performance.now()
          const switchings = actors.map((actor) => ({ actor, switching: new Switching(cluster, actor) }))
          for (const { switching } of switchings) await switching.begin()
          const counting = new Counting(cluster.urls, actors)
          const { counts, failures } = counting
          const goThrough = (from: number, to: number) =>
            Promise.all(
              switchings.map(async ({ actor, switching }) => {
                for (let at = from; at < to; at++) await switching.cycle(at, () => counting.more(actor))
              }),
            )

          const changes = await (async () => {
            await goThrough(0, calmCycles)
            // While no leader changes, every request has its answer at once.
            expect({ ...counting.tally }).toEqual({})
            let isOver = false
            const [changes] = await Promise.all([
              unsettle(cluster, () => isOver),
              goThrough(calmCycles, cycles).finally(() => {
                isOver = true
              }),
            ])
            await counting.stop()
            return changes
          })().finally(() => counting.abandon())
          const switches = switchings.reduce((sum, { switching }) => sum + switching.switches, 0)
          console.log(
            `${switches} switches in ${actors.length * cycles} deployments, ${changes.transfers} transfers and ` +
              `${changes.kills} kills of leaders in ${((performance.now() - began) / 1000).toFixed(0)} s: ` +
              `${counts.length} commands accepted, at first without ${JSON.stringify(counting.tally)}, ` +
              `the slowest after ${counting.longestMillis.toFixed(0)} ms`,
          )
          expect(changes.kills).toBeGreaterThan(0)
          expect(failures).toEqual([])

          // Whom the last commands were told by may be ahead of whom the log is asked of.
          await cluster.quiet()
          const log = await readLog(cluster.urls[0]!)
          const byIndex = new Map(log.map((entry) => [entry.index, entry]))
          for (const { actor, switching } of switchings) {
            const own = counts.filter((count) => count.actor === actor)
            // Every replica has come to the same.
            const [first, ...others] = await cluster.contents(actor)
            for (const other of others) expect(other).toEqual({ ...first!, node: other.node })

            // Each answer is what the version of its entry says, and that version was active there.
            const active = activeAt(log, actor)
            const wrong = own.filter(({ key, idempotencyKey, by, index }) => {
              const entry = byIndex.get(index)
              return !(
                entry?.actor === actor &&
                entry.key === key &&
                entry.idempotencyKey === idempotencyKey &&
                entry.version === active.get(index) &&
                switching.notes.get(entry.version!) === by
              )
            })
            expect(wrong).toEqual([])
            expect(new Set(own.map(({ by }) => by)).size).toBe(switching.notes.size)

            // Each instance counts on, through all migrations up and down: none is lost, none is counted twice.
            for (const [key, told] of Map.groupBy(own, ({ key }) => key)) {
              const inOrder = told.toSorted((left, right) => left.revision - right.revision)
              expect(inOrder.map(({ n }) => n)).toEqual(inOrder.map((_, at) => at + 1))
              expect(inOrder.map(({ revision }) => revision)).toEqual(inOrder.map((_, at) => at + 1))
              expect(first!.instances[key]?.revision).toBe(told.length)
            }
          }
        },
        { actors: directory },
      ),
    ),
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
    await flush(node)
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
      expect(await operator.deploy("tally", tally[1]("one"))).toMatchObject({ status: 200 })
      expect(await operator.propose("tally", "a", "count")).toMatchObject({
        status: 200,
        body: { result: { n: 1 } },
      })
      expect(await operator.deploy("tally", tally[2]("two"))).toMatchObject({ status: 200 })
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
      expect(await operators[0]!.deploy("tally", tally[1]("first"))).toMatchObject({ status: 200 })
      expect(await operators[0]!.propose("tally", "a", "count")).toMatchObject({ status: 200 })
      for (let at = 0; at < uploads.length; at += 3) {
        const told = await Promise.all(
          operators.map((operator, which) => operator.upload("tally", tally[2](uploads[at + which]!))),
        )
        expect(told.map(({ status }) => status)).toEqual([200, 200, 200])
      }
      const more = Array.from({ length: 30 }, (_, at) => `more ${at}`)
      for (const note of more)
        expect(await operators[0]!.upload("tally", tally[2](note))).toMatchObject({ status: 200 })
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
