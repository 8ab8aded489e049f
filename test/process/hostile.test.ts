// What can uploaded code do to the nodes that run it? Nothing: everybody else is served, nobody falls, and what it did is
// told and can be repaired.

import { expect, test } from "bun:test"
import { type Cluster, withCluster } from "./support/Cluster.ts"
import { type Hostile, hostiles, moduleOf } from "./support/hostileModules.ts"
import { residentBytes } from "./support/memory.ts"
import { Operator, type Told } from "./support/Operator.ts"
import { type Rate, SteadyLoad } from "./support/SteadyLoad.ts"
import { sleep, until } from "./support/wait.ts"

const testMillisMax = 600_000
/** Below what two busy cores serve: what is missing was taken. */
const load = { clients: 12, periodMillis: 100 }
const quietMillis = { min: 2_000, max: 6_000 }
const memoryBytesMax = 600 * 2 ** 20

/** Does what the module is there for, and gives what it is answered. */
const provoke = async ({ name, at, source }: Hostile, operator: Operator): Promise<Told> => {
  switch (at) {
    case "upload":
      return operator.upload(name, source)
    case "query":
      return operator.query(name, "a", "ask")
    case "command":
      return operator.propose(name, "a", "act")
    case "timer":
      await operator.propose(name, "a", "act")
      return until("its timer", async () => {
        const told = await operator.propose(name, "a", "add")
        return told.status === 423 ? told : null
      })
    case "switch": {
      await operator.propose(name, "a", "add")
      return operator.deploy(name, source)
    }
  }
}

/** Attacks by numbers. Each is given operators at all nodes, and says what is wrong with what came of it. */
const attacks: Readonly<
  Record<string, (operators: ReadonlyArray<Operator>) => Promise<ReadonlyArray<string>>>
> = {
  "a loop on each of fifteen instances": async (operators) => {
    const told = await atOnce(15, (at) => operators[at % 3]!.propose("loop", `b${at}`, "act"))
    const last = await operators[0]!.propose("loop", "never-touched", "add")
    const suspended = last.body.detail?.includes('The actor "loop" is suspended') === true
    return [
      ...told.flatMap(({ status, body }) =>
        status === 423 || status === 503 ? [] : [`${status} ${body.detail}`],
      ),
      ...(suspended ? [] : [`it is not suspended: ${last.status} ${last.body.detail}`]),
    ]
  },
  "fifteen queries that hang": async (operators) => {
    const told = await atOnce(15, (at) => operators[at % 3]!.query("query", `b${at}`, "ask"))
    return told.flatMap(({ status, body }) =>
      status === 422 || status === 503 ? [] : [`${status} ${body.detail}`],
    )
  },
  "ten commands that take a fifth of a second each": async (operators) => {
    const told = await atOnce(10, (at) => operators[at % 3]!.propose("slow", `b${at}`, "act"))
    return told.flatMap(({ status, body }) =>
      status === 200 || status === 503 ? [] : [`${status} ${body.detail}`],
    )
  },
  "batches with one loop in each": async (operators) => {
    const told = await atOnce(3, (at) =>
      operators[at % 3]!.proposeMany(
        Array.from({ length: 200 }, (_, item) => ({
          actor: "mixed",
          key: `b${at}-${item}`,
          command: item === 100 ? "act" : "add",
          input: null,
        })),
      ),
    )
    return told.flatMap(({ body }) => {
      const outcomes = body["outcomes"] as ReadonlyArray<{ readonly result?: number; readonly code?: string }>
      const wrong = outcomes.filter(({ result, code }, item) =>
        item === 100 ? code !== "quarantined" : result !== 1,
      )
      return wrong.map((one) => JSON.stringify(one))
    })
  },
}

/** Modules of the attacks. */
const others: Readonly<Record<string, string>> = {
  slow: moduleOf({
    act: "let s = 0; for (let at = 0; at < 1.2e8; at++) s += at; return { state, result: s }",
  }),
  mixed: moduleOf({ act: "for (;;) {}" }),
}

const atOnce = <A>(count: number, one: (at: number) => Promise<A>): Promise<ReadonlyArray<A>> =>
  Promise.all(Array.from({ length: count }, (_, at) => one(at)))

/** A few at a time, each with the operator of another node. */
const inTurns = async <Item>(
  items: ReadonlyArray<Item>,
  operators: ReadonlyArray<Operator>,
  one: (item: Item, operator: Operator) => Promise<void>,
): Promise<void> => {
  const left = [...items.entries()]
  await atOnce(operators.length, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await one(next[1], operators[next[0] % operators.length]!)
    }
  })
}

const deployAll = (operators: ReadonlyArray<Operator>): Promise<void> => {
  const harmless = moduleOf({})
  const modules = [
    ...hostiles
      .filter(({ at }) => at !== "upload")
      .map(({ name, source, at }) => ({ name, source: at === "switch" ? harmless : source })),
    ...Object.entries(others).map(([name, source]) => ({ name, source })),
  ]
  return inTurns(modules, operators, async ({ name, source }, operator) => {
    const told = await operator.deploy(name, source)
    expect(`${name}: ${told.status} ${told.body.detail ?? ""}`).toBe(`${name}: 200 `)
  })
}

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)]!

const chunks = <Item>(items: ReadonlyArray<Item>, size: number): ReadonlyArray<ReadonlyArray<Item>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))

const termsOf = (cluster: Cluster) =>
  Promise.all(cluster.nodes.map(async (node) => (await node.group()).term))

test(
  "hostile modules of every kind: the others are served as before, no election, no node dies, each is told, each is repaired (D2, D4, D5, D6, D11)",
  () =>
    withCluster(async (cluster) => {
      const operators = cluster.urls.map((url) => new Operator(url))
      await deployAll(operators)
      const termsBefore = await termsOf(cluster)
      const steady = new SteadyLoad(cluster.urls, load)
      let highest = 0
      const watching = setInterval(() => {
        highest = Math.max(highest, ...cluster.running.map(({ pid }) => residentBytes(pid)))
      }, 50)

      const problems: Array<string> = []
      const windows: Array<{ readonly what: string; readonly run: () => Promise<void> }> = [
        ...chunks(hostiles, 4).map((some) => ({
          what: some.map(({ name }) => name).join(", "),
          run: () =>
            inTurns(some, operators, async (hostile, operator) => {
              const { status, body } = await provoke(hostile, operator)
              const isTold =
                status === hostile.status &&
                body.code === hostile.code &&
                body.detail?.includes(hostile.detail) === true
              if (!isTold)
                problems.push(
                  `${hostile.name}: ${status} ${body.code}: ${body.detail ?? JSON.stringify(body)}`,
                )
            }),
        })),
        ...Object.entries(attacks).map(([what, attack]) => ({
          what,
          run: async () => {
            for (const problem of await attack(operators)) problems.push(`${what}: ${problem}`)
          },
        })),
      ]

      // Between two quiet windows each: a machine that gets busier meanwhile makes both slower.
      const rest = async (millis: number) => {
        const window = await steady.during(() =>
          sleep(Math.min(quietMillis.max, Math.max(quietMillis.min, millis))),
        )
        return window.rate
      }
      const ratios: Array<number> = []
      let before: Rate = await rest(quietMillis.max)
      for (const { what, run } of windows) {
        const { rate } = await steady.during(run)
        const after = await rest(rate.millis)
        const ratio = rate.perSecond / ((before.perSecond + after.perSecond) / 2)
        ratios.push(ratio)
        console.log(
          `${ratio.toFixed(2)}: ${rate.perSecond.toFixed(0)}/s for ${(rate.millis / 1000).toFixed(1)} s, ` +
            `before ${before.perSecond.toFixed(0)}/s, after ${after.perSecond.toFixed(0)}/s: ${what} ${JSON.stringify(steady.tally)}`,
        )
        before = after
      }
      clearInterval(watching)
      console.log(
        `throughput with hostile calls ${median(ratios).toFixed(2)} of that without, worst window ${Math.min(...ratios).toFixed(2)}; ` +
          `memory of a node ${Math.round(highest / 2 ** 20)} MiB at the most; ${JSON.stringify(steady.tally)}`,
      )
      expect([...new Set(problems)]).toEqual([])
      expect(cluster.nodes.map(({ fate }) => fate)).toEqual([null, null, null])
      expect(await termsOf(cluster)).toEqual(termsBefore)
      expect(median(ratios)).toBeGreaterThan(0.8)
      expect(highest).toBeLessThan(memoryBytesMax)

      await repairAll(operators)
      const counted = await steady.stop()
      const contents = await cluster.contents("counter")
      for (const { instances, position } of contents) {
        expect(position).toEqual(contents[0]!.position)
        for (const { key, value } of counted) expect(instances[key]?.state).toEqual({ value })
      }
    }),
  testMillisMax,
)

interface Listed {
  readonly actors: ReadonlyArray<{
    readonly name: string
    readonly quarantined: ReadonlyArray<{ readonly key: string }>
  }>
}

/** By all three ways: as it was before, with a state that is given, and by the mended code. */
const repairAll = async (operators: ReadonlyArray<Operator>): Promise<void> => {
  const [operator] = operators
  const listed = (await operator!.actors()).body as unknown as Listed
  const found = listed.actors.flatMap(({ name, quarantined }) =>
    quarantined.map(({ key }) => ({ name, key })),
  )
  expect(found.length).toBeGreaterThanOrEqual(12)
  const mended = moduleOf({
    head: "// mended",
    commands: "boom: { output: Schema.Null, reduce: (state: any) => ({ state, result: null }) },",
  })
  for (const name of ["loop", "timer"]) {
    expect(await operator!.repair(name, "a", { with: "rerun" })).toMatchObject({
      status: 423,
      body: { code: "quarantined" },
    })
    expect(await operator!.deploy(name, mended)).toMatchObject({ status: 200 })
  }
  await inTurns(found, operators, async ({ name, key }, at) => {
    const how =
      name === "loop" || name === "timer"
        ? { with: "rerun" }
        : name === "regex"
          ? { with: "state", state: { n: 40 } }
          : { with: "before" }
    expect(await at.repair(name, key, how)).toMatchObject({ status: 200 })
    const n = name === "loop" ? 11 : name === "regex" ? 41 : 1
    expect(await at.propose(name, key, "add")).toMatchObject({ status: 200, body: { result: n } })
  })
}
