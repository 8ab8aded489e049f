// What did a test and its clients see? One operation for each command, however often it was asked and by whom.

import type { Json } from "../machine/actor.ts"
import type { RefusalCode } from "../machine/outcome.ts"
import { commandAnswer } from "./answers.ts"
import type { Operation } from "./history.ts"
import type { Fate } from "./Session.ts"
import { insist } from "./Violation.ts"

interface Key {
  readonly instance: string
  readonly idempotencyKey: string
  asks: number
  isRejected: boolean
}

/** What was asked with one idempotency key: it happens once. */
interface Request {
  /** When it was first asked. */
  readonly start: number
  /** The `ifRevision` that it was asked with; another one is not another request. */
  readonly conditions: Set<number | null>
  executed: Operation | null
}

interface Place {
  readonly at: number
  readonly request: Request
  /** As it was asked, without a condition. */
  readonly input: Json
  /** How often it was asked. */
  asks: number
}

export class TestHistory {
  readonly operations: Array<Operation> = []
  readonly #asked = new Map<string, Key>()
  readonly #requests = new Map<string, Request>()
  readonly #places = new Map<string, Place>()

  /**
   * A command is asked. Until what is given back is called with its fate it may happen at any time. What has the
   * same idempotency key is the same operation: it began when it was first asked, and ends with the first answer.
   */
  begin(
    asked: Pick<Operation, "client" | "op" | "instance" | "input" | "start">,
    idempotencyKey: string,
    ifRevision: number | null,
  ): (fate: Fate, now: number) => void {
    const { instance, op, input, start } = asked
    const name = JSON.stringify([instance, idempotencyKey, op, input])
    const request = this.#requests.get(name) ?? { start, conditions: new Set(), executed: null }
    this.#requests.set(name, request)
    request.conditions.add(ifRevision)
    const known = this.#places.get(`${name} ${ifRevision}`)
    const place = known ?? { at: this.operations.length, request, input, asks: 0 }
    this.#places.set(`${name} ${ifRevision}`, place)
    place.asks++
    if (known === undefined) {
      const conditional = ifRevision === null ? input : { ...(input as object), ifRevision }
      this.operations.push({ ...asked, input: conditional, output: null, end: null, outcome: "unknown" })
    } else if (this.operations[place.at]!.outcome === "rejected") {
      this.operations[place.at] = { ...this.operations[place.at]!, end: null, outcome: "unknown" }
    }
    const slot = JSON.stringify([instance, idempotencyKey])
    const key = this.#asked.get(slot) ?? { instance, idempotencyKey, asks: 0, isRejected: false }
    this.#asked.set(slot, key)
    key.asks++
    return (fate, end) => {
      if (fate.type === "rejected") key.isRejected = true
      this.#answered(place, toldBy(fate), end)
    }
  }

  /** What nobody may ever have executed: it was called rejected, and never asked again. */
  get rejected(): ReadonlyArray<Key> {
    return [...this.#asked.values()].filter(({ asks, isRejected }) => isRejected && asks === 1)
  }

  #answered(place: Place, told: Told | null, end: number): void {
    if (told === null) return
    const { at, asks, request } = place
    const before = this.operations[at]!
    const isOnly = request.conditions.size === 1
    const answered = request.executed ?? before
    if (told.outcome === "ok" || (told.outcome === "refused" && isOnly)) {
      if (answered.outcome === "ok" || answered.outcome === "refused") this.#expectSame(answered, told)
      if (request.executed === null && before.outcome === "unknown") {
        // Which of several conditions it was executed under, nobody has said.
        const asked = isOnly ? before : { ...before, input: place.input, start: request.start }
        this.operations[at] = { ...asked, ...told, end }
        if (told.outcome === "ok") request.executed = this.operations[at]!
        return
      }
    }
    // Only this attempt: another one may have been taken.
    if (asks === 1 && before.outcome === "unknown") {
      this.operations[at] = { ...before, output: null, end, outcome: "rejected" }
    }
  }

  #expectSame({ op, instance, outcome, output }: Operation, told: Told): void {
    const [first, again] = [{ outcome, output }, told].map((one) => JSON.stringify(one))
    insist("exactly once", first === again, `${op} of ${instance} has one answer (C6)`, again, first)
  }
}

type Told = Pick<Operation, "outcome" | "output">

/** Null: nothing. What the machine refuses for the request's own sake says nothing about a state either. */
const toldBy = (fate: Fate): Told | null => {
  if (fate.type === "unknown") return null
  if (fate.type === "rejected") return { outcome: "rejected", output: null }
  const answer = commandAnswer(fate.outcome)
  if (answer.outcome === "executed") {
    return { outcome: "ok", output: { result: answer.result, revision: answer.revision } }
  }
  return fate.outcome._tag === "Refused" && statefulCodes.has(fate.outcome.code)
    ? { outcome: "refused", output: answer.code }
    : { outcome: "rejected", output: null }
}

/** For these the machine, or the reducer, has looked at the state. */
const statefulCodes: ReadonlySet<RefusalCode> = new Set(["rejected", "revision-mismatch"])
