// With what does a group begin on a node that has nothing of it yet?

import { isSettled, isVoter } from "../consensus/configuration.ts"
import type { Address, Configuration, NodeId } from "../consensus/types.ts"
import type { GroupRow } from "../machine/system/GroupDirectory.ts"

/** A group of nobody: its leader has to take this node in. */
export const nobody: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}

/**
 * The configuration that a node begins a group with. Only its founders begin with the founding one, and only in the data
 * directory that was meant: a node that comes back without its data is not the voter that it was (HAZARDS S6, M10). All
 * others wait to be taken in.
 */
export const beginning = (
  { configuration: founding, founded, seating }: Pick<GroupRow, "configuration" | "founded" | "seating">,
  self: { readonly id: NodeId; readonly incarnation: string },
): Configuration => {
  // A founder whose seat went to another and came back may have voted here since: it was told of others by then.
  if (seating !== undefined && seating.step !== founded) return nobody
  const named = Object.hasOwn(founding.addresses, self.id) ? founding.addresses[self.id] : undefined
  const isFounder = isVoter(founding, self.id) || founding.learners.includes(self.id)
  return isFounder && named?.incarnation === self.incarnation ? founding : nobody
}

/**
 * With whom a group begins that is opened now: the members of `main`, each with the data directory that it has. A text:
 * why nobody can say; who was never heard of could be anybody. `incarnations`: of those for whom `main` names none.
 */
export const foundingOf = (
  main: Configuration,
  incarnations: ReadonlyMap<NodeId, string>,
): Configuration | string => {
  if (!isSettled(main)) return changingText(main)
  const { voters, learners } = main
  const unseen: Array<NodeId> = []
  const addresses: Record<NodeId, Address> = {}
  for (const id of [...voters, ...learners]) {
    const address = main.addresses[id]!
    const incarnation = address.incarnation ?? incarnations.get(id)
    if (incarnation === undefined) unseen.push(id)
    else addresses[id] = { ...address, incarnation }
  }
  if (unseen.length > 0) return `This node has not heard of ${unseen.join(", ")} yet.`
  return { voters, outgoing: [], learners, learnersNext: [], addresses }
}

/** Who is waited for, as far as the configuration says so: a newcomer that never comes would be waited for for ever. */
const changingText = ({ voters, goal }: Configuration): string => {
  const text = "The members of the cluster are being changed"
  const pending = goal?.voters.filter((id) => !voters.includes(id)) ?? []
  if (pending.length === 0) return `${text}: wait until that is done.`
  const ways = pending.map((id) => `\`raftlet remove ${id}\``).join(", ")
  const verb = pending.length === 1 ? "has" : "have"
  return `${text}: ${pending.join(", ")} ${verb} to catch up before voting. Wait for that, or give it up: ${ways}.`
}
