// How does an actor under test get another version, and come back from it? By the commands that a cluster has for it.

import { manifestOf } from "../machine/manifest.ts"
import { encodeSystem, piecesOf, type SystemInput, type SystemName } from "../machine/system/commands.ts"
import type { Plan } from "../machine/system/plan.ts"
import { commandAnswer } from "./answers.ts"
import type { ActorCode, Code, Codes } from "./Codes.ts"
import type { Twins } from "./Twins.ts"

const node = "n1"

export class Versions {
  readonly #codes: Codes
  readonly #twins: Twins
  readonly #first: Code
  /** Those that an entry has brought. The first one was there without, until there is a second. */
  readonly #registered = new Set<Code>()
  #commands = 0

  constructor(codes: Codes, first: Code, twins: Twins) {
    this.#codes = codes
    this.#first = first
    this.#twins = twins
  }

  plan(given: ActorCode, now: number): Plan {
    this.#begin(now)
    const code = this.#codes.add(this.#first.name, given)
    const plan = this.#twins.machine.plan({
      actor: code.name,
      version: code.version,
      manifest: manifestOf(code.load()),
      recorded: this.#twins.entries.map(({ data, index }) => ({ index, command: data })),
    })
    if ("_tag" in plan) throw new Error(`${plan.code}: ${plan.detail}`)
    return plan
  }

  activate(given: ActorCode, now: number): void {
    const { actor, from, hindrances, states, to } = this.plan(given, now)
    // As the door does it: the log judges only what it can without code.
    if (hindrances.length > 0) {
      const failures = states.failures.map(({ key, code, message }) => `; ${key}: ${code}: ${message}`)
      throw new Error(`version-conflict: ${hindrances.join("; ")}${failures.join("")}`)
    }
    this.#register(this.#codes.add(actor, given), now)
    this.#system("$actor/activate", actor, { version: to.version, from: from?.version ?? null }, now)
  }

  rollBack(now: number): void {
    this.#begin(now)
    this.#system("$actor/rollback", this.#first.name, { from: null, to: null }, now)
  }

  /** From here on an entry says which version is active. */
  #begin(now: number): void {
    if (this.#registered.has(this.#first)) return
    const { name, version } = this.#first
    this.#register(this.#first, now)
    this.#system("$actor/activate", name, { version, from: null }, now)
  }

  #register(code: Code, now: number): void {
    if (this.#registered.has(code)) return
    this.#registered.add(code)
    const { name, version } = code
    const pieces = piecesOf(code.text)
    for (const [at, text] of pieces.entries())
      this.#system("$actor/piece", version, { version, at, text }, now)
    const bytes = new TextEncoder().encode(code.text).length
    const manifest = manifestOf(code.load())
    const input = { version, pieces: pieces.length, bytes, by: node, source: "file" as const, ...manifest }
    this.#system("$actor/register", name, input, now)
  }

  /** Throws what it is refused for. */
  #system<Name extends SystemName>(name: Name, key: string, input: SystemInput<Name>, now: number): void {
    const bytes = encodeSystem(name, { key, input, id: `version ${++this.#commands}`, door: node })
    const [admission] = this.#twins.machine.admit([bytes])
    const outcome =
      admission!._tag === "Settled"
        ? admission!.outcome
        : this.#twins.append({ data: admission!.command, time: now })!
    const answer = commandAnswer(outcome)
    if (answer.outcome === "refused") throw new Error(`${answer.code}: ${answer.detail}`)
  }
}
