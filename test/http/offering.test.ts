// Until when does a node call an actor of its own files "not here yet" instead of unknown?

import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { Offering } from "../../src/http/Offering.ts"
import type { OwnActor } from "../../src/machine/MachineHost.ts"
import { makeFake } from "./fakeRaft.ts"

const version = "0".repeat(64)
const own = { actor: "till", version, manifest: { declared: null } } as unknown as OwnActor

test("an actor is waited for until this node has come to where the group took it in", async () => {
  const { door } = makeFake()
  const come = Promise.withResolvers<void>()
  const asked: Array<number> = []
  let known = false
  const offering = new Offering(
    {
      raft: {
        ...door.raft,
        propose: (proposals) => {
          const result = JSON.stringify({ status: "activated" })
          for (const { answer } of proposals)
            answer({ _tag: "Accepted", result, revision: 1, index: 12, term: 1, replayed: false })
        },
        read: async ({ minIndex, consistency, answer }) => {
          expect(consistency).toBe("local")
          asked.push(minIndex)
          await come.promise
          known = true
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
    },
    "n1",
  )
  const life = Effect.runFork(offering.life(() => {}))
  while (asked.length === 0) await Bun.sleep(1)
  expect(asked).toEqual([12])
  expect(offering.isDone).toBe(false)
  expect(offering.settled("till")).not.toBe(null)
  come.resolve()
  await offering.settled("till")
  await Effect.runPromise(Fiber.join(life))
  expect(offering.isDone).toBe(true)
  expect(offering.settled("till")).toBe(null)
})
