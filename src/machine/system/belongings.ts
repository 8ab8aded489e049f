// What belongs to an actor's keys, and goes with them into another group? Told in texts, one for each thing, in an order that
// stays the same while nothing of it changes; and made of those texts again.

import type { Entry, Index } from "../../consensus/types.ts"
import { StateCorrupt, type StoredInstance, type StoredTimer } from "../../storage/StateStore.ts"
import type { ActorRow, VersionRow } from "../Catalogue.ts"
import type { MachineState } from "../execution.ts"
import { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import type { Outcome } from "../outcome.ts"
import type { OutcomeRow } from "../outcomeRows.ts"
import type { Rerun } from "./Quarantines.ts"

/** One row of what a group has of some keys; or one that was looked at, and is of other keys. */
export interface Belonging {
  /** Where it stands in the order: its kind, and where it stands among those. */
  readonly stage: number
  readonly at: string
  /** Null: of other keys. */
  readonly text: (() => string) | null
}

type Behind = (
  state: MachineState,
  actor: string,
  isIts: (key: string) => boolean,
  after: string,
) => Generator<Omit<Belonging, "stage">>

/** All that stands behind a place; `""` is before all of a kind. */
export function* belongingsBehind(
  state: MachineState,
  actor: string,
  isIts: (key: string) => boolean,
  { stage, after }: { readonly stage: number; readonly after: string },
): Generator<Belonging> {
  for (const [at, behind] of kinds.entries()) {
    if (at < stage) continue
    for (const one of behind(state, actor, isIts, at === stage ? after : "")) yield { stage: at, ...one }
  }
}

/** Of all things but what was answered: the oldest of that is forgotten meanwhile. */
export const isInDigest = (text: string): boolean => !text.startsWith(letters.outcome)

/** In place of a text: there will be no rest of what has come of one. */
export const tornItem = ""

/** Over whole texts, in their order. Begins with the empty one. */
export const digestAfter = (digest: string, text: string): string =>
  isInDigest(text) ? Bun.hash.xxHash64(text, digest === "" ? 0n : BigInt(`0x${digest}`)).toString(16) : digest

const code: Behind = function* ({ catalogue }, actor, _, after) {
  const row = catalogue.actors.get(actor)
  if (row === null) return
  const texts: Array<() => string> = []
  for (const version of row.versions) {
    const known = catalogue.row(actor, version)
    if (known === null) continue
    for (let at = 0; at < known.pieces; at++) {
      texts.push(() => textOf(letters.code, [version, at], catalogue.piece(version, at) ?? ""))
    }
    texts.push(() => textOf(letters.version, [version], JSON.stringify(known)))
  }
  texts.push(() => textOf(letters.actor, [], JSON.stringify(row)))
  yield* numbered(texts, after)
}

const instances: Behind = function* (state, actor, isIts, begin) {
  for (let after = begin; ; ) {
    const page = state.instances.list({ actor, prefix: "", after, limit: pageMax })
    for (const { key } of page) {
      const text = () => {
        const { revision, version, text } = state.instances.get(actor, key)!
        return textOf(letters.instance, [key, revision, version], text)
      }
      yield { at: key, text: isIts(key) ? text : null }
    }
    if (page.length < pageMax) return
    after = page.at(-1)!.key
  }
}

const timers: Behind = function* (state, actor, isIts, after) {
  const its = state.timers.all.filter((timer) => timer.actor === actor && isIts(timer.key))
  const texts = its.map(({ id, dueAt, key, command, input }) => () => {
    return textOf(letters.timer, [id, dueAt, key, command], input)
  })
  yield* numbered(texts, after)
}

const reruns: Behind = function* ({ quarantines }, actor, isIts, after) {
  const its = quarantines.reruns(actor).filter(({ key }) => isIts(key))
  yield* numbered(
    its.map(
      ({ key, rerun }) =>
        () =>
          textOf(letters.rerun, [key], JSON.stringify(rerun)),
    ),
    after,
  )
}

/** Several may stand at one index: those that were taken over together. */
const outcomes: Behind = function* (state, actor, isIts, after) {
  const [index = 0, passed = 0] = after === "" ? [] : after.split(".").map(Number)
  let count = 0
  let last: Index = index
  for (const row of state.outcomes.behind(index - 1)) {
    count = row.index === last ? count + 1 : 1
    last = row.index
    if (row.index === index && count <= passed) continue
    const isOne = row.actor === actor && isIts(row.key)
    yield { at: `${row.index}.${count}`, text: isOne ? () => textOfOutcome(row) : null }
  }
}

/** Versions first: nothing is there before what it was made by. What was answered comes last: there is most of it. */
const kinds: ReadonlyArray<Behind> = [code, instances, timers, reruns, outcomes]

function* numbered(texts: ReadonlyArray<() => string>, after: string): Generator<Omit<Belonging, "stage">> {
  for (const [at, text] of texts.entries()) if (at >= Number(after)) yield { at: `${at + 1}`, text }
}

const textOfOutcome = ({ key, idempotencyKey, request, outcome }: OutcomeRow): string => {
  const { command, inputLength, inputHash } = request
  const head = [key, idempotencyKey, command, inputLength, `${inputHash}`]
  return textOf(letters.outcome, head, JSON.stringify(outcome))
}

/** JSON holds no line's end: it parts the head from what may be large. */
const textOf = (letter: string, head: ReadonlyArray<unknown>, body: string): string =>
  `${letter}${JSON.stringify(head)}\n${body}`

/** The entry that brings it, and the move that it belongs to. */
type Bringing = Pick<Entry, "index" | "term"> & { readonly move: Index }

/** Puts one thing where it belongs, as this entry's doing. */
export const installItem = (state: MachineState, actor: string, item: string, entry: Bringing): void => {
  const end = item.indexOf("\n")
  const head = JSON.parse(item.slice(1, end)) as ReadonlyArray<never>
  const body = item.slice(end + 1)
  const put = installers[item[0]!]
  if (put === undefined) throw new StateCorrupt(`entry ${entry.index} brings nothing that is known`)
  put(state, actor, head, body, entry)
}

type Install = (
  state: MachineState,
  actor: string,
  head: ReadonlyArray<never>,
  body: string,
  entry: Bringing,
) => void

const letters = {
  code: "c",
  version: "v",
  actor: "a",
  instance: "i",
  timer: "t",
  rerun: "r",
  outcome: "o",
} as const

const installers: Readonly<Record<string, Install>> = {
  [letters.code]: ({ catalogue }, _, head, body, { index }) => {
    const [version, at] = head as unknown as [string, number]
    catalogue.putPiece(version, at, body, index)
  },
  [letters.version]: ({ catalogue }, actor, head, body, { index }) => {
    const [version] = head as unknown as [string]
    catalogue.putVersion(actor, version, JSON.parse(body) as VersionRow, index)
  },
  [letters.actor]: ({ catalogue }, actor, _, body, { index }) => {
    catalogue.putActor(actor, { ...(JSON.parse(body) as ActorRow), activatedAt: index }, index)
  },
  [letters.instance]: (state, actor, head, body, { index }) => {
    const [key, revision, version] = head as unknown as [string, number, string]
    const stored: Omit<StoredInstance, "state"> = { actor, key, revision, version, index }
    state.instances.put(state.instances.get(actor, key), Instance.received(idOf(actor, key), stored, body))
  },
  [letters.timer]: ({ timers }, actor, head, body, { move }) => {
    const [known, dueAt, key, command] = head as unknown as [string, number, string, string]
    // This group may have given the same one, or may yet: it follows from an index of the log, and some dice.
    const id = `${move}-${known}`
    timers.set({ id, dueAt, actor, key, command, input: body } satisfies StoredTimer)
  },
  [letters.rerun]: ({ quarantines }, actor, head, body, { index }) => {
    const [key] = head as unknown as [string]
    quarantines.putRerun(actor, key, JSON.parse(body) as Rerun, index)
  },
  [letters.outcome]: ({ outcomes }, actor, head, body, entry) => {
    const [key, idempotencyKey, command, inputLength, inputHash] = head as unknown as [
      string,
      string,
      string,
      number,
      string,
    ]
    const request = { command, inputLength, inputHash: BigInt(inputHash) }
    outcomes.take({ actor, key, idempotencyKey, request }, entry, JSON.parse(body) as Outcome)
  },
}

const pageMax = 200
