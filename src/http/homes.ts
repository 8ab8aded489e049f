// In which groups does an actor live, and how is each of them asked? All of them, or the one that a request names.

import { Effect, Result } from "effect"
import type { GroupId } from "../consensus/types.ts"
import type { ActorStatus, MachineFailed } from "../machine/MachineHost.ts"
import { unknownActor } from "../machine/refusals.ts"
import { askNothing, type Door, type Doors } from "./Doors.ts"
import type { Sender } from "./deploy.ts"
import { fewAtOnce, groupsAtOnce, waitsAtOnce } from "./fewAtOnce.ts"
import { timeoutMillis } from "./parameters.ts"
import { fromFailure, fromRefused, Problem } from "./problem.ts"
import { within } from "./snapshots.ts"
import { parseQuery, parseSwitch } from "./target.ts"

/** What a request about actors says besides its path and body. */
export interface Asked {
  readonly doors: Doors
  /** That group alone is meant; undefined: all in which the actor lives. */
  readonly group: GroupId | undefined
  /** To the group that is named, or to `main`. */
  readonly first: Sender
  readonly isForced: boolean
}

export const askedOf = (doors: Doors, request: Request, switches: ReadonlyArray<"force"> = []): Asked => {
  const parameters = parseQuery(request, ["group", ...switches])
  const group = parameters.get("group")
  const door = doors.find(group)
  const deadline = door.raft.now() + timeoutMillis(request)
  const isForced = parseSwitch(parameters.get("force"), "force")
  return { doors, group, first: { door, deadline, node: doors.node.id }, isForced }
}

/** One for each group that is meant, in the order of the actor's slots; each has come to what was acknowledged before. */
export const homesOf = async (asked: Asked, actor: string): Promise<ReadonlyArray<Sender>> => {
  const { doors, first, group } = asked
  await caughtUp(first)
  if (group !== undefined) return [first]
  await doors.look()
  const homes = doors.groupsOf(actor).map((name) => senderTo(asked, name))
  const others = homes.filter(({ door }) => door !== first.door)
  await fewAtOnce(others, waitsAtOnce, (home) => namedIn(homes, home, caughtUp))
  return homes
}

/** Throws when neither this node nor anybody whom it knows runs the group. */
export const senderTo = ({ doors, first }: Asked, group: GroupId): Sender => {
  const door = doors.reach(group)
  if (door !== undefined) return { ...first, door }
  throw new Problem("not-ready", `This node does not run the group ${group} yet.`)
}

export const groupOf = ({ door }: Sender): GroupId => door.raft.group

/** In each of the groups, a few at once. A problem names its group where there are several. */
export const inEach = <A>(
  homes: ReadonlyArray<Sender>,
  work: (home: Sender) => Promise<A>,
): Promise<ReadonlyArray<A>> => fewAtOnce(homes, groupsAtOnce, (home) => namedIn(homes, home, work))

const namedIn = async <A>(
  homes: ReadonlyArray<Sender>,
  home: Sender,
  work: (home: Sender) => Promise<A>,
): Promise<A> => {
  try {
    return await work(home)
  } catch (cause) {
    throw cause instanceof Problem ? named(homes, home, cause) : cause
  }
}

/** The same problem, saying in which of several groups it is. */
export const named = (homes: ReadonlyArray<Sender>, home: Sender, problem: Problem): Problem =>
  homes.length === 1
    ? problem
    : new Problem(problem.code, `Group ${groupOf(home)}: ${problem.detail}`, {
        extra: problem.extra,
        outcome: problem.outcome,
        headers: problem.headers,
      })

/** Whatever was acknowledged before this was asked is seen. */
export const caughtUp = async ({ door, deadline }: Sender): Promise<void> => {
  const said = await askNothing(door, "linearizable", deadline)
  if (said._tag === "Failure") throw fromFailure(said)
  // A node whose own state does not serve has had it answered by another one, and what follows is read here.
  const here = await askNothing(door, "local", deadline)
  if (here._tag === "Failure") throw fromFailure(here)
}

/** What the machine says before anything is proposed. It may run code, which may take its time. */
export const seen = async <A>(
  { door, deadline }: Sender,
  asked: Effect.Effect<A, MachineFailed>,
): Promise<A> => {
  const millis = Math.max(0, deadline - door.raft.now())
  const result = await within(millis, Effect.runPromise(Effect.result(asked)), null)
  if (result === null) {
    throw new Problem("timeout", "The code that must run for this has not come to an end in time.", {
      outcome: "rejected",
    })
  }
  if (Result.isSuccess(result)) return result.success
  // A node whose machine has failed is on its way out.
  throw new Problem("shutting-down", result.failure.message)
}

/** What the group has of the actor, as far as this node's state has come; null: nothing. */
export const statusIn = async (home: Sender, actor: string): Promise<ActorStatus | null> => {
  const actors = await seen(home, machineOf(home).actors)
  return actors.find(({ name }) => name === actor) ?? null
}

/** The same of all groups; throws when none of them has anything of it. */
export const statusesIn = async (
  homes: ReadonlyArray<Sender>,
  actor: string,
): Promise<ReadonlyArray<ActorStatus | null>> => {
  const statuses = await inEach(homes, (home) => statusIn(home, actor))
  if (statuses.every((status) => status === null)) throw fromRefused(unknownActor(actor))
  return statuses
}

export const machineOf = ({ door }: Sender): Door["machine"] => door.machine
