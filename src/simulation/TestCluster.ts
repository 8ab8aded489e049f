// How does a user's actor fare in a cluster to which everything happens? Nodes, clients and trouble, on virtual
// time, in a plain test.

import { members } from "../consensus/configuration.ts"
import type { Configuration, NodeId } from "../consensus/types.ts"
import type { Json } from "../machine/actor.ts"
import { decodeCommand } from "../machine/command.ts"
import type { Unanswered } from "../machine/leading/Leading.ts"
import { defaultLimits } from "../machine/limits.ts"
import type { Outcome, QueryOutcome } from "../machine/outcome.ts"
import { Runner } from "../machine/Runner.ts"
import type { Failure } from "../raft/Raft.ts"
import { type CommandAnswer, commandAnswer, readAnswer } from "./answers.ts"
import { jsonOf, oneOf, text, weatherOf, whole } from "./arguments.ts"
import { Chance } from "./Chance.ts"
import { SimulatedCluster } from "./Cluster.ts"
import { type ActorCode, Codes, presetOf } from "./Codes.ts"
import { checkHistory } from "./checkHistory.ts"
import { DoubleRunner } from "./DoubleRunner.ts"
import type { Operation } from "./history.ts"
import { calmLink, type LinkWeather } from "./Link.ts"
import type { Model } from "./Model.ts"
import { configurationOf } from "./members.ts"
import { drawFaults } from "./planFaults.ts"
import { type Fate, Session } from "./Session.ts"
import type { SimulatedNode } from "./SimulatedNode.ts"
import { type Cut, linksOf } from "./script.ts"
import { TestHistory } from "./TestHistory.ts"
import { Troubles } from "./Troubles.ts"
import { insist, Violation } from "./Violation.ts"

export interface TestClusterOptions {
  /** 3 when not given. */
  readonly nodes?: number
  /** By name. */
  readonly actors: Readonly<Record<string, ActorCode>>
  /** The same seed is the same run. 1 when not given. */
  readonly seed?: number
  /** What actors do, by name: what clients saw of these must be linearizable (`actorModel`). */
  readonly models?: Readonly<Record<string, Model<unknown>>>
  /**
   * Every node executes every command twice, the second time by code that was loaded anew. Slower by a factor, and finds
   * what a module keeps in its variables.
   */
  readonly alwaysReplay?: boolean
}

/** One command, with its input as it stands in JSON. */
export interface TestCommand {
  readonly actor: string
  readonly key: string
  readonly command: string
  readonly input?: Json
  readonly idempotencyKey?: string
  readonly ifRevision?: number
}

/** What a client knows in the end: `unknown` when nobody can tell it, `rejected` when it did not happen. */
export type TestAnswer =
  | CommandAnswer
  | { readonly outcome: "rejected"; readonly code: string }
  | { readonly outcome: "unknown" }

export interface SurviveOptions {
  /** How long trouble lasts, virtual. 5,000 when not given. */
  readonly millis?: number
  /** Clients that ask, one command after the other. 4 when not given. */
  readonly clients?: number
  /** What a client asks next. Draw from `chance` alone, so that the seed tells everything. */
  readonly next: (chance: Chance) => TestCommand
}

const sessionOptions = { hopMillisMax: 2, replyLoss: 0, attemptMillis: 2000, patienceMillis: 10_000 }
const loadOptions = { hopMillisMax: 3, replyLoss: 0.05, attemptMillis: 700, patienceMillis: 3000 }

/**
 * A cluster of simulated nodes that run these actors with the real engine. Everything is synchronous, and takes
 * virtual time only. Whatever a test does to it, every step is checked: one leader a term, equal logs, equal
 * states, nothing said that no disk holds, nothing executed twice. A broken promise is thrown as a
 * {@link Violation}.
 */
export class TestCluster {
  readonly #cluster: SimulatedCluster
  readonly #session: Session
  readonly #seed: number
  readonly #models: Readonly<Record<string, Model<unknown>>>
  /** Names of their commands, by name. */
  readonly #actors: Readonly<Record<string, ReadonlyArray<string>>>
  readonly #history = new TestHistory()
  #keys = 0

  constructor(options: TestClusterOptions) {
    const { actors, seed = 1, models = {} } = options
    const configuration = votersOnly(whole("nodes", options.nodes ?? 3, 1))
    this.#seed = whole("seed", seed, 0)
    this.#models = models
    for (const name of Object.keys(models)) oneOf("actor for the model", Object.keys(actors), name)
    const codes = new Codes()
    const registry = presetOf(Object.entries(actors).map(([name, code]) => codes.add(name, code)))
    this.#actors = Object.fromEntries(
      Array.from(registry.current.values(), ({ name, commands }) => [name, [...commands.keys()]]),
    )
    const open = () => codes.open()
    this.#cluster = new SimulatedCluster({
      seed,
      configuration,
      registry,
      openRunner: (found) =>
        options.alwaysReplay === true
          ? new DoubleRunner({ open, limits: defaultLimits, found })
          : new Runner(open(), defaultLimits),
      link: calmLink,
      onLeadingProposal: (node, command) => this.#leadingProposes(node, command),
    })
    this.#session = new Session(this.#cluster, "test", sessionOptions)
    this.waitForLeader()
  }

  /** Ids of the nodes: `n1`, `n2`, … */
  get nodes(): ReadonlyArray<NodeId> {
    return members(this.#cluster.configuration)
  }

  /** Who leads and serves; null when nobody does. */
  get leader(): NodeId | null {
    return this.#cluster.leader?.id ?? null
  }

  /** Virtual time since the beginning, ms. */
  get nowMillis(): number {
    return this.#cluster.world.nowMillis
  }

  /** Of all that has happened: equal for equal seeds and tests. */
  get trace(): string {
    return this.#cluster.world.trace
  }

  /** What was asked, and what came of it; strong reads as well. */
  get history(): ReadonlyArray<Operation> {
    return this.#history.operations
  }

  runFor(millis: number): void {
    this.#cluster.runFor(whole("millis", millis, 0))
  }

  /** Until it is so. Throws when it does not become so in time. */
  runUntil(what: string, isSo: () => boolean, atMostMillis = 10_000): void {
    if (this.#cluster.runUntil(isSo, whole("atMostMillis", atMostMillis, 0))) return
    throw this.#late(`${what}, within ${atMostMillis} ms`)
  }

  waitForLeader(atMostMillis = 10_000): NodeId {
    this.runUntil("a leader is elected", () => this.leader !== null, atMostMillis)
    return this.leader!
  }

  /**
   * Has a command executed, by whichever node it takes, `node` being asked first, and waits for the answer.
   */
  execute(command: TestCommand, options: { readonly node?: NodeId } = {}): TestAnswer {
    const asked = this.ask(command, options)
    this.runUntil("the command is answered", () => asked.answer !== null, 60_000)
    return asked.answer!
  }

  /** The same without waiting: `answer` is null until time has passed and somebody has answered. */
  ask(command: TestCommand, options: { readonly node?: NodeId } = {}): { answer: TestAnswer | null } {
    const asked: { answer: TestAnswer | null } = { answer: null }
    if (options.node !== undefined) this.#session.startAt(this.#known(options.node))
    this.#propose(this.#session, command, (answer) => {
      asked.answer = answer
    })
    return asked
  }

  /**
   * The result of a query, linearizable unless said otherwise. Throws when no node, or not this `node`, answers in
   * time.
   */
  query(
    actor: string,
    key: string,
    query: string,
    options: {
      readonly input?: Json
      readonly node?: NodeId
      readonly consistency?: "linearizable" | "lease" | "local"
    } = {},
  ): Json {
    const { input = null, consistency = "linearizable", node } = options
    const asked = {
      type: "query",
      actor: text("actor", actor),
      key: text("key", key),
      query: text("query", query),
      input: jsonOf("input", input),
    } as const
    for (let attempts = 0; attempts < 20; attempts++) {
      if (node !== undefined) this.#session.startAt(this.#known(node))
      let answer: QueryOutcome | Failure | null | undefined
      const start = this.nowMillis
      const how = { consistency, minIndex: 0, maxStalenessMillis: Number.POSITIVE_INFINITY }
      this.#session.read(asked, how, (found) => {
        answer = found
      })
      this.runUntil("the read is answered", () => answer !== undefined, 60_000)
      if (answer != null && answer._tag !== "Failure") {
        const { result = null, revision = 0 } = readAnswer(answer)
        if (consistency !== "local") {
          this.#history.operations.push({
            client: "test",
            op: `${actor}?${query}`,
            instance: `${actor}/${key}`,
            input,
            output: { result, revision },
            start,
            end: this.nowMillis,
            outcome: "ok",
          })
        }
        return result
      }
      this.runFor(50)
    }
    throw this.#late(`${actor}/${key}?${query} is answered${node === undefined ? "" : ` by ${node}`}`)
  }

  /** The power of a node is lost: what it had not synced may be gone. */
  crash(node: NodeId): void {
    this.#cluster.node(node).crash()
  }

  /** kill -9. */
  kill(node: NodeId): void {
    this.#cluster.node(node).kill()
  }

  /** SIGTERM: who waits there is answered first. */
  stop(node: NodeId): void {
    const stopped = this.#cluster.node(node)
    stopped.stop()
    this.runUntil(`${node} stops`, () => !stopped.isUp)
  }

  /** Starts a node that is down, from what its disk holds. */
  start(node: NodeId): void {
    this.#cluster.node(node).start()
  }

  /** SIGSTOP, until {@link resume}. */
  pause(node: NodeId): void {
    this.#cluster.node(node).process?.pause()
  }

  resume(node: NodeId): void {
    this.#cluster.node(node).process?.resume()
  }

  /** Nothing passes on the links that this takes away, until {@link heal}. */
  cut(cut: Cut): void {
    if ("side" in cut) for (const node of cut.side) this.#known(node)
    if ("bridge" in cut) this.#known(cut.bridge)
    const links = linksOf(cut, this.nodes, (target) =>
      target === "leader"
        ? this.waitForLeader()
        : target === "follower"
          ? this.nodes.find((id) => id !== this.leader)!
          : this.#known(target),
    )
    for (const [from, to] of links) this.#cluster.network.cut(this.#known(from), this.#known(to))
  }

  /** From these nodes to all others, and back. */
  isolate(...side: ReadonlyArray<NodeId>): void {
    if (side.length === 0) throw new Error("isolate: expected a node, got none")
    this.cut({ shape: "halves", side })
  }

  heal(): void {
    this.#cluster.network.healAll()
  }

  /** On all links, from now on. */
  setLinks(weather: Partial<LinkWeather>): void {
    for (const from of this.nodes) {
      for (const to of this.nodes) {
        const link = this.#cluster.network.link(from, to)
        link.weather = weatherOf({ ...link.weather, ...weather })
      }
    }
  }

  /**
   * Clients ask for commands while everything goes wrong that the seed draws: crashes, pauses, partitions, slow,
   * full and failing disks, wrong clocks. Then all is put right; the nodes must agree, and what clients saw of the
   * actors that have a model must be linearizable.
   */
  survive(
    options: SurviveOptions,
  ): ReadonlyArray<{ readonly command: TestCommand; readonly answer: TestAnswer }> {
    const { next } = options
    const millis = whole("millis", options.millis ?? 5000, 1)
    const clients = whole("clients", options.clients ?? 4, 1)
    const cluster = this.#cluster
    const chance = new Chance(this.#seed).fork("survive")
    const seen: Array<{ command: TestCommand; answer: TestAnswer }> = []
    // Nodes that lose their data do not come back by themselves: that belongs to another test.
    const faults = drawFaults(chance, this.nodes, millis).filter(
      ({ type }) => type !== "damage" && type !== "flood",
    )
    const troubles = new Troubles(cluster, {
      link: calmLink,
      disk: { syncMillisMin: 0, syncMillisMax: 2 },
      faults,
    })
    let busy = 0
    let isOver = false
    const work = (session: Session): void => {
      if (isOver) return
      busy++
      const command = next(chance)
      const commands = this.#actors[oneOf("actor", Object.keys(this.#actors), command.actor)]!
      oneOf(`command of ${command.actor}`, commands, command.command)
      this.#propose(session, command, (answer) => {
        busy--
        seen.push({ command, answer })
        cluster.world.after(chance.between(0, 30), () => work(session))
      })
    }
    for (let client = 0; client < clients; client++)
      work(new Session(cluster, `client ${client}`, loadOptions))
    this.runFor(millis)
    isOver = true
    troubles.calm()
    this.runUntil("every client is answered", () => busy === 0, 60_000)
    this.settle()
    return seen
  }

  /** All nodes that run come to the same state. What they and their clients saw is checked once more. */
  settle(atMostMillis = 30_000): void {
    const running = this.#cluster.nodes.filter((node) => node.isUp)
    const indexOf = (node: SimulatedNode) => node.record?.appliedIndex ?? -1
    this.runUntil(
      "all nodes have applied the same",
      () => {
        const last = this.#cluster.leader?.record?.log.lastIndex
        return last !== undefined && running.every((node) => indexOf(node) === last)
      },
      atMostMillis,
    )
    for (const { instance, idempotencyKey } of this.#history.rejected) {
      const execution = this.#cluster.executions.find(instance, idempotencyKey)
      const isSo = execution?.outcome._tag !== "Accepted"
      insist("rejected did not happen", isSo, `${idempotencyKey} of ${instance} was called rejected (C2)`)
    }
    const [violation] = checkHistory(this.history, { models: this.#models })
    if (violation !== undefined)
      throw new Violation("linearizability", `${violation.message}\n${violation.evidence}`)
  }

  /** What runs where the group leads is a client as well. */
  #leadingProposes(node: NodeId, command: Uint8Array): (answer: Outcome | Unanswered) => void {
    const { actor, key, command: name, input, idempotencyKey, ifRevision } = decodeCommand(command)!
    const asked = {
      client: `leading at ${node}`,
      op: `${actor}.${name}`,
      instance: `${actor}/${key}`,
      input: JSON.parse(input) as Json,
      start: this.nowMillis,
    }
    const told = this.#history.begin(asked, idempotencyKey, ifRevision)
    return (answer) => told(fateOf(answer), this.nowMillis)
  }

  #known(node: NodeId): NodeId {
    return oneOf("node", this.nodes, node)
  }

  /** What should have become so, and how the nodes are instead. */
  #late(what: string): Violation {
    return new Violation("liveness", `${what}\n${this.#cluster.describe()}`)
  }

  #propose(session: Session, command: TestCommand, answered: (answer: TestAnswer) => void): void {
    const { actor, key, input = null, ifRevision = null } = command
    const wish = {
      actor: text("actor", actor),
      key: text("key", key),
      command: text("command", command.command),
      input: jsonOf("input", input),
      idempotencyKey: command.idempotencyKey ?? `${session.name}, unnamed ${++this.#keys}`,
      ifRevision,
    }
    const asked = {
      client: session.name,
      op: `${actor}.${command.command}`,
      instance: `${actor}/${key}`,
      input,
      start: this.nowMillis,
    }
    const told = this.#history.begin(asked, wish.idempotencyKey, ifRevision)
    session.propose([wish], ([fate]) => {
      told(fate!, this.nowMillis)
      answered(answerOf(fate!))
    })
  }
}

const answerOf = (fate: Fate): TestAnswer =>
  fate.type === "known"
    ? commandAnswer(fate.outcome)
    : fate.type === "rejected"
      ? { outcome: "rejected", code: fate.code }
      : { outcome: "unknown" }

const fateOf = (answer: Outcome | Unanswered): Fate => {
  if (answer._tag !== "Failure") return { type: "known", outcome: answer }
  return answer.outcome === "rejected" ? { type: "rejected", code: answer.code } : { type: "unknown" }
}

const votersOnly = (nodes: number): Configuration =>
  configurationOf({
    voters: Array.from({ length: nodes }, (_, at) => `n${at + 1}`),
    outgoing: [],
    learners: [],
  })
