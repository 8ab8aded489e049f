// Is everything that entries change of actors told once, with the entry that did it?

import { expect, test } from "bun:test"
import { Result, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { loadActor } from "../../src/machine/Registry.ts"
import { mayChange } from "../../src/machine/system/changes.ts"
import { checkpointCommand } from "../../src/machine/system/checkpoint.ts"
import { encodeSystem, type SystemInput } from "../../src/machine/system/commands.ts"
import { command } from "./Bench.ts"
import { SystemBench } from "./SystemBench.ts"

const definition = (version: number) =>
  actor({
    version,
    state: Schema.Struct({ n: Schema.Int }),
    initial: { n: 0 },
    commands: {
      add: { output: Schema.Int, reduce: ({ n }) => ({ state: { n: n + 1 }, result: n + 1 }) },
    },
  })

const codes = ["// one", "// two"]
const [one, two] = codes.map(versionOf) as [string, string]
const loaded = [one, two].map((version, at) =>
  Result.getOrThrow(loadActor("till", version, definition(at + 1))),
)

const started = () => {
  const at = new SystemBench(loaded)
  let told = 0
  const fresh = () => {
    const { changes } = at.machine.changes(told)
    told = at.index
    return changes
  }
  const quarantine = (key: string, given: Partial<SystemInput<"$instance/quarantine">> = {}) => {
    at.system("$instance/quarantine", `till/${key}`, {
      ...{ version: one, kind: "deadline", detail: "500 ms", by: "n2", command: "add", input: "null" },
      ...{ commandId: `bad-${key}`, timer: "", voidFrom: null },
      ...given,
    })
    return fresh()
  }
  const repair = (key: string) => {
    at.system("$instance/repair", `till/${key}`, { how: "before", state: null, force: true })
    return fresh()
  }
  return { at, fresh, quarantine, repair }
}

test("a version comes in, is switched on, and back, and what changes nothing is not told", () => {
  const { at, fresh } = started()
  at.bringIn(loaded[0]!, codes[0]!)
  const first = { actor: "till", index: at.index }
  expect(fresh()).toEqual([{ ...first, what: "registered", version: one, number: 1, by: "n1" }])
  at.system("$actor/activate", "till", { version: one, from: null })
  expect(fresh()).toEqual([
    { actor: "till", index: at.index, what: "activated", from: null, to: one, number: 1 },
  ])
  at.bringIn(loaded[0]!, codes[0]!)
  at.system("$actor/activate", "till", { version: one, from: null })
  at.system("$actor/activate", "till", { version: two, from: one })
  expect(fresh()).toEqual([])
  at.bringIn(loaded[1]!, codes[1]!, "file")
  at.system("$actor/offer", "till", { node: "n1", version: two, declared: 2, voters: ["n1"] })
  expect(fresh()).toMatchObject([
    { what: "registered", version: two, number: 2 },
    { index: at.index, what: "activated", from: one, to: two, number: 2 },
  ])
  at.system("$actor/rollback", "till", { to: null, from: two })
  expect(fresh()).toEqual([
    { actor: "till", index: at.index, what: "rolledBack", from: two, to: one, number: 1 },
  ])
})

test("an instance goes into quarantine and comes out of it, and its actor is suspended and is not", () => {
  const { at, fresh, quarantine, repair } = started()
  for (const [place, code] of codes.entries()) at.bringIn(loaded[place]!, code)
  at.system("$actor/activate", "till", { version: one, from: null })
  fresh()
  expect(quarantine("a")).toEqual([
    {
      ...{ actor: "till", index: at.index, what: "quarantined", key: "a", version: one, by: "n2" },
      fault: { kind: "deadline", detail: "500 ms" },
    },
  ])
  expect(quarantine("a")).toEqual([])
  expect(at.machine.changes(0)).toMatchObject({ quarantined: 1, suspended: [] })
  expect(quarantine("b", { voidFrom: at.index })).toMatchObject([
    { what: "quarantined", key: "b" },
    { what: "voided", key: "b", from: at.index - 1 },
  ])
  // What nobody could get past was a repair: the instance stays where it was.
  expect(quarantine("a", { voidFrom: at.index })).toMatchObject([{ what: "voided", key: "a" }])
  expect(at.machine.status()).toMatchObject({ voided: 2, actors: [{ declared: 1, isSuspended: false }] })
  const suspended = { what: "suspended", version: one, instances: 3, index: at.index + 1 }
  expect(quarantine("c", { voidFrom: at.index }).at(-1)).toMatchObject({ ...suspended, instances: 3 })
  expect(at.machine.changes(0)).toMatchObject({ quarantined: 3, suspended: ["till"] })
  expect(at.machine.status()).toMatchObject({
    actors: [{ version: one, isSuspended: true, quarantined: 3 }],
  })
  // Another version takes its commands.
  at.system("$actor/activate", "till", { version: two, from: one })
  expect(fresh()).toMatchObject([{ what: "activated" }, { what: "lifted", version: one }])
  expect(at.machine.changes(0)).toMatchObject({ quarantined: 3, suspended: [] })
  at.system("$actor/rollback", "till", { to: one, from: two })
  expect(fresh()).toMatchObject([{ what: "rolledBack" }, { what: "suspended", version: one }])
  expect(repair("b")).toEqual([
    { actor: "till", index: at.index, what: "repaired", key: "b", how: "before" },
    { actor: "till", index: at.index, what: "lifted", version: one },
  ])
  expect(repair("b")).toEqual([])
})

test("only what was applied since the state was opened is told; how things stand is known all the same", () => {
  const { at, quarantine } = started()
  at.bringIn(loaded[0]!, codes[0]!)
  at.system("$actor/activate", "till", { version: one, from: null })
  quarantine("a")
  at.machine.flush()
  at.restart()
  expect(at.machine.changes(0)).toEqual({ changes: [], quarantined: 1, suspended: [] })
  expect(quarantine("b")).toMatchObject([{ what: "quarantined", key: "b" }])
})

test("entries of users and checkpoints are told from those that may change an actor by a look at their bytes", () => {
  const isLookedAt = (data: Uint8Array, kind: "command" | "noop" = "command") => mayChange({ kind, data })
  const system = encodeSystem("$actor/rollback", {
    ...{ key: "till", id: "i", door: "n1" },
    input: { to: null, from: null },
  })
  expect(isLookedAt(system)).toBe(true)
  expect(isLookedAt(system, "noop")).toBe(false)
  const others = [
    command({ actor: "till", key: "$a" }),
    command({ actor: "", key: "$a" }),
    command({ actor: "x", seed: new Uint8Array(36).fill(0x24), key: "$".repeat(500) }),
  ].map(encodeCommand)
  for (const data of [...others, new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(0x24, 0x24)]) {
    expect(isLookedAt(data)).toBe(false)
  }
  // It is one of the machine's own, and comes with each start of each group.
  expect(isLookedAt(checkpointCommand)).toBe(false)
})

test("an actor that is suspended by what is foreseen is told so with what voids it", () => {
  const { at, quarantine } = started()
  at.bringIn(loaded[0]!, codes[0]!)
  at.system("$actor/activate", "till", { version: one, from: null })
  const from = at.index + 1
  for (const [place, key] of ["a", "b"].entries()) {
    const fault = { kind: "deadline", detail: "500 ms" } as const
    at.machine.foresee({
      ...{ actor: "till", key, version: one, from: from + place, until: from + 2 + place },
      ...{ command: "add", fault },
    })
    at.propose(command({ actor: "till", key, version: "" }))
  }
  expect(quarantine("a", { voidFrom: from })).toMatchObject([
    { what: "registered" },
    { what: "activated" },
    { what: "quarantined", key: "a" },
    { what: "voided", key: "a" },
    { what: "suspended", instances: 2 },
  ])
})
