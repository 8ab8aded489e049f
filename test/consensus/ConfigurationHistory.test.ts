// Does cutting the log bring back the configuration that ruled before? (§6, M2, M3)

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { ConfigurationHistory } from "../../src/consensus/ConfigurationHistory.ts"
import {
  decodeConfiguration,
  encodeConfiguration,
  isJoint,
  isVoter,
  members,
} from "../../src/consensus/configuration.ts"
import type { Configuration, Entry, Index } from "../../src/consensus/types.ts"

const named = (...voters: ReadonlyArray<string>): Configuration => ({
  voters,
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
})

const entryOf = (index: Index, configuration: Configuration | null): Entry => ({
  index,
  term: 1,
  time: 0,
  kind: configuration === null ? "command" : "configuration",
  data: configuration === null ? new Uint8Array(1) : encodeConfiguration(configuration),
  origin: null,
})

describe("the configurations along a log", () => {
  test("against a list of all entries: the latest at or before a position rules there (M2, M3)", () => {
    const acts = fc.oneof(
      { weight: 4, arbitrary: fc.record({ act: fc.constant("append" as const), changes: fc.boolean() }) },
      fc.record({ act: fc.constantFrom("truncate" as const, "compact" as const), part: fc.nat(100) }),
      fc.record({ act: fc.constant("reset" as const) }),
    )
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 40 }), (performed) => {
        const history = new ConfigurationHistory({ index: 0, configuration: named("first") }, [])
        let plain: Array<{ index: Index; configuration: Configuration }> = [
          { index: 0, configuration: named("first") },
        ]
        let base = 0
        let last = 0
        let made = 0
        for (const done of performed) {
          if (done.act === "append") {
            const configuration = done.changes ? named(`n${++made}`) : null
            history.append(entryOf(++last, configuration))
            if (configuration !== null) plain.push({ index: last, configuration })
          } else if (done.act === "reset") {
            base = last += 3
            const configuration = named(`n${++made}`)
            history.reset({ index: base, configuration })
            plain = [{ index: base, configuration }]
          } else {
            const at = base + (done.part % (last - base + 1))
            if (done.act === "truncate") {
              history.truncateFrom(at + 1)
              plain = plain.filter(({ index }) => index <= at)
              last = at
            } else {
              history.compact(at)
              plain = plain.map((one) =>
                one === plain.findLast(({ index }) => index <= at) ? { ...one, index: at } : one,
              )
              plain = plain.filter(({ index }) => index >= at)
              base = at
            }
          }
          expect(history.current).toEqual(plain.at(-1)!.configuration)
          expect(history.currentIndex).toBe(plain.at(-1)!.index)
          for (let index = base; index <= last; index++) {
            expect(history.asOf(index)).toEqual(plain.findLast((one) => one.index <= index)!.configuration)
          }
        }
      }),
    )
  })

  test("what is loaded from disk rules as if it had been appended (M2)", () => {
    const history = new ConfigurationHistory({ index: 3, configuration: named("a") }, [
      { index: 5, configuration: named("b") },
      { index: 9, configuration: named("c") },
    ])
    expect([3, 4, 5, 8, 9, 20].map((index) => history.asOf(index).voters[0]!)).toEqual([..."aabbcc"])
    history.truncateFrom(9)
    expect(history.current).toEqual(named("b"))
    history.truncateFrom(4)
    expect(history.current).toEqual(named("a"))
  })

  test("a configuration comes back from its entry as it was (§6)", () => {
    const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 5 })
    const addresses = fc.dictionary(
      fc.string({ minLength: 1 }).filter((id) => id !== "__proto__"),
      fc.record({ peer: fc.string(), client: fc.string() }),
    )
    fc.assert(
      fc.property(ids, ids, ids, ids, addresses, (voters, outgoing, learners, learnersNext, where) => {
        const configuration = { voters, outgoing, learners, learnersNext, addresses: { ...where } }
        expect(decodeConfiguration(encodeConfiguration(configuration))).toEqual(configuration)
      }),
    )
  })

  test("a joint configuration's members are both halves and the learners, each once (§6)", () => {
    const joint = { ...named("a", "b", "c"), outgoing: ["b", "d"], learners: ["e"] }
    expect(members(joint)).toEqual(["a", "b", "c", "d", "e"])
    expect([isJoint(joint), isJoint(named("a"))]).toEqual([true, false])
    expect(["a", "b", "c", "d", "e", "f"].map((id) => isVoter(joint, id))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

describe("what may come to rule", () => {
  const history = () =>
    new ConfigurationHistory(
      { index: 3, configuration: named("base") },
      [5, 8, 9].map((index) => ({ index, configuration: named(`at ${index}`) })),
    )
  const voters = (some: ReadonlyArray<Configuration>) => some.flatMap((one) => one.voters)

  test("is the newest configuration that is committed and all behind it (M2, M3)", () => {
    const cases = [
      [3, ["base", "at 5", "at 8", "at 9"]],
      [4, ["base", "at 5", "at 8", "at 9"]],
      [5, ["at 5", "at 8", "at 9"]],
      [8, ["at 8", "at 9"]],
      [9, ["at 9"]],
      [99, ["at 9"]],
      // It knows of none before its base, whatever it has yet to learn of the commit index.
      [0, ["base", "at 5", "at 8", "at 9"]],
    ] as const
    for (const [commitIndex, expected] of cases) {
      expect(voters(history().from(commitIndex))).toEqual([...expected])
    }
  })

  test("the last one before a place, and all behind one", () => {
    expect([3, 5, 6, 8, 9, 10].map((index) => history().before(index))).toEqual([3, 3, 5, 5, 8, 9])
    expect(
      [3, 5, 8, 9].map((index) =>
        history()
          .behind(index)
          .map((each) => each.index),
      ),
    ).toEqual([[5, 8, 9], [8, 9], [9], []])
  })
})
