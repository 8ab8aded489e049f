// Does whoever watches see every event, in order, once, over whichever node? (L10)

import type { Entry, Index, NodeId } from "../consensus/types.ts"
import { decodeCommand } from "../machine/command.ts"
import type { EventsAnswer, EventsAsked, EventsOutcome } from "../machine/MachineHost.ts"
import type { Chance } from "./Chance.ts"
import type { Execution, Executions } from "./Executions.ts"
import { insist } from "./Violation.ts"

/** What an accepted command must have emitted: names and data. */
export type Emits = (execution: Execution) => ReadonlyArray<string>

/** One client that watches: it looks now at this node, now at that one. */
interface Onlooker {
  actor: string
  key: string
  after: Index | null
  /** By which move the key had come to the group then; 0: by none. */
  move: Index
}

/** Onlookers go where something is applied; they take neither time nor chance of the world. */
export class EventChecks {
  readonly #executions: Executions
  readonly #chance: Chance
  /** Null: of these actors nobody knows more than that all nodes must say the same. */
  readonly #emits: Emits | null
  readonly #onlookers: Array<Onlooker> = []
  /** Those of the question under way. */
  #looking: ReadonlyArray<Onlooker> = []
  readonly #emitted = new Map<Index, { readonly text: string; readonly id: NodeId }>()
  /** How often one was told a state. */
  resets = 0

  constructor(executions: Executions, chance: Chance, emits: Emits | null) {
    this.#executions = executions
    this.#chance = chance
    this.#emits = emits
  }

  /** A node has applied these; the questions of those who look at it now. */
  asks(entries: ReadonlyArray<Entry>): ReadonlyArray<EventsAsked> {
    const chance = this.#chance
    if (!chance.happens(LOOKS)) return []
    const last = entries.findLast(({ kind }) => kind === "command")
    const command = last === undefined ? null : decodeCommand(last.data)
    if (command !== null && chance.happens(COMES)) {
      const { actor, key } = command
      // From now on, or as one that was away for long.
      const after = chance.happens(0.5) ? null : chance.below(last!.index + 1)
      if (this.#onlookers.length < ONLOOKERS_MAX) this.#onlookers.push({ actor, key, after, move: 0 })
      else this.#onlookers[chance.below(ONLOOKERS_MAX)] = { actor, key, after, move: 0 }
    }
    this.#looking = this.#onlookers.filter(() => chance.happens(0.5))
    return this.#looking.map((onlooker) => ({ ...onlooker }))
  }

  told(id: NodeId, { index, outcomes }: EventsAnswer): void {
    for (const [at, onlooker] of this.#looking.entries()) {
      const outcome = outcomes[at]!
      if (outcome._tag === "Events") this.#toldEvents(id, onlooker, outcome)
      else if (outcome._tag === "Reset") this.#toldState(id, onlooker, outcome, index)
    }
    this.#looking = []
  }

  #toldEvents(
    id: NodeId,
    onlooker: Onlooker,
    { entries, upTo, move = 0 }: Extract<EventsOutcome, { readonly _tag: "Events" }>,
  ): void {
    const { after } = onlooker
    const seen = entries.map(({ index, events }) => {
      const text = events.map(({ event, data }) => `${event} ${data}`).join()
      const known = this.#emitted.get(index)
      if (known === undefined) this.#emitted.set(index, { text, id })
      insist(
        "events",
        (known?.text ?? text) === text,
        `${id} and ${known?.id} at ${index}`,
        text,
        known?.text,
      )
      return `${index} ${text}`
    })
    const isAnotherLog = after !== null && move !== onlooker.move
    insist("events", !isAnotherLog, `${id}: a cursor of another group goes on`, move, onlooker.move)
    onlooker.after = upTo
    onlooker.move = move
    if (after === null) return insist("events", seen.length === 0, `${id}: from now on`, seen)
    insist("events", upTo >= after, `${id}: a cursor goes on`, upTo, after)
    const expected = this.#expected(onlooker, after, upTo)?.join("; ")
    if (expected === undefined) return
    const what = `${id} tells all that ${nameOf(onlooker)} emitted behind ${after} up to ${upTo} (L10)`
    insist("events", seen.join("; ") === expected, what, seen.join("; "), expected)
  }

  #toldState(
    id: NodeId,
    onlooker: Onlooker,
    { body, move = 0 }: Extract<EventsOutcome, { readonly _tag: "Reset" }>,
    index: Index,
  ): void {
    const after = onlooker.after ?? index
    this.resets++
    // What was missed in the group where the key was before, nobody can say here.
    const isAnotherLog = move !== onlooker.move
    onlooker.after = index
    onlooker.move = move
    const name = nameOf(onlooker)
    if (!this.#executions.isToldOf(name, index)) return
    const [before, now] = [after, index].map((at) => this.#executions.revisionAt(name, at)) as [
      number,
      number,
    ]
    insist(
      "events",
      now > before || isAnotherLog,
      `${id}: nothing of ${name} was missed behind ${after}, up to ${index}`,
      now,
    )
    const { revision } = JSON.parse(body) as { readonly revision: number }
    insist(
      "events",
      revision === now,
      `${id}: the state of ${name} at ${index}, for events behind it`,
      revision,
      now,
    )
  }

  /** Undefined while nobody knows. */
  #expected(onlooker: Onlooker, after: Index, upTo: Index): ReadonlyArray<string> | undefined {
    const emits = this.#emits
    if (emits === null || !this.#executions.isToldUpTo(upTo)) return undefined
    return this.#executions
      .accepted(nameOf(onlooker))
      .filter(({ index }) => index > after && index <= upTo)
      .flatMap((execution) => {
        const events = emits(execution)
        return events.length === 0 ? [] : [`${execution.index} ${events.join()}`]
      })
  }
}

const nameOf = ({ actor, key }: Onlooker): string => `${actor}/${key}`

/** How often somebody looks when something was applied, and how often somebody new does. */
const LOOKS = 0.3
const COMES = 0.2
const ONLOOKERS_MAX = 6
