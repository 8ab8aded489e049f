// How is one thing asked of all groups, when some may do it and others not? With a part of the answer for each (207).

import type { GroupId } from "../consensus/types.ts"
import { type Door, type Doors, jsonResponse } from "./Doors.ts"
import { fewAtOnce } from "./fewAtOnce.ts"
import { Problem, problemText } from "./problem.ts"

/** What one group has answered: its body, or a problem's document, which has a status of its own. */
export type Part = { readonly group: GroupId; readonly status: number } & Readonly<Record<string, unknown>>

/** At most so many are asked at once; a problem of one is no problem of the others. */
export const partsOf = (
  doors: ReadonlyArray<Door>,
  max: number,
  ask: (door: Door) => Promise<object>,
): Promise<ReadonlyArray<Part>> =>
  fewAtOnce(doors, max, async (door) => {
    const { group } = door.raft
    try {
      return { group, status: 200, ...(await ask(door)) }
    } catch (cause) {
      if (cause instanceof Problem)
        return { group, ...(JSON.parse(problemText(cause)) as { status: number }) }
      throw cause
    }
  })

export const partsResponse = (doors: Doors, groups: ReadonlyArray<Part>): Response =>
  jsonResponse(JSON.stringify({ groups }), doors.headers(doors.find(undefined)), 207)

/** What is left until then, ms; throws where nothing is: the group was not asked at all. */
export const millisUntil = (door: Door, deadline: number): number => {
  const millis = deadline - door.raft.now()
  // A timer may ring a little early.
  if (millis >= 1) return millis
  throw new Problem("timeout", "Time was up before it came to this group's turn.", { outcome: "rejected" })
}
