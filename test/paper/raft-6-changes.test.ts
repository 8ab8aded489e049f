// Raft §6, thesis §4: a leader changes who takes part. What does it begin, what does it refuse, and how does it end?

import { describe, expect, test } from "bun:test"
import { decodeConfiguration, encodeConfiguration } from "../../src/consensus/configuration.ts"
import type { Leader, Node } from "../../src/consensus/node.ts"
import { speaksFor } from "../../src/consensus/replication.ts"
import type { Aim, Change, Configuration, NodeId } from "../../src/consensus/types.ts"
import {
  appendReply,
  configuration,
  elected,
  entry,
  fromDisk,
  given,
  hears,
  heartbeatReply,
  limits,
  NOW,
  noop,
  type Outcome,
  persists,
  progressOf,
  proposes,
  reigning,
  replicates,
  timesOut,
  to,
  turnOf,
  voteReply,
  when,
  writeOf,
} from "../consensus/support.ts"

const address = (id: NodeId, incarnation?: string) => ({
  peer: `${id}:1`,
  client: `http://${id}`,
  ...(incarnation === undefined ? {} : { incarnation }),
})
const addresses = (ids: string) => Object.fromEntries([...ids].map((id) => [id, address(id)]))

const stands = (voters: string, of: { outgoing?: string; learners?: string; goal?: Aim } = {}) =>
  configuration({
    voters: [...voters],
    outgoing: [...(of.outgoing ?? "")],
    learners: [...(of.learners ?? "")],
    addresses: addresses(`${voters}${of.outgoing ?? ""}${of.learners ?? ""}`),
    ...(of.goal === undefined ? {} : { goal: of.goal }),
  })

/** a, b and c, a leading, everything committed and everybody heard at NOW. */
const leading = (initial: Configuration = stands("abc")) => reigning({ configuration: initial })

const asks = (node: Node, change: Change, of: { force?: boolean; now?: number } = {}): Outcome =>
  when(node, { type: "ChangeAsked", change, force: of.force ?? false, origin: {} }, of.now ?? NOW)

const verdict = ({ judged }: Outcome) => judged[0]!.verdict
const code = (outcome: Outcome) => {
  const said = verdict(outcome)
  return typeof said === "object" && "code" in said ? said.code : "begun"
}
const crowd = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`x${at}`, address(`x${at}`)]))
const remove = (id: NodeId): Change => ({ kind: "remove", id })
const addD: Change = { kind: "add", id: "d", address: address("d"), as: "voter" }

/** These have everything up to `index` on disk. */
const hold = (node: Node, ids: string, index: number, now = NOW): Outcome => {
  let last = turnOf()
  for (const id of ids) last = hears(node, id, appendReply({ term: node.term, index, session: 1 }), now)
  return last
}

const configurationsIn = ({ write }: Outcome): ReadonlyArray<Configuration> =>
  (write?.entries ?? [])
    .filter(({ kind }) => kind === "configuration")
    .map(({ data }) => decodeConfiguration(data))

const beat = (node: Node, now: number) => when(node, { type: "HeartbeatDue" }, now)

describe("a leader that is asked for a change (§6)", () => {
  test("appends the next configuration, which rules at once, and says where it leads", () => {
    const { node } = leading()
    const joint = stands("ab", { outgoing: "abc" })
    const origin = {}
    const turn = when(node, { type: "ChangeAsked", change: remove("c"), force: false, origin })
    expect(turn).toEqual(
      turnOf({
        judged: [{ origin, verdict: { voters: [..."ab"], learners: [], addresses: addresses("abc") } }],
        write: writeOf(3, {
          entries: [entry(2, 1, { kind: "configuration", data: encodeConfiguration(joint) })],
        }),
      }),
    )
    expect(node.configurations.current).toEqual(joint)
    expect(node.commitIndex).toBe(1)
  })

  test("begins nothing when everything is as it should be", () => {
    const { node } = leading()
    const turn = asks(node, { kind: "promote", id: "c" })
    expect([code(turn), turn.write]).toEqual(["begun", null])
  })

  test("says what is wrong with it, and leaves no trace", () => {
    const { node } = leading()
    for (const [change, expected] of [
      [remove("x"), "unknown-member"],
      [{ kind: "set", voters: [], learners: [], addresses: {} }, "bad-request"],
      [
        { kind: "set", voters: ["a"], learners: [], addresses: { a: { ...address("a"), priority: 0 } } },
        "bad-request",
      ],
      [{ kind: "set", voters: ["a"], learners: Object.keys(crowd), addresses: crowd }, "bad-request"],
    ] as const) {
      const turn = asks(node, change)
      expect([code(turn), turn.write, turn.messages]).toEqual([expected, null, []])
    }
    expect(node.log.lastIndex).toBe(1)
  })

  test("refuses when it does not lead", () => {
    const node = given()
    expect(code(asks(node, remove("c")))).toBe("not-leader")
    timesOut(node)
    expect(code(asks(node, remove("c")))).toBe("not-leader")
  })

  test("refuses before its no-op is committed: it may not know of its predecessor's change (M1)", () => {
    const node = given({ configuration: stands("abc") })
    elected(node)
    expect(code(asks(node, remove("c"), { force: true }))).toBe("change-in-progress")
    expect(node.log.lastIndex).toBe(1)
    hold(node, "b", 1)
    expect(code(asks(node, remove("c")))).toBe("begun")
  })

  test("refuses while another one is pending, until its last configuration is committed (M4)", () => {
    const { node } = leading()
    asks(node, remove("c"))
    const isRefused = () => expect(code(asks(node, remove("b"), { force: true }))).toBe("change-in-progress")
    isRefused()
    persists(node)
    isRefused()
    // The joint one is committed and left.
    hold(node, "b", 2)
    expect(node.configurations.current).toEqual(stands("ab"))
    isRefused()
    persists(node)
    hold(node, "b", 3)
    expect(node.commitIndex).toBe(3)
    expect(code(asks(node, remove("b")))).toBe("begun")
  })

  test("refuses while it hands leadership over", () => {
    const { node } = leading()
    when(node, { type: "TransferAsked", to: "b", origin: {} })
    expect(code(asks(node, remove("c")))).toBe("change-in-progress")
  })

  describe("refuses to leave its cluster to voters of whom too few live (M13)", () => {
    const longest = limits.electionTimeoutMaxMillis

    test("who were not heard for so long", () => {
      const { node } = leading()
      hears(node, "b", heartbeatReply({}), NOW + 1)
      expect(code(asks(node, remove("b"), { now: NOW + longest }))).toBe("begun")
      const other = leading().node
      hears(other, "b", heartbeatReply({}), NOW + 1)
      const turn = asks(other, remove("b"), { now: NOW + longest + 1 })
      expect([code(turn), turn.write]).toEqual(["would-lose-quorum", null])
      expect(verdict(turn)).toMatchObject({ detail: expect.stringContaining("a, c only a ") })
    })

    test("or whose disk lost something (S4)", () => {
      const { node } = leading()
      hears(node, "c", heartbeatReply({ whole: false, lastIndex: 1 }))
      expect(code(asks(node, remove("b")))).toBe("would-lose-quorum")
      expect(code(asks(node, remove("c")))).toBe("begun")
    })

    test("unless an operator insists", () => {
      const { node } = leading()
      hears(node, "b", heartbeatReply({}), NOW + 1)
      const turn = asks(node, remove("b"), { now: NOW + longest + 1, force: true })
      expect(configurationsIn(turn)).toEqual([stands("ac", { outgoing: "abc" })])
    })

    test("by going on with a change that was begun: it waits", () => {
      const goal = { voters: [..."ac"], learners: [], addresses: addresses("ac") }
      const { node } = leading(stands("abc", { goal }))
      hears(node, "b", heartbeatReply({}), NOW + 1)
      expect(beat(node, NOW + longest + 1).write).toBeNull()
      hears(node, "c", heartbeatReply({}), NOW + longest + 2)
      expect(configurationsIn(beat(node, NOW + longest + 2))).toEqual([stands("ac", { outgoing: "abc" })])
    })
  })
})

describe("a joint configuration is left (§6)", () => {
  test("when both majorities have it on disk, in the same turn, and not before (M5)", () => {
    for (const [before, last] of [
      ["bc", "d"],
      ["de", "c"],
    ] as const) {
      const node = given({ configuration: stands("ade", { outgoing: "abc" }) })
      elected(node, { by: [..."bcde"] })
      for (const id of before) expect(hold(node, id, 1).write).toBeNull()
      expect(configurationsIn(hold(node, last, 1))).toEqual([stands("ade")])
    }
  })

  test("once", () => {
    const { node } = leading()
    asks(node, remove("c"))
    persists(node)
    expect(configurationsIn(hold(node, "b", 2))).toEqual([stands("ab")])
    expect(hold(node, "bc", 2).write).toBeNull()
    expect(beat(node, NOW).write).toBeNull()
    expect(node.log.lastIndex).toBe(3)
  })

  /** What the leader before has left in the log. */
  const inherited = (found: Configuration) =>
    fromDisk({
      hardState: { term: 1, votedFor: null },
      base: { index: 0, term: 0 },
      configuration: stands("abc"),
      entries: [noop(1, 1), entry(2, 1, { kind: "configuration", data: encodeConfiguration(found) })],
    })

  test("also by a leader that found it, once its own no-op has committed it (M1, M2)", () => {
    const node = inherited(stands("bcd", { outgoing: "abc" }))
    elected(node, { by: [..."bcd"] })
    expect(hold(node, "bcd", 2).write).toBeNull()
    hold(node, "b", 3)
    expect(configurationsIn(hold(node, "c", 3))).toEqual([stands("bcd")])
  })

  test("a goal that a leader found is its own from then on (M2)", () => {
    const goal = { voters: [..."abcd"], learners: [], addresses: addresses("abcd") }
    const node = inherited(stands("abc", { learners: "d", goal }))
    elected(node)
    hold(node, "d", 3)
    expect(beat(node, NOW).write).toBeNull()
    hold(node, "b", 3)
    expect(beat(node, NOW).write).toBeNull()
    hold(node, "d", 3)
    expect(configurationsIn(beat(node, NOW + 1))).toEqual([stands("abcd", { outgoing: "abc" })])
  })
})

describe("a leader that is removed (§6, M7)", () => {
  const removing = () => {
    const { node } = leading()
    asks(node, remove("a"))
    persists(node)
    return node
  }

  test("leads until that is committed, by the others alone", () => {
    const node = removing()
    hold(node, "b", 2)
    expect(node).toMatchObject({ commitIndex: 1, role: { kind: "leader" } })
    hold(node, "c", 2)
    expect(node.configurations.current).toEqual(stands("bc"))
    persists(node)
    proposes(node, [{}])
    persists(node)
    hold(node, "b", 3)
    // It has 3 itself, and does not count.
    expect(node).toMatchObject({ commitIndex: 2, role: { kind: "leader" } })
    expect(replicates(node, "c")).toHaveLength(1)
    hold(node, "c", 3)
    expect(node).toMatchObject({ commitIndex: 3, role: { kind: "follower", leader: null }, term: 1 })
  })

  test("then tells the one that is furthest to stand, and nobody else (thesis §3.10)", () => {
    const node = removing()
    const origin = {}
    hold(node, "bc", 2)
    proposes(node, [origin])
    persists(node)
    hold(node, "c", 4)
    expect(hold(node, "b", 3)).toEqual(
      turnOf({
        messages: [to("c", { type: "TimeoutNow", term: 1 })],
        // Its successor has it, or has not.
        dismissed: [{ origin, reason: "lost" }],
      }),
    )
  })

  test("does not stand again", () => {
    const node = removing()
    hold(node, "bc", 2)
    persists(node)
    hold(node, "bc", 3)
    expect(timesOut(node, 2 * NOW)).toEqual(turnOf())
  })
})

describe("a voter that a configuration leaves out (thesis §4.2.2)", () => {
  const leftOut = (commit: number) =>
    fromDisk({
      hardState: { term: 1, votedFor: null },
      base: { index: 0, term: 0 },
      configuration: stands("abc"),
      commit,
      entries: [
        noop(1, 1),
        ...[stands("bc", { outgoing: "abc" }), stands("bc")].map((one, at) =>
          entry(2 + at, 1, { kind: "configuration", data: encodeConfiguration(one) }),
        ),
      ],
    })

  test("still stands while that is not committed: it may be the only one to hold it", () => {
    const node = leftOut(2)
    expect(timesOut(node).messages.map(({ to }) => to)).toEqual(["b", "c"])
    for (const preVote of [true, false]) {
      hears(node, "b", voteReply({ term: 2, preVote, granted: true }))
      expect(node.role).toMatchObject({ kind: "candidate", preVote })
      hears(node, "c", voteReply({ term: 2, preVote, granted: true }))
      persists(node)
    }
    expect(node.role.kind).toBe("leader")
    hold(node, "b", 4)
    expect(node.commitIndex).toBe(0 + 2)
    hold(node, "c", 4)
    expect(node).toMatchObject({ commitIndex: 4, role: { kind: "follower" } })
  })

  test("does not stand when it is", () => {
    const node = leftOut(3)
    expect(timesOut(node)).toEqual(turnOf())
  })

  test("nor when it never voted", () => {
    const node = given({ id: "l", configuration: stands("abc", { learners: "l" }) })
    expect(timesOut(node)).toEqual(turnOf())
  })
})

describe("a newcomer (thesis §4.2.1)", () => {
  const goal = { voters: [..."abcd"], learners: [], addresses: addresses("abcd") }
  const round = limits.electionTimeoutMinMillis

  const catching = () => {
    const { node, leader } = leading()
    expect(configurationsIn(asks(node, addD))).toEqual([stands("abc", { learners: "d", goal })])
    persists(node)
    hold(node, "b", 2)
    expect(node.commitIndex).toBe(2)
    return { node, leader }
  }

  /** b and c answer, so that the leader goes on. */
  const beatAmongOthers = (node: Node, now: number) => {
    for (const id of "bc") hears(node, id, heartbeatReply({ lastIndex: 2 }), now)
    return configurationsIn(beat(node, now))
  }

  test("receives the log, votes for nothing and waits until it has caught up", () => {
    const { node, leader } = catching()
    expect([...leader.progress.keys()]).toEqual(["b", "c", "d"])
    expect(beat(node, NOW).messages.map(({ to }) => to)).toEqual(["b", "c", "d"])
    hears(node, "d", appendReply({ accepted: false, index: 2, hintIndex: 0 }))
    expect(replicates(node, "d")[0]).toMatchObject({ prevIndex: 0, entries: [{ index: 1 }, { index: 2 }] })
    for (const now of [NOW, NOW + 50, NOW + 100]) expect(beatAmongOthers(node, now)).toEqual([])
  })

  test("is promoted after a round that took no longer than an election timeout", () => {
    const { node } = catching()
    expect(beatAmongOthers(node, NOW)).toEqual([])
    hold(node, "d", 2, NOW + round)
    expect(beatAmongOthers(node, NOW + round)).toEqual([stands("abcd", { outgoing: "abc" })])
  })

  test("not after a longer one, but after the next that is short", () => {
    const { node } = catching()
    beatAmongOthers(node, NOW)
    hold(node, "d", 2, NOW + round + 1)
    expect(beatAmongOthers(node, NOW + round + 1)).toEqual([])
    hold(node, "d", 2, NOW + round + 2)
    expect(beatAmongOthers(node, NOW + round + 2)).toEqual([stands("abcd", { outgoing: "abc" })])
  })

  test("not by what it had of an older round when much has come since", () => {
    const { node } = catching()
    proposes(node, [{}])
    beatAmongOthers(node, NOW)
    hold(node, "d", 2, NOW + 1)
    expect(beatAmongOthers(node, NOW + 1)).toEqual([])
    hold(node, "d", 3, NOW + 2)
    expect(beatAmongOthers(node, NOW + 2)).toEqual([stands("abcd", { outgoing: "abc" })])
  })

  test("not when it has fallen silent since, with all that there is", () => {
    const goal = { voters: [..."abcde"], learners: [], addresses: addresses("abcde") }
    const { node } = leading(stands("abc", { learners: "de", goal }))
    const later = NOW + limits.electionTimeoutMaxMillis + 50
    hold(node, "d", 1)
    progressOf(node, "e").match = 0
    // e keeps both waiting until d is silent.
    for (let now = NOW; now < later; now += 50) expect(beatAmongOthers(node, now)).toEqual([])
    hold(node, "e", 1, later)
    expect(beatAmongOthers(node, later)).toEqual([])
    expect(beatAmongOthers(node, later)).toEqual([])
    hears(node, "d", heartbeatReply({ lastIndex: 1 }), later)
    beatAmongOthers(node, later)
    expect(beatAmongOthers(node, later)).toEqual([stands("abcde", { outgoing: "abc" })])
  })

  test("not while its disk has lost something (S4)", () => {
    const { node } = catching()
    beatAmongOthers(node, NOW)
    hold(node, "d", 2)
    hears(node, "d", heartbeatReply({ lastIndex: 2, whole: false }))
    expect(beatAmongOthers(node, NOW + 1)).toEqual([])
  })

  test("not before its own configuration is committed (M4)", () => {
    const { node } = leading()
    asks(node, addD)
    beat(node, NOW)
    hold(node, "d", 2)
    expect(beat(node, NOW).write).toBeNull()
  })

  test("not while leadership is handed over", () => {
    const { node, leader } = catching()
    beatAmongOthers(node, NOW)
    hold(node, "d", 2)
    leader.transfer = { to: "b", until: NOW + 1, isTold: true }
    expect(beatAmongOthers(node, NOW + 1)).toEqual([])
    expect(beatAmongOthers(node, NOW + 3)).toEqual([stands("abcd", { outgoing: "abc" })])
  })
})

describe("who receives the log", () => {
  const keys = ({ progress }: Leader) => [...progress.keys()]

  test("a member that is removed does until the joint configuration is left, and then no more", () => {
    const { node, leader } = leading()
    asks(node, remove("c"))
    const gone = progressOf(node, "c")
    expect([keys(leader), speaksFor(node, gone)]).toEqual([["b", "c"], true])
    persists(node)
    hold(node, "b", 2)
    expect([keys(leader), speaksFor(node, gone)]).toEqual([["b"], false])
    // What it still says is heard by nobody.
    expect(hold(node, "c", 3)).toEqual(turnOf())
    expect(hears(node, "c", heartbeatReply({ lastIndex: 0 }))).toEqual(turnOf())
  })

  test("a newcomer does from the moment in which its configuration is appended; the others go on as they were", () => {
    const { node, leader } = leading()
    const before = progressOf(node, "b")
    asks(node, addD)
    expect(keys(leader)).toEqual(["b", "c", "d"])
    expect(progressOf(node, "b")).toBe(before)
    expect(progressOf(node, "d")).toMatchObject({ match: 0, next: 3, state: "probe" })
  })

  test("one that comes back without its data begins anew (S6, M10)", () => {
    const known = configuration({
      ...stands("abc", { learners: "d" }),
      addresses: { ...addresses("abc"), d: address("d", "1") },
    })
    const { node } = leading(known)
    const before = progressOf(node, "d")
    expect(before.match).toBe(1)
    const turn = asks(node, { kind: "add", id: "d", address: address("d", "2"), as: "learner" })
    expect(configurationsIn(turn)).toMatchObject([{ addresses: { d: { incarnation: "2" } } }])
    expect(progressOf(node, "d")).not.toBe(before)
    expect(progressOf(node, "d").match).toBe(0)
    // What the one before said comes late, and says nothing about its successor's disk.
    hold(node, "d", 1)
    expect(progressOf(node, "d").match).toBe(0)
    expect(speaksFor(node, before)).toBe(false)
  })
})
