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

export const addressOf = (id: NodeId): Address => ({ peer: `${id}:1`, client: `http://${id}` })

export const configurationOf = ({
  voters,
  outgoing,
  learners,
}: Pick<Configuration, "voters" | "outgoing" | "learners">): Configuration => {
  const ids = [...new Set([...voters, ...outgoing, ...learners])]
  return {
    voters,
    outgoing,
    learners,
    learnersNext: [],
    addresses: Object.fromEntries(ids.map((id) => [id, addressOf(id)])),
  }
}
