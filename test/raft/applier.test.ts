// Does everybody who waits for an entry hear what became of it, wherever the entries before it were read?

import { expect, test } from "bun:test"
import { Effect } from "effect"
import { Log } from "../../src/consensus/Log.ts"
import type { Entry } from "../../src/consensus/types.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import { applyAll } from "../../src/raft/applier.ts"
import type { Group } from "../../src/raft/Group.ts"
import { Herald } from "../../src/raft/Herald.ts"
import { Mailbox } from "../../src/raft/Mailbox.ts"
import { Partings } from "../../src/raft/Partings.ts"
import { Refill } from "../../src/raft/Refill.ts"
import { World } from "../../src/simulation/World.ts"

const entry = (index: number, origin: unknown = null): Entry => ({
  index,
  term: 1,
  time: 0,
  kind: "command",
  data: new Uint8Array(8),
  origin: origin as Entry["origin"],
})

const accepted = (index: number): Outcome => ({
  _tag: "Accepted",
  result: "null",
  revision: index,
  index,
  term: 1,
  replayed: false,
})

test("who waits for an entry that is in memory hears of it, though those before it are on disk alone (C2)", () => {
  const world = new World(1)
  const answered: Array<number> = []
  const waiting = { applied: (outcome: Outcome) => answered.push((outcome as { index: number }).index) }
  const log = new Log({
    base: { index: 0, term: 0 },
    lastIndex: 4,
    terms: [{ term: 1, firstIndex: 1 }],
    tail: [entry(3, waiting), entry(4, waiting)],
  })
  const partings = new Partings()
  partings.begin(() => {})
  const group = {
    node: { group: "main", log, commitIndex: 4, appliedIndex: 0, pendingInstall: null },
    options: { applyEntriesMax: 100, applyBytesMax: 1_000_000 },
    mailbox: new Mailbox<unknown>(),
    clock: { monotonicTimeNanosUnsafe: () => 0n },
    partings,
    log: {
      read: ({ from, to }: { from: number; to: number }) =>
        Effect.succeed(Array.from({ length: to - from + 1 }, (_, at) => entry(from + at))),
    },
    machine: {
      apply: (entries: ReadonlyArray<Entry>) =>
        Effect.succeed(entries.map(({ index, origin }) => (origin === null ? null : accepted(index)))),
    },
  } as unknown as Group
  const applied = { index: 0, changedIndex: 0 }
  const nobody = { advanced: () => {}, noted: () => {}, installed: () => {}, stuck: () => {} }
  world.root.fork(
    applyAll(group, applied, { index: 0, at: 0 }, new Refill(group, () => {}), new Herald(), nobody),
  )
  world.runFor(10)
  expect(applied.index).toBe(4)
  expect(answered).toEqual([3, 4])
})

test("who is stuck waits before it tries again, also while a snapshot is noted that is taken over already (D5)", () => {
  const world = new World(1)
  const stuck = { index: 2, actor: "till", key: "a", fault: { kind: "deadline", detail: "" } }
  const partings = new Partings()
  partings.begin(() => {})
  let tries = 0
  const group = {
    node: {
      group: "main",
      log: new Log({
        base: { index: 1, term: 1 },
        lastIndex: 2,
        terms: [{ term: 1, firstIndex: 2 }],
        tail: [entry(2)],
      }),
      commitIndex: 2,
      appliedIndex: 1,
      pendingInstall: { index: 1 },
    },
    options: { applyEntriesMax: 100, applyBytesMax: 1_000_000 },
    mailbox: new Mailbox<unknown>(),
    clock: world.root.clock,
    partings,
    machine: {
      apply: () => Effect.as(Effect.sleep(1), [tries++].slice(1)),
      status: Effect.succeed({ stuck }),
    },
  } as unknown as Group
  const nobody = { advanced: () => {}, noted: () => {}, installed: () => {}, stuck: () => {} }
  world.root.fork(
    applyAll(
      group,
      { index: 1, changedIndex: 1 },
      { index: 1, at: 0 },
      new Refill(group, () => {}),
      new Herald(),
      nobody,
    ),
  )
  world.runFor(1000)
  expect(tries).toBe(1)
})
