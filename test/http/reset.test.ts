// Is a majority given up only while it is lost, as far as anybody can see? (HAZARDS O7)

import { describe, expect, test } from "bun:test"
import { leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

const clusterOf = async (fake: ReturnType<typeof makeFake>): Promise<string> =>
  ((await (await fake.ask("/admin/node")).json()) as { readonly clusterId: string }).clusterId

/** n1 knows no leader and is to go on alone; at n2's client address a node says this of itself. */
const resetBeside = async (
  says: { readonly id?: string; readonly clusterId?: string; readonly leader: string | null },
  body: object = {},
) => {
  const fake = makeFake()
  const clusterId = await clusterOf(fake)
  const n2 = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      const { leader, ...node } = says
      const group = { group: "main", term: 4, lastTerm: 4, lastIndex: 9, commitIndex: 9, standing: "whole" }
      return Response.json({ id: "n2", clusterId, ...node, groups: [{ ...group, leader }] })
    },
  })
  const client = `http://127.0.0.1:${n2.port}`
  fake.status.current = {
    ...leaderless,
    members: leaderless.members.map((member) => (member.id === "n2" ? { ...member, client } : member)),
  }
  try {
    const response = await fake.ask("/admin/reset", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ voters: ["n1"], dryRun: true, ...body }),
    })
    return { client, response }
  } finally {
    await n2.stop(true)
  }
}

describe("a reset that gives up a node which answers", () => {
  for (const [leader, words] of [
    ["n2", "leads"],
    ["n3", "follows n3"],
  ] as const) {
    test(`and ${words} is refused, also as a question`, async () => {
      const { client, response } = await resetBeside({ leader })
      expect(await problemOf(response)).toMatchObject({
        code: "has-leader",
        outcome: "rejected",
        detail: expect.stringContaining(`n2 answers at ${client} and ${words}`),
      })
    })
  }

  for (const [name, says, body] of [
    ["knows no leader either", { leader: null }, {}],
    ["is another one", { id: "n7", leader: "n7" }, {}],
    ["is of another cluster", { clusterId: "another", leader: "n2" }, {}],
    ["leads, and force is used", { leader: "n2" }, { force: true }],
  ] as const) {
    test(`and ${name} is not`, async () => {
      const { response } = await resetBeside(says, body)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ best: "n1", lostVoters: ["n2"], done: false })
    })
  }
})
