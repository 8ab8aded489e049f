// What is handed over next of keys that a group has let go of? As much as one entry of another group may well hold.

import type { Index } from "../consensus/types.ts"
import type { MachineState } from "./execution.ts"
import { belongingsBehind, digestAfter, tornItem } from "./system/belongings.ts"
import { isAmong } from "./system/shards.ts"

export interface PortionAsked {
  readonly actor: string
  /** It must be under way, and the keys released. */
  readonly move: Index
  /** As the portion before said; empty: the first one. */
  readonly cursor: string
}

export interface Portion {
  /** Texts, perhaps none: then there is more to look through. */
  readonly items: ReadonlyArray<string>
  /** The last of them goes on in the next portion. */
  readonly isOpen: boolean
  /** Where the next one begins. */
  readonly cursor: string
  /** There is none. */
  readonly isDone: boolean
  /** Over all that has been handed over when this one has. */
  readonly digest: string
}

/** Null: no such move is under way here, or it has come further. */
export const portionOf = (state: MachineState, { actor, move, cursor }: PortionAsked): Portion | null => {
  const giving = state.whereabouts.shard(actor)?.underWay
  if (giving?.role !== "gives" || giving.move !== move || giving.isDropping) return null
  const { portionLengthMax } = state.limits
  let at = readCursor(cursor)
  const items: Array<string> = []
  let room = portionLengthMax
  let looked = 0
  const portion = (isDone: boolean, isOpen = false): Portion => {
    return { items, isOpen, cursor: JSON.stringify(at), isDone, digest: at.digest }
  }
  for (const { stage, at: after, text } of belongingsBehind(state, actor, isAmong(giving.slots), at)) {
    if (looked++ === lookedMax) return portion(false)
    if (text === null) {
      at = { ...at, stage, after }
      continue
    }
    const place = `${stage} ${after}`
    if (at.offset > 0 && at.torn !== place) {
      // What was answered may be forgotten while half of it has been handed over.
      items.push(tornItem)
      at = { ...at, offset: 0 }
    }
    const whole = text()
    const rest = whole.slice(at.offset)
    if (rest.length > room) {
      // A small one waits for the next portion; one that is too large for any begins here.
      if (items.length > 0 && rest.length <= portionLengthMax) return portion(false)
      const end = endBefore(rest, room)
      items.push(rest.slice(0, end))
      at = { ...at, offset: at.offset + end, torn: place }
      return portion(false, true)
    }
    items.push(rest)
    room -= rest.length
    at = { stage, after, offset: 0, torn: "", digest: digestAfter(at.digest, whole) }
    if (room === 0) return portion(false)
  }
  if (at.offset > 0) items.push(tornItem)
  at = { ...at, offset: 0 }
  return portion(true)
}

/** `offset`: so much has been handed over of what stands at `torn`. */
interface Cursor {
  readonly stage: number
  readonly after: string
  readonly offset: number
  readonly torn: string
  readonly digest: string
}

const readCursor = (text: string): Cursor =>
  text === "" ? { stage: 0, after: "", offset: 0, torn: "", digest: "" } : (JSON.parse(text) as Cursor)

/** No character is cut in two. */
const endBefore = (text: string, room: number): number =>
  (text.charCodeAt(room - 1) & 0xfc00) === 0xd800 ? room - 1 : room

/** So that nobody waits long for who looks through a large state. */
const lookedMax = 5_000
