// What do watchers learn of what a reducer says? Everything that was accepted, in order, once, or the state. (L10)

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { CommandContext } from "../../src/machine/actor.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { EventsAsked } from "../../src/machine/MachineHost.ts"
import { registryOf } from "../../src/machine/Registry.ts"
import { Random } from "../consensus/Random.ts"
import { Bench, command, entry, refusalOf } from "./Bench.ts"
import { kept, registry, say, speaker } from "./speaker.ts"

const asked = (after: number | null, key = "a", actor = "speaker"): EventsAsked => ({ actor, key, after })

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

/** As a watcher of one instance is answered. */
const look = (at: Bench, after: number | null, key = "a") => {
  const { index, outcomes } = at.machine.events([asked(after, key)])
  return { index, ...outcomes[0]! }
}

const numbersOf = (outcome: ReturnType<typeof look>): ReadonlyArray<number> => {
  if (outcome._tag !== "Events") throw new Error(`not events: ${JSON.stringify(outcome)}`)
  return outcome.entries.flatMap(({ events }) =>
    events.map(({ data }) => (JSON.parse(data) as { at: number }).at),
  )
}

describe("ctx.emit", () => {
  test("tells the watchers of its instance, by entry and in the order of the calls", () => {
    const at = new Bench(registry)
    at.propose(say(2))
    at.propose(say(1, { key: "b" }))
    at.propose(say(0))
    at.propose(say(1))
    expect(look(at, 0)).toEqual({
      index: 4,
      _tag: "Events",
      entries: [
        {
          index: 1,
          events: [
            { event: "said", data: '{"at":1,"padding":""}' },
            { event: "said", data: '{"at":2,"padding":""}' },
          ],
        },
        { index: 4, events: [{ event: "said", data: '{"at":3,"padding":""}' }] },
      ],
      upTo: 4,
    })
    expect(numbersOf(look(at, 1))).toEqual([3])
    expect(numbersOf(look(at, 0, "b"))).toEqual([1])
    expect(look(at, 4)).toEqual({ index: 4, _tag: "Events", entries: [], upTo: 4 })
    expect(look(at, null)).toEqual({ index: 4, _tag: "Events", entries: [], upTo: 4 })
  })

  test("changes neither result, revision nor hash", () => {
    const { say: spoken } = speaker.commands
    const silenced = (state: never, input: never, ctx: CommandContext) =>
      spoken!.reduce(state, input, { ...ctx, emit: () => {} })
    const muted = registryOf({ speaker: { ...speaker, commands: { say: { ...spoken!, reduce: silenced } } } })
    const [loud, silent] = [new Bench(registry), new Bench(muted)]
    const given = say(1)
    for (const at of [loud, silent]) expect(at.propose(given)).toMatchObject({ result: "1", revision: 1 })
    expect(numbersOf(look(silent, 0))).toEqual([])
    expect(loud.machine.stateHash()).toEqual(silent.machine.stateHash())
  })

  for (const how of ["reject", "throw", "invalid"]) {
    test(`says nothing when the command is refused in the end (${how})`, () => {
      const at = new Bench(registry)
      expect(at.propose(say(2, { how }))).toMatchObject({ _tag: "Refused", code: "rejected" })
      expect(look(at, 0)).toMatchObject({ _tag: "Events", entries: [], upTo: 1 })
    })
  }

  test("says nothing again when a command is asked for again", () => {
    const at = new Bench(registry)
    const once = say(1)
    at.propose(once)
    expect(at.propose(once)).toMatchObject({ replayed: true })
    // Past the door as well.
    expect(at.apply({ ...once, version: "v1" })).toMatchObject({ replayed: true })
    expect(numbersOf(look(at, 0))).toEqual([1])
  })

  test("says what a timer's command says (D9)", () => {
    const at = new Bench(registry)
    at.propose(command({ actor: "speaker", command: "later" }), 1000)
    for (const bytes of at.machine.due(2000, 10)) {
      const [admission] = at.machine.admit([bytes])
      if (admission?._tag === "Admitted") at.applyBytes(admission.command, 2000)
    }
    expect(numbersOf(look(at, 1))).toEqual([1])
  })

  test("keeps what JSON keeps, in canonical form, on one line; nothing means null (D3)", () => {
    const at = new Bench(registry)
    at.propose(command({ actor: "speaker", command: "odd" }))
    at.propose(command({ actor: "speaker", command: "emit", json: { event: "quiet" } }))
    expect(look(at, 0)).toMatchObject({
      entries: [
        { events: [{ event: "odd", data: '{"b":0,"\u2028":"\\n"}' }] },
        { events: [{ event: "quiet", data: "null" }] },
      ],
    })
  })

  const refusedBy = (given: ReturnType<typeof command>, limits = {}) => {
    const at = new Bench(registry, limits)
    const refusal = refusalOf(at.propose(given))
    expect(refusal).toMatchObject({ code: "rejected", reason: { code: "reducer-threw" } })
    expect(look(at, 0)).toMatchObject({ entries: [] })
    return (refusal as unknown as { readonly reason: { readonly message: string } }).reason.message
  }
  const emit = (json: object) => command({ actor: "speaker", command: "emit", json })

  test.each(["", "a b", "a\nid: 1", "1a", "é", "a".repeat(64), 7, null].map((event) => [event]))(
    "refuses the name %j, which would not stand in a stream of events",
    (event) => {
      expect(refusedBy(emit({ event }))).toContain("is no name for an event")
    },
  )

  test("refuses the name that Raftlet itself says", () => {
    expect(refusedBy(emit({ event: "reset" }))).toContain("by Raftlet itself")
  })

  test.each(["NaN", "a Map"])("refuses what is not JSON: %s", (what) => {
    const said = refusedBy(command({ actor: "speaker", command: "broken", json: { what } }))
    expect(said).toContain("emit: not JSON: at /at/0:")
  })

  test("refuses more events, or more bytes of them, than the limit, the same on every replica (D1)", () => {
    const limits = { eventsPerCommandMax: 3, eventBytesPerCommandMax: 100 }
    expect(refusedBy(say(4), limits)).toContain("one command may emit 3 events")
    expect(refusedBy(say(2, { padding: 40 }), limits)).toContain("may have 100 bytes")
    const at = new Bench(registry, limits)
    // 4 bytes of name and 21 of data without the padding, twice.
    expect(at.propose(say(2, { padding: 25 }))).toMatchObject({ _tag: "Accepted" })
    expect(at.propose(say(2, { padding: 26 }))).toMatchObject({ _tag: "Refused" })
    expect(at.propose(say(3))).toMatchObject({ _tag: "Accepted" })
  })

  test("is of no use any more when the reducer has returned", () => {
    const at = new Bench(registry)
    at.propose(command({ actor: "speaker", command: "keeps" }))
    expect(() => kept.ctx!.emit("late")).toThrow("the reducer has returned")
    expect(look(at, 0)).toMatchObject({ entries: [] })
  })
})

describe("a cursor", () => {
  test("of this node's past resumes without a gap, also where other instances' events are gone (L10)", () => {
    const at = new Bench(registry, { eventsKeptMax: 3 })
    at.propose(say(1, { key: "quiet" }))
    for (let count = 0; count < 10; count++) at.propose(say(1))
    // The quiet one was not written behind its cursor: nothing of it can be missing.
    expect(look(at, 1, "quiet")).toMatchObject({ _tag: "Events", entries: [], upTo: 11 })
    expect(look(at, 0, "quiet")).toMatchObject({ _tag: "Reset" })
    expect(numbersOf(look(at, 8))).toEqual([8, 9, 10])
    expect(look(at, 7)._tag).toBe("Reset")
    expect(look(at, 7)).toEqual({
      index: 11,
      _tag: "Reset",
      body: '{"state":{"said":10},"revision":10,"index":11}',
    })
    at.propose(say(1, { key: "quiet" }))
    expect(numbersOf(look(at, 1, "quiet"))).toEqual([2])
  })

  test("is reset by an accepted command whose events may be gone, though it had none (L10)", () => {
    const at = new Bench(registry, { eventsKeptMax: 1 })
    at.propose(say(1))
    at.propose(say(0))
    for (const _ of [1, 2]) at.propose(say(1, { key: "b" }))
    expect(look(at, 1)._tag).toBe("Reset")
    expect(look(at, 2)._tag).toBe("Events")
  })

  test("that is ahead of this node waits where it is (L10)", () => {
    const at = new Bench(registry)
    at.propose(say(1))
    expect(look(at, 9)).toEqual({ index: 1, _tag: "Events", entries: [], upTo: 9 })
  })

  test("survives a restart: what is applied again is told again, and no more (L10)", () => {
    const at = new Bench(registry)
    const commands = [say(1), say(1), say(1)]
    at.propose(commands[0]!)
    at.machine.flush()
    at.propose(commands[1]!)
    at.restart()
    expect(at.index).toBe(1)
    // A client has seen it at another node: it waits.
    expect(look(at, 2)).toMatchObject({ _tag: "Events", entries: [], upTo: 2 })
    for (const each of commands.slice(1)) at.propose(each)
    expect(numbersOf(look(at, 1))).toEqual([2, 3])
    expect(numbersOf(look(at, 2))).toEqual([3])
    expect(look(at, 0)._tag).toBe("Reset")
  })

  test("of an unknown actor, or of what is no key, is refused", () => {
    const at = new Bench(registry)
    const { outcomes } = at.machine.events([asked(0, "a", "nobody"), asked(0, "")])
    expect(outcomes).toMatchObject([
      { _tag: "Refused", code: "unknown-actor" },
      { _tag: "Refused", code: "invalid-input" },
    ])
  })
})

describe("an answer is bounded", () => {
  test("to a page of whole entries for each, behind which the next question goes on (H7)", () => {
    const at = new Bench(registry)
    for (let count = 0; count < 10; count++) at.propose(say(2, { padding: 15_000 }))
    const seen: Array<number> = []
    let after = 0
    let pages = 0
    for (; after < 10; pages++) {
      const page = look(at, after)
      seen.push(...numbersOf(page))
      if (page._tag === "Events") after = page.upTo
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(pages).toBeGreaterThan(2)
  })

  test("in all: who does not fit in is postponed, and the first never is", () => {
    const at = new Bench(registry)
    for (let count = 0; count < 60; count++) at.propose(say(1, { padding: 80_000 }))
    const { outcomes } = at.machine.events(Array.from({ length: 100 }, () => asked(0)))
    const tags = outcomes.map(({ _tag }) => _tag)
    expect(tags[0]).toBe("Events")
    expect(tags.slice(0, 20)).not.toContain("Postponed")
    expect(tags.slice(70)).toEqual(Array(30).fill("Postponed"))
  })

  test("by whole entries: half of one's events would be a gap", () => {
    const at = new Bench(registry, { eventsKeptMax: 3 })
    at.propose(say(2))
    at.propose(say(2))
    expect(look(at, 0)._tag).toBe("Reset")
    expect(numbersOf(look(at, 1))).toEqual([3, 4])
    at.propose(say(4))
    expect(look(at, 2)._tag).toBe("Reset")
    expect(look(at, 3)).toMatchObject({ _tag: "Events", entries: [] })
  })

  test("to so many bytes in memory", () => {
    const at = new Bench(registry, { eventBytesKeptMax: 10_000 })
    for (let count = 0; count < 10; count++) at.propose(say(1, { padding: 3000 }))
    expect(numbersOf(look(at, 7))).toEqual([8, 9, 10])
    expect(look(at, 6)._tag).toBe("Reset")
  })
})

test("whoever follows sees all events in order, once, or a state that says how far they are, whatever happens (L10)", () => {
  let resets = 0
  for (let seed = 1; seed <= 30; seed++) resets += follow(new Random(seed))
  expect(resets).toBeGreaterThan(50)
})

const keys = ["a", "b", "c"]

interface Follower {
  readonly key: string
  after: number
  /** The number of the last event that it has seen, or that a state said. */
  seen: number
}

/**
 * One log, applied by a machine that is flushed and restarted in between, while watchers with old cursors ask. Gives how
 * many were told a state.
 */
const follow = (random: Random): number => {
  const at = new Bench(registry, { eventsKeptMax: 1 + random.between(0, 19), eventBytesKeptMax: 100_000 })
  const log: Array<Uint8Array> = []
  const followers: Array<Follower> = keys.flatMap((key) => [1, 2, 3].map(() => ({ key, after: 0, seen: 0 })))
  let resets = 0
  for (let step = 0; step < 200; step++) {
    const what = random.between(0, 99)
    if (what < 50) {
      const count = random.between(0, 3)
      const how = random.between(0, 3) === 0 ? "reject" : ""
      const given = say(count, { key: random.pick(keys), how, padding: random.between(0, 49) })
      const [admission] = at.machine.admit([encodeCommand(given)])
      if (admission?._tag === "Admitted") log.push(admission.command)
    } else if (what < 55) at.machine.flush()
    else if (what < 58) at.restart()
    else if (what < 75) {
      const until = at.index + 1 + random.between(0, 4)
      for (const data of log.slice(at.index, until)) at.machine.apply([entry(++at.index, data)])
    } else {
      const asking = followers.filter(() => random.between(0, 2) === 0)
      const { index, outcomes } = at.machine.events(asking.map(({ key, after }) => asked(after, key)))
      for (const [which, outcome] of outcomes.entries()) {
        if (outcome._tag === "Reset") resets++
        advance(asking[which]!, outcome, index)
      }
    }
  }
  return resets
}

const advance = (
  follower: Follower,
  outcome: ReturnType<Bench["machine"]["events"]>["outcomes"][number],
  index: number,
): void => {
  if (outcome._tag === "Reset") {
    const { state } = JSON.parse(outcome.body) as { readonly state: { readonly said: number } }
    expect(state.said).toBeGreaterThan(follower.seen - 1)
    expect(index).toBeGreaterThan(follower.after)
    follower.seen = state.said
    follower.after = index
    return
  }
  for (const number of numbersOf({ index, ...outcome })) {
    expect(number).toBe(follower.seen + 1)
    follower.seen = number
  }
  if (outcome._tag === "Events") {
    expect(outcome.upTo).toBeGreaterThan(follower.after - 1)
    follower.after = outcome.upTo
  }
}
