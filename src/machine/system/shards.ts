// How do keys leave a group, and come into another one? The one lets go of them, the other takes in all that belongs to
// them, and has them when it is all there. Each step may come twice, late, or from who has been replaced long ago: each
// group judges by its own state alone.

import type { Entry, Index } from "../../consensus/types.ts"
import type { MachineState } from "../execution.ts"
import * as refusals from "../refusals.ts"
import { isRange, isWithin, type SlotRange, shardAt, shardsMax, slotOf, united, without } from "../slots.ts"
import { digestAfter, installItem, tornItem } from "./belongings.ts"
import type { SystemInput } from "./commands.ts"
import { Rows } from "./rows.ts"
import type { Verdict } from "./versions.ts"
import { type Giving, markedBy, type Owned, type Taking, unmarked } from "./Whereabouts.ts"

/**
 * No command, no read and no timer of these keys is executed here from now on. A refusal holds for every later copy: who
 * was told so has told `main` that there will be no such move.
 */
export const release = (
  state: MachineState,
  actor: string,
  { move, to, slots: given }: SystemInput<"$shard/release">,
  { index }: Entry,
  time: number,
): Verdict => {
  const { whereabouts } = state
  const shard = whereabouts.shard(actor)
  if (shard === null)
    return refusals.refused("not-found", `The group ${state.group} has nothing of "${actor}".`)
  if ((shard.lastMove ?? 0) >= move) {
    const isRefused = shard.refused?.move === move
    return { result: { released: !isRefused, reason: isRefused ? shard.refused!.reason : null } }
  }
  if (!areSlots(given)) return noSlots()
  const slots = united(given)
  const reason = hindranceTo(state, actor, shard, slots)
  if (reason !== null) {
    whereabouts.putShard(actor, { ...shard, lastMove: move, refused: { move, reason } }, index)
    return { result: { released: false, reason } }
  }
  const underWay: Giving = { role: "gives", move, to, slots, time, isDropping: false, after: "" }
  const owned: Owned = {
    ...shard,
    ranges: without(shard.ranges, slots),
    released: united([...(shard.released ?? []), ...slots]),
    moved: unmarked(shard.moved ?? [], slots),
    lastMove: move,
    underWay,
  }
  whereabouts.putShard(actor, owned, index)
  return { result: { released: true, reason: null } }
}

const hindranceTo = (
  { group, quarantines }: MachineState,
  actor: string,
  { ranges, underWay }: Owned,
  slots: ReadonlyArray<SlotRange>,
): string | null => {
  if (underWay !== undefined) return `another move of "${actor}" is under way in the group ${group}`
  if (!isWithin(slots, ranges)) return `the group ${group} does not have these slots of "${actor}"`
  if (isWithin(ranges, slots)) return `the group ${group} would have no slot of "${actor}" left`
  const held = quarantines.heldAmong(actor, isAmong(slots))
  return held === null
    ? null
    : `the instance ${JSON.stringify(refusals.shorten(held))} is in quarantine: an operator must repair it first`
}

/** One portion of what belongs to the keys. The next one alone changes something. */
export const take = (
  state: MachineState,
  actor: string,
  { move, from, slots: given, portion, items, isOpen, cursor }: SystemInput<"$shard/take">,
  { index, term }: Entry,
): Verdict => {
  const { instances, whereabouts } = state
  const shard = whereabouts.shard(actor) ?? nothing
  const begun = takingOf(shard, move)
  if (begun === null && (shard.lastMove ?? 0) >= move) return { result: { isOver: true } }
  if (!areSlots(given)) return noSlots()
  if (begun === null && (shard.underWay !== undefined || shard.ranges.length > 0)) {
    // What is active here need not be what is active where they come from.
    return refusals.refused("in-use", `The group ${state.group} has slots of "${actor}" already.`)
  }
  const taking: Taking = begun ?? {
    role: "takes",
    move,
    from,
    slots: united(given),
    portions: 0,
    cursor: "",
    digest: "",
    parts: 0,
  }
  if (portion !== taking.portions) return { result: standing(taking) }
  const parts = new Rows<string>(instances, "$part")
  let { digest, parts: waiting } = taking
  for (const [at, text] of items.entries()) {
    if (isOpen && at === items.length - 1) {
      parts.put(partKey(actor, waiting++), text, index)
      continue
    }
    const whole =
      Array.from({ length: waiting }, (_, part) => parts.get(partKey(actor, part)) ?? "").join("") + text
    for (; waiting > 0; waiting--) parts.remove(partKey(actor, waiting - 1))
    if (text === tornItem) continue
    digest = digestAfter(digest, whole)
    installItem(state, actor, whole, { index, term, move })
  }
  const next: Taking = { ...taking, portions: taking.portions + 1, cursor, digest, parts: waiting }
  whereabouts.putShard(actor, { ...shard, lastMove: move, underWay: next }, index)
  return { result: standing(next) }
}

/** Has the keys from here on, when all that belongs to them is here. */
export const adopt = (
  { whereabouts }: MachineState,
  actor: string,
  { move, portions, digest, time }: SystemInput<"$shard/adopt">,
  { index }: Entry,
): Verdict => {
  const shard = whereabouts.shard(actor) ?? nothing
  const taking = takingOf(shard, move)
  if (taking === null) {
    return (shard.lastMove ?? 0) >= move
      ? { result: { adopted: true } }
      : refusals.refused("version-conflict", `Nothing of the move ${move} is here.`)
  }
  if (taking.portions !== portions || taking.digest !== digest || taking.parts > 0) {
    return refusals.refused(
      "version-conflict",
      `${taking.portions} portions are here, with the digest ${taking.digest}: not ${portions} with ${digest}.`,
    )
  }
  const { underWay: _, ...rest } = shard
  const owned: Owned = {
    ...rest,
    ranges: united([...shard.ranges, ...taking.slots]),
    released: without(shard.released ?? [], taking.slots),
    moved: markedBy(shard.moved ?? [], taking.slots, move),
  }
  whereabouts.putShard(actor, owned, index)
  // What an instance was told of the time there must not be later than what it is told here.
  return { result: { adopted: true }, time }
}

/** Forgets what another group has by now, some of it with each entry. */
export const drop = (
  state: MachineState,
  actor: string,
  { move }: SystemInput<"$shard/drop">,
  { index }: Entry,
): Verdict => {
  const { instances, quarantines, timers, whereabouts } = state
  const shard = whereabouts.shard(actor)
  const giving = shard?.underWay
  if (shard === null || giving?.role !== "gives" || giving.move !== move) return { result: { isLeft: false } }
  const isIts = isAmong(giving.slots)
  const gone = timers.all.filter((timer) => timer.actor === actor && isIts(timer.key)).slice(0, droppedMax)
  for (const timer of gone) timers.clear(timer)
  for (const { key } of quarantines.reruns(actor))
    if (isIts(key)) quarantines.putRerun(actor, key, null, index)
  let { after } = giving
  let dropped = 0
  const page = instances.list({ actor, prefix: "", after, limit: lookedMax })
  for (const { key } of page) {
    if (dropped === droppedMax) break
    after = key
    if (!isIts(key)) continue
    instances.remove(instances.get(actor, key)!)
    dropped++
  }
  const isLeft = gone.length === droppedMax || dropped === droppedMax || page.length === lookedMax
  const { underWay: _, ...rest } = shard
  const next: Owned = isLeft ? { ...rest, underWay: { ...giving, isDropping: true, after } } : rest
  whereabouts.putShard(actor, next, index)
  return { result: { isLeft } }
}

/** Whether a key falls into these slots. */
export const isAmong =
  (slots: ReadonlyArray<SlotRange>) =>
  (key: string): boolean =>
    shardAt(slots, slotOf(key)) !== undefined

const takingOf = ({ underWay }: Owned, move: Index): Taking | null =>
  underWay?.role === "takes" && underWay.move === move ? underWay : null

const standing = ({ portions, cursor }: Taking) => ({ isOver: false, portions, cursor })

const areSlots = (slots: ReadonlyArray<SlotRange>): boolean =>
  slots.length > 0 && slots.length <= shardsMax && slots.every(isRange)

const noSlots = (): Verdict => refusals.invalidInput(`These are not 1 to ${shardsMax} ranges of slots.`, [])

/** Names of actors hold no dot. */
const partKey = (actor: string, part: number): string => `${actor}.${part}`

const nothing: Owned = { ranges: [] }

/** By one entry: so that none keeps the next batch waiting for long. */
const droppedMax = 500
const lookedMax = 2000
