// When does a group rest, and what wakes it? The rules one by one, and clusters of the decisions that are mostly quiet.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { successorFor } from "../../src/consensus/handover.ts"
import type { HeartbeatReply, HeartbeatRequest, Message } from "../../src/consensus/message.ts"
import type { Input, Leader, Node } from "../../src/consensus/node.ts"
import { freshAtRest, isResting, watchedPeers } from "../../src/consensus/quiet.ts"
import type { Millis, NodeId } from "../../src/consensus/types.ts"
import { runQuietly, type Shape } from "./hunt.ts"
import {
  append,
  appendReply,
  configuration,
  type Given,
  given,
  hears,
  heartbeat,
  heartbeatReply,
  limits,
  NOW,
  type Outcome,
  persists,
  proposes,
  readIndexRequest,
  reads,
  reigning,
  replicates,
  timesOut,
  to,
  voteReply,
  voteRequest,
  when,
} from "./support.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const {
  electionTimeoutMinMillis: min,
  electionTimeoutMaxMillis: max,
  heartbeatMillis,
  quietBeatsMin,
} = limits

const allowed = (isAllowed = true): Input => ({ type: "RestAllowed", isAllowed })
const pulses = (heardAt: Millis, processes: Readonly<Record<NodeId, string>>): Input => ({
  type: "PulsesSeen",
  pulses: Object.entries(processes).map(([peer, process]) => ({ peer, process, heardAt })),
})
const silent = (peer: NodeId): Input => ({ type: "PeerSilent", peer })
const stirred: Input = { type: "Stirred" }

const sent = <Type extends Message["type"]>(outcome: Outcome, type: Type) =>
  outcome.messages.flatMap(({ to, message }) =>
    message.type === type ? [{ to, ...(message as Extract<Message, { type: Type }>) }] : [],
  )

/** What a leader does once per heartbeat, answered by those who are there; gives back when the last one was. */
const beats = (
  node: Node,
  count: number,
  {
    from = NOW,
    answers = {},
  }: { from?: Millis; answers?: Readonly<Record<NodeId, Partial<HeartbeatReply>>> },
): Millis => {
  for (let beat = 1; beat <= count; beat++) {
    const now = from + beat * heartbeatMillis
    const requests = sent(when(node, { type: "HeartbeatDue" }, now), "HeartbeatRequest")
    for (const { to: id, term, round, sentAt, rest } of requests) {
      const own = answers[id]
      if (own === undefined) continue
      const lastIndex = node.log.lastIndex
      hears(node, id, heartbeatReply({ term, round, sentAt, lastIndex, rests: rest, ...own }), now)
    }
  }
  return from + count * heartbeatMillis
}

const both = { b: {}, c: {} }

/** Leads, has nothing to do, and may rest; all is applied. */
const idle = (of: Given = {}) => {
  const { node, leader } = reigning({ log: [1], commit: 1, ...of })
  when(node, { type: "Applied", index: node.log.lastIndex })
  when(node, allowed())
  return { node, leader }
}

/** Rests, and has heard the others' processes until now. */
const restingLeader = (of: Given = {}, answers: Readonly<Record<NodeId, Partial<HeartbeatReply>>> = both) => {
  const { node, leader } = idle(of)
  const now = beats(node, quietBeatsMin, { answers })
  when(node, pulses(now, { b: "b1", c: "c1" }), now)
  expect(isResting(node)).toBe(true)
  return { node, leader, now }
}

/** Node a follows b, has everything, and rests since {@link NOW}. */
const restingFollower = (of: Given = {}) => {
  const node = given({ log: [1, 1], commit: 2, applied: 2, ...of })
  when(node, allowed())
  const outcome = hears(node, "b", rest())
  expect(sent(outcome, "HeartbeatReply")).toMatchObject([{ to: "b", rests: true }])
  when(node, pulses(NOW, { b: "b1" }))
  expect(isResting(node)).toBe(true)
  return node
}

const rest = (of: Partial<HeartbeatRequest> = {}): HeartbeatRequest =>
  heartbeat({ commit: 2, acknowledged: 2, rest: true, ...of })

/** What a follower asks a leader: whether it still leads. */
const question = (of: Partial<HeartbeatReply> = {}): HeartbeatReply =>
  heartbeatReply({ round: 0, sentAt: 0, lastIndex: 2, ...of })

const wakes = (node: Node, input: Input | Message, now: Millis = NOW + 1, from: NodeId = "b"): Outcome => {
  const outcome =
    "term" in input && !("isHeld" in input)
      ? hears(node, from, input as Message, now)
      : when(node, input as Input, now)
  expect(isResting(node)).toBe(false)
  return outcome
}

describe("a leader", () => {
  test("offers rest when a second of heartbeats found nothing to do, and rests when all others do", () => {
    const { node } = idle()
    const now = beats(node, quietBeatsMin - 1, { answers: both })
    const offer = when(node, { type: "HeartbeatDue" }, now + heartbeatMillis)
    expect(sent(offer, "HeartbeatRequest")).toMatchObject([
      { to: "b", rest: true, commit: 2 },
      { to: "c", rest: true, commit: 2 },
    ])
    const { round } = node.role as Leader
    const reply = heartbeatReply({ term: node.term, round, sentAt: now, lastIndex: 2, rests: true })
    hears(node, "b", reply, now + heartbeatMillis)
    expect(isResting(node)).toBe(false)
    hears(node, "c", reply, now + heartbeatMillis)
    expect(isResting(node)).toBe(true)
    expect(when(node, { type: "HeartbeatDue" }, now + 10_000).messages).toEqual([])
  })

  test("does not, as long as one of them does not", () => {
    const { node } = idle()
    const now = beats(node, 3 * quietBeatsMin, { answers: { b: {}, c: { rests: false } } })
    expect(isResting(node)).toBe(false)
    beats(node, 1, { from: now, answers: both })
    expect(isResting(node)).toBe(true)
  })

  test("does not take an answer to an earlier heartbeat for one to its offer", () => {
    const { node } = idle()
    const now = beats(node, quietBeatsMin, { answers: { b: {} } })
    const { round } = node.role as Leader
    const early = heartbeatReply({ term: node.term, round: round - 1, lastIndex: 2, rests: true })
    hears(node, "c", early, now)
    expect(isResting(node)).toBe(false)
  })

  test("does not, while a member lacks an entry, is not heard, is short of room or suspect", () => {
    for (const odd of [{ isShort: true }, { whole: false }]) {
      const { node } = idle()
      beats(node, 3 * quietBeatsMin, { answers: { b: {}, c: odd } })
      expect(isResting(node)).toBe(false)
    }
    const away = idle().node
    beats(away, 3 * quietBeatsMin, { answers: { b: {} } })
    expect(isResting(away)).toBe(false)
    const behind = idle()
    proposes(behind.node, [{}])
    persists(behind.node)
    replicates(behind.node, "b")
    hears(behind.node, "b", appendReply({ term: 2, index: 3 }))
    when(behind.node, { type: "Applied", index: 3 })
    // Nothing has left for it yet: it could not know that it lacks an entry.
    beats(behind.node, 3 * quietBeatsMin, { answers: both })
    expect(isResting(behind.node)).toBe(false)
  })

  test("does not, while anything is under way here", () => {
    const kept = (prepare: (node: Node) => void, of: Given = {}) => {
      const { node } = idle(of)
      prepare(node)
      beats(node, 3 * quietBeatsMin, { answers: both })
      expect(isResting(node)).toBe(false)
    }
    kept((node) => when(node, allowed(false)))
    kept((node) => when(node, { type: "RoomChanged", isShort: true }))
    kept((node) => proposes(node, [{}]))
    kept(() => {}, { configuration: configuration({ goal: { voters: ["a"], learners: [], addresses: {} } }) })
  })

  test("begins to count anew when anybody wants anything", () => {
    const { node } = idle()
    let now = beats(node, quietBeatsMin - 1, { answers: both })
    reads(node, [{}], false, now)
    // The first of them still has the read to confirm.
    now = beats(node, quietBeatsMin, { from: now, answers: both })
    expect(isResting(node)).toBe(false)
    beats(node, 1, { from: now, answers: both })
    expect(isResting(node)).toBe(true)
  })

  test("of nobody else rests alone", () => {
    const node = given({ log: [1], commit: 1, applied: 1, configuration: configuration({ voters: ["a"] }) })
    timesOut(node)
    persists(node)
    persists(node)
    when(node, { type: "Applied", index: 2 })
    when(node, allowed())
    beats(node, quietBeatsMin, {})
    expect(isResting(node)).toBe(true)
    expect(watchedPeers(node)).toEqual([])
  })

  test("is not woken by what was said before it rested, and by what says nothing new", () => {
    const { node, now } = restingLeader()
    const { term } = node
    const round = (node.role as Leader).round
    for (const late of [
      appendReply({ term, index: 2 }),
      heartbeatReply({ term, round: round - 5, lastIndex: 2, rests: false }),
      heartbeatReply({ term, round, lastIndex: 2, rests: true }),
      voteReply({ term, granted: true }),
    ]) {
      expect(hears(node, "b", late, now + 10).messages).toEqual([])
      expect(isResting(node)).toBe(true)
    }
  })
})

describe("a leader at rest wakes, and tells everybody at once,", () => {
  test.each<[string, (node: Node) => Input | Message]>([
    ["a proposal", () => ({ type: "Proposed", time: 0, proposals: [] })],
    ["a read", () => ({ type: "ReadRequested", origins: [{}], lease: false })],
    ["a read by lease", () => ({ type: "ReadRequested", origins: [{}], lease: true })],
    [
      "a change",
      () => ({ type: "ChangeAsked", change: { kind: "remove", id: "c" }, force: false, origin: {} }),
    ],
    ["a hand-over", () => ({ type: "TransferAsked", to: "b", origin: {} })],
    ["somebody at the door", () => stirred],
    ["a life that has something to do", () => allowed(false)],
    ["a disk without room", () => ({ type: "RoomChanged", isShort: true })],
    ["a loss that others know of", () => ({ type: "LossFound" })],
    ["a pre-vote", ({ term }) => voteRequest({ term: term + 1, preVote: true, lastIndex: 2, lastTerm: 2 })],
    ["a pre-vote of somebody who is behind", ({ term }) => voteRequest({ term, preVote: true })],
    ["a vote", ({ term }) => voteRequest({ term: term + 1, lastIndex: 2, lastTerm: 2 })],
    ["a follower's read", ({ term }) => readIndexRequest({ term })],
    [
      "a follower that rests no more",
      (node) => heartbeatReply({ term: node.term, round: (node.role as Leader).round, lastIndex: 2 }),
    ],
    ["a follower that lacks something", ({ term }) => question({ term, lastIndex: 1 })],
    ["a damaged follower", ({ term }) => question({ term, whole: false })],
  ])("for %s", (_, input) => {
    const { node, now } = restingLeader()
    const outcome = wakes(node, input(node), now + 1)
    // One that learns that it lacks something does not lead any more.
    if (node.role.kind !== "leader") return
    for (const id of ["b", "c"]) {
      expect(sent(outcome, "HeartbeatRequest")).toContainEqual(
        expect.objectContaining({ to: id, rest: false }),
      )
    }
  })

  test("for another process of a member", () => {
    const seen = restingLeader()
    const outcome = wakes(seen.node, pulses(seen.now, { b: "b1", c: "c2" }), seen.now + 1)
    expect(sent(outcome, "HeartbeatRequest")).toHaveLength(2)
    const told = restingLeader()
    wakes(told.node, { type: "PeerAnother", peer: "c" }, told.now + 1)
  })

  test("for another process that came while it offered rest", () => {
    const { node } = idle()
    const now = beats(node, quietBeatsMin, { answers: { b: {} } })
    when(node, pulses(now, { b: "b1", c: "c1" }), now)
    when(node, pulses(now, { b: "b1", c: "c2" }), now)
    // What the earlier process has said comes late.
    const { round, term } = { round: (node.role as Leader).round, term: node.term }
    hears(node, "c", heartbeatReply({ term, round, lastIndex: 2, rests: true }), now)
    expect(isResting(node)).toBe(false)
  })

  test("for the silence of a quorum, and not for that of a minority", () => {
    const { node, now } = restingLeader()
    when(node, pulses(now + min, { b: "b1" }), now + min)
    when(node, silent("c"), now + min)
    expect(isResting(node)).toBe(true)
    wakes(node, silent("b"), now + 2 * min)
  })
})

describe("a leader that has woken", () => {
  test("has its quorum by the pulses that it has heard: nobody steps down at once (E11)", () => {
    const { node, now } = restingLeader()
    const later = now + 600_000
    when(node, pulses(later - 10, { b: "b1", c: "c1" }), later)
    wakes(node, stirred, later)
    when(node, { type: "HeartbeatDue" }, later + heartbeatMillis)
    when(node, { type: "HeartbeatDue" }, later - 10 + max)
    expect(node.role.kind).toBe("leader")
    when(node, { type: "HeartbeatDue" }, later - 10 + max + 1)
    expect(node.role.kind).toBe("follower")
  })

  test("for want of pulses has the rest of the time in which a quorum must be heard (E11)", () => {
    const { node, now } = restingLeader()
    wakes(node, silent("b"), now + min)
    wakes(node, silent("c"), now + min)
    when(node, { type: "HeartbeatDue" }, now + max)
    expect(node.role.kind).toBe("leader")
    when(node, { type: "HeartbeatDue" }, now + max + 1)
    expect(node.role.kind).toBe("follower")
  })

  test("has time to read its sockets, when it stood still for long", () => {
    const { node, now } = restingLeader()
    const later = now + 10_000
    wakes(node, pulses(now, { b: "b1", c: "c1" }), later)
    when(node, { type: "HeartbeatDue" }, later + max - min)
    expect(node.role.kind).toBe("leader")
    when(node, { type: "HeartbeatDue" }, later + max - min + 1)
    expect(node.role.kind).toBe("follower")
  })

  test("is not sooner without a quorum than it reads what it was told, when it is late itself", () => {
    const { node, now } = restingLeader()
    wakes(node, stirred, now)
    when(node, { type: "HeartbeatDue", patienceMillis: 400 }, now + max + 400)
    expect(node.role.kind).toBe("leader")
    when(node, { type: "HeartbeatDue", patienceMillis: 400 }, now + max + 401)
    expect(node.role.kind).toBe("follower")
  })

  test("serves no read by what was confirmed before it rested (L5)", () => {
    const { node, now } = restingLeader()
    const later = now + 600_000
    when(node, pulses(later, { b: "b1", c: "c1" }), later)
    const origin = {}
    const outcome = reads(node, [origin], true, later)
    expect(outcome.reads).toEqual([])
    const { term } = node
    const { round } = node.role as Leader
    const served = hears(node, "b", heartbeatReply({ term, round, sentAt: later, lastIndex: 2 }), later)
    expect(served.reads).toEqual([{ origin, index: 2 }])
  })

  test("hands over to another one in each group, of those that are as fit as each other", () => {
    const { node, now } = restingLeader()
    const successors = Array.from({ length: 300 }, (_, at) =>
      successorFor({ ...node, group: `g${at}` } as Node, null, now),
    )
    for (const id of ["b", "c"]) expect(successors.filter((each) => each === id).length).toBeGreaterThan(90)
  })

  test("hands over to one that it has heard by its pulse alone, and has known at rest that it can", () => {
    const { node, now } = restingLeader()
    const later = now + 600_000
    expect(successorFor(node, "b", later)).toBe("b")
    when(node, pulses(later, { b: "b1", c: "c1" }), later)
    const outcome = when(node, { type: "TransferAsked", to: "b", origin: {} }, later)
    expect(sent(outcome, "TimeoutNow")).toMatchObject([{ to: "b" }])
  })
})

describe("a follower", () => {
  test.each<[string, Given, Partial<HeartbeatRequest>]>([
    ["it has an entry that is not committed", { log: [1, 1, 1] }, {}],
    ["its machine is not there yet", { applied: 1 }, {}],
    ["it is suspect", { standing: "suspect" }, {}],
    ["it is not offered", {}, { rest: false }],
  ])("does not rest when %s", (_, of, request) => {
    const node = given({ log: [1, 1], commit: 2, applied: 2, ...of })
    when(node, allowed())
    const outcome = hears(node, "b", rest(request))
    expect(sent(outcome, "HeartbeatReply")).toMatchObject([{ rests: false }])
    expect(isResting(node)).toBe(false)
  })

  test("does not rest when somebody waits at it, in its decisions or in its lives", () => {
    const kept = given({ log: [1, 1], commit: 2, applied: 2 })
    expect(sent(hears(kept, "b", rest()), "HeartbeatReply")).toMatchObject([{ rests: false }])
    when(kept, allowed())
    reads(kept, [{}])
    expect(sent(hears(kept, "b", rest()), "HeartbeatReply")).toMatchObject([{ rests: false }])
  })

  test("at rest does not stand, as long as its leader's process is heard", () => {
    const node = restingFollower()
    for (let now = NOW; now < NOW + 600_000; now += 1_000) {
      when(node, pulses(now, { b: "b1" }), now)
      expect(timesOut(node, now).messages).toEqual([])
    }
    expect(isResting(node)).toBe(true)
  })

  test("wakes when that falls silent, and its timer begins then", () => {
    const node = restingFollower()
    const heardAt = NOW + 600_000
    when(node, pulses(heardAt, { b: "b1" }), heardAt)
    const now = heardAt + min
    wakes(node, silent("b"), now)
    expect(node.role).toMatchObject({
      kind: "follower",
      leader: "b",
      leaderHeardAt: heardAt,
      timerBeganAt: now,
    })
    expect(timesOut(node, now + min - 1).messages).toEqual([])
    expect(sent(timesOut(node, now + min), "VoteRequest")).toHaveLength(2)
  })

  test("wakes when the turn finds its leader silent, or another process, though nobody has said so", () => {
    wakes(restingFollower(), pulses(NOW, { b: "b1" }), NOW + min)
    wakes(restingFollower(), pulses(NOW + 1, { b: "b2" }))
    wakes(restingFollower(), pulses(NOW + 1, {}))
    wakes(restingFollower(), { type: "PeerAnother", peer: "b" })
  })

  test("does not care for the pulse of others", () => {
    const node = restingFollower()
    when(node, silent("c"), NOW + 1)
    when(node, { type: "PeerAnother", peer: "c" }, NOW + 1)
    expect(isResting(node)).toBe(true)
  })

  test("gives its vote to nobody while its leader's process lives, and to whoever asks when it does not (E7, L5)", () => {
    const node = restingFollower()
    const later = NOW + 600_000
    const request = voteRequest({ term: 2, preVote: true, lastIndex: 2, lastTerm: 1 })
    when(node, pulses(later, { b: "b1" }), later)
    const refused = wakes(node, request, later, "c")
    expect(sent(refused, "VoteReply")).toMatchObject([{ to: "c", granted: false }])
    // Its leader hears of it, and beats.
    expect(sent(refused, "HeartbeatReply")).toEqual([{ to: "b", ...question() }])
    expect(sent(hears(node, "c", request, later + min - 1), "VoteReply")).toMatchObject([{ granted: false }])
    expect(sent(hears(node, "c", request, later + min), "VoteReply")).toMatchObject([{ granted: true }])
  })

  test("is not woken by what says nothing new", () => {
    const node = restingFollower()
    for (const late of [
      rest(),
      heartbeatReply({ round: 3 }),
      heartbeat({ term: 0 }),
      voteReply({ granted: true }),
      appendReply({ index: 1 }),
    ])
      hears(node, "b", late)
    when(node, { type: "Compacted", through: { index: 1, term: 1 } })
    expect(isResting(node)).toBe(true)
  })

  test.each<[string, Input | Message, NodeId]>([
    ["a heartbeat without rest", heartbeat({ commit: 2 }), "b"],
    ["entries", append({ prevIndex: 2, prevTerm: 1 }), "b"],
    ["the hand-over to it", { type: "TimeoutNow", term: 1 }, "b"],
    ["a leader of a newer term", heartbeat({ term: 2, commit: 2 }), "c"],
    ["the rumour of a newer term", question({ term: 2 }), "c"],
    ["a reader", { type: "ReadRequested", origins: [{}], lease: false }, "b"],
    ["somebody at the door", stirred, "b"],
    ["a life that has something to do", allowed(false), "b"],
  ])("wakes for %s", (_, input, from) => {
    const node = restingFollower()
    const now = NOW + 600_000
    when(node, pulses(now, { b: "b1" }), now)
    wakes(node, input, now, from)
    // However long ago its timer began: nobody is asked for a vote before it has run out anew.
    if (node.role.kind === "follower") expect(node.role.timerBeganAt).toBe(now)
  })

  test("that has woken by itself asks its leader, and rests on when that rests", () => {
    const node = restingFollower()
    expect(wakes(node, stirred).messages).toEqual([to("b", question())])
    const outcome = hears(node, "b", rest(), NOW + 2)
    expect(sent(outcome, "HeartbeatReply")).toMatchObject([{ rests: true }])
    expect(isResting(node)).toBe(true)
  })

  test("that has rested for long asks and rests on; without an answer it is in doubt", () => {
    const node = restingFollower()
    expect(when(node, { type: "RestDoubted" }).messages).toEqual([to("b", question({ rests: true }))])
    expect(node.role).toMatchObject({ rest: { isDoubted: true } })
    hears(node, "b", rest())
    expect(node.role).toMatchObject({ rest: { isDoubted: false } })
  })

  test("that may not stand asks all others for a leader, where groups rest", () => {
    const learner = given({ configuration: configuration({ voters: ["b", "c"], learners: ["a"] }) })
    expect(timesOut(learner).messages).toEqual([])
    const asks: Input = { type: "ElectionTimedOut", after: min, asks: true }
    const asked = question({ term: 0, lastIndex: 0 })
    expect(when(learner, asks).messages).toEqual([to("b", asked), to("c", asked)])
  })
})

describe("a leader that is asked whether it leads", () => {
  test("answers the one who asks, and rests on", () => {
    const { node, now } = restingLeader()
    const { term } = node
    for (const rests of [true, false]) {
      const outcome = hears(node, "c", question({ term, rests }), now + 1)
      const round = (node.role as Leader).round
      expect(outcome.messages).toEqual([
        to("c", heartbeat({ term, commit: 2, acknowledged: 2, round, sentAt: now + 1, rest: true })),
      ])
      expect(isResting(node)).toBe(true)
    }
  })

  test("says so when it is awake", () => {
    const { node } = reigning({ log: [1], commit: 1 })
    const outcome = hears(node, "c", question({ term: node.term }))
    expect(sent(outcome, "HeartbeatRequest")).toMatchObject([{ to: "c", rest: false }])
  })
})

describe("a new round", () => {
  test("begins with the read, and followers that rest answer it (§6.4)", () => {
    const { node, now } = restingLeader()
    const follower = given({ id: "b", log: [1, 2], commit: 2, applied: 2 })
    when(follower, allowed())
    hears(follower, "a", rest({ term: 2 }))
    expect(isResting(follower)).toBe(true)
    const outcome = reads(node, [{}], false, now)
    const request = sent(outcome, "HeartbeatRequest").findLast(({ to }) => to === "b")!
    const { to: _, ...message } = request
    const reply = sent(hears(follower, "a", message), "HeartbeatReply")[0]!
    expect(reply).toMatchObject({ rests: false, round: message.round })
    expect(hears(node, "b", reply, now).reads).toHaveLength(1)
  })
})

describe("how fresh a state at rest is", () => {
  test("follows from the leader's pulse, less the time in which a leader that goes on has told so", () => {
    const node = restingFollower()
    const pulse = { peer: "b", process: "b1", heardAt: NOW + 900 }
    expect(freshAtRest(node, [pulse], NOW + 1_000)).toBe(NOW + 900 - min)
    expect(freshAtRest(node, [{ ...pulse, process: "b2" }], NOW + 1_000)).toBe(Number.NEGATIVE_INFINITY)
    expect(freshAtRest(node, [], NOW + 1_000)).toBe(Number.NEGATIVE_INFINITY)
    wakes(node, stirred)
    expect(freshAtRest(node, [pulse], NOW + 1_000)).toBe(Number.NEGATIVE_INFINITY)
  })

  test("follows from a quorum's pulses where it leads", () => {
    const { node, now } = restingLeader()
    const of = (peer: NodeId, heardAt: Millis) => ({ peer, process: `${peer}1`, heardAt })
    expect(freshAtRest(node, [of("b", now + 900), of("c", now)], now + 1_000)).toBe(now + 900 - min)
    expect(freshAtRest(node, [], now + 1_000)).toBe(Number.NEGATIVE_INFINITY)
  })
})

describe("whatever happens to a group that is mostly quiet, no promise is broken, and a healed cluster agrees", () => {
  const seeds = Number(process.env.RAFTLET_SEEDS ?? 30)
  test.each<[Shape]>([["three"], ["five"], ["learner"], ["two"], ["one"]])(
    "%s (E1–E14, L1–L5)",
    (shape) => {
      let rests = 0
      for (let seed = 1; seed <= seeds; seed++) rests += runQuietly(shape, seed)
      // Who is never at rest proves nothing.
      expect(rests).toBeGreaterThan(2 * seeds)
    },
    3_600_000,
  )
})
