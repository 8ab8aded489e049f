// With whom does a node found a group? With the members that main has by now, not with those that it last heard of.

import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { Configuration } from "../../src/consensus/types.ts"
import { nobody } from "../../src/groups/founding.ts"
import { foundingNow } from "../../src/groups/hearing.ts"
import type { Failure, GroupStatus, Read } from "../../src/raft/Raft.ts"
import { leading } from "../http/fakeRaft.ts"

const memberIs = (id: string): Configuration => ({
  ...nobody,
  voters: [id],
  addresses: { [id]: { peer: `${id}:1`, client: `http://${id}`, incarnation: "a" } },
})

/** A replica that believes n1 to be the only member until it has asked. */
const replica = (answer: Failure | null, then: Partial<GroupStatus>) => {
  let status: GroupStatus = { ...leading, configuration: memberIs("n1"), committed: memberIs("n1") }
  return {
    now: () => 0,
    status: () => status,
    read: (read: Read) => {
      expect(read.consistency).toBe("linearizable")
      status = { ...status, ...then }
      read.answer(answer ?? { _tag: "Answered", body: "{}", index: 9 })
    },
  }
}

const founds = (answer: Failure | null, then: Partial<GroupStatus>) =>
  Effect.runPromise(foundingNow(replica(answer, then), new Map(), 5_000))

test("with those whom main has when it is asked (seed 424)", async () => {
  const now = { configuration: memberIs("n2"), committed: memberIs("n2") }
  expect(await founds(null, now)).toEqual(memberIs("n2"))
})

test("with nobody while main is not heard", async () => {
  const unheard: Failure = { _tag: "Failure", code: "no-leader", outcome: "rejected", detail: "" }
  expect(await founds(unheard, {})).toContain("main")
})

test("with nobody while a change is on its way that is not committed yet", async () => {
  const joint = { ...memberIs("n2"), outgoing: ["n1"] }
  expect(await founds(null, { configuration: joint })).toContain("being changed")
})
