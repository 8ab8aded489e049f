// What do all routes about actors have in common?

import type { BundleSource } from "../machine/bundleApart.ts"
import { isActorName } from "../machine/Registry.ts"
import type { Body } from "./actorCode.ts"
import type { Bodies } from "./Bodies.ts"
import { type Doors, jsonResponse } from "./Doors.ts"
import type { Founding } from "./groups.ts"
import type { Asked } from "./homes.ts"
import { Problem } from "./problem.ts"
import { decodePart } from "./target.ts"

export interface ActorsOptions {
  readonly doors: Doors
  readonly bodies: Bodies
  /** With whom groups begin that a new actor needs. */
  readonly founding: Founding
  /** Makes a module of a source that nobody vouches for. */
  readonly bundle?: BundleSource | undefined
}

export const actorOf = (segment: string): string => {
  const name = decodePart(segment, "The actor's name")
  if (isActorName(name)) return name
  throw new Problem("bad-request", `${JSON.stringify(name.slice(0, 64))} is no name for an actor.`)
}

/** Null: it is not there. */
export const textIn = (body: Body, field: string, what: string): string | null => {
  const text = body[field]
  if (text === undefined) return null
  if (typeof text === "string") return text
  throw new Problem("bad-request", `${field} must be ${what}.`)
}

/** With the headers of the group that is named, or of `main`. */
export const answer = ({ doors, first }: Asked, body: object, index?: number): Response =>
  jsonResponse(JSON.stringify(body), {
    ...doors.headers(first.door),
    ...(index === undefined ? {} : { "Raftlet-Index": String(index) }),
  })
