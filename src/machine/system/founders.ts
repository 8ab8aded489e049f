// Whom does a group count on that is opened now?

import type { Configuration } from "../../consensus/types.ts"
import { actorBegins, decodeCommand } from "../command.ts"
import { readSystem, type SystemInput } from "./commands.ts"

/**
 * Those whom the group counts on that this command opens: it may stand in the log of `main` only where they are its
 * members. Null: it opens none.
 */
export const foundersIn = (bytes: Uint8Array): Configuration | null => {
  const command = actorBegins(bytes, "$") ? decodeCommand(bytes) : null
  if (command?.actor !== "$group" || command.command !== "open") return null
  const input = readSystem("$group/open", command.input)
  return input === null ? null : foundedBy(input)
}

export const foundedBy = ({
  configuration: { voters, learners, addresses },
}: SystemInput<"$group/open">): Configuration => {
  const known = [...voters, ...learners].map((id) => [id, addresses[id]!] as const)
  return { voters, outgoing: [], learners, learnersNext: [], addresses: Object.fromEntries(known) }
}
