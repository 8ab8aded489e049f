// Does a command that was asked to run later run, once, and as an entry of the log? (HAZARDS D9)

import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { actor } from "../../src/index.ts"
import { decodeCommand, encodeLogged } from "../../src/machine/command.ts"
import { type LoadedActor, Registry, registryOf } from "../../src/machine/Registry.ts"
import { Bench, command, refusalOf } from "./Bench.ts"

const alarm = actor({
  version: 1,
  state: Schema.Struct({ rung: Schema.Array(Schema.String) }),
  initial: { rung: [] },
  commands: {
    set: {
      input: Schema.Struct({ after: Schema.Number, name: Schema.String, times: Schema.Int }),
      output: Schema.Null,
      reduce: (state, { after, name, times }, ctx) => {
        for (let time = 0; time < times; time++) ctx.schedule(after + time, "ring", { name })
        if (name === "fails") ctx.reject("fails", "and its timers with it")
        return { state, result: null }
      },
    },
    ring: {
      input: Schema.Struct({ name: Schema.String }),
      output: Schema.String,
      reduce: (state, { name }, ctx) => {
        if (name === "broken") throw new Error("no bell")
        return { state: { rung: [...state.rung, `${name} ${ctx.now} ${ctx.commandId}`] }, result: ctx.uuid() }
      },
    },
    wrong: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(1, "ring", { name: 1 as never })
        return { state, result: null }
      },
    },
    nowhere: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(1, "sing" as never, null as never)
        return { state, result: null }
      },
    },
  },
})

const registry = registryOf({ alarm })
const bench = () => new Bench(registry, { timersMax: 5, timersPerCommandMax: 3 })
const set = (after: number, name = "bell", times = 1, key = "a") =>
  command({ actor: "alarm", key, command: "set", json: { after, name, times } })

const fire = (at: Bench, time: number) =>
  at.machine.due(time, 100).map((bytes) => {
    const admission = at.machine.admit([bytes])[0]!
    if (admission._tag === "Settled") throw new Error("not admitted")
    return at.applyBytes(admission.command, time)
  })

const rung = (at: Bench) => (at.state("a", "alarm") as { state: { rung: ReadonlyArray<string> } }).state.rung

describe("a timer", () => {
  test("falls due when log time has passed, and is an ordinary command of its instance then", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    expect(at.machine.nextTimer()).toBe(10_500)
    expect(at.machine.due(10_499, 10)).toEqual([])
    expect(fire(at, 10_500)).toMatchObject([{ _tag: "Accepted", revision: 2 }])
    expect(rung(at)[0]).toStartWith("bell 10500 timer:1.0.")
    expect(at.machine.nextTimer()).toBeNull()
    expect(at.machine.due(1e15, 10)).toEqual([])
  })

  test("survives a flush and a restart", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    at.machine.flush()
    at.restart()
    expect(fire(at, 10_500)).toMatchObject([{ _tag: "Accepted" }])
    at.machine.flush()
    at.restart()
    expect(at.machine.nextTimer()).toBeNull()
    expect(rung(at)).toHaveLength(1)
  })

  test("fires once, although two leaders propose it", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    const [bytes] = at.machine.due(10_500, 1)
    const admitted = [1, 2].map(() => at.machine.admit([bytes!])[0]!)
    const outcomes = admitted.map((one) =>
      at.applyBytes(one._tag === "Admitted" ? one.command : bytes!, 10_500),
    )
    expect(outcomes[0]).toMatchObject({ _tag: "Accepted" })
    expect(refusalOf(outcomes[1]!)).toMatchObject({ reason: { code: "timer-gone" } })
    expect(rung(at)).toHaveLength(1)
  })

  test("that a hasty clock proposed too early stays, and fires later", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    const [bytes] = at.machine.due(10_500, 1)
    const admission = at.machine.admit([bytes!])[0]!
    const early = at.applyBytes(admission._tag === "Admitted" ? admission.command : bytes!, 10_499)
    expect(refusalOf(early)).toMatchObject({ reason: { code: "timer-early" } })
    expect(fire(at, 10_500)).toMatchObject([{ _tag: "Accepted" }])
  })

  test("whose reducer throws is used up", () => {
    const at = bench()
    at.propose(set(1, "broken"), 10_000)
    expect(fire(at, 10_001).map(refusalOf)).toMatchObject([{ reason: { code: "reducer-threw" } }])
    expect(at.machine.nextTimer()).toBeNull()
  })

  test("whose actor has gone is used up as well", () => {
    const at = bench()
    at.propose(set(1), 10_000)
    at.machine.flush()
    at.restart(new Registry([], [registry.find("alarm", "v1") as LoadedActor]))
    expect(fire(at, 10_001).map(refusalOf)).toMatchObject([{ code: "unknown-actor" }])
    expect(at.machine.nextTimer()).toBeNull()
  })

  test("leaves no mark among the remembered outcomes, and no client can take its place there", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    const logged = decodeCommand(at.machine.due(10_500, 1)[0]!)!
    const squatter = command({ actor: "alarm", command: "ring", json: { name: "me" } })
    at.propose({ ...squatter, idempotencyKey: logged.idempotencyKey })
    expect(fire(at, 10_500)).toMatchObject([{ _tag: "Accepted", replayed: false }])
    expect(at.machine.status().outcomes).toBe(2)
  })

  test("fires nothing but what it was set for", () => {
    const at = bench()
    at.propose(set(500), 10_000)
    const logged = decodeCommand(at.machine.due(10_500, 1)[0]!)!
    const forged = encodeLogged({ ...logged, version: "v1", input: '{"name":"forged"}' })
    expect(refusalOf(at.applyBytes(forged, 10_500))).toMatchObject({ reason: { code: "timer-mismatch" } })
    expect(fire(at, 10_500)).toMatchObject([{ _tag: "Accepted" }])
  })

  test("rolls dice of its own, the same on every replica", () => {
    const results = [1, 2].map(() => {
      const at = bench()
      at.propose(set(1, "bell", 2), 10_000)
      return fire(at, 11_000)
    })
    expect(results[0]).toEqual(results[1]!)
    expect(results[0]![0]).not.toMatchObject({ result: (results[0]![1] as { result: string }).result })
  })
})

test("timers fall due in the order of their times, and as many at once as asked for", () => {
  const at = bench()
  at.propose(set(300, "late"), 10_000)
  at.propose(set(100, "soon"), 10_000)
  at.propose(set(200, "then"), 10_000)
  const names = (max: number) =>
    at.machine.due(11_000, max).map((bytes) => JSON.parse(decodeCommand(bytes)!.input).name)
  expect(names(10)).toEqual(["soon", "then", "late"])
  expect(names(2)).toEqual(["soon", "then"])
})

describe("a command that cannot set its timers is rejected, and sets none", () => {
  const rejections: ReadonlyArray<readonly [string, ReturnType<typeof set>, string]> = [
    ["more than a command may set", set(1, "bell", 4), "reducer-threw"],
    ["in the past", set(-1), "reducer-threw"],
    ["at a fraction of a millisecond", set(0.5), "reducer-threw"],
    ["beyond all time", set(1e300), "reducer-threw"],
    ["then rejects", set(1, "fails"), "fails"],
    ["with a wrong input", command({ actor: "alarm", command: "wrong" }), "reducer-threw"],
    ["for an unknown command", command({ actor: "alarm", command: "nowhere" }), "reducer-threw"],
  ]
  for (const [what, given, code] of rejections) {
    test(what, () => {
      const at = bench()
      expect(refusalOf(at.propose(given))).toMatchObject({ code: "rejected", reason: { code } })
      expect(at.machine.nextTimer()).toBeNull()
    })
  }

  test("more than the group may hold", () => {
    const at = bench()
    at.propose(set(1, "bell", 3))
    expect(refusalOf(at.propose(set(1, "bell", 3)))).toMatchObject({ reason: { code: "reducer-threw" } })
    expect(at.machine.status().timers).toBe(3)
    expect(at.propose(set(1, "bell", 2))).toMatchObject({ _tag: "Accepted" })
  })
})
