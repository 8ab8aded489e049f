// What does a trial let into the log? What comes to an end, and each time to the same.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { decodeCommand, encodeCommand } from "../../src/machine/command.ts"
import type { Admission } from "../../src/machine/MachineHost.ts"
import { quarantineFor } from "../../src/machine/system/voiding.ts"
import { command } from "./Bench.ts"
import { Housed } from "./Housed.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const source = `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  let seen = 0
  const met = new Map<string, number>()
  const down = (n: number): number => 1 + down(n + 1)
  const State = Schema.Struct({ n: Schema.Int })
  export default actor({
    version: 1,
    state: State,
    initial: { n: 0 },
    commands: {
      add: { input: Schema.Int, output: Schema.Int, reduce: ({ n }, by) => ({ state: { n: n + by }, result: n + by }) },
      fall: { output: Schema.Int, reduce: (state) => ({ state, result: down(0) }) },
      armed: { output: Schema.Int, reduce: (state) => ({ state, result: state.n > 0 ? down(0) : 0 }) },
      meets: {
        input: Schema.String,
        output: Schema.Int,
        reduce: (state, name) => {
          if (!met.has(name)) met.set(name, met.size)
          return { state, result: met.get(name)! }
        },
      },
      deep: {
        output: Schema.Int,
        reduce: (state) => {
          let depth = 0
          const dive = () => {
            depth++
            dive()
          }
          try {
            dive()
          } catch {}
          return { state, result: depth }
        },
      },
      keeps: { output: Schema.Int, reduce: (state) => ({ state, result: ++seen }) },
      rejects: {
        input: Schema.Int,
        output: Schema.Null,
        reduce: (_, length, ctx) => ctx.reject("c".repeat(length), "m".repeat(length), "d".repeat(length)),
      },
      later: {
        output: Schema.Null,
        reduce: (state, _, ctx) => {
          ctx.schedule(1, "fall", null)
          return { state, result: null }
        },
      },
    },
  })
`
const one = (name: string, key: string, json: unknown = null) =>
  encodeCommand(command({ actor: "till", command: name, key, json, version: "" }))

const housed = async () => {
  const machine = new Housed()
  await machine.deploy("till", source)
  return machine
}
const untried = async (machine: Housed, ...commands: ReadonlyArray<Uint8Array>) => {
  const admissions = await machine.admit(commands)
  expect(admissions.map(({ _tag }) => _tag)).toEqual(commands.map(() => "Untried"))
  return machine.try(admissions.map((admission) => (admission as { readonly command: Uint8Array }).command))
}
const kinds = (admissions: ReadonlyArray<Admission>) =>
  admissions.map((admission) =>
    admission._tag === "Settled"
      ? (admission.outcome as { readonly code?: string }).code
      : decodeCommand(admission.command)!.actor,
  )

describe("of commands that are tried together", () => {
  test("one that fails is replaced by a quarantine, and so are those of its instance behind it; the others stay", async () => {
    const machine = await housed()
    const admissions = await untried(
      machine,
      one("add", "a", 1),
      one("fall", "b"),
      one("add", "b", 1),
      one("add", "c", 1),
    )
    expect(kinds(admissions)).toEqual(["till", "$instance", "$instance", "till"])
  })

  test("the later sees what the earlier would leave", async () => {
    const machine = await housed()
    expect(kinds(await untried(machine, one("add", "a", 1), one("armed", "a")))).toEqual([
      "till",
      "$instance",
    ])
    expect(kinds(await untried(machine, one("armed", "b")))).toEqual(["till"])
  })

  test("one with an input that does not fit is told so, and needs no entry", async () => {
    const machine = await housed()
    expect(kinds(await untried(machine, one("add", "a", "much"), one("add", "a", 1)))).toEqual([
      "invalid-input",
      "till",
    ])
  })

  test("more than a part's worth are all tried", async () => {
    const machine = await housed()
    const many = Array.from({ length: 150 }, (_, at) => one(at === 100 ? "fall" : "armed", `k${at}`))
    const admissions = kinds(await untried(machine, ...many))
    expect(admissions.map((kind, at) => [kind, at]).filter(([kind]) => kind !== "till")).toEqual([
      ["$instance", 100],
    ])
  })

  test("when ten fail, the others wait for what the log says of them", async () => {
    const machine = await housed()
    const many = Array.from({ length: 14 }, (_, at) => one("fall", `k${at}`))
    const admissions = await untried(machine, ...many)
    expect(kinds(admissions)).toEqual([...Array(10).fill("$instance"), ...Array(4).fill("overloaded")])
    for (const admission of admissions)
      if (admission._tag === "Admitted") await machine.apply(admission.command)
    expect(kinds(await machine.admit([one("add", "fine", 1)]))).toEqual(["quarantined"])
  })
})

test("what comes to something else each time is rejected before the log", async () => {
  const machine = await housed()
  const [admission] = await untried(machine, one("keeps", "a"))
  expect(admission).toMatchObject({ _tag: "Settled", outcome: { code: "rejected" } })
  expect(JSON.stringify(admission)).toContain("not-deterministic")
})

test("what a module remembers of other commands is rejected before replicas that have met others part", async () => {
  const machine = await housed()
  const admissions: Array<Admission> = []
  for (let at = 0; at < 40; at++)
    admissions.push(...(await untried(machine, one("meets", `k${at}`, `name ${at % 10}`))))
  const rejected = admissions.filter((one) => JSON.stringify(one).includes("not-deterministic"))
  expect(rejected.length).toBeGreaterThan(2)
})

test("how deep the stack is, for code that runs over it and catches that, is not the same a second time (D6)", async () => {
  const machine = await housed()
  // The engine makes frames smaller when it has come to know the code; then they are all alike.
  for (let at = 0; at < 60; at++) {
    const [admission] = await untried(machine, one("deep", `k${at}`))
    expect(JSON.stringify(admission)).toContain("not-deterministic")
  }
})

test("what has been executed meanwhile is not tried again", async () => {
  const machine = await housed()
  const bytes = one("add", "a", 1)
  const [admission] = await machine.admit([bytes])
  const { command: versioned } = admission as { readonly command: Uint8Array }
  await machine.propose(bytes)
  expect(await machine.try([versioned])).toMatchObject([
    { _tag: "Settled", outcome: { result: "1", replayed: true } },
  ])
})

test("what waited while its actor was switched is tried with the version of now", async () => {
  const machine = await housed()
  const [admission] = await machine.admit([one("add", "a", 1)])
  const version = await machine.deploy(
    "till",
    `// another\n${source.replace("n + by }, result", "n + 2 * by }, result")}`,
  )
  const tried = await machine.try([(admission as { readonly command: Uint8Array }).command])
  expect(tried[0]).toMatchObject({ _tag: "Admitted" })
  expect(decodeCommand((tried[0] as { readonly command: Uint8Array }).command)!.version).toBe(version)
})

test("a timer's command is tried as well: it puts its instance into quarantine, and fires no more (D9)", async () => {
  const machine = await housed()
  await machine.propose(one("later", "a"))
  const [due] = machine.core.due(1e6, 10)
  const [tried] = await untried(machine, due!)
  expect(kinds([tried!])).toEqual(["$instance"])
  await machine.apply((tried as { readonly command: Uint8Array }).command)
  expect(machine.core.due(1e6, 10)).toEqual([])
  expect(machine.core.status()).toMatchObject({ timers: 0, quarantined: 1 })
})

test("what two leaders say of the same command in other words, puts it into quarantine once (seed 440)", async () => {
  const machine = await housed()
  const falls = decodeCommand(one("fall", "a"))!
  const said = [
    quarantineFor(falls, { kind: "deadline", detail: "" }, "n1", 4),
    quarantineFor(falls, { kind: "deadline", detail: "" }, "n2", 4),
    quarantineFor(falls, { kind: "crash", detail: "it is gone" }, "n2"),
  ]
  for (const command of said) {
    expect(await machine.apply(command)).toMatchObject({ _tag: "Refused", code: "quarantined" })
  }
  expect(machine.core.status()).toMatchObject({ quarantined: 1 })
})

test("a rejection is bounded as a result is", async () => {
  const machine = await housed()
  const reason = async (length: number) => {
    const outcome = await machine.propose(one("rejects", "a", length))
    return JSON.parse((outcome as { readonly extra: string }).extra).reason
  }
  expect(await reason(5_000)).toEqual({
    code: "c".repeat(128),
    message: "m".repeat(1000),
    data: "d".repeat(5_000),
  })
  expect(await reason(2_000_000)).toEqual({
    code: "rejection-too-large",
    message: "reject: its data have 2000002 bytes; 1048576 are allowed",
    data: null,
  })
})

describe("a module is not taken", () => {
  const problemOf = async (text: string) => {
    const machine = new Housed()
    const seen = await machine.inspect("till", text)
    return "problem" in seen ? seen.problem : "it is"
  }
  const module = (initial: string, commands = "") => `
    const { actor } = require("raftlet-host:raftlet")
    const { Schema } = require("raftlet-host:effect")
    module.exports = actor({
      version: 1, state: Schema.String, initial: ${initial}, commands: { ${commands} },
    })`

  test("whose initial state or names are too much for an entry", async () => {
    expect(await problemOf(module("''"))).toBe("it is")
    expect(await problemOf(module("'x'.repeat(300_000)"))).toBe(
      "initial: it has 300002 bytes; 262144 are allowed",
    )
    const many =
      "...Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => ['c' + 'x'.repeat(50) + at, { output: Schema.Null, reduce: (state) => ({ state, result: null }) }]))"
    expect(await problemOf(module("''", many))).toMatch(
      /^its names, schemas and initial state have \d+ bytes/,
    )
  })

  test("that is no bundle of ours", async () => {
    expect(await problemOf("export default 1")).toMatch(/^it fails when loaded: /)
    expect(await problemOf("module.exports = { version: 1 }")).toMatch(/^its default export is not an actor/)
    expect(await problemOf("}); globalThis.x = 1; (() => {")).toMatch(/^it fails when loaded: /)
    expect(await problemOf("require('node:fs')")).toMatch(/^it fails when loaded: require is closed/)
  })
})
