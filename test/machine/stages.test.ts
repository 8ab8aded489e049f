// Which version of an actor's routes runs on a node, from when to when, and who waits for it? On virtual time, with threads
// that are none.

import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ThreadFault } from "../../src/machine/beside/fault.ts"
import type { RoutedActor } from "../../src/machine/MachineHost.ts"
import { type Answer, Caller } from "../../src/machine/routes/Caller.ts"
import { requestsMax, requestsOfAllMax } from "../../src/machine/routes/limits.ts"
import type { OpenRoutes } from "../../src/machine/routes/openThread.ts"
import { makeStages, type Stages } from "../../src/machine/routes/Stages.ts"
import type { Asked, AskersWord } from "../../src/machine/routes/words.ts"

const asked: Asked = { method: "GET", url: "http://n1/", headers: [], body: null }

interface FakeThread {
  readonly actor: string
  readonly version: string
  readonly caller: Caller
  readonly said: Array<AskersWord>
  readonly begin: () => void
  readonly end: (kind: ThreadFault["kind"]) => void
  isOpen: boolean
}

interface World {
  readonly stages: Stages
  readonly threads: Array<FakeThread>
  readonly lines: Array<string>
  /** What the machine says. */
  readonly active: Map<string, RoutedActor>
  readonly looks: { count: number }
}

const inWorld = <A>(body: (world: World) => Effect.Effect<A>): Promise<A> =>
  Effect.gen(function* () {
    const threads: Array<FakeThread> = []
    const lines: Array<string> = []
    const active = new Map<string, RoutedActor>([["auth", { version: "v1" }]])
    const looks = { count: 0 }
    const open: OpenRoutes = Effect.fnUntraced(function* ({ actor, version }) {
      const begun = yield* Deferred.make<void>()
      const over = yield* Deferred.make<void, ThreadFault>()
      const said: Array<AskersWord> = []
      const thread: FakeThread = {
        actor,
        version,
        caller: new Caller((word) => said.push(word)),
        said,
        begin: () => Deferred.doneUnsafe(begun, Exit.void),
        end: (kind) => Deferred.doneUnsafe(over, Exit.fail({ kind, detail: kind })),
        isOpen: true,
      }
      threads.push(thread)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          thread.isOpen = false
        }),
      )
      return { caller: thread.caller, begun: Deferred.await(begun), over: Deferred.await(over) }
    })
    const stages = yield* makeStages({
      node: "n1",
      serve: () => Effect.never,
      machineOf: () => ({
        routed: (actor) =>
          Effect.sync(() => {
            looks.count++
            return active.get(actor) ?? null
          }),
        code: () => Effect.succeed("code"),
      }),
      told: (message, { version }) => lines.push(`${message}: ${version}`),
      printed: () => {},
      open,
    })
    return yield* body({ stages, threads, lines, active, looks })
  }).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromise)

const settle = Effect.andThen(
  TestClock.adjust(1),
  Effect.promise(() => Bun.sleep(1)),
)
const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)

/** Asked, and in the hands of the thread if there is one. */
const ask = (stages: Stages, actor = "auth") =>
  Effect.gen(function* () {
    const seen = { isHandedOver: false }
    const fiber = yield* Effect.forkDetach(
      Effect.exit(
        stages.call(actor, asked, () => {
          seen.isHandedOver = true
        }),
      ),
    )
    yield* settle
    return { fiber, seen, outcome: Fiber.join(fiber) }
  })

const reply = (thread: FakeThread, id: number) =>
  thread.caller.hear({
    type: "answers",
    id,
    part: { part: "whole", status: 200, headers: [], body: new TextEncoder().encode(thread.version) },
  })

const statusOf = (exit: Exit.Exit<Answer, unknown>) => (Exit.isSuccess(exit) ? exit.value.status : null)

describe("the routes of an actor", () => {
  test("begin with the first request, which waits for them, and stay", () =>
    inWorld(({ stages, threads, lines }) =>
      Effect.gen(function* () {
        expect(threads).toEqual([])
        const first = yield* ask(stages)
        expect([threads.length, first.seen.isHandedOver]).toEqual([1, false])
        expect(stages.status()).toMatchObject([
          { actor: "auth", version: "v1", state: "starting", underWay: 1 },
        ])
        threads[0]!.begin()
        yield* settle
        expect(first.seen.isHandedOver).toBe(true)
        reply(threads[0]!, 1)
        expect(statusOf(yield* first.outcome)).toBe(200)
        const second = yield* ask(stages)
        reply(threads[0]!, 2)
        expect(statusOf(yield* second.outcome)).toBe(200)
        yield* pass(60_000)
        expect([threads.length, threads[0]!.isOpen, lines]).toEqual([1, true, ["routes begin: v1"]])
        expect(stages.status()).toMatchObject([{ state: "running", restarts: 0, underWay: 0 }])
      }),
    ))

  test("have nothing to say of an actor that is not there, or has none", () =>
    inWorld(({ stages, threads, active }) =>
      Effect.gen(function* () {
        active.set("counter", { version: null })
        for (const [actor, reason] of [
          ["nobody", "unknown-actor"],
          ["counter", "no-routes"],
        ] as const) {
          const { outcome } = yield* ask(stages, actor)
          expect(yield* outcome).toMatchObject(Exit.fail({ reason, isHandedOver: false }))
        }
        expect(threads).toEqual([])
      }),
    ))

  test("that have ended begin again after a pause, each longer than the one before; until then nobody waits", () =>
    inWorld(({ stages, threads }) =>
      Effect.gen(function* () {
        const first = yield* ask(stages)
        threads[0]!.begin()
        yield* settle
        threads[0]!.end("memory")
        // What it had in hand may have happened.
        expect(yield* first.outcome).toMatchObject(Exit.fail({ reason: "unavailable", isHandedOver: true }))
        yield* settle
        expect(threads[0]!.isOpen).toBe(false)
        const second = yield* ask(stages)
        expect(yield* second.outcome).toMatchObject(Exit.fail({ reason: "unavailable", isHandedOver: false }))
        expect(stages.status()).toMatchObject([
          { state: "pausing", restarts: 1, lastFailure: { kind: "memory" } },
        ])
        expect(stages.failures()).toEqual([{ actor: "auth", kind: "memory", count: 1 }])
        yield* pass(900)
        expect(threads.length).toBe(1)
        yield* pass(200)
        expect(threads.length).toBe(2)
        threads[1]!.end("load")
        yield* pass(1_500)
        expect(threads.length).toBe(2)
        yield* pass(600)
        expect(threads.length).toBe(3)
        const third = yield* ask(stages)
        threads[2]!.begin()
        yield* settle
        reply(threads[2]!, 1)
        expect(statusOf(yield* third.outcome)).toBe(200)
      }),
    ))

  test("give way to another version, and finish what they have begun", () =>
    inWorld(({ stages, threads, active, lines }) =>
      Effect.gen(function* () {
        const old = yield* ask(stages)
        threads[0]!.begin()
        yield* settle
        active.set("auth", { version: "v2" })
        yield* pass(20)
        const young = yield* ask(stages)
        expect(threads.map(({ version }) => version)).toEqual(["v1", "v2"])
        threads[1]!.begin()
        yield* settle
        reply(threads[1]!, 1)
        expect(statusOf(yield* young.outcome)).toBe(200)
        expect(stages.status().map(({ version, underWay }) => [version, underWay])).toEqual([
          ["v2", 0],
          ["v1", 1],
        ])
        yield* pass(5_000)
        expect(threads[0]!.isOpen).toBe(true)
        reply(threads[0]!, 1)
        expect(statusOf(yield* old.outcome)).toBe(200)
        yield* pass(100)
        expect([threads[0]!.isOpen, threads[1]!.isOpen]).toEqual([false, true])
        expect(lines.at(-1)).toBe("routes have been ended: v1")
      }),
    ))

  test("of an earlier version are ended when they do not finish", () =>
    inWorld(({ stages, threads, active }) =>
      Effect.gen(function* () {
        const old = yield* ask(stages)
        threads[0]!.begin()
        yield* settle
        active.set("auth", { version: "v2" })
        yield* pass(20)
        yield* ask(stages)
        yield* pass(11_000)
        expect(threads[0]!.isOpen).toBe(false)
        expect(yield* old.outcome).toMatchObject(Exit.fail({ reason: "unavailable", isHandedOver: true }))
      }),
    ))

  test("end as well when nobody asks for them any more that are not active any more", () =>
    inWorld(({ stages, threads, active }) =>
      Effect.gen(function* () {
        const { outcome } = yield* ask(stages)
        threads[0]!.begin()
        yield* settle
        reply(threads[0]!, 1)
        yield* outcome
        active.set("auth", { version: null })
        yield* pass(1_100)
        yield* pass(100)
        expect([threads[0]!.isOpen, stages.status()]).toEqual([false, []])
      }),
    ))

  test("are not looked up more often than needed", () =>
    inWorld(({ stages, threads, looks }) =>
      Effect.gen(function* () {
        yield* ask(stages)
        threads[0]!.begin()
        yield* pass(100)
        looks.count = 0
        yield* Effect.forEach(Array.from({ length: 50 }), () =>
          Effect.forkDetach(stages.call("auth", asked, () => {})),
        )
        yield* settle
        expect(looks.count).toBe(1)
      }),
    ))
})

test("more requests than may be under way are refused, of one actor and of all, and leave room when they are answered (H5)", () =>
  inWorld(({ stages, threads, active }) =>
    Effect.gen(function* () {
      const fill = (actor: string, count: number) =>
        Effect.forEach(Array.from({ length: count }), () =>
          Effect.forkDetach(stages.call(actor, asked, () => {})),
        )
      const names = Array.from({ length: requestsOfAllMax / requestsMax }, (_, at) => `actor${at}`)
      for (const name of names) active.set(name, { version: "v1" })
      yield* fill(names[0]!, requestsMax)
      yield* settle
      threads[0]!.begin()
      yield* settle
      const overloaded = Exit.fail({ reason: "overloaded", isHandedOver: false })
      expect(yield* (yield* ask(stages, names[0])).outcome).toMatchObject(overloaded)
      // Of others there may be more, also while they only wait.
      for (const name of names.slice(1)) yield* fill(name, requestsMax)
      yield* settle
      expect(yield* (yield* ask(stages)).outcome).toMatchObject(overloaded)
      reply(threads[0]!, 1)
      yield* settle
      const { seen } = yield* ask(stages, names[0])
      expect(seen.isHandedOver).toBe(true)
    }),
  ))
