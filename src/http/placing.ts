// How does an actor come to live somewhere? Where is settled in `main`, the groups that it needs are opened, and each is
// given its keys: also when some of that was done before, by whomever.

import { mainGroup } from "../consensus/groups.ts"
import type { GroupId, NodeId } from "../consensus/types.ts"
import type { Manifest } from "../machine/Catalogue.ts"
import type { Accepted } from "../machine/outcome.ts"
import { homeOf, type Placement, type SlotRange } from "../machine/slots.ts"
import { askNothing, type Door } from "./Doors.ts"
import { command, type Sender, send } from "./deploy.ts"
import type { Founding } from "./groups.ts"
import { openingOf } from "./opening.ts"
import { fromFailure, Problem } from "./problem.ts"

/** What a node knows of groups and places. */
export interface Places {
  /** Undefined: this node does not run it, or not yet. */
  readonly find: (group: GroupId) => Door | undefined
  /** It was opened, as far as this node knows. */
  readonly isOpen: (group: GroupId) => boolean
  /** Null: in `main`, as far as this node knows. */
  readonly placementOf: (actor: string) => Placement | null
  /** In which zones nodes are; absent: nobody has said. */
  readonly zones?: () => Readonly<Record<NodeId, string>>
  /** Looks whether any of that has changed. */
  readonly look: () => Promise<void>
}

export interface Placing {
  readonly places: Places
  readonly founding: Founding
}

/** Where it lives, now or since long; the groups of it are opened. `toMain` asks `main`. Throws a Problem. */
export const place = async (
  { places, founding }: Placing,
  toMain: Sender,
  { actor, manifest }: { readonly actor: string; readonly manifest: Manifest },
): Promise<Placement> => {
  // Whatever was settled before is known here then.
  const said = await askNothing(toMain.door, "linearizable", toMain.deadline)
  if (said._tag === "Failure") throw fromFailure(said)
  await places.look()
  const known = places.placementOf(actor)
  const home = homeOf(actor, manifest)
  if (known === null && home.every(({ group }) => group === mainGroup)) return home
  const placement = known ?? (await settle(toMain, actor, home))
  const lacking = [...new Set(placement.map(({ group }) => group))].filter((group) => !places.isOpen(group))
  if (lacking.length > 0) await open(toMain, lacking, founding, manifest.replicas, places.zones?.() ?? {})
  return placement
}

/** From here on the group takes commands of the actor's keys in these slots. */
export const giveKeys = (
  sender: Sender,
  actor: string,
  ranges: ReadonlyArray<SlotRange>,
): Promise<Accepted> =>
  command(sender, "$shard/own", actor, { ranges: ranges.map(({ from, to }) => ({ from, to })) })

/** The group's door, as soon as this node runs it. Throws a Problem when time is up. */
export const opened = async (places: Places, group: GroupId, { door, deadline }: Sender): Promise<Door> => {
  for (;;) {
    const found = places.find(group)
    if (found !== undefined) return found
    if (door.raft.now() + lookMillis >= deadline) {
      throw new Problem("not-ready", `This node does not run the group ${group} yet.`)
    }
    await Bun.sleep(lookMillis)
    await places.look()
  }
}

/** What `main` says, which may be what somebody else has asked for. */
const settle = async (toMain: Sender, actor: string, placement: Placement): Promise<Placement> => {
  const { result } = await command(toMain, "$place/settle", actor, { placement, by: toMain.node })
  return (JSON.parse(result) as { readonly settled: Placement }).settled
}

const open = async (
  toMain: Sender,
  groups: ReadonlyArray<GroupId>,
  founding: Founding,
  replicas: number | undefined,
  zones: Readonly<Record<NodeId, string>>,
): Promise<void> => {
  const configuration = await founding(toMain.deadline)
  if (typeof configuration === "string") throw new Problem("not-ready", configuration)
  await send(
    toMain,
    groups.map((group) =>
      openingOf(group, configuration, replicas === undefined ? undefined : { replicas, like: group }, zones),
    ),
  )
}

const lookMillis = 20
