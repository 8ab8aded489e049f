// How much is kept of an actor's versions, and how much does a plan look at? As much as docs/DEPLOYING.md says.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Result, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { loadActor } from "../../src/machine/Registry.ts"
import type { Plan } from "../../src/machine/system/plan.ts"
import { command, entry } from "./Bench.ts"
import { SystemBench } from "./SystemBench.ts"

// The store in memory looks through all ten thousand for each page.
setDefaultTimeout(60_000)

/** Each adds another number, and the negative ones fit into none but their own version. */
const counting = (by: number) =>
  actor({
    version: 1,
    state: by < 0 ? Schema.Literal(0) : Schema.Int,
    initial: 0 as number,
    commands: {
      add: { output: Schema.Int, reduce: (state: number) => ({ state: state + by, result: state + by }) },
    },
  } as never)

const codeOf = (by: number): string => `// adds ${by}`
const idOf = (by: number): string => versionOf(codeOf(by))
const loaded = (by: number) => Result.getOrThrow(loadActor("till", idOf(by), counting(by)))

class Till {
  readonly at: SystemBench
  #active: string | null = null

  constructor(...numbers: ReadonlyArray<number>) {
    this.at = new SystemBench(numbers.map(loaded))
  }

  bringIn(by: number): void {
    this.at.bringIn(loaded(by), codeOf(by))
  }

  activate(by: number): void {
    this.at.system("$actor/activate", "till", { version: idOf(by), from: this.#active })
    this.#active = idOf(by)
  }

  /** The version that is active now, or why it was refused. */
  rollBack(): string | undefined {
    const told = this.at.system("$actor/rollback", "till", { from: null, to: null })
    const { code, active } = told as { readonly code?: string; readonly active?: string }
    return code ?? active
  }

  add(key: string) {
    return this.at.propose(command({ actor: "till", key, command: "add", version: "" }))
  }

  /** So many instances, each with one. */
  addMany(count: number): void {
    const version = this.#active!
    const entries = Array.from({ length: count }, (_, at) =>
      entry(
        ++this.at.index,
        encodeCommand(command({ actor: "till", key: `${at}`, command: "add", version })),
      ),
    )
    expect(this.at.machine.apply(entries).every((outcome) => outcome?._tag === "Accepted")).toBe(true)
  }

  plan(by: number, recorded: ReadonlyArray<Uint8Array> = []): Plan {
    return this.at.machine.plan({
      actor: "till",
      version: idOf(by),
      manifest: null,
      recorded: recorded.map((bytes, at) => ({ index: at + 1, command: bytes })),
    }) as Plan
  }

  get versions(): ReadonlyArray<string> {
    return this.at.machine.actors()[0]!.versions.map(({ version }) => version)
  }
}

const numbers = Array.from({ length: 53 }, (_, at) => at + 1)

describe("of an actor's versions", () => {
  test("fifty are kept: of more, the oldest goes that is not active, wrote no instance, and that no rollback leads to", () => {
    const till = new Till(...numbers)
    // The first has written an instance, the second was active before, and the fourth is.
    for (const by of [1, 2, 3, 4]) till.bringIn(by)
    till.activate(1)
    till.add("a")
    till.activate(2)
    till.activate(4)
    for (const by of numbers.slice(4, 50)) till.bringIn(by)
    expect(till.versions).toHaveLength(50)
    for (const by of [51, 52, 53]) till.bringIn(by)
    expect(till.versions).toEqual(numbers.filter((by) => ![3, 5, 6].includes(by)).map(idOf))
  })

  test("twenty are remembered that were active before", () => {
    const till = new Till(...numbers)
    for (const by of numbers.slice(0, 22)) {
      till.bringIn(by)
      till.activate(by)
    }
    for (let by = 21; by >= 2; by--) expect(till.rollBack()).toBe(idOf(by))
    expect(till.rollBack()).toBe("version-conflict")
  })
})

describe("a plan", () => {
  test("looks at ten thousand states, and tells of twenty that do not fit", () => {
    const till = new Till(1, -1)
    for (const by of [1, -1]) till.bringIn(by)
    till.activate(1)
    till.addMany(10_001)
    const { states, hindrances } = till.plan(-1)
    expect(states).toMatchObject({ checked: 10_000, of: 10_001, failed: 10_000, isCutShort: false })
    expect(states.failures).toHaveLength(20)
    expect(hindrances).toEqual(["10000 of 10000 stored states do not fit version 1"])
  })

  test("runs the last two hundred commands again, and tells of twenty that come to something else", () => {
    const till = new Till(1, 2)
    for (const by of [1, 2]) till.bringIn(by)
    till.activate(1)
    const recorded = Array.from({ length: 201 }, (_, at) =>
      encodeCommand(command({ actor: "till", key: `${at}`, command: "add", version: "" })),
    )
    const { commands, same, different } = till.plan(2, recorded).replay
    expect({ commands, same, told: different.length }).toEqual({ commands: 200, same: 0, told: 20 })
    expect(different[0]).toMatchObject({ index: 2, before: "accepted: 1", after: "accepted: 2" })
  })
})
