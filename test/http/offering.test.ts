// Until when does a node call an actor of its own files "not here yet" instead of unknown?

import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { Offering } from "../../src/http/Offering.ts"
import { decodeCommand } from "../../src/machine/command.ts"
import type { OwnActor } from "../../src/machine/MachineHost.ts"
import { type FakeDoor, groupsOf, makeFake } from "./fakeRaft.ts"

const version = "0".repeat(64)
const noFounding = async () => "Nobody founds anything here."
const offeringOf = (door: FakeDoor) => new Offering(groupsOf(door), "n1", noFounding)
const own = { actor: "till", version, manifest: { declared: 1 } } as unknown as OwnActor

test("an actor is waited for until this node has come to where the group took it in", async () => {
  const { door } = makeFake()
  const come = Promise.withResolvers<void>()
  const asked: Array<number> = []
  const offered: Array<unknown> = []
  let known = false
  const offering = offeringOf({
    raft: {
      ...door.raft,
      propose: (proposals) => {
        const result = JSON.stringify({ status: "activated" })
        for (const { answer, command } of proposals) {
          const { command: name, input } = decodeCommand(command)!
          if (name === "offer") offered.push(JSON.parse(input))
          answer({ _tag: "Accepted", result, revision: 1, index: 12, term: 1, replayed: false })
        }
      },
      read: async ({ minIndex, consistency, answer }) => {
        // First of all, that whatever was settled is known here.
        if (consistency === "local") asked.push(minIndex)
        if (minIndex > 0) await come.promise
        known ||= minIndex > 0
        answer({ _tag: "Refused", code: "unknown-actor", detail: "", extra: "{}", replayed: false })
      },
    },
    machine: {
      ...door.machine,
      own: [own],
      actors: Effect.sync(() => [
        { name: "till", active: known ? version : null, versions: [{ version }] } as never,
      ]),
    },
  })
  const life = Effect.runFork(offering.life(() => {}))
  while (asked.length < 2) await Bun.sleep(1)
  expect(asked).toEqual([0, 12])
  // It is judged by whom the offer names, and not by whom a replica happens to know.
  expect(offered).toMatchObject([{ node: "n1", version, voters: door.raft.status().configuration.voters }])
  expect(door.raft.status().configuration.voters).not.toEqual([])
  expect(offering.isDone).toBe(false)
  expect(offering.settled("till")).not.toBe(null)
  come.resolve()
  await offering.settled("till")
  await Effect.runPromise(Fiber.join(life))
  expect(offering.isDone).toBe(true)
  expect(offering.settled("till")).toBe(null)
})

test("a node in repair offers nothing, and one that is far behind offers once", async () => {
  const { door } = makeFake()
  const offers: Array<number> = []
  // In repair, here, and then behind the answer for a while.
  const isHere = [false, false, true, false, false, true]
  const offering = offeringOf({
    raft: {
      ...door.raft,
      propose: (proposals) => {
        offers.push(isHere.length)
        const result = JSON.stringify({ status: "activated" })
        for (const { answer } of proposals)
          answer({ _tag: "Accepted", result, revision: 1, index: 12, term: 1, replayed: false })
      },
      read: ({ answer, consistency }) =>
        answer(
          consistency === "linearizable" || isHere.shift() === true
            ? { _tag: "Refused", code: "unknown-actor", detail: "", extra: "{}", replayed: false }
            : { _tag: "Failure", code: "not-ready", outcome: "rejected", detail: "in repair" },
        ),
    },
    machine: {
      ...door.machine,
      own: [own],
      actors: Effect.succeed([{ name: "till", active: null, versions: [{ version }] } as never]),
    },
  })
  await Effect.runPromise(offering.life(() => {}))
  expect(offers).toEqual([3])
  expect(offering.isDone).toBe(true)
})
