// What if code fails its host again and again? Its actor takes no commands any more until an operator has done something.

import { describe, expect, test } from "bun:test"
import { Result, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { decodeCommand, encodeCommand } from "../../src/machine/command.ts"
import type { Reply } from "../../src/machine/Executor.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { loadActor, Registry } from "../../src/machine/Registry.ts"
import type { SystemInput } from "../../src/machine/system/commands.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { initial } from "../storage/support.ts"
import { command, entry, refusalOf } from "./Bench.ts"
import { SystemBench } from "./SystemBench.ts"

const definition = actor({
  version: 1,
  state: Schema.Struct({ n: Schema.Int }),
  initial: { n: 0 },
  commands: {
    add: {
      input: Schema.NullOr(Schema.Int),
      output: Schema.Int,
      reduce: ({ n }, by, ctx) => {
        ctx.emit("added", by)
        return { state: { n: n + (by ?? 1) }, result: n + (by ?? 1) }
      },
    },
    later: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(10, "add", 100)
        return { state, result: null }
      },
    },
  },
})

const codes = ["// one", "// two"]
const versions = codes.map(versionOf)
const loaded = versions.map((version) => Result.getOrThrow(loadActor("till", version, definition)))

class Till {
  readonly at = new SystemBench(loaded)

  constructor() {
    for (const [at, code] of codes.entries()) this.at.bringIn(loaded[at]!, code)
    this.activate(0)
  }

  activate(at: number): void {
    const from = this.at.machine.actors()[0]?.active ?? null
    this.at.system("$actor/activate", "till", { version: versions[at]!, from })
  }

  quarantine(key: string, given: Partial<SystemInput<"$instance/quarantine">> = {}): unknown {
    return this.at.system("$instance/quarantine", `till/${key}`, {
      version: versions[0]!,
      kind: "deadline",
      detail: "500 ms",
      by: "n1",
      command: "add",
      input: "7",
      commandId: `bad-${key}`,
      timer: "",
      voidFrom: null,
      ...given,
    })
  }

  repair(key: string, how: "before" | "rerun"): unknown {
    return this.at.system("$instance/repair", `till/${key}`, { how, state: null, force: false })
  }

  add(key: string, idempotencyKey?: string, json: number | null = null) {
    const id = idempotencyKey === undefined ? {} : { idempotencyKey }
    return this.at.propose(command({ actor: "till", key, command: "add", json, version: "", ...id }))
  }
}

describe("an actor of which ten instances are in quarantine", () => {
  const suspended = () => {
    const till = new Till()
    for (let key = 0; key < 9; key++) till.quarantine(`k${key}`)
    expect(till.add("innocent")).toMatchObject({ result: "1" })
    till.quarantine("k9")
    return till
  }

  test("takes no commands, and says why", () => {
    const outcome = suspended().add("innocent")
    const refusal = refusalOf(outcome)
    expect(refusal).toMatchObject({
      code: "quarantined",
      suspension: { actor: "till", version: versions[0], instances: 10, last: { key: "k9" } },
    })
    expect(JSON.stringify(outcome)).toContain("is suspended since entry")
  })

  test("neither does what was admitted before, nor after a restart", () => {
    const till = new Till()
    const admission = till.at.admit(command({ actor: "till", key: "z", json: 1, version: "" }))
    for (let key = 0; key < 10; key++) till.quarantine(`k${key}`)
    const { command: bytes } = admission as { readonly command: Uint8Array }
    expect(refusalOf(till.at.applyBytes(bytes))).toMatchObject({ code: "quarantined" })
    till.at.machine.flush()
    till.at.restart()
    expect(refusalOf(till.add("innocent"))).toMatchObject({ code: "quarantined" })
  })

  test("takes them again when another version is switched on, and not when it is switched back", () => {
    const till = suspended()
    till.activate(1)
    expect(till.add("innocent")).toMatchObject({ result: "2" })
    expect(refusalOf(till.add("k1"))).toMatchObject({ code: "quarantined" })
    till.activate(0)
    expect(refusalOf(till.add("innocent"))).toMatchObject({ code: "quarantined" })
  })

  test("takes them again when one of them is repaired", () => {
    const till = suspended()
    const since = (refusalOf(till.add("innocent")) as { suspension?: { index: number } }).suspension?.index
    expect(since).toBeGreaterThan(0)
    expect(till.at.machine.actors()[0]!.suspendedSince).toBe(since!)
    till.repair("k4", "before")
    expect(till.add("innocent")).toMatchObject({ result: "2" })
    expect(till.at.machine.actors()[0]!.suspendedSince).toBe(null)
  })

  test("or of which two had to be voided", () => {
    const till = new Till()
    till.quarantine("a", { voidFrom: till.at.index + 1 })
    expect(till.add("innocent")).toMatchObject({ result: "1" })
    till.quarantine("b", { voidFrom: till.at.index + 1 })
    expect(refusalOf(till.add("innocent"))).toMatchObject({ code: "quarantined" })
  })
})

describe("what a timer had to run, of an instance in quarantine", () => {
  const due = (till: Till) => till.at.machine.due(1e6, 100)
  const later = (till: Till, key: string) =>
    till.at.propose(command({ actor: "till", key, command: "later", version: "" }))

  test("waits until it is repaired; what failed itself does not fire again", () => {
    const till = new Till()
    later(till, "a")
    later(till, "a")
    later(till, "b")
    const [first] = due(till).map((bytes) => decodeCommand(bytes)!)
    till.quarantine("a", { timer: first!.timer, commandId: first!.idempotencyKey, input: first!.input })
    expect(due(till).map((bytes) => decodeCommand(bytes)!.key)).toEqual(["b"])
    expect(till.at.machine.nextTimer()).not.toBeNull()
    till.repair("a", "before")
    const waiting = due(till).map((bytes) => decodeCommand(bytes)!)
    expect(waiting.map(({ key }) => key)).toEqual(["a", "b"])
    expect(waiting.some(({ timer }) => timer === first!.timer)).toBe(false)
  })

  test("is not used up by an entry that comes meanwhile", () => {
    const till = new Till()
    later(till, "a")
    const [bytes] = due(till)
    const admission = till.at.machine.admit([bytes!])[0]
    till.quarantine("a")
    const late = till.at.applyBytes((admission as { readonly command: Uint8Array }).command, 1e6)
    expect(refusalOf(late)).toMatchObject({ code: "quarantined" })
    till.repair("a", "before")
    expect(due(till)).toHaveLength(1)
  })
})

describe("a command that is run again for a repair", () => {
  test("answers whoever sent it, and is not executed a second time for him (C1)", () => {
    const till = new Till()
    till.add("a")
    till.quarantine("a")
    expect(refusalOf(till.add("a", "bad-a", 7))).toMatchObject({ code: "quarantined" })
    expect(till.repair("a", "rerun")).toMatchObject({ revision: 2, result: 8 })
    expect(till.add("a", "bad-a", 7)).toMatchObject({ result: "8", revision: 2, replayed: true })
    expect(refusalOf(till.add("a", "bad-a", 9))).toMatchObject({ code: "idempotency-mismatch" })
    till.at.machine.flush()
    till.at.restart()
    expect(till.add("a", "bad-a", 7)).toMatchObject({ result: "8", replayed: true })
    expect(till.add("a")).toMatchObject({ result: "9", revision: 3 })
  })

  test("tells those who watch the instance", () => {
    const till = new Till()
    till.quarantine("a")
    const after = till.at.index
    till.repair("a", "rerun")
    const [outcome] = till.at.machine.events([{ actor: "till", key: "a", after }]).outcomes
    expect(outcome).toMatchObject({
      entries: [{ index: till.at.index, events: [{ event: "added", data: "7" }] }],
    })
  })
})

test("what the state cannot keep is no command of the machine's own", () => {
  const till = new Till()
  const version = versionOf("x")
  expect(
    till.at.system("$actor/piece", version, { version, at: 0, text: "half \ud800 a pair" }),
  ).toMatchObject({
    code: "invalid-input",
  })
  expect(till.add("a")).toMatchObject({ result: "1" })
})

describe("what a later entry voids", () => {
  const add = (at: SystemBench, key: string) =>
    at.propose(command({ actor: "till", key, command: "add", json: null, version: "" }))

  const foreseen = () => {
    const { at } = new Till()
    const voids = (key: string, from: number, until: number) =>
      at.machine.foresee({
        ...{ actor: "till", key, version: versions[0]!, from, until, command: "add" },
        fault: { kind: "deadline", detail: "500 ms" },
      })
    return { at, voids }
  }

  test("is not executed, also while something further on is foreseen as well (D5)", () => {
    const { at, voids } = foreseen()
    const from = at.index + 1
    voids("a", from, from + 10)
    expect(refusalOf(add(at, "a"))).toMatchObject({ code: "quarantined" })
    // Before the entry that says so is here: it may have been acknowledged, and is not in the state.
    expect(at.state("a", "till")).toMatchObject({ code: "quarantined" })
    expect(at.state("b", "till")).toMatchObject({ state: { n: 0 } })
    voids("b", from + 1, from + 11)
    expect(refusalOf(add(at, "b"))).toMatchObject({ code: "quarantined" })
    expect(refusalOf(add(at, "a"))).toMatchObject({ code: "quarantined" })
  })

  test("counts against its version from its first entry on: what else is in the log is not tried one by one", () => {
    const { at, voids } = foreseen()
    const from = at.index + 1
    const batch = ["a", "b", "c", "d"].map((key) =>
      encodeCommand(command({ actor: "till", key, command: "add", json: null, version: versions[0]! })),
    )
    voids("a", from, from + 10)
    voids("b", from + 1, from + 11)
    const outcomes = at.machine.apply(batch.map((bytes) => entry(++at.index, bytes)))
    expect(outcomes.map((outcome) => refusalOf(outcome!))).toMatchObject([
      { quarantine: { key: "a" } },
      { quarantine: { key: "b" } },
      { suspension: { instances: 2, index: from + 1, last: { key: "b" } } },
      { suspension: { instances: 2 } },
    ])
    at.machine.flush()
    at.restart()
    expect(refusalOf(add(at, "e"))).toMatchObject({ suspension: { instances: 2 } })
    // Until both are what a later entry makes of them: here nothing.
    while (at.index < from + 11) at.system("$actor/activate", "nobody", { version: "v", from: null })
    expect(add(at, "e")).toMatchObject({ result: "1" })
  })

  test("is known after a restart, until the entry has come that says so", () => {
    const { at, voids } = foreseen()
    const from = at.index + 1
    voids("a", from, from + 3)
    add(at, "a")
    at.machine.flush()
    at.restart()
    expect(refusalOf(add(at, "a"))).toMatchObject({ code: "quarantined" })
    add(at, "b")
    add(at, "b")
    // Whoever puts it there is not this test's.
    expect(add(at, "a")).toMatchObject({ result: "1" })
  })
})

test("what the engine says otherwise the second time is no reason to call a command unsteady (D6)", () => {
  const till = new Till()
  till.at.machine.flush()
  till.at.machine.close()
  let runs = 0
  const runner = {
    run: (calls: ReadonlyArray<unknown>): ReadonlyArray<Reply> =>
      calls.map(() => ({
        type: "rejected",
        reason: { code: "reducer-threw", message: "TypeError", data: null, words: `TypeError: ${++runs}` },
      })),
  }
  const machine = new Machine({
    store: openMemoryStateStore(till.at.disk, { group: "main", initial }),
    registry: new Registry([], loaded),
    runner,
  })
  const add = encodeCommand(
    command({ actor: "till", key: "a", command: "add", json: null, version: versions[0]! }),
  )
  const [untried] = machine.admit([add])
  expect(untried).toMatchObject({ _tag: "Untried" })
  expect(machine.trial([add], "n1")).toMatchObject([{ _tag: "Admitted" }])
  expect(runs).toBe(2)
})
