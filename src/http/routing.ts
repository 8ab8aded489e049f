// Which group has an instance? The one that its actor's placement names; and when that has changed meanwhile, the group
// itself says so, and it is looked again.

import type { Millis } from "../consensus/types.ts"
import { isElsewhere } from "../machine/outcome.ts"
import type { Door, Doors } from "./Doors.ts"
import { Problem } from "./problem.ts"

/** What is asked for. `group`: where the client says that it is. */
export interface Target {
  readonly group: string | undefined
  readonly actor: string
  readonly key: string
}

/** The door of the group that has the instance, at other members where this node does not run it; throws when nobody does. */
export const doorTo = (doors: Doors, { group, actor, key }: Target): Door => {
  if (group !== undefined) return doors.find(group)
  const name = doors.groupOf(actor, key)
  const door = doors.reach(name)
  if (door !== undefined) return door
  throw new Problem(
    "not-ready",
    `This node does not run the group ${name} yet, and knows of nobody who does.`,
  )
}

/**
 * The answer of the group that has the instance, and its door. A group that does not have it executes nothing, and says so:
 * it is asked again where the instance is by then. Not longer than until the deadline.
 */
export const askAtHome = async <Answer extends { readonly _tag: string }>(
  doors: Doors,
  target: Target,
  deadline: Millis,
  ask: (door: Door) => Promise<Answer>,
): Promise<{ readonly door: Door; readonly answer: Answer }> => {
  for (;;) {
    const door = doorTo(doors, target)
    const answer = await ask(door)
    if (!isElsewhere(answer)) return { door, answer }
    await lookAgain(doors, target, deadline)
  }
}

/** Before another attempt; throws when there is to be none. */
export const lookAgain = async (
  doors: Doors,
  { group, actor }: Omit<Target, "key">,
  deadline: Millis,
): Promise<void> => {
  if (group !== undefined) {
    throw new Problem("not-found", `The group ${group} does not have this key of the actor ${quoted(actor)}.`)
  }
  if (doors.find(undefined).raft.now() + pauseMillis >= deadline) {
    throw new Problem("not-ready", `No group has taken over this key of the actor ${quoted(actor)} yet.`)
  }
  await Bun.sleep(pauseMillis)
  await doors.look()
}

const quoted = (actor: string): string => JSON.stringify(actor)

const pauseMillis = 25
