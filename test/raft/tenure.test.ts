// When does what users have run where a node leads begin and end, and what of it can still get into the log?

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import type { Leadership, LeadingService } from "../../src/machine/leading/Leading.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import type { RaftOptions } from "../../src/raft/options.ts"
import type { Failure } from "../../src/raft/Raft.ts"
import { type Answer, Cluster, type TestNode } from "./Cluster.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const ids = ["n1", "n2", "n3"]
const encoder = new TextEncoder()

/** What ran beside leaders. */
class Stage {
  readonly cluster: Cluster
  /** In the order in which it happened: `n1 begins in 1`. */
  readonly said: Array<string> = []
  readonly leaderships: Array<Leadership> = []
  /** Nodes that did not serve yet when it began there. */
  readonly early: Array<string> = []
  /** How long it takes to end in good order. */
  endMillis = 0
  /** What goes wrong in it. */
  defect: "begin" | "end" | "release" | null = null

  constructor(seed = 1, nodes: ReadonlyArray<string> = ids, options: Partial<RaftOptions> = {}) {
    this.cluster = new Cluster(seed, nodes, options, (node) => this.#serviceAt(node))
  }

  /** Those that run now. */
  get running(): ReadonlyArray<string> {
    const isOver = (begun: string) => this.said.some((one) => one === begun.replace("begins", "is gone"))
    return this.said.filter(
      (one, at) => one.includes("begins") && !isOver(one) && this.said.indexOf(one) === at,
    )
  }

  waitForBegin(count = 1): void {
    const isSo = () => this.said.filter((one) => one.includes("begins")).length >= count
    if (!this.cluster.world.runUntil(isSo, 5000)) throw new Error(`it did not begin: ${this.said}`)
  }

  /** Proposes as what runs beside a leader does. */
  propose(leadership: Leadership, command: string, millis = 3000): Answer<Outcome | Failure> {
    const result: Answer<Outcome | Failure> = { answer: null, count: 0 }
    this.cluster.fork(
      Effect.map(leadership.propose(encoder.encode(command), millis), (answer) => {
        result.answer = answer as Outcome | Failure
        result.count++
      }),
    )
    return result
  }

  #serviceAt(node: TestNode): LeadingService {
    const lead = Effect.fnUntraced({ self: this }, function* (leadership: Leadership) {
      if (this.defect === "begin") return yield* Effect.die(new Error("broken"))
      const { serving, commitIndex, appliedIndex } = node.raft!.status()
      const name = `${node.id} %s in ${leadership.term}`
      const say = (what: string) => this.said.push(name.replace("%s", what))
      if (!serving || appliedIndex < commitIndex) this.early.push(node.id)
      this.leaderships.push(leadership)
      say("begins")
      yield* Effect.addFinalizer(() => {
        say("is gone")
        return this.defect === "release" ? Effect.die(new Error("broken")) : Effect.void
      })
      const end = Effect.gen({ self: this }, function* () {
        say("is to end")
        if (this.defect === "end") return yield* Effect.die(new Error("broken"))
        yield* Effect.sleep(this.endMillis)
        say("has ended")
      })
      return { end }
    })
    return { lead, status: () => [], failures: () => [] }
  }
}

const staged = (seed = 1, nodes = ids, options: Partial<RaftOptions> = {}) => {
  const stage = new Stage(seed, nodes, options)
  const { cluster } = stage
  const leader = cluster.waitForLeader()
  const others = cluster.nodes.filter((node) => node !== leader)
  return { stage, cluster, leader, others, one: others[0]! }
}

describe("what runs where a node leads begins", () => {
  test("when the leader has applied everything up to its own term's first entry, and not before (R17)", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { stage, cluster, leader, one } = staged(seed)
      stage.waitForBegin()
      expect(stage.said).toEqual([`${leader.id} begins in ${leader.raft!.status().term}`])
      // With much to apply, and a disk that holds up the first entry of the next term.
      for (const node of cluster.nodes) node.weather.writeMillis = 100
      for (let at = 0; at < 20; at++) cluster.propose(leader, `c${at}`)
      cluster.world.runFor(5)
      cluster.await(cluster.transfer(leader, one.id))
      expect(stage.said.filter((one) => one.includes("begins"))).toHaveLength(1)
      stage.waitForBegin(2)
      expect(stage.early).toEqual([])
      expect(one.applied).toHaveLength(20)
    }
  })

  test("on no node that follows, and once per leadership", () => {
    const { stage, cluster, leader } = staged()
    cluster.world.runFor(3000)
    expect(stage.said).toEqual([`${leader.id} begins in ${leader.raft!.status().term}`])
  })
})

describe("what runs where a node leads has ended", () => {
  test("before leadership is handed on, and the leader works on meanwhile (thesis §3.10)", () => {
    const { stage, cluster, leader, one } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    stage.endMillis = 1500
    const handed = cluster.transfer(leader, one.id)
    cluster.world.runFor(1000)
    expect(stage.said.at(-1)).toBe(`${leader.id} is to end in ${term}`)
    // It may still propose, and so may everybody.
    const last = stage.propose(stage.leaderships[0]!, "last words")
    expect(cluster.await(last)).toMatchObject({ _tag: "Accepted", term })
    expect(cluster.await(cluster.propose(one, "meanwhile"))).toMatchObject({ _tag: "Accepted", term })
    expect(handed.answer).toBeNull()
    expect(cluster.await(handed)).toEqual({ leader: one.id, term: term + 1 })
    stage.waitForBegin(2)
    expect(stage.said).toEqual([
      `${leader.id} begins in ${term}`,
      `${leader.id} is to end in ${term}`,
      `${leader.id} has ended in ${term}`,
      `${leader.id} is gone in ${term}`,
      `${one.id} begins in ${term + 1}`,
    ])
  })

  test("before a node is told to stop, also when nobody can take over, and begins there no more (C10)", () => {
    for (const nodes of [ids, ["n1"]]) {
      const { stage, cluster, leader } = staged(1, nodes)
      const { term } = leader.raft!.status()
      stage.waitForBegin()
      stage.endMillis = 800
      cluster.run(leader.raft!.handOver)
      expect(stage.said.slice(0, 4)).toEqual([
        `${leader.id} begins in ${term}`,
        `${leader.id} is to end in ${term}`,
        `${leader.id} has ended in ${term}`,
        `${leader.id} is gone in ${term}`,
      ])
      cluster.world.runFor(1000)
      expect(stage.said.filter((one) => one.startsWith(`${leader.id} begins`))).toHaveLength(1)
    }
  })

  test("before a leader that removes itself is without a vote, and another one leads (M7)", () => {
    const { stage, cluster, leader, others } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    stage.endMillis = 1500
    const removed = cluster.change(leader, { kind: "remove", id: leader.id })
    cluster.world.runFor(1000)
    expect(stage.said.at(-1)).toBe(`${leader.id} is to end in ${term}`)
    expect(leader.raft!.status()).toMatchObject({ serving: true, term })
    const last = stage.propose(stage.leaderships[0]!, "last words")
    expect(cluster.await(last)).toMatchObject({ _tag: "Accepted", term })
    expect(cluster.await(removed)).toMatchObject({ isDone: true })
    stage.waitForBegin(2)
    expect(stage.said.slice(0, 4)).toEqual([
      `${leader.id} begins in ${term}`,
      `${leader.id} is to end in ${term}`,
      `${leader.id} has ended in ${term}`,
      `${leader.id} is gone in ${term}`,
    ])
    expect(stage.said[4]).toMatch(/^n\d begins in \d+$/)
    expect(others.map(({ id }) => id)).toContain(stage.said[4]!.split(" ")[0]!)
  })

  test("at once when leadership is lost, and nobody waits for it (E11, E16)", () => {
    const { stage, cluster, leader, others } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    stage.endMillis = 100_000
    for (const other of others) cluster.network.cut(leader.id, other.id)
    const isDeposed = () => leader.raft!.status().role !== "leader"
    expect(cluster.world.runUntil(isDeposed, 3000)).toBe(true)
    cluster.world.runFor(1)
    expect(stage.said).toContain(`${leader.id} is gone in ${term}`)
    expect(stage.said).not.toContain(`${leader.id} is to end in ${term}`)
  })

  test("at once when leadership is lost while it is being ended", () => {
    const { stage, cluster, leader, others } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    stage.endMillis = 100_000
    const handed = cluster.transfer(leader, others[0]!.id)
    cluster.world.runFor(10)
    for (const other of others) cluster.network.cut(leader.id, other.id)
    expect(cluster.await(handed, 10_000)).toMatchObject({ _tag: "Failure" })
    expect(stage.said).toContain(`${leader.id} is gone in ${term}`)
    cluster.network.healAll()
    cluster.world.runFor(3000)
    expect(stage.running).toHaveLength(1)
  })

  test("not for a hand-over that is refused, and begins again after one that comes to nothing", () => {
    const { stage, cluster, leader, one } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    for (const to of ["n9", leader.id]) {
      cluster.await(cluster.transfer(leader, to))
      cluster.world.runFor(500)
      expect(stage.said).toHaveLength(1)
    }
    cluster.network.cutOneWay(leader.id, one.id)
    cluster.await(cluster.propose(leader, "what it lacks"))
    const handed = cluster.transfer(leader, one.id)
    expect(cluster.await(handed)).toMatchObject({ code: "transfer-failed" })
    stage.waitForBegin(2)
    expect(stage.said.at(-1)).toBe(`${leader.id} begins in ${term}`)
    expect(stage.said.filter((one) => one.includes("has ended"))).toHaveLength(1)
    expect(leader.raft!.status()).toMatchObject({ serving: true, term })
  })

  test("before a state is given up, where others can take over and where nobody can; and begins again", () => {
    for (const nodes of [ids, ["n1"]]) {
      const { stage, cluster, leader } = staged(1, nodes)
      const { term } = leader.raft!.status()
      stage.waitForBegin()
      cluster.await(cluster.propose(leader, "a"))
      stage.endMillis = 1500
      leader.weather.isStateCorrupt = true
      cluster.propose(leader, "b")
      cluster.world.runUntil(() => leader.raft!.status().parted !== null, 1000)
      cluster.world.runFor(1000)
      // It has nothing to show any more, and leads on until it has ended.
      expect(stage.said).toEqual([`${leader.id} begins in ${term}`, `${leader.id} is to end in ${term}`])
      expect(leader.raft!.status()).toMatchObject({ role: "leader", term })
      const asked = stage.propose(stage.leaderships[0]!, "c")
      expect(cluster.await(asked)).toMatchObject({ _tag: "Failure", outcome: "rejected" })
      expect(leader.deeds).toEqual([])
      stage.waitForBegin(2)
      expect(stage.said.slice(0, 4)).toEqual([
        `${leader.id} begins in ${term}`,
        `${leader.id} is to end in ${term}`,
        `${leader.id} has ended in ${term}`,
        `${leader.id} is gone in ${term}`,
      ])
      const next = stage.leaderships[1]!
      expect(next.term).toBeGreaterThan(term)
      expect(next.node === leader.id).toBe(nodes.length === 1)
      cluster.world.runUntil(() => leader.raft!.status().parted === null, 5000)
      // The door of the life before is closed to it, whatever the node has become.
      expect(cluster.await(stage.propose(stage.leaderships[0]!, "d"))).toMatchObject({ _tag: "Failure" })
      expect(cluster.await(stage.propose(next, "e"))).toMatchObject({ _tag: "Accepted", term: next.term })
      cluster.world.runFor(1000)
      for (const { applied } of cluster.nodes) expect(applied).toEqual(["a", "b", "e"])
      expect(stage.early).toEqual([])
      expect(stage.running).toHaveLength(1)
    }
  })

  test("for a node whose state is in repair before it leads again: nothing begins on a state that is none", () => {
    const { stage, cluster, leader } = staged(1, ["n1"])
    stage.waitForBegin()
    for (const command of ["a", "b", "c"]) cluster.await(cluster.propose(leader, command))
    // It leads long before it has applied again what it has in its log.
    leader.weather.applyMillis = 1000
    leader.weather.isStateCorrupt = true
    cluster.propose(leader, "d")
    cluster.world.runUntil(() => leader.deeds.includes("the state is given up"), 5000)
    const leads = () => leader.raft!.status().role === "leader" && leader.raft!.status().parted !== null
    expect(cluster.world.runUntil(leads, 5000)).toBe(true)
    expect(stage.running).toEqual([])
    stage.waitForBegin(2)
    expect(leader.raft!.status()).toMatchObject({ parted: null, serving: true })
    expect(leader.applied).toEqual(["a", "b", "c", "d"])
  })

  test("whatever is broken in it: the group goes on", () => {
    for (const defect of ["begin", "end", "release"] as const) {
      const { stage, cluster, leader, one } = staged()
      stage.waitForBegin()
      stage.defect = defect
      expect(cluster.await(cluster.transfer(leader, one.id))).toMatchObject({ leader: one.id })
      cluster.world.runFor(1000)
      expect(cluster.await(cluster.propose(leader, "after"))).toMatchObject({ _tag: "Accepted" })
      const noted = cluster.nodes.flatMap(({ events }) => events.map(({ message }) => message))
      expect(
        noted.filter((message) => `${message}`.startsWith("what runs where this node leads")),
      ).toHaveLength(1)
      stage.defect = null
      cluster.await(cluster.transfer(one, leader.id))
      expect(cluster.waitForLeader()).toBe(leader)
    }
  })
})

describe("what is proposed for one leadership", () => {
  test("is executed in its term, and answered", () => {
    const { stage, cluster, leader } = staged()
    const { term } = leader.raft!.status()
    stage.waitForBegin()
    const answer = stage.propose(stage.leaderships[0]!, "c")
    expect(cluster.await(answer)).toMatchObject({ _tag: "Accepted", term })
    expect(leader.applied).toEqual(["c"])
  })

  test("is tried again when its actor has got another version meanwhile", () => {
    const { stage, cluster, leader } = staged()
    stage.waitForBegin()
    leader.moved.add("c")
    const answer = stage.propose(stage.leaderships[0]!, "c")
    expect(cluster.await(answer)).toMatchObject({ _tag: "Accepted" })
    expect(answer.count).toBe(1)
  })

  test("is executed by no later leader, nor by the same node when it leads again (C8)", () => {
    const { stage, cluster, leader, one } = staged()
    stage.waitForBegin()
    const [old] = stage.leaderships
    cluster.await(cluster.transfer(leader, one.id))
    stage.waitForBegin(2)
    const elsewhere = stage.propose(old!, "elsewhere")
    expect(cluster.await(elsewhere)).toMatchObject({ code: "not-leader" })
    cluster.await(cluster.transfer(one, leader.id))
    stage.waitForBegin(3)
    expect(stage.leaderships.at(-1)).toMatchObject({ node: leader.id, term: old!.term + 2 })
    const again = stage.propose(old!, "again")
    expect(cluster.await(again)).toMatchObject({ code: "not-leader" })
    cluster.world.runFor(5000)
    for (const node of cluster.nodes) expect(node.applied).toEqual([])
  })

  test("comes to nothing where a leader is cut off and another one leads (E13)", () => {
    let old = 0
    for (let seed = 1; seed <= 10; seed++) {
      const { stage, cluster, leader, others } = staged(seed)
      stage.waitForBegin()
      for (const other of others) cluster.network.cut(leader.id, other.id)
      const isSucceeded = () => others.some((node) => node.raft!.status().serving)
      cluster.world.runUntil(isSucceeded, 3000)
      // It still believes that it leads, and so does what runs there.
      if (leader.raft!.status().role !== "leader") continue
      old++
      const answer = stage.propose(stage.leaderships[0]!, "too late")
      cluster.world.runFor(20)
      cluster.network.healAll()
      expect(cluster.await(answer)).toMatchObject({ _tag: "Failure", outcome: "unknown" })
      cluster.world.runFor(2000)
      for (const node of cluster.nodes) expect(node.applied).toEqual([])
      expect(stage.running).toHaveLength(1)
    }
    expect(old).toBeGreaterThan(2)
  })

  test("reads what was acknowledged before", () => {
    const { stage, cluster, leader, one } = staged()
    stage.waitForBegin()
    cluster.await(cluster.propose(one, "c"))
    const [leadership] = stage.leaderships
    const read = leadership!.read({ type: "state", actor: "toy", key: "all" }, "linearizable", 1000)
    expect(cluster.run(read)).toMatchObject({ _tag: "Answered", body: '["c"]' })
    expect(leader.applied).toEqual(["c"])
  })
})
