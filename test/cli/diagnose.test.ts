// Is each thing that can be wrong with a cluster said, in words that say what it is, and nothing else? (O3)

import { describe, expect, test } from "bun:test"
import { diagnose, withOverdueChange } from "../../src/cli/operator/diagnose.ts"
import { statusText } from "../../src/cli/operator/statusText.ts"
import type { Visit } from "../../src/cli/operator/survey.ts"

type Cluster = NonNullable<Visit["cluster"]>
type Group = NonNullable<Visit["node"]>["groups"][number]

const urlOf = (id: string) => `http://${id}:4001`

/** n1 leads three voters, all is well. */
const view = (change: Partial<Cluster> = {}): Cluster => ({
  clusterId: "c-1",
  leader: "n1",
  term: 4,
  members: ["n1", "n2", "n3"].map((id) => memberOf(id)),
  change: null,
  ...change,
})

const memberOf = (
  id: string,
  change: Partial<Cluster["members"][number]> = {},
): Cluster["members"][number] => ({
  id,
  role: "voter",
  peer: `${id}:5001`,
  client: urlOf(id),
  state: "replicate",
  matchIndex: 100,
  lag: 0,
  lastContactMs: 20,
  whole: true,
  ...change,
})

const visitOf = (id: string, change: Partial<Visit> = {}, group: Partial<Group> = {}): Visit => ({
  url: urlOf(id),
  node: {
    id,
    clusterId: "c-1",
    version: "1.0.0",
    groups: [
      {
        group: "main",
        role: id === "n1" ? "leader" : "follower",
        term: 4,
        leader: "n1",
        commitIndex: 100,
        appliedIndex: 100,
        snapshotIndex: 90,
        ...group,
      },
    ],
  },
  cluster: view(),
  silence: "",
  unready: null,
  unhealthy: null,
  ...change,
})

const gone = (id: string, silence = "connection refused"): Visit => ({
  url: urlOf(id),
  node: null,
  cluster: null,
  silence,
  unready: silence,
  unhealthy: silence,
})

const well = [visitOf("n1"), visitOf("n2"), visitOf("n3")]
/** All that say something about the cluster say this. */
const saying = (cluster: Cluster, visits: ReadonlyArray<Visit> = well) =>
  visits.map((visit) => (visit.cluster === null ? visit : { ...visit, cluster }))
const withMember = (member: Cluster["members"][number]) => {
  const { members } = view()
  const others = members.filter(({ id }) => id !== member.id)
  return view({ members: [...others, member].toSorted((left, right) => (left.id < right.id ? -1 : 1)) })
}
const saidOf = (visits: ReadonlyArray<Visit>) => {
  const report = diagnose(visits)!
  return { troubles: report.troubles, notes: report.notes }
}

test("of a healthy cluster nothing is said", () => {
  expect(saidOf(well)).toEqual({ troubles: [], notes: [] })
  expect(diagnose(well)).toMatchObject({
    clusterId: "c-1",
    leader: "n1",
    term: 4,
    voters: { all: 3, answering: 3, needed: 2 },
    change: null,
  })
})

test("of nobody nothing is known", () => {
  expect(diagnose([gone("n1"), gone("n2")])).toBeNull()
  expect(diagnose([visitOf("n1", { cluster: null })])).toBeNull()
})

describe("a member that does not answer", () => {
  const silent = memberOf("n3", { state: "probe", lag: 9000, lastContactMs: 12_000 })
  test("is named with its address and the reason, and what it means for the quorum", () => {
    expect(saidOf(saying(withMember(silent), [well[0]!, well[1]!, gone("n3")]))).toEqual({
      troubles: ["n3 does not answer at http://n3:4001: connection refused"],
      notes: ["2 of 3 voters answer: none of them may fail now"],
    })
  })

  test("but hears its leader has a door that is shut, and lives", () => {
    const visits = saying(view(), [well[0]!, well[1]!, gone("n3", "no answer within 2 s")])
    expect(saidOf(visits).troubles).toEqual([
      "n3 does not answer at http://n3:4001: no answer within 2 s, though the leader n1 heard from it 20 ms ago",
    ])
  })

  test("because nobody knows its address, is named as well", () => {
    const cluster = withMember(memberOf("n3", { client: "", lastContactMs: 60_000 }))
    expect(saidOf(saying(cluster, [well[0]!, well[1]!])).troubles).toEqual([
      "n3 cannot be asked: nobody knows where it serves clients",
    ])
  })

  test("while another answers at its address, is a mistake in somebody's addresses", () => {
    const cluster = withMember(memberOf("n3", { client: urlOf("n2"), lastContactMs: 60_000 }))
    expect(saidOf(saying(cluster, [well[0]!, well[1]!])).troubles).toEqual([
      "http://n2:4001 should be n3, but n2 answers there",
    ])
  })
})

describe("without a leader", () => {
  const leaderless = view({
    leader: null,
    members: ["n1", "n2", "n3"].map((id) =>
      memberOf(id, { state: null, lag: null, lastContactMs: null, matchIndex: null, whole: null }),
    ),
  })
  const follower = { role: "follower", leader: null }
  const alone = (id: string) => visitOf(id, { unready: "no leader is known" }, follower)

  test("it is said how many voters are missing", () => {
    const { troubles } = saidOf(saying(leaderless, [alone("n1"), gone("n2"), gone("n3")]))
    expect(troubles[0]).toBe("no leader: 1 of 3 voters answer and can vote; 2 are needed")
    expect(troubles.length).toBe(3)
  })

  test("though enough are there, it is an election, and nobody is blamed for not being ready", () => {
    expect(saidOf(saying(leaderless, [alone("n1"), alone("n2"), alone("n3")])).troubles).toEqual([
      "no leader: 3 of 3 voters answer and can vote; an election is under way, or they do not hear each other",
    ])
  })

  test("nobody who knows no leader is shown as ok: clients are not to be sent there", () => {
    const report = diagnose(saying(leaderless, [alone("n1"), alone("n2"), gone("n3")]))
    expect(report!.members.map(({ health }) => health)).toEqual(["not ready", "not ready", "no answer"])
  })

  test("a voter in repair does not count as one that can vote (S4)", () => {
    const suspect = visitOf("n2", { unready: "…" }, { ...follower, standing: "suspect" })
    expect(saidOf(saying(leaderless, [alone("n1"), suspect, gone("n3")])).troubles).toEqual([
      "no leader: 1 of 3 voters answer and can vote; 2 are needed",
      "n2 waits for repair: its disk has lost something; until then it neither votes nor counts",
      "n3 does not answer at http://n3:4001: connection refused",
    ])
  })
})

describe("a member that lags", () => {
  test("is named with how far, and what is done about it", () => {
    const receiving = memberOf("n2", { state: "snapshot", lag: 12_000 })
    expect(saidOf(saying(withMember(receiving))).troubles).toEqual([
      "n2 lags 12,000 entries (a snapshot is being sent to it)",
    ])
    expect(saidOf(saying(withMember(memberOf("n2", { lag: 5000 })))).troubles).toEqual([
      "n2 lags 5,000 entries",
    ])
    expect(saidOf(saying(withMember(memberOf("n2", { lag: 4999 })))).troubles).toEqual([])
  })

  test("as a learner does what learners do", () => {
    const cluster = view({
      members: [...view().members, memberOf("n4", { role: "learner", lag: 70_000 })],
      change: {
        voters: ["n1", "n2", "n3"],
        outgoing: [],
        goal: { voters: ["n1", "n2", "n4"], learners: ["n3"] },
      },
    })
    expect(saidOf(saying(cluster, [...well, visitOf("n4", {}, { role: "learner" })]))).toEqual({
      troubles: [],
      notes: [
        "n4, a learner, lags 70,000 entries",
        "members are changing to voters n1,n2,n4; learners n3, once all that are to vote have caught up",
      ],
    })
  })

  test("behind its own log has a slow machine", () => {
    const slow = visitOf("n2", {}, { commitIndex: 9000, appliedIndex: 1000 })
    expect(saidOf([well[0]!, slow, well[2]!]).troubles).toEqual([
      "n2 has not yet applied 8,000 committed entries",
    ])
  })
})

describe("a member that answers, and is not well", () => {
  const cases: ReadonlyArray<[string, Visit, Cluster, string]> = [
    [
      "waits for repair, as it says itself",
      visitOf("n2", { unready: "…" }, { standing: "suspect" }),
      view(),
      "n2 waits for repair: its disk has lost something; until then it neither votes nor counts",
    ],
    [
      "waits for repair, as its leader says",
      visitOf("n2"),
      withMember(memberOf("n2", { whole: false })),
      "n2 waits for repair: its disk has lost something; until then it neither votes nor counts",
    ],
    [
      "makes no progress",
      visitOf("n2", { unhealthy: "the disk has not answered for 12 s" }),
      view(),
      "n2 is not healthy: the disk has not answered for 12 s",
    ],
    ["is not ready", visitOf("n2", { unready: "not applied" }), view(), "n2 is not ready: not applied"],
    [
      "does not hear its leader",
      visitOf("n2"),
      withMember(memberOf("n2", { lastContactMs: 125_000 })),
      "the leader n1 has not heard from n2 for 2 min, though it answers here",
    ],
    [
      "follows somebody of the past",
      visitOf("n2", {}, { leader: "n3", term: 3 }),
      view(),
      "n2 follows n3 in term 3, but n1 leads in term 4",
    ],
    [
      "believes that it leads",
      visitOf("n2", {}, { leader: "n2", term: 3, role: "leader" }),
      view(),
      "n2 believes that it leads in term 3, but n1 leads in term 4",
    ],
  ]
  for (const [name, visit, cluster, trouble] of cases) {
    test(name, () => {
      const visits = saying(cluster, [well[0]!, visit, well[2]!])
      expect(saidOf(visits).troubles).toEqual([trouble])
    })
  }
})

test("of two views the newer one counts, and the leader's own before what others know", () => {
  const old = view({ leader: "n2", term: 3, members: [memberOf("n2")] })
  const hearsay = view({ members: view().members.map((member) => ({ ...member, state: null, lag: null })) })
  const visits = [
    visitOf("n2", { cluster: old }),
    visitOf("n3", { cluster: hearsay }),
    visitOf("n1", { cluster: withMember(memberOf("n3", { lag: 6000 })) }),
  ]
  expect(saidOf(visits).troubles).toEqual(["n3 lags 6,000 entries"])
})

test("different versions are named, with who runs which", () => {
  const newer = visitOf("n3")
  const node = { ...newer.node!, version: "1.1.0" }
  expect(saidOf([well[0]!, well[1]!, { ...newer, node }]).troubles).toEqual([
    "versions differ: n1, n2: 1.0.0; n3: 1.1.0",
  ])
})

test("who does not belong here is named: strangers, other clusters, dead addresses", () => {
  const other = visitOf("x1")
  const visits = [
    ...well,
    visitOf("n9"),
    { ...other, node: { ...other.node!, clusterId: "c-2" } },
    gone("typo", "no such host"),
  ]
  expect(saidOf(visits)).toEqual({
    troubles: [
      "n9 at http://n9:4001 is no member of this cluster",
      "http://x1:4001 belongs to another cluster, c-2",
    ],
    notes: ["http://typo:4001 does not answer: no such host"],
  })
})

describe("a change of voters that is half done", () => {
  const joint = view({
    members: [...view().members, memberOf("n4")],
    change: { voters: ["n1", "n2", "n4"], outgoing: ["n1", "n2", "n3"], goal: null },
  })

  test("is no trouble for a moment, and one when it stays", () => {
    const report = diagnose(saying(joint, [...well, visitOf("n4")]))!
    expect(report).toMatchObject({ change: "n1,n2,n3 → n1,n2,n4", troubles: [] })
    expect(withOverdueChange(report, 3000).troubles).toEqual([
      "the change of voters n1,n2,n3 → n1,n2,n4 has been half done for 3 s",
    ])
  })

  test("needs a majority of both halves: the worse one is counted (M5)", () => {
    const visits = saying(joint, [well[0]!, gone("n2"), well[2]!, gone("n4")])
    expect(diagnose(visits)!.voters).toEqual({ all: 3, answering: 1, needed: 2 })
  })
})

test("as a text it is a line, a table and a line per trouble, and moves no cursor", () => {
  const visits = saying(withMember(memberOf("n3", { state: "probe", lag: 9000, lastContactMs: 12_000 })), [
    visitOf("n1", {}, { persistedIndex: 101 }),
    visitOf("n2"),
    gone("n3", "\u001b[31mred"),
  ])
  expect(statusText(diagnose(visits)!)).toBe(`cluster c-1: n1 leads in term 4, 2 of 3 voters answer

id  role      health     log        term  commit  applied    lag  on disk  snapshot  heard  version  url
n1  leader    ok         -             4     100      100      -      101        90  -      1.0.0    http://n1:4001
n2  follower  ok         replicate     4     100      100      0        -        90  20 ms  1.0.0    http://n2:4001
n3  voter     no answer  probe         -       -        -  9,000        -         -  12 s   -        http://n3:4001

note: 2 of 3 voters answer: none of them may fail now
! n3 does not answer at http://n3:4001: \\u001b[31mred`)
})

describe("many groups", () => {
  const words = (group: string, more: Partial<Group> = {}): Group => ({
    group,
    role: "follower",
    term: 4,
    leader: "n2",
    commitIndex: 50,
    appliedIndex: 50,
    snapshotIndex: 0,
    standing: "whole",
    parted: null,
    ...more,
  })
  /** Beside `main`, as each node has them. */
  const withGroups = (of: (id: string) => ReadonlyArray<Group>) =>
    well.map((visit) => ({
      ...visit,
      node: { ...visit.node!, groups: [...visit.node!.groups, ...of(visit.node!.id)] },
    }))
  const orders = (more: Partial<Group> = {}) =>
    Array.from({ length: 999 }, (_, at) => words(`orders-${at}`, more))

  test("that are well are one line, which says who leads how many", () => {
    const report = diagnose(withGroups(() => orders()))!
    expect(report.troubles).toEqual([])
    expect(report.groups).toEqual({ count: 1000, led: { n1: 1, n2: 999 }, wrong: 0 })
    expect(statusText(report)).toEndWith("\n\n1,000 groups: n1 leads 1, n2 999\nall is well")
  })

  test("are a line each where something is wrong, and only there", () => {
    const visits = withGroups((id) => [
      words("well"),
      words("old", id === "n3" ? { leader: "n1", term: 3 } : {}),
      words("leaderless", { leader: null }),
      words("late", id === "n1" ? { appliedIndex: 0, commitIndex: 7000 } : {}),
      words("parted", id === "n3" ? { parted: { reason: "differs" } } : {}),
      words("suspect", id === "n3" ? { standing: "suspect" } : {}),
      ...(id === "n2" ? [] : [words("absent")]),
      words("behind"),
    ])
    const change = { voters: ["n1", "n2", "n3"], outgoing: [], goal: null, groups: ["behind"] }
    const report = diagnose(saying(view({ change }), visits))!
    expect(report.troubles).toEqual([
      "group leaderless: nobody leads it",
      "group late: n1 has not yet applied 7,000 committed entries",
      "group parted: the state of n3 is in repair",
      "group suspect: the log of n3 waits for repair",
      "group absent: n2 does not run it yet",
      "group behind: it has yet to follow the change of members",
    ])
    expect(report.groups).toEqual({ count: 9, led: { n1: 1, n2: 7 }, wrong: 6 })
  })

  test("that nobody leads are wrong only if that was so a moment before as well", () => {
    const visits = withGroups(() => [words("stuck", { leader: null }), words("handed", { leader: null })])
    const report = diagnose(visits)!
    expect([report.troubles.length, report.leaderless]).toEqual([2, ["stuck", "handed"]])
    expect(diagnose(visits, new Set(["stuck", "led by now"]))!.troubles).toEqual([
      "group stuck: nobody leads it",
    ])
  })

  test("are twenty lines at the most, and how many more", () => {
    const report = diagnose(withGroups(() => orders({ leader: null })))!
    expect(report.troubles).toHaveLength(21)
    expect(report.troubles.at(-1)).toBe("and something in 979 more groups")
    expect(statusText(report)).toContain("1,000 groups: n1 leads 1; something is wrong in 999\n")
  })

  test("of a cluster with main alone are not spoken of", () => {
    expect(diagnose(well)!.groups).toBeNull()
    expect(statusText(diagnose(well)!)).not.toContain("groups")
  })
})
