// Does the arithmetic of majorities agree with the vectors of etcd-io/raft, and with counting by hand? (R7)

import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import {
  majorityReached,
  majorityVote,
  quorumAgreement,
  quorumReached,
  quorumVote,
} from "../../src/consensus/quorum.ts"
import { type Case, readCases } from "../support/datadriven.ts"

const folder = join(import.meta.dir, "../../../shared/vectors/etcd-raft/quorum")
const files = ["majority_commit.txt", "majority_vote.txt", "joint_commit.txt", "joint_vote.txt"]

describe("the quorum cases of etcd-io/raft (R7)", () => {
  if (!existsSync(folder)) {
    // skip: the vectors of etcd-io/raft are not beside the checkout
    test.skip(`skipped: the vectors are not in ${folder}`, () => {})
    return
  }
  const cases = files.flatMap((file) => readCases(join(folder, file)))
  test("all of them are read", () => expect(cases.length).toBe(127))
  for (const one of cases) {
    test(`${one.where}: ${[...one.arguments].map(([name, values]) => `${name}=(${values})`).join(" ")}`, () => {
      expect(answerOf(one)).toBe(one.expected.at(-1)!)
      // The halves of a joint configuration have no order.
      expect(answerOf(one, "swapped")).toBe(one.expected.at(-1)!)
    })
  }
})

/** Values are given in the order of all voters, each once, those of `cfg` first. */
const answerOf = (one: Case, order: "as written" | "swapped" = "as written"): string => {
  const voters = one.arguments.get("cfg") ?? []
  const other = (one.arguments.get("cfgj") ?? []).filter((id) => id !== "zero")
  const configuration =
    order === "as written" ? { voters, outgoing: other } : { voters: other, outgoing: voters }
  const all = [...new Set([...voters, ...other])]
  const values = one.arguments.get(one.command === "vote" ? "votes" : "idx") ?? []
  const stated = (id: string): string => values[all.indexOf(id)]!
  if (one.command === "committed") {
    const index = quorumReached(configuration, (id) => (stated(id) === "_" ? 0 : Number(stated(id))))
    return shownInFull(one, Number.isFinite(index) ? String(index) : "∞")
  }
  const vote = (id: string) => ({ y: true, n: false })[stated(id)]
  return `Vote${{ won: "Won", lost: "Lost", pending: "Pending" }[quorumVote(configuration, vote)]}`
}

/** An empty majority is drawn and answered in one line. */
const shownInFull = (one: Case, index: string): string => {
  const last = one.expected.at(-1)!
  return last.endsWith(index) && last.startsWith("<empty") ? last : index
}

describe("against counting by hand", () => {
  const voters = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"))
  const reached = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), fc.nat(6))
  const isMajority = (some: ReadonlyArray<unknown>, all: ReadonlyArray<unknown>) =>
    2 * some.length > all.length || all.length === 0

  test("what a majority has reached is the largest number that more than half of it reached (R7)", () => {
    fc.assert(
      fc.property(voters, reached, (half, values) => {
        const of = (id: string) => values[id] ?? 0
        const reachedBy = (number: number) => half.filter((id) => of(id) >= number)
        const candidates = [0, 1, 2, 3, 4, 5, 6].filter((number) => isMajority(reachedBy(number), half))
        const expected = half.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...candidates)
        expect(majorityReached(half, of)).toBe(expected)
      }),
    )
  })

  test("a joint quorum has reached what both majorities have reached (§6)", () => {
    fc.assert(
      fc.property(voters, voters, reached, (incoming, outgoing, values) => {
        const of = (id: string) => values[id] ?? 0
        for (let number = 0; number <= 6; number++) {
          const both = [incoming, outgoing].every((half) =>
            isMajority(
              half.filter((id) => of(id) >= number),
              half,
            ),
          )
          expect(quorumReached({ voters: incoming, outgoing }, of) >= number).toBe(both)
        }
      }),
    )
  })

  test("a vote is won, lost or pending as it can still end (§5.2)", () => {
    const votes = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), fc.boolean())
    fc.assert(
      fc.property(voters, voters, votes, (incoming, outgoing, given) => {
        const vote = (id: string) => given[id]
        const endsWith = (assumed: boolean) =>
          [incoming, outgoing].every((half) =>
            isMajority(
              half.filter((id) => given[id] ?? assumed),
              half,
            ),
          )
        const expected = endsWith(false) ? "won" : endsWith(true) ? "pending" : "lost"
        expect(quorumVote({ voters: incoming, outgoing }, vote)).toBe(expected)
        if (outgoing.length === 0) expect(majorityVote(incoming, vote)).toBe(expected)
      }),
    )
  })

  test("what is said is agreed on, open or split as it can still end (D1)", () => {
    const said = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), fc.constantFrom("x", "y"))
    fc.assert(
      fc.property(voters, voters, said, (incoming, outgoing, given) => {
        const halves = [incoming, outgoing].filter((half) => half.length > 0)
        const all = [...new Set(halves.flat())]
        const isAgreed = (value: string, words: Readonly<Record<string, string | undefined>>) =>
          all.length > 0 &&
          halves.every((half) =>
            isMajority(
              half.filter((id) => words[id] === value),
              half,
            ),
          )
        // Nobody can do more for a value than all say it who have not spoken.
        const filled = (value: string) => Object.fromEntries(all.map((id) => [id, given[id] ?? value]))
        const values = ["x", "y", "z"]
        const agreed = values.find((value) => isAgreed(value, given))
        const isOpen = all.length === 0 || values.some((value) => isAgreed(value, filled(value)))
        const expected =
          agreed !== undefined ? { type: "agreed", value: agreed } : { type: isOpen ? "pending" : "split" }
        expect(quorumAgreement({ voters: incoming, outgoing }, (id) => given[id]) as unknown).toEqual(
          expected,
        )
      }),
    )
  })
})
