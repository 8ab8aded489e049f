// Is an operator who gives a majority up told what every survivor has, and stopped while one of them has more?
// (HAZARDS O7)

import { describe, expect, test } from "bun:test"
import { type Fake, leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

interface Said {
  readonly id?: string
  readonly clusterId?: string
  readonly leader?: string | null
  readonly lastIndex?: number
  readonly lastTerm?: number
}

/** Another member that says this of itself, or that does not answer. */
type Other = Said | "silent"

const reset = (fake: Fake, body: unknown) =>
  fake.ask("/admin/reset", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  })

/** n1 knows no leader; the others are n2, n3, … */
const withOthers = async (
  others: ReadonlyArray<Other>,
  use: (fake: Fake) => Promise<void>,
): Promise<void> => {
  const servers = others.map((other, at) => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => {
        const { id = `n${at + 2}`, clusterId = "c-1", ...said } = other === "silent" ? {} : other
        const group = {
          ...{ group: "main", term: 2, lastTerm: 2, lastIndex: 8, commitIndex: 7, standing: "whole" },
          ...{ leader: null, ...said },
        }
        return Response.json({ id, clusterId, groups: [group] })
      },
    })
    return { id: `n${at + 2}`, client: `http://127.0.0.1:${server.port}`, server }
  })
  await Promise.all(
    servers.map(({ server }, at) => (others[at] === "silent" ? server.stop(true) : undefined)),
  )
  try {
    const fake = makeFake()
    const [self] = leaderless.members
    const members = [self!, ...servers.map(({ id, client }) => ({ ...self!, id, client }))]
    const voters = members.map(({ id }) => id)
    fake.status.current = {
      ...leaderless,
      configuration: { ...leaderless.configuration, voters },
      members,
    }
    await use(fake)
    expect(fake.defects).toEqual([])
  } finally {
    await Promise.all(servers.map(({ server }) => server.stop(true)))
  }
}

describe("a reset", () => {
  test("says first what would be lost, and asks the group for nothing", () =>
    withOthers(["silent", "silent"], async (fake) => {
      const response = await reset(fake, { voters: ["n1"] })
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({
        dryRun: true,
        done: false,
        best: "n1",
        lostVoters: ["n2", "n3"],
        committedIndex: 7,
        uncertain: { from: 8, to: 8 },
        leftOut: [],
      })
      expect(fake.resets).toEqual([])
    }))

  test("is done by a word", () =>
    withOthers(["silent", {}], async (fake) => {
      const response = await reset(fake, { voters: ["n1", "n3"], dryRun: false })
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ dryRun: false, done: true })
      expect(fake.resets).toMatchObject([{ voters: ["n1", "n3"] }])
    }))

  test("names members that live and are given up all the same", () =>
    withOthers(["silent", { lastIndex: 8 }], async (fake) => {
      const response = await reset(fake, { voters: ["n1"] })
      expect(await response.json()).toMatchObject({
        lostVoters: ["n2", "n3"],
        leftOut: [{ id: "n3", lastIndex: 8 }],
      })
    }))

  const refused: ReadonlyArray<readonly [string, ReadonlyArray<Other>, unknown, number, string]> = [
    [
      "while a member that it leaves out knows a leader",
      ["silent", { leader: "n2" }],
      { voters: ["n1"] },
      409,
      "has-leader",
    ],
    [
      "while one that it keeps knows a leader",
      [{ leader: "n3" }, "silent"],
      { voters: ["n1", "n2"] },
      409,
      "has-leader",
    ],
    [
      "when one that it keeps has more",
      [{ lastIndex: 9 }, "silent"],
      { voters: ["n1", "n2"] },
      409,
      "has-more",
    ],
    [
      "when one that it leaves out has more",
      [{ lastTerm: 3 }, "silent"],
      { voters: ["n1"] },
      409,
      "has-more",
    ],
    ["when one that it keeps is silent", ["silent", "silent"], { voters: ["n1", "n2"] }, 503, "not-ready"],
    [
      "when somebody else answers there",
      [{ id: "n9" }, "silent"],
      { voters: ["n1", "n2"] },
      503,
      "not-ready",
    ],
    [
      "when a node of another cluster answers there",
      [{ clusterId: "c-2" }, "silent"],
      { voters: ["n1", "n2"] },
      503,
      "not-ready",
    ],
    ["by a node that is not to vote", ["silent", {}], { voters: ["n3"] }, 400, "bad-request"],
    ["for a voter that stands twice", ["silent", "silent"], { voters: ["n1", "n1"] }, 400, "bad-request"],
    ["for nobody", ["silent", "silent"], { voters: [] }, 400, "bad-request"],
    ["for a stranger", ["silent", "silent"], { voters: ["n1", "constructor"] }, 404, "unknown-member"],
  ]
  for (const [what, others, body, status, code] of refused) {
    test(`is refused ${what}`, () =>
      withOthers(others, async (fake) => {
        const problem = await problemOf(await reset(fake, { ...(body as object), dryRun: false }))
        expect(problem).toMatchObject({ status, code, outcome: "rejected" })
        expect(fake.resets).toEqual([])
      }))
  }

  test("leaves out one that has more only by force", () =>
    withOthers([{ lastIndex: 9 }, "silent"], async (fake) => {
      expect((await reset(fake, { voters: ["n1"], dryRun: false, force: true })).status).toBe(200)
      expect(fake.resets).toMatchObject([{ voters: ["n1"] }])
    }))

  test("pushes no leader aside by force that it is to keep", () =>
    withOthers([{ leader: "n3" }, "silent"], async (fake) => {
      const response = await reset(fake, { voters: ["n1", "n2"], dryRun: false, force: true })
      expect(await problemOf(response)).toMatchObject({ status: 409, code: "has-leader" })
      expect(fake.resets).toEqual([])
    }))

  test("bad input asks nobody", () =>
    withOthers(["silent"], async (fake) => {
      for (const body of ["{", "[]", "null", {}, { voters: "n1" }, { voters: [1] }, { voters: ["a/b"] }]) {
        expect(await problemOf(await reset(fake, body))).toMatchObject({ status: 400, code: "bad-request" })
      }
      for (const bad of [{ dryRun: "no" }, { dryRun: 0 }, { force: 1 }, { yes: true }]) {
        const problem = await problemOf(await reset(fake, { voters: ["n1"], ...bad }))
        expect(problem).toMatchObject({ status: 400, code: "bad-request" })
      }
      expect(fake.resets).toEqual([])
    }))
})
