// What are those actors called of which keys may go from one group to another? `main` settles once where an actor lives,
// while several groups have one of each of the other names.

import type { GroupId } from "../consensus/types.ts"

/** The actors that there is one more of, under a name of its own. */
export const roamers = ["alarm", "counter", "list", "register"] as const

export type Roamer = (typeof roamers)[number]

/** The upper half of their keys' slots goes from one group to another. */
export interface PlannedSplit {
  readonly atMillis: number
  readonly from: GroupId
  /** Has nothing of them before. */
  readonly to: GroupId
  readonly actors: ReadonlyArray<Roamer>
  /** So little that one state takes several entries. */
  readonly portionLengthMax: number
}

const prefix = "roaming-"

export const roamingName = (kind: Roamer): string => `${prefix}${kind}`

/** What an actor is, whatever it is called. */
export const kindOf = (actor: string): string =>
  actor.startsWith(prefix) ? actor.slice(prefix.length) : actor

/** An actor, or an instance `actor/key`. */
export const isRoaming = (name: string): boolean => name.startsWith(prefix)
