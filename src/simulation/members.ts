// Who takes part in a simulated cluster, and where?

import type { Address, Configuration, NodeId } from "../consensus/types.ts"

/** Of a node that belongs to nobody yet. */
export const nobody: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  addresses: {},
}

/** `priority` undefined: nothing is said of it. */
export const addressOf = (id: NodeId, priority?: number): Address => ({
  peer: `${id}:1`,
  client: `http://${id}`,
  ...(priority === undefined ? {} : { priority }),
})

/** What the members of a script begin with. */
export const configurationOf = ({
  voters,
  outgoing,
  learners,
  priorities = {},
}: Pick<Configuration, "voters" | "outgoing" | "learners"> & {
  readonly priorities?: Readonly<Record<NodeId, number>>
}): Configuration => {
  const ids = [...new Set([...voters, ...outgoing, ...learners])]
  return {
    voters,
    outgoing,
    learners,
    learnersNext: [],
    addresses: Object.fromEntries(ids.map((id) => [id, addressOf(id, priorities[id])])),
  }
}
