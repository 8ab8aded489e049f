// Who waits for whom, where the calls of many groups run in one place? For one batch of each other group at the most, and
// for none that does not end.

import { expect, test } from "bun:test"
import { Clock, Duration, Effect, Fiber } from "effect"
import type { Compartment } from "../../src/machine/compartment/Compartment.ts"
import type { Call } from "../../src/machine/Executor.ts"
import { decodeRequest, encodeReplies } from "../../src/machine/inside/protocol.ts"
import { type Lodger, Quarters } from "../../src/machine/inside/Quarters.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { ownTerms } from "../../src/machine/Premises.ts"
import { lateMillis, placesMax, SharedQuarters } from "../../src/machine/SharedQuarters.ts"

const ask = (key: string): Call => ({
  type: "ask",
  actor: "counter",
  version: "v",
  instance: undefined,
  key,
  query: "q",
  input: null,
  now: 0,
})

/** Places whose calls end when they are let, and a clock that stands still until time passes. */
class Scene {
  /** Names of calls. */
  readonly begun: Array<string> = []
  readonly ended: Array<string> = []
  /** Compartments. */
  open = 0
  /** Compartments that there were so far. */
  opened = 0
  /** Of each compartment, ms of a processor; null: nobody can tell. */
  computed: number | null = null
  readonly #quarters: SharedQuarters
  readonly #lets = new Map<string, () => void>()
  readonly #lodgers = new Map<string, Lodger>()
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()
  #now = 0

  constructor() {
    const open = Effect.acquireRelease(
      Effect.sync((): Compartment => {
        this.open++
        this.opened++
        return {
          memoryBytes: Effect.succeed(null),
          cpuMillis: Effect.sync(() => this.computed),
          call: (request) => this.#call(request),
        }
      }),
      () => Effect.sync(() => this.open--),
    )
    this.#quarters = new SharedQuarters(() => new Quarters({ open, limits: defaultLimits, ...ownTerms }))
  }

  /** The name of a call begins with that of its group. */
  run(name: string): Fiber.Fiber<unknown> {
    const group = name[0]!
    const lodger = this.#lodgers.get(group) ?? { space: this.#lodgers.size, code: () => null }
    this.#lodgers.set(group, lodger)
    const running = this.#quarters.run(lodger, [ask(name)], true)
    const ending = Effect.sync(() => this.ended.push(name))
    return Effect.runFork(this.#timed(Effect.andThen(running, ending)))
  }

  /** Until all has come as far as it comes. */
  async let(...names: ReadonlyArray<string>): Promise<void> {
    for (const name of names) this.#lets.get(name)!()
    await this.settle()
  }

  async settle(): Promise<void> {
    for (let times = 0; times < 20; times++) await Bun.sleep(0)
  }

  /** In small steps: who waits looks now and then. */
  async pass(millis: number): Promise<void> {
    for (let left = millis; left > 0; left -= stepMillis) {
      this.#now += stepMillis
      for (const sleeper of this.#sleepers) {
        if (sleeper.until > this.#now) continue
        this.#sleepers.delete(sleeper)
        sleeper.wake()
      }
      await this.settle()
    }
  }

  #call(request: Uint8Array): Effect.Effect<Uint8Array> {
    const decoded = decodeRequest(request, new Map())
    const name = decoded.type === "run" ? (decoded.calls[0] as { readonly key: string }).key : ""
    this.begun.push(name)
    return Effect.callback((resume) => {
      this.#lets.set(name, () => resume(Effect.succeed(encodeReplies([{ type: "answered", text: "1" }]))))
    })
  }

  #timed<A>(effect: Effect.Effect<A>): Effect.Effect<A> {
    const sleep = (wait: Duration.Input) =>
      Effect.callback<void>((resume) => {
        const until = this.#now + Duration.toMillis(Duration.fromInputUnsafe(wait))
        this.#sleepers.add({ until, wake: () => resume(Effect.void) })
      })
    return Effect.flatMap(Clock.Clock, (clock) =>
      Effect.provideService(
        effect,
        Clock.Clock,
        Object.create(clock, {
          currentTimeMillis: { value: Effect.sync(() => this.#now) },
          sleep: { value: sleep },
        }),
      ),
    )
  }
}

/** What keeps its place for so long is late, whenever who waits has begun to look. */
const longMillis = lateMillis * 2
const stepMillis = 10

test("what keeps its place for long is not waited for, and afterwards one place is enough", async () => {
  const scene = new Scene()
  scene.run("a")
  scene.run("b")
  await scene.pass(lateMillis - stepMillis)
  expect(scene.begun).toEqual(["a"])
  await scene.pass(longMillis)
  expect(scene.begun).toEqual(["a", "b"])
  expect(scene.open).toBe(2)
  await scene.let("b")
  expect(scene.ended).toEqual(["b"])
  await scene.let("a")
  expect(scene.open).toBe(1)
  scene.run("b2")
  expect(scene.begun).toEqual(["a", "b", "b2"])
})

test("what gets no processor is waited for: another place would only take more of it", async () => {
  const scene = new Scene()
  scene.computed = 100
  scene.run("a")
  scene.run("b")
  await scene.pass(longMillis)
  scene.computed += 20
  await scene.pass(longMillis)
  expect([scene.begun, scene.open]).toEqual([["a"], 1])
  // It has it again, and goes on and on.
  scene.computed += 40
  await scene.pass(longMillis)
  expect([scene.begun, scene.open]).toEqual([["a", "b"], 2])
  await scene.let("a", "b")
})

test("what never gets any is not waited for for ever", async () => {
  const scene = new Scene()
  scene.computed = 100
  scene.run("a")
  scene.run("b")
  await scene.pass(lateMillis * 11)
  expect(scene.begun).toEqual(["a", "b"])
})

test("who is quick is waited for, in the one place that there is", async () => {
  const scene = new Scene()
  const names = ["a", "b", "c", "d", "e"]
  for (const name of names) scene.run(name)
  for (const name of names) {
    await scene.pass(lateMillis / 2)
    expect(scene.begun.at(-1)).toBe(name)
    await scene.let(name)
  }
  expect(scene.open).toBe(1)
})

test("one batch of each group in turn, and each group's in its order", async () => {
  const scene = new Scene()
  for (const name of ["a1", "a2", "a3", "b1", "b2", "c1"]) scene.run(name)
  while (scene.ended.length < 6) await scene.let(scene.begun.at(-1)!)
  expect(scene.ended).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"])
})

test("groups that were slow leave one place to the others, until they are quick", async () => {
  const scene = new Scene()
  const groups = ["a", "b", "c"]
  for (const group of groups) {
    scene.run(`${group}1`)
    await scene.pass(longMillis)
    await scene.let(`${group}1`)
  }
  for (const group of groups) scene.run(`${group}2`)
  await scene.pass(longMillis)
  expect(scene.begun.slice(3)).toEqual(["a2", "b2"])
  scene.run("d1")
  await scene.pass(longMillis)
  expect(scene.begun.slice(5)).toEqual(["d1"])
  expect(scene.open).toBe(placesMax)
  await scene.let("d1", "a2", "b2")
  await scene.let("c2")
  for (const group of groups) {
    scene.run(`${group}3`)
    await scene.let(`${group}3`)
  }
  for (const group of groups) scene.run(`${group}4`)
  await scene.pass(longMillis * placesMax)
  expect(scene.begun.slice(-3)).toEqual(["a4", "b4", "c4"])
})

test("who stops waiting ends what runs for it, and nothing of the others", async () => {
  const scene = new Scene()
  const [a, b] = [scene.run("a"), scene.run("b")]
  await Effect.runPromise(Fiber.interrupt(b))
  expect(scene.open).toBe(1)
  expect(scene.opened).toBe(1)
  scene.run("c")
  await Effect.runPromise(Fiber.interrupt(a))
  await scene.settle()
  expect(scene.begun).toEqual(["a", "c"])
  expect(scene.open).toBe(1)
  expect(scene.opened).toBe(2)
  await scene.let("c")
  expect(scene.ended).toEqual(["c"])
})
