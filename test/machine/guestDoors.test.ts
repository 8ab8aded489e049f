// What is paid for what uploaded code computes, and by whom? By waiting; and nobody waits for what others have done.

import { expect, test } from "bun:test"
import { Clock, Duration, Effect } from "effect"
import type { Compartment } from "../../src/machine/compartment/Compartment.ts"
import type { Call } from "../../src/machine/Executor.ts"
import { GuestDoors } from "../../src/machine/GuestDoors.ts"
import { encodeReplies } from "../../src/machine/inside/protocol.ts"
import { type Lodger, Quarters } from "../../src/machine/inside/Quarters.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { doorTerms } from "../../src/machine/Premises.ts"
import { hurried } from "./Housed.ts"

const lodger: Lodger = { space: 1, code: () => null }

/** A question that computes as many ms as its name says. */
const ask = (actor: string, millis: number): Call => ({
  type: "ask",
  actor,
  version: "v",
  instance: undefined,
  key: `${millis}`,
  query: "q",
  input: null,
  now: 0,
})

/** Doors whose compartments compute on a CPU that only they use, and a clock that only waiting moves. */
class Bill {
  /** How long each call has waited after it was run. */
  readonly waits: Array<number> = []
  /** On the clock, for each ms of the CPU. */
  slowness = 1
  readonly doors: GuestDoors
  #now = 0
  #computed = 0
  #next = 0

  constructor() {
    const compartment: Compartment = {
      memoryBytes: Effect.succeed(null),
      cpuMillis: Effect.sync(() => this.#computed),
      call: () =>
        Effect.sync(() => {
          this.#computed += this.#next
          this.#now += this.#next * this.slowness
          return encodeReplies([{ type: "answered", text: "1" }])
        }),
    }
    const open = Effect.succeed(compartment)
    const options = { open, limits: defaultLimits, ...doorTerms }
    this.doors = new GuestDoors(() => new Quarters(options))
  }

  /** How long it has waited for it. The start of its place is not the call's. */
  async of(actor: string, millis: number, whose = lodger): Promise<number> {
    this.waits.length = 0
    this.#next = millis
    await Effect.runPromise(this.#timed(this.doors.run(whose, actor, [ask(actor, millis)])))
    return this.waits.reduce((sum, wait) => sum + wait, 0)
  }

  /** All that was owed has been waited for. */
  rest(): void {
    this.#now += 1_000_000
  }

  #timed<A>(effect: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.flatMap(Clock.Clock, (clock) =>
      Effect.provideService(
        effect,
        Clock.Clock,
        Object.create(clock, {
          currentTimeMillis: { value: Effect.sync(() => this.#now) },
          sleep: {
            value: (wait: Duration.Input) =>
              Effect.sync(() => {
                this.waits.push(Duration.toMillis(Duration.fromInputUnsafe(wait)))
                this.#now += this.waits.at(-1)!
              }),
          },
        }),
      ),
    )
  }
}

interface Held {
  /** Places that were opened and not ended. */
  readonly open: Set<string>
  /** Calls that have begun; each goes on when it is let. */
  readonly begun: Array<() => void>
  readonly doors: GuestDoors
  /** A call that is let at once. */
  readonly visit: (actor: string, whose?: Lodger) => Promise<void>
}

/** Doors whose calls do not end by themselves. */
const heldDoors = (): Held => {
  const open = new Set<string>()
  const begun: Array<() => void> = []
  let opened = 0
  const doors = new GuestDoors(() => {
    const name = `${opened++}`
    const place = Effect.acquireRelease(
      Effect.sync((): Compartment => {
        open.add(name)
        const call = () =>
          Effect.promise(async () => {
            await new Promise<void>((resolve) => begun.push(resolve))
            return encodeReplies([{ type: "answered", text: "1" }])
          })
        return { memoryBytes: Effect.succeed(null), cpuMillis: Effect.succeed(null), call }
      }),
      () => Effect.sync(() => open.delete(name)),
    )
    return new Quarters({ open: place, limits: defaultLimits, ...doorTerms })
  })
  const visit = async (actor: string, whose = lodger) => {
    const before = begun.length
    const call = hurried(doors.run(whose, actor, [ask(actor, 0)]))
    await until(() => begun.length > before)
    begun.at(-1)!()
    await call
  }
  return { open, begun, doors, visit }
}

/** With a place for each that has been paid for. */
const billOf = async (...actors: ReadonlyArray<string>): Promise<Bill> => {
  const bill = new Bill()
  for (const actor of actors) await bill.of(actor, 0)
  bill.rest()
  return bill
}

test("a second of computing is free, what comes then waits four times as long as it took, and goes on after a rest", async () => {
  const bill = await billOf("slow")
  for (let times = 0; times < 5; times++) expect(await bill.of("slow", 205)).toBe(0)
  for (let times = 0; times < 3; times++) await bill.of("slow", 205)
  for (let times = 0; times < 5; times++) expect(await bill.of("slow", 205)).toBeCloseTo(800, -2)
  bill.rest()
  expect(await bill.of("slow", 205)).toBe(0)
})

test("who is quick never waits, and who is a little slow waits for that alone, whatever others owe", async () => {
  const bill = await billOf("slow", "quick")
  for (let times = 0; times < 20; times++) await bill.of("slow", 205)
  expect(await bill.of("quick", 4)).toBe(0)
  expect(await bill.of("quick", 6)).toBeLessThanOrEqual(4)
})

test("a machine on which all takes ten times as long makes nobody owe more", async () => {
  const bill = await billOf("slow")
  bill.slowness = 10
  for (let times = 0; times < 20; times++) expect(await bill.of("slow", 205)).toBe(0)
})

test("what the log has computed for an actor is paid by its next call, up to a second; no other actor pays for it", async () => {
  const bill = await billOf("sly", "other")
  for (let times = 0; times < 9; times++) bill.doors.noteLog(lodger, [ask("sly", 0)], 455)
  for (let times = 0; times < 5; times++) await bill.of("other", 205)
  expect(await bill.of("other", 1)).toBe(0)
  expect(await bill.of("sly", 1)).toBeCloseTo(4_000, -2)
  expect(await bill.of("sly", 1)).toBe(0)
})

test("four actors compute at a time, and the fifth when one of them has come to its end", async () => {
  const { begun, doors } = heldDoors()
  const calls = Array.from({ length: 6 }, (_, at) => hurried(doors.run(lodger, `a${at}`, [ask(`a${at}`, 0)])))
  for (let ended = 0; ended < 6; ended++) {
    await until(() => begun.length >= Math.min(6, 4 + ended))
    await Bun.sleep(0)
    expect(begun).toHaveLength(Math.min(6, 4 + ended))
    begun[ended]!()
    await calls[ended]
  }
})

test("places of eight actors are kept, and for a ninth the one goes that was used least", async () => {
  const { open, visit } = heldDoors()
  for (let actor = 0; actor < 8; actor++) await visit(`a${actor}`)
  await visit("a0")
  expect(open.size).toBe(8)
  await visit("a8")
  await until(() => open.size === 8)
  expect([open.has("0"), open.has("1")]).toEqual([true, false])
})

test("what one group's actor has run up nobody of another group pays for, also of the same name", async () => {
  const bill = await billOf("same")
  const other: Lodger = { space: 2, code: () => null }
  for (let times = 0; times < 9; times++) bill.doors.noteLog(lodger, [ask("same", 0)], 455)
  for (let times = 0; times < 5; times++) await bill.of("same", 205, other)
  expect(await bill.of("same", 1, other)).toBe(0)
  expect(await bill.of("same", 1)).toBeCloseTo(4_000, -2)
})

test("actors of the same name have places of their own in each group, which end with it", async () => {
  const { open, visit, doors } = heldDoors()
  const other: Lodger = { space: 2, code: () => null }
  await visit("same")
  await visit("same", other)
  expect(open.size).toBe(2)
  doors.vacate(other)
  await until(() => open.size === 1)
  expect([...open]).toEqual(["0"])
})

test("a group with many actors gives up places of its own, and not those of others", async () => {
  const { open, visit } = heldDoors()
  await visit("only", { space: 2, code: () => null })
  for (let actor = 0; actor < 12; actor++) await visit(`a${actor}`)
  await until(() => open.size === 8)
  expect(open.has("0")).toBe(true)
})

test("of those who wait, one of each group in turn", async () => {
  const { begun, doors } = heldDoors()
  const other: Lodger = { space: 2, code: () => null }
  const done: Array<string> = []
  const go = (name: string, whose: Lodger) =>
    hurried(doors.run(whose, name, [ask(name, 0)])).then(() => done.push(name))
  const calls = [
    ...Array.from({ length: 8 }, (_, at) => go(`a${at}`, lodger)),
    ...["b0", "b1"].map((name) => go(name, other)),
  ]
  for (let ended = 0; ended < 10; ended++) {
    await until(() => begun.length > ended)
    begun[ended]!()
    await until(() => done.length > ended)
  }
  await Promise.all(calls)
  expect(done.indexOf("b0")).toBeLessThan(6)
  expect(done.indexOf("b1")).toBeLessThan(8)
})

/** Other fibers go on meanwhile. */
const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await Bun.sleep(0)
}
