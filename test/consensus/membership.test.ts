// Does every change of members lead where it was meant to, by steps of which each is safe beside the next?
// (Raft §6, thesis §4)

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isJoint, members } from "../../src/consensus/configuration.ts"
import {
  aimOf,
  isReached,
  isRefusal,
  leaveJoint,
  membersOfAll,
  stepTowards,
} from "../../src/consensus/membership.ts"
import { quorumVote } from "../../src/consensus/quorum.ts"
import type { Address, Aim, Change, Configuration, NodeId } from "../../src/consensus/types.ts"

const at = (id: NodeId, incarnation?: string): Address => ({
  peer: `${id}:1`,
  client: `http://${id}`,
  ...(incarnation === undefined ? {} : { incarnation }),
})

const addressesOf = (ids: Iterable<NodeId>): Record<NodeId, Address> =>
  Object.fromEntries([...ids].map((id) => [id, at(id)]))

const aim = (voters: string, learners = "", addresses: Record<NodeId, Address> = {}): Aim => ({
  voters: [...voters],
  learners: [...learners],
  addresses: { ...addressesOf(voters + learners), ...addresses },
})

/** As it stands in a log: joint when there are outgoing voters. */
const stands = (
  voters: string,
  of: { outgoing?: string; learners?: string; learnersNext?: string; goal?: Aim } = {},
  addresses: Record<NodeId, Address> = {},
): Configuration => ({
  voters: [...voters],
  outgoing: [...(of.outgoing ?? "")],
  learners: [...(of.learners ?? "")],
  learnersNext: [...(of.learnersNext ?? "")],
  addresses: { ...addressesOf(voters + (of.outgoing ?? "") + (of.learners ?? "")), ...addresses },
  ...(of.goal === undefined ? {} : { goal: of.goal }),
})

const nobody = () => false
const everybody = () => true

describe("where a change leads", () => {
  const abc = stands("abc", { learners: "l" })
  const all = addressesOf("abcl")
  const cases: ReadonlyArray<readonly [string, Change, Aim]> = [
    [
      "a set is what it names, and forgets no address that is known",
      { kind: "set", voters: [..."ad"], learners: ["b"], addresses: { d: at("d") } },
      { voters: [..."ad"], learners: ["b"], addresses: { ...all, d: at("d") } },
    ],
    [
      "a newcomer comes in as a voter",
      { kind: "add", id: "d", address: at("d"), as: "voter" },
      { voters: [..."abcd"], learners: ["l"], addresses: { ...all, d: at("d") } },
    ],
    [
      "or as a learner",
      { kind: "add", id: "d", address: at("d"), as: "learner" },
      { voters: [..."abc"], learners: [..."ld"], addresses: { ...all, d: at("d") } },
    ],
    [
      "a learner that is added as a voter is one",
      { kind: "add", id: "l", address: at("l"), as: "voter" },
      { voters: [..."abcl"], learners: [], addresses: all },
    ],
    [
      "a voter that is added as a learner still votes, at its new address",
      { kind: "add", id: "a", address: { peer: "a:2", client: "" }, as: "learner" },
      { voters: [..."bca"], learners: ["l"], addresses: { ...all, a: { peer: "a:2", client: "" } } },
    ],
    ["a voter goes", { kind: "remove", id: "b" }, { voters: [..."ac"], learners: ["l"], addresses: all }],
    ["a learner goes", { kind: "remove", id: "l" }, { voters: [..."abc"], learners: [], addresses: all }],
    [
      "a learner is promoted",
      { kind: "promote", id: "l" },
      { voters: [..."abcl"], learners: [], addresses: all },
    ],
    [
      "a voter that is promoted is one already",
      { kind: "promote", id: "a" },
      { voters: [..."bca"], learners: ["l"], addresses: all },
    ],
    [
      "a dead voter's place goes to a newcomer",
      { kind: "replace", id: "a", by: "d", address: at("d") },
      { voters: [..."bcd"], learners: ["l"], addresses: { ...all, d: at("d") } },
    ],
    [
      "or to a learner",
      { kind: "replace", id: "a", by: "l", address: at("l") },
      { voters: [..."bcl"], learners: [], addresses: all },
    ],
    [
      "a learner's place is a learner's",
      { kind: "replace", id: "l", by: "d", address: at("d") },
      { voters: [..."abc"], learners: ["d"], addresses: { ...all, d: at("d") } },
    ],
    [
      "unless a voter takes it",
      { kind: "replace", id: "l", by: "a", address: at("a") },
      { voters: [..."bca"], learners: [], addresses: all },
    ],
  ]
  for (const [name, change, expected] of cases) {
    test(name, () => expect(aimOf(abc, change)).toEqual(expected))
  }

  test("a change that comes while newcomers catch up leads on from where that one leads", () => {
    const catching = stands("abc", { learners: "d", goal: aim("abcd") })
    expect(aimOf(catching, { kind: "remove", id: "a" })).toMatchObject({ voters: [..."bcd"], learners: [] })
    expect(aimOf(catching, { kind: "remove", id: "d" })).toMatchObject({ voters: [..."abc"], learners: [] })
  })

  test("an address that names no data directory means the one that is known (M10)", () => {
    const known = stands("abc", {}, { c: at("c", "1") })
    const ways = (address: Address): ReadonlyArray<Change> => [
      { kind: "add", id: "c", address, as: "voter" },
      { kind: "replace", id: "a", by: "c", address },
      { kind: "set", voters: [..."abc"], learners: [], addresses: { c: address } },
    ]
    for (const [address, incarnation] of [
      [at("c"), "1"],
      [at("c", "2"), "2"],
    ] as const) {
      for (const change of ways(address)) {
        expect(aimOf(known, change)).toMatchObject({ addresses: { c: { incarnation } } })
      }
    }
  })

  const refused: ReadonlyArray<readonly [string, Change, string, string]> = [
    ["a stranger is not removed", { kind: "remove", id: "x" }, "unknown-member", "x"],
    ["nor promoted", { kind: "promote", id: "x" }, "unknown-member", "x"],
    [
      "nor replaced",
      { kind: "replace", id: "x", by: "d", address: at("d") },
      "unknown-member",
      "x is no member",
    ],
    ["nobody replaces itself", { kind: "replace", id: "a", by: "a", address: at("a") }, "bad-request", "own"],
    [
      "no voters are no cluster",
      { kind: "set", voters: [], learners: [..."abc"], addresses: {} },
      "bad-request",
      "at least one voter",
    ],
    [
      "nobody votes twice",
      { kind: "set", voters: [..."aba"], learners: [], addresses: {} },
      "bad-request",
      "once",
    ],
    [
      "nor votes and learns",
      { kind: "set", voters: [..."abc"], learners: ["c"], addresses: {} },
      "bad-request",
      "once",
    ],
    [
      "nobody is a member whom nobody could reach",
      { kind: "set", voters: [..."abd"], learners: [], addresses: {} },
      "bad-request",
      "the address of d",
    ],
    [
      "whatever objects are born with is no address",
      { kind: "set", voters: ["a", "constructor"], learners: ["toString"], addresses: {} },
      "bad-request",
      "the address of constructor",
    ],
  ]
  for (const [name, change, code, detail] of refused) {
    test(name, () =>
      expect(aimOf(abc, change)).toEqual({ code: code as never, detail: expect.stringContaining(detail) }),
    )
  }

  test("the last voter is not removed", () => {
    expect(aimOf(stands("a", { learners: "l" }), { kind: "remove", id: "a" })).toMatchObject({
      code: "bad-request",
    })
  })

  test("voters who all lost their data leave nobody who remembers (S6, M10)", () => {
    const change: Change = {
      kind: "set",
      voters: [..."ab"],
      learners: [],
      addresses: { a: at("a", "2"), b: at("b", "2") },
    }
    const known = stands("ab", {}, { a: at("a", "1"), b: at("b", "1") })
    expect(aimOf(known, change)).toMatchObject({ code: "bad-request" })
    expect(aimOf(stands("a"), { kind: "add", id: "a", address: at("a", "2"), as: "voter" })).toMatchObject({
      code: "bad-request",
    })
  })
})

describe("the next configuration on the way", () => {
  test("who is to vote learns first, and the configuration says where that leads (thesis §4.2.1)", () => {
    const goal = aim("abd", "e")
    expect(stepTowards(stands("abc"), goal, nobody)).toEqual(stands("abc", { learners: "ed", goal }))
  })

  test("one who lags keeps all of them waiting", () => {
    const goal = aim("abcde")
    const catching = stands("abc", { learners: "de", goal })
    expect(stepTowards(catching, goal, (id) => id === "d")).toEqual(catching)
  })

  test("voters change by a joint configuration, be it by one (§6)", () => {
    const catching = stands("abc", { learners: "d", goal: aim("abcd") })
    expect(stepTowards(catching, aim("abcd"), everybody)).toEqual(stands("abcd", { outgoing: "abc" }))
    expect(stepTowards(stands("abc"), aim("ab"), nobody)).toEqual(stands("ab", { outgoing: "abc" }))
  })

  test("a voter that is to learn votes until the joint configuration is left", () => {
    expect(stepTowards(stands("abc"), aim("ab", "c"), nobody)).toEqual(
      stands("ab", { outgoing: "abc", learnersNext: "c" }),
    )
  })

  test("learners alone change at once: they count for nothing (§6)", () => {
    expect(stepTowards(stands("abc", { learners: "d" }), aim("abc", "e"), nobody)).toEqual(
      stands("abc", { learners: "e" }),
    )
  })

  test("an address alone changes at once", () => {
    const moved = { b: { peer: "b:9", client: "" } }
    expect(stepTowards(stands("abc"), aim("abc", "", moved), nobody)).toEqual(stands("abc", {}, moved))
  })

  test("what is taken back leaves no goal", () => {
    const catching = stands("abc", { learners: "d", goal: aim("abcd") })
    expect(stepTowards(catching, aim("abc"), nobody)).toEqual(stands("abc"))
  })

  describe("one that comes back without its data is not the voter that it was (S6, M10)", () => {
    const [before, goal] = [
      stands("abc", { learners: "l" }, { c: at("c", "1") }),
      aim("abc", "", { c: at("c", "2") }),
    ]
    test("it leaves, learns, and votes", () => {
      const left = stands("ab", { outgoing: "abc", learners: "l", goal }, { c: at("c", "1") })
      expect(stepTowards(before, goal, everybody)).toEqual(left)
      const gone = leaveJoint(left)
      expect(gone).toEqual(stands("ab", { learners: "l", goal }))
      const learning = stands("ab", { learners: "c", goal }, { c: at("c", "2") })
      expect(stepTowards(gone, goal, nobody)).toEqual(learning)
      expect(stepTowards(learning, goal, everybody)).toEqual(
        stands("abc", { outgoing: "ab" }, { c: at("c", "2") }),
      )
    })

    test("also when it only learns from now on", () => {
      const demoted = aim("ab", "c", { c: at("c", "2") })
      const left = stepTowards(before, demoted, everybody)
      expect(left).toMatchObject({ voters: [..."ab"], outgoing: [..."abc"], learnersNext: [], goal: demoted })
      expect(stepTowards(leaveJoint(left), demoted, nobody)).toEqual(
        stands("ab", { learners: "c" }, { c: at("c", "2") }),
      )
    })

    test("a learner that comes back so has not caught up, however far it was", () => {
      const learner = stands("abc", { learners: "d" }, { d: at("d", "1") })
      const to = aim("abcd", "", { d: at("d", "2") })
      expect(stepTowards(learner, to, everybody)).toEqual(
        stands("abc", { learners: "d", goal: to }, { d: at("d", "2") }),
      )
    })
  })
})

describe("a joint configuration is left", () => {
  test("for the new voters, who was demoted learning from now on (§6)", () => {
    const joint = stands("abd", { outgoing: "abc", learners: "e", learnersNext: "c" })
    expect(leaveJoint(joint)).toEqual(stands("abd", { learners: "ec" }))
  })

  test("without forgetting the goal, nor remembering who has left", () => {
    const goal = aim("abc", "", { c: at("c", "2") })
    expect(leaveJoint(stands("ab", { outgoing: "abc", goal }))).toEqual(stands("ab", { goal }))
  })
})

describe("an aim is reached", () => {
  test("when these members take part, at these addresses, and nothing is under way", () => {
    expect(isReached(stands("abc", { learners: "l" }), aim("cab", "l"))).toBe(true)
    for (const other of [
      stands("ab", { learners: "l" }),
      stands("abcd", { learners: "l" }),
      stands("abd", { learners: "l" }),
      stands("abc"),
      stands("abc", { learners: "m" }),
      stands("abc", { outgoing: "abc", learners: "l" }),
      stands("abc", { learners: "l", goal: aim("abc", "l") }),
      stands("abc", { learners: "l" }, { a: { peer: "a:9", client: "http://a" } }),
      stands("abc", { learners: "l" }, { l: { peer: "l:1", client: "" } }),
    ]) {
      expect(isReached(other, aim("cab", "l"))).toBe(false)
    }
    // It may say more of a member than was asked for, and nothing else.
    expect(isReached(stands("abc", { learners: "l" }, { b: at("b", "2") }), aim("cab", "l"))).toBe(true)
    for (const addresses of [{}, { b: at("b", "1") }]) {
      const asked = aim("cab", "l", { b: at("b", "2") })
      expect(isReached(stands("abc", { learners: "l" }, addresses), asked)).toBe(false)
    }
  })
})

test("all whom any of several configurations names, each once", () => {
  expect(membersOfAll([stands("ab", { outgoing: "bc" }), stands("ad", { learners: "e" })])).toEqual([
    ..."abcde",
  ])
})

describe("from any configuration to any other", () => {
  const ids = [..."abcde"]
  const member = fc.record({
    role: fc.constantFrom("voter", "voter", "learner", "none"),
    incarnation: fc.constantFrom(undefined, "1", "2"),
    port: fc.constantFrom(1, 2),
  })
  const someAim = fc
    .array(member, { minLength: ids.length, maxLength: ids.length })
    .map((chosen): Aim => {
      const as = (role: string) => ids.filter((_, place) => chosen[place]!.role === role)
      const addresses = Object.fromEntries(
        ids.map((id, place) => {
          const { port, incarnation } = chosen[place]!
          return [id, { ...at(id, incarnation), peer: `${id}:${port}` }]
        }),
      )
      return { voters: as("voter"), learners: as("learner"), addresses }
    })
    .filter(({ voters }) => voters.length > 0)
  /** Some way is gone towards each, and then the next is wanted instead. */
  const someWay = fc.array(fc.record({ to: someAim, steps: fc.nat(6), isQuick: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  })

  const asked = ({ voters, learners, addresses }: Aim): Change => ({
    kind: "set",
    voters,
    learners,
    addresses: Object.fromEntries([...voters, ...learners].map((id) => [id, addresses[id]!])),
  })

  /** Who receives the log catches up; nobody else does. */
  const next = (current: Configuration, to: Aim, isQuick = true): Configuration =>
    isJoint(current)
      ? leaveJoint(current)
      : stepTowards(current, to, (id) => isQuick && members(current).includes(id))

  /** All configurations of a way, the last one as far as it goes. */
  const walk = (from: Configuration, way: ReadonlyArray<{ to: Aim; steps: number; isQuick: boolean }>) => {
    const passed = [from]
    for (const { to, steps, isQuick } of way) {
      while (isJoint(passed.at(-1)!)) passed.push(leaveJoint(passed.at(-1)!))
      const wanted = aimOf(passed.at(-1)!, asked(to))
      if (isRefusal(wanted)) continue
      for (let step = 0; step < steps && !isReached(passed.at(-1)!, wanted); step++) {
        passed.push(next(passed.at(-1)!, wanted, isQuick))
      }
    }
    return passed
  }

  const settled = ({ voters, learners, addresses }: Aim): Configuration => ({
    voters,
    outgoing: [],
    learners,
    learnersNext: [],
    addresses: Object.fromEntries([...voters, ...learners].map((id) => [id, addresses[id]!])),
  })

  test("the aim is reached, in five steps at the most", () => {
    let refusals = 0
    fc.assert(
      fc.property(someAim, someWay, someAim, (start, way, end) => {
        let current = walk(settled(start), way).at(-1)!
        if (isJoint(current)) current = leaveJoint(current)
        const wanted = aimOf(current, asked(end))
        if (isRefusal(wanted)) {
          expect(current.voters.filter((id) => !isNamedAnew(current, end, id))).toEqual([])
          refusals++
          return
        }
        for (let steps = 0; !isReached(current, wanted); steps++) {
          expect(steps).toBeLessThan(5)
          current = next(current, wanted)
        }
        expect([new Set(current.voters), new Set(current.learners)]).toEqual([
          new Set(end.voters),
          new Set(end.learners),
        ])
      }),
      { numRuns: 500 },
    )
    expect(refusals).toBeLessThan(250)
  })

  const isNamedAnew = (current: Configuration, to: Aim, id: NodeId): boolean => {
    const isNamed = to.voters.includes(id) || to.learners.includes(id)
    // Who is named without one is the one that is known, or is expected already.
    const { addresses } = current.goal ?? current
    const named = (isNamed ? to.addresses[id]!.incarnation : undefined) ?? addresses[id]?.incarnation
    return named !== undefined && named !== current.addresses[id]?.incarnation
  }

  test("of two configurations that follow each other, no two quorums miss each other (§6)", () => {
    fc.assert(
      fc.property(someAim, someWay, (start, way) => {
        const passed = walk(settled(start), way)
        for (const [place, later] of passed.slice(1).entries()) {
          expect(areSafe(passed[place]!, later)).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })

  test("nobody votes and learns at once, and the addresses are those of the members", () => {
    fc.assert(
      fc.property(someAim, someWay, (start, way) => {
        for (const one of walk(settled(start), way)) {
          const voting = new Set([...one.voters, ...one.outgoing])
          expect(one.learners.filter((id) => voting.has(id))).toEqual([])
          expect(
            one.learnersNext.filter((id) => !one.outgoing.includes(id) || one.voters.includes(id)),
          ).toEqual([])
          for (const some of [one.voters, one.outgoing, one.learners]) {
            expect(new Set(some).size).toBe(some.length)
          }
          expect(one.voters.length).toBeGreaterThan(0)
          expect(Object.keys(one.addresses).sort()).toEqual([...members(one)].sort())
        }
      }),
      { numRuns: 500 },
    )
  })
})

/**
 * No set of nodes is a quorum of the one while the rest is a quorum of the other. A node is its data directory: under
 * the same name another one is somebody else.
 */
const areSafe = (one: Configuration, other: Configuration): boolean => {
  const person = ({ addresses }: Configuration, id: NodeId) => `${id}@${addresses[id]?.incarnation}`
  const all = [
    ...new Set(
      [one, other].flatMap((each) => [...each.voters, ...each.outgoing].map((id) => person(each, id))),
    ),
  ]
  for (let chosen = 0; chosen < 2 ** all.length; chosen++) {
    const isChosen = (who: string) => ((chosen >> all.indexOf(who)) & 1) === 1
    const isQuorum = (each: Configuration, of: (who: string) => boolean) =>
      quorumVote(each, (id) => of(person(each, id))) === "won"
    if (isQuorum(one, isChosen) && isQuorum(other, (who) => !isChosen(who))) return false
  }
  return true
}
