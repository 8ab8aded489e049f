// Does a group that has much to do let others have their turn, and comes to the same?

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { Crowd } from "../../src/machine/Crowd.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { Compartment } from "../../src/machine/compartment/Compartment.ts"
import { Inside } from "../../src/machine/inside/Inside.ts"
import { unpackMessage } from "../../src/machine/inside/message.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { OpenMachine } from "../../src/machine/OpenMachine.ts"
import { Premises } from "../../src/machine/Premises.ts"
import { packBytes, packEntries } from "../../src/machine/packing.ts"
import { evaluateModule } from "../../src/machine/realm/evaluate.ts"
import { everySlot } from "../../src/machine/slots.ts"
import type { Operation } from "../../src/machine/threadProtocol.ts"
import { openSqliteStateStore } from "../../src/storage/stateStoreSqlite.ts"
import { command, entry, initial } from "./Bench.ts"
import { Housed } from "./Housed.ts"
import { removeTemporary, source, system, temporary } from "./places.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

afterEach(removeTemporary)

/** Two groups of a thread, and how many calls went to their code at once, in turn. */
const thread = async () => {
  const batches: Array<{ readonly calls: number }> = []
  const open = Effect.sync((): Compartment => {
    const inside = new Inside(evaluateModule, () => 0)
    return {
      call: (request) =>
        Effect.sync(() => {
          const { type, calls } = unpackMessage(request).document as {
            readonly type: string
            readonly calls: ReadonlyArray<unknown>
          }
          if (type === "run") batches.push({ calls: calls.length })
          return inside.answer(request)
        }),
      memoryBytes: Effect.succeed(null),
      cpuMillis: Effect.succeed(null),
    }
  })
  const compartments = { openWorker: open, openChild: open, openNiceChild: open }
  const premises = new Premises(compartments, defaultLimits)
  const crowd = new Crowd()
  let id = 0
  const asking = async (group: string) => {
    // On a disk: in memory a flush has no pauses.
    const store = openSqliteStateStore(join(temporary(), "state.db"), initial)
    const housed = new Housed({}, compartments, premises, group, store)
    await housed.apply(system("$shard/own", "counter", { ranges: [everySlot] }))
    await housed.deploy("counter", source(1), "file")
    const open = new OpenMachine(housed.core, "n1", premises, crowd)
    let index = housed.log.length
    const ask = (operation: Operation, given: unknown) =>
      Effect.orDie(open.answer({ id: ++id, group, operation, given } as never))
    /** So many commands for as many keys, beginning with that one; nobody waits for them. */
    const entries = (count: number, from = 0) =>
      Array.from({ length: count }, (_, at) => {
        const { version } = housed.core.state.catalogue.active("counter")!
        const given = command({ key: `k${from + at}`, json: { by: 1 }, version })
        return entry(++index, encodeCommand(given))
      })
    const apply = (count: number, from = 0) =>
      Effect.suspend(() => ask("apply", packEntries(entries(count, from))))
    const admit = (count: number) =>
      Effect.suspend(() =>
        ask(
          "admit",
          packBytes(Array.from({ length: count }, () => encodeCommand(command({ json: { by: 1 } })))),
        ),
      )
    return { core: housed.core, ask, apply, admit }
  }
  const [flood, quiet] = [await asking("flood"), await asking("quiet")]
  batches.length = 0
  return { batches, flood, quiet }
}

test("a group that is alone has all of its commands run at once, and at most 32 while another has work", async () => {
  const { batches, flood, quiet } = await thread()
  const sizes = () => batches.splice(0).map(({ calls }) => calls)
  await Effect.runPromise(Effect.all([flood.admit(100), flood.apply(100)]))
  expect(sizes()).toEqual([100, 100])
  await Effect.runPromise(quiet.apply(1))
  sizes()
  await Effect.runPromise(flood.admit(100))
  expect(sizes()).toEqual([32, 32, 32, 4])
  const before = flood.core.applied.index
  await Effect.runPromise(flood.apply(70, 100))
  expect(sizes()).toEqual([32, 32, 6])
  expect(flood.core.applied.index).toBe(before + 70)
})

test("between two portions another group has its turn", async () => {
  const { batches, flood, quiet } = await thread()
  await Effect.runPromise(quiet.apply(1))
  batches.length = 0
  await Effect.runPromise(Effect.all([flood.apply(200), quiet.apply(1, 1)], { concurrency: "unbounded" }))
  const sizes = batches.map(({ calls }) => calls)
  // The portion that was under way comes before it, and one that stood there already.
  expect(sizes.slice(0, 3)).toContain(1)
  expect(sizes.toSorted((left, right) => left - right)).toEqual([1, 8, 32, 32, 32, 32, 32, 32])
})

test("in the middle of a flush another group is answered, its own group may ask, and what it applies waits", async () => {
  const { flood, quiet } = await thread()
  await Effect.runPromise(flood.apply(900))
  const { index } = flood.core.applied
  expect(flood.core.position().index).toBeLessThan(index)
  const order: Array<string> = []
  const noted = (what: string, asked: Effect.Effect<unknown>) =>
    Effect.tap(asked, () => Effect.sync(() => void order.push(what)))
  // Nothing that is read meanwhile ends the flush, or is older than what was applied.
  const query = { type: "query", actor: "counter", key: "k899", query: "value", input: "null" }
  const flushed = await Effect.runPromise(
    Effect.gen(function* () {
      const flushing = yield* Effect.forkChild(noted("flush", flood.ask("flush", null)), {
        startImmediately: true,
      })
      const applying = yield* Effect.forkChild(noted("apply", flood.apply(1, 5_000)), {
        startImmediately: true,
      })
      yield* noted("query", flood.ask("query", [query]))
      yield* noted("other", quiet.ask("position", null))
      expect([flood.core.applied.index, order]).toEqual([index, ["query", "other"]])
      yield* Fiber.join(applying)
      return yield* Fiber.join(flushing)
    }),
  )
  expect(flushed).toBe(index)
  expect(flood.core.position().index).toBe(index)
  expect(flood.core.applied.index).toBe(index + 1)
  expect(order.toSorted()).toEqual(["apply", "flush", "other", "query"])
})
