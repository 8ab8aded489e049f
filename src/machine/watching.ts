// What does a watcher see next? Events without a gap, or the state in place of those that are gone.

import type { Index } from "../consensus/types.ts"
import type { KeptEvents } from "./Events.ts"
import type { Work } from "./Executor.ts"
import { isKey, type MachineState } from "./execution.ts"
import { idOf } from "./Instances.ts"
import type { EventsAnswer, EventsAsked, EventsOutcome, Query } from "./MachineHost.ts"
import { answerAll } from "./queries.ts"
import * as refusals from "./refusals.ts"

/** Answers all as of `index`, the last that was applied. */
export function* answerWatchers(
  state: MachineState,
  asked: ReadonlyArray<EventsAsked>,
  index: Index,
): Work<EventsAnswer> {
  const since = asked.reduce((least, { after }) => Math.min(least, after ?? index), index)
  const kept = state.events.behind(
    since,
    asked.map(({ actor, key }) => idOf(actor, key)),
  )
  // Most have nothing new: one object for all of them costs little on its way to another thread.
  const nothing: EventsOutcome = { _tag: "Events", entries: [], upTo: index }
  let bytesLeft = answerBytesMax
  const found = asked.map((one, at): EventsOutcome | StateRead => {
    if (at > 0 && bytesLeft <= 0) return { _tag: "Postponed" }
    const outcome = answer(state, one, kept.get(idOf(one.actor, one.key)) ?? none, index) ?? nothing
    bytesLeft -= "read" in outcome ? 0 : bytesOf(outcome)
    return outcome
  })
  const reads = found.flatMap((one) => ("read" in one ? [one.read] : []))
  const states = yield* answerAll(state, reads, { index, time: 0 })
  let read = 0
  const outcomes = found.map((one): EventsOutcome => {
    if (!("read" in one)) return one
    const answered = states[read++]!
    if (answered._tag !== "Answered") return answered
    return { _tag: "Reset", body: answered.body, ...byMove(one.move) }
  })
  return { index, outcomes }
}

/** The state is to be told in place of events. */
interface StateRead {
  readonly read: Query
  readonly move: Index
}

/** Null: nothing up to `index`. */
const answer = (
  state: MachineState,
  { actor: name, key, after, move: asked = 0 }: EventsAsked,
  kept: ReadonlyArray<KeptEvents>,
  index: Index,
): EventsOutcome | StateRead | null => {
  if (isKey(key) && !state.whereabouts.owns(name, key)) return refusals.elsewhere(name)
  if (state.catalogue.active(name) === undefined) return refusals.unknownActor(name)
  if (!isKey(key)) return refusals.invalidInput("A key is UTF-8 of 1 to 512 bytes without NUL.", [])
  const move = state.whereabouts.movedBy(name, key)
  const atOnce = move === 0 ? null : { _tag: "Events" as const, entries: [], upTo: index, move }
  if (after === null) return atOnce
  // An index of another group's log says nothing of what is missing here.
  if (move !== asked) return { read: { type: "state", actor: name, key }, move }
  const unseen = kept.filter((entry) => entry.index > after)
  if (!isWhole(state, { actor: name, key, after }, unseen[0])) {
    return { read: { type: "state", actor: name, key }, move }
  }
  if (unseen.length === 0 && after <= index) return atOnce
  return { ...pageOf(unseen, Math.max(after, index)), ...byMove(move) }
}

const byMove = (move: Index) => (move === 0 ? {} : { move })

/**
 * Whether nothing is missing between the cursor and the first event that is kept, or the present. Where events of that
 * time may be gone, it is enough that the instance was not written: then there were none.
 *
 *     cursor          completeFrom        first kept
 *       │   (unknown)      │                  │
 *     ──┴──────────────────┴──────────────────┴──▶ log      whole, if `previousIndex` of the first kept, or the
 *                                                           instance's own index, is not behind the cursor
 */
const isWhole = (
  state: MachineState,
  { actor, key, after }: { readonly actor: string; readonly key: string; readonly after: Index },
  first: KeptEvents | undefined,
): boolean => {
  if (after >= state.events.completeFrom) return true
  const writtenBefore = first?.previousIndex ?? state.instances.get(actor, key)?.index ?? 0
  return writtenBefore <= after
}

/** Whole entries, at least one, and no more than a page holds. */
const pageOf = (
  unseen: ReadonlyArray<KeptEvents>,
  upTo: Index,
): Extract<EventsOutcome, { readonly _tag: "Events" }> => {
  let bytes = 0
  const full = unseen.findIndex((entry) => {
    const isFull = bytes >= pageBytesMax
    bytes += entry.bytes
    return isFull
  })
  const page = full === -1 ? unseen : unseen.slice(0, full)
  const entries = page.map(({ index, events }) => ({ index, events }))
  return { _tag: "Events", entries, upTo: full === -1 ? upTo : page.at(-1)!.index }
}

const bytesOf = (outcome: EventsOutcome): number => {
  if (outcome._tag === "Reset") return outcome.body.length
  if (outcome._tag !== "Events") return 0
  return outcome.entries.reduce(
    (sum, { events }) => sum + events.reduce((all, { event, data }) => all + event.length + data.length, 0),
    0,
  )
}

const none: ReadonlyArray<KeptEvents> = []
/** Of the events that one watcher gets at once. */
const pageBytesMax = 64 * 1024
/** Of all that one question is answered. */
const answerBytesMax = 4 * 1024 * 1024
