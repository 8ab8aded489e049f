// What can a `leading` ask of its group, when is it begun again, and which version of it runs? As fibers on virtual
// time.

import { describe, expect, test } from "bun:test"
import { Clock, Context, Effect, Exit, Option, Random, Result, Scheduler, Schema, Scope } from "effect"
import { actor, type LeadingContext, ProposeFailed, ReadFailed } from "../../src/index.ts"
import type { LeadingDefinition } from "../../src/machine/actor.ts"
import { decodeCommand, type LoggedCommand } from "../../src/machine/command.ts"
import { makeDoor } from "../../src/machine/leading/door.ts"
import type { Leadership, LeadingFault, Led, Unanswered } from "../../src/machine/leading/Leading.ts"
import { openFiber } from "../../src/machine/leading/openFiber.ts"
import { Posts } from "../../src/machine/leading/Posts.ts"
import type { LedActor, Query } from "../../src/machine/MachineHost.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import type { Outcome, QueryOutcome } from "../../src/machine/outcome.ts"
import { type LoadedActor, loadActor, Registry } from "../../src/machine/Registry.ts"
import { World } from "../../src/simulation/World.ts"

const accepted = (result: unknown): Outcome => ({
  _tag: "Accepted",
  result: JSON.stringify(result),
  revision: 3,
  index: 17,
  term: 7,
  replayed: false,
})

const lost: Unanswered = { _tag: "Failure", code: "leadership-lost", outcome: "unknown", detail: "lost" }

/** One command at a day, whose input and result are dates. */
const diary = (leading: LeadingDefinition, version = 1) =>
  actor({
    version,
    state: Schema.Struct({ days: Schema.Int }),
    initial: { days: 0 },
    commands: {
      note: {
        input: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
        output: Schema.DateTimeUtcFromString,
        reduce: (state, { at }) => ({ state, result: at }),
      },
      clear: { output: Schema.Null, reduce: (state) => ({ state, result: null }) },
    },
    queries: {
      last: { output: Schema.DateTimeUtcFromString, read: () => 0 as never },
      before: { input: Schema.Int, output: Schema.Int, read: (_, day) => day },
    },
    leading: leading as never,
  })

/** Users' code beside a leader of term 7, and a group that answers as it is told. */
class Theatre {
  readonly world = new World(1)
  readonly proposed: Array<LoggedCommand> = []
  readonly asked: Array<{ readonly query: Query; readonly consistency: string; readonly millis: number }> = []
  readonly told: Array<string> = []
  readonly failed: Array<{ readonly kind: LeadingFault["kind"]; readonly at: number }> = []
  /** Actors with something to run, as the log says. */
  led: ReadonlyArray<LedActor> = []
  answer: (command: LoggedCommand) => Effect.Effect<Outcome | Unanswered> = () =>
    Effect.succeed(accepted(null))
  says: (query: Query) => QueryOutcome | Unanswered = () => lost
  readonly #loaded: Array<LoadedActor> = []
  readonly #listening = new Set<() => void>()
  readonly posts: Posts
  readonly scope = Scope.makeUnsafe()
  done: Led | null = null

  constructor(leading?: LeadingDefinition) {
    if (leading !== undefined) this.play("v1", leading)
    this.posts = new Posts(this.leadership, {
      machine: { led: Effect.sync(() => this.led) },
      open: (asked) => openFiber(new Registry([], this.#loaded))(asked),
      told: (message, { actor, version }, level) =>
        this.told.push(`${level === undefined ? "" : `${level}: `}${actor}@${version}: ${message}`),
      printed: () => {},
      failed: (_, { kind }) => this.failed.push({ kind, at: this.world.nowMillis }),
    })
  }

  get leadership(): Leadership {
    return {
      group: "main",
      node: "n1",
      term: 7,
      propose: (bytes) =>
        Effect.suspend(() => {
          const command = decodeCommand(bytes)!
          this.proposed.push(command)
          return this.answer(command)
        }),
      read: (query, consistency, millis) =>
        Effect.sync(() => {
          this.asked.push({ query, consistency, millis })
          return this.says(query)
        }),
      onApplied: (told) => {
        this.#listening.add(told)
        return () => this.#listening.delete(told)
      },
    }
  }

  get isHeard(): boolean {
    return this.#listening.size > 0
  }

  /** From now on the log says that this version is active. */
  play(version: string, leading: LeadingDefinition, name = "diary"): void {
    this.#loaded.push(Result.getOrThrow(loadActor(name, version, diary(leading))))
    this.led = [...this.led.filter(({ actor }) => actor !== name), { actor: name, version }]
    for (const told of this.#listening) told()
  }

  /** Has it begin, and lets time pass. */
  begin(millis = 0): this {
    this.done = this.run(Scope.provide(this.posts.begin(), this.scope))
    this.world.runFor(millis)
    return this
  }

  run<A>(effect: Effect.Effect<A>): A {
    const fiber = this.fork(effect)
    this.world.runUntil(() => fiber.pollUnsafe() !== undefined, 100_000)
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) throw new Error(`it did not succeed: ${exit}`)
    return exit.value
  }

  fork<A>(effect: Effect.Effect<A>) {
    return Effect.runForkWith(
      Context.empty().pipe(
        Context.add(Scheduler.Scheduler, this.world.scheduler),
        Context.add(Clock.Clock, this.world.clock(1_700_000_000_000)),
        Context.add(Random.Random, this.world.random),
      ),
    )(effect)
  }

  end(): void {
    this.run(Scope.close(this.scope, Exit.void))
  }
}

/** What its only `leading` gives when it runs to its end. */
const outcomeOf = <A, E>(
  work: (ctx: LeadingContext) => Effect.Effect<A, E>,
  around: (theatre: Theatre) => void = () => {},
): { readonly exit: Exit.Exit<A, E>; readonly theatre: Theatre } => {
  let exit: Exit.Exit<A, E> | null = null
  const theatre = new Theatre((ctx) =>
    Effect.map(Effect.exit(work(ctx)), (ended) => {
      exit = ended
    }),
  )
  around(theatre)
  theatre.begin(10)
  if (exit === null) throw new Error("it has not come to its end")
  return { exit, theatre }
}

const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => Option.getOrThrow(Exit.findErrorOption(exit))

describe("a leading", () => {
  test("knows its leadership", () => {
    const { exit } = outcomeOf(({ actor, group, node, term }) => Effect.succeed({ actor, group, node, term }))
    expect(exit).toEqual(Exit.succeed({ actor: "diary", group: "main", node: "n1", term: 7 }))
  })

  test("may be an Effect that asks for nothing", () => {
    let runs = 0
    const theatre = new Theatre(Effect.sync(() => runs++)).begin(5000)
    expect(runs).toBe(1)
    expect(theatre.posts.status).toMatchObject([
      { actor: "diary", version: "v1", term: 7, state: "ended", restarts: 0 },
    ])
  })

  test("proposes commands of its own actor in the types of their schemas", () => {
    const at = Schema.decodeSync(Schema.DateTimeUtcFromString)("2026-01-02T03:04:05.000Z")
    const { exit, theatre } = outcomeOf(
      (ctx) =>
        ctx.propose({
          key: "a",
          command: "note",
          input: { at },
          idempotencyKey: "once",
          ifRevision: 2,
        } as never),
      (to) => {
        to.answer = ({ input }) => Effect.succeed(accepted(JSON.parse(input).at))
      },
    )
    expect(exit).toEqual(
      Exit.succeed({ result: at, revision: 3, index: 17, term: 7, replayed: false }) as typeof exit,
    )
    expect(theatre.proposed).toMatchObject([
      {
        actor: "diary",
        key: "a",
        command: "note",
        input: '{"at":"2026-01-02T03:04:05.000Z"}',
        idempotencyKey: "once",
        ifRevision: 2,
        door: "n1",
        timer: "",
      },
    ])
    expect(theatre.proposed[0]!.seed).toHaveLength(16)
  })

  test("proposes commands of others in JSON, each with an idempotency key of its own", () => {
    const { exit, theatre } = outcomeOf(
      (ctx) =>
        Effect.all([
          ctx.propose({ actor: "bank", key: "b", command: "pay", input: { b: 1, a: [true] } }),
          ctx.propose({ actor: "bank", key: "b", command: "pay" }),
        ]),
      (to) => {
        to.answer = () => Effect.succeed(accepted({ paid: "2026-01-02T03:04:05.000Z" }))
      },
    )
    expect(Exit.isSuccess(exit) && exit.value[0]!.result).toEqual({ paid: "2026-01-02T03:04:05.000Z" })
    expect(theatre.proposed).toMatchObject([
      { actor: "bank", input: '{"a":[true],"b":1}' },
      { actor: "bank", input: "null" },
    ])
    const keys = theatre.proposed.map(({ idempotencyKey }) => idempotencyKey)
    expect(new Set(keys).size).toBe(2)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/)
  })

  test("is told why a command was not executed, in the reducer's own words, and when nobody knows", () => {
    const told = (outcome: Outcome | Unanswered) =>
      failureOf(
        outcomeOf(
          (ctx) => ctx.propose({ actor: "bank", key: "b", command: "pay" }),
          (to) => {
            to.answer = () => Effect.succeed(outcome)
          },
        ).exit,
      )
    const refused = { _tag: "Refused", replayed: false } as const
    const reason = { code: "poor", message: "no money", data: { by: 3 } }
    const rejected = told({
      ...refused,
      code: "rejected",
      detail: "no money",
      extra: JSON.stringify({ reason }),
    })
    expect(rejected).toBeInstanceOf(ProposeFailed)
    expect(rejected).toMatchObject({ code: "rejected", outcome: "rejected", message: "no money", reason })
    expect(told({ ...refused, code: "unknown-actor", detail: "none", extra: "{}" })).toMatchObject({
      code: "unknown-actor",
      outcome: "rejected",
      reason: null,
    })
    expect(told(lost)).toMatchObject({ code: "leadership-lost", outcome: "unknown", message: "lost" })
  })

  test("is refused on the spot what its own actor does not know, and nothing is proposed", () => {
    for (const [proposal, code] of [
      [{ key: "a", command: "nope" }, "unknown-command"],
      [{ key: "a", command: "note", input: { at: "yesterday" } }, "invalid-input"],
      [{ key: "a", command: "note" }, "invalid-input"],
      [{ actor: "bank", key: "a", command: "pay", input: 1n }, "invalid-input"],
      [{ actor: "$actor", key: "a", command: "activate", input: {} }, "unknown-actor"],
      [{ actor: "bank", key: 3, command: "pay" }, "invalid-input"],
      [{ actor: "bank", key: "a", command: "pay", ifRevision: -1 }, "invalid-input"],
      [{ actor: "bank", key: "a", command: "pay", timeoutMillis: 1e9 }, "invalid-input"],
    ] as const) {
      const { exit, theatre } = outcomeOf((ctx) => ctx.propose(proposal as never))
      expect(failureOf(exit)).toMatchObject({ _tag: "ProposeFailed", code, outcome: "rejected" })
      expect(theatre.proposed).toEqual([])
    }
  })

  test("reads queries of its own actor in their types, of others in JSON, and lists instances", () => {
    const day = "2026-01-02T03:04:05.000Z"
    const { exit, theatre } = outcomeOf(
      (ctx) =>
        Effect.all([
          ctx.read({ key: "a", query: "last" }),
          ctx.read({
            key: "a",
            query: "before",
            input: 4,
            consistency: "lease",
            timeoutMillis: 100,
          } as never),
          ctx.read({ actor: "bank", key: "b", query: "money" }),
          ctx.list({ prefix: "b", limit: 2 }),
        ]),
      (to) => {
        to.says = (query) => {
          const result = query.type === "query" && query.query === "before" ? 4 : day
          const list = { instances: [{ key: "b", revision: 1 }], next: null }
          const body = query.type === "list" ? list : { result, revision: 2, index: 9 }
          return { _tag: "Answered", body: JSON.stringify(body), index: 9 }
        }
      },
    )
    if (Exit.isFailure(exit)) throw new Error(`${exit}`)
    const [last, before, money, list] = exit.value as ReadonlyArray<{ readonly result?: unknown }>
    expect(last).toEqual({
      result: Schema.decodeSync(Schema.DateTimeUtcFromString)(day),
      revision: 2,
      index: 9,
    } as object)
    expect(before).toMatchObject({ result: 4 })
    expect(money).toMatchObject({ result: day })
    expect(list).toEqual({ instances: [{ key: "b", revision: 1 }], next: null } as object)
    expect(theatre.asked).toEqual([
      {
        query: { type: "query", actor: "diary", key: "a", query: "last", input: "null" },
        consistency: "linearizable",
        millis: 5000,
      },
      {
        query: { type: "query", actor: "diary", key: "a", query: "before", input: "4" },
        consistency: "lease",
        millis: 100,
      },
      {
        query: { type: "query", actor: "bank", key: "b", query: "money", input: "null" },
        consistency: "linearizable",
        millis: 5000,
      },
      {
        query: { type: "list", actor: "diary", prefix: "b", after: "", limit: 2 },
        consistency: "linearizable",
        millis: 5000,
      },
    ])
  })

  test("is told why there is no answer to a question", () => {
    for (const [question, code] of [
      [{ key: "a", query: "nope" }, "unknown-query"],
      [{ key: "a", query: "before", input: "x" }, "invalid-input"],
      [{ key: "a", query: "last" }, "leadership-lost"],
      [{ key: "a", query: "last", consistency: "psychic" }, "invalid-input"],
    ] as const) {
      const failure = failureOf(outcomeOf((ctx) => ctx.read(question as never)).exit)
      expect(failure).toBeInstanceOf(ReadFailed)
      expect(failure).toMatchObject({ code })
    }
  })

  test("waits where it is when it asks for too much at once", () => {
    let most = 0
    let now = 0
    const { theatre } = outcomeOf(
      (ctx) =>
        Effect.all(
          Array.from({ length: 500 }, (_, at) =>
            ctx.propose({ actor: "bank", key: `k${at}`, command: "pay" }),
          ),
          { concurrency: "unbounded" },
        ),
      (to) => {
        to.answer = () =>
          Effect.gen(function* () {
            most = Math.max(most, ++now)
            yield* Effect.sleep(1)
            now--
            return accepted(null)
          })
      },
    )
    expect(theatre.proposed).toHaveLength(500)
    expect(most).toBe(64)
  })

  test("gets nothing through any more when its leadership is over", () => {
    const theatre = new Theatre()
    const door = makeDoor(theatre.leadership)
    door.close()
    const call = {
      type: "propose",
      actor: "bank",
      key: "a",
      command: "pay",
      input: "null",
      idempotencyKey: null,
      ifRevision: null,
      millis: 100,
    } as const
    expect(theatre.run(door.ask(call))).toMatchObject({ code: "not-leader", outcome: "rejected" })
    expect(theatre.proposed).toEqual([])
  })
})

describe("what fails", () => {
  test("is begun again after a pause that grows from a second to a minute", () => {
    const theatre = new Theatre(() => Effect.fail("no")).begin(200_000)
    const ats = theatre.failed.map(({ at }) => at)
    const pauses = ats.slice(1).map((at, before) => at - ats[before]!)
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    expect(theatre.posts.status).toMatchObject([{ state: "pausing", restarts: 9 }])
    // Somebody has to look, as the level of the line says.
    expect(theatre.told.slice(0, 2)).toEqual([
      "diary@v1: leading has begun",
      "warn: diary@v1: leading has failed, and is begun again",
    ])
    expect(theatre.posts.status[0]!.lastFailure).toMatchObject({
      kind: "failed",
      detail: expect.stringContaining("no"),
    })
  })

  test("is begun again soon when it has worked for long", () => {
    const theatre = new Theatre(() => Effect.andThen(Effect.sleep(70_000), Effect.die("no"))).begin(290_000)
    expect(theatre.failed.map(({ at }) => at)).toEqual([70_000, 141_000, 212_000, 283_000])
  })

  test("may fail, die, throw, interrupt itself or give no Effect: each is a failure", () => {
    for (const leading of [
      () => Effect.fail(new Error("boom")),
      () => Effect.die(new Error("boom")),
      () => {
        throw new Error("boom")
      },
      () => Effect.interrupt,
      () => "boom" as never,
    ]) {
      const theatre = new Theatre(leading).begin(10)
      expect(theatre.failed).toMatchObject([{ kind: "failed" }])
    }
  })

  test("keeps nobody else from running", () => {
    let ticks = 0
    const theatre = new Theatre(() => Effect.die("no"))
    theatre.play(
      "v1",
      () =>
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => ticks++),
            Effect.sleep(1000),
          ),
        ),
      "other",
    )
    theatre.begin(10_500)
    expect(ticks).toBe(11)
    expect(theatre.posts.status.map(({ actor, state }) => `${actor} ${state}`)).toEqual([
      "diary pausing",
      "other running",
    ])
  })
})

describe("what ends", () => {
  const cleansUp =
    (said: Array<string>, name: string, millis: number): LeadingDefinition =>
    () =>
      Effect.gen(function* () {
        said.push(`${name} begins`)
        yield* Effect.addFinalizer(() =>
          Effect.andThen(
            Effect.sleep(millis),
            Effect.sync(() => said.push(`${name} has cleaned up`)),
          ),
        )
        return yield* Effect.never
      })

  test("in good order is waited for until it has cleaned up", () => {
    const said: Array<string> = []
    const theatre = new Theatre(cleansUp(said, "it", 1500)).begin(10)
    const before = theatre.world.nowMillis
    theatre.run(theatre.done!.end)
    expect(said).toEqual(["it begins", "it has cleaned up"])
    expect(theatre.world.nowMillis - before).toBe(1500)
    expect(theatre.posts.status).toEqual([])
  })

  test("in good order is waited for no longer than two seconds", () => {
    const said: Array<string> = []
    const theatre = new Theatre(cleansUp(said, "it", 100_000)).begin(10)
    const before = theatre.world.nowMillis
    theatre.run(theatre.done!.end)
    expect(theatre.world.nowMillis - before).toBe(2000)
    theatre.end()
    expect(said).toEqual(["it begins"])
  })

  test("at once is not waited for, and asks in vain from then on", () => {
    const said: Array<string> = []
    const theatre = new Theatre((ctx) =>
      Effect.andThen(
        Effect.addFinalizer(() =>
          Effect.map(Effect.exit(ctx.propose({ actor: "bank", key: "a", command: "pay" })), (exit) =>
            said.push(failureOf(exit).code),
          ),
        ),
        Effect.never,
      ),
    ).begin(10)
    const before = theatre.world.nowMillis
    theatre.end()
    expect(theatre.world.nowMillis).toBe(before)
    theatre.world.runFor(10)
    expect(said).toEqual(["not-leader"])
    expect(theatre.proposed).toEqual([])
    expect(theatre.isHeard).toBe(false)
  })

  test("with a version is ended before that of the next one begins; and so it goes back (D7)", () => {
    const said: Array<string> = []
    const theatre = new Theatre(cleansUp(said, "one", 500)).begin(10)
    theatre.play("v2", cleansUp(said, "two", 500))
    theatre.world.runFor(1000)
    theatre.play("v1", cleansUp(said, "one", 500))
    theatre.world.runFor(1000)
    expect(said).toEqual([
      "one begins",
      "one has cleaned up",
      "two begins",
      "two has cleaned up",
      "one begins",
    ])
    theatre.led = []
    theatre.play("v1", () => Effect.void, "other")
    theatre.led = []
    theatre.world.runFor(1000)
    expect(said.at(-1)).toBe("one has cleaned up")
    expect(theatre.posts.status).toEqual([])
    expect(theatre.told).toEqual([
      "diary@v1: leading has begun",
      "diary@v1: leading has been ended",
      "diary@v2: leading has begun",
      "diary@v2: leading has been ended",
      "diary@v1: leading has begun",
      "diary@v1: leading has been ended",
    ])
  })

  test("by itself, with success, stays ended until the next leadership", () => {
    let runs = 0
    const theatre = new Theatre(() => Effect.sync(() => runs++)).begin(100_000)
    expect([runs, theatre.failed]).toEqual([1, []])
    theatre.run(theatre.done!.end)
    theatre.end()
  })
})

describe("a module's leading", () => {
  const loadedWith = (leading: unknown) => loadActor("diary", "v", { ...diary(Effect.void), leading })

  test("must be an Effect, or a function that is not async; and the manifest tells of it", () => {
    for (const leading of [Effect.void, () => Effect.void, undefined]) {
      const loaded = Result.getOrThrow(loadedWith(leading))
      expect(manifestOf(loaded).hasLeading).toBe(leading !== undefined)
    }
    for (const leading of [1, "x", {}, null, async () => {}]) {
      expect(Result.getOrThrow(Result.flip(loadedWith(leading)))).toMatch(/^leading: expected an Effect/)
    }
  })

  test("is not run when the module is loaded", () => {
    let isRun = false
    const leading = () => {
      isRun = true
      return Effect.void
    }
    Result.getOrThrow(loadedWith(leading))
    expect(isRun).toBe(false)
  })
})
