// Does a test see, before a cluster does, what becomes of an actor's states from version to version?

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "raftlet"
import { checkMigration, testActor, Violation } from "raftlet/testing"
import { cents, euros } from "./tills.ts"

const states = [{ euros: 0 }, { euros: 3 }, { euros: 2.5 }]

describe("recorded states", () => {
  test("come to the next version, and back", () => {
    expect(checkMigration({ from: euros, to: cents(), states })).toEqual({
      states: [{ cents: 0 }, { cents: 300 }, { cents: 250 }],
      rollback: { possible: true, withoutStep: [] },
      lost: [],
    })
  })

  test("that lead nowhere back are told so", () => {
    const report = checkMigration({ from: euros, to: cents({ down: null }), states })
    expect(report).toMatchObject({ rollback: { possible: false, withoutStep: [2] }, lost: [] })
  })

  test("that come back otherwise are named, each with the path, or listed where that is meant", () => {
    const to = cents({ down: ({ cents }) => ({ euros: Math.floor(cents / 100) }) })
    expect(() => checkMigration({ from: euros, to, states })).toThrow(
      new Violation("migration", "state 3 of 3 comes back otherwise: at /euros: 2 against 2.5"),
    )
    const { lost } = checkMigration({ from: euros, to, states, lossy: true })
    expect(lost).toEqual([{ state: 2, path: "/euros", before: 2.5, after: 2 }])
  })

  test("that do not fit are named, each with the path and what stands there", () => {
    const to = cents({ up: ({ euros }) => ({ cents: euros }), down: ({ cents }) => ({ euros: cents }) })
    expect(() => checkMigration({ from: euros, to, states })).toThrow(
      /^state 3 of 3 does not come to version 2: at \/cents: .*integer.*: \{"euros":2.5\}$/,
    )
  })

  test("whose migration throws, or gives no JSON, are named", () => {
    const thrown = cents({
      up: ({ euros }) => {
        if (euros === 3) throw new Error("three!")
        return { cents: 0 }
      },
    })
    expect(() => checkMigration({ from: euros, to: thrown, states })).toThrow(
      'state 2 of 3 does not come to version 2: The state cannot be brought to version 2: three!: {"euros":3}',
    )
    const asynchronous = cents({ up: () => ({ cents: Symbol("no JSON") }) })
    expect(() => checkMigration({ from: euros, to: asynchronous, states })).toThrow("Expected a JSON value")
  })

  test("that the version before could not have written are no recorded states", () => {
    // @ts-expect-error the compiler knows its states
    expect(() => checkMigration({ from: euros, to: cents(), states: [{ euros: "3" }] })).toThrow(
      /^state 1 of 1 is no state of version 1: at \/euros: /,
    )
  })

  test("are brought over every version between, each step with its own way back", () => {
    const third = actor({
      version: 3,
      state: Schema.Struct({ cents: Schema.Int, currency: Schema.String }),
      initial: { cents: 0, currency: "EUR" },
      commands: {},
      migrate: {
        2: {
          up: ({ euros }: { euros: number }) => ({ cents: euros * 100 }),
          down: ({ cents }: { cents: number }) => ({ euros: cents / 100 }),
        },
        3: {
          up: ({ cents }: { cents: number }) => ({ cents, currency: "EUR" }),
          down: ({ cents }: { cents: number }) => ({ cents }),
        },
      },
    })
    const report = checkMigration({ from: euros, to: third, states: [{ euros: 3 }] })
    expect(report).toMatchObject({ states: [{ cents: 300, currency: "EUR" }], lost: [] })
    expect(checkMigration({ from: third, to: euros, states: report.states })).toMatchObject({
      states: [{ euros: 3 }],
      lost: [],
    })
  })

  test("whose migration comes to something else the second time are found (D1)", () => {
    let calls = 0
    const to = cents({ up: () => ({ cents: ++calls }) })
    expect(() => checkMigration({ from: euros, to, states })).toThrow(
      new Violation(
        "determinism",
        "state 1 of 3, as its version has it: one result, wherever and whenever it is executed (D1): at /cents: 2 against 1",
      ),
    )
  })

  test("whose migration asks the host are refused as by a node (D2)", () => {
    const to = cents({ up: () => ({ cents: Date.now() }) })
    expect(() => checkMigration({ from: euros, to, states })).toThrow("Date.now is closed to reducers")
  })
})

describe("a life over several versions", () => {
  test("goes on where the one before has ended, and back again", () => {
    const first = testActor(euros)
    first.execute("a", "pay", { euros: 3 })
    first.execute("b", "pay", { euros: 1 })
    const second = first.activate(cents())
    expect(second.execute("a", "pay", { euros: 0.5 })).toMatchObject({ result: 3.5, revision: 2 })
    // One that has had no command since is shown as if it had.
    expect([second.state("a"), second.state("b")]).toEqual([{ cents: 350 }, { cents: 100 }])
    first.rollback()
    expect(first.state("a")).toEqual({ euros: 3.5 })
    expect(first.execute("a", "pay", { euros: 1 })).toMatchObject({ result: 4.5, revision: 3 })
    expect(first.execute("c", "pay", { euros: 1 })).toMatchObject({ result: 1, revision: 1 })
  })

  test("runs what was scheduled before by the version of then", () => {
    const first = testActor(euros)
    first.execute("a", "payLater", { euros: 3 })
    const second = first.activate(cents({ fee: 1 }))
    second.advance(1000)
    expect(second.state("a")).toEqual({ cents: 301 })
    expect(second.events("a")).toEqual([{ event: "paid", data: { euros: 3 } }])
  })

  test("shows what another version would change before it is switched on", () => {
    const subject = testActor(euros)
    subject.execute("a", "pay", { euros: 3 })
    expect(subject.plan(cents({ down: null, fee: 1 }))).toMatchObject({
      commands: { added: ["giveBack"], removed: [], changed: [] },
      stateChanged: true,
      states: { checked: 1, failed: 0 },
      replay: { commands: 1, same: 1 },
      rollback: { possible: false, withoutStep: [2] },
    })
    // Nothing has happened.
    expect(subject.execute("a", "pay", { euros: 1 })).toMatchObject({ result: 4 })
  })

  test("stays with its version when the states do not fit the other one", () => {
    const subject = testActor(euros)
    subject.execute("a", "pay", { euros: 2.5 })
    const other = cents({ up: ({ euros }) => ({ cents: euros }) })
    expect(() => subject.activate(other)).toThrow(
      "version-conflict: 1 of 1 stored states do not fit version 2; a: incompatible-state",
    )
    expect(subject.execute("a", "pay", { euros: 1 })).toMatchObject({ result: 3.5 })
  })

  test("does not go back where there is no way down", () => {
    const first = testActor(euros)
    expect(() => first.rollback()).toThrow("version-conflict: No version")
    first.execute("a", "pay", { euros: 3 })
    const second = first.activate(cents({ down: null }))
    second.execute("a", "pay", { euros: 1 })
    expect(() => second.rollback()).toThrow(/version-conflict: 1 instances .* no way down from 2/)
    expect(second.execute("a", "pay", { euros: 1 })).toMatchObject({ result: 5 })
  })

  test("may begin with what was recorded", () => {
    const instances = { a: { state: { euros: 3 }, revision: 7 } }
    const subject = testActor(euros, { instances }).activate(cents())
    expect(subject.state("a")).toEqual({ cents: 300 })
    expect(subject.execute("a", "pay", { euros: 1 }, { ifRevision: 7 })).toMatchObject({
      result: 4,
      revision: 8,
    })
    // @ts-expect-error the compiler knows its states
    const wrong = () => testActor(euros, { instances: { a: { state: { cents: 3 } } } })
    expect(wrong).toThrow(/^instance a is no state of version 1: at .*: \{"cents":3\}$/)
  })

  test("is the same on a replica that forgets, over switches and rollbacks (D1, D7)", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const first = testActor(euros, { seed })
      for (let round = 0; round < 10; round++) {
        first.execute("a", "pay", { euros: 1 })
        first.execute("b", "payLater", { euros: 1 })
        const second = first.activate(cents())
        second.execute("a", "pay", { euros: 1 })
        second.advance(500)
        first.rollback()
      }
      first.advance(1000)
      expect([first.state("a"), first.state("b")]).toEqual([{ euros: 20 }, { euros: 10 }])
    }
  })
})
