// Is a command tried once, however often it is sent while it is?

import { expect, test } from "bun:test"
import { Cause, Deferred, Effect } from "effect"
import type { Admission } from "../../src/machine/MachineHost.ts"
import type { Group } from "../../src/raft/Group.ts"
import { makeRun } from "../../src/raft/run.ts"
import { type Trial, Trials } from "../../src/raft/Trials.ts"
import { LeaderCommand } from "../../src/raft/waiters.ts"

/** A machine whose trials wait for the test; every command that it was given is noted. */
const bench = Effect.gen(function* () {
  const tried: Array<string> = []
  const gate = yield* Deferred.make<void>()
  const trial = (commands: ReadonlyArray<Uint8Array>) =>
    Effect.gen(function* () {
      tried.push(...commands.map((command) => Buffer.from(command).toString()))
      yield* Deferred.await(gate)
      return commands.map((command): Admission => ({ _tag: "Admitted", command }))
    })
  const done: Array<Trial> = []
  const group = { machine: { trial } } as unknown as Group
  const run = makeRun(yield* Effect.context(), (cause) => {
    throw Cause.squash(cause)
  })
  const trials = new Trials(group, (trial) => done.push(trial), run, yield* Effect.scope)
  const send = (...commands: ReadonlyArray<string>) => {
    const admissions = commands.map(
      (command): Admission => ({ _tag: "Untried", command: Buffer.from(command), actor: "till" }),
    )
    const waiters = commands.map((command) => new LeaderCommand(Buffer.from(command), () => {}))
    return trials.add("till", { waiters, admissions, asOf: 0 }, null)
  }
  return { tried, gate, done, send }
})

test("what is sent again while it is tried, or with itself, is not tried again, and is told the same", () =>
  Effect.gen(function* () {
    const { tried, gate, done, send } = yield* bench
    send("slow")
    yield* Effect.yieldNow
    send("slow")
    send("slow", "other", "other")
    yield* Deferred.succeed(gate, undefined)
    while (done.length < 3) yield* Effect.yieldNow
    expect(tried).toEqual(["slow", "other"])
    expect(done.flatMap(({ admissions }) => admissions.map(({ _tag }) => _tag))).toEqual(
      Array(5).fill("Admitted"),
    )
    // Later it is another attempt: what it came to may have changed.
    send("slow")
    while (done.length < 4) yield* Effect.yieldNow
    expect(tried).toEqual(["slow", "other", "slow"])
  }).pipe(Effect.scoped, Effect.runPromise))
