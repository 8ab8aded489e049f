// How does an actor get another version, and come back from it? By entries, so that all replicas do it alike.

import { describe, expect, test } from "bun:test"
import { Effect, Result, Schema } from "effect"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import type { LoadedActor } from "../../src/machine/Registry.ts"
import { loadActor } from "../../src/machine/Registry.ts"
import { piecesOf, type SystemInput, type SystemName } from "../../src/machine/system/commands.ts"
import { command, configurationEntry, initial, refusalOf } from "./Bench.ts"
import { SystemBench } from "./SystemBench.ts"

/** Adds by `step`; the second version counts in cents. */
const first = actor({
  version: 1,
  state: Schema.Struct({ euros: Schema.Int }),
  initial: { euros: 0 },
  commands: {
    pay: {
      input: Schema.Struct({ euros: Schema.Int }),
      output: Schema.Int,
      reduce: (state, { euros }) => ({ state: { euros: state.euros + euros }, result: state.euros + euros }),
    },
    old: { output: Schema.Null, reduce: (state) => ({ state, result: null }) },
  },
  queries: { euros: { output: Schema.Int, read: (state) => state.euros } },
})

const second = (down: boolean) =>
  actor({
    version: 2,
    state: Schema.Struct({ cents: Schema.Int }),
    initial: { cents: 0 },
    commands: {
      pay: {
        input: Schema.Struct({ euros: Schema.Int }),
        output: Schema.Int,
        reduce: (state, { euros }) => {
          const cents = state.cents + 100 * euros
          return { state: { cents }, result: cents }
        },
      },
    },
    queries: { euros: { output: Schema.Number, read: (state) => state.cents / 100 } },
    migrate: {
      2: down
        ? {
            up: ({ euros }: { euros: number }) => ({ cents: euros * 100 }),
            down: ({ cents }: { cents: number }) => ({ euros: Math.floor(cents / 100) }),
          }
        : ({ euros }: { euros: number }) => ({ cents: euros * 100 }),
    },
  })

const codes = {
  one: { code: `// the first\n${"x".repeat(100_000)}`, definition: first },
  two: { code: "// the second, one way", definition: second(false) },
  both: { code: "// the second, both ways", definition: second(true) },
  leading: {
    code: "// the second, both ways, with something that runs where its group leads",
    definition: { ...second(true), leading: () => Effect.void },
  },
}
type Name = keyof typeof codes

const loaded = (name: Name): LoadedActor => {
  const { code, definition } = codes[name]
  return Result.getOrThrow(loadActor("till", versionOf(code), definition))
}
const idOf = (name: Name): string => versionOf(codes[name].code)

class Deployment {
  readonly at: SystemBench

  /** `voters`: by the configuration that the state knows; what an offer is judged by stands in the offer. */
  constructor(limits = {}, voters: ReadonlyArray<string> = ["n1", "n2"]) {
    this.at = new SystemBench((Object.keys(codes) as Array<Name>).map(loaded), limits)
    this.at.machine.apply([configurationEntry(++this.at.index, { ...initial, voters })])
  }

  system<Which extends SystemName>(name: Which, key: string, input: SystemInput<Which>): unknown {
    return this.at.system(name, key, input)
  }

  bringIn(name: Name, source: "file" | "upload" = "upload"): unknown {
    return this.at.bringIn(loaded(name), codes[name].code, source)
  }

  activate(name: Name, from: Name | null): unknown {
    return this.system("$actor/activate", "till", {
      version: idOf(name),
      from: from === null ? null : idOf(from),
    })
  }

  pay(euros: number, key = "a") {
    return this.at.propose(command({ actor: "till", command: "pay", key, json: { euros }, version: "" }))
  }
}

describe("an actor's first version", () => {
  test("takes commands from the entry on that switches it on", () => {
    const to = new Deployment()
    expect(refusalOf(to.pay(1))).toMatchObject({ code: "unknown-actor" })
    expect(to.bringIn("one")).toEqual({ version: idOf("one"), known: false })
    expect(refusalOf(to.pay(1))).toMatchObject({ code: "unknown-actor" })
    expect(to.activate("one", null)).toEqual({ active: idOf("one"), previous: null, changed: true })
    expect(to.pay(1)).toMatchObject({ result: "1", revision: 1 })
  })

  test("is refused when a piece is missing, or is not what its name says", () => {
    const to = new Deployment()
    const { shapes, ...manifest } = manifestOf(loaded("two"))
    const input = { pieces: 1, bytes: 1, by: "n1", source: "upload" as const, shapes, ...manifest }
    const version = idOf("two")
    expect(to.system("$actor/register", "till", { ...input, version })).toMatchObject({ code: "not-found" })
    to.system("$actor/piece", version, { version, at: 0, text: "// something else" })
    expect(to.system("$actor/register", "till", { ...input, version })).toMatchObject({
      code: "invalid-input",
    })
    expect(to.activate("two", null)).toMatchObject({ code: "unknown-actor" })
  })

  test("comes back from the disk with its code, and has the same hash wherever it was flushed", () => {
    const to = new Deployment()
    const twin = new Deployment()
    for (const one of [to, twin]) {
      one.bringIn("one")
      one.activate("one", null)
      if (one === to) {
        one.at.machine.flush()
        one.at.restart()
      }
    }
    expect(to.at.machine.stateHash()).toEqual(twin.at.machine.stateHash())
    expect(to.pay(2)).toMatchObject({ result: "2" })
    expect(to.at.machine.actors()).toMatchObject([
      { name: "till", active: idOf("one"), versions: [{ declared: 1 }] },
    ])
  })
})

describe("another version", () => {
  const started = () => {
    const to = new Deployment()
    to.bringIn("one")
    to.activate("one", null)
    to.pay(3)
    return to
  }

  test("migrates an instance with its first command, and shows the others as if it had", () => {
    const to = started()
    to.pay(5, "b")
    to.bringIn("both")
    to.activate("both", "one")
    expect(to.pay(1)).toMatchObject({ result: "400", revision: 2 })
    expect(to.at.state("a", "till")).toMatchObject({ state: { cents: 400 }, revision: 2 })
    expect(to.at.state("b", "till")).toMatchObject({ state: { cents: 500 }, revision: 1 })
    expect(to.at.read("euros", null, "b", "till")).toMatchObject({ result: 5 })
    // What was shown was not written.
    expect(to.at.machine.actors()[0]?.versions.map(({ instances }) => instances)).toEqual([1, 1])
  })

  test("is not switched on by a plan for another active one", () => {
    const to = started()
    to.bringIn("both")
    expect(to.activate("both", "two")).toMatchObject({ code: "version-conflict", active: idOf("one") })
    expect(to.activate("both", null)).toMatchObject({ code: "version-conflict" })
    expect(to.pay(1)).toMatchObject({ result: "4" })
  })

  test("does not run what was admitted for the one before: whoever asked is to ask again", () => {
    const to = started()
    const admission = to.at.admit(
      command({ actor: "till", command: "pay", json: { euros: 1 }, version: "", idempotencyKey: "once" }),
    )
    to.bringIn("both")
    to.activate("both", "one")
    const late = to.at.applyBytes((admission as { command: Uint8Array }).command)
    expect(refusalOf(late)).toMatchObject({ code: "version-moved" })
    // Nothing is remembered of it: the same request runs, once, with the version of now.
    const again = { actor: "till", command: "pay", json: { euros: 1 }, version: "", idempotencyKey: "once" }
    expect(to.at.propose(command(again))).toMatchObject({ result: "400", replayed: false })
    expect(to.at.propose(command(again))).toMatchObject({ result: "400", replayed: true })
  })

  test("is rolled back, by its way down", () => {
    const to = started()
    to.bringIn("both")
    to.activate("both", "one")
    to.pay(1)
    expect(to.system("$actor/rollback", "till", { from: null, to: null })).toEqual({
      active: idOf("one"),
      previous: null,
      changed: true,
    })
    expect(to.at.state("a", "till")).toMatchObject({ state: { euros: 4 } })
    expect(to.pay(1)).toMatchObject({ result: "5", revision: 3 })
  })

  test("says what runs where its group leads, if it is the operator's own; and so it goes back", () => {
    const to = new Deployment()
    const led = () =>
      to.at.machine.led().map((one) => ({ ...one, isKnown: to.at.machine.code(one) === codes.leading.code }))
    const own = [{ actor: "till", version: idOf("leading"), isKnown: true }]
    to.bringIn("one", "file")
    to.activate("one", null)
    to.bringIn("leading", "file")
    expect(led()).toEqual([])
    to.activate("leading", "one")
    expect(led()).toEqual(own)
    to.at.machine.flush()
    to.at.restart()
    expect(led()).toEqual(own)
    to.bringIn("both", "upload")
    to.activate("both", "leading")
    expect(led()).toEqual([])
    to.system("$actor/rollback", "till", { from: null, to: null })
    expect(led()).toEqual(own)
    to.system("$actor/rollback", "till", { from: null, to: idOf("one") })
    expect(led()).toEqual([])
    // Whatever let it in: it would have all that the node's user has.
    const forged = new Deployment()
    forged.bringIn("leading", "upload")
    forged.activate("leading", null)
    expect(forged.at.machine.led()).toEqual([])
  })

  test("without a way down is rolled back only as long as it has written nothing", () => {
    const to = started()
    to.bringIn("two")
    to.activate("two", "one")
    expect(to.system("$actor/rollback", "till", { from: null, to: null })).toMatchObject({
      active: idOf("one"),
    })
    to.activate("two", "one")
    to.pay(1)
    expect(to.system("$actor/rollback", "till", { from: null, to: null })).toMatchObject({
      code: "version-conflict",
    })
    expect(to.pay(1)).toMatchObject({ result: "500" })
  })

  test("is planned: what it adds and removes, whether states fit, and what commands come to", () => {
    const to = started()
    to.bringIn("two")
    const recorded = [
      { index: 5, command: encodeForReplay({ actor: "till", command: "pay", key: "a", json: { euros: 1 } }) },
      { index: 6, command: encodeForReplay({ actor: "till", command: "old", key: "a" }) },
    ]
    const plan = to.at.machine.plan({ actor: "till", version: idOf("two"), manifest: null, recorded })
    expect(plan).toMatchObject({
      from: { version: idOf("one"), declared: 1 },
      to: { version: idOf("two"), declared: 2 },
      commands: { added: [], removed: ["old"], changed: [] },
      queries: { changed: [{ name: "euros", what: ["output"] }] },
      stateChanged: true,
      states: { checked: 1, of: 1, failed: 0, withoutStep: [] },
      replay: {
        commands: 2,
        same: 0,
        different: [
          { key: "a", command: "pay", before: "accepted: 4", after: "accepted: 400" },
          { key: "a", command: "old", before: "accepted: null" },
        ],
      },
      rollback: { possible: false, withoutStep: [2] },
      hindrances: [],
    })
  })
})

test("an operator's command that is sent again since its answer was lost gets that answer (C1)", () => {
  const to = new Deployment()
  to.bringIn("one")
  to.activate("one", null)
  const version = idOf("both")
  const { code } = codes.both
  const made = { pieces: 1, bytes: code.length, by: "n1", source: "upload" as const }
  for (const [at, text] of piecesOf(code).entries()) {
    to.system("$actor/piece", version, { version, text, at })
  }
  expectReplayed(
    to.at.systemTwice("$actor/register", "till", { version, ...made, ...manifestOf(loaded("both")) }),
  )
  expectReplayed(to.at.systemTwice("$actor/activate", "till", { version, from: idOf("one") }))
  expectReplayed(to.at.systemTwice("$actor/rollback", "till", { to: idOf("one"), from: version }))
  expectReplayed(
    to.at.systemTwice("$actor/offer", "till", { version, node: "n1", declared: 2, voters: ["n1", "n2"] }),
  )
})

const expectReplayed = (admission: unknown) =>
  expect(admission).toMatchObject({ _tag: "Settled", outcome: { _tag: "Accepted", replayed: true } })

describe("what a node has in its actors directory", () => {
  const offer = (to: Deployment, node: string, name: Name) =>
    to.system("$actor/offer", "till", {
      node,
      version: idOf(name),
      declared: loaded(name).declared,
      voters: ["n1", "n2"],
    })

  test("is switched on when it is the first, and when its author has counted up", () => {
    const to = new Deployment()
    to.bringIn("one", "file")
    expect(offer(to, "n1", "one")).toMatchObject({ status: "activated", active: idOf("one") })
    expect(offer(to, "n2", "one")).toMatchObject({ status: "active" })
    to.bringIn("both", "file")
    expect(offer(to, "n2", "both")).toMatchObject({ status: "activated", active: idOf("both") })
    // The other node has not been given the new file yet: it does not switch back.
    expect(offer(to, "n1", "one")).toMatchObject({ status: "earlier", active: idOf("both") })
  })

  test("and differs from another node's for the same number is not switched on, and names both", () => {
    const to = new Deployment()
    to.bringIn("two", "file")
    offer(to, "n1", "two")
    offer(to, "n2", "two")
    to.bringIn("both", "file")
    const conflict = offer(to, "n2", "both") as { readonly reason: string }
    expect(conflict).toMatchObject({ status: "conflict", active: idOf("two") })
    expect(conflict.reason).toContain("n2 and n1 have different files for version 2")
    // Once every voter has it, it was meant.
    expect(offer(to, "n1", "both")).toMatchObject({ status: "activated", active: idOf("both") })
  })

  test("is judged alike by whoever joined later, and executes the entry with other members or none (D1)", () => {
    const [founder, newcomer, stranger] = [["n1", "n2"], [], ["n2"]].map(
      (voters) => new Deployment({}, voters),
    )
    const all = [founder!, newcomer!, stranger!]
    for (const to of all) {
      to.bringIn("two", "file")
      offer(to, "n1", "two")
      offer(to, "n2", "two")
      to.bringIn("both", "file")
      expect(offer(to, "n2", "both")).toMatchObject({ status: "conflict", active: idOf("two") })
    }
    // An offer of an earlier build names nobody: that is not everybody.
    for (const to of all) {
      const old = { node: "n1", version: idOf("both"), declared: 2 } as never
      expect(to.system("$actor/offer", "till", old)).toMatchObject({
        status: "conflict",
        active: idOf("two"),
      })
    }
    const hashes = all.map((to) => to.at.machine.stateHash().hash)
    expect(new Set(hashes).size).toBe(1)
  })

  test("and is the first other one for the same number waits for the voters that have said nothing yet, and names them", () => {
    const to = new Deployment()
    to.bringIn("two", "file")
    offer(to, "n2", "two")
    to.bringIn("both", "file")
    const { status, reason } = offer(to, "n2", "both") as { readonly status: string; readonly reason: string }
    expect(status).toBe("conflict")
    expect(reason).toContain("n2 has another file for version 2")
    expect(reason).toContain("and n1 not yet")
  })

  test("does not undo a rollback", () => {
    const to = new Deployment()
    to.bringIn("one", "file")
    offer(to, "n1", "one")
    to.bringIn("both", "file")
    offer(to, "n1", "both")
    to.system("$actor/rollback", "till", { from: null, to: null })
    expect(offer(to, "n1", "both")).toMatchObject({ status: "earlier", active: idOf("one") })
  })
})

describe("an instance in quarantine", () => {
  const quarantined = () => {
    const to = new Deployment()
    to.bringIn("both")
    to.activate("both", null)
    to.pay(3)
    const input = {
      version: idOf("both"),
      kind: "deadline" as const,
      detail: "1000 ms",
      by: "n1",
      command: "pay",
      input: '{"euros":7}',
      commandId: "bad",
      timer: "",
      voidFrom: null,
    }
    return { to, put: to.system("$instance/quarantine", "till/a", input), input }
  }

  test("takes no commands, and all others do", () => {
    const { to, put } = quarantined()
    expect(put).toMatchObject({
      code: "quarantined",
      quarantine: { key: "a", fault: "deadline", command: "pay" },
    })
    expect(refusalOf(to.pay(1))).toMatchObject({ code: "quarantined" })
    expect(to.at.state("a", "till")).toMatchObject({ state: { cents: 300 } })
    expect(to.pay(1, "b")).toMatchObject({ result: "100" })
    to.at.machine.flush()
    to.at.restart()
    expect(refusalOf(to.pay(1))).toMatchObject({ code: "quarantined" })
  })

  test("comes out of it as it was, with another state, or by what was run", () => {
    const repairs = [
      [{ how: "before", state: null, force: false }, { revision: 1 }, "400"],
      [{ how: "state", state: { cents: 5 }, force: false }, { revision: 2, state: { cents: 5 } }, "105"],
      [{ how: "rerun", state: null, force: false }, { revision: 2, result: 1000 }, "1100"],
    ] as const
    for (const [repair, answer, then] of repairs) {
      const { to } = quarantined()
      expect(to.system("$instance/repair", "till/a", repair)).toMatchObject(answer)
      expect(to.pay(1)).toMatchObject({ result: then })
      expect(to.system("$instance/repair", "till/a", repair)).toMatchObject({ code: "not-found" })
    }
  })

  describe("for a command that was in the log already", () => {
    const voided = () => {
      const { to, input } = quarantined()
      const put = to.at.index
      expect(to.system("$instance/quarantine", "till/b", { ...input, voidFrom: put + 1 })).toMatchObject({
        code: "quarantined",
      })
      return to
    }

    test("is held back as well where a trial had put the instance there before it was voided (R16)", () => {
      const { to, input } = quarantined()
      const repair = { how: "before", state: null, force: false } as const
      to.system("$instance/quarantine", "till/c", { ...input, voidFrom: null })
      // Every replica has stood still before an entry in front of that one.
      to.system("$instance/quarantine", "till/c", { ...input, voidFrom: to.at.index - 1 })
      expect(to.system("$instance/repair", "till/c", repair)).toMatchObject({ code: "quarantined" })
      // The first that voids is what is held back: another trial changes nothing of it.
      to.system("$instance/quarantine", "till/c", { ...input, voidFrom: null })
      expect(to.system("$instance/repair", "till/c", repair)).toMatchObject({ code: "quarantined" })
      expect(to.system("$instance/repair", "till/c", { ...repair, force: true })).toMatchObject({
        revision: 0,
      })
    })

    test("is dropped by an operator's word alone: somebody may have acknowledged it (R16)", () => {
      for (const [repair, answer, then] of [
        [{ how: "before", state: null }, { revision: 0 }, "100"],
        [{ how: "state", state: { cents: 5 } }, { revision: 1 }, "105"],
      ] as const) {
        const to = voided()
        expect(to.system("$instance/repair", "till/b", { ...repair, force: false })).toMatchObject({
          code: "quarantined",
          quarantine: { key: "b", command: "pay" },
        })
        expect(refusalOf(to.pay(1, "b"))).toMatchObject({ code: "quarantined" })
        expect(to.system("$instance/repair", "till/b", { ...repair, force: true })).toMatchObject(answer)
        expect(to.pay(1, "b")).toMatchObject({ result: then })
      }
    })

    test("is run again without one, and nothing is read before", () => {
      const to = voided()
      expect(to.at.state("b", "till")).toMatchObject({ code: "quarantined" })
      const rerun = { how: "rerun", state: null, force: false } as const
      expect(to.system("$instance/repair", "till/b", rerun)).toMatchObject({ revision: 1, result: 700 })
      expect(to.at.state("b", "till")).toMatchObject({ state: { cents: 700 } })
    })
  })

  test("is not repaired with what is no state of its actor", () => {
    const { to } = quarantined()
    expect(
      to.system("$instance/repair", "till/a", { how: "state", state: { cents: "much" }, force: false }),
    ).toMatchObject({
      code: "invalid-input",
    })
    expect(refusalOf(to.pay(1))).toMatchObject({ code: "quarantined" })
  })
})

const encodeForReplay = (given: Parameters<typeof command>[0]): Uint8Array => encodeCommand(command(given))
